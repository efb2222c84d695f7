"""`/api/v1/campaigns`: broadcasts from draft to log."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response, StreamingResponse

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.paging import ListingDep, Page, pack
from wa_app.api.routing import router
from wa_app.db import unit_of_work
from wa_app.models.outbound import CampaignStatus, MessageState
from wa_app.schemas.campaigns import CampaignCreate, CampaignUpdate, CampaignView, LogRow, Preflight, Stats
from wa_app.schemas.principal import Principal
from wa_app.services import campaigns
from wa_app.services.campaigns.running import Decision

routes = router("/campaigns", "campaigns")


class Schedule(BaseModel):
    """A time; without a zone it is the tenant's own."""

    model_config = ConfigDict(extra="forbid")

    scheduled_at: datetime


class CopyName(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = ""


class Retry(BaseModel):
    """What to send again. `unknown` asks for a person's word: those may have arrived."""

    model_config = ConfigDict(extra="forbid")

    include_unknown: bool = False
    message_ids: list[UUID] = []
    reasons: list[str] | None = None
    """Only rows that failed for one of these reasons (`GET report` lists them); an empty list: none of them."""


class Resolve(BaseModel):
    """What a person decided about unknown messages; without ids about all of them."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    message_ids: list[UUID] = []


class Moved(BaseModel):
    moved: int


@routes.get("")
async def list_campaigns(
    uow: Uow, listing: ListingDep, status: Annotated[list[CampaignStatus] | None, Query()] = None
) -> Page[CampaignView]:
    """Campaigns, newest first."""
    items, after, total = await campaigns.list_(
        uow, q=listing.q, status=status or (), after=listing.after_id, limit=listing.limit
    )
    return Page(items=items, next_cursor=pack(after) if after else None, total=total)


@routes.post("", status_code=201)
async def create(uow: Uow, body: CampaignCreate) -> CampaignView:
    """A new draft. `scheduled_at` holds from `start` on."""
    return await campaigns.create(uow, body)


@routes.get("/{campaign_id}")
async def show(uow: Uow, campaign_id: UUID) -> CampaignView:
    """One campaign."""
    return await campaigns.get(uow, campaign_id)


@routes.patch("/{campaign_id}")
async def update(uow: Uow, campaign_id: UUID, body: CampaignUpdate) -> CampaignView:
    """Change a draft, or one that waits for its time."""
    return await campaigns.update(uow, campaign_id, body)


@routes.delete("/{campaign_id}", status_code=204)
async def delete(uow: Uow, campaign_id: UUID) -> None:
    """Put a draft or an ended campaign away."""
    await campaigns.remove(uow, [campaign_id])


@routes.post("/{campaign_id}/start", status_code=202)
async def start(uow: Uow, campaign_id: UUID) -> CampaignView:
    """Plan and send, now or at its time."""
    return await campaigns.start(uow, campaign_id)


@routes.post("/{campaign_id}/schedule", status_code=202)
async def schedule(uow: Uow, campaign_id: UUID, body: Schedule) -> CampaignView:
    """Start at a time."""
    return await campaigns.schedule(uow, campaign_id, body.scheduled_at)


@routes.post("/{campaign_id}/pause", status_code=202)
async def pause(uow: Uow, campaign_id: UUID) -> CampaignView:
    """Claim nothing more until resumed."""
    return await campaigns.pause(uow, campaign_id)


@routes.post("/{campaign_id}/resume", status_code=202)
async def resume(uow: Uow, campaign_id: UUID) -> CampaignView:
    """Go on."""
    return await campaigns.resume(uow, campaign_id)


@routes.post("/{campaign_id}/cancel", status_code=202)
async def cancel(uow: Uow, campaign_id: UUID) -> CampaignView:
    """Stop for good; waiting rows become `cancelled`."""
    return await campaigns.cancel(uow, campaign_id)


@routes.post("/{campaign_id}/duplicate", status_code=201)
async def duplicate(uow: Uow, campaign_id: UUID, body: CopyName | None = None) -> CampaignView:
    """A new draft with the same message, audience and devices."""
    return await campaigns.duplicate(uow, campaign_id, body.name if body else "")


@routes.post("/{campaign_id}/retry", status_code=202)
async def retry(uow: Uow, campaign_id: UUID, body: Retry | None = None) -> Moved:
    """Put failed messages back in line."""
    wish = body or Retry()
    return Moved(moved=await campaigns.retry_failed(
        uow, campaign_id, include_unknown=wish.include_unknown, ids=wish.message_ids, reasons=wish.reasons
    ))  # fmt: skip


@routes.post("/{campaign_id}/resolve", status_code=202)
async def resolve(uow: Uow, campaign_id: UUID, body: Resolve) -> Moved:
    """Decide about messages nobody knows the fate of."""
    return Moved(moved=await campaigns.resolve_unknown(uow, campaign_id, body.decision, ids=body.message_ids))


@routes.get("/{campaign_id}/stats")
async def stats(uow: Uow, campaign_id: UUID) -> Stats:
    """The figures; `total` is the sum of the states at every moment."""
    return await campaigns.stats(uow, campaign_id)


@routes.get("/{campaign_id}/preflight")
async def preflight(uow: Uow, campaign_id: UUID) -> Preflight:
    """What would keep it from starting, and what is worth a look."""
    return await campaigns.preflight_of(uow, campaign_id)


@routes.get("/{campaign_id}/logs")
async def logs(
    uow: Uow, campaign_id: UUID, listing: ListingDep,
    status: Annotated[list[MessageState] | None, Query()] = None, device_id: UUID | None = None,
) -> Page[LogRow]:  # fmt: skip
    """One line per recipient, in the order of planning; `q` finds people by name or number."""
    items, after = await campaigns.logs(
        uow, campaign_id, state=status or (), device_id=device_id, q=listing.q, after=listing.after_id,
        limit=listing.limit,
    )  # fmt: skip
    return Page(items=items, next_cursor=pack(after) if after else None)


@routes.get("/{campaign_id}/export", response_class=Response)
async def export(
    principal: CurrentPrincipal, campaign_id: UUID, status: Annotated[list[MessageState] | None, Query()] = None
) -> Response:
    """The log as CSV."""
    states = status or []
    async with unit_of_work(principal) as uow:
        name = (await campaigns.find(uow, campaign_id)).name
        first = await campaigns.export_page(uow, campaign_id, None, states)
    safe = "".join(char if char.isascii() and char.isalnum() else "-" for char in name)[:60].strip("-") or "campaign"
    return StreamingResponse(
        _pages(principal, campaign_id, states, first), media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{safe}.csv"', "Cache-Control": "no-store"},
    )  # fmt: skip


async def _pages(
    principal: Principal, campaign_id: UUID, states: list[MessageState], first: tuple[bytes, UUID | None]
) -> AsyncIterator[bytes]:
    data, after = first
    yield data
    while after is not None:
        async with unit_of_work(principal) as uow:
            data, after = await campaigns.export_page(uow, campaign_id, after, states)
        yield data
