"""`/api/v1/message-templates`: texts kept for broadcasts. `/templates` is kept for those that Meta approves."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from wa_app.api.deps import Uow
from wa_app.api.paging import ListingDep, Page, pack
from wa_app.api.routing import router
from wa_app.schemas.broadcasts import MessageTemplateCreate, MessageTemplateUpdate, MessageTemplateView
from wa_app.services import message_templates

routes = router("/message-templates", "message templates")


@routes.get("")
async def list_templates(
    uow: Uow, listing: ListingDep, category: Annotated[str, Query(max_length=40)] = ""
) -> Page[MessageTemplateView]:
    """Kept texts, newest first; `q` looks into name, category, labels and text."""
    items, after, total = await message_templates.list_(
        uow, q=listing.q, category=category, after=listing.after_id, limit=listing.limit
    )
    return Page(items=items, next_cursor=pack(after) if after else None, total=total)


@routes.post("", status_code=201)
async def create(uow: Uow, body: MessageTemplateCreate) -> MessageTemplateView:
    """Keep a text."""
    return await message_templates.create(uow, body)


@routes.get("/{message_template_id}")
async def show(uow: Uow, message_template_id: UUID) -> MessageTemplateView:
    """One kept text."""
    return await message_templates.get(uow, message_template_id)


@routes.patch("/{message_template_id}")
async def update(uow: Uow, message_template_id: UUID, body: MessageTemplateUpdate) -> MessageTemplateView:
    """Change it; broadcasts written from it keep their text."""
    return await message_templates.update(uow, message_template_id, body)


@routes.delete("/{message_template_id}", status_code=204)
async def delete(uow: Uow, message_template_id: UUID) -> None:
    """Put it away; it can be brought back for 30 days."""
    await message_templates.remove(uow, [message_template_id])


@routes.post("/{message_template_id}/restore")
async def restore(uow: Uow, message_template_id: UUID) -> MessageTemplateView:
    """Bring it back."""
    await message_templates.restore(uow, [message_template_id])
    return await message_templates.get(uow, message_template_id)


@routes.post("/{message_template_id}/duplicate", status_code=201)
async def duplicate(uow: Uow, message_template_id: UUID) -> MessageTemplateView:
    """A copy to change."""
    return await message_templates.duplicate(uow, message_template_id)
