"""The two narrow database roles: `sapa_app` inside one tenant, `sapa_system` across tenants.

Neither is a superuser or bypasses row-level security; what they may touch is granted by the migrations.
"""

import hmac
from hashlib import sha256
from urllib.parse import quote, urlsplit, urlunsplit

APP = "sapa_app"
SYSTEM = "sapa_system"


def password_of(role: str, secret_key: str) -> str:
    """The role's password, derived so that every process with the secret knows it."""
    return hmac.new(secret_key.encode(), f"database role {role}".encode(), sha256).hexdigest()[:40]


def url_of(role: str, owner_url: str, secret_key: str) -> str:
    """The owner's address with the role's name and derived password instead."""
    parts = urlsplit(owner_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password_of(role, secret_key))}@{host}"))


def plain(url: str) -> str:
    """The address without a SQLAlchemy driver name, as asyncpg wants it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"


async def ensure(owner_url: str, secret_key: str) -> None:
    """Make or repair both roles; run as the owner, before the migrations. Idempotent.

    The owner becomes a member of both, so that it can hand functions over to `sapa_system`.
    Raises asyncpg's InsufficientPrivilegeError when the owner may not create roles.
    """
    import asyncpg

    owner = await asyncpg.connect(plain(owner_url), timeout=10)
    try:
        # Role changes are cluster-wide: two migrating processes must not interleave here.
        async with owner.transaction():
            await owner.execute("SELECT pg_advisory_xact_lock(7261)")
            for role in (APP, SYSTEM):
                await _ensure_role(owner, role, password_of(role, secret_key))
    finally:
        await owner.close()


async def _ensure_role(owner: "asyncpg.Connection", role: str, password: str) -> None:  # type: ignore[name-defined] # noqa: F821
    if not await owner.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        await owner.execute(f"CREATE ROLE {role} LOGIN NOINHERIT")
    await owner.execute(f"ALTER ROLE {role} LOGIN PASSWORD '{password}'")
    await owner.execute(f"GRANT {role} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE")
