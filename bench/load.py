"""Load as the market asks for it: many numbers linked at once, many tenants' days, and staying up.

    --set only=link,tenants,soak   which parts (default link and tenants)
    --set sessions=50              link: devices made at the same moment
    --set tenants=20 --set messages=2000   tenants: messages of one day each, replies of customers among them
    --set minutes=30               soak: campaigns, webhooks and open pages for so long

`link`: how many sessions the WAHA server was starting at most, and memory of all our processes per session.
`tenants`: duplicates and lost, counted by the sandbox, and messages per second. `soak`: growth of memory and of
database connections from the second quarter of the time to the last. `ratio` is duplicates + lost of everything.
"""

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from bench.faulting.engine import CONNECTIONS as CONNECTIONS
from bench.faulting.engine import Engine, watch_ledger
from bench.faulting.judging import Run
from bench.harness import Bench, Result
from bench.seeding import World
from wa_app.services.waha_servers import STARTS_AT_ONCE

NEEDS = ("postgres", "redis", "sandbox")
PROCESSES: Final = ("api", "worker", "worker-lanes", "scheduler")
REPLY_EVERY: Final = 10
"""Every tenth customer writes back, and is answered by a person."""
GROWTH_BAR: Final = 0.10
Figures = dict[str, float | int | str]


async def run(env: Bench) -> Result:
    engine = Engine(env.stack, env.say)
    env.stack.environment["SAPA_AUTH_RATE"] = "1000"
    await asyncio.to_thread(engine.start_api)
    await watch_ledger(engine.superuser_url)
    engine.start("worker", "worker-lanes", "scheduler")
    figures: Figures = {}
    wrong: list[str] = []
    for name in env.option("only", "link,tenants").split(","):
        found, problems = await {"link": link, "tenants": tenants, "soak": soak}[name](env, engine)
        env.say(f"{name}: {', '.join(problems) or 'holds'} {found}")
        figures |= found
        wrong += problems
    ratio = float(sum(float(value) for key, value in figures.items() if key.endswith(("duplicates", "lost"))))
    return Result("load", ratio, {**figures, "broken": "; ".join(wrong)}, not wrong)


async def _world(engine: Engine, devices: int) -> World:
    world = World(engine.waha_url, engine.stack.environment["WAHA_API_KEY"], engine.api_url)
    await world.open()
    await world.link(devices)
    return world


def _memory_mb(env: Bench) -> dict[str, float]:
    """Proportional memory by process."""
    return {name: env.rss_mb(env.stack.running[name][1].pid) for name in (*PROCESSES, "sandbox", "postgres")}


async def link(env: Bench, engine: Engine) -> tuple[Figures, list[str]]:
    """All devices are made at one moment; the owner scans each code as soon as it shows."""
    wanted = env.option("sessions", 50)
    world = World(engine.waha_url, engine.stack.environment["WAHA_API_KEY"], engine.api_url)
    await world.configure(start_s=0.5)
    await world.open()
    headers = {"X-Api-Key": await world.api_key_of_owner()}
    before, begun = _memory_mb(env), time.monotonic()
    most = linked = 0
    async with httpx.AsyncClient(base_url=engine.api_url, headers=headers, timeout=60) as http:
        answers = await asyncio.gather(*(http.post("/api/v1/devices", json={"name": f"CS {n}"}) for n in range(wanted)))
        for answer in answers:
            answer.raise_for_status()
        asked_s = time.monotonic() - begun
        async with httpx.AsyncClient(base_url=engine.waha_url, timeout=60) as owner:
            while linked < wanted and time.monotonic() - begun < 300:
                sessions = (await owner.get("/sandbox/state")).json()["sessions"]
                most = max(most, sum(one["status"] == "STARTING" for one in sessions))
                for one in sessions:
                    if one["status"] == "SCAN_QR_CODE":
                        await owner.post(f"/sandbox/sessions/{one['name']}/scan", json={})
                linked = await _connected(world)
                await asyncio.sleep(0.05)
    took = time.monotonic() - begun
    grown = {name: mb - before[name] for name, mb in _memory_mb(env).items()}
    figures: Figures = {
        "sessions": wanted, "linked": linked, "asked_s": asked_s, "link_s": took, "starting_at_once": most,
        "mb_per_session": sum(mb for name, mb in grown.items() if name in PROCESSES) / wanted,
        "sandbox_mb_per_session": grown["sandbox"] / wanted,
    }  # fmt: skip
    problems = [f"{wanted - linked} not linked"] if linked < wanted else []
    if most > STARTS_AT_ONCE:
        problems.append(f"{most} sessions were starting at once")
    await world.configure(start_s=0.01)
    return figures, problems


