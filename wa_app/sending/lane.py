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
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError

from wa_app.channels.port import Channel, ChannelError
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.kit import turns
from wa_app.kit.clock import boot_clock
from wa_app.schemas.principal import Principal
from wa_app.sending import ledger
from wa_app.sending.choosing import Chooser, Step
from wa_app.sending.delivery import Delivered, Delivery, Pause, lost, not_started, unclear
from wa_app.sending.holding import Lease

log = structlog.get_logger(__name__)

SLICE_S: Final = 20.0
FAIR_SLICE_S: Final = 1.0
"""A slice ends after this when other lanes wait for a thread of this process."""
IN_SLICE_WAIT_S: Final = 2.0
"""A longer gap is left to a delayed message, so that waiting lanes do not hold threads."""
LISTEN_S: Final = 0.5
"""How often a lane that waits looks for a reply; within one process it is told at once."""
DATABASE_WAIT_S: Final = 1.0
TELL_EVERY_S: Final = 0.3
"""How often open pages hear of a running campaign."""
ERROR_STREAK: Final = 15
"""Failures in a row on one device after which its campaign is paused."""

LOOK_S: Final = 0.25
"""How often a resting lane looks whether it should give way, in seconds."""
LINGER_S: Final = 0.3
"""A lane that has just sent a reply and has nothing more to do stays this long: where one customer is answered, the next is soon."""
GLANCE_S: Final = 0.05
"""How often a lane that lingers looks whether others want its thread."""

stopping: Final = threading.Event()
"""Set at shutdown: every lane of this process ends after its current window."""

_PAUSE = """
UPDATE devices d SET paused_until = now() + make_interval(secs => $3), pause_reason = $4,
  status = coalesce($5, d.status), status_changed_at = CASE WHEN $5 IS NULL THEN d.status_changed_at ELSE now() END
WHERE d.tenant_id = $1 AND d.id = $2
RETURNING old.pause_reason IS DISTINCT FROM $4 OR old.paused_until IS NULL OR old.paused_until < now() - interval '5 min' AS is_news
"""
REPLY_WAITS = """
SELECT EXISTS (SELECT 1 FROM outbound_messages m WHERE m.tenant_id = $1 AND m.preferred_device_id = $2
  AND m.campaign_id IS NULL AND m.state = 'planned' AND m.priority = 0 AND (m.due_at IS NULL OR m.due_at <= now()))
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
        self.has_replied = False
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
                self.has_replied = self.has_replied or _is_reply(step)
                # Ids for the next window are fetched while this one is out.
                keys = asyncio.create_task(self._fetch_keys())
                done = await self._send_all(step)
                await asyncio.wait([keys])
                continue
            if step.wait_s is None:
                if (self.called.is_set() or await self._is_called_soon()) and not self._over():
                    continue
                return None
            if step.wait_s > IN_SLICE_WAIT_S or self._over(step.wait_s):
                return step.wait_s
            left = await self._rest(step.wait_s)
            if left > 0 and self._gives_way():
                return left

    async def _is_called_soon(self) -> bool:
        """Linger after a reply, while nobody else wants the thread: whoever calls meanwhile needs no lease of its own."""
        until = boot_clock() + LINGER_S
        while self.has_replied and (left := until - boot_clock()) > 0 and not self._over(left) and not turns.others_wait():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.called.wait(), min(left, GLANCE_S))
            if self.called.is_set():
                return True
        return False

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
            return bool(await conn.fetchval(REPLY_WAITS, self.tenant_id, self.device_id))

    def _over(self, ahead_s: float = 0.0) -> bool:
        is_late = boot_clock() + ahead_s > self.ends_at
        return stopping.is_set() or not self.lease.trusted() or is_late or self._gives_way()

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
            if answer.outcome.state != "unknown":
                self.chooser.busy.discard(row.chat)
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
            is_over = not self.lease.trusted() or stopping.is_set() if replies_only else self._over()
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
