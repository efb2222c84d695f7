"""Sign-ins: who holds a browser's cookie, a program's token or key.

A browser holds a random token; a program holds a short-lived access token and a refresh
token that works once. Both stand for a row of `user_sessions`, which is looked up at every
call, so that ending a sign-in acts at once.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlmodel import col, delete

from wa_app import rates
from wa_app.db import SystemUnitOfWork, system_unit_of_work
from wa_app.errors import Forbidden, NotFound, NotSignedIn
from wa_app.kit import passwords, tokens
from wa_app.kit.clock import utc_now
from wa_app.kit.secrets import digest, new_token
from wa_app.models.identity import Membership, PasswordReset, Role, SessionKind, Tenant, User, UserSession
from wa_app.schemas.accounts import Caller, SessionView
from wa_app.schemas.principal import Principal
from wa_app.services import audit
from wa_app.services.api_keys import principal_from_api_key

log = structlog.get_logger(__name__)

COOKIE = "sapa_session"
LIFETIME = timedelta(days=30)
KEPT_AFTER_END = timedelta(days=30)
"""How long an ended sign-in can still be looked up by somebody who investigates."""
SEEN_EVERY = timedelta(minutes=5)
"""How often `last_seen_at` is written: a write per request would cost more than it tells."""

__all__ = [
    "COOKIE", "LIFETIME", "SignedIn", "Started", "end", "end_every", "end_own", "find_by_cookie", "list_own",
    "principal_from_api_key", "principal_from_cookie", "principal_from_jwt", "refresh", "sign_in", "start", "switch", "tidy",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live sign-in, with what every page shows of it."""

    session_id: UUID
    principal: Principal
    user_id: UUID
    user_name: str
    user_email: str
    is_platform_admin: bool
    role_key: str
    role_name: str
    tenant_name: str
    tenant_zone: str
    memberships: tuple[tuple[UUID, str], ...]


@dataclass(frozen=True, slots=True)
class Started:
    """A sign-in just made. `token` goes into the cookie, or is the refresh token; it is kept nowhere."""

    session_id: UUID
    user_id: UUID
    tenant_id: UUID
    token: str

    @property
    def access_token(self) -> str:
        """A token for the `Authorization` header, good for `tokens.ACCESS_S` seconds."""
        return tokens.issue("access", tokens.Claims(self.session_id, self.user_id, self.tenant_id))


async def sign_in(
    email: str, password: str, caller: Caller, kind: SessionKind, tenant_id: UUID | None = None
) -> Started:
    """Check a password and start a sign-in, in the tenant asked for or the one used last.

    An unknown address, a wrong password and a foreign tenant give the same answer after the same
    work. Raises `NotSignedIn("credentials_wrong")`, `Forbidden("no_tenant")`, `LimitReached`.
    """
    folded = email.strip().lower()
    account = digest(folded).hex()
    await rates.spend(rates.sign_in_per_ip(), "login", "ip", caller.ip)
    await rates.spend(rates.sign_in_per_account(), "login", account)
    user = await _find_user(folded)
    known = user is not None and user.disabled_at is None
    fits = await passwords.verify_password(password, user.password_hash if user and known else None)
    if user is None or not fits:
        log.warning("sign_in.refused", account=account[:12], ip=caller.ip)
        raise NotSignedIn("credentials_wrong")
    await rates.forget(rates.sign_in_per_account(), "login", account)
    async with system_unit_of_work() as uow:
        target = await _tenant_for(uow, user.id, tenant_id)
        return await start(uow, user.id, target, kind, caller)


async def _find_user(email: str) -> User | None:
    async with system_unit_of_work() as uow:
        found: User | None = await uow.session.scalar(select(User).where(col(User.email) == email))
        return found


async def _tenant_for(uow: SystemUnitOfWork, user_id: UUID, wanted: UUID | None) -> UUID:
    last_used = (
        select(func.max(UserSession.created_at)).where(
            col(UserSession.user_id) == user_id, col(UserSession.tenant_id) == Membership.tenant_id
        ).scalar_subquery()
    )
    found: UUID | None = await uow.session.scalar(
        select(col(Membership.tenant_id)).join(Tenant, col(Tenant.id) == Membership.tenant_id)
        .where(col(Membership.user_id) == user_id, col(Tenant.deleted_at).is_(None))
        .where(*([] if wanted is None else [col(Membership.tenant_id) == wanted]))
        .order_by(last_used.desc().nulls_last(), col(Membership.id)).limit(1)
    )
    if found is None:
        raise Forbidden("no_tenant") if wanted is None else NotSignedIn("credentials_wrong")
    return found


