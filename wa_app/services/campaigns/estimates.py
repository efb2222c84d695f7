"""When a campaign would be over with the devices it has, and what each of them would send."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.models.outbound import Campaign
from wa_app.schemas.preflight import DeviceShare, Estimate
from wa_app.sending import pacing, warmup
from wa_app.sending.forecast import Course, forecast

_DEVICES = text("""
    SELECT d.*, COALESCE(cd.weight, d.weight) AS share,
        COALESCE((SELECT sum(u.used) FROM device_usage u WHERE u.tenant_id = d.tenant_id AND u.device_id = d.id
            AND u.period = 'day' AND u.starts_at >= date_trunc('day', now() AT TIME ZONE t.time_zone)
            AT TIME ZONE t.time_zone), 0)::int AS used_today
    FROM devices d JOIN tenants t ON t.id = d.tenant_id
    LEFT JOIN campaign_devices cd ON cd.tenant_id = d.tenant_id AND cd.campaign_id = :campaign AND cd.device_id = d.id
    WHERE d.tenant_id = :tenant AND d.deleted_at IS NULL AND d.is_active_for_broadcast
      AND (cd.device_id IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM campaign_devices o WHERE o.tenant_id = :tenant AND o.campaign_id = :campaign))
    ORDER BY d.id
""")


@dataclass(frozen=True, slots=True)
class Sender:
    """A device that may take rows of a campaign, as far as the pre-flight cares."""

    id: UUID
    name: str
    is_connected: bool
    policy: pacing.Policy
    """As in force for this campaign: guard, warm-up and the campaign's own delays included."""
    weight: int
    used_today: int
    guard: str
    health_score: int | None
    warmup_stage: int | None
    paused_until: datetime | None
    pause_reason: str | None
    linked_at: datetime


async def senders(uow: TenantUnitOfWork, campaign: Campaign) -> list[Sender]:
    """The chosen devices, or every one that is active for broadcasts."""
    rows = await uow.session.execute(_DEVICES, {"tenant": uow.tenant_id, "campaign": campaign.id})
    return [_sender(campaign, row._mapping) for row in rows]


def _sender(campaign: Campaign, row: Any) -> Sender:
    guard = pacing.guard_of(row.get("guard", "none"))
    stage = row["warmup_stage"]
    limited = pacing.Policy.read(row["pacing"]).limited(guard, warmup.cap(stage, row["warmup_curve"]))
    return Sender(
        id=row["id"], name=row["name"], is_connected=row["status"] == "CONNECTED",
        policy=limited.slower(campaign.delay_min_s, campaign.delay_max_s), weight=max(1, row["share"]),
        used_today=row["used_today"], guard=guard, health_score=row.get("health_score"), warmup_stage=stage,
        paused_until=row["paused_until"], pause_reason=row["pause_reason"], linked_at=row["connected_at"] or row["created_at"],
    )  # fmt: skip


def estimate(
    people: int, found: Sequence[Sender], start: datetime, zone: ZoneInfo, strangers: float
) -> Estimate | None:
    """The campaign played forward on the devices that can send; None without one."""
    able = [one for one in found if one.is_connected and one.guard != "all"]
    if not able or people <= 0:
        return None
    courses = [Course(one.policy, one.weight, one.used_today) for one in able]
    played = forecast(people, courses, start, zone, strangers=strangers)
    shares = [
        DeviceShare(device_id=one.id, name=one.name, messages=n, health_score=one.health_score, guard=one.guard)
        for one, n in zip(able, played.per_device, strict=True)
    ]
    return Estimate(early=played.early, late=played.late, devices=shares, limits=played.limits)


def mean_gap_s(found: Sequence[Sender]) -> float:
    """Seconds between two messages of a connected device, on average; 0 without one."""
    gaps = [(one.policy.delay_min_s + one.policy.delay_max_s) / 2 for one in found if one.is_connected]
    return sum(gaps) / len(gaps) if gaps else 0.0
