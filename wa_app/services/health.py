"""Whether this installation can work, and the figures that only the database and Redis know.

Every question has a time limit, so that a server that hangs is reported and not waited for.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import httpx
import orjson
from cryptography.fernet import InvalidToken
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from wa_app import queues
from wa_app.channels import registry
from wa_app.channels.port import ChannelError
from wa_app.config import get_settings
from wa_app.db import redis_client, system_unit_of_work

LIMIT_S = 3.0
"""How long one answer may take, in seconds."""
_TROUBLE = (OSError, TimeoutError, SQLAlchemyError, RedisError, httpx.HTTPError, ChannelError, InvalidToken)


class Check(BaseModel):
    """One thing we need, and whether it answers."""

    name: str
    ok: bool
    required: bool
    ms: int
    detail: str = ""


class Readiness(BaseModel):
    """`ready`: all well. `degraded`: work goes on, something is missing. `down`: nothing can be done."""

    status: Literal["ready", "degraded", "down"]
    checks: list[Check]


async def readiness() -> Readiness:
    """Ask everything at once."""
    checks = await asyncio.gather(
        _check("database", _database, required=True),
        _check("redis", _redis, required=True),
        _check("chroma", _chroma, required=False),
        _check("waha", _waha, required=False),
    )
    down = any(not check.ok and check.required for check in checks)
    degraded = any(not check.ok for check in checks)
    return Readiness(status="down" if down else "degraded" if degraded else "ready", checks=list(checks))


async def _check(name: str, ask: Callable[[], Awaitable[str]], *, required: bool) -> Check:
    started, ok = time.perf_counter(), True
    try:
        async with asyncio.timeout(LIMIT_S):
            detail = await ask()
    except _TROUBLE as error:
        # The class only: messages may hold addresses and credentials, and anybody may read this.
        ok, detail = False, type(error).__name__
    return Check(name=name, ok=ok, required=required, ms=round((time.perf_counter() - started) * 1000), detail=detail)


async def _database() -> str:
    # A table that the migrations fill: an empty database is not ready.
    async with system_unit_of_work() as uow:
        packages = (await uow.session.execute(text("SELECT count(*) FROM packages"))).scalar_one()
    return f"{packages} packages"


async def _redis() -> str:
    await redis_client().execute_command("PING")  # type: ignore[no-untyped-call]
    return ""


async def _chroma() -> str:
    if not (url := get_settings().chroma_url):
        return "not used"
    async with httpx.AsyncClient(timeout=LIMIT_S) as client:
        (await client.get(f"{url.rstrip('/')}/api/v2/heartbeat")).raise_for_status()
    return ""


async def _waha() -> str:
    async with system_unit_of_work() as uow:
        found = await uow.session.execute(text("SELECT id FROM waha_servers WHERE is_active ORDER BY id"))
        servers = list(found.scalars())
    answers = await asyncio.gather(*(_ping(server) for server in servers))
    if not all(answers):
        raise ChannelUnreachable(f"{answers.count(False)} of {len(answers)}")
    return f"{len(answers)} servers"


class ChannelUnreachable(OSError):
    """Some WAHA server does not answer."""


async def _ping(server_id: Any) -> bool:
    try:
        client = await registry.channel(server_id)
        async with asyncio.timeout(LIMIT_S - 0.5):
            await client.ping()
    except _TROUBLE:
        return False
    return True


# Each uses a partial index or a table of platform size; none reads a ledger whole.
_FIGURES = {
    "sapa_messages_unknown": ("Messages that may or may not have left", """
        SELECT count(*) FROM outbound_messages WHERE state = 'unknown'"""),
    "sapa_messages_sending": ("Messages that are on their way to a channel", """
        SELECT count(*) FROM outbound_messages WHERE state = 'sending'"""),
    "sapa_reply_lag_seconds": ("Age of the oldest reply or single message that is due", """
        SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0) FROM outbound_messages
        WHERE state = 'planned' AND campaign_id IS NULL AND due_at <= now()"""),
    "sapa_lane_lag_seconds": ("How long the slowest lane of a running broadcast is past its next send", """
        SELECT coalesce(max(extract(epoch FROM now() - d.next_send_at)), 0)
        FROM campaigns c JOIN campaign_devices l ON l.tenant_id = c.tenant_id AND l.campaign_id = c.id
        JOIN devices d ON d.tenant_id = l.tenant_id AND d.id = l.device_id
        WHERE c.status = 'PROCESSING' AND d.status = 'CONNECTED' AND d.deleted_at IS NULL
          AND d.next_send_at <= now() AND coalesce(d.paused_until <= now(), true)
          AND (SELECT sum(k.n) FROM campaign_counters k
               WHERE k.tenant_id = c.tenant_id AND k.campaign_id = c.id AND k.state = 'planned') > 0"""),
    "sapa_inbound_pending": ("Webhooks that are stored and not yet worked off", """
        SELECT count(*) FROM inbound_events WHERE state = 'pending'"""),
    "sapa_inbound_lag_seconds": ("Age of the oldest webhook that is due", """
        SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0) FROM inbound_events
        WHERE state = 'pending' AND due_at <= now()"""),
    "sapa_devices_connected": ("Linked numbers", """
        SELECT count(*) FROM devices WHERE status = 'CONNECTED' AND deleted_at IS NULL"""),
    "sapa_devices_lost": ("Numbers that are not linked any more", """
        SELECT count(*) FROM devices WHERE status IN ('DISCONNECTED', 'FAILED') AND deleted_at IS NULL"""),
    "sapa_campaigns_running": ("Broadcasts that are being sent", """
        SELECT count(*) FROM campaigns WHERE status = 'PROCESSING'"""),
    "sapa_events_failed": ("Webhooks that were given up", """
        SELECT count(*) FROM inbound_events WHERE state = 'failed'"""),
    "sapa_jobs_failing": ("Recurring jobs whose last three runs failed", """
        SELECT count(*) FROM scheduled_jobs WHERE errors >= 3"""),
    "sapa_scheduler_lag_seconds": ("How far the most delayed recurring job is behind", """
        SELECT coalesce(max(extract(epoch FROM now() - next_at)), 0) FROM scheduled_jobs WHERE next_at <= now()"""),
}  # fmt: skip


class Figure(BaseModel):
    """One number of the whole installation."""

    name: str
    help: str
    value: float
    labels: dict[str, str] = {}


async def figures() -> list[Figure]:
    """What the database and Redis know at this moment. A part that does not answer is left out."""
    found = [Figure(name="sapa_up", help="Whether a server answers", value=value, labels={"server": name})
             for name, value in (("database", 1.0), ("redis", 1.0))]
    try:
        async with asyncio.timeout(LIMIT_S):
            found += await _database_figures()
    except _TROUBLE:
        found[0].value = 0.0
    try:
        async with asyncio.timeout(LIMIT_S):
            found += await _queue_figures()
    except _TROUBLE:
        found[1].value = 0.0
    return found


async def _database_figures() -> list[Figure]:
    columns = ", ".join(f'({query}) AS "{name}"' for name, (_, query) in _FIGURES.items())
    async with system_unit_of_work() as uow:
        row = (await uow.session.execute(text(f"SELECT {columns}"))).one()
    return [Figure(name=name, help=_FIGURES[name][0], value=float(getattr(row, name))) for name in _FIGURES]


async def _queue_figures() -> list[Figure]:
    redis, found = redis_client(), []
    for queue in sorted(set(queues.ACTOR_QUEUES.values())):
        key = f"{queues.NAMESPACE}:{queue}"
        waiting = await redis.llen(key)  # type: ignore[misc]
        oldest = await redis.lindex(key, 0)  # type: ignore[misc]
        body = await redis.hget(f"{key}.msgs", oldest) if oldest else None  # type: ignore[misc]
        age = time.time() - orjson.loads(body)["message_timestamp"] / 1000 if body else 0.0
        dead = await redis.zcard(f"{key}.XQ")
        labels = {"queue": queue}
        found += [
            Figure(name="sapa_queue_waiting", help="Messages to workers that wait", value=waiting, labels=labels),
            Figure(name="sapa_dead_letters", help="Messages to workers that were given up", value=dead, labels=labels),
            Figure(name="sapa_queue_age_seconds", help="Age of the oldest of them", value=max(age, 0.0), labels=labels),
        ]
    return found