async def _connected(world: World) -> int:
    query = "SELECT count(*)::int AS n FROM devices WHERE tenant_id = $1 AND status = 'CONNECTED'"
    return int((await world.fetch(query, world.tenant_id))[0]["n"])


@dataclass
class Day:
    """One tenant's day: a campaign, customers who write back, and a person who answers them."""

    world: World
    run: Run
    answers: list[str] = field(default_factory=list)
    key: str = ""


async def tenants(env: Bench, engine: Engine) -> tuple[Figures, list[str]]:
    """Each tenant's day in fast motion: no delays, the sandbox answers at once."""
    count, messages = env.option("tenants", 20), env.option("messages", 2_000)
    days = []
    for number in range(count):
        world = await _world(engine, 2)
        run = Run(world, f"tenant{number}", messages * REPLY_EVERY // (REPLY_EVERY + 1))
        days.append(Day(world, run, key=await world.api_key_of_owner()))
    await days[0].world.configure(acks="instant", start_s=0.01)
    begun = time.monotonic()
    await asyncio.gather(*(day.run.begin() for day in days))
    await asyncio.gather(*(_write_back(engine, day) for day in days))
    # One after the other: judging a run closes this process's pools, and the work goes on by itself.
    verdicts = [await day.run.finish(1_200) for day in days]
    took = time.monotonic() - begun
    sent = sum(verdict.recipients for verdict in verdicts) + sum(len(day.answers) for day in days)
    lost = doubled = 0
    for day in days:
        missing, twice = await _answers(day)
        lost += missing
        doubled += twice
    figures: Figures = {
        "tenants": count, "tenant_messages": sent, "tenant_s": took, "tenant_rps": sent / took,
        "tenant_duplicates": sum(verdict.duplicates for verdict in verdicts) + doubled,
        "tenant_lost": sum(verdict.lost for verdict in verdicts) + lost,
    }  # fmt: skip
    problems = [f"{verdict.name}: {word}" for verdict in verdicts for word in verdict.wrong()]
    return figures, problems + ([f"{lost} answers lost, {doubled} doubled"] if lost or doubled else [])


async def _write_back(engine: Engine, day: Day) -> None:
    """Customers write, and a person answers each through the API, while the campaign runs."""
    rows = await day.world.fetch(
        "SELECT identity_value FROM outbound_messages WHERE campaign_id = $1 ORDER BY id", day.run.campaign
    )
    phones = [row["identity_value"] for row in rows][::REPLY_EVERY]
    # No connection is kept: a server that closes an idle one just then would fail a call that must not be made twice.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(base_url=engine.waha_url, timeout=60, limits=limits) as customer,
        httpx.AsyncClient(base_url=engine.api_url, headers={"X-Api-Key": day.key}, timeout=60, limits=limits) as person,
    ):
        for phone in phones:
            device = random.choice(day.world.devices)
            path = f"/sandbox/sessions/{device.session}/inbound"
            (await customer.post(path, json={"from": phone, "text": f"Berapa harganya? {phone}"})).raise_for_status()
            body = {"phone": phone, "text": f"Halo {phone}, harganya 50 ribu", "device_id": str(device.id)}
            await _patient(person, body)
            day.answers.append(phone)


async def _patient(person: httpx.AsyncClient, body: dict[str, Any]) -> None:
    while True:
        answer = await person.post("/api/v1/messages", json=body)
        if answer.status_code != 429:
            answer.raise_for_status()
            return
        await asyncio.sleep(float(answer.headers.get("retry-after", 1)))


async def _answers(day: Day) -> tuple[int, int]:
    """Answers that never left, and those that left twice; customers' words not stored exactly once."""
    deadline = time.monotonic() + 120
    heard = "SELECT count(*)::int AS n FROM messages WHERE tenant_id = $1 AND direction = 'INBOUND'"
    wanted = len(day.answers)
    while time.monotonic() < deadline:
        texts = [item for item in (await day.world.judge())["items"] if "harganya" in item["text"] and item["accepted"]]
        stored = (await day.world.fetch(heard, day.world.tenant_id))[0]["n"]
        if len(texts) >= wanted and stored >= wanted:
            break
        await asyncio.sleep(1)
    return max(0, wanted - len(texts)) + abs(wanted - stored), sum(item["accepted"] - 1 for item in texts)


