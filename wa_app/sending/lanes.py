"""The lane of a device: its only sender (DESIGN §6).

A lane holds the device's lease, works for a slice of at most 20 s and gives way. One short
transaction writes what became of the previous window and claims the next rows; the calls
go out after it has committed. A row is `sending` before its call starts, so a crash leaves
at most one window of rows whose fate is unknown, and none that is sent twice.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError

from wa_app import leases
from wa_app.channels.port import Channel, ChannelError
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.kit.ids import NIL
from wa_app.kit.secrets import decrypt
from wa_app.models.devices import Device
from wa_app.queues import MAX_DELAY_MS
from wa_app.schemas.principal import Principal
from wa_app.sending import ledger, pacing
from wa_app.sending.claims import Batch, CampaignWork, Claim
from wa_app.sending.delivery import Delivered, Delivery, LoadFile, Pause, lost, not_started
from wa_app.sending.rendering import parse
from wa_app.sending.shares import progress

log = structlog.get_logger(__name__)

SLICE_S: Final = 20.0
TRUST_S: Final = 20.0
"""No call starts when the lease was last confirmed longer ago than this (it lasts 30 s)."""
IN_SLICE_WAIT_S: Final = 5.0
"""A longer gap is left to a delayed message, so that waiting lanes do not hold threads."""
SHARE_WAIT_S: Final = 0.05
LOOK_S: Final = 0.1
"""How long the list of campaigns is believed for big ones; small ones are looked at each time."""
BIG: Final = 5_000
ERROR_STREAK: Final = 15
"""Failures in a row on one device after which its campaign is paused."""

_stopping = threading.Event()


def stop_all() -> None:
    """Let every lane of this process end after its current window (at shutdown, from any thread)."""
    _stopping.set()


def start_all() -> None:
    """Undo `stop_all` (at boot)."""
    _stopping.clear()


def clock() -> float:
    """Seconds that also pass while the machine sleeps, so that a woken laptop does not trust an old lease."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(slots=True)
class Lease:
    """The device's lease as this process knows it."""

    epoch: int
    confirmed_at: float

    def trusted(self) -> bool:
        return clock() - self.confirmed_at <= TRUST_S


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
SELECT c.id, c.message_template, c.file_id, c.delay_min_s, c.delay_max_s, coalesce(c.plan_total, 0) AS total,
  p.devices, p.weights, p.taken
FROM campaign_devices me JOIN campaigns c ON c.tenant_id = me.tenant_id AND c.id = me.campaign_id
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
_PAUSE = """
UPDATE devices d SET paused_until = now() + make_interval(secs => $3), pause_reason = $4,
  status = coalesce($5, d.status), status_changed_at = CASE WHEN $5 IS NULL THEN d.status_changed_at ELSE now() END
WHERE d.tenant_id = $1 AND d.id = $2
RETURNING old.pause_reason IS DISTINCT FROM $4 OR old.paused_until IS NULL OR old.paused_until < now() - interval '5 min' AS is_news
"""
_EVENT = "INSERT INTO device_events (tenant_id, device_id, kind, detail) VALUES ($1, $2, $3, $4)"


