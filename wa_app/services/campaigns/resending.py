"""Writing again to those who did not read: a new draft whose audience is the old campaign's history."""

from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict
from wa_app.i18n import translate
from wa_app.models.outbound import Campaign, CampaignStatus
from wa_app.schemas.campaigns import CampaignCreate, CampaignView, Target
from wa_app.schemas.segments import CampaignRule, ConsentRule, Rules
from wa_app.sending import audience
from wa_app.services.campaigns import checks, editing, reading

READY = frozenset({CampaignStatus.PROCESSING, CampaignStatus.PAUSED, CampaignStatus.COMPLETED, CampaignStatus.CANCELLED})


def silent_readers(campaign_id: UUID) -> Target:
    """People the campaign was sent to who did not read it, did not reply and have not opted out.

    Rows that failed or were skipped were not sent, so those people are not among them.
    """
    return Target(filter=Rules(match="all", rules=[
        CampaignRule(state="not_read", campaign_ids=[campaign_id]),
        CampaignRule(state="replied", did=False, campaign_ids=[campaign_id]),
        ConsentRule(op="not_suppressed"),
    ]))  # fmt: skip


async def silent(uow: TenantUnitOfWork, campaign_id: UUID) -> int:
    """How many people that is now."""
    uow.require("campaigns.read")
    await reading.find(uow, campaign_id)
    return (await audience.count(uow, silent_readers(campaign_id))).sendable


async def resend(uow: TenantUnitOfWork, campaign_id: UUID) -> CampaignView:
    """A new draft with the same message for those who did not read it. Conflict `nothing_sent_yet`."""
    uow.require("campaigns.write")
    source = await reading.find(uow, campaign_id)
    counts = (await reading.counts_of(uow, [campaign_id]))[campaign_id]
    if source.status not in READY or not counts.arrived:
        raise Conflict("nothing_sent_yet")
    made = await editing.create(uow, await _copy(uow, source))
    draft = await reading.find(uow, made.id, lock=True)
    draft.resend_of = campaign_id
    await uow.session.flush()
    return await reading.view(uow, draft)


def _best(source: Campaign, old: CampaignView) -> tuple[str, UUID | None]:
    """What is written again: the text that won, where there was a test, else the campaign's own."""
    won = next((one for one in old.variants if one.letter == old.winner), None)
    return (won.message_template, won.file_id) if won else (source.message_template, source.file_id)


async def _copy(uow: TenantUnitOfWork, source: Campaign) -> CampaignCreate:
    old = await reading.view(uow, source)
    name = translate(uow.principal.language, "campaigns.resend.name", name=source.name)[: checks.MAX_NAME]
    template, file_id = _best(source, old)
    if await checks.media_problem(uow, file_id) is not None:
        file_id = None
    return CampaignCreate(
        name=name, message_template=template, file_id=file_id, track_links=source.track_links, target=silent_readers(source.id),
        device_ids=old.device_ids, footer=source.footer,
        delay_min_s=source.delay_min_s, delay_max_s=source.delay_max_s,
    )  # fmt: skip
