"""What a person has begun to write, kept on the server so that it is there on another screen."""

from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Forbidden, Invalid
from wa_app.schemas.inbox import Draft
from wa_app.services.conversations import chats

MAX_TEXT = 65_536

_SAVE = """
INSERT INTO conversation_drafts (tenant_id, conversation_id, user_id, text, attachment_id, reply_to, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, now())
ON CONFLICT (tenant_id, user_id, conversation_id) DO UPDATE SET text = excluded.text, attachment_id = excluded.attachment_id,
  reply_to = excluded.reply_to, updated_at = excluded.updated_at
"""
_FORGET = "DELETE FROM conversation_drafts WHERE tenant_id = $1 AND conversation_id = $2 AND user_id = $3"
_FILE = "SELECT 1 FROM files WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL"
# A file or a message that has gone meanwhile is left out.
_GET = """
SELECT d.text, f.id AS file_id, m.id AS reply_to, d.updated_at FROM conversation_drafts d
LEFT JOIN files f ON f.tenant_id = d.tenant_id AND f.id = d.attachment_id AND f.deleted_at IS NULL
LEFT JOIN messages m ON m.tenant_id = d.tenant_id AND m.id = d.reply_to AND m.conversation_id = d.conversation_id
WHERE d.tenant_id = $1 AND d.conversation_id = $2 AND d.user_id = $3
"""


async def save_draft(
    uow: TenantUnitOfWork, conversation_id: UUID, text: str, file_id: UUID | None = None, reply_to: UUID | None = None
) -> None:
    """Keep what is in the composer; nothing at all forgets it. Raises NotFound, Invalid for a file that is not ours."""
    uow.require("messages.send")
    await chats.chat_of(uow, conversation_id)
    if len(text) > MAX_TEXT:
        raise Invalid(FieldError("text", "value_too_long", {"limit": MAX_TEXT}))
    conn, person = await uow.driver(), _person(uow)
    if file_id is not None and await conn.fetchval(_FILE, uow.tenant_id, file_id) is None:
        raise Invalid(FieldError("file_id", "file_not_found"))
    if not text.strip() and file_id is None and reply_to is None:
        if await conn.execute(_FORGET, uow.tenant_id, conversation_id, person) != "DELETE 0":
            _tell(uow, conversation_id, person)
        return
    await conn.execute(_SAVE, uow.tenant_id, conversation_id, person, text.replace("\x00", ""), file_id, reply_to)
    _tell(uow, conversation_id, person)


async def get_draft(uow: TenantUnitOfWork, conversation_id: UUID) -> Draft:
    """What the person who asks has begun to write here; empty when nothing. Raises NotFound."""
    uow.require("messages.read")
    await chats.chat_of(uow, conversation_id)
    conn = await uow.driver()
    row = await conn.fetchrow(_GET, uow.tenant_id, conversation_id, uow.principal.user_id)
    return Draft() if row is None else Draft.model_validate(dict(row))


def _tell(uow: TenantUnitOfWork, conversation_id: UUID, person: UUID) -> None:
    """The writer's own tabs show it in the list; no stream of the API carries it to others."""
    uow.publish("draft", id=conversation_id, user_id=person)


def _person(uow: TenantUnitOfWork) -> UUID:
    if uow.principal.user_id is None:
        raise Forbidden(verb="messages.send")
    return uow.principal.user_id
