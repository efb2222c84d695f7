"""`/api/v1/quick-replies`: texts by a word after `/`, everybody's and one's own."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from wa_app.api.deps import Uow
from wa_app.api.paging import ListingDep, Page
from wa_app.api.routing import router
from wa_app.schemas.quick_replies import QuickReplyCreate, QuickReplyFilled, QuickReplyUpdate, QuickReplyView
from wa_app.services import quick_replies

routes = router("/quick-replies", "quick replies")


class FillRequest(BaseModel):
    """For whom it is filled."""

    model_config = ConfigDict(extra="forbid")
    chat_id: UUID


@routes.get("")
async def list_quick_replies(
    uow: Uow, listing: ListingDep, category: Annotated[str, Query(max_length=40)] = ""
) -> Page[QuickReplyView]:
    """The tenant's and one's own. With `q` those that have its words: by shortcut first, then title, then text."""
    return Page(items=await quick_replies.list_(uow, q=listing.q, category=category, limit=listing.limit))


@routes.post("", status_code=201)
async def create(uow: Uow, body: QuickReplyCreate) -> QuickReplyView:
    """Keep one, for everybody or with `personal` for oneself."""
    return await quick_replies.create(uow, body)


@routes.get("/{quick_reply_id}")
async def show(uow: Uow, quick_reply_id: UUID) -> QuickReplyView:
    """One of them; somebody else's own is not found."""
    return await quick_replies.get(uow, quick_reply_id)


@routes.patch("/{quick_reply_id}")
async def update(uow: Uow, quick_reply_id: UUID, body: QuickReplyUpdate) -> QuickReplyView:
    """Change what is given."""
    return await quick_replies.update(uow, quick_reply_id, body)


@routes.delete("/{quick_reply_id}", status_code=204)
async def delete(uow: Uow, quick_reply_id: UUID) -> None:
    """Delete it for good; what was sent with it stays."""
    await quick_replies.remove(uow, quick_reply_id)


@routes.post("/{quick_reply_id}/fill")
async def fill(uow: Uow, quick_reply_id: UUID, body: FillRequest) -> QuickReplyFilled:
    """The text with the values of a conversation's customer, and the file."""
    return await quick_replies.fill(uow, quick_reply_id, body.chat_id)