class Lane:
    """One slice of one device's lane."""

    def __init__(
        self, tenant_id: UUID, device_id: UUID, lease: Lease, delivery: Delivery, zone: ZoneInfo, identity_key: bytes
    ) -> None:
        self.principal = Principal.system(tenant_id)
        self.tenant_id = tenant_id
        self.device_id = device_id
        self.lease = lease
        self.delivery = delivery
        self.zone = zone
        self.identity_key = identity_key
        self.draw = Random()
        self.busy: set[UUID] = set()
        self.after: dict[UUID, UUID] = {}
        self.campaigns = _Campaigns()
        self.keys: list[str] = []
        self.has_keys = True
        self.policy = pacing.Policy()
        self.streak = 0
        self.ends_at = clock() + SLICE_S

    async def run(self) -> float | None:
        """Work until the slice ends. Returns seconds until there is more to do, None when nothing is known."""
        done: list[Delivered] = []
        while True:
            if not self.keys:
                await self._fetch_keys()
            step = await self._step(done)
            done = []
            if step.batch.rows:
                # Ids for the next window are fetched while this one is out.
                done, _ = await asyncio.gather(self._send_all(step), self._fetch_keys())
                continue
            if step.wait_s is None:
                return None
            if step.wait_s > IN_SLICE_WAIT_S or self._over(step.wait_s):
                return step.wait_s
            await asyncio.sleep(step.wait_s)

    def _over(self, ahead_s: float = 0.0) -> bool:
        return _stopping.is_set() or not self.lease.trusted() or clock() + ahead_s > self.ends_at

    async def _send_all(self, step: Step) -> list[Delivered]:
        calls = [self._send(row, step) for row in step.batch.rows]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        done = []
        for row, answer in zip(step.batch.rows, answers, strict=True):
            if isinstance(answer, BaseException):
                log.error("lane.call_broke", outbound_id=str(row.id), error=type(answer).__name__, exc_info=answer)
                answer = lost(row, self.delivery.reconcile_wait_s)
            if row.contact_id and answer.outcome.state != "unknown":
                self.busy.discard(row.contact_id)
            done.append(answer)
        return done

    async def _send(self, row: Any, step: Step) -> Delivered:
        if not self.lease.trusted():
            return not_started(row)
        typing_s = pacing.typing_s(step.typing, row.text) if step.typing else 0.0
        return await self.delivery.send(row, typing_s)

    async def _fetch_keys(self) -> None:
        """Have ids ready for the next window where the engine takes them; they cost a call each."""
        missing = self.policy.window - len(self.keys)
        if not self.has_keys or missing <= 0 or self._over():
            return
        channel, session = self.delivery.channel, self.delivery.session
        first = await _new_key(channel, session)
        if first is None:
            self.has_keys = False
            return
        rest = await asyncio.gather(*(_new_key(channel, session) for _ in range(missing - 1)))
        self.keys += [first, *(key for key in rest if key)]

    async def _step(self, done: Sequence[Delivered]) -> Step:
        """One transaction: outcomes of the last window, guards, and the next claim."""
        async with unit_of_work(self.principal) as uow:
            conn = await uow.driver()
            deltas = await self._write(uow, conn, done)
            head = await conn.fetchrow(_HEAD, self.tenant_id, self.device_id, self.lease.epoch)
            step = Step()
            if head is not None and not self._over():
                step = await self._claim(conn, head)
                deltas.update(step.batch.deltas)
            await ledger.book(conn, self.tenant_id, deltas)
            for campaign in step.drained:
                await ledger.finish_if_done(uow, campaign)
        return step

    async def _write(self, uow: TenantUnitOfWork, conn: Any, done: Sequence[Delivered]) -> ledger.Deltas:
        if not done:
            return ledger.Deltas()
        deltas = await ledger.write_outcomes(conn, self.tenant_id, self.device_id, [one.outcome for one in done])
        pauses = [one.pause for one in done if one.pause]
        if pauses:
            await self._pause(uow, conn, max(pauses, key=lambda pause: pause.for_s))
        if any(one.probe for one in done):
            uow.enqueue("device.probe", device_id=self.device_id)
        for campaign in {key[0] for key in deltas}:
            uow.publish("campaign", id=campaign)
        await self._count_errors(uow, conn, done, {key[0] for key in deltas})
        return deltas

    async def _pause(self, uow: TenantUnitOfWork, conn: Any, pause: Pause) -> None:
        status = pause.status.value if pause.status else None
        is_news = await conn.fetchval(_PAUSE, self.tenant_id, self.device_id, pause.for_s, pause.reason, status)
        if is_news:
            detail = orjson.dumps({"reason": pause.reason, "for_s": pause.for_s}).decode()
            await conn.execute(_EVENT, self.tenant_id, self.device_id, "paused", detail)
            log.warning("lane.paused", device_id=str(self.device_id), reason=pause.reason, for_s=pause.for_s)
        uow.publish("device", id=self.device_id, pause_reason=pause.reason)

    async def _count_errors(
        self, uow: TenantUnitOfWork, conn: Any, done: Sequence[Delivered], campaigns: set[UUID]
    ) -> None:
        """Failures in a row on this device; too many pause the campaigns it works for."""
        streak = before = self.streak
        for one in done:
            streak = streak + 1 if one.outcome.state == "failed" else 0 if one.outcome.state == "sent" else streak
        if streak >= ERROR_STREAK:
            for campaign in campaigns:
                await ledger.pause_campaign(uow, campaign, "error_rate")
            streak = 0
        if streak != before:
            self.streak = streak
            await conn.execute(
                "UPDATE devices SET error_streak = $3 WHERE tenant_id = $1 AND id = $2",
                self.tenant_id, self.device_id, streak,
            )  # fmt: skip

    async def _claim(self, conn: Any, head: Any) -> Step:
        now: datetime = head["now"]
        self.streak = head["error_streak"]
        self.policy = policy = pacing.Policy.read(head["pacing"])
        resting = head["paused_until"] is not None and head["paused_until"] > now
        if head["status"] != "CONNECTED":
            return Step()
        if resting and head["pause_reason"] != "account_restricted":
            return Step(wait_s=(head["paused_until"] - now).total_seconds())
        claim = Claim(
            conn, self.tenant_id, self.device_id, self.lease.epoch, self.zone, now, self.identity_key, self.busy
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
        if known.big and clock() - known.looked_at < LOOK_S and all(quota > 0 for quota in known.quotas.values()):
            return known.works
        rows = await conn.fetch(_CAMPAIGNS, self.tenant_id, self.device_id)
        known.works = [
            CampaignWork(r["id"], parse(r["message_template"]), r["file_id"], r["delay_min_s"], r["delay_max_s"])
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
        known.looked_at = clock()
        return known.works

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
                self.tenant_id, self.device_id, self.lease.epoch, due,
            )  # fmt: skip
        return step


async def _new_key(channel: Channel, session: str) -> str | None:
    try:
        return await channel.new_message_id(session)
    except ChannelError:
        return None


_START = """
SELECT d.session, d.waha_server_id, d.pacing, t.time_zone, t.identity_key,
  (SELECT array_agg(m.contact_id) FROM outbound_messages m WHERE m.tenant_id = $1 AND m.device_id = $2
     AND m.state = 'unknown' AND m.claimed_at > now() - interval '10 minutes' AND m.contact_id IS NOT NULL) AS busy
FROM devices d JOIN tenants t ON t.id = d.tenant_id
WHERE d.tenant_id = $1 AND d.id = $2 AND d.deleted_at IS NULL
"""

ChannelOf = Callable[[UUID], Awaitable[Channel]]


async def run_lane(
    tenant_id: UUID, device_id: UUID, channel_of: ChannelOf, load_file: Callable[[UUID], LoadFile], wait_s: float
) -> None:
    """One slice of a device's lane; returns at once when somebody else holds the lease.

    Args:
        channel_of: the client of a WAHA server.
        load_file: gives the loader of a tenant's files.
        wait_s: how long an unknown row waits for its echo before it is looked up.
    """
    principal = Principal.system(tenant_id)
    asked_at = clock()
    async with unit_of_work(principal) as uow:
        epoch = await leases.take(uow, Device, tenant_id, device_id, leases.new_owner())
        if epoch is None:
            return
        conn = await uow.driver()
        await ledger.give_up_orphans(conn, tenant_id, device_id, epoch, wait_s)
        start = await conn.fetchrow(_START, tenant_id, device_id)
    lease = Lease(epoch, asked_at)
    wait: float | None = None
    try:
        if start is not None and start["waha_server_id"] is not None:
            channel = await channel_of(start["waha_server_id"])
            delivery = Delivery(channel, start["session"], load_file(tenant_id), wait_s)
            key = decrypt(start["identity_key"]).encode()
            lane = Lane(tenant_id, device_id, lease, delivery, _zone(start["time_zone"]), key)
            lane.busy.update(start["busy"] or ())
            lane.policy = pacing.Policy.read(start["pacing"])
            async with _kept(principal, device_id, lease):
                wait = await lane.run()
    finally:
        async with unit_of_work(principal) as uow:
            await leases.release(uow, Device, tenant_id, device_id, epoch)
            _look_again(uow, device_id, wait)


def _look_again(uow: TenantUnitOfWork, device_id: UUID, wait_s: float | None) -> None:
    """What came in while the lease was being let go, or is due soon, is not left to the sweep."""
    if _stopping.is_set() or wait_s is None or wait_s * 1000 > MAX_DELAY_MS:
        return
    uow.enqueue("lane.run", delay_ms=int(wait_s * 1000), tenant_id=uow.tenant_id, device_id=device_id)


@asynccontextmanager
async def _kept(principal: Principal, device_id: UUID, lease: Lease) -> AsyncIterator[None]:
    """Renew the lease every 10 s, also while calls are out."""
    task = asyncio.create_task(_heartbeat(principal, device_id, lease))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _heartbeat(principal: Principal, device_id: UUID, lease: Lease) -> None:
    while True:
        await asyncio.sleep(leases.HEARTBEAT_S)
        asked_at = clock()
        try:
            async with unit_of_work(principal) as uow:
                kept = await leases.renew(uow, Device, principal.tenant_id, device_id, lease.epoch)
        except (SQLAlchemyError, OSError) as error:
            # The lease stays trusted for a while without us; the next beat may get through.
            log.warning("lane.heartbeat_failed", device_id=str(device_id), error=type(error).__name__)
            continue
        if not kept:
            lease.confirmed_at = -1e9
            log.warning("lane.lease_lost", device_id=str(device_id))
            return
        lease.confirmed_at = asked_at


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
