"""`/api/v1/campaigns/{id}/…`: variants and their winner, links, single messages."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.api.deps import Uow
from wa_app.api.paging import ListingDep, Page, pack
from wa_app.api.routing import router
from wa_app.schemas.broadcasts import Clicker, LinkFigures, VariantReport
from wa_app.services import campaigns
from wa_app.services.campaigns import links, variants

routes = router("/campaigns", "campaigns")


class Winner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    letter: Literal["A", "B", "C", "D", "E"]


class SingleSend(BaseModel):
    """One message of the campaign to one contact."""

    model_config = ConfigDict(extra="forbid")

    contact_id: UUID
    due_at: datetime | None = None
    once: str = Field(default="", max_length=80, pattern=r"^[\w.:-]*$")
    """The same word never sends twice; without one a contact gets a campaign once."""


class SingleSent(BaseModel):
    id: UUID


@routes.get("/{campaign_id}/variants")
async def report(uow: Uow, campaign_id: UUID) -> VariantReport:
    """Variants side by side, and how sure the difference is."""
    return await variants.report(uow, await campaigns.find(uow, campaign_id))


@routes.post("/{campaign_id}/winner")
async def choose(uow: Uow, campaign_id: UUID, body: Winner) -> VariantReport:
    """Name the winner of a test before the rule does; the rest of the audience gets it."""
    campaign = await campaigns.find(uow, campaign_id, lock=True)
    await variants.choose(uow, campaign, ord(body.letter) - ord("A"))
    return await variants.report(uow, campaign)


@routes.get("/{campaign_id}/links")
async def list_links(uow: Uow, campaign_id: UUID) -> list[LinkFigures]:
    """Tracked links with openings and people, the most opened first."""
    return await links.links(uow, campaign_id)


@routes.get("/{campaign_id}/clicks")
async def list_clickers(uow: Uow, campaign_id: UUID, listing: ListingDep) -> Page[Clicker]:
    """Recipients who opened links."""
    items, after = await links.clickers(uow, campaign_id, after=listing.after_id, limit=listing.limit)
    return Page(items=items, next_cursor=pack(after) if after else None)


@routes.post("/{campaign_id}/send", status_code=202)
async def send(uow: Uow, campaign_id: UUID, body: SingleSend) -> SingleSent:
    """Put one message of the campaign for one contact in line, now or at a time."""
    return SingleSent(id=await campaigns.send_to_contact(
        uow, campaign_id, body.contact_id, due_at=body.due_at, once=body.once
    ))  # fmt: skip
