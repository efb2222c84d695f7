"""Messages to the workers, by actor name, so that `wa_app` need not import `tasks`.

The database stays the truth: a message that is lost here (Redis down or flushed) is
sent again by the sweep, which finds the row that is due.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import dramatiq
import redis.exceptions
import structlog
from dramatiq.common import current_millis, dq_name
from redis.asyncio import Redis

log = structlog.get_logger(__name__)

ACTOR_QUEUES: dict[str, str] = {
    "lane.run": "lanes",
    "lane.reply": "replies",
    "campaign.plan": "default",
    "campaign.freeze": "default",
    "campaign.settle": "default",
    "campaign.release": "default",
    "inbound.process": "inbound",
    "media.fetch": "default",
    "media.read": "ocr",
    "scan.run": "ocr",
    "conversation.answer": "answers",
    "conversation.remember": "answers",
    "reconcile.run": "default",
    "device.probe": "default",
    "device.provision": "default",
    "import.run": "imports",
    "groups.fetch": "imports",
    "groups.members": "default",
    "grab.run": "imports",
    "mail.send": "default",
    "links.check": "default",
    "numbers.check": "default",
    "report.compute": "reports",
    "report.export": "reports",
    "chats.work": "reports",
    "knowledge.index": "knowledge",
    "knowledge.sync": "knowledge",
    "agent_trials.run": "default",
}
"""Queue of each actor. A queue is named after what it protects (DESIGN §2)."""

MAX_DELAY_MS = 60_000
"""Longer delays hold a worker's prefetch and starve others: use a row with `due_at`."""
NAMESPACE = "dramatiq"
BELL = "sapa:bell"
"""Redis channel on which the queues are named that have just got a message."""
DONE_KEPT_S = 900
"""How long the counts of a minute are kept, in seconds."""


def done_key(minute: int) -> str:
    """Redis hash of what workers did in a minute (since 1970): `<queue>:<ok|failed|expired>` → number."""
    return f"sapa:queues:done:{minute}"


@dataclass(frozen=True, slots=True)
class Job:
    """One message: the actor's name, its arguments (ids only) and a delay of at most 60 s."""

    actor: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    delay_ms: int = 0

    def __post_init__(self) -> None:
        if self.delay_ms > MAX_DELAY_MS:
            raise ValueError(f"{self.actor}: delay {self.delay_ms} ms is over {MAX_DELAY_MS}; use due_at")


_ahead_ms: list[int] = []
"""How far this process's clock is ahead of Redis's, once known."""


def now_ms() -> int:
    """The time by Redis's clock, as far as it is known: how old a message is must not depend on who asks."""
    return current_millis() - (_ahead_ms[0] if _ahead_ms else 0)


def learn_time(told: tuple[int, int]) -> None:
    """Take note of what Redis answered to TIME (seconds, microseconds)."""
    _ahead_ms[:] = [current_millis() - (told[0] * 1000 + told[1] // 1000)]


async def send(client: Redis, jobs: Sequence[Job]) -> None:
    """Hand messages to Redis in one round trip. When it does not answer, the sweep will find the rows.

    This writes what `RedisBroker.enqueue` of the pinned dramatiq writes (a hash entry and a
    list entry), without its blocking client, and rings for a worker; a test runs the result through a real one.
    """
    if not jobs:
        return
    try:
        if not _ahead_ms:
            learn_time(await client.time())
        pipe = client.pipeline(transaction=True)
        rung: set[str] = set()
        for job in jobs:
            queue, key, body = _encoded(job)
            rung.add(queue)
            pipe.hset(f"{NAMESPACE}:{queue}.msgs", key, body)
            pipe.rpush(f"{NAMESPACE}:{queue}", key)
        pipe.publish(BELL, " ".join(sorted(rung)))
        pipe.time()
        learn_time((await pipe.execute())[-1])
    except redis.exceptions.RedisError as error:
        log.warning("queue.unreachable", jobs=len(jobs), error=type(error).__name__)


def _encoded(job: Job) -> tuple[str, str, str]:
    """Queue, Redis id and body of a message; a delayed one waits in the queue's delay queue."""
    queue, key = ACTOR_QUEUES[job.actor], str(uuid4())
    options: dict[str, Any] = {"redis_message_id": key}
    correlation = structlog.contextvars.get_contextvars().get("correlation_id")
    if correlation is not None:
        options["correlation_id"] = str(correlation)
    if job.delay_ms > 0:
        queue = dq_name(queue)
        options["eta"] = current_millis() + job.delay_ms
    message: dramatiq.Message[Any] = dramatiq.Message(
        queue_name=queue, actor_name=job.actor, args=(), kwargs=job.kwargs, options=options,
        message_timestamp=now_ms(),
    )  # fmt: skip
    return queue, key, message.encode().decode()
