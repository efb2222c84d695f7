"""One tenant with very much to do beside one with one message: does the small one wait?

Tenant A gets a broadcast of `rows` on `devices` numbers without delays, `events` stored messages to work off and
`imports` big files; tenant B gets messages from a customer and answers by hand, again and again, while A's backlog
lasts. `ratio` is the 95th percentile of B's answers (seconds from the row to the sandbox's 201) over the bar of 1 s.

    --set rows=100000 --set events=20000 --set imports=4 --set import_rows=100000 --set devices=8 --set probes=20
"""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson

from bench.harness import Bench, Result
from bench.import_ import write_file
from bench.seeding import SeededDevice, World
from bench.send import start_api
from wa_app.db import unit_of_work
from wa_app.files.port import one_chunk
from wa_app.schemas.contacts import ImportRequest
from wa_app.schemas.principal import Principal
from wa_app.sending import ledger
from wa_app.services import files, imports

NEEDS = ("postgres", "redis", "sandbox", "worker", "worker-lanes", "worker-heavy", "scheduler")
REPLY_BAR_S, INBOUND_BAR_S = 1.0, 2.0
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Flood:
    """How much the big tenant has to do."""

    rows: int
    events: int
    imports: int
    import_rows: int
    devices: int


@dataclass
class Waited:
    """Seconds that the small tenant waited."""

    replies: list[float] = field(default_factory=list)
    inbound: list[float] = field(default_factory=list)
    left_rows: int = 0
    left_events: int = 0
    open_imports: int = 0
    """What of the flood was still there at the last probe that found all of it."""
    slowest: tuple[float, float] = (0.0, 0.0)
    """Of the slowest answer: seconds until a lane took it, and from then until WAHA had accepted it."""


async def run(env: Bench) -> Result:
    api = start_api(env)
    key = env.stack.environment["WAHA_API_KEY"]
    flood = Flood(
        env.option("rows", 100_000), env.option("events", 20_000), env.option("imports", 4),
        env.option("import_rows", 100_000), env.option("devices", 8),
    )  # fmt: skip
    big, small = World(env.waha_url, key, api), World(env.waha_url, key, api)
    await small.configure(acks="off", start_s=0.01)
    await open_worlds(big, small, flood.devices)
    quiet = await probe(big, small, 5)
    env.say(f"alone: reply {p95(quiet.replies):.3f} s, message {p95(quiet.inbound):.3f} s")
    await pour(big, flood, env.data)
    env.say("the flood is poured")
    waited = await probe(big, small, env.option("probes", 20))
    figures: dict[str, float | int | str] = {
        "reply_p95_s": p95(waited.replies), "reply_max_s": max(waited.replies), "reply_alone_s": p95(quiet.replies),
        "inbound_p95_s": p95(waited.inbound), "inbound_max_s": max(waited.inbound),
        "inbound_alone_s": p95(quiet.inbound), "left_rows": waited.left_rows, "left_events": waited.left_events,
        "open_imports": waited.open_imports, "slowest_claim_s": waited.slowest[0], "slowest_send_s": waited.slowest[1],
    }  # fmt: skip
    holds = p95(waited.replies) <= REPLY_BAR_S and p95(waited.inbound) <= INBOUND_BAR_S and waited.left_rows > 0
    return Result("fairness", p95(waited.replies) / REPLY_BAR_S, figures, holds)


def p95(seconds: list[float]) -> float:
    """The value that 19 of 20 stay below."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.95))]


async def open_worlds(big: World, small: World, devices: int) -> None:
    """Two tenants with linked numbers."""
    for world, count in ((big, devices), (small, 1)):
        await world.open()
        await world.link(count)


async def pour(big: World, flood: Flood, folder: Path) -> None:
    """Give the big tenant everything at once: rows first, since they take longest to write."""
    contacts = await big.add_contacts(flood.rows)
    await big.add_campaign(contacts)
    await _pour_imports(big, flood, folder)
    await _pour_events(big, flood.events)


async def _pour_events(big: World, count: int) -> None:
    """Stored messages of as many people as there are messages."""
    connection = await big.connect()
    try:
        for start in range(0, count, 5_000):
            batch = [(big.devices[n % len(big.devices)], n) for n in range(start, min(start + 5_000, count))]
            await connection.execute(
                "INSERT INTO inbound_events (tenant_id, device_id, event, envelope_id, body) "
                "SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[])",
                big.tenant_id, [device.id for device, _ in batch], ["message"] * len(batch),
                [f"flood-{n}" for _, n in batch], [message_body(device, n) for device, n in batch],
            )  # fmt: skip
    finally:
        await connection.close()


def message_body(device: SeededDevice, n: int) -> bytes:
    """A webhook of somebody's message as WAHA sends it (WEBJS)."""
    chat, at = f"62813{n:08}@c.us", int(time.time())
    payload = {
        "id": f"false_{chat}_F{n:019X}", "timestamp": at, "from": chat, "fromMe": False, "source": "app",
        "to": "628990000001@c.us", "body": f"Masih ada stok? {n}", "hasMedia": False, "media": None, "ack": 1,
        "ackName": "SERVER", "replyTo": None, "_data": {"notifyName": f"Orang {n}"},
    }  # fmt: skip
    return orjson.dumps({
        "id": f"evt_flood{n}", "timestamp": at * 1000, "event": "message", "session": device.session,
        "engine": "WEBJS", "payload": payload,
    })  # fmt: skip


