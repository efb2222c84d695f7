"""What is done to the engine, letter by letter as DESIGN §11 lists it. Each scenario has a tenant and devices of its own.

In each: nobody gets a message twice, nobody is lost, what is unknown stays within what was in flight, the
counters equal the rows, and the campaign ends by itself.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from bench.faulting import late
from bench.faulting.engine import ENGINE, Engine
from bench.faulting.judging import Run, Verdict, patiently
from bench.seeding import World
from wa_app.sending.delivery import UNCLEAR_S
from wa_app.sending.pacing import MAX_WINDOW

SEND_S: Final = 0.25
"""Half a call to the sandbox takes up to this, so that a kill finds calls on both sides of the sending."""


@dataclass(frozen=True)
class Size:
    """How much of a scenario: a short one for every test run, a long one for the bench."""

    recipients: int
    kills: int
    phase_s: float
    settle_s: float = 150.0
    shifts: tuple[tuple[str, float], ...] = (("worker", -600.0), ("worker-lanes", 600.0), ("scheduler", 600.0))
    """Whose clock is wrong, and by how many seconds."""


SHORT: Final = Size(recipients=360, kills=9, phase_s=3.0)
LONG: Final = Size(
    recipients=5_000, kills=100, phase_s=25.0, settle_s=400.0,
    shifts=tuple((name, shift) for name in ("worker", "worker-lanes", "scheduler") for shift in (600.0, -600.0)),
)  # fmt: skip


async def open_world(engine: Engine, devices: int, **behaviour: object) -> World:
    """A tenant with linked devices in a sandbox that behaves, for now."""
    world = World(engine.waha_url, engine.stack.environment["WAHA_API_KEY"], engine.api_url)
    await forgive(world)
    await world.configure(**{"acks": "instant", "start_s": 0.01, "send_s": SEND_S, **behaviour})
    await world.open()
    await world.link(devices)
    return world


async def forgive(world: World) -> int:
    """End all faults of the sandbox. Returns how often they struck."""
    async with httpx.AsyncClient(base_url=world.sandbox_url, timeout=30) as http:
        hits = sum(one["hits"] for one in (await http.get("/sandbox/faults")).json()["items"])
        await http.delete("/sandbox/faults")
    return int(hits)


async def kills(engine: Engine, size: Size) -> Verdict:
    """(a) `kill -9` of workers and schedulers at random points, at last of all of them at once."""
    world = await open_world(engine, 6)
    engine.start(*ENGINE)
    run = Run(world, "kills", size.recipients)
    await run.begin()
    marks = sorted(random.uniform(0.03, 0.9) for _ in range(size.kills - len(ENGINE)))
    for number, mark in enumerate(marks):
        await run.until_left(mark * size.recipients, 4, strict=False)
        await _kill(engine, run, [_victim(engine)])
        if number % 20 == 19:
            engine.say(f"  {number + 1} kills, {await run.states()}")
    await run.until_left(0.92 * size.recipients, size.settle_s)
    await _kill(engine, run, engine.running())
    run.verdict.extra["kills"] = size.kills
    return await run.finish(size.settle_s)


def _victim(engine: Engine) -> str:
    """Lanes mostly: they hold what can be lost."""
    return random.choices(engine.running(), [4 if name.startswith("worker-lanes") else 1 for name in engine.running()])[0]


async def _kill(engine: Engine, run: Run, names: list[str]) -> None:
    """Kill and start again; what the killed may leave unknown is one window for each device they held."""
    pids = {name: engine.pids(name) for name in names}
    owners = await patiently(
        lambda: run.world.fetch(
            "SELECT split_part(lease_owner, ':', 2)::int AS pid FROM devices WHERE tenant_id = $1 "
            "AND lease_until > now() - interval '1 s' AND lease_owner IS NOT NULL", run.world.tenant_id,
        )
    )
    for name in names:
        engine.kill(name)
    run.struck()
    held = sum(row["pid"] in pids[name] for row in owners for name in names)
    run.verdict.unknown_allowed += MAX_WINDOW * held
    engine.start(*names)


async def redis(engine: Engine, size: Size) -> Verdict:
    """(b) The queue is emptied, its server lost with all it held, and emptied again."""
    world = await open_world(engine, 4)
    engine.start(*ENGINE[:3], "scheduler")
    run = Run(world, "redis", size.recipients)
    await run.begin()
    for mark, flush in ((0.15, True), (0.4, False), (0.7, True)):
        await run.until_left(mark * size.recipients)
        await engine.restart_redis(flush=flush)
        run.struck()
    return await run.finish(size.settle_s)


async def postgres(engine: Engine, size: Size) -> Verdict:
    """(c) The database is stopped as an operator would, and killed as a crash would."""
    devices = 4
    world = await open_world(engine, devices)
    engine.start(*ENGINE[:3], "scheduler")
    run = Run(world, "postgres", size.recipients)
    await run.begin()
    for mark, crash in ((0.2, False), (0.5, True)):
        await run.until_left(mark * size.recipients, 90)
        await engine.restart_postgres(crash=crash)
        run.struck()
        # A claim whose commit was cut off on its way may be there and its holder not know.
        run.verdict.unknown_allowed += MAX_WINDOW * devices
    return await run.finish(size.settle_s)


async def waha(engine: Engine, size: Size) -> Verdict:
    """(d) WAHA answers 5xx, hangs after accepting, answers nonsense, drops sessions; reads fail too."""
    devices = 4
    world = await open_world(engine, devices)
    engine.start(*ENGINE[:3], "scheduler")
    run = Run(world, "waha", size.recipients)
    await run.begin()
    await run.until_left(0.1 * size.recipients)
    await world.fault("http_500")
    await asyncio.sleep(size.phase_s)
    await forgive(world)
    # A server that answers nothing clearly may use up a window of each device now and then, not the campaign.
    allowed = devices * MAX_WINDOW * (2 + int(size.phase_s / UNCLEAR_S))
    for kind, seconds in (("hang", 2.0), ("cut", 0.0), ("empty_answer", 0.0), ("http_500_after", 0.0)):
        await world.fault(kind, probability=0.08, seconds=seconds)
    await world.fault("http_500_reads", probability=0.3)
    await asyncio.sleep(size.phase_s)
    await _drop_all(world)
    await asyncio.sleep(size.phase_s)
    struck = await forgive(world)
    await _link_again(world)
    run.struck()
    run.verdict.unknown_allowed = allowed + struck
    run.verdict.extra["struck"] = struck
    return await run.finish(size.settle_s)


async def _drop_all(world: World) -> None:
    """Each link breaks for two seconds; one phone is logged out and linked again."""
    async with httpx.AsyncClient(base_url=world.sandbox_url, timeout=30) as http:
        for device in world.devices[1:]:
            body = {"status": "STARTING", "back_after_s": 2.0}
            (await http.post(f"/sandbox/sessions/{device.session}/drop", json=body)).raise_for_status()
        session = world.devices[0].session
        (await http.post(f"/sandbox/sessions/{session}/drop", json={"status": "FAILED"})).raise_for_status()


async def _link_again(world: World) -> None:
    """The tenant scans the code of the phone that was logged out."""
    device = world.devices[0]
    headers = {"X-Api-Key": world.api_key}
    async with httpx.AsyncClient(base_url=world.sandbox_url, headers=headers, timeout=30) as http:
        (await http.post(f"/api/sessions/{device.session}/restart", json={})).raise_for_status()
    await world.scan(device)


async def dropped(engine: Engine, size: Size) -> Verdict:
    """(d) One phone is logged out for good: the others take over what it has not sent."""
    world = await open_world(engine, 3)
    engine.start("worker", "worker-lanes", "scheduler")
    run = Run(world, "dropped", size.recipients)
    await run.begin()
    await run.until_left(0.2 * size.recipients)
    session = world.devices[0].session
    async with httpx.AsyncClient(base_url=world.sandbox_url, timeout=30) as http:
        (await http.post(f"/sandbox/sessions/{session}/drop", json={"status": "FAILED"})).raise_for_status()
    run.struck()
    verdict = await run.finish(size.settle_s)
    taken = await world.fetch(
        "SELECT count(*)::int AS n FROM outbound_messages WHERE campaign_id = $1 AND device_id = $2",
        run.campaign, world.devices[0].id,
    )  # fmt: skip
    verdict.extra["share_of_fair"] = taken[0]["n"] / (size.recipients / 3)
    return verdict


async def webhooks(engine: Engine, size: Size) -> Verdict:
    """(e) Webhooks come twice, in any order, some a day late and some never."""
    devices = 3
    world = await open_world(engine, devices)
    engine.start("worker", "worker-lanes", "scheduler")
    await world.fault("webhook_twice", probability=0.3)
    await world.fault("webhook_late", probability=0.1, seconds=3.0)
    await world.fault("webhook_reorder", probability=0.3)
    run = Run(world, "webhooks", size.recipients)
    await run.begin()
    await run.until(lambda found: not {"planned", "sending", "unknown"} & set(found), size.settle_s, "sent")
    shares = await world.fetch(
        "SELECT count(*)::int AS n FROM outbound_messages WHERE campaign_id = $1 GROUP BY device_id", run.campaign
    )
    fair = size.recipients / devices
    run.verdict.extra["share_off"] = max(abs(row["n"] - fair) for row in shares) / fair
    await run.finish(size.settle_s)
    await forgive(world)
    run.verdict.extra |= await late.a_day_late(world, run.campaign)
    return await run.judge()


async def clocks(engine: Engine, size: Size) -> Verdict:
    """(f) Each kind of process in turn lives ten minutes in the future or in the past, and is the only one of it."""
    world = await open_world(engine, 3)
    total = Verdict("clocks", status="COMPLETED")
    for number, (name, shift_s) in enumerate(size.shifts):
        engine.stop_workers()
        engine.start(*({"worker", "worker-lanes", "scheduler"} - {name}))
        engine.start(name, shift_s=shift_s)
        run = Run(world, "clocks", size.recipients // len(size.shifts))
        await run.begin(first=number * 100_000)
        one = await run.finish(size.settle_s)
        _add(total, one)
        total.extra[f"{name}{shift_s:+.0f}_s"] = one.seconds
    return total


def _add(total: Verdict, one: Verdict) -> None:
    for key in ("recipients", "duplicates", "lost", "counters_off", "unknown", "unknown_left", "not_sent", "seconds"):
        setattr(total, key, getattr(total, key) + getattr(one, key))
    if one.status != "COMPLETED":
        total.status = one.status


async def crowd(engine: Engine, size: Size) -> Verdict:
    """(g) Two schedulers and eight workers at once, all webhooks twice."""
    world = await open_world(engine, 8)
    lanes = [f"worker-lanes.{number}" for number in range(5)]
    others = [f"worker.{number}" for number in range(3)]
    engine.start(*lanes, *others, "scheduler", "scheduler.2")
    await world.fault("webhook_twice")
    run = Run(world, "crowd", size.recipients)
    await run.begin()
    return await run.finish(size.settle_s)


SCENARIOS: Final[Mapping[str, Callable[[Engine, Size], Awaitable[Verdict]]]] = {
    "kills": kills, "redis": redis, "postgres": postgres, "waha": waha, "dropped": dropped, "webhooks": webhooks,
    "clocks": clocks, "crowd": crowd,
}  # fmt: skip
"""(h), a full disk, is in `disk.py`: it mistreats an upload, not a campaign."""


async def play(name: str, engine: Engine, size: Size) -> Verdict:
    """One scenario, from no worker to no worker."""
    try:
        return await SCENARIOS[name](engine, size)
    finally:
        engine.stop_workers()
