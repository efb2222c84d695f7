"""Private notes, and who is named in them."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.schemas.inbox import NoteView
from wa_app.services.conversations import chats

MAX_TEXT: Final = 10_000
MAX_SHOWN: Final = 200

_ADD = "INSERT INTO conversation_notes (id, tenant_id, conversation_id, author_id, text) VALUES ($1, $2, $3, $4, $5)"
_MENTION = """
INSERT INTO note_mentions (tenant_id, note_id, conversation_id, user_id) SELECT $1, $2, $3, u FROM unnest($4::uuid[]) u
"""
_NOTES = """
SELECT n.id, n.text, n.author_id, u.name AS author_name, n.created_at, coalesce(
  (SELECT array_agg(m.user_id ORDER BY m.id) FROM note_mentions m WHERE m.tenant_id = n.tenant_id AND m.note_id = n.id), '{}') AS mentions
FROM conversation_notes n LEFT JOIN users u ON u.id = n.author_id
WHERE n.tenant_id = $1 AND n.conversation_id = $2 ORDER BY n.created_at DESC, n.id DESC LIMIT $3
"""
_MENTIONED = """
SELECT m.conversation_id FROM note_mentions m WHERE m.tenant_id = $1 AND m.user_id = $2 AND m.seen_at IS NULL
ORDER BY m.id DESC LIMIT $3
"""
_SEEN = "UPDATE note_mentions SET seen_at = now() WHERE tenant_id = $1 AND user_id = $2 AND conversation_id = $3 AND seen_at IS NULL"


async def add_note(uow: TenantUnitOfWork, conversation_id: UUID, text: str, mentions: Sequence[UUID] = ()) -> NoteView:
    """Write something that only the tenant's people see. Raises NotFound for a conversation or a person of somebody else."""
    uow.require("messages.send")
    await chats.chat_of(uow, conversation_id)
    plain = text.replace("\x00", "").strip()
    if not plain:
        raise Invalid(FieldError("text", "note_missing"))
    if len(plain) > MAX_TEXT:
        raise Invalid(FieldError("text", "value_too_long", {"limit": MAX_TEXT}))
    conn, named, note = await uow.driver(), list(dict.fromkeys(mentions)), new_id()
    query = "SELECT count(*) FROM memberships WHERE tenant_id = $1 AND user_id = ANY($2::uuid[])"
    if await conn.fetchval(query, uow.tenant_id, named) != len(named):
        raise NotFound
    await conn.execute(_ADD, note, uow.tenant_id, conversation_id, uow.principal.user_id, plain)
    await conn.execute(_MENTION, uow.tenant_id, note, conversation_id, named)
    uow.publish("conversation", id=conversation_id, note=note, mentions=[str(one) for one in named])
    return next(one for one in await notes(uow, conversation_id) if one.id == note)


async def notes(uow: TenantUnitOfWork, conversation_id: UUID) -> list[NoteView]:
    """The newest notes of a conversation. Raises NotFound."""
    uow.require("messages.read")
    await chats.chat_of(uow, conversation_id)
    conn = await uow.driver()
    rows: list[Any] = await conn.fetch(_NOTES, uow.tenant_id, conversation_id, MAX_SHOWN)
    return [NoteView.model_validate(dict(row)) for row in rows]


async def mentioned(uow: TenantUnitOfWork) -> list[UUID]:
    """Conversations in which the person who asks was named and has not looked since, the latest first."""
    uow.require("messages.read")
    conn = await uow.driver()
    rows = await conn.fetch(_MENTIONED, uow.tenant_id, uow.principal.user_id, MAX_SHOWN)
    return list(dict.fromkeys(row["conversation_id"] for row in rows))


async def saw_mentions(uow: TenantUnitOfWork, conversation_id: UUID) -> None:
    """The person who asks has opened the conversation. Raises NotFound."""
    uow.require("messages.read")
    await chats.chat_of(uow, conversation_id)
    conn = await uow.driver()
    done: str = await conn.execute(_SEEN, uow.tenant_id, uow.principal.user_id, conversation_id)
    if done != "UPDATE 0":
        uow.publish("conversation", id=conversation_id)
