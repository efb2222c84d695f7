"""The five roles every tenant starts with, and who has which.

Roles are rows: a tenant gets copies of the templates (rows without a tenant), which the first
migration writes from `SEEDED`. Nobody gives away more than they have.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, text, update
from sqlmodel import col, delete

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork
from wa_app.errors import Conflict, Forbidden, NotFound
from wa_app.models.identity import ApiKey, Membership, Role, User, UserSession
from wa_app.schemas.accounts import MemberView, RoleView
from wa_app.schemas.principal import Verb
from wa_app.schemas.roles import SEEDED_ROLES
from wa_app.services import audit

OWNER = "owner"
MAX_MEMBERS_SHOWN = 200

# What somebody leaves behind in the inbox: their conversations are nobody's, their own drafts and texts go.
_LEAVES = (
    "UPDATE conversations SET assigned_to = NULL, assigned_at = NULL WHERE tenant_id = :t AND assigned_to = :u",
    "DELETE FROM team_members WHERE tenant_id = :t AND user_id = :u",
    "DELETE FROM note_mentions WHERE tenant_id = :t AND user_id = :u",
    "DELETE FROM conversation_drafts WHERE tenant_id = :t AND user_id = :u",
    "DELETE FROM quick_replies WHERE tenant_id = :t AND user_id = :u",
)
_COPY = text(
    "INSERT INTO roles (tenant_id, key, name, verbs) "
    "SELECT :tenant, key, name, verbs FROM roles WHERE tenant_id IS NULL RETURNING id, key"
)


async def copy_templates(uow: SystemUnitOfWork, tenant_id: UUID) -> UUID:
    """Give a new tenant its own copies of the template roles; the id of its owner role."""
    rows = (await uow.session.execute(_COPY, {"tenant": tenant_id})).all()
    return next(UUID(str(row.id)) for row in rows if row.key == OWNER)


async def list_roles(uow: TenantUnitOfWork) -> list[RoleView]:
    """The tenant's roles, the mightiest first."""
    uow.require(Verb.TEAM_READ)
    rows = (await uow.session.scalars(select(Role).where(col(Role.tenant_id) == uow.tenant_id))).all()
    order = list(SEEDED_ROLES)
    rows = sorted(rows, key=lambda role: (order.index(role.key) if role.key in order else len(order), role.name))
    mine = await role_of(uow, uow.principal.user_id)
    return [RoleView(role.id, role.key, role.name, _may_grant(uow, mine, role)) for role in rows]


async def list_members(uow: TenantUnitOfWork) -> list[MemberView]:
    """The people of the tenant."""
    uow.require(Verb.TEAM_READ)
    rows = await uow.session.execute(
        select(User, Role).join(Membership, col(Membership.user_id) == User.id)
        .join(Role, and_(col(Role.id) == Membership.role_id, col(Role.tenant_id) == Membership.tenant_id))
        .where(col(Membership.tenant_id) == uow.tenant_id).order_by(col(User.name), col(User.id))
        .limit(MAX_MEMBERS_SHOWN)
    )
    return [
        MemberView(user.id, user.name, user.email, role.id, role.key, user.id == uow.principal.user_id)
        for user, role in rows
    ]


async def change_role(uow: TenantUnitOfWork, user_id: UUID, role_id: UUID) -> None:
    """Give a member another role.

    Raises `NotFound`, `Forbidden("role_above_yours")` when either role is more than one's own,
    `Conflict("last_owner")` when nobody would be left to own the business.
    """
    uow.require(Verb.TEAM_WRITE)
    before = await _member_role(uow, user_id)
    after = await uow.session.scalar(
        select(Role).where(col(Role.tenant_id) == uow.tenant_id, col(Role.id) == role_id)
    )
    if after is None:
        raise NotFound
    await _check_rank(uow, before, after)
    await uow.session.execute(
        update(Membership).where(_member(uow, user_id)).values(role_id=after.id)
        .execution_options(synchronize_session=False)
    )
    await _check_owner_left(uow)
    audit.record(uow, "member.role", "user", user_id, before=before.key, after=after.key)


async def remove_member(uow: TenantUnitOfWork, user_id: UUID) -> None:
    """Take a person out of the tenant: their sign-ins here and the keys they made end.

    Raises like `change_role`.
    """
    uow.require(Verb.TEAM_WRITE)
    before = await _member_role(uow, user_id)
    await _check_rank(uow, before)
    await uow.session.execute(delete(Membership).where(_member(uow, user_id)))
    for statement in _LEAVES:
        await uow.session.execute(text(statement), {"t": uow.tenant_id, "u": user_id})
    await _check_owner_left(uow)
    for table, owner in ((UserSession, UserSession.user_id), (ApiKey, ApiKey.created_by)):
        await uow.session.execute(
            update(table).where(
                col(table.tenant_id) == uow.tenant_id, col(owner) == user_id, col(table.revoked_at).is_(None)
            ).values(revoked_at=func.now()).execution_options(synchronize_session=False)
        )
    audit.record(uow, "member.remove", "user", user_id, role=before.key)


def _member(uow: TenantUnitOfWork, user_id: UUID) -> ColumnElement[bool]:
    return and_(col(Membership.tenant_id) == uow.tenant_id, col(Membership.user_id) == user_id)


async def _member_role(uow: TenantUnitOfWork, user_id: UUID) -> Role:
    """The role of a member. Raises `NotFound`. Owners are locked, so that the last one stays."""
    owners = select(col(Membership.id)).join(Role, col(Role.id) == Membership.role_id).where(
        col(Membership.tenant_id) == uow.tenant_id, col(Role.key) == OWNER
    )
    await uow.session.execute(owners.order_by(col(Membership.id)).with_for_update(of=Membership))
    role = await role_of(uow, user_id)
    if role is None:
        raise NotFound
    return role


async def role_of(uow: TenantUnitOfWork, user_id: UUID | None) -> Role | None:
    """The role a person has in the tenant; None for strangers and programs."""
    found: Role | None = await uow.session.scalar(
        select(Role).join(Membership, and_(
            col(Membership.role_id) == Role.id, col(Membership.tenant_id) == Role.tenant_id
        )).where(col(Membership.tenant_id) == uow.tenant_id, col(Membership.user_id) == user_id)
    )
    return found


async def _check_rank(uow: TenantUnitOfWork, *touched: Role) -> None:
    mine = await role_of(uow, uow.principal.user_id)
    if not all(_may_grant(uow, mine, role) for role in touched):
        raise Forbidden("role_above_yours")


def _may_grant(uow: TenantUnitOfWork, mine: Role | None, role: Role) -> bool:
    """Only an owner touches owners; nobody hands out a verb they lack."""
    if role.key == OWNER and (mine is None or mine.key != OWNER):
        return False
    return uow.principal.may(Verb.TEAM_WRITE) and frozenset(role.verbs) <= uow.principal.verbs


async def _check_owner_left(uow: TenantUnitOfWork) -> None:
    left = await uow.session.scalar(
        select(func.count()).select_from(Membership).join(Role, and_(
            col(Role.id) == Membership.role_id, col(Role.tenant_id) == Membership.tenant_id
        )).where(col(Membership.tenant_id) == uow.tenant_id, col(Role.key) == OWNER)
    )
    if not left:
        raise Conflict("last_owner")
