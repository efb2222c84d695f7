"""Messages for later, and messages once more: each is a row of the ledger of its own."""

from datetime import datetime
from typing import Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, NotFound
from wa_app.kit.clock import utc_now
from wa_app.schemas.conversations import ChatMessage, ChatSend
from wa_app.schemas.inbox import Scheduled
from wa_app.sending import chats as ledger_chats
from wa_app.sending import ledger
from wa_app.services.conversations import chats, states, verbs

MAX_SHOWN: Final = 100

_AHEAD = """
SELECT o.id, coalesce(o.body, '') AS text, o.file_id, m.timestamp AS due_at, u.name AS author_name
FROM messages m JOIN outbound_messages o ON o.tenant_id = m.tenant_id AND o.id = m.outbound_id
LEFT JOIN users u ON u.id = o.created_by
WHERE m.tenant_id = $1 AND m.conversation_id = $2 AND m.timestamp > now() AND o.state = 'planned'
ORDER BY m.timestamp, m.id LIMIT $3
"""
_NEXT = """
UPDATE conversations SET scheduled_at = (
  SELECT min(m.timestamp) FROM messages m JOIN outbound_messages o ON o.tenant_id = m.tenant_id AND o.id = m.outbound_id
  WHERE m.tenant_id = $1 AND m.conversation_id = $2 AND m.timestamp > now() AND o.state = 'planned')
WHERE tenant_id = $1 AND id = $2
"""
_LINE = """
SELECT m.id, m.outbound_id, o.state, coalesce(o.body, '') AS text, o.file_id, o.reply_to, o.manner, m.sender
FROM messages m JOIN outbound_messages o ON o.tenant_id = m.tenant_id AND o.id = m.outbound_id
WHERE m.tenant_id = $1 AND m.conversation_id = $2 AND (m.id = $3 OR m.outbound_id = $3)
"""


async def schedule_send(uow: TenantUnitOfWork, conversation_id: UUID, data: ChatSend, at: datetime) -> Scheduled:
    """Write a message that leaves at a time, once. The machine goes on answering until then.

    Raises NotFound, Invalid (`time_not_ahead`, as `send`), Conflict `recipient_suppressed`, `window_closes_before`.
    """
    uow.require("messages.send")
    states.check_ahead("at", at)
    to = await verbs.prepared(uow, conversation_id, data, at)
    wait_s = int((at - utc_now()).total_seconds())
    row = await ledger.enqueue_message(
        uow, kind="manual", text=data.text or "", file_id=data.file_id, sender="human", due_at=at, later=True, **to.row(),
        expires_in_s=wait_s + ledger.EXPIRES_S["manual"],
    )  # fmt: skip
    await _next(uow, conversation_id)
    return next(one for one in await scheduled(uow, conversation_id) if one.id == row)


async def scheduled(uow: TenantUnitOfWork, conversation_id: UUID) -> list[Scheduled]:
    """What waits to leave at a time, the next first. Raises NotFound."""
    uow.require("messages.read")
    await chats.chat_of(uow, conversation_id)
    conn = await uow.driver()
    rows = await conn.fetch(_AHEAD, uow.tenant_id, conversation_id, MAX_SHOWN)
    return [Scheduled.model_validate(dict(row)) for row in rows]


async def cancel_scheduled(uow: TenantUnitOfWork, conversation_id: UUID, message_id: UUID) -> None:
    """Take a message for later back. Raises NotFound, Conflict `message_has_left` when it is too late."""
    uow.require("messages.send")
    conn = await uow.driver()
    row = await conn.fetchrow(_LINE, uow.tenant_id, conversation_id, message_id)
    if row is None or row["sender"] != "human":
        raise NotFound
    if not await ledger_chats.take_back(conn, uow.tenant_id, row["outbound_id"], "cancelled_by_person"):
        raise Conflict("message_has_left")
    await _next(uow, conversation_id)


async def resend(uow: TenantUnitOfWork, conversation_id: UUID, message_id: UUID) -> ChatMessage:
    """Send a message that has surely failed once more, as a row of its own; asking twice sends it once.

    Raises NotFound, Conflict `message_not_failed`: what is unknown may have arrived.
    """
    uow.require("messages.send")
    conn = await uow.driver()
    row = await conn.fetchrow(_LINE, uow.tenant_id, conversation_id, message_id)
    if row is None:
        raise NotFound
    if row["state"] != "failed":
        raise Conflict("message_not_failed")
    data = ChatSend(text=row["text"], file_id=row["file_id"])
    to = await verbs.prepared(uow, conversation_id, data)
    # What it answers is taken from the row that failed.
    answers = {"reply_to": row["reply_to"], "manner": row["manner"]} if row["sender"] == "human" else {"reply_to": row["reply_to"]}
    again = await ledger.enqueue_message(
        uow, kind="manual", text=row["text"], file_id=row["file_id"], sender="human",
        dedupe_key=f"again:{row['outbound_id']}", **to.row() | answers,
    )  # fmt: skip
    return await verbs.line_of(uow, to.chat, again)


async def _next(uow: TenantUnitOfWork, conversation_id: UUID) -> None:
    conn = await uow.driver()
    await conn.execute(_NEXT, uow.tenant_id, conversation_id)
    uow.publish("conversation", id=conversation_id)
