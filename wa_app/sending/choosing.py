"""What a device may send next: pauses, pacing, caps, quiet hours, and whose turn it is.

Answers replies first, then single messages of programs, then campaigns in equal shares.
Everything runs in the lane's transaction, on the device's row as read there.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from wa_app.config import get_settings
from wa_app.kit.clock import boot_clock
from wa_app.kit.ids import NIL
from wa_app.sending import pacing
from wa_app.sending.claims import Batch, CampaignWork, Claim
from wa_app.sending.footers import footer_of
from wa_app.sending.rendering import parse
from wa_app.sending.shares import progress
from wa_app.sending.writing import Writer, writer_of

SHARE_WAIT_S: Final = 0.05
LOOK_S: Final = 0.1
"""How long the list of campaigns is believed for big ones; small ones are looked at each time."""
BIG: Final = 5_000


@dataclass(slots=True)
class Step:
    """What one transaction decided: rows to send, or how long to wait; neither: the slice is over."""

    batch: Batch = field(default_factory=Batch)
    wait_s: float | None = None
    typing: pacing.Policy | None = None
    drained: list[UUID] = field(default_factory=list)
    """Campaigns in which nothing was found to take."""


@dataclass(slots=True)
class _Campaigns:
    works: list[CampaignWork] = field(default_factory=list)
    quotas: dict[UUID, int] = field(default_factory=dict)
    big: bool = False
    looked_at: float = -1e9


_HEAD = """
SELECT d.status, d.is_active_for_broadcast, d.pacing, d.next_send_at, d.paused_until, d.pause_reason, d.error_streak,
  now() AS now,
  (SELECT min(m.priority) FROM outbound_messages m WHERE m.tenant_id = $1 AND m.preferred_device_id = $2
     AND m.campaign_id IS NULL AND m.state = 'planned' AND (m.due_at IS NULL OR m.due_at <= now())) AS direct
FROM devices d
WHERE d.tenant_id = $1 AND d.id = $2 AND d.lease_epoch = $3 AND d.lease_until > now() AND d.deleted_at IS NULL
FOR SHARE OF d
"""
_CAMPAIGNS = """
SELECT c.id, c.message_template, c.file_id, c.delay_min_s, c.delay_max_s, c.footer, c.variant_count, c.track_links,
  t.settings->>'footer' AS own_footer, t.language, coalesce(c.plan_total, 0) AS total,
  p.devices, p.weights, p.taken
FROM campaign_devices me JOIN campaigns c ON c.tenant_id = me.tenant_id AND c.id = me.campaign_id
JOIN tenants t ON t.id = me.tenant_id
CROSS JOIN LATERAL (
  SELECT array_agg(o.device_id) AS devices, array_agg(o.weight) AS weights, array_agg(coalesce(-n.n, 0)) AS taken
  FROM campaign_devices o
  JOIN devices d ON d.tenant_id = o.tenant_id AND d.id = o.device_id
  JOIN devices mine ON mine.tenant_id = o.tenant_id AND mine.id = me.device_id
  LEFT JOIN campaign_counters n ON n.tenant_id = o.tenant_id AND n.campaign_id = c.id
    AND n.device_id = o.device_id AND n.state = 'planned'
  WHERE o.tenant_id = me.tenant_id AND o.campaign_id = c.id AND (o.device_id = me.device_id OR (
    d.status = 'CONNECTED' AND d.is_active_for_broadcast AND d.deleted_at IS NULL
    AND (d.paused_until IS NULL OR d.paused_until <= now()) AND d.pacing = mine.pacing))
) p
WHERE me.tenant_id = $1 AND me.device_id = $2 AND c.status = 'PROCESSING' AND c.deleted_at IS NULL
ORDER BY c.started_at NULLS LAST, c.id
"""
_USED = """
SELECT period, sum(used)::int AS used FROM device_usage
WHERE tenant_id = $1 AND device_id = $2
  AND ((period = 'minute' AND starts_at > $3) OR (period = 'hour' AND starts_at > $4)
    OR (period = 'day' AND starts_at > $5))
