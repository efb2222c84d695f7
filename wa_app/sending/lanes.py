"""The lane of a device: its only sender (DESIGN §6).

A lane holds the device's lease, works for a slice of at most 20 s and gives way. One short
transaction writes what became of the previous window and claims the next rows; the calls
go out after it has committed. A row is `sending` before its call starts, so a crash leaves
at most one window of rows whose fate is unknown, and none that is sent twice.

A reply overtakes: while a campaign's message is being typed, or a gap is waited for, the lane listens
for one and sends it at once, beside what is under way.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError

from wa_app import leases
from wa_app.channels.port import Channel, ChannelError
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.kit import turns
from wa_app.kit.clock import boot_clock
from wa_app.kit.secrets import decrypt
from wa_app.kit.zones import stored_zone
from wa_app.models.devices import Device
from wa_app.queues import MAX_DELAY_MS
from wa_app.schemas.principal import Principal
from wa_app.sending import caps, ledger, numbers, pacing
from wa_app.sending.choosing import Chooser, Step
from wa_app.sending.delivery import Delivered, Delivery, LoadFile, Pause, lost, not_started, unclear
from wa_app.sending.holding import Lease, kept

log = structlog.get_logger(__name__)

SLICE_S: Final = 20.0
FAIR_SLICE_S: Final = 1.0
"""A slice ends after this when other lanes wait for a thread of this process."""
IN_SLICE_WAIT_S: Final = 2.0
"""A longer gap is left to a delayed message, so that waiting lanes do not hold threads."""
LISTEN_S: Final = 0.5
"""How often a lane that waits looks for a reply; within one process it is told at once."""
REST_S: Final = 60.0
"""The sweep leaves a lane that has to wait alone for at most this long."""
DATABASE_WAIT_S: Final = 1.0
TELL_EVERY_S: Final = 0.3
"""How often open pages hear of a running campaign."""
ERROR_STREAK: Final = 15
"""Failures in a row on one device after which its campaign is paused."""

LOOK_S: Final = 0.25
"""How often a resting lane looks whether it should give way, in seconds."""

_stopping = threading.Event()
_here: dict[UUID, "Lane"] = {}
"""Lanes that work in this process now, by device."""


def stop_all() -> None:
    """Let every lane of this process end after its current window (at shutdown, from any thread)."""
    _stopping.set()


def start_all() -> None:
    """Undo `stop_all` (at boot)."""
    _stopping.clear()


_PAUSE = """
UPDATE devices d SET paused_until = now() + make_interval(secs => $3), pause_reason = $4,
  status = coalesce($5, d.status), status_changed_at = CASE WHEN $5 IS NULL THEN d.status_changed_at ELSE now() END
WHERE d.tenant_id = $1 AND d.id = $2
RETURNING old.pause_reason IS DISTINCT FROM $4 OR old.paused_until IS NULL OR old.paused_until < now() - interval '5 min' AS is_news
"""
_REPLY_WAITS = """
SELECT EXISTS (SELECT 1 FROM outbound_messages m WHERE m.tenant_id = $1 AND m.preferred_device_id = $2
  AND m.campaign_id IS NULL AND m.state = 'planned' AND m.priority = 0 AND (m.due_at IS NULL OR m.due_at <= now()))
