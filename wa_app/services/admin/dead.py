"""Dead letters: work that was given up, in three places, with the reason; tried again or dropped.

Messages that failed for good stand in Redis; webhooks and imports that failed are rows.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import dramatiq
import structlog
from dramatiq.common import current_millis, xq_name
from redis.exceptions import RedisError
from sqlalchemy import text

from wa_app.db import SystemUnitOfWork, redis_client, system_unit_of_work
from wa_app.errors import NotFound, Unavailable
from wa_app.queues import NAMESPACE
from wa_app.schemas.admin import DeadLetter, DeadLetters, Source
from wa_app.services.admin.door import Admin
from wa_app.services.admin.queues import names

log = structlog.get_logger(__name__)

SHOWN = 50
"""Letters shown of each source, the newest first."""
AT_ONCE = 5_000
"""Rows changed by one statement."""
_PLAIN = re.compile(r"[\w.:-]{1,64}")

_TAKE = """
if redis.call('zrem', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('hdel', KEYS[2], ARGV[1])
if ARGV[2] ~= '' then
  redis.call('hset', KEYS[4], ARGV[1], ARGV[2])
  redis.call('rpush', KEYS[3], ARGV[1])
end
return 1
"""
# What failed stays counted in one partial index each: nothing here reads a table whole.
_EVENTS = text(
    "SELECT e.id, e.event, e.device_id, e.error, e.attempts, e.created_at, t.name FROM inbound_events e "
    "JOIN tenants t ON t.id = e.tenant_id WHERE e.state = 'failed' ORDER BY e.id DESC LIMIT :n"
)
_IMPORTS = text(
    "SELECT j.id, j.file_id, j.error_code, coalesce(j.finished_at, j.created_at) AS at, t.name FROM import_jobs j "
    "JOIN tenants t ON t.id = j.tenant_id WHERE j.status = 'failed' AND j.dismissed_at IS NULL AND NOT j.dry_run "
    "ORDER BY j.id DESC LIMIT :n"
)
_COUNTS = text(
    "SELECT (SELECT count(*) FROM inbound_events WHERE state = 'failed') AS events, "
    "(SELECT count(*) FROM import_jobs WHERE status = 'failed' AND dismissed_at IS NULL AND NOT dry_run) AS imports"
)
_CHANGE = {
    ("events", "retry"): text(
        "UPDATE inbound_events SET state = 'pending', due_at = now(), attempts = 0, error = NULL WHERE id IN ("
        "SELECT id FROM inbound_events WHERE state = 'failed' AND (CAST(:id AS uuid) IS NULL OR id = :id) "
        "LIMIT :n FOR UPDATE SKIP LOCKED) RETURNING tenant_id, id"
    ),
    ("events", "drop"): text(
        "UPDATE inbound_events SET state = 'ignored', error = 'dropped' WHERE id IN ("
        "SELECT id FROM inbound_events WHERE state = 'failed' AND (CAST(:id AS uuid) IS NULL OR id = :id) "
        "LIMIT :n FOR UPDATE SKIP LOCKED) RETURNING tenant_id, id"
    ),
    ("imports", "retry"): text(
        "UPDATE import_jobs SET status = 'queued', error_code = NULL, finished_at = NULL, lease_until = NULL "
        "WHERE id IN (SELECT id FROM import_jobs WHERE status = 'failed' AND dismissed_at IS NULL AND NOT dry_run "
        "AND (CAST(:id AS uuid) IS NULL OR id = :id) LIMIT :n FOR UPDATE SKIP LOCKED) RETURNING tenant_id, id"
    ),
    ("imports", "drop"): text(
        "UPDATE import_jobs SET dismissed_at = now() WHERE id IN ("
        "SELECT id FROM import_jobs WHERE status = 'failed' AND dismissed_at IS NULL AND NOT dry_run "
        "AND (CAST(:id AS uuid) IS NULL OR id = :id) LIMIT :n FOR UPDATE SKIP LOCKED) RETURNING tenant_id, id"
    ),
}


async def dead_letters(admin: Admin) -> DeadLetters:
    """The newest of each source, and how many there are."""
    async with system_unit_of_work() as uow:
        counts = (await uow.session.execute(_COUNTS)).one()
        letters = [_event(row) for row in await uow.session.execute(_EVENTS, {"n": SHOWN})]
        letters += [_import(row) for row in await uow.session.execute(_IMPORTS, {"n": SHOWN})]
        found, messages = await _messages()
        letters += await _named(uow, messages)
    letters.sort(key=lambda one: one.at, reverse=True)
    return DeadLetters(counts={"messages": found, "events": counts.events, "imports": counts.imports}, letters=letters)


async def retry(admin: Admin, source: Source, id: str | None = None) -> int:
    """Try one again, or all of a source. Returns how many. Raises NotFound, Unavailable while Redis is away."""
    return await _change(admin, source, id, "retry")


async def drop(admin: Admin, source: Source, id: str | None = None) -> int:
    """Put one out of sight for good, or all of a source. Raises as `retry`."""
    return await _change(admin, source, id, "drop")


async def _change(admin: Admin, source: Source, id: str | None, verb: str) -> int:
    n = await (_change_messages(id, verb) if source == "messages" else _change_rows(source, id, verb))
    if id is not None and not n:
        raise NotFound
    async with system_unit_of_work() as uow:
        admin.note(uow, f"dead.{verb}", source, n=n, **({"id": id} if id else {}))
    return n


async def _change_rows(source: str, id: str | None, verb: str) -> int:
    wanted, total = _uuid(id) if id is not None else None, 0
    while True:
        async with system_unit_of_work() as uow:
            query = _CHANGE[source, verb]
            rows = (await uow.session.execute(query, {"id": wanted, "n": AT_ONCE})).all()
            if verb == "retry":
                _wake(uow, source, rows)
        total += len(rows)
        if len(rows) < AT_ONCE:
            return total


def _wake(uow: SystemUnitOfWork, source: str, rows: Iterable[Any]) -> None:
    if source == "events":
        for tenant_id in {row.tenant_id for row in rows}:
            uow.enqueue("inbound.process", tenant_id=tenant_id)
        return
    for row in rows:
        uow.enqueue("import.run", tenant_id=row.tenant_id, job_id=row.id)


def _uuid(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise NotFound from None


async def _messages() -> tuple[int | None, list[tuple[str, dramatiq.Message[Any], datetime]]]:
    """How many, and the newest: id, message, when it was given up."""
    client, found, total = redis_client(), [], 0
    try:
        for queue in names():
            key = f"{NAMESPACE}:{xq_name(queue)}"
            total += await client.zcard(key)
            newest = await client.zrevrange(key, 0, SHOWN - 1, withscores=True)
            bodies = await client.hmget(f"{key}.msgs", [id for id, _ in newest]) if newest else []  # type: ignore[misc]
            for (id, at), body in zip(newest, bodies, strict=True):
                if body is not None:
                    when = datetime.fromtimestamp(float(at) / 1000, UTC)
                    found.append((id.decode(), dramatiq.Message.decode(body), when))
    except (RedisError, OSError) as error:
        log.warning("queue.unreachable", error=type(error).__name__)
        return None, []
    found.sort(key=lambda one: one[2], reverse=True)
    return total, found[:SHOWN]


async def _named(
    uow: SystemUnitOfWork, found: list[tuple[str, dramatiq.Message[Any], datetime]]
) -> list[DeadLetter]:
    """Messages as letters, with the names of the tenants they speak of."""
    ids = {id: _ids(message.kwargs) for id, message, _ in found}
    tenants = {one["tenant_id"] for one in ids.values() if "tenant_id" in one}
    query = text("SELECT id::text, name FROM tenants WHERE id::text = ANY(:ids)")
    named = {row.id: row.name for row in await uow.session.execute(query, {"ids": sorted(tenants)})} if tenants else {}
    letters = []
    for id, message, at in found:
        failure = message.options.get("failure") or {}
        letters.append(DeadLetter(
            id=id, source="messages", what=message.actor_name, ids=ids[id],
            tenant=named.get(ids[id].get("tenant_id", ""), ""), reason=str(failure.get("error", "")),
            where=str(failure.get("where", "")), tries=int(message.options.get("retries", 0)), at=at,
        ))  # fmt: skip
    return letters


def _ids(kwargs: dict[str, Any]) -> dict[str, str]:
    """What a message carries, as far as it is an id or a plain word."""
    return {key: str(value) for key, value in kwargs.items() if _PLAIN.fullmatch(str(value))}


def _event(row: Any) -> DeadLetter:
    return DeadLetter(
        id=str(row.id), source="events", what=row.event, ids={"event_id": str(row.id), "device_id": str(row.device_id)},
        tenant=row.name, reason=row.error or "", where="", tries=row.attempts, at=row.created_at,
    )  # fmt: skip


def _import(row: Any) -> DeadLetter:
    return DeadLetter(
        id=str(row.id), source="imports", what="import", ids={"import_id": str(row.id), "file_id": str(row.file_id)},
        tenant=row.name, reason=row.error_code or "", where="", tries=1, at=row.at,
    )  # fmt: skip


async def _change_messages(id: str | None, verb: str) -> int:
    """Move messages back to their queues, or out of Redis; each in one script, so a second click finds nothing."""
    client, done = redis_client(), 0
    try:
        for queue in names():
            key = f"{NAMESPACE}:{queue}"
            dead = f"{NAMESPACE}:{xq_name(queue)}"
            wanted = [id.encode()] if id is not None else await client.zrange(dead, 0, -1)
            for one in wanted:
                body = await client.hget(f"{dead}.msgs", one)  # type: ignore[misc,arg-type]
                fresh = _fresh(body) if verb == "retry" and body else b""
                if verb == "retry" and not fresh:
                    continue
                done += await client.eval(_TAKE, 4, dead, f"{dead}.msgs", key, f"{key}.msgs", one, fresh)  # type: ignore[misc]
    except (RedisError, OSError) as error:
        raise Unavailable("queues_unreachable") from error
    return done


def _fresh(body: bytes) -> bytes:
    """The message as if it had just been sent."""
    message: dramatiq.Message[Any] = dramatiq.Message.decode(body)
    kept = {key: value for key, value in message.options.items() if key not in ("retries", "failure", "eta")}
    return message.copy(message_timestamp=current_millis(), options=kept).encode()
