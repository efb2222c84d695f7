"""Messages reach a real worker process, at once and delayed, with their correlation id; ticks belong to one clock."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog
from dramatiq.broker import MessageProxy
from sqlalchemy import text

from tasks import scheduler
from tasks.broker import make_broker
from wa_app import db, queues
from wa_app.config import ROOT, Settings
from wa_app.db import redis_client, system_unit_of_work
from wa_app.queues import Job

PROBE = '''
"""An actor that writes down what it was given."""
import time
from pathlib import Path
import structlog
from wa_app import queues
queues.ACTOR_QUEUES["probe.note"] = "probe"
from tasks.broker import actor, broker

@actor("probe.note", max_retries=0)
async def note(text: str) -> None:
    found = structlog.contextvars.get_contextvars().get("correlation_id")
    with Path("{out}").open("a") as out:
        out.write(f"{{text}} {{found}} {{time.time()}}\\n")
'''


@pytest.fixture
def worker(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    out = tmp_path / "notes"
    out.touch()
    (tmp_path / "probe_actors.py").write_text(PROBE.format(out=out))
    monkeypatch.setitem(queues.ACTOR_QUEUES, "probe.note", "probe")
    running = subprocess.Popen(
        [sys.executable, "-m", "dramatiq", "probe_actors:broker", "--processes", "1", "--threads", "2",
         "--queues", "probe", "--path", str(tmp_path)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield out
    running.terminate()
    running.wait(30)


def notes(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()]


async def test_a_message_is_delivered_with_its_delay_and_correlation(worker: Path) -> None:
    started = time.time()
    with structlog.contextvars.bound_contextvars(correlation_id="cause-1"):
        async with system_unit_of_work() as uow:
            uow.enqueue("probe.note", text="now")
            uow.enqueue("probe.note", delay_ms=3_000, text="later")
            assert not notes(worker)
    for _ in range(300):
        if len(notes(worker)) == 2:
            break
        await asyncio.sleep(0.1)
    # Where the worker comes up after three seconds both are due, and either may go first.
    noted = {text: (cause, float(at)) for text, cause, at in notes(worker)}
    assert {text: cause for text, (cause, _) in noted.items()} == {"now": "cause-1", "later": "cause-1"}
    assert noted["later"][1] >= started + 3
    await db.dispose()


async def test_nothing_is_sent_when_the_transaction_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(queues.ACTOR_QUEUES, "probe.note", "silent")
    with pytest.raises(RuntimeError):  # noqa: PT012
        async with system_unit_of_work() as uow:
            uow.enqueue("probe.note", text="never")
            raise RuntimeError
    assert await redis_client().llen("dramatiq:silent") == 0
    await db.dispose()


async def test_redis_away_is_no_error(settings: Settings) -> None:
    from redis.asyncio import Redis

    gone = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    await queues.send(gone, [Job("mail.send", {})])
    await gone.aclose()


def test_long_delays_are_refused() -> None:
    with pytest.raises(ValueError, match="due_at"):
        Job("mail.send", {}, delay_ms=60_001)


async def test_a_tick_belongs_to_one_clock(settings: Settings) -> None:
    await scheduler.seed()
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE scheduled_jobs SET next_at = now()"))
    claims = await asyncio.gather(*(scheduler.claim(list(scheduler.JOBS)) for _ in range(5)))
    assert sorted(name for names in claims for name in names) == sorted(scheduler.JOBS)
    assert await scheduler.claim(list(scheduler.JOBS)) == []
    await db.dispose()


async def test_every_job_runs(settings: Settings) -> None:
    for name, (_, job) in scheduler.JOBS.items():
        try:
            await job()
        except Exception as error:
            pytest.fail(f"{name}: {error!r}")
    await db.dispose()


async def test_an_idle_consumer_is_rung_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look for work again only after a minute."""
    monkeypatch.setitem(queues.ACTOR_QUEUES, "probe.rung", "rung")
    broker = make_broker(settings.redis_url)
    broker.declare_queue("rung")
    consumer = broker.consume("rung", prefetch=1, timeout=60_000)

    def take() -> MessageProxy:
        return next(message for message in consumer if message is not None)

    with ThreadPoolExecutor(1) as pool:
        for text in ("first", "second"):
            waiting = asyncio.get_running_loop().run_in_executor(pool, take)
            await asyncio.sleep(0.2)
            assert not waiting.done()
            await queues.send(redis_client(), [Job("probe.rung", {"text": text})])
            taken = await asyncio.wait_for(waiting, 10)
            assert taken.kwargs == {"text": text}
            consumer.ack(taken)
    broker.close()
    await db.dispose()
