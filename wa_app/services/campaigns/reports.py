"""The report of a campaign: who got it, who read it, when, through which number, and what went wrong."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.models.outbound import Campaign
from wa_app.schemas.campaigns import Counts
from wa_app.schemas.reports import Compared, DeviceFigures, Funnel, Hour, Reason, Report, VariantFigures
from wa_app.services.campaigns import failures, progress, reading, snapshots

MOST_HOURS = 24 * 31
MOST_RESENDS = 20

_DEVICES = text("""
    SELECT k.device_id, COALESCE(d.name, '') AS name,
        sum(k.n) FILTER (WHERE k.state IN ('sending', 'sent', 'delivered', 'read', 'played', 'failed', 'unknown'))::bigint AS taken,
        COALESCE(sum(k.n) FILTER (WHERE k.state IN ('sent', 'delivered', 'read', 'played')), 0)::bigint AS arrived,
        COALESCE(sum(k.n) FILTER (WHERE k.state IN ('delivered', 'read', 'played')), 0)::bigint AS delivered,
        COALESCE(sum(k.n) FILTER (WHERE k.state IN ('read', 'played')), 0)::bigint AS read,
        COALESCE(sum(k.n) FILTER (WHERE k.state = 'failed'), 0)::bigint AS failed,
        COALESCE(sum(k.n) FILTER (WHERE k.state = 'unknown'), 0)::bigint AS unknown
    FROM campaign_counters k LEFT JOIN devices d ON d.tenant_id = k.tenant_id AND d.id = k.device_id
    WHERE k.tenant_id = :tenant AND k.campaign_id = :campaign AND k.device_id <> '00000000-0000-0000-0000-000000000000'
    GROUP BY 1, 2 HAVING sum(k.n) FILTER (WHERE k.state NOT IN ('planned', 'skipped', 'cancelled', 'held')) > 0
    ORDER BY taken DESC, name
""")
_REASONS = text("""
    SELECT state, error_code AS code, count(*) AS n FROM outbound_messages
    WHERE tenant_id = :tenant AND campaign_id = :campaign AND error_code IS NOT NULL
      AND state IN ('failed', 'skipped', 'unknown')
    GROUP BY 1, 2 ORDER BY n DESC, code
""")
_BEFORE = text("""
    SELECT c.id, c.name, c.finished_at, (r.data ->> 'replied')::int AS replied FROM campaigns c
    LEFT JOIN campaign_reports r ON r.tenant_id = c.tenant_id AND r.campaign_id = c.id
    WHERE c.tenant_id = :tenant AND c.started_at < :start AND c.id <> :campaign AND c.deleted_at IS NULL
      AND c.planned_at IS NOT NULL AND c.status IN ('COMPLETED', 'PROCESSING', 'PAUSED')
    ORDER BY c.started_at DESC LIMIT 1