async def start(uow: SystemUnitOfWork, user_id: UUID, tenant_id: UUID, kind: SessionKind, caller: Caller) -> Started:
    """Make a sign-in for somebody who has proven who they are."""
    session = UserSession(
        tenant_id=tenant_id, user_id=user_id, kind=kind, token_hash=b"", expires_at=utc_now() + LIFETIME,
        last_seen_at=utc_now(), ip=caller.ip[:64], user_agent=caller.user_agent[:400],
    )  # fmt: skip
    token = _token_of(session)
    session.token_hash = digest(token)
    uow.session.add(session)
    await uow.session.flush()
    audit.record_for(
        uow, tenant_id, "session.start", user_id=user_id, kind="session", object_id=session.id, ip=caller.ip
    )
    return Started(session.id, user_id, tenant_id, token)


def _token_of(session: UserSession) -> str:
    if session.kind == SessionKind.BROWSER:
        return new_token()
    return tokens.issue("refresh", tokens.Claims(session.id, session.user_id, session.tenant_id))


async def refresh(token: str) -> Started:
    """Change a refresh token for a new one; the old one is spent.

    A spent token that comes again was copied: the whole sign-in ends, for the thief and for the
    owner, who signs in anew (RFC 9700 §4.14.2). Raises `NotSignedIn`.
    """
    claims = tokens.read("refresh", token)
    fresh = tokens.issue("refresh", claims)
    async with system_unit_of_work() as uow:
        turned = await uow.session.scalar(
            update(UserSession)
            .where(col(UserSession.id) == claims.session_id, col(UserSession.token_hash) == digest(token), _is_live())
            .values(token_hash=digest(fresh), expires_at=func.now() + LIFETIME, last_seen_at=func.now())
            .returning(col(UserSession.id))
        )
        alive = turned and (await uow.session.execute(_lookup(col(UserSession.id) == claims.session_id))).one_or_none()
        if not turned:
            await _end_copied(uow, claims)
    if not alive:
        raise NotSignedIn
    return Started(claims.session_id, claims.user_id, claims.tenant_id, fresh)


async def _end_copied(uow: SystemUnitOfWork, claims: tokens.Claims) -> None:
    ended = await uow.session.scalar(
        update(UserSession).where(col(UserSession.id) == claims.session_id, col(UserSession.revoked_at).is_(None))
        .values(revoked_at=func.now()).returning(col(UserSession.id))
    )
    if ended:
        audit.record_for(
            uow, claims.tenant_id, "session.copied_token", user_id=claims.user_id, kind="session",
            object_id=claims.session_id,
        )  # fmt: skip


async def switch(principal: Principal, tenant_id: UUID, kind: SessionKind, caller: Caller) -> Started:
    """Leave this tenant for another of the person's: a new sign-in there, the old one ends.

    Raises `NotFound` when the person is no member there.
    """
    if principal.user_id is None:
        raise NotFound
    async with system_unit_of_work() as uow:
        try:
            target = await _tenant_for(uow, principal.user_id, tenant_id)
        except NotSignedIn:
            raise NotFound from None
        await _end(uow, col(UserSession.id) == principal.session_id)
        return await start(uow, principal.user_id, target, kind, caller)


async def find_by_cookie(token: str) -> SignedIn:
    """The sign-in behind a browser's cookie. Raises `NotSignedIn`."""
    return await _find(
        and_(col(UserSession.token_hash) == digest(token), col(UserSession.kind) == SessionKind.BROWSER)
    )


async def principal_from_cookie(token: str) -> Principal:
    """What a browser's cookie may do. Raises `NotSignedIn`."""
    return (await find_by_cookie(token)).principal


async def principal_from_jwt(token: str) -> Principal:
    """What an access token may do, as long as its sign-in lives. Raises `NotSignedIn`."""
    claims = tokens.read("access", token)
    found = await _find(
        and_(
            col(UserSession.id) == claims.session_id,
            col(UserSession.user_id) == claims.user_id,
            col(UserSession.tenant_id) == claims.tenant_id,
        )
    )
    return found.principal


async def _find(which: ColumnElement[bool]) -> SignedIn:
    async with system_unit_of_work() as uow:
        found = (await uow.session.execute(_lookup(which))).one_or_none()
        if found is None:
            raise NotSignedIn
        session, user, tenant, role = found
        await _note_seen(uow, session.id)
        principal = Principal(tenant.id, user.id, frozenset(role.verbs), "user", user.language, session.id)
        return SignedIn(
            session_id=session.id, principal=principal, user_id=user.id, user_name=user.name, user_email=user.email,
            is_platform_admin=user.is_platform_admin, role_key=role.key, role_name=role.name,
            tenant_name=tenant.name, tenant_zone=tenant.time_zone, memberships=await _memberships(uow, user.id),
        )  # fmt: skip


