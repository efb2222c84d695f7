"""`/api/v1/chats/{id}/…`: what a team does with a conversation beside answering it."""

from uuid import UUID

from wa_app.api.deps import Uow
from wa_app.api.routing import router
from wa_app.schemas.conversations import ChatView
from wa_app.schemas.inbox import (
    AssignChange,
    BlockChange,
    ChatMerge,
    NoteCreate,
    NoteView,
    PriorityChange,
    SnoozeChange,
    TagsChange,
    TypingChange,
)
from wa_app.services import conversations
from wa_app.services.conversations import presence

routes = router("/chats", "chats")


@routes.post("/{chat_id}/assign")
async def assign(uow: Uow, chat_id: UUID, body: AssignChange) -> ChatView:
    """Give it to a person, a team, or both; `null` takes it away from them, what is not given stays."""
    if "team_id" in body.model_fields_set:
        await conversations.assign_team(uow, chat_id, body.team_id)
    if "user_id" in body.model_fields_set:
        await conversations.assign(uow, chat_id, body.user_id)
    return await conversations.get(uow, chat_id)


@routes.post("/{chat_id}/assign/auto")
async def assign_free(uow: Uow, chat_id: UUID) -> ChatView:
    """Give it to the one who is there and has the least to do, of its team if it has one. 409 when nobody is there."""
    return await conversations.assign_free(uow, chat_id)


@routes.post("/{chat_id}/close")
async def close(uow: Uow, chat_id: UUID) -> ChatView:
    """It is done, until the customer writes again."""
    return await conversations.close(uow, chat_id)


@routes.post("/{chat_id}/reopen")
async def reopen(uow: Uow, chat_id: UUID) -> ChatView:
    """It goes on: closed, put away or archived before."""
    return await conversations.reopen(uow, chat_id)


@routes.post("/{chat_id}/snooze")
async def snooze(uow: Uow, chat_id: UUID, body: SnoozeChange) -> ChatView:
    """Out of sight until a time, or until the customer writes."""
    return await conversations.snooze(uow, chat_id, body.until)


@routes.post("/{chat_id}/archive")
async def archive(uow: Uow, chat_id: UUID) -> ChatView:
    """Out of sight until a person brings it back."""
    return await conversations.archive(uow, chat_id)


@routes.post("/{chat_id}/unarchive")
async def unarchive(uow: Uow, chat_id: UUID) -> ChatView:
    """Bring it back; what is not archived stays as it is."""
    return await conversations.unarchive(uow, chat_id)


@routes.post("/{chat_id}/priority")
async def priority(uow: Uow, chat_id: UUID, body: PriorityChange) -> ChatView:
    """How much it matters."""
    return await conversations.set_priority(uow, chat_id, body.priority)


@routes.post("/{chat_id}/tags")
async def tags(uow: Uow, chat_id: UUID, body: TagsChange) -> ChatView:
    """Exactly these tags; they are those of contacts."""
    return await conversations.set_tags(uow, chat_id, body.tag_ids)


@routes.get("/{chat_id}/notes")
async def list_notes(uow: Uow, chat_id: UUID) -> list[NoteView]:
    """Private notes, the newest first, 200 at most."""
    return await conversations.notes(uow, chat_id)


@routes.post("/{chat_id}/notes", status_code=201)
async def add_note(uow: Uow, chat_id: UUID, body: NoteCreate) -> NoteView:
    """Write something that only the tenant's people see; `mentions` are told."""
    return await conversations.add_note(uow, chat_id, body.text, body.mentions)


@routes.post("/{chat_id}/merge")
async def merge(uow: Uow, chat_id: UUID, body: ChatMerge) -> ChatView:
    """Make one person of two conversations' contacts; the answer is the conversation that goes on. 409 while an answer leaves."""
    return await conversations.merge(uow, chat_id, body.with_)


@routes.post("/{chat_id}/unmerge")
async def unmerge(uow: Uow, chat_id: UUID) -> ChatView:
    """Take the latest merging of this person apart: each has its own lines again; what was said since stays here."""
    return await conversations.unmerge(uow, chat_id)


@routes.post("/{chat_id}/block")
async def block(uow: Uow, chat_id: UUID, body: BlockChange) -> ChatView:
    """Nobody writes to this person any more, people neither."""
    return await conversations.block(uow, chat_id, body.note)


@routes.post("/{chat_id}/unblock")
async def unblock(uow: Uow, chat_id: UUID) -> ChatView:
    """The person may be written to again."""
    return await conversations.unblock(uow, chat_id)


@routes.post("/{chat_id}/typing", status_code=204)
async def typing(uow: Uow, chat_id: UUID, body: TypingChange) -> None:
    """Tell the other people of the tenant that one is writing here, or has stopped."""
    await presence.tell(uow, chat_id, typing=body.typing)
