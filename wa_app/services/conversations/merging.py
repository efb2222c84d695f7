"""Two conversations of one person (a phone and a LID, say) become one, and apart again; the contacts do (`contacts.merging`)."""

from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, NotFound
from wa_app.schemas.conversations import ChatView
from wa_app.services import audit
from wa_app.services.contacts import merging
from wa_app.services.conversations import chats

_ON_DEVICE = "SELECT id FROM conversations WHERE tenant_id = $1 AND contact_id = $2 AND device_id = $3"
_TALKS = "SELECT id FROM conversations WHERE tenant_id = $1 AND contact_id = ANY($2::uuid[])"


async def merge(uow: TenantUnitOfWork, conversation_id: UUID, other_id: UUID) -> ChatView:
    """Make one person of the contacts of two conversations; on one device their lines, notes, tags, turns and cases are one talk.

    Returns the conversation that goes on. Raises NotFound, Conflict `same_person`, `group_not_merged`, `answer_leaves`.
    """
    uow.require("messages.send")
    one, two = await chats.chat_of(uow, conversation_id), await chats.chat_of(uow, other_id)
    if conversation_id == other_id:
        raise Conflict("same_person")
    if one.contact_id is None or two.contact_id is None:
        raise Conflict("group_not_merged")
    found = await _join(uow, one.contact_id, two.contact_id, one.device_id)
    audit.record(uow, "conversation.merge", "conversation", found, merged=str(other_id if found == conversation_id else conversation_id))
    return await chats.get(uow, found)


async def merge_person(uow: TenantUnitOfWork, conversation_id: UUID, contact_id: UUID) -> ChatView:
    """Like `merge`, with a contact that may never have written: the person in a conversation and the contact become one.

    Returns the conversation that goes on. Raises NotFound, Conflict `same_person`, `group_not_merged`, `answer_leaves`.
    """
    uow.require("messages.send")
    one = await chats.chat_of(uow, conversation_id)
    if one.contact_id is None:
        raise Conflict("group_not_merged")
    found = await _join(uow, one.contact_id, contact_id, one.device_id)
    audit.record(uow, "conversation.merge", "conversation", found, contact=str(contact_id))
    return await chats.get(uow, found)


async def _join(uow: TenantUnitOfWork, first: UUID, second: UUID, device_id: UUID) -> UUID:
    """Make the contacts one; whoever has a talk of theirs on show is told. Returns the one talk on a device."""
    conn = await uow.driver()
    talks = await conn.fetch(_TALKS, uow.tenant_id, [first, second])
    keep = await merging.merge(uow, first, second)
    found: UUID | None = await conn.fetchval(_ON_DEVICE, uow.tenant_id, keep, device_id)
    if found is None:
        raise NotFound
    for row in talks:
        uow.publish("conversation", id=row["id"])
    return found


async def unmerge(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatView:
    """Undo the latest merging of the person in a conversation: each contact has its own lines again.

    Returns the conversation. Raises NotFound, Conflict `not_merged`, `answer_leaves`.
    """
    uow.require("messages.send")
    chat = await chats.chat_of(uow, conversation_id)
    if chat.contact_id is None:
        raise Conflict("not_merged")
    other = await merging.unmerge(uow, chat.contact_id)
    audit.record(uow, "conversation.unmerge", "conversation", conversation_id)
    conn = await uow.driver()
    for row in await conn.fetch(_TALKS, uow.tenant_id, [chat.contact_id, other]):
        uow.publish("conversation", id=row["id"])
    return await chats.get(uow, conversation_id)