async def _pour_imports(big: World, flood: Flood, folder: Path) -> None:
    principal = Principal.system(big.tenant_id)
    for n in range(flood.imports):
        path = folder / f"import-{n}.csv"
        await asyncio.to_thread(write_file, path, flood.import_rows)
        body = await asyncio.to_thread(path.read_bytes)
        kept = await files.store(principal, path.name, one_chunk(body + f"#{n}\n".encode()))
        async with unit_of_work(principal) as uow:
            await imports.request(uow, ImportRequest(file_id=kept.id))


async def probe(big: World, small: World, count: int) -> Waited:
    """Message by message: what comes in for the small tenant, what it answers by hand."""
    waited = Waited()
    for n in range(count):
        left = await _left(big)
        if left[0]:
            waited.left_rows, waited.left_events, waited.open_imports = left
        waited.inbound.append(await _hear(small, n))
        took, parts = await _answer(small, n)
        waited.slowest = parts if took > max(waited.replies, default=0.0) else waited.slowest
        waited.replies.append(took)
    return waited


async def _left(big: World) -> tuple[int, int, int]:
    rows = await big.fetch(
        "SELECT (SELECT coalesce(sum(n), 0) FROM campaign_counters WHERE tenant_id = $1 AND state = 'planned')::int, "
        "(SELECT count(*) FROM inbound_events WHERE tenant_id = $1 AND state = 'pending')::int, "
        "(SELECT count(*) FROM import_jobs WHERE tenant_id = $1 AND status IN ('queued', 'running'))::int",
        big.tenant_id,
    )  # fmt: skip
    return tuple(rows[0])


async def _hear(small: World, n: int) -> float:
    """Seconds from the customer's message at WAHA to its line in the inbox."""
    words, device, began = f"Halo {n} {time.time()}", small.devices[0], time.monotonic()
    async with httpx.AsyncClient(base_url=small.sandbox_url) as http:
        body = {"from": "628111222333", "name": "Siti", "text": words}
        (await http.post(f"/sandbox/sessions/{device.session}/inbound", json=body)).raise_for_status()
    await _until(small, "SELECT 1 FROM messages WHERE tenant_id = $1 AND text = $2", words)
    return time.monotonic() - began


async def _answer(small: World, n: int) -> tuple[float, tuple[float, float]]:
    """Seconds from a person's answer in the ledger to its acceptance by WAHA, and where they went."""
    began, principal = time.monotonic(), Principal.system(small.tenant_id)
    async with unit_of_work(principal) as uow:
        row_id = await ledger.enqueue_message(
            uow, kind="manual", identity=("phone", "+628111222333"), text=f"Masih, kak {n}",
            device_id=small.devices[0].id,
        )  # fmt: skip
    await _until(small, "SELECT 1 FROM outbound_messages WHERE tenant_id = $1 AND id = $2 AND state <> 'planned' "
                 "AND sent_at IS NOT NULL", row_id)  # fmt: skip
    took = time.monotonic() - began
    parts = await small.fetch(
        "SELECT extract(epoch FROM claimed_at - uuid_extract_timestamp(id))::float, extract(epoch FROM sent_at - claimed_at)::float "
        "FROM outbound_messages WHERE id = $1", row_id,
    )  # fmt: skip
    return took, tuple(parts[0])


async def _until(world: World, query: str, value: Any) -> None:
    connection, ends = await world.connect(), time.monotonic() + PATIENCE_S
    try:
        while not await connection.fetchval(query, world.tenant_id, value):
            if time.monotonic() > ends:
                return
            await asyncio.sleep(0.01)
    finally:
        await connection.close()