""")
_RESENDS = text(
    "SELECT id FROM campaigns WHERE tenant_id = :tenant AND resend_of = :campaign AND deleted_at IS NULL "
    "ORDER BY id LIMIT :most"
)
_NAMES = text("SELECT position, name FROM campaign_variants WHERE tenant_id = :tenant AND campaign_id = :campaign")


async def report(uow: TenantUnitOfWork, campaign_id: UUID) -> Report:
    """Everything the report page, the API and the PDF show."""
    uow.require("campaigns.read")
    campaign = await reading.find(uow, campaign_id)
    counts = (await reading.counts_of(uow, [campaign_id]))[campaign_id]
    zone = await snapshots.time_zone(uow)
    data, as_of, is_fresh = await snapshots.of(uow, campaign, counts, zone)
    seconds = _span(data)
    taken = counts.total - counts.planned - counts.held - counts.skipped - counts.cancelled
    key = {"tenant": uow.tenant_id, "campaign": campaign_id}
    return Report(
        id=campaign_id, name=campaign.name, status=campaign.status, started_at=campaign.started_at,
        finished_at=campaign.finished_at, time_zone=zone, total=counts.total, funnel=_funnel(counts, data),
        skipped=counts.skipped, failed=counts.failed, unknown=counts.unknown, cancelled=counts.cancelled,
        waiting=counts.planned + counts.held + counts.sending, opted_out=await progress.opted_out(uow, campaign_id),
        seconds=seconds, per_minute=round(taken / max(seconds, 1) * 60, 1) if seconds and taken > 1 else None,
        median_read_s=data.get("median_read_s"),
        devices=[DeviceFigures(**row._asdict()) for row in await uow.session.execute(_DEVICES, key)],
        reasons=await reasons(uow, campaign_id, counts), hours=_hours(data),
        variants=await _variants(uow, campaign, data), previous=await _previous(uow, campaign),
        resend_of=campaign.resend_of, resends=await _resends(uow, campaign_id), as_of=as_of, is_fresh=is_fresh,
    )  # fmt: skip


async def reasons(uow: TenantUnitOfWork, campaign_id: UUID, counts: Counts | None = None) -> list[Reason]:
    """Why rows failed, were skipped or are unknown, most frequent first."""
    if counts is None:
        counts = (await reading.counts_of(uow, [campaign_id]))[campaign_id]
    rows = await uow.session.execute(_REASONS, {"tenant": uow.tenant_id, "campaign": campaign_id})
    found = [
        Reason(state=row.state, code=row.code, n=row.n, may_retry=failures.may_retry(row.state, row.code)) for row in rows
    ]
    for state in ("failed", "skipped", "unknown"):
        unexplained = getattr(counts, state) - sum(one.n for one in found if one.state == state)
        if unexplained > 0:
            found.append(Reason(state=state, code="", n=unexplained, may_retry=state == "unknown"))
    return found


def _funnel(counts: Counts, data: dict[str, Any]) -> Funnel:
    seen = counts.read + counts.played
    return Funnel(
        planned=counts.total, sent=counts.arrived, delivered=counts.delivered + seen, read=seen,
        replied=data.get("replied", 0), clicked=data.get("clicked"),
    )  # fmt: skip


def _span(data: dict[str, Any]) -> int | None:
    if not data.get("first") or not data.get("last"):
        return None
    return round((datetime.fromisoformat(data["last"]) - datetime.fromisoformat(data["first"])).total_seconds())


def _hours(data: dict[str, Any]) -> list[Hour]:
    found = [Hour(at=datetime.fromisoformat(at), **figures) for at, figures in data.get("hours", {}).items()]
    return sorted(found, key=lambda hour: hour.at)[:MOST_HOURS]


async def _variants(uow: TenantUnitOfWork, campaign: Campaign, data: dict[str, Any]) -> list[VariantFigures]:
    if not data.get("variants"):
        return []
    rows = await uow.session.execute(_NAMES, {"tenant": uow.tenant_id, "campaign": campaign.id})
    names = {row.position: row.name for row in rows}
    return [
        VariantFigures(
            name=names.get(one["position"]) or chr(ord("A") + one["position"]), sent=one["sent"], read=one["read"],
            replied=one["replied"],
        )
        for one in data["variants"]
    ]  # fmt: skip


async def _previous(uow: TenantUnitOfWork, campaign: Campaign) -> Compared | None:
    """The campaign that began before this one, with its shares of what was sent."""
    if campaign.started_at is None:
        return None
    values = {"tenant": uow.tenant_id, "campaign": campaign.id, "start": campaign.started_at}
    row = (await uow.session.execute(_BEFORE, values)).one_or_none()
    if row is None:
        return None
    counts = (await reading.counts_of(uow, [row.id]))[row.id]
    seen, sent = counts.read + counts.played, counts.arrived
    return Compared(
        id=row.id, name=row.name, finished_at=row.finished_at, sent=sent,
        delivered_share=share(counts.delivered + seen, sent), read_share=share(seen, sent),
        replied_share=share(row.replied, sent),
    )  # fmt: skip


def share(part: int | None, whole: int) -> float | None:
    """A part of a whole between 0 and 1; None where either is not known."""
    return None if part is None or not whole else round(part / whole, 4)


async def _resends(uow: TenantUnitOfWork, campaign_id: UUID) -> list[UUID]:
    values = {"tenant": uow.tenant_id, "campaign": campaign_id, "most": MOST_RESENDS}
    return list((await uow.session.execute(_RESENDS, values)).scalars())
