"""What a person does in a conversation: answer, switch the machine, hold or hurry its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.models.answers import OPEN
from wa_app.models.people import SuppressionScope
from wa_app.schemas.conversations import ChatMessage, ChatSend, ChatView
from wa_app.sending import ledger, suppression
from wa_app.services import audit, entitlements
from wa_app.services.campaigns import checks
from wa_app.services.conversations import chats, drafts, lines, notes, takeover, turns, window

_IDENTITY = """
SELECT i.kind, i.value FROM contact_identities i WHERE i.tenant_id = $1 AND i.contact_id = $2 AND i.kind IN ('phone', 'lid')
ORDER BY i.kind = 'phone' DESC, i.id LIMIT 1
"""
_QUOTED = """
SELECT coalesce(o.provider_message_id, m.provider_message_id) AS id, m.direction = 'OUTBOUND' AS own, m.author ->> 'jid' AS author
FROM messages m
LEFT JOIN outbound_messages o ON o.tenant_id = m.tenant_id AND o.id = m.outbound_id
WHERE m.tenant_id = $1 AND m.id = $2 AND m.conversation_id = $3
"""
_OPEN_TURN = f"SELECT id, state, due_at FROM answer_turns WHERE tenant_id = $1 AND conversation_id = $2 AND {OPEN} FOR UPDATE"  # noqa: S608
_NOW = "UPDATE answer_turns SET due_at = now(), wake_at = CASE WHEN state = 'waiting' THEN now() ELSE wake_at END WHERE tenant_id = $1 AND id = $2"
_ANSWERED = """
UPDATE conversations SET unread = 0, snoozed_until = NULL, status = CASE WHEN status = 'snoozed' THEN 'open' ELSE status END
WHERE tenant_id = $1 AND id = $2
"""
_LINE = "SELECT id FROM messages WHERE tenant_id = $1 AND outbound_id = $2"


@dataclass(frozen=True, slots=True)
class Addressed:
    """A person's message on its way into the ledger: to whom, and which message it answers."""

    chat: lines.Chat
    identity: tuple[str, str]
    quoted: Mapping[str, Any] | None

    def row(self) -> dict[str, Any]:
        """What the ledger takes of it."""
        manner = {"quoted": {"own": self.quoted["own"], "author": self.quoted["author"]}} if self.quoted else None
        return {
            "identity": self.identity, "contact_id": self.chat.contact_id, "device_id": self.chat.device_id, "manner": manner,
            "reply_to": self.quoted["id"] if self.quoted else None,
            "group_chat": self.chat.conversation_id if self.chat.group_jid else None,
        }  # fmt: skip


async def send(uow: TenantUnitOfWork, conversation_id: UUID, data: ChatSend, *, key: str = "", draft: drafts.Seen = "any") -> ChatMessage:
    """A person answers: through the ledger, at once; what a machine was about to say is cancelled.

    Args:
        key: names this message of the person; the same once more gives the first one again and sends nothing.
        draft: the version of the person's draft that this message was; another one stays.

    Raises NotFound, Invalid, and Conflict `recipient_suppressed` for somebody who may not be written to at all,
    `window_closed` where the official API takes no more.
    """
    uow.require("messages.send")
    to = await prepared(uow, conversation_id, data)
    conn = await uow.driver()
    await takeover.by_human(uow, conversation_id, await conn.fetchval("SELECT now()"))
    outbound_id = await ledger.enqueue_message(
        uow, kind="manual", text=data.text or "", file_id=data.file_id, sender="human", **to.row(),
        dedupe_key=f"chat:{conversation_id}:{uow.principal.user_id}:{key}" if key else None,
    )  # fmt: skip
    await conn.execute(_ANSWERED, uow.tenant_id, conversation_id)
    await drafts.drop(uow, conversation_id, draft)
    return await line_of(uow, to.chat, outbound_id)


async def prepared(uow: TenantUnitOfWork, conversation_id: UUID, data: ChatSend, at: datetime | None = None) -> Addressed:
    """Whom a message goes to, by which identity, and what it answers; `at` when it leaves later.

    Raises NotFound, Invalid, Conflict `recipient_suppressed`, `window_closed`, `window_closes_before`.
    """
    chat = await chats.chat_of(uow, conversation_id)
    await _validate(uow, data)
    identity = ("group", chat.group_jid) if chat.group_jid else await _identity(uow, chat)
    await window.check(uow, conversation_id, at)
    return Addressed(chat, identity, await _quoted(uow, conversation_id, data.reply_to))


