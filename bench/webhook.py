"""Webhooks stored and acknowledged per second, over a bare FastAPI route that only checks the signature.

Both are served by granian with the same number of workers, one after the other, twice, and get the same bytes:
a text message of 1.3 kB as WAHA sends it, signed, each with an id of its own. An event counts when it was
answered 200; at the end as many rows must be stored. Then the time to answer at half that load, by an open loop
that sends when it is time whether or not answers have come.

    --set n=20000      events of a round
    --set workers=2    processes of the server
    --set seconds=10   how long half the load is kept up
"""

import asyncio
import random
import sys
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import orjson

from bench.harness import Bench, Result
from bench.seeding import SeededDevice, World
from wa_app.channels.waha.events import sign
from wa_app.config import ROOT
from wa_app.embedded import process
from wa_app.kit.ids import new_id
from wa_app.sandbox import wire
from wa_app.sandbox.world import Message, Session, new_bare_id

NEEDS = ("postgres", "redis", "sandbox")
CONNECTIONS: Final = 64
SIZE: Final = 1_300
WARM: Final = 500
RATIO_BAR: Final = 0.5
P99_BAR_MS: Final = 50.0


async def run(env: Bench) -> Result:
    n, workers = env.option("n", 20_000), env.option("workers", 2)
    world = World(env.waha_url, env.stack.environment["WAHA_API_KEY"])
    await world.open()
    await world.link(2)
    ours: list[float] = []
    bare: list[float] = []
    for number in range(2):
        bare.append(await _bare(env, world, n, workers))
        env.say(f"bare route: {bare[-1]:.0f} events/s")
        with Served(env, "ours", "bench.serving.api:create", workers) as served:
            ours.append(await _round(served.port, world, n))
            env.say(f"ours: {ours[-1]:.0f} events/s")
            if number == 1:
                rate = sum(ours) / 2
                times = await _half(served.port, world, rate / 2, env.option("seconds", 10))
    stored = (await world.fetch("SELECT count(*)::int AS n FROM inbound_events WHERE tenant_id = $1", world.tenant_id))[0]["n"]
    lost = 2 * (n + WARM) + len(times) - stored
    times.sort()
    p50, p99 = (times[int(len(times) * part)] * 1000 for part in (0.5, 0.99))
    ratio = rate / (sum(bare) / 2)
    figures = {
        "rps": rate, "baseline_rps": sum(bare) / 2, "half_rps": rate / 2, "p50_ms": p50, "p99_ms": p99, "lost": lost,
        "workers": workers,
    }  # fmt: skip
    return Result("webhook", ratio, figures, ratio >= RATIO_BAR and p99 < P99_BAR_MS and lost == 0)


class Served:
    """An application under granian on a port of its own, for as long as the block lasts."""

    def __init__(self, env: Bench, name: str, target: str, workers: int, **environment: str) -> None:
        self.env, self.name, self.port = env, name, process.free_port()
        command = (
            sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--workers", str(workers),
            "--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning", target,
        )  # fmt: skip
        self.program = process.Program(name, command, env=environment, cwd=ROOT, stop_signal="INT", stop_wait_s=2)

    def __enter__(self) -> "Served":
        self.env.stack.spawn(self.program)
        self.env.stack.wait(self.name, lambda: process.port_answers(self.port), 60)
        return self

    def __exit__(self, *_: object) -> None:
        self.env.stack.stop_one(self.name)


async def _bare(env: Bench, world: World, n: int, workers: int) -> float:
    device = world.devices[0]
    with Served(env, "bare", "bench.serving.bare:create", workers, BENCH_HMAC_KEY=device.hmac_key) as served:
        return await _round(served.port, world, n, only=device)


async def _round(port: int, world: World, n: int, only: SeededDevice | None = None) -> float:
    """Events per second with every connection busy; a short round first warms pools and caches."""
    warm = [_request(only or random.choice(world.devices), port) for _ in range(WARM)]
    requests = [_request(only or random.choice(world.devices), port) for _ in range(n)]
    connections = [await Wire.open(port) for _ in range(CONNECTIONS)]
    await _drain(connections, warm)
    started = time.perf_counter()
    await _drain(connections, requests)
    took = time.perf_counter() - started
    for one in connections:
        one.close()
    return n / took


async def _drain(connections: list["Wire"], requests: list[bytes]) -> None:
    work = iter(requests)

    async def one(wire_: Wire) -> None:
        for request in work:
            await wire_.post(request)

    await asyncio.gather(*(one(connection) for connection in connections))


async def _half(port: int, world: World, rate: float, seconds: float) -> list[float]:
    """Seconds from the moment each event was due until its answer, at `rate` events per second."""
    requests = [_request(random.choice(world.devices), port) for _ in range(int(rate * seconds))]
    free: asyncio.Queue[Wire] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await Wire.open(port))
    times: list[float] = []
    begun = time.perf_counter() + 0.1

    async def one(request: bytes, due: float) -> None:
        wire_ = await free.get()
        await wire_.post(request)
        times.append(time.perf_counter() - due)
        free.put_nowait(wire_)

    async with asyncio.TaskGroup() as tasks:
        for number, request in enumerate(requests):
            due = begun + number / rate
            if (ahead := due - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            tasks.create_task(one(request, due))
    while not free.empty():
        free.get_nowait().close()
    return times


@dataclass
class Wire:
    """One kept connection; the load must not cost more than what it measures."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int) -> "Wire":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, request: bytes) -> None:
        """Send, and read the whole answer. Raises RuntimeError unless it is 200."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:16]:
            raise RuntimeError(f"the webhook was answered {head[:60]!r}")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
        if int(length or 0):
            await self.reader.readexactly(int(length))

    def close(self) -> None:
        self.writer.close()


def _request(device: SeededDevice, port: int) -> bytes:
    body = _body(device, new_id())
    return (
        f"POST /webhooks/waha/{device.token} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"User-Agent: WAHA/{wire.VERSION}\r\nX-Webhook-Request-Id: {new_id().hex}\r\nX-Webhook-Timestamp: 1700000000000\r\n"
        f"X-Webhook-Hmac: {sign(body, device.hmac_key)}\r\nX-Webhook-Hmac-Algorithm: sha512\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _body(device: SeededDevice, number: UUID) -> bytes:
    """A customer's text as WAHA's webhook carries it, `SIZE` bytes long."""
    session = Session(device.session, "WEBJS", {}, me={"id": "628110000001@c.us", "pushName": "Toko"})
    chat = f"62812{random.randrange(10**8):08d}@c.us"
    message = Message(new_bare_id(), session.name, chat, chat, False, "", time.time(), ack=2, source="app")
    envelope = wire.envelope("message.any", wire.stored(message, session), session, f"evt_{number.hex}")
    missing = SIZE - len(orjson.dumps(envelope))
    envelope["payload"]["body"] = "Halo kak, apakah masih ada stok? " * (missing // 33 + 1)
    envelope["payload"]["body"] = envelope["payload"]["body"][: max(0, missing)]
    return orjson.dumps(envelope)
