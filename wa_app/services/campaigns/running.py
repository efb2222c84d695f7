"""The life of a campaign after its draft: start, schedule, pause, resume, cancel, retry, decide."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.errors import Conflict, FieldError, Invalid
from wa_app.kit.clock import utc_now
from wa_app.models.outbound import Campaign, CampaignStatus
from wa_app.schemas.campaigns import CampaignView
from wa_app.schemas.principal import Principal
from wa_app.sending import ledger, planning
from wa_app.services import audit, entitlements
from wa_app.services.campaigns import checks, failures, reading, repeating, states

Decision = Literal["sent", "failed", "retry"]
LIFETIME = "30 days"
"""After this its rows are no longer sent (DESIGN §6: campaign its end)."""
PAUSED_BY_PERSON = "person"
MOST = 5_000
"""Rows a person may decide about at once."""


async def start(uow: TenantUnitOfWork, campaign_id: UUID) -> CampaignView:
    """Plan and send now, or at the campaign's own time when it has one ahead.

    Raises Conflict in a wrong state and Invalid with every reason why it cannot go out.
    Disconnected devices do not keep it from starting: it waits and says so.
    """
    uow.require("campaigns.send")
    campaign = await reading.find(uow, campaign_id, lock=True)
    states.demand(campaign, "start")
    await _demand_ready(uow, campaign)
    if campaign.scheduled_at is None or campaign.scheduled_at <= utc_now():
        campaign.started_at = utc_now()
        uow.enqueue("campaign.plan", tenant_id=uow.tenant_id, campaign_id=campaign_id)
    else:
        planning.freeze_soon(uow, campaign)
    await repeating.begin(uow, campaign, await tenant_zone(uow))
    return await _to(uow, campaign, CampaignStatus.PENDING, "start")


async def schedule(uow: TenantUnitOfWork, campaign_id: UUID, when: datetime) -> CampaignView:
    """Start at `when`; a time without a zone is the tenant's own. Invalid when it is past."""
    uow.require("campaigns.send")
    campaign = await reading.find(uow, campaign_id, lock=True)
    states.demand(campaign, "schedule")
    aware = await in_tenant_zone(uow, when)
    if (late := checks.schedule_problem(aware)) is not None:
        raise Invalid(late, code=late.code)
    campaign.scheduled_at = aware
    await _demand_ready(uow, campaign)
    planning.freeze_soon(uow, campaign)
    await repeating.begin(uow, campaign, await tenant_zone(uow))
    return await _to(uow, campaign, CampaignStatus.PENDING, "schedule")


async def start_now(uow: TenantUnitOfWork, campaign_id: UUID) -> CampaignView:
    """Do not wait for the chosen time."""
    uow.require("campaigns.send")
    campaign = await reading.find(uow, campaign_id, lock=True)
    states.demand(campaign, "schedule")
    campaign.scheduled_at, campaign.status = None, CampaignStatus.DRAFT
    await uow.session.flush()
    return await start(uow, campaign_id)


async def pause(uow: TenantUnitOfWork, campaign_id: UUID, reason: str = PAUSED_BY_PERSON) -> CampaignView:
    """Nothing more is claimed; what is on its way ends normally."""
    uow.require("campaigns.send")
    campaign = await reading.find(uow, campaign_id, lock=True)
    states.demand(campaign, "pause")
    campaign.pause_reason = reason
    return await _to(uow, campaign, CampaignStatus.PAUSED, "pause")


async def resume(uow: TenantUnitOfWork, campaign_id: UUID) -> CampaignView:
    """Go on where it was: with planning, with waiting for its time, or with sending."""
    uow.require("campaigns.send")
    campaign = await reading.find(uow, campaign_id, lock=True)
    states.demand(campaign, "resume")
    campaign.pause_reason = None
    if campaign.planned_at is not None:
        await planning.wake_lanes(uow, campaign_id)
    elif campaign.scheduled_at is None or campaign.scheduled_at <= utc_now():
        uow.enqueue("campaign.plan", tenant_id=uow.tenant_id, campaign_id=campaign_id)
    return await _to(uow, campaign, states.resumed(campaign), "resume")


async def cancel(uow: TenantUnitOfWork, campaign_id: UUID) -> CampaignView:
    """Stop for good. Waiting rows become `cancelled`, the first of them at once, the rest by an actor."""
    uow.require("campaigns.send")
    campaign = await reading.find(uow, campaign_id, lock=True)
    states.demand(campaign, "cancel")
    audit.record(uow, "campaign.cancel", "campaign", campaign_id, name=campaign.name)
    campaign.status = CampaignStatus.CANCELLED
    await uow.session.flush()
    if await ledger.cancel_planned(uow, campaign_id) == ledger.CHUNK:
        uow.enqueue("campaign.settle", tenant_id=uow.tenant_id, campaign_id=campaign_id)
    else:
        campaign.finished_at = utc_now()
    return await _to(uow, campaign, CampaignStatus.CANCELLED, "cancel")


