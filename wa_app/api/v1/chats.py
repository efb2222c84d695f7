"""`/api/v1/chats`: conversations, their messages with why each answer was given, and a person's part in them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.paging import ListingDep, Page
from wa_app.api.routing import router
from wa_app.db import unit_of_work
from wa_app.schemas.agent_chat import ChatSuggestion, ChatSummary
from wa_app.schemas.conversations import (
    BotSwitch,
    ChatCounts,
    ChatFilters,
    ChatFolder,
    ChatMessage,
    ChatSend,
    ChatSort,
    ChatView,
    Colleague,
)
from wa_app.schemas.groups import GroupMembersView
from wa_app.schemas.inbox import ChatCustomer, ChatHit, ChatSchedule, ChatStart, Draft, DraftChange, Scheduled
from wa_app.schemas.principal import Principal
from wa_app.schemas.service_times import ServiceTimes
from wa_app.services import conversations, groups
from wa_app.services.agents import helping

routes = router("/chats", "chats")


@routes.get("")
async def list_chats(
    uow: Uow, listing: ListingDep, view: Annotated[ChatFolder, Query()] = "all",
    device_id: Annotated[UUID | None, Query()] = None, team_id: Annotated[UUID | None, Query()] = None,
    tag_id: Annotated[UUID | None, Query()] = None, assigned_to: Annotated[UUID | None, Query()] = None,
    sort: Annotated[ChatSort, Query()] = "newest", unread: Annotated[bool, Query()] = False, needs_human: Annotated[bool, Query(deprecated=True)] = False,
) -> Page[ChatView]:  # fmt: skip
    """Conversations of a view, the latest first or who waits longest; `q` looks for their contacts, and in `all` everywhere."""
    filters = ChatFilters(
        view="needs_human" if needs_human else view, q=listing.q, device_id=device_id, team_id=team_id, tag_id=tag_id,
        assigned_to=assigned_to, unread=unread, sort=sort,
    )  # fmt: skip
    return await conversations.list_(uow, filters=filters, cursor=listing.cursor, limit=listing.limit)


@routes.post("", status_code=201)
async def start(uow: Uow, body: ChatStart) -> ChatView:
    """The conversation with a contact or a number on a device; it is made when there is none, and listed once something was said."""
    return await conversations.start(uow, device_id=body.device_id, contact_id=body.contact_id, phone=body.phone)


@routes.get("/search")
async def search(uow: Uow, listing: ListingDep) -> Page[ChatHit]:
    """Messages with all words of `q`, the last by its beginning, newest first, 200 at most; broadcasts are not looked through."""
    items = await conversations.search(uow, listing.q, limit=listing.limit)
    return Page(items=items)


@routes.get("/active")
async def active(uow: Uow, listing: ListingDep, hours: Annotated[int, Query(ge=1, le=720)] = 24) -> Page[ChatView]:
    """Open conversations in which something was said within the last `hours`, the latest first."""
    filters = ChatFilters(q=listing.q, active_h=hours)
    return await conversations.list_(uow, filters=filters, cursor=listing.cursor, limit=listing.limit)


@routes.get("/counts")
async def counts(uow: Uow) -> ChatCounts:
    """How many conversations each view has; more than 1000 are told as 1001."""
    return await conversations.counts(uow)


@routes.get("/service-times")
async def service_times(uow: Uow, days: Annotated[int, Query(ge=1, le=366)] = 30) -> ServiceTimes:
    """Median and 90th percentile of the first answer and of closing, for cases opened within `days`; by person and team for who may see the team."""
    return await conversations.service_times(uow, days=days)


@routes.get("/colleagues")
async def colleagues(uow: Uow) -> list[Colleague]:
    """Who may be given a conversation."""
    return await conversations.colleagues(uow)


@routes.get("/{chat_id}")
async def show(uow: Uow, chat_id: UUID) -> ChatView:
    """One conversation, with the answer that waits to leave."""
    return await conversations.get(uow, chat_id)


@routes.get("/{chat_id}/messages")
async def list_messages(uow: Uow, chat_id: UUID, listing: ListingDep) -> Page[ChatMessage]:
    """What was said, the newest first: customers, people, machines and broadcasts, with the trace of each decision."""
    return await conversations.messages(uow, chat_id, cursor=listing.cursor, limit=listing.limit)


@routes.post("/{chat_id}/send", status_code=202)
async def send(uow: Uow, chat_id: UUID, body: ChatSend) -> ChatMessage:
    """Answer as a person: it takes over, so automatic answers stop. Give an `Idempotency-Key` against sending twice."""
    return await conversations.send(uow, chat_id, body)


@routes.post("/{chat_id}/messages/{message_id}/resend", status_code=202)
async def resend(uow: Uow, chat_id: UUID, message_id: UUID) -> ChatMessage:
    """Send a message that has surely failed once more; asking twice sends it once. 409 for any other."""
    return await conversations.resend(uow, chat_id, message_id)


@routes.get("/{chat_id}/scheduled")
async def list_scheduled(uow: Uow, chat_id: UUID) -> list[Scheduled]:
    """What was written for later, the next first."""
    return await conversations.scheduled(uow, chat_id)


@routes.post("/{chat_id}/scheduled", status_code=202)
async def schedule(uow: Uow, chat_id: UUID, body: ChatSchedule) -> Scheduled:
    """Write a message that leaves at a time, once. Give an `Idempotency-Key` against planning twice."""
    return await conversations.schedule_send(uow, chat_id, body, body.at)


@routes.delete("/{chat_id}/scheduled/{message_id}", status_code=204)
async def cancel_scheduled(uow: Uow, chat_id: UUID, message_id: UUID) -> None:
    """Take a message for later back; 409 when it has left."""
    await conversations.cancel_scheduled(uow, chat_id, message_id)


@routes.get("/{chat_id}/draft")
async def show_draft(uow: Uow, chat_id: UUID) -> Draft:
    """What the person who asks has begun to write here; empty when nothing."""
    return await conversations.get_draft(uow, chat_id)


@routes.put("/{chat_id}/draft")
async def save_draft(uow: Uow, chat_id: UUID, body: DraftChange) -> Draft:
    """Keep what is in the composer, so that it is there on another screen; nothing at all forgets it."""
    seen: conversations.Seen = body.seen if "seen" in body.model_fields_set else "any"
    await conversations.save_draft(uow, chat_id, body.text, body.file_id, body.reply_to, seen=seen)
    return await conversations.get_draft(uow, chat_id)


@routes.get("/{chat_id}/customer")
async def customer(uow: Uow, chat_id: UUID) -> ChatCustomer:
    """What is known of the person: tags, consent, broadcasts, insights, other conversations, times of service."""
    return await conversations.customer(uow, chat_id)


@routes.get("/{chat_id}/members")
async def members(
    uow: Uow, chat_id: UUID, q: Annotated[str, Query(max_length=200)] = "", refresh: Annotated[bool, Query()] = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> GroupMembersView:  # fmt: skip
    """Who is in a group, found by name or number. While `status` is `loading` WhatsApp is being asked: look again; 404 for a talk with one person."""
    return await groups.list_members(uow, chat_id, q=q, refresh=refresh, limit=limit)


@routes.post("/{chat_id}/toggle-bot")
async def toggle_bot(uow: Uow, chat_id: UUID, body: BotSwitch) -> ChatView:
    """Switch automatic answers of this conversation on or off."""
    return await conversations.toggle_bot(uow, chat_id, active=body.active)


@routes.post("/{chat_id}/read", status_code=204)
async def read(uow: Uow, chat_id: UUID) -> None:
    """Nothing here is unread any more, for the whole team: the number belongs to the conversation, not to a person."""
    await conversations.mark_read(uow, chat_id)


@routes.post("/{chat_id}/answer/cancel")
async def cancel_answer(uow: Uow, chat_id: UUID) -> ChatView:
    """Hold back the automatic answer that waits; 409 when it has left, or there is none."""
    return await conversations.cancel_answer(uow, chat_id)


@routes.post("/{chat_id}/answer/now")
async def send_answer_now(uow: Uow, chat_id: UUID) -> ChatView:
    """Let the automatic answer that waits leave at once; 409 when there is none."""
    return await conversations.send_answer_now(uow, chat_id)


@routes.post("/{chat_id}/suggest")
async def suggest(principal: CurrentPrincipal, chat_id: UUID) -> ChatSuggestion:
    """Words to answer the customer's open messages with, and where they come from. Sends nothing; 409 when there is nothing to answer."""
    await _may_answer(principal, chat_id)
    return ChatSuggestion.of(await helping.suggest(principal.tenant_id, chat_id))


@routes.post("/{chat_id}/summary")
async def summarise(principal: CurrentPrincipal, chat_id: UUID) -> ChatSummary:
    """The conversation in a few sentences. 409 when nothing was said yet."""
    await _may_answer(principal, chat_id)
    return ChatSummary(text=await helping.summarise(principal.tenant_id, chat_id))


async def _may_answer(principal: Principal, chat_id: UUID) -> None:
    """Whoever may answer a chat may let a model help; the transaction is over before one is asked."""
    async with unit_of_work(principal) as uow:
        uow.require("messages.send")
        await conversations.get(uow, chat_id)
