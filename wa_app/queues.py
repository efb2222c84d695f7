"""Messages to the workers, by actor name, so that `wa_app` need not import `tasks`.

The database stays the truth: a message that is lost here (Redis down or flushed) is
sent again by the sweep, which finds the row that is due.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import dramatiq
import redis.exceptions
import structlog
from dramatiq.brokers.redis import RedisBroker

from wa_app.config import get_settings

log = structlog.get_logger(__name__)

ACTOR_QUEUES: dict[str, str] = {
    "device.probe": "default",
    "device.provision": "default",
    "import.run": "imports",
}
"""Queue of each actor. A queue is named after what it protects (DESIGN §2)."""

MAX_DELAY_MS = 60_000
"""Longer delays hold a worker's prefetch and starve others: use a row with `due_at`."""


@dataclass(frozen=True, slots=True)
class Job:
    """One message: the actor's name, its arguments (ids only) and a delay of at most 60 s."""

    actor: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    delay_ms: int = 0

    def __post_init__(self) -> None:
        if self.delay_ms > MAX_DELAY_MS:
            raise ValueError(f"{self.actor}: delay {self.delay_ms} ms is over {MAX_DELAY_MS}; use due_at")


@lru_cache
def producer() -> RedisBroker:
    """A broker that only sends; consuming is the business of `tasks.broker`."""
    return RedisBroker(url=get_settings().redis_url, middleware=[])  # type: ignore[no-untyped-call]


def _send(jobs: Sequence[Job]) -> None:
    broker = producer()
    for job in jobs:
        queue = ACTOR_QUEUES[job.actor]
        broker.declare_queue(queue)
        message: dramatiq.Message[Any] = dramatiq.Message(
            queue_name=queue, actor_name=job.actor, args=(), kwargs=job.kwargs, options={}
        )
        broker.enqueue(message, delay=job.delay_ms or None)


async def send(jobs: Sequence[Job]) -> None:
    """Hand messages to Redis. When it does not answer, the sweep will find the rows."""
    if not jobs:
        return
    try:
        await asyncio.to_thread(_send, jobs)
    except redis.exceptions.RedisError as error:
        log.warning("queue.unreachable", jobs=len(jobs), error=type(error).__name__)
