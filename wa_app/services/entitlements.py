"""What a tenant's package allows. The one guard for limits and features."""

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.errors import LimitReached

_LIMIT = text(
    "SELECT (p.limits ->> :key)::bigint FROM tenants t JOIN packages p ON p.key = t.package_key WHERE t.id = :tenant"
)
_USED = text("SELECT used FROM usage_counters WHERE tenant_id = :tenant AND key = :key AND period = :period")
_SPEND = text(
    "INSERT INTO usage_counters AS u (tenant_id, key, period, used) "
    "SELECT :tenant, :key, :period, CAST(:n AS integer) WHERE CAST(:n AS bigint) <= :limit "
    "ON CONFLICT (tenant_id, key, period) DO UPDATE "
    "SET used = u.used + CAST(:n AS integer) WHERE u.used + CAST(:n AS bigint) <= :limit "
    "RETURNING used"
)


async def limit_of(uow: TenantUnitOfWork, key: str) -> int | None:
    """The package's limit, None when there is none."""
    found: int | None = (await uow.session.execute(_LIMIT, {"key": key, "tenant": uow.tenant_id})).scalar_one_or_none()
    return found


async def left_of(uow: TenantUnitOfWork, key: str, *, period: str = "total") -> tuple[int, int] | None:
    """How many units may still be booked, and the limit; None when there is none. Books nothing: others may meanwhile."""
    limit = await limit_of(uow, key)
    if limit is None:
        return None
    used = (await uow.session.execute(_USED, {"tenant": uow.tenant_id, "key": key, "period": period})).scalar_one_or_none()
    return limit - (used or 0), limit


async def require(uow: TenantUnitOfWork, key: str, n: int = 1, *, period: str = "total") -> None:
    """Book `n` units of a limit, or raise `LimitReached("<key>_limit_reached")`.

    A limit that the package does not name is unlimited and is not counted. The booking is
    one UPDATE in the caller's transaction, so concurrent callers cannot overrun it.
    """
    limit = await limit_of(uow, key)
    if limit is None:
        return
    values = {"tenant": uow.tenant_id, "key": key, "period": period, "n": n, "limit": limit}
    if (await uow.session.execute(_SPEND, values)).scalar_one_or_none() is None:
        raise LimitReached(f"{key}_limit_reached", limit=limit)
