"""The clock. Any number of copies may run: a tick belongs to whoever moves `next_at` first.

A job's row in `scheduled_jobs` says when it is next due, by the database's clock. Jobs are
short: they find rows that are due and wake actors. One that fails is logged, shown in the
row, and comes again at its next tick.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Final

import structlog
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from wa_app import db
from wa_app.ai.gateway import quotas
from wa_app.config import get_settings
from wa_app.db import system_unit_of_work
from wa_app.errors import AppError
from wa_app.inbound import media
from wa_app.sending import planning, sweeps
from wa_app.services import (
    agent_trials,
    agents,
    ai_usage,
    auto_replies,
    chat_jobs,
    files,
    forgetting,
    groups,
    knowledge,
    message_templates,
    provider_mails,
    resets,
    scans,
    sessions,
)
from wa_app.services.campaigns import addresses, running, series, snapshots, variants
from wa_app.services.campaigns import jobs as campaign_jobs
from wa_app.services.conversations import sweeps as answers
from wa_app.services.conversations import takeover
from wa_app.services.devices import guarding
from wa_app.services.imports import jobs
from wa_app.services.reports import exporting

log = structlog.get_logger(__name__)

Job = Callable[[], Awaitable[None]]
TICK_S: Final = 0.25
TROUBLE_S: Final = 2.0


async def _orphans() -> None:
    await sweeps.give_up_orphans(get_settings().reconcile_wait_s)


async def _probe() -> None:
    async with system_unit_of_work() as uow:
        uow.enqueue("device.probe")


async def _campaigns() -> None:
    """Campaigns whose time has come, plans that were interrupted, campaigns that are over."""
    async with system_unit_of_work() as uow:
        await running.start_due(uow)


async def _winners() -> None:
    """Tests of variants that are over, and winners that are not handed out yet."""
    async with system_unit_of_work() as uow:
        await variants.decide_due(uow)


async def _series() -> None:
    """Campaigns that come again."""
    async with system_unit_of_work() as uow:
        await series.run_due(uow)


async def _imports() -> None:
    async with system_unit_of_work() as uow:
        await jobs.wake(uow)


async def _campaign_jobs() -> None:
    """Lookups and exports that are due and in nobody's hands, and addresses that wait to be asked."""
    async with system_unit_of_work() as uow:
        await campaign_jobs.wake(uow)
        await chat_jobs.wake(uow)
        await addresses.wake(uow)
        await snapshots.wake(uow)


async def _groups() -> None:
    async with system_unit_of_work() as uow:
        await groups.wake(uow)


async def _media() -> None:
    """Files of messages that are to be fetched or read, files to be read at once, and those that took too long."""
    async with system_unit_of_work() as uow:
        await media.give_up(uow)
        await media.wake(uow)
        await scans.wake(uow)


async def _agent_trials() -> None:
    async with system_unit_of_work() as uow:
        await agent_trials.wake(uow)


async def _resume() -> None:
    """Conversations that go back to the machine, or were put away until now."""
    async with system_unit_of_work() as uow:
        await takeover.resume_due(uow)
        await answers.wake_snoozed(uow)


async def _knowledge() -> None:
    """Documents that wait to be indexed, vectors that wait to be put or removed."""
    async with system_unit_of_work() as uow:
        await knowledge.wake(uow)


async def _knowledge_tidy() -> None:
    async with system_unit_of_work() as uow:
        await knowledge.tidy(uow)
    await knowledge.sweep_orphans()


async def _mails() -> None:
    await resets.wake_unsent()
    await provider_mails.wake_unsent()


async def _ai_holds() -> None:
    await quotas.give_back()


async def _tidy() -> None:
    await sweeps.tidy()
    await guarding.tidy()
    await forgetting.sweep()
    async with system_unit_of_work() as uow:
        await groups.tidy(uow)
        await message_templates.purge(uow)
        await agent_trials.purge(uow)
        await agents.purge(uow)
        await auto_replies.tidy(uow)
        await auto_replies.purge(uow)
        await exporting.forget(uow)
        await chat_jobs.forget(uow)
        await planning.forget_members(uow)
        await answers.forget(uow)
        await ai_usage.tidy(uow)


