"""Teams: people who share conversations. Everybody who reads conversations sees them; who manages people changes them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from asyncpg import UniqueViolationError

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Invalid, LimitReached, NotFound
from wa_app.kit.folding import fold
from wa_app.kit.ids import new_id
from wa_app.schemas.principal import Verb
from wa_app.schemas.teams import MAX_NAME, MAX_TEAMS, TeamMember, TeamView
from wa_app.services import audit
from wa_app.services.conversations import lines
from wa_app.services.conversations.folders import COUNTED

_VIEW = """
SELECT t.id, t.name, t.created_at, coalesce(m.members, '[]') AS members, o.open FROM teams t
LEFT JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_object('id', u.id, 'name', u.name) ORDER BY lower(u.name), u.id) AS members
  FROM team_members x JOIN users u ON u.id = x.user_id WHERE x.tenant_id = t.tenant_id AND x.team_id = t.id) m ON true
CROSS JOIN LATERAL (SELECT count(*) AS open FROM (
  SELECT 1 FROM conversations v WHERE v.tenant_id = t.tenant_id AND v.team_id = t.id AND v.team_id IS NOT NULL AND v.status = 'open'
    AND v.last_message_at IS NOT NULL LIMIT $3) n) o
WHERE t.tenant_id = $1 AND ($2::uuid IS NULL OR t.id = $2) ORDER BY t.folded
"""
_CREATE = "INSERT INTO teams (id, tenant_id, name, folded) VALUES ($1, $2, $3, $4)"
_RENAME = "UPDATE teams SET name = $3, folded = $4 WHERE tenant_id = $1 AND id = $2 RETURNING old.name AS before"
_KNOWN = "SELECT count(*) FROM memberships WHERE tenant_id = $1 AND user_id = ANY($2::uuid[])"
_LEAVE = "DELETE FROM team_members WHERE tenant_id = $1 AND team_id = $2 AND user_id <> ALL($3::uuid[])"
_JOIN = "INSERT INTO team_members (tenant_id, team_id, user_id) SELECT $1, $2, u FROM unnest($3::uuid[]) u ON CONFLICT DO NOTHING"
_REMOVE: Final = (
    "UPDATE conversations SET team_id = NULL WHERE tenant_id = $1 AND team_id = $2",
    "DELETE FROM team_members WHERE tenant_id = $1 AND team_id = $2",
    "DELETE FROM teams WHERE tenant_id = $1 AND id = $2",
)


async def list_(uow: TenantUnitOfWork) -> list[TeamView]:
    """All teams by name, with their people and how much they have to do."""
    uow.require(Verb.MESSAGES_READ)
    conn = await uow.driver()
    return [_view(row) for row in await conn.fetch(_VIEW, uow.tenant_id, None, COUNTED)]


async def get(uow: TenantUnitOfWork, team_id: UUID) -> TeamView:
    """One team. Raises NotFound."""
    uow.require(Verb.MESSAGES_READ)
    conn = await uow.driver()
    row = await conn.fetchrow(_VIEW, uow.tenant_id, team_id, COUNTED)
    if row is None:
        raise NotFound
    return _view(row)


async def create(uow: TenantUnitOfWork, name: str, user_ids: Sequence[UUID] = ()) -> TeamView:
    """Make a team. Raises Invalid without a name, Conflict `team_exists`, NotFound for people of somebody else."""
    uow.require(Verb.TEAM_WRITE)
    conn, team_id, plain = await uow.driver(), new_id(), _name(name)
    if await conn.fetchval("SELECT count(*) FROM teams WHERE tenant_id = $1", uow.tenant_id) >= MAX_TEAMS:
        raise LimitReached("team_limit", limit=MAX_TEAMS)
    try:
        await conn.execute(_CREATE, team_id, uow.tenant_id, plain, fold(plain))
    except UniqueViolationError:
        raise Conflict("team_exists") from None
    await _put(uow, team_id, user_ids)
    _told(uow, "create", team_id, name=plain, members=len(set(user_ids)))
    return await get(uow, team_id)


async def rename(uow: TenantUnitOfWork, team_id: UUID, name: str) -> TeamView:
    """Give a team another name. Raises NotFound, Invalid, Conflict `team_exists`."""
    uow.require(Verb.TEAM_WRITE)
    conn, plain = await uow.driver(), _name(name)
    try:
        before = await conn.fetchval(_RENAME, uow.tenant_id, team_id, plain, fold(plain))
    except UniqueViolationError:
        raise Conflict("team_exists") from None
    if before is None:
        raise NotFound
    _told(uow, "rename", team_id, before=before, after=plain)
    return await get(uow, team_id)


async def set_members(uow: TenantUnitOfWork, team_id: UUID, user_ids: Sequence[UUID]) -> TeamView:
    """Exactly these people. Raises NotFound for a team or a person that is not ours."""
    uow.require(Verb.TEAM_WRITE)
    await _lock(uow, team_id)
    await _put(uow, team_id, user_ids)
    _told(uow, "members", team_id, members=[str(one) for one in dict.fromkeys(user_ids)])
    return await get(uow, team_id)


async def remove(uow: TenantUnitOfWork, team_id: UUID) -> None:
    """Delete a team; its conversations belong to no team then, and its people stay. Raises NotFound."""
    uow.require(Verb.TEAM_WRITE)
    name = await _lock(uow, team_id)
    conn = await uow.driver()
    for query in _REMOVE:
        await conn.execute(query, uow.tenant_id, team_id)
    _told(uow, "delete", team_id, name=name)


async def _lock(uow: TenantUnitOfWork, team_id: UUID) -> str:
    conn = await uow.driver()
    query = "SELECT name FROM teams WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
    found: str | None = await conn.fetchval(query, uow.tenant_id, team_id)
    if found is None:
        raise NotFound
    return found


async def _put(uow: TenantUnitOfWork, team_id: UUID, user_ids: Sequence[UUID]) -> None:
    conn, wanted = await uow.driver(), list(dict.fromkeys(user_ids))
    if await conn.fetchval(_KNOWN, uow.tenant_id, wanted) != len(wanted):
        raise NotFound
    await conn.execute(_LEAVE, uow.tenant_id, team_id, wanted)
    await conn.execute(_JOIN, uow.tenant_id, team_id, wanted)


def _name(given: str) -> str:
    plain = " ".join(given.replace("\x00", "").split())
    if not plain:
        raise Invalid(FieldError("name", "team_name_missing"))
    if len(plain) > MAX_NAME:
        raise Invalid(FieldError("name", "value_too_long", {"limit": MAX_NAME}))
    return plain


def _told(uow: TenantUnitOfWork, verb: str, team_id: UUID, **detail: Any) -> None:
    audit.record(uow, f"team.{verb}", "team", team_id, **detail)
    uow.publish("team", id=team_id)


def _view(row: Mapping[str, Any]) -> TeamView:
    return TeamView(**{**dict(row), "members": [TeamMember(**one) for one in lines.plain(row["members"])]})