async def retry_failed(
    uow: TenantUnitOfWork, campaign_id: UUID, *, include_unknown: bool = False, ids: Sequence[UUID] = (),
    reasons: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """Put failed rows back in line, unknown ones only when asked for by name. Returns how many.

    Args:
        reasons: only rows that failed for one of these (error codes); none with `include_unknown` means
            the unknown ones alone.

    Raises Conflict `nothing_to_retry` when there is none, Invalid `reason_not_retryable`.
    """
    uow.require("campaigns.send")
    refused = [code for code in reasons or () if not failures.may_retry("failed", code)]
    if refused:
        raise Invalid(FieldError("reasons", "reason_not_retryable", {"code": refused[0]}))
    campaign = await reading.find(uow, campaign_id, lock=True)
    states.demand(campaign, "retry")
    settled = await _settle_unknown(uow, campaign_id, ids, sent=False) if include_unknown else []
    moved = await _retry(uow, campaign_id, ids, settled, reasons)
    if not moved:
        raise Conflict("nothing_to_retry")
    audit.record(uow, "campaign.retry", "campaign", campaign_id, rows=moved)
    if campaign.status == CampaignStatus.COMPLETED:
        campaign.status, campaign.finished_at = CampaignStatus.PROCESSING, None
    await uow.session.flush()
    await planning.wake_lanes(uow, campaign_id)
    uow.publish("campaign", id=str(campaign_id), what="changed")
    return moved


async def _retry(
    uow: TenantUnitOfWork, campaign_id: UUID, ids: Sequence[UUID], settled: Sequence[UUID], reasons: Sequence[str] | None
) -> int:
    if ids:
        failed = [one async for one in _of_state(uow, campaign_id, "failed", ids)]
        return await ledger.retry_failed(uow, ids=failed)
    if reasons is None:
        return await _retry_all(uow, campaign_id, None)
    # Rows that were unknown a moment ago are named one by one: others not sent were not chosen.
    moved = await ledger.retry_failed(uow, ids=settled) if settled else 0
    return moved + (await _retry_all(uow, campaign_id, reasons) if reasons else 0)


async def resolve_unknown(
    uow: TenantUnitOfWork, campaign_id: UUID, decision: Decision, *, ids: Sequence[UUID] = ()
) -> int:
    """A person decides about messages that may or may not have arrived. Returns how many rows moved.

    `sent` keeps them as sent, `failed` as not sent, `retry` sends them again at that person's word.
    """
    uow.require("campaigns.send")
    campaign = await reading.find(uow, campaign_id, lock=True)
    states.demand(campaign, "retry" if decision == "retry" else "resolve")
    rows = await _settle_unknown(uow, campaign_id, ids, sent=decision == "sent")
    audit.record(uow, "campaign.resolve_unknown", "campaign", campaign_id, decision=decision, rows=len(rows))
    if decision == "retry" and rows:
        return await retry_failed(uow, campaign_id, ids=rows)
    return len(rows)


async def _settle_unknown(
    uow: TenantUnitOfWork, campaign_id: UUID, ids: Sequence[UUID], *, sent: bool
) -> list[UUID]:
    found = [one async for one in _of_state(uow, campaign_id, "unknown", ids)]
    return [one for one in found if await ledger.settle(uow, one, sent=sent)]


async def _of_state(
    uow: TenantUnitOfWork, campaign_id: UUID, state: str, ids: Sequence[UUID]
) -> AsyncIterator[UUID]:
    """Rows of the campaign in a state; of these ids when some are given."""
    query = text(
        "SELECT id FROM outbound_messages WHERE tenant_id = :t AND campaign_id = :c AND state = :state "
        "AND (:every OR id = ANY(:ids)) ORDER BY id LIMIT :most"
    )
    values = {"t": uow.tenant_id, "c": campaign_id, "state": state, "every": not ids, "ids": list(ids), "most": MOST}
    for one in (await uow.session.execute(query, values)).scalars():
        yield one


async def _retry_all(uow: TenantUnitOfWork, campaign_id: UUID, reasons: Sequence[str] | None) -> int:
    moved = 0
    while batch := await ledger.retry_failed(uow, campaign_id=campaign_id, codes=reasons):
        moved += batch
    return moved


async def settle(tenant_id: UUID, campaign_id: UUID) -> int:
    """Cancel the waiting rows of a cancelled campaign, batch by batch. Returns how many."""
    moved, batch = 0, ledger.CHUNK
    while batch == ledger.CHUNK:
        async with unit_of_work(Principal.system(tenant_id)) as uow:
            batch = await _settle_batch(uow, campaign_id)
            moved += batch
    return moved


async def _settle_batch(uow: TenantUnitOfWork, campaign_id: UUID) -> int:
    campaign = await uow.session.get(Campaign, campaign_id, with_for_update=True)
    if campaign is None or campaign.status != CampaignStatus.CANCELLED:
        return 0
    batch = await ledger.cancel_planned(uow, campaign_id)
    if batch < ledger.CHUNK and campaign.finished_at is None:
        campaign.finished_at = utc_now()
    await uow.session.flush()
    uow.publish("campaign", id=str(campaign_id), what="changed")
    return batch


_DUE = text("""
    UPDATE campaigns SET updated_at = now()
    WHERE status = 'PENDING' AND planned_at IS NULL AND deleted_at IS NULL
      AND (scheduled_at IS NULL OR scheduled_at <= now())
      AND (lease_until IS NULL OR lease_until < now())
      AND (updated_at IS NULL OR updated_at < now() - interval '5 seconds' OR updated_at < scheduled_at)
    RETURNING tenant_id, id
""")
_UNFROZEN = text("""
    UPDATE campaigns SET updated_at = now()
    WHERE status = 'PENDING' AND planned_at IS NULL AND deleted_at IS NULL AND frozen_at IS NULL
      AND scheduled_at > now() AND CAST(target ->> 'frozen' AS boolean)
      AND (updated_at IS NULL OR updated_at < now() - interval '10 seconds')
    RETURNING tenant_id, id
""")
_UNSETTLED = text("""
    UPDATE campaigns SET updated_at = now()
    WHERE status = 'CANCELLED' AND finished_at IS NULL AND updated_at < now() - interval '5 seconds'
    RETURNING tenant_id, id
""")
_DONE = text("""
    SELECT c.tenant_id, c.id FROM campaigns c
    WHERE c.status = 'PROCESSING' AND c.planned_at IS NOT NULL
      AND (SELECT COALESCE(sum(k.n), 0) FROM campaign_counters k WHERE k.tenant_id = c.tenant_id
           AND k.campaign_id = c.id AND k.state IN ('planned', 'sending', 'held')) = 0
""")


async def start_due(uow: SystemUnitOfWork) -> int:
    """One sweep over all tenants. Returns how many campaigns it touched.

    Wakes planners for campaigns whose time has come or whose planner has died, has frozen
    audiences written down, finishes cancelling, and completes campaigns of which nothing is left to send.
    """
    due = (await uow.session.execute(_DUE)).all()
    for tenant_id, campaign_id in due:
        uow.enqueue("campaign.plan", tenant_id=tenant_id, campaign_id=campaign_id)
    unfrozen = (await uow.session.execute(_UNFROZEN)).all()
    for tenant_id, campaign_id in unfrozen:
        uow.enqueue("campaign.freeze", tenant_id=tenant_id, campaign_id=campaign_id)
    unsettled = (await uow.session.execute(_UNSETTLED)).all()
    for tenant_id, campaign_id in unsettled:
        uow.enqueue("campaign.settle", tenant_id=tenant_id, campaign_id=campaign_id)
    done = (await uow.session.execute(_DONE)).all()
    for tenant_id, campaign_id in done:
        async with unit_of_work(Principal.system(tenant_id)) as own:
            await ledger.finish_if_done(own, campaign_id)
    return len(due) + len(unfrozen) + len(unsettled) + len(done)


async def in_tenant_zone(uow: TenantUnitOfWork, when: datetime) -> datetime:
    """A time without a zone is read in the tenant's zone."""
    if when.tzinfo is not None:
        return when
    aware = when.replace(tzinfo=await tenant_zone(uow))
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        # At either end of the calendar: refused as past or too far by whoever asked.
        return aware


async def tenant_zone(uow: TenantUnitOfWork) -> ZoneInfo:
    query = text("SELECT time_zone FROM tenants WHERE id = :t")
    return ZoneInfo((await uow.session.execute(query, {"t": uow.tenant_id})).scalar_one())


async def _demand_ready(uow: TenantUnitOfWork, campaign: Campaign) -> None:
    result = await checks.preflight(uow, campaign)
    late = [check for check in result.errors if check.field == "scheduled_at"]
    if late:
        raise Invalid(FieldError("scheduled_at", late[0].code), code=late[0].code)
    checks.refuse(result)
    month = utc_now().strftime("%Y-%m")
    await entitlements.require(uow, "broadcast_messages", result.audience.sendable, period=month)
    audit.record(uow, "campaign.start", "campaign", campaign.id, name=campaign.name, people=result.audience.total)
    campaign.expires_at = await _end(uow, campaign.scheduled_at)


async def _end(uow: TenantUnitOfWork, begin: datetime | None = None) -> datetime:
    query = text(f"SELECT GREATEST(now(), CAST(:begin AS timestamptz)) + interval '{LIFETIME}'")
    end: datetime = (await uow.session.execute(query, {"begin": begin})).scalar_one()
    return end


async def _to(uow: TenantUnitOfWork, campaign: Campaign, status: CampaignStatus, what: str) -> CampaignView:
    campaign.status, campaign.updated_at = status, utc_now()
    await uow.session.flush()
    uow.publish("campaign", id=str(campaign.id), what=what)
    return await reading.view(uow, campaign)
