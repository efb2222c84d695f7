"""The queues of the workers, read from Redis without touching a message."""

import time
from typing import Any

import orjson
import structlog
from dramatiq.common import dq_name, xq_name
from redis.exceptions import RedisError

from wa_app.db import redis_client
from wa_app.queues import ACTOR_QUEUES, NAMESPACE, done_key
from wa_app.schemas.admin import QueueLine, QueuesView
from wa_app.services.admin.door import Admin

log = structlog.get_logger(__name__)

MINUTES = 5
"""How far back rates look."""
ALIVE_MS = 10_000
"""A worker whose last sign of life is older than this counts as gone."""


def names() -> list[str]:
    """Every queue that an actor has, by name."""
    return sorted(set(ACTOR_QUEUES.values()))


async def queues(admin: Admin) -> QueuesView:
    """What waits, what is in work, how fast it goes."""
    try:
        return await _read()
    except (RedisError, OSError) as error:
        log.warning("queue.unreachable", error=type(error).__name__)
        return QueuesView(reachable=False, workers=0, queues=[])


async def _read() -> QueuesView:
    now = time.time()
    pipe = redis_client().pipeline(transaction=False)
    pipe.zcount(f"{NAMESPACE}:__heartbeats__", (now * 1000) - ALIVE_MS, "+inf")
    for back in range(MINUTES + 1):
        pipe.hgetall(done_key(int(now) // 60 - back))
    for name in names():
        key = f"{NAMESPACE}:{name}"
        pipe.llen(key)
        pipe.hlen(f"{key}.msgs")
        pipe.hlen(f"{NAMESPACE}:{dq_name(name)}.msgs")
        pipe.zcard(f"{NAMESPACE}:{xq_name(name)}")
        pipe.lindex(key, 0)
    found = await pipe.execute()
    done, rest = found[1 : MINUTES + 2], found[MINUTES + 2 :]
    # The first minute has only just begun, so the rate is taken over what of it has passed.
    span = MINUTES + (now % 60) / 60
    oldest = await _ages({name: rest[at * 5 + 4] for at, name in enumerate(names())}, now)
    lines = [
        _line(name, rest[at * 5 : at * 5 + 4], done, span, oldest.get(name, 0.0)) for at, name in enumerate(names())
    ]
    return QueuesView(reachable=True, workers=found[0], queues=lines)


def _line(name: str, sizes: list[int], done: list[dict[bytes, bytes]], span: float, oldest_s: float) -> QueueLine:
    waiting, kept, delayed, dead = sizes
    sums = {
        outcome: sum(int(minute.get(f"{name}:{outcome}".encode(), 0)) for minute in done)
        for outcome in ("ok", "failed", "expired")
    }
    return QueueLine(
        name=name, waiting=waiting, delayed=delayed, in_flight=max(0, kept - waiting), oldest_s=oldest_s,
        per_minute=round(sums["ok"] / span, 1), failed=sums["failed"], expired=sums["expired"], dead=dead,
    )  # fmt: skip


async def _ages(firsts: dict[str, Any], now: float) -> dict[str, float]:
    """Seconds that the first message of each queue has waited."""
    wanted = {name: key for name, key in firsts.items() if key}
    pipe = redis_client().pipeline(transaction=False)
    for name, key in wanted.items():
        pipe.hget(f"{NAMESPACE}:{name}.msgs", key)
    bodies = await pipe.execute() if wanted else []
    ages = {}
    for name, body in zip(wanted, bodies, strict=True):
        if body:
            ages[name] = max(0.0, now - orjson.loads(body)["message_timestamp"] / 1000)
    return ages
