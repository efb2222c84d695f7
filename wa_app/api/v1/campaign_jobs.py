"""`/api/v1/campaigns/{id}/…`: a test to oneself, looking numbers up, the report and its files, writing again."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from wa_app.api.deps import Uow
from wa_app.api.routing import router
from wa_app.schemas.campaigns import CampaignView
from wa_app.schemas.reports import ExportRequest, JobView, Report
from wa_app.services import trials
from wa_app.services.campaigns import jobs, lookups, reports, resending
from wa_app.services.messages import MessageView
from wa_app.services.reports import exporting

routes = router("/campaigns", "campaigns")


class Trial(BaseModel):
    """Where to send a test of the message to."""

    model_config = ConfigDict(extra="forbid")

    phone: str
    device_id: UUID | None = None
    letter: Literal["", "A", "B", "C", "D", "E"] = ""
    """Which text of an A/B test; the first without one."""


@routes.post("/{campaign_id}/test", status_code=202)
async def test(uow: Uow, campaign_id: UUID, body: Trial) -> MessageView:
    """Send the message to one number, as somebody of the audience would read it. It counts in no campaign."""
    return await trials.send(uow, campaign_id, body.phone, device_id=body.device_id, letter=body.letter)


@routes.post("/{campaign_id}/lookups", status_code=202)
async def look_up(uow: Uow, campaign_id: UUID) -> JobView:
    """Ask whether the audience's numbers are on WhatsApp: all of a small one, an even sample of a large one."""
    return await lookups.request(uow, campaign_id)


@routes.get("/{campaign_id}/lookups/{job_id}")
async def lookup(uow: Uow, campaign_id: UUID, job_id: UUID) -> JobView:
    """How far it is, and what it found."""
    uow.require("campaigns.read")
    return await jobs.get(uow, campaign_id, job_id)


@routes.post("/{campaign_id}/lookups/{job_id}/cancel", status_code=202)
async def cancel_lookup(uow: Uow, campaign_id: UUID, job_id: UUID) -> JobView:
    """Stop asking; what is known stays known."""
    uow.require("campaigns.write")
    return await jobs.cancel(uow, campaign_id, job_id)


@routes.get("/{campaign_id}/report")
async def report(uow: Uow, campaign_id: UUID) -> Report:
    """How it went: funnel, hours, devices, reasons, variants, opt-outs, and the campaign before it."""
    return await reports.report(uow, campaign_id)


@routes.post("/{campaign_id}/exports", status_code=202)
async def make_export(uow: Uow, campaign_id: UUID, body: ExportRequest) -> JobView:
    """Have every row written as CSV, or the report as PDF, by a worker."""
    return await exporting.request(uow, campaign_id, body)


@routes.get("/{campaign_id}/exports")
async def list_exports(uow: Uow, campaign_id: UUID) -> list[JobView]:
    """The newest files and those being made."""
    return await exporting.recent(uow, campaign_id)


@routes.get("/{campaign_id}/exports/{job_id}")
async def show_export(uow: Uow, campaign_id: UUID, job_id: UUID) -> JobView:
    """How far a file is, and when it is done a link that works for an hour."""
    return await exporting.get(uow, campaign_id, job_id)


@routes.post("/{campaign_id}/exports/{job_id}/cancel", status_code=202)
async def cancel_export(uow: Uow, campaign_id: UUID, job_id: UUID) -> JobView:
    """Stop making a file."""
    return await exporting.cancel(uow, campaign_id, job_id)


@routes.post("/{campaign_id}/resend", status_code=201)
async def resend(uow: Uow, campaign_id: UUID) -> CampaignView:
    """A new draft for those the campaign was sent to who did not read it, reply or opt out."""
    return await resending.resend(uow, campaign_id)
