"""What a person has begun to write, kept on the server so that it is there on another screen.

A draft's version is the time of its last change. A screen names the version that it has seen; what another screen
has written since is not replaced unseen.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Forbidden, Invalid
from wa_app.schemas.inbox import Draft
from wa_app.services.conversations import chats

MAX_TEXT = 65_536

Seen = datetime | Literal["any"] | None
"""The version that a screen has seen, None for none at all; "any" replaces whatever is there."""

_IS_SAME = "(d.text, d.attachment_id, d.reply_to) IS NOT DISTINCT FROM (excluded.text, excluded.attachment_id, excluded.reply_to)"
_SAVE = f"""
INSERT INTO conversation_drafts AS d (tenant_id, conversation_id, user_id, text, attachment_id, reply_to, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
ON CONFLICT (tenant_id, user_id, conversation_id) DO UPDATE SET text = excluded.text, attachment_id = excluded.attachment_id,
  reply_to = excluded.reply_to, updated_at = CASE WHEN {_IS_SAME} THEN d.updated_at ELSE excluded.updated_at END
WHERE $7 OR d.updated_at = $8 OR {_IS_SAME} RETURNING d.updated_at
"""  # noqa: S608
_FORGET = """
DELETE FROM conversation_drafts WHERE tenant_id = $1 AND conversation_id = $2 AND user_id = $3 AND ($4 OR updated_at = $5)
"""
_IS_THERE = "SELECT 1 FROM conversation_drafts WHERE tenant_id = $1 AND conversation_id = $2 AND user_id = $3"
_FILE = "SELECT 1 FROM files WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL"
# A file or a message that has gone meanwhile is left out.
_GET = """
SELECT d.text, f.id AS file_id, m.id AS reply_to, d.updated_at FROM conversation_drafts d
LEFT JOIN files f ON f.tenant_id = d.tenant_id AND f.id = d.attachment_id AND f.deleted_at IS NULL
LEFT JOIN messages m ON m.tenant_id = d.tenant_id AND m.id = d.reply_to AND m.conversation_id = d.conversation_id
WHERE d.tenant_id = $1 AND d.conversation_id = $2 AND d.user_id = $3
"""


async def save_draft(
    uow: TenantUnitOfWork, conversation_id: UUID, text: str, file_id: UUID | None = None, reply_to: UUID | None = None,
    *, seen: Seen = "any",
) -> datetime | None:
    """Keep what is in the composer and return its version; nothing at all forgets it, and has none.

    Raises NotFound, Invalid for a file that is not ours, Conflict `draft_changed` when another version than the one
    that was seen is there.
    """
    uow.require("messages.send")
    await chats.chat_of(uow, conversation_id)
    if len(text) > MAX_TEXT:
        raise Invalid(FieldError("text", "value_too_long", {"limit": MAX_TEXT}))
    conn, person = await uow.driver(), _person(uow)
    if file_id is not None and await conn.fetchval(_FILE, uow.tenant_id, file_id) is None:
        raise Invalid(FieldError("file_id", "file_not_found"))
    if not text.strip() and file_id is None and reply_to is None:
        if not await drop(uow, conversation_id, seen) and await conn.fetchval(_IS_THERE, uow.tenant_id, conversation_id, person):
            raise Conflict("draft_changed")
        return None
    row = uow.tenant_id, conversation_id, person, text.replace("\x00", ""), file_id, reply_to
    at: datetime | None = await conn.fetchval(_SAVE, *row, *_version(seen))
    if at is None:
        raise Conflict("draft_changed")
    _tell(uow, conversation_id, person, at)
    return at


async def forget(uow: TenantUnitOfWork, conversation_id: UUID, seen: Seen) -> None:
    """The draft of the person who asks goes; in another version than was seen it stays. Raises NotFound."""
    uow.require("messages.send")
    await chats.chat_of(uow, conversation_id)
    await drop(uow, conversation_id, seen)


async def drop(uow: TenantUnitOfWork, conversation_id: UUID, seen: Seen) -> bool:
    """As `forget`, for who has asked already. Whether one has gone."""
    conn, person = await uow.driver(), uow.principal.user_id
    found: bool = await conn.execute(_FORGET, uow.tenant_id, conversation_id, person, *_version(seen)) != "DELETE 0"
    if found and person is not None:
        _tell(uow, conversation_id, person, None)
    return found


async def get_draft(uow: TenantUnitOfWork, conversation_id: UUID) -> Draft:
    """What the person who asks has begun to write here; empty when nothing. Raises NotFound."""
    uow.require("messages.read")
    await chats.chat_of(uow, conversation_id)
    conn = await uow.driver()
    row = await conn.fetchrow(_GET, uow.tenant_id, conversation_id, uow.principal.user_id)
    return Draft() if row is None else Draft.model_validate(dict(row))


def _version(seen: Seen) -> tuple[bool, datetime | None]:
    return (True, None) if isinstance(seen, str) else (False, seen)


def _tell(uow: TenantUnitOfWork, conversation_id: UUID, person: UUID, at: datetime | None) -> None:
    """The writer's own tabs show it; no stream of the API carries it to others."""
    uow.publish("draft", id=conversation_id, user_id=person, at=at.isoformat() if at else "")


def _person(uow: TenantUnitOfWork) -> UUID:
    if uow.principal.user_id is None:
        raise Forbidden(verb="messages.send")
    return uow.principal.user_id