async def soak(env: Bench, engine: Engine) -> tuple[Figures, list[str]]:
    """Campaign after campaign with their webhooks, and pages open all the while; memory and connections watched."""
    minutes = env.option("minutes", 30.0)
    world = await _world(engine, 4)
    await world.configure(acks="instant", start_s=0.01, send_s=0.05)
    headers = {"X-Api-Key": await world.api_key_of_owner()}
    ends_at = time.monotonic() + minutes * 60
    pages = [asyncio.create_task(_page(engine, headers, ends_at)) for _ in range(10)]
    streams = [asyncio.create_task(_stream(engine, headers, ends_at)) for _ in range(10)]
    samples: list[tuple[dict[str, float], int]] = []
    watch = asyncio.create_task(_watch(env, world, samples, ends_at))
    sent = duplicates = lost = 0
    problems: list[str] = []
    while time.monotonic() < ends_at:
        run = Run(world, "soak", 1_000)
        await run.begin(first=sent)
        verdict = await run.finish(300)
        sent, duplicates, lost = sent + verdict.recipients, duplicates + verdict.duplicates, lost + verdict.lost
        problems += verdict.wrong()
    reads = sum(await asyncio.gather(*pages))
    hints = sum(await asyncio.gather(*streams))
    await watch
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    growth = {name: _mean(late, name) / _mean(early, name) - 1 for name in (*PROCESSES, "postgres")}
    connections = [max(count for _, count in part) for part in (early, late)]
    problems += [f"{name} grew by {value:.0%}" for name, value in growth.items() if value >= GROWTH_BAR]
    if not hints:
        problems.append("the open pages were told of nothing")
    if connections[1] > connections[0]:
        problems.append(f"connections grew from {connections[0]} to {connections[1]}")
    figures: Figures = {
        "soak_minutes": minutes, "soak_messages": sent, "soak_reads": reads, "soak_hints": hints,
        "soak_duplicates": duplicates, "soak_lost": lost, "soak_connections": connections[1],
        **{f"soak_{name}_growth": value for name, value in growth.items()},
        **{f"soak_{name}_mb": _mean(late, name) for name in growth},
    }  # fmt: skip
    return figures, problems


def _mean(samples: list[tuple[dict[str, float], int]], name: str) -> float:
    return sum(memory[name] for memory, _ in samples) / len(samples)


async def _watch(
    env: Bench, world: World, samples: list[tuple[dict[str, float], int]], ends_at: float
) -> None:
    query = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'sapa-%'"
    while time.monotonic() < ends_at:
        memory = await asyncio.to_thread(_memory_mb, env)
        samples.append((memory, (await world.fetch(query))[0]["n"]))
        await asyncio.sleep(5)


async def _page(engine: Engine, headers: dict[str, str], ends_at: float) -> int:
    """A person going through lists. Returns how many calls were answered."""
    paths = ("/api/v1/contacts?limit=50", "/api/v1/campaigns?limit=20", "/api/v1/devices", "/api/v1/segments")
    answered = 0
    # A page rests longer than a server keeps an idle connection, and one closed in that moment fails a call.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=engine.api_url, headers=headers, timeout=60, limits=limits) as http:
        while time.monotonic() < ends_at:
            answer = await http.get(random.choice(paths))
            if answer.status_code not in (200, 429):
                raise RuntimeError(f"{answer.request.url}: {answer.status_code}")
            answered += 1
            await asyncio.sleep(random.uniform(0.5, 2.0))
    return answered


async def _stream(engine: Engine, headers: dict[str, str], ends_at: float) -> int:
    """An open page: listens to what changes, goes away and comes back, as people do. Returns the hints it got."""
    hints = 0
    while (left := ends_at - time.monotonic()) > 0:
        with suppress(TimeoutError, httpx.ReadTimeout):
            async with (
                asyncio.timeout(min(left, random.uniform(10, 40))),
                httpx.AsyncClient(base_url=engine.api_url, headers=headers, timeout=60) as http,
                http.stream("GET", "/api/v1/events") as answer,
            ):
                if answer.status_code != 429:
                    answer.raise_for_status()
                async for line in answer.aiter_lines():
                    hints += line.startswith("data:")
    return hints