GROUP BY period
"""
_USE = """
INSERT INTO device_usage AS u (tenant_id, device_id, period, starts_at, used)
SELECT $1, $2, p.period, p.starts_at, $5 FROM unnest($3::text[], $4::timestamptz[]) AS p(period, starts_at)
ON CONFLICT (tenant_id, device_id, period, starts_at) DO UPDATE SET used = u.used + excluded.used
"""


@dataclass(slots=True)
class Chooser:
    """Decides, claim by claim, for one device in one slice of its lane."""

    tenant_id: UUID
    device_id: UUID
    epoch: int
    zone: ZoneInfo
    identity_key: bytes
    policy: pacing.Policy
    busy: set[UUID]
    """Contacts with a message in flight or unknown on this device."""
    keys: list[str] = field(default_factory=list)
    """Message ids made in advance, where the engine takes them."""
    draw: Random = field(default_factory=Random)
    after: dict[UUID, UUID] = field(default_factory=dict)
    campaigns: _Campaigns = field(default_factory=_Campaigns)
    writers: dict[UUID, Writer | None] = field(default_factory=dict)

    async def head(self, conn: Any) -> Any:
        """The device as it is now, its row locked shared; None when the lease is not ours any more."""
        return await conn.fetchrow(_HEAD, self.tenant_id, self.device_id, self.epoch)

    async def claim(self, conn: Any, head: Any) -> Step:
        """Take the next rows, or say how long to wait."""
        now: datetime = head["now"]
        self.policy = policy = pacing.Policy.read(head["pacing"])
        resting = head["paused_until"] is not None and head["paused_until"] > now
        if head["status"] != "CONNECTED":
            return Step()
        if resting and head["pause_reason"] != "account_restricted":
            return Step(wait_s=(head["paused_until"] - now).total_seconds())
        claim = Claim(
            conn, self.tenant_id, self.device_id, self.epoch, self.zone, now, self.identity_key, self.busy
        )
        if head["direct"] == 0:
            step = Step(await claim.direct(len(self.keys) or policy.window, self.keys), typing=policy)
            return await self._booked(conn, step, policy, head)
        gap = head["next_send_at"] - now if head["next_send_at"] else timedelta(0)
        if gap > timedelta(0) and policy.has_delay:
            waits = head["direct"] is not None or bool(await self._works(conn))
            return Step(wait_s=gap.total_seconds() if waits else None)
        used = await self._used(conn, policy, now)
        limit = min(pacing.allowance(policy, used), len(self.keys) or policy.window)
        if head["direct"] is not None:
            if limit == 0:
                return Step(wait_s=pacing.capped_wait_s(policy, used, now, self.zone))
            step = Step(await claim.direct(limit, self.keys), typing=policy)
            return await self._booked(conn, step, policy, head)
        if not head["is_active_for_broadcast"] or resting:
            return Step()
        return await self._claim_campaign(conn, claim, head, limit, used)

    async def _claim_campaign(
        self, conn: Any, claim: Claim, head: Any, limit: int, used: dict[str, int]
    ) -> Step:
        works = await self._works(conn)
        if not works:
            return Step()
        if limit == 0:
            return Step(wait_s=pacing.capped_wait_s(self.policy, used, claim.now, self.zone))
        quiet = pacing.quiet_until(self.policy, claim.now, self.zone)
        if quiet is not None:
            return Step(wait_s=(quiet - claim.now).total_seconds())
        waiting, drained = False, []
        for work in works:
            quota = min(limit, self.campaigns.quotas[work.id])
            if quota <= 0:
                waiting = True
                continue
            policy = self.policy.slower(work.delay_min_s, work.delay_max_s)
            batch = await self._pick(claim, work, min(quota, policy.window), policy)
            if batch.picked:
                self.campaigns.quotas[work.id] -= len(batch.rows)
                step = Step(batch, wait_s=0.0, typing=policy)
                return await self._booked(conn, step, policy, head)
            drained.append(work.id)
        return Step(wait_s=SHARE_WAIT_S if waiting else None, drained=drained)

    async def _pick(self, claim: Claim, work: CampaignWork, limit: int, policy: pacing.Policy) -> Batch:
        """Rows beyond the last one taken in this slice (the index is full of dead entries before it), then the rest."""
        after = self.after.get(work.id, NIL)
        batch = await claim.campaign(work, limit, after, policy, self.keys)
        if not batch.picked and after != NIL:
            batch = await claim.campaign(work, limit, NIL, policy, self.keys)
        self.after[work.id] = batch.last_id
        return batch

    async def _works(self, conn: Any) -> list[CampaignWork]:
        """Campaigns this device may take rows of now, and its quota of each."""
        known = self.campaigns
        if known.big and boot_clock() - known.looked_at < LOOK_S and all(quota > 0 for quota in known.quotas.values()):
            return known.works
        rows = await conn.fetch(_CAMPAIGNS, self.tenant_id, self.device_id)
        known.works = [
            CampaignWork(
                r["id"], parse(r["message_template"]), r["file_id"], r["delay_min_s"], r["delay_max_s"],
                footer_of(r["own_footer"], r["language"]) if r["footer"] else "", await self._writer(conn, r),
            )
            for r in rows
        ]
        known.quotas = {
            r["id"]: progress.quota(
                r["id"], self.device_id, dict(zip(r["devices"], r["taken"], strict=True)),
                dict(zip(r["devices"], r["weights"], strict=True)), max(self.policy.delay_max_s, r["delay_max_s"] or 0),
                r["total"],
            )
            for r in rows
        }  # fmt: skip
        known.big = all(r["total"] >= BIG for r in rows)
        known.looked_at = boot_clock()
        return known.works

    async def _writer(self, conn: Any, row: Any) -> Writer | None:
        """Kept for the slice: what a campaign says cannot change once it runs."""
        if row["id"] not in self.writers:
            self.writers[row["id"]] = await writer_of(
                conn, self.tenant_id, row, get_settings().base_url, self.identity_key
            )
        return self.writers[row["id"]]

    async def _used(self, conn: Any, policy: pacing.Policy, now: datetime) -> dict[str, int]:
        if not policy.caps:
            return {}
        starts = [pacing.window_start(period, now, self.zone) for period in ("minute", "hour", "day")]
        rows = await conn.fetch(_USED, self.tenant_id, self.device_id, *starts)
        return {row["period"]: row["used"] for row in rows}

    async def _booked(self, conn: Any, step: Step, policy: pacing.Policy, head: Any) -> Step:
        """Book what was claimed: the caps, and the time of the next send."""
        step.wait_s = 0.0
        if not step.batch.rows:
            return step
        # The day is always counted: the device's page shows it.
        periods = ["minute", "hour", "day"] if self.policy.caps else ["day"]
        starts = [pacing.bucket_start(period, head["now"], self.zone) for period in periods]
        await conn.execute(_USE, self.tenant_id, self.device_id, periods, starts, len(step.batch.rows))
        if policy.has_delay:
            due = pacing.next_send(policy, head["next_send_at"], head["now"], self.draw)
            await conn.execute(
                "UPDATE devices SET next_send_at = $4 WHERE tenant_id = $1 AND id = $2 AND lease_epoch = $3",
                self.tenant_id, self.device_id, self.epoch, due,
            )  # fmt: skip
        return step