"""
_REST = """
UPDATE devices SET rest_until = now() + make_interval(secs => $4) WHERE tenant_id = $1 AND id = $2 AND lease_epoch = $3
"""
_EVENT = "INSERT INTO device_events (tenant_id, device_id, kind, detail) VALUES ($1, $2, $3, $4)"


class Lane:
    """One slice of one device's lane."""

    def __init__(self, principal: Principal, device_id: UUID, lease: Lease, delivery: Delivery, chooser: Chooser) -> None:
        self.principal = principal
        self.tenant_id = principal.tenant_id
        self.device_id = device_id
        self.lease = lease
        self.delivery = delivery
        self.chooser = chooser
        self.has_keys = True
        self.streak = 0
        self.told_at = 0.0
        self.started_at = boot_clock()
        self.ends_at = self.started_at + SLICE_S
        self.steps = 0
        self.called = asyncio.Event()
        """Set when a reply came for this device: a resting lane looks at once."""

    async def run(self) -> float | None:
        """Work until the slice ends. Returns seconds until there is more to do, None when nothing is known."""
        done: list[Delivered] = []
        while True:
            if not self.chooser.keys:
                await self._fetch_keys()
            # Who called until now is seen by this step; who calls from here on is looked after below, or when the lease is gone.
            self.called.clear()
            step = await self._step_patiently(done)
            self.steps += 1
            done = []
            if step.batch.rows:
                # Ids for the next window are fetched while this one is out.
                keys = asyncio.create_task(self._fetch_keys())
                done = await self._send_all(step)
                await asyncio.wait([keys])
                continue
            if step.wait_s is None:
                if self.called.is_set() and not self._over():
                    continue
                return None
            if step.wait_s > IN_SLICE_WAIT_S or self._over(step.wait_s):
                return step.wait_s
            left = await self._rest(step.wait_s)
            if left > 0 and self._gives_way():
                return left

    async def _rest(self, wait_s: float) -> float:
        """Wait for the next gap, but no longer than a reply or another lane in need of the thread allows.

        Returns what is left of the wait, in seconds.
        """
        until = boot_clock() + wait_s
        while (left := until - boot_clock()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.called.wait(), min(left, LOOK_S))
            if self.called.is_set() or self._gives_way() or (left > LOOK_S and await self._reply_waits()):
                self.called.clear()
                return max(0.0, until - boot_clock())
        return 0.0

    def _gives_way(self) -> bool:
        # Never before its first step: where a step takes long, all lanes would only make room for one another.
        return self.steps > 0 and boot_clock() - self.started_at >= FAIR_SLICE_S and turns.others_wait()

    async def _reply_waits(self) -> bool:
        async with unit_of_work(self.principal) as uow:
            conn = await uow.driver()
            return bool(await conn.fetchval(_REPLY_WAITS, self.tenant_id, self.device_id))

    def _over(self, ahead_s: float = 0.0) -> bool:
        is_late = boot_clock() + ahead_s > self.ends_at
        return _stopping.is_set() or not self.lease.trusted() or is_late or self._gives_way()

    async def _send_all(self, step: Step) -> list[Delivered]:
        """Send a window; replies that come meanwhile leave beside it."""
        window = asyncio.create_task(self._send_window(step))
        while not window.done() and not _is_reply(step):
            call = asyncio.create_task(self.called.wait())
            await asyncio.wait([window, call], timeout=LISTEN_S, return_when=asyncio.FIRST_COMPLETED)
            call.cancel()
            if not window.done() and (self.called.is_set() or await self._reply_waits()):
                self.called.clear()
                await self._overtake()
        return await window

    async def _overtake(self) -> None:
        """Send replies until there are none, each with transactions of its own."""
        done: list[Delivered] = []
        while True:
            step = await self._step_patiently(done, replies_only=True)
            if not step.batch.rows:
                return
            done = await self._send_window(step)

    async def _send_window(self, step: Step) -> list[Delivered]:
        calls = [self._send(row, step) for row in step.batch.rows]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        done = []
        for row, answer in zip(step.batch.rows, answers, strict=True):
            if isinstance(answer, BaseException):
                log.error("lane.call_broke", outbound_id=str(row.id), error=type(answer).__name__, exc_info=answer)
                answer = lost(row, self.delivery.reconcile_wait_s)
            if row.contact_id and answer.outcome.state != "unknown":
                self.chooser.busy.discard(row.contact_id)
            done.append(answer)
        return done

    async def _send(self, row: Any, step: Step) -> Delivered:
        if not self.lease.trusted():
            return not_started(row)
        number = await self.delivery.look_up(row) if step.has_delay else None
        if not self.lease.trusted():
            return not_started(row)
        return await self.delivery.send(row, step.typing_s.get(row.id, 0.0), number)

    async def _fetch_keys(self) -> None:
        """Have ids ready for the next window where the engine takes them; they cost a call each."""
        missing = self.chooser.policy.window - len(self.chooser.keys)
        if not self.has_keys or missing <= 0 or self._over():
            return
        channel, session = self.delivery.channel, self.delivery.session
        first = await _new_key(channel, session)
        if first is None:
            self.has_keys = False
            return
        rest = await asyncio.gather(*(_new_key(channel, session) for _ in range(missing - 1)))
        self.chooser.keys += [first, *(key for key in rest if key)]

    async def _step_patiently(self, done: Sequence[Delivered], *, replies_only: bool = False) -> Step:
        """A database that is away for a moment must not cost us what we know of the last window, nor the lease.

        Written twice, outcomes change nothing; a claim whose commit was lost on the way is
        given up as unknown by the next holder of the lease.
        """
        while True:
            try:
                return await self._step(done, replies_only=replies_only)
            except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                if not self.lease.trusted():
                    raise
                log.warning("lane.database_away", device_id=str(self.device_id), error=type(error).__name__)
                await asyncio.sleep(DATABASE_WAIT_S)

    async def _step(self, done: Sequence[Delivered], *, replies_only: bool) -> Step:
        """One transaction: outcomes of the last window, guards, and the next claim.

        `replies_only`: a campaign's window is still out.
        """
        async with unit_of_work(self.principal) as uow:
            conn = await uow.driver()
            deltas = await self._write(uow, conn, done)
            if done and not replies_only:
                await self.chooser.landed(conn)
            head = await self.chooser.head(conn)
            step = Step()
            # A reply that overtakes is not held up by the end of the slice.
            is_over = not self.lease.trusted() or _stopping.is_set() if replies_only else self._over()
            if head is not None and not is_over:
                self.streak = head["error_streak"]
                step = await (self.chooser.overtake if replies_only else self.chooser.claim)(conn, head)
                deltas.update(step.batch.deltas)
            elif head is not None:
                # The slice is over, the work may not be.
                step.wait_s = 0.0
            await ledger.book(conn, self.tenant_id, deltas)
            for campaign in step.drained:
                await ledger.finish_if_done(uow, campaign)
        return step

    async def _write(self, uow: TenantUnitOfWork, conn: Any, done: Sequence[Delivered]) -> ledger.Deltas:
        if not done:
            return ledger.Deltas()
        # In order of ids, as acks lock them: the two must not wait for each other.
        outcomes = sorted((one.outcome for one in done), key=lambda outcome: outcome.id)
        deltas = await ledger.write_outcomes(conn, self.tenant_id, self.device_id, outcomes)
        pauses = [pause for pause in (unclear(done), *(one.pause for one in done)) if pause]
        if pauses:
            await self._pause(uow, conn, max(pauses, key=lambda pause: pause.for_s))
        if any(one.probe for one in done):
            uow.enqueue("device.probe", device_id=self.device_id)
        if boot_clock() - self.told_at >= TELL_EVERY_S:
            self.told_at = boot_clock()
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