def _is_live() -> ColumnElement[bool]:
    return and_(col(UserSession.revoked_at).is_(None), col(UserSession.expires_at) > func.now())


def _lookup(which: ColumnElement[bool]) -> Select[UserSession, User, Tenant, Role]:
    member = and_(
        col(Membership.tenant_id) == UserSession.tenant_id, col(Membership.user_id) == UserSession.user_id
    )
    return (
        select(UserSession, User, Tenant, Role)
        .join(User, col(User.id) == UserSession.user_id)
        .join(Tenant, col(Tenant.id) == UserSession.tenant_id)
        .join(Membership, member)
        .join(Role, and_(col(Role.id) == Membership.role_id, col(Role.tenant_id) == Membership.tenant_id))
        .where(which, _is_live(), col(User.disabled_at).is_(None), col(Tenant.deleted_at).is_(None))
    )


async def _note_seen(uow: SystemUnitOfWork, session_id: UUID) -> None:
    stale = or_(
        col(UserSession.last_seen_at).is_(None), col(UserSession.last_seen_at) < func.now() - SEEN_EVERY
    )
    await uow.session.execute(
        update(UserSession).where(col(UserSession.id) == session_id, stale).values(last_seen_at=func.now())
        .execution_options(synchronize_session=False)
    )


async def _memberships(uow: SystemUnitOfWork, user_id: UUID) -> tuple[tuple[UUID, str], ...]:
    rows = await uow.session.execute(
        select(col(Tenant.id), col(Tenant.name)).join(Membership, col(Membership.tenant_id) == Tenant.id)
        .where(col(Membership.user_id) == user_id, col(Tenant.deleted_at).is_(None)).order_by(col(Tenant.name))
    )
    return tuple((row.id, row.name) for row in rows)


async def end(principal: Principal) -> None:
    """Sign out of this sign-in."""
    async with system_unit_of_work() as uow:
        await _end(uow, col(UserSession.id) == principal.session_id)


async def end_every(uow: SystemUnitOfWork, user_id: UUID, keep: UUID | None = None) -> int:
    """End all of a person's sign-ins in every tenant, but for one; how many there were."""
    others = [] if keep is None else [col(UserSession.id) != keep]
    return await _end(uow, and_(col(UserSession.user_id) == user_id, *others))


async def end_own(principal: Principal, session_id: UUID) -> None:
    """End one of the person's own sign-ins. Raises `NotFound`."""
    async with system_unit_of_work() as uow:
        mine = and_(col(UserSession.id) == session_id, col(UserSession.user_id) == principal.user_id)
        if not await _end(uow, mine):
            raise NotFound


async def _end(uow: SystemUnitOfWork, which: ColumnElement[bool]) -> int:
    ended = await uow.session.scalars(
        update(UserSession).where(which, col(UserSession.revoked_at).is_(None)).values(revoked_at=func.now())
        .returning(col(UserSession.id)).execution_options(synchronize_session=False)
    )
    return len(ended.all())


async def list_own(principal: Principal, limit: int = 50) -> list[SessionView]:
    """The person's live sign-ins, the newest first."""
    async with system_unit_of_work() as uow:
        rows = await uow.session.execute(
            select(UserSession, col(Tenant.name)).join(Tenant, col(Tenant.id) == UserSession.tenant_id)
            .where(col(UserSession.user_id) == principal.user_id, _is_live())
            .order_by(col(UserSession.last_seen_at).desc().nulls_last()).limit(limit)
        )
        return [
            SessionView(
                one.id, one.kind, tenant_name, one.ip, one.user_agent, one.created_at, one.last_seen_at,
                one.id == principal.session_id,
            )
            for one, tenant_name in rows
        ]  # fmt: skip


async def tidy() -> None:
    """Forget sign-ins that ended long ago, and wishes for a password. For the scheduler."""
    async with system_unit_of_work() as uow:
        long_ago = func.now() - KEPT_AFTER_END
        await uow.session.execute(
            delete(UserSession).where(
                or_(col(UserSession.revoked_at) < long_ago, col(UserSession.expires_at) < long_ago)
            ).execution_options(synchronize_session=False)
        )
        await uow.session.execute(
            delete(PasswordReset).where(col(PasswordReset.created_at) < long_ago)
            .execution_options(synchronize_session=False)
        )