async def _identity(uow: TenantUnitOfWork, chat: lines.Chat) -> tuple[str, str]:
    assert chat.contact_id is not None
    if await suppression.scope_of_contact(uow, uow.tenant_id, chat.contact_id) == SuppressionScope.ALL:
        raise Conflict("recipient_suppressed")
    conn = await uow.driver()
    identity = await conn.fetchrow(_IDENTITY, uow.tenant_id, chat.contact_id)
    if identity is None:
        raise Invalid(FieldError("text", "contact_has_no_identity"))
    return identity["kind"], identity["value"]


async def line_of(uow: TenantUnitOfWork, chat: lines.Chat, outbound_id: UUID) -> ChatMessage:
    """The line of a row of the ledger that was just planned."""
    conn = await uow.driver()
    return await _one(uow, chat, await conn.fetchval(_LINE, uow.tenant_id, outbound_id))


async def _validate(uow: TenantUnitOfWork, data: ChatSend) -> None:
    found: list[FieldError] = []
    if not (data.text or "").replace("\x00", "").strip() and data.file_id is None:
        found.append(FieldError("text", "message_missing"))
    if (media := await checks.media_problem(uow, data.file_id)) is not None:
        found.append(media)
    if found:
        raise Invalid(*found)
    await entitlements.require(uow, "messages")


async def _quoted(uow: TenantUnitOfWork, conversation_id: UUID, line: UUID | None) -> Mapping[str, Any] | None:
    if line is None:
        return None
    conn = await uow.driver()
    found: Mapping[str, Any] | None = await conn.fetchrow(_QUOTED, uow.tenant_id, line, conversation_id)
    if found is None or found["id"] is None:
        raise Invalid(FieldError("reply_to", "message_not_found"))
    return found


async def _one(uow: TenantUnitOfWork, chat: lines.Chat, line: UUID) -> ChatMessage:
    rows = await lines.fetch(await uow.driver(), chat, 20)
    found = next((row for row in rows if row["id"] == line), None)
    if found is None:
        raise NotFound
    return lines.view(found)


async def toggle_bot(uow: TenantUnitOfWork, conversation_id: UUID, *, active: bool) -> ChatView:
    """Switch automatic answers of one conversation on or off; off stays off until somebody switches it on."""
    uow.require("messages.send")
    if not await takeover.switch(uow, conversation_id, active=active):
        raise NotFound
    audit.record(uow, "conversation.bot", "conversation", conversation_id, active=active)
    return await chats.get(uow, conversation_id)


async def cancel_answer(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatView:
    """Hold back the answer that waits. Raises Conflict `no_answer_waits` when it has left, or there is none."""
    uow.require("messages.send")
    if not await turns.lock(uow, conversation_id):
        raise NotFound
    if not await turns.cancel(uow, conversation_id, "person"):
        raise Conflict("no_answer_waits")
    return await chats.get(uow, conversation_id)


async def send_answer_now(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatView:
    """Let the answer that waits leave at once. Raises Conflict `no_answer_waits`."""
    uow.require("messages.send")
    if not await turns.lock(uow, conversation_id):
        raise NotFound
    conn = await uow.driver()
    turn = await conn.fetchrow(_OPEN_TURN, uow.tenant_id, conversation_id)
    if turn is None or turn["due_at"] is None or turn["state"] == "answering":
        raise Conflict("no_answer_waits")
    await conn.execute(_NOW, uow.tenant_id, turn["id"])
    turns.wake(uow, conversation_id)
    uow.publish("answer", conversation_id=conversation_id, state=turn["state"])
    return await chats.get(uow, conversation_id)


async def mark_read(uow: TenantUnitOfWork, conversation_id: UUID) -> None:
    """Nothing here is new to us any more."""
    uow.require("messages.read")
    conn = await uow.driver()
    query = "UPDATE conversations SET unread = 0 WHERE tenant_id = $1 AND id = $2 RETURNING id"
    if await conn.fetchval(query, uow.tenant_id, conversation_id) is None:
        raise NotFound
    await notes.saw_mentions(uow, conversation_id)
    uow.publish("conversation", id=conversation_id)