def _is_reply(step: Step) -> bool:
    return step.batch.rows[0].kind in ("reply", "manual")


async def _new_key(channel: Channel, session: str) -> str | None:
    try:
        return await channel.new_message_id(session)
    except ChannelError:
        return None


_START = """
SELECT d.session, d.waha_server_id, d.pacing, t.time_zone, t.identity_key,
  t.settings -> 'frequency_per_week' AS frequency,
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
    asked_at = boot_clock()
    async with unit_of_work(principal) as uow:
        epoch = await leases.take(uow, Device, tenant_id, device_id, leases.new_owner())
        if epoch is None:
            if (holder := _here.get(device_id)) is not None:
                holder.called.set()
            return
        conn = await uow.driver()
        orphans = await ledger.give_up_orphans(conn, tenant_id, device_id, epoch, wait_s)
        if orphans:
            await caps.lost(conn, tenant_id, device_id, orphans)
        start = await conn.fetchrow(_START, tenant_id, device_id)
    lease = Lease(epoch, asked_at)
    lane: Lane | None = None
    wait: float | None = None
    try:
        if start is not None and start["waha_server_id"] is not None:
            channel = await channel_of(start["waha_server_id"])
            key = decrypt(start["identity_key"]).encode()
            lookup = numbers.Lookup(principal, device_id, channel, start["session"], key)
            delivery = Delivery(channel, start["session"], load_file(tenant_id), wait_s, lookup)
            chooser = Chooser(
                tenant_id, device_id, epoch, stored_zone(start["time_zone"]), key,
                pacing.Policy.read(start["pacing"]), set(start["busy"] or ()), _frequency(start["frequency"]),
            )  # fmt: skip
            lane = Lane(principal, device_id, lease, delivery, chooser)
            _here[device_id] = lane
            async with kept(principal, device_id, lease):
                wait = await lane.run()
    finally:
        async with unit_of_work(principal) as uow:
            if wait is not None and wait > IN_SLICE_WAIT_S:
                conn = await uow.driver()
                await conn.execute(_REST, tenant_id, device_id, epoch, min(wait, REST_S))
            await leases.release(uow, Device, tenant_id, device_id, epoch)
            _look_again(uow, device_id, wait)
        if lane is not None:
            await _answer_call(principal, device_id, lane)


async def _answer_call(principal: Principal, device_id: UUID, lane: Lane) -> None:
    """Whose reply came after the last look, and who was turned away because the lease was still held, gets a lane now.

    The lane stays findable until its lease is gone for everybody: one who is turned away rings its bell, all others find it free.
    """
    # Another lane of this device may have begun meanwhile.
    if _here.get(device_id) is lane:
        del _here[device_id]
    if lane.called.is_set() and not _stopping.is_set():
        async with unit_of_work(principal) as uow:
            uow.enqueue("lane.reply", tenant_id=uow.tenant_id, device_id=device_id)


def _look_again(uow: TenantUnitOfWork, device_id: UUID, wait_s: float | None) -> None:
    """What came in while the lease was being let go, or is due soon, is not left to the sweep."""
    if _stopping.is_set() or wait_s is None or wait_s * 1000 > MAX_DELAY_MS:
        return
    uow.enqueue("lane.run", delay_ms=int(wait_s * 1000), tenant_id=uow.tenant_id, device_id=device_id)


def _frequency(stored: object) -> int | None:
    return stored if isinstance(stored, int) and not isinstance(stored, bool) and stored > 0 else None
