"""How a campaign is doing: counts, rate, estimated end, what each number does right now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from wa_app.db import TenantUnitOfWork
from wa_app.kit.clock import utc_now
from wa_app.models.devices import Device, DeviceStatus
from wa_app.models.outbound import Campaign, CampaignDevice, CampaignStatus
from wa_app.schemas.campaigns import Counts, Lane, LiveRow, Pulse, Stats
from wa_app.sending.rules import REPLY_WINDOW
from wa_app.services.campaigns import checks, links, reading, variants

RATE_WINDOW = timedelta(minutes=5)
RECENT = 20_000
"""Rows looked at for rate and chart: those the lanes took last, whatever the size of the campaign."""

_RECENT = """
    SELECT {what} FROM (
        SELECT o.sent_at FROM outbound_messages o
        WHERE o.tenant_id = :tenant AND o.campaign_id = :campaign AND o.id < COALESCE((
            SELECT p.id FROM outbound_messages p
            WHERE p.tenant_id = :tenant AND p.campaign_id = :campaign AND p.state = 'planned'
            ORDER BY p.id LIMIT 1), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        ORDER BY o.id DESC LIMIT :n
    ) r WHERE r.sent_at IS NOT NULL {more}
"""
"""Lanes take rows in the order of their ids, so the last ones sent lie just below the first planned one."""

_REPLIED = text(f"""
    SELECT count(DISTINCT v.contact_id) FROM conversations v
    JOIN contact_identities i ON i.tenant_id = v.tenant_id AND i.contact_id = v.contact_id
    JOIN outbound_messages o ON o.tenant_id = v.tenant_id AND o.dedupe_key = :prefix || i.kind || ':' || i.value
    WHERE v.tenant_id = :tenant AND v.last_message_at >= :since AND o.sent_at IS NOT NULL AND EXISTS (
        SELECT 1 FROM messages m WHERE m.tenant_id = v.tenant_id AND m.conversation_id = v.id
        AND m.direction = 'INBOUND' AND m.timestamp BETWEEN o.sent_at AND o.sent_at + interval '{REPLY_WINDOW}')
""")  # noqa: S608
_OPTED_OUT = text("""
    SELECT count(*) FROM (
        SELECT contact_id AS person FROM consents
        WHERE tenant_id = :tenant AND campaign_id = :campaign AND kind = 'opt_out'
        UNION SELECT COALESCE(i.contact_id, s.id) FROM suppressions s
        LEFT JOIN contact_identities i ON i.tenant_id = s.tenant_id AND i.hash = s.hash
        WHERE s.tenant_id = :tenant AND s.campaign_id = :campaign
    ) one
""")
"""Who stopped because of a campaign, also when they started again since."""


async def stats(uow: TenantUnitOfWork, campaign_id: UUID) -> Stats:
    """The figures of one campaign; `total` is the sum of the states at every moment."""
    uow.require("campaigns.read")
    campaign = await reading.find(uow, campaign_id)
    counts = (await reading.counts_of(uow, [campaign_id]))[campaign_id]
    rate = await _rate(uow, campaign) if campaign.status == CampaignStatus.PROCESSING else None
    replied, opted_out = await _answers(uow, campaign)
    clicks, clicked = await links.totals(uow, campaign_id) if campaign.track_links else (0, 0)
    written = await variants.figures(uow, campaign) if campaign.variant_count else []
    return Stats(
        **counts.model_dump(), status=campaign.status, replied=replied, opted_out=opted_out,
        clicks=clicks, clicked=clicked, variants=written, rate_per_minute=rate, eta=_eta(counts, rate),
    )  # fmt: skip


async def opted_out(uow: TenantUnitOfWork, campaign_id: UUID) -> int:
    """People who stopped because of a campaign."""
    values = {"tenant": uow.tenant_id, "campaign": campaign_id}
    return int((await uow.session.execute(_OPTED_OUT, values)).scalar_one())


async def _answers(uow: TenantUnitOfWork, campaign: Campaign) -> tuple[int, int]:
    if campaign.started_at is None:
        return 0, 0
    replied = {"tenant": uow.tenant_id, "prefix": f"c:{campaign.id}:", "since": campaign.started_at}
    return (await uow.session.execute(_REPLIED, replied)).scalar_one(), await opted_out(uow, campaign.id)


async def _rate(uow: TenantUnitOfWork, campaign: Campaign) -> float | None:
    """Messages a minute: measured over the last minutes, else what the pacing of the devices allows."""
    measured = text(_RECENT.format(
        what="count(*), extract(epoch FROM now() - min(r.sent_at))",
        more="AND r.sent_at > now() - CAST(:window AS interval)",
    ))  # fmt: skip
    values = {"tenant": uow.tenant_id, "campaign": campaign.id, "n": RECENT, "window": RATE_WINDOW}
    n, seconds = (await uow.session.execute(measured, values)).one()
    if n >= 3 and seconds:
        return round(int(n) / max(float(seconds), 1.0) * 60, 1)
    return await _planned_rate(uow, campaign)


async def _planned_rate(uow: TenantUnitOfWork, campaign: Campaign) -> float | None:
    devices = [one for one in await _devices(uow, campaign.id) if one.status == DeviceStatus.CONNECTED]
    gaps = [checks.mean_gap(campaign, device) for device in devices if device.is_active_for_broadcast]
    rate = sum(60 / gap for gap in gaps if gap > 0)
    return round(rate, 1) if rate else None


def _eta(counts: Counts, rate: float | None) -> datetime | None:
    waiting = counts.planned + counts.sending
    if not rate or not waiting:
        return None
    return utc_now().replace(microsecond=0) + timedelta(minutes=waiting / rate)


async def pulse(uow: TenantUnitOfWork, campaign_id: UUID, minutes: int = 150) -> list[Pulse]:
    """Messages sent in each of the last minutes in which some were, oldest first."""
    uow.require("campaigns.read")
    await reading.find(uow, campaign_id)
    query = text(_RECENT.format(
        what="date_trunc('minute', r.sent_at) AS at, count(*) AS n",
        more="GROUP BY 1 ORDER BY 1 DESC LIMIT :minutes",
    ))  # fmt: skip
    values = {"tenant": uow.tenant_id, "campaign": campaign_id, "n": RECENT, "minutes": minutes}
    rows = (await uow.session.execute(query, values)).all()
    return [Pulse(at=row.at, n=row.n) for row in reversed(rows)]


_LIVE = text("""
    SELECT o.id, COALESCE(c.name, '') AS name, o.identity_value AS phone, o.state, o.error_code,
           COALESCE(d.name, '') AS device_name,
           GREATEST(o.read_at, o.delivered_at, o.sent_at, o.claimed_at, o.created_at) AS at
    FROM outbound_messages o
    LEFT JOIN contacts c ON c.tenant_id = o.tenant_id AND c.id = o.contact_id
    LEFT JOIN devices d ON d.tenant_id = o.tenant_id AND d.id = o.device_id
    WHERE o.tenant_id = :tenant AND o.campaign_id = :campaign AND o.state <> 'planned' AND o.id < COALESCE((
        SELECT p.id FROM outbound_messages p
        WHERE p.tenant_id = :tenant AND p.campaign_id = :campaign AND p.state = 'planned'
        ORDER BY p.id LIMIT 1), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    ORDER BY o.id DESC LIMIT :n
""")


async def live(uow: TenantUnitOfWork, campaign_id: UUID, n: int = 10) -> list[LiveRow]:
    """The rows the lanes took last."""
    uow.require("campaigns.read")
    await reading.find(uow, campaign_id)
    rows = await uow.session.execute(_LIVE, {"tenant": uow.tenant_id, "campaign": campaign_id, "n": n})
    return [LiveRow.model_validate({**row._mapping, "status": row.state}) for row in rows]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the lanes of a campaign have done and are doing, by device."""

    taken: dict[UUID, int]
    sending: dict[UUID, tuple[str, str]]
    used: dict[tuple[UUID, str], int]


async def lanes(uow: TenantUnitOfWork, campaign_id: UUID) -> list[Lane]:
    """Each device of a campaign: its share so far, its use against the caps, what it does now."""
    uow.require("campaigns.read")
    campaign = await reading.find(uow, campaign_id)
    devices = await _devices(uow, campaign_id)
    ids = [device.id for device in devices]
    facts = _Facts(
        await _taken(uow, campaign_id), await _sending(uow, ids), await _used(uow, ids)
    )
    total = sum(facts.taken.values())
    return [_lane(campaign, device, facts, total) for device in devices]


async def _devices(uow: TenantUnitOfWork, campaign_id: UUID) -> Sequence[Device]:
    chosen = select(col(CampaignDevice.device_id)).where(col(CampaignDevice.campaign_id) == campaign_id)
    query = select(Device).where(col(Device.id).in_(chosen), col(Device.deleted_at).is_(None)).order_by(col(Device.id))
    return (await uow.session.execute(query)).scalars().all()


async def _taken(uow: TenantUnitOfWork, campaign_id: UUID) -> dict[UUID, int]:
    query = text(
        "SELECT device_id, sum(n)::bigint FROM campaign_counters WHERE campaign_id = :campaign "
        "AND state IN ('sending', 'sent', 'delivered', 'read', 'played', 'failed', 'unknown') "
        "AND device_id <> '00000000-0000-0000-0000-000000000000' GROUP BY device_id"
    )
    return {device: int(n) for device, n in await uow.session.execute(query, {"campaign": campaign_id})}


async def _sending(uow: TenantUnitOfWork, ids: Sequence[UUID]) -> dict[UUID, tuple[str, str]]:
    query = text(
        "SELECT DISTINCT ON (o.device_id) o.device_id, o.kind, COALESCE(NULLIF(c.name, ''), o.identity_value) AS who "
        "FROM outbound_messages o LEFT JOIN contacts c ON c.tenant_id = o.tenant_id AND c.id = o.contact_id "
        "WHERE o.tenant_id = :tenant AND o.device_id = ANY(:ids) AND o.state = 'sending' "
        "ORDER BY o.device_id, o.claimed_at DESC"
    )
    rows = await uow.session.execute(query, {"tenant": uow.tenant_id, "ids": list(ids)})
    return {row.device_id: (row.kind, row.who) for row in rows}


async def _used(uow: TenantUnitOfWork, ids: Sequence[UUID]) -> dict[tuple[UUID, str], int]:
    """Messages of each device in the last hour and on the tenant's calendar day."""
    query = text("""
        SELECT u.device_id, 'day' AS period, sum(u.used)::bigint AS used
        FROM device_usage u JOIN tenants t ON t.id = u.tenant_id
        WHERE u.tenant_id = :tenant AND u.device_id = ANY(:ids) AND u.period = 'day'
          AND u.starts_at >= date_trunc('day', now() AT TIME ZONE t.time_zone) AT TIME ZONE t.time_zone GROUP BY 1
        UNION ALL
        SELECT d.id, 'hour', l.total - coalesce((
          SELECT s.total FROM device_sends s WHERE s.tenant_id = :tenant AND s.device_id = d.id
            AND s.at <= now() - interval '1 hour' ORDER BY s.total DESC LIMIT 1), f.total - 1)
        FROM unnest(CAST(:ids AS uuid[])) AS d(id)
        CROSS JOIN LATERAL (SELECT total FROM device_sends s WHERE s.tenant_id = :tenant AND s.device_id = d.id
          ORDER BY s.total DESC LIMIT 1) l
        CROSS JOIN LATERAL (SELECT total FROM device_sends s WHERE s.tenant_id = :tenant AND s.device_id = d.id
          ORDER BY s.total LIMIT 1) f
    """)
    rows = await uow.session.execute(query, {"tenant": uow.tenant_id, "ids": list(ids)})
    return {(row.device_id, row.period): int(row.used) for row in rows}


def _lane(campaign: Campaign, device: Device, facts: _Facts, total: int) -> Lane:
    taken = facts.taken.get(device.id, 0)
    return Lane(
        device_id=device.id, name=device.name, phone=device.phone, taken=taken,
        share=round(taken / total, 4) if total else 0.0,
        used_today=facts.used.get((device.id, "day"), 0), cap_today=device.pacing.get("per_day"),
        used_hour=facts.used.get((device.id, "hour"), 0), cap_hour=device.pacing.get("per_hour"),
        **_doing(campaign, device, facts.sending.get(device.id)),
    )  # fmt: skip


def _doing(campaign: Campaign, device: Device, sending: tuple[str, str] | None) -> dict[str, Any]:
    """What a lane does now, most pressing fact first."""
    now = utc_now()
    if device.status == DeviceStatus.FAILED:
        return {"doing": "failed"}
    if device.status != DeviceStatus.CONNECTED:
        return {"doing": "disconnected"}
    if not device.is_active_for_broadcast:
        return {"doing": "off"}
    if device.paused_until is not None and device.paused_until > now:
        return {"doing": "paused", "detail": device.pause_reason or ""}
    if sending is not None:
        return {"doing": "typing" if sending[0] == "campaign" else "replying", "detail": sending[1]}
    if campaign.status == CampaignStatus.PROCESSING and device.next_send_at is not None and device.next_send_at > now:
        return {"doing": "gap", "wait_s": round((device.next_send_at - now).total_seconds())}
    return {"doing": "idle"}