JOBS: Final[Mapping[str, tuple[int, Job]]] = {
    "lanes.wake": (1, sweeps.wake_lanes),
    "inbound.wake": (1, sweeps.wake_inbound),
    "campaigns.start": (2, _campaigns),
    "campaigns.jobs": (2, _campaign_jobs),
    "campaigns.winners": (10, _winners),
    "campaigns.series": (5, _series),
    "answers.wake": (1, answers.wake_due),
    "answers.settle": (2, answers.settle),
    "ai.holds": (10, _ai_holds),
    "answers.resume": (30, _resume),
    "imports.wake": (5, _imports),
    "groups.wake": (5, _groups),
    "agent_trials.wake": (5, _agent_trials),
    "outbound.orphans": (5, _orphans),
    "outbound.reconcile": (2, sweeps.wake_reconcile),
    "outbound.expire": (5, sweeps.expire),
    "devices.probe": (30, _probe),
    "devices.health": (60, guarding.watch_over),
    "media.wake": (2, _media),
    "scans.tidy": (300, scans.tidy),
    "knowledge.wake": (3, _knowledge),
    "knowledge.tidy": (60, _knowledge_tidy),
    "mails.wake": (60, _mails),
    "sessions.tidy": (3600, sessions.tidy),
    "files.tidy": (600, files.tidy),
    "tidy": (600, _tidy),
}
"""Name → seconds between ticks, and what to do."""

_SEED = text(
    "INSERT INTO scheduled_jobs (name, every_s) VALUES (:name, :every) "
    "ON CONFLICT (name) DO UPDATE SET every_s = excluded.every_s"
)
_CLAIM = text(
    "UPDATE scheduled_jobs SET last_run_at = now(), "
    "next_at = greatest(next_at + make_interval(secs => every_s), now() + make_interval(secs => every_s) / 2) "
    "WHERE name = ANY(:names) AND next_at <= now() RETURNING name"
)
_NOTE = text(
    "UPDATE scheduled_jobs SET last_error = CAST(:error AS text), last_ms = :ms, "
    "last_ok_at = CASE WHEN CAST(:error AS text) IS NULL THEN now() ELSE last_ok_at END, "
    "errors = CASE WHEN CAST(:error AS text) IS NULL THEN 0 ELSE errors + 1 END WHERE name = :name"
)


def run() -> None:
    """Tick until TERM or Ctrl-C."""
    asyncio.run(_main())


async def _main() -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    try:
        await tick_until(stopping)
    finally:
        await db.dispose()


async def tick_until(stopping: asyncio.Event) -> None:
    """Run what is due, again and again. A database that is away is waited for."""
    seeded, running = False, dict[str, asyncio.Task[None]]()
    while not stopping.is_set():
        pause = TICK_S
        try:
            if not seeded:
                await seed()
                seeded = True
            for name in await claim([name for name in JOBS if name not in running]):
                running[name] = asyncio.create_task(_guarded(name))
        except (SQLAlchemyError, OSError) as error:
            log.warning("scheduler.database_away", error=type(error).__name__)
            pause = TROUBLE_S
        running = {name: task for name, task in running.items() if not task.done()}
        try:
            await asyncio.wait_for(stopping.wait(), pause)
        except TimeoutError:
            continue
    await asyncio.gather(*running.values())


async def seed() -> None:
    """A row for every job."""
    async with system_unit_of_work() as uow:
        for name, (every_s, _) in sorted(JOBS.items()):
            await uow.session.execute(_SEED, {"name": name, "every": every_s})


async def claim(names: list[str]) -> list[str]:
    """The jobs among `names` that are due and ours to run now."""
    async with system_unit_of_work() as uow:
        return list((await uow.session.execute(_CLAIM, {"names": names})).scalars())


async def _guarded(name: str) -> None:
    """One run of a job; its failure is news for the log and the row, not for the clock."""
    failure: str | None = None
    started_at = monotonic()
    try:
        await JOBS[name][1]()
    except (SQLAlchemyError, OSError, RedisError, AppError) as error:
        failure = type(error).__name__
        log.exception("scheduler.job_failed", job=name)
    try:
        async with system_unit_of_work() as uow:
            await uow.session.execute(_NOTE, {"name": name, "error": failure, "ms": round((monotonic() - started_at) * 1000)})
    except (SQLAlchemyError, OSError) as error:
        log.warning("scheduler.database_away", error=type(error).__name__)
