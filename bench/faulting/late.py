"""Webhooks that a server kept for a day: old times, sent twice, in any order, to rows that are long settled."""

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import httpx
import orjson

from bench.faulting.judging import Unsettled
from bench.seeding import SeededDevice, World
from wa_app.channels.waha.events import sign
from wa_app.sandbox import wire
from wa_app.sandbox.world import Message, Session

DAY: Final = timedelta(days=1)
TIMEOUT_S: Final = 90.0
CUSTOMERS: Final = 20
_AGE = (
    "SELECT id FROM outbound_messages WHERE campaign_id = $1 ORDER BY id FOR UPDATE",
    "UPDATE outbound_messages SET state = 'sent', delivered_at = NULL, read_at = NULL, played_at = NULL, "
    "claimed_at = claimed_at - interval '1 day', sent_at = sent_at - interval '1 day' WHERE campaign_id = $1",
    "DELETE FROM campaign_counters WHERE campaign_id = $1",
    "INSERT INTO campaign_counters (tenant_id, campaign_id, device_id, state, n) SELECT tenant_id, campaign_id, "
    "device_id, state, count(*) FROM outbound_messages WHERE campaign_id = $1 GROUP BY 1, 2, 3, 4",
)


async def a_day_late(world: World, campaign: UUID) -> dict[str, float | int]:
    """Age a finished campaign by a day, take its ticks away and deliver them late, customers' words among them.

    Returns how many webhooks were delivered. Raises Unsettled when a row is not read at its own time, or when a
    customer's message is not stored exactly once.
    """
    await _age(world, campaign)
    rows = await world.fetch(
        "SELECT device_id, provider_message_id, identity_value FROM outbound_messages WHERE campaign_id = $1", campaign
    )
    posts = [post for row in rows for post in _ticks(world, row)] + [_words(world, n) for n in range(CUSTOMERS)]
    posts *= 2
    random.shuffle(posts)
    await _deliver(world, posts)
    read = "SELECT count(*)::int AS n FROM outbound_messages WHERE campaign_id = $1 AND state = 'read' AND read_at < now() - interval '23 h'"
    await _until(world, read, campaign, len(rows))
    heard = "SELECT count(*)::int AS n FROM messages WHERE tenant_id = $1 AND direction = 'INBOUND' AND timestamp < now() - interval '23 h'"
    await _until(world, heard, world.tenant_id, CUSTOMERS)
    return {"late_events": len(posts)}


async def _age(world: World, campaign: UUID) -> None:
    """In one transaction that holds the rows: a tick that comes meanwhile books its counters before or after."""
    connection = await world.connect()
    try:
        async with connection.transaction():
            for statement in _AGE:
                await connection.execute(statement, campaign)
    finally:
        await connection.close()


def _ticks(world: World, row: Any) -> list[tuple[SeededDevice, bytes]]:
    device = next(one for one in world.devices if one.id == row["device_id"])
    session = _session(device)
    chat = row["identity_value"].lstrip("+") + "@c.us"
    message = Message(row["provider_message_id"], device.session, chat, chat, True, "", time.time() - DAY.total_seconds())
    return [(device, _body("message.ack", wire.ack_body(message, session, level), session)) for level in (1, 2, 3)]


def _words(world: World, number: int) -> tuple[SeededDevice, bytes]:
    device = random.choice(world.devices)
    session, chat = _session(device), f"62857{number:08d}1@c.us"
    at = time.time() - DAY.total_seconds()
    message = Message(f"LATE{number:016X}", device.session, chat, chat, False, "kemarin", at, ack=2, source="app")
    return device, _body("message.any", wire.stored(message, session), session)


def _session(device: SeededDevice) -> Session:
    return Session(device.session, "WEBJS", {}, me={"id": "628110000001@c.us"})


def _body(event: str, payload: Any, session: Session) -> bytes:
    """The whole webhook as it was a day ago."""
    whole = wire.envelope(event, payload, session, wire.new_event_id())
    return orjson.dumps({**whole, "timestamp": int((datetime.now(UTC) - DAY).timestamp() * 1000)})


async def _deliver(world: World, posts: list[tuple[SeededDevice, bytes]]) -> None:
    work = iter(posts)

    async def one(http: httpx.AsyncClient) -> None:
        for device, body in work:
            headers = {"X-Webhook-Hmac": sign(body, device.hmac_key), "X-Webhook-Hmac-Algorithm": "sha512"}
            answer = await http.post(f"/webhooks/waha/{device.token}", content=body, headers=headers)
            answer.raise_for_status()

    async with httpx.AsyncClient(base_url=world.webhook_base, timeout=60) as http:
        await asyncio.gather(*(one(http) for _ in range(16)))


async def _until(world: World, query: str, key: UUID, wanted: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while (found := (await world.fetch(query, key))[0]["n"]) != wanted:
        if time.monotonic() > deadline or found > wanted:
            raise Unsettled(f"{found} of {wanted}: {query}")
        await asyncio.sleep(0.2)
