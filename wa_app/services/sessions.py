"""Sign-ins: who holds a browser's cookie, a program's token or key."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, and_, func, select
from sqlmodel import col

from wa_app.db import SystemUnitOfWork, system_unit_of_work
from wa_app.errors import NotSignedIn
from wa_app.kit.secrets import digest
from wa_app.models.identity import Membership, Role, SessionKind, Tenant, User, UserSession
from wa_app.schemas.principal import Principal

COOKIE = "sapa_session"


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


async def find_by_cookie(token: str) -> SignedIn:
    """The sign-in behind a browser's cookie. Raises `NotSignedIn`."""
    async with system_unit_of_work() as uow:
        found = (await uow.session.execute(_live_session(digest(token), SessionKind.BROWSER))).one_or_none()
        if found is None:
            raise NotSignedIn
        session, user, tenant, role = found
        return SignedIn(
            session_id=session.id,
            principal=Principal(tenant.id, user.id, frozenset(role.verbs), "user", user.language),
            user_id=user.id, user_name=user.name, user_email=user.email, is_platform_admin=user.is_platform_admin,
            role_key=role.key, role_name=role.name, tenant_name=tenant.name, tenant_zone=tenant.time_zone,
            memberships=await _memberships(uow, user.id),
        )


async def principal_from_cookie(token: str) -> Principal:
    """What a browser's cookie may do. Raises `NotSignedIn`."""
    return (await find_by_cookie(token)).principal


def _live_session(token_hash: bytes, kind: SessionKind) -> Select[UserSession, User, Tenant, Role]:
    return (
        select(UserSession, User, Tenant, Role)
        .join(User, col(User.id) == UserSession.user_id)
        .join(Tenant, col(Tenant.id) == UserSession.tenant_id)
        .join(Membership, and_(
            col(Membership.tenant_id) == UserSession.tenant_id, col(Membership.user_id) == UserSession.user_id,
        ))
        .join(Role, col(Role.id) == Membership.role_id)
        .where(col(UserSession.token_hash) == token_hash, col(UserSession.kind) == kind)
        .where(col(UserSession.revoked_at).is_(None), col(UserSession.expires_at) > func.now())
        .where(col(User.disabled_at).is_(None), col(Tenant.deleted_at).is_(None))
    )


async def _memberships(uow: SystemUnitOfWork, user_id: UUID) -> tuple[tuple[UUID, str], ...]:
    rows = await uow.session.execute(
        select(col(Tenant.id), col(Tenant.name)).join(Membership, col(Membership.tenant_id) == Tenant.id)
        .where(col(Membership.user_id) == user_id, col(Tenant.deleted_at).is_(None)).order_by(col(Tenant.name))
    )
    return tuple((row.id, row.name) for row in rows)
