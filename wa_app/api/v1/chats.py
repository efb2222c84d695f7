"""`/api/v1/chats`: conversations, their messages with why each answer was given, and a person's part in them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.paging import ListingDep, Page
from wa_app.api.routing import router
from wa_app.db import unit_of_work
from wa_app.schemas.agent_chat import ChatSuggestion, ChatSummary
from wa_app.schemas.conversations import BotSwitch, ChatMessage, ChatSend, ChatView
from wa_app.schemas.principal import Principal
from wa_app.services import conversations
from wa_app.services.agents import helping

routes = router("/chats", "chats")


@routes.get("")
async def list_chats(
    uow: Uow, listing: ListingDep, needs_human: Annotated[bool, Query()] = False, unread: Annotated[bool, Query()] = False
) -> Page[ChatView]:
    """Conversations, the latest first; `q` looks for their contacts."""
    return await conversations.list_(
        uow, q=listing.q, needs_human=needs_human, unread=unread, cursor=listing.cursor, limit=listing.limit
    )


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


@routes.post("/{chat_id}/toggle-bot")
async def toggle_bot(uow: Uow, chat_id: UUID, body: BotSwitch) -> ChatView:
    """Switch automatic answers of this conversation on or off."""
    return await conversations.toggle_bot(uow, chat_id, active=body.active)


@routes.post("/{chat_id}/read", status_code=204)
async def read(uow: Uow, chat_id: UUID) -> None:
    """Nothing here is unread any more."""
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
