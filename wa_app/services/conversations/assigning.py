"""Whose a conversation is: a person's, a team's, or given to whoever is there and has the least to do."""

from typing import Any, Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, NotFound
from wa_app.schemas.conversations import ChatView
from wa_app.services import audit
from wa_app.services.conversations import chats, settings

THERE_MIN: Final = 15
"""Somebody whose browser asked for something within these minutes is there."""
LOAD: Final = 200
"""Open conversations are counted up to this: more is simply much."""

_MEMBER = "SELECT 1 FROM memberships WHERE tenant_id = $1 AND user_id = $2"
_ASSIGN = """
UPDATE conversations SET assigned_to = $3, assigned_at = CASE WHEN $3::uuid IS NOT NULL THEN now() END
WHERE tenant_id = $1 AND id = $2 RETURNING id
"""
_TEAM = "UPDATE conversations SET team_id = $3 WHERE tenant_id = $1 AND id = $2 RETURNING id"
# Least to do first; among equals the one who has waited longest for a new one.
_CHOOSE = """
SELECT p.user_id FROM memberships p
JOIN roles r ON r.tenant_id = p.tenant_id AND r.id = p.role_id AND r.verbs @> ARRAY['messages.send']
LEFT JOIN LATERAL (SELECT count(*) AS n FROM (
  SELECT 1 FROM conversations v WHERE v.tenant_id = $1 AND v.assigned_to = p.user_id AND v.status = 'open' LIMIT $4) o) load ON true
LEFT JOIN LATERAL (
  SELECT v.assigned_at FROM conversations v WHERE v.tenant_id = $1 AND v.assigned_to = p.user_id AND v.assigned_at IS NOT NULL
  ORDER BY v.assigned_at DESC LIMIT 1) last ON true
WHERE p.tenant_id = $1
  AND EXISTS (SELECT 1 FROM user_sessions s WHERE s.tenant_id = $1 AND s.user_id = p.user_id AND s.revoked_at IS NULL
    AND s.last_seen_at > now() - make_interval(mins => $3))
  AND ($2::uuid IS NULL OR EXISTS (
    SELECT 1 FROM team_members m WHERE m.tenant_id = $1 AND m.team_id = $2 AND m.user_id = p.user_id))
ORDER BY load.n, last.assigned_at NULLS FIRST, p.id LIMIT 1
"""


async def assign(uow: TenantUnitOfWork, conversation_id: UUID, user_id: UUID | None) -> ChatView:
    """Give a conversation to a member, or to nobody. Raises NotFound for a conversation or a person of somebody else."""
    uow.require("messages.send")
    conn = await uow.driver()
    if user_id is not None and await conn.fetchval(_MEMBER, uow.tenant_id, user_id) is None:
        raise NotFound
    return await _changed(uow, await conn.fetchval(_ASSIGN, uow.tenant_id, conversation_id, user_id), user_id=user_id)


async def assign_team(uow: TenantUnitOfWork, conversation_id: UUID, team_id: UUID | None) -> ChatView:
    """Give a conversation to a team, or to none. Raises NotFound."""
    uow.require("messages.send")
    conn = await uow.driver()
    query = "SELECT 1 FROM teams WHERE tenant_id = $1 AND id = $2"
    if team_id is not None and await conn.fetchval(query, uow.tenant_id, team_id) is None:
        raise NotFound
    return await _changed(uow, await conn.fetchval(_TEAM, uow.tenant_id, conversation_id, team_id), team_id=team_id)


async def auto_assign(uow: TenantUnitOfWork, conversation_id: UUID) -> UUID | None:
    """Give a conversation that waits for a person to one who is there, if the tenant wants that. None: to nobody.

    Two at once may choose the same person: the next one evens it out.
    """
    if not (await settings.in_force(uow)).auto_assign:
        return None
    conn = await uow.driver()
    query = "SELECT assigned_to, team_id FROM conversations WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
    row: Any = await conn.fetchrow(query, uow.tenant_id, conversation_id)
    if row is None or row["assigned_to"] is not None:
        return None
    return await _give(uow, conversation_id, row["team_id"])


async def assign_free(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatView:
    """Give a conversation to who is there and has the least to do, because a person asks for it.

    Raises NotFound, Conflict `nobody_there`.
    """
    uow.require("messages.send")
    conn = await uow.driver()
    query = "SELECT team_id FROM conversations WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
    row: Any = await conn.fetchrow(query, uow.tenant_id, conversation_id)
    if row is None:
        raise NotFound
    chosen = await _give(uow, conversation_id, row["team_id"])
    if chosen is None:
        raise Conflict("nobody_there")
    return await _changed(uow, conversation_id, user_id=chosen)


async def _give(uow: TenantUnitOfWork, conversation_id: UUID, team_id: UUID | None) -> UUID | None:
    """Choose and give; the row is locked."""
    conn = await uow.driver()
    chosen: UUID | None = await conn.fetchval(_CHOOSE, uow.tenant_id, team_id, THERE_MIN, LOAD)
    if chosen is not None:
        await conn.execute(_ASSIGN, uow.tenant_id, conversation_id, chosen)
        uow.publish("conversation", id=conversation_id, assigned_to=chosen)
    return chosen


async def _changed(uow: TenantUnitOfWork, found: UUID | None, **what: UUID | None) -> ChatView:
    if found is None:
        raise NotFound
    audit.record(uow, "conversation.assign", "conversation", found, **{key: str(value) if value else None for key, value in what.items()})
    uow.publish("conversation", id=found, **{("assigned_to" if key == "user_id" else key): value for key, value in what.items()})
    return await chats.get(uow, found)
