"""Open, put away for later, closed, archived; how much it matters; which tags it has."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.kit.clock import utc_now
from wa_app.models.inbound import ChatPriority
from wa_app.schemas.conversations import ChatView
from wa_app.services import audit
from wa_app.services.conversations import chats

LONGEST: Final = timedelta(days=366)

_CLOSE = """
UPDATE conversations SET status = 'closed', snoozed_until = NULL, waiting_since = NULL, unread = 0, needs_human_at = NULL,
  needs_human_reason = NULL, needs_human_summary = '' WHERE tenant_id = $1 AND id = $2 RETURNING id
"""
_RESOLVE = """
UPDATE conversation_cases SET resolved_at = now(), resolved_by = $3
WHERE tenant_id = $1 AND conversation_id = $2 AND resolved_at IS NULL
"""
_REOPEN = """
UPDATE conversations SET status = 'open', snoozed_until = NULL WHERE tenant_id = $1 AND id = $2
RETURNING id, old.status = 'closed' AS was_closed
"""
# Opened again by hand: the case was not over. One that a customer has opened meanwhile stays the open one.
_UNRESOLVE = """
UPDATE conversation_cases SET resolved_at = NULL, resolved_by = NULL WHERE tenant_id = $1 AND id = (
  SELECT id FROM conversation_cases WHERE tenant_id = $1 AND conversation_id = $2 ORDER BY id DESC LIMIT 1)
"""
_SNOOZE = "UPDATE conversations SET status = 'snoozed', snoozed_until = $3 WHERE tenant_id = $1 AND id = $2 RETURNING id"
_ARCHIVE = "UPDATE conversations SET status = 'archived', snoozed_until = NULL, unread = 0 WHERE tenant_id = $1 AND id = $2 RETURNING id"
_UNARCHIVE = "UPDATE conversations SET status = 'open' WHERE tenant_id = $1 AND id = $2 AND status = 'archived' RETURNING id"
_PRIORITY = "UPDATE conversations SET priority = $3 WHERE tenant_id = $1 AND id = $2 RETURNING id"
_UNTAG = "DELETE FROM conversation_tags WHERE tenant_id = $1 AND conversation_id = $2 AND tag_id <> ALL($3::uuid[])"
_TAG = """
INSERT INTO conversation_tags (tenant_id, tag_id, conversation_id) SELECT $1, t, $2 FROM unnest($3::uuid[]) t
ON CONFLICT DO NOTHING
"""


async def close(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatView:
    """It is done, until the customer writes again. Raises NotFound."""
    await _do(uow, "close", conversation_id, _CLOSE)
    conn = await uow.driver()
    await conn.execute(_RESOLVE, uow.tenant_id, conversation_id, uow.principal.user_id)
    return await chats.get(uow, conversation_id)


async def reopen(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatView:
    """It goes on: closed, put away or archived before. Raises NotFound."""
    row = await _do(uow, "reopen", conversation_id, _REOPEN)
    if row["was_closed"]:
        conn = await uow.driver()
        await conn.execute(_UNRESOLVE, uow.tenant_id, conversation_id)
    return await chats.get(uow, conversation_id)


async def snooze(uow: TenantUnitOfWork, conversation_id: UUID, until: datetime) -> ChatView:
    """Out of sight until a time, or until the customer writes. Raises NotFound, Invalid `time_not_ahead`."""
    check_ahead("until", until)
    await _do(uow, "snooze", conversation_id, _SNOOZE, until)
    return await chats.get(uow, conversation_id)


async def archive(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatView:
    """Out of sight until a person brings it back. Raises NotFound."""
    await _do(uow, "archive", conversation_id, _ARCHIVE)
    return await chats.get(uow, conversation_id)


async def unarchive(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatView:
    """Bring it back; what is not archived stays as it is. Raises NotFound."""
    uow.require("messages.send")
    conn = await uow.driver()
    if await conn.fetchval(_UNARCHIVE, uow.tenant_id, conversation_id) is not None:
        _told(uow, "unarchive", conversation_id)
    return await chats.get(uow, conversation_id)


async def set_priority(uow: TenantUnitOfWork, conversation_id: UUID, priority: ChatPriority | str) -> ChatView:
    """How much it matters. Raises NotFound."""
    try:
        wanted = ChatPriority(priority)
    except ValueError:
        raise Invalid(FieldError("priority", "value_invalid")) from None
    await _do(uow, "priority", conversation_id, _PRIORITY, wanted.value)
    return await chats.get(uow, conversation_id)


async def set_tags(uow: TenantUnitOfWork, conversation_id: UUID, tag_ids: Sequence[UUID]) -> ChatView:
    """Exactly these tags. Raises NotFound for a conversation or a tag that is not ours."""
    uow.require("messages.send")
    await chats.chat_of(uow, conversation_id)
    conn, wanted = await uow.driver(), list(dict.fromkeys(tag_ids))
    known = await conn.fetchval("SELECT count(*) FROM tags WHERE tenant_id = $1 AND id = ANY($2::uuid[])", uow.tenant_id, wanted)
    if known != len(wanted):
        raise NotFound
    await conn.execute(_UNTAG, uow.tenant_id, conversation_id, wanted)
    await conn.execute(_TAG, uow.tenant_id, conversation_id, wanted)
    _told(uow, "tags", conversation_id)
    return await chats.get(uow, conversation_id)


def check_ahead(field: str, at: datetime) -> None:
    """Raises Invalid `time_not_ahead` for a time that has passed, has no zone, or is more than a year away."""
    if at.tzinfo is None or not utc_now() < at < utc_now() + LONGEST:
        raise Invalid(FieldError(field, "time_not_ahead"))


async def _do(uow: TenantUnitOfWork, verb: str, conversation_id: UUID, query: str, *values: Any) -> Any:
    uow.require("messages.send")
    conn = await uow.driver()
    row = await conn.fetchrow(query, uow.tenant_id, conversation_id, *values)
    if row is None:
        raise NotFound
    _told(uow, verb, conversation_id)
    return row


def _told(uow: TenantUnitOfWork, verb: str, conversation_id: UUID) -> None:
    audit.record(uow, f"conversation.{verb}", "conversation", conversation_id)
    uow.publish("conversation", id=conversation_id)
