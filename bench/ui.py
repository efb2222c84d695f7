"""The shared inbox of a business with 1,000,000 messages in 100,000 conversations, used in Chromium.

The whole application runs: web process, workers, scheduler, sandbox. Times are taken inside the page, from the click
until two frames after what was asked for is there. `ratio` is the p95 of going from one conversation to another over 150 ms.
Then 50 agents have the inbox open (48 bare sockets, 2 pages of Chromium) while customers write by the sandbox.

    --set messages=1000000 --set chats=100000
    --set times=40       how often each thing is done
    --set agents=50      0: leave them out
    --set keep=1         stay up until interrupted, for looking at it
"""

import asyncio
import time
from statistics import quantiles
from typing import Any

import httpx

from bench.desk import filling, screens, sockets
from bench.desk.people import Agent, hire
from bench.harness import Bench, Result
from bench.seeding import World
from wa_app.db import unit_of_work
from wa_app.embedded import frontend, process, programs
from wa_app.schemas.principal import Principal
from wa_app.services import conversations

NEEDS = ("postgres", "redis", "sandbox")
WORKERS = ("worker", "worker-answers", "worker-lanes", "scheduler")
CLICK_MS, OPEN_MS, SEARCH_MS, TOLD_MS = 150.0, 400.0, 300.0, 1000.0
WRITTEN = 20
Figures = dict[str, float | int | str]


async def run(env: Bench) -> Result:
    world = World(env.waha_url, env.stack.environment["WAHA_API_KEY"])
    base_url = _start(env)
    world.webhook_base = base_url
    await world.configure(acks="off", start_s=0.01)
    await world.open()
    await world.link(1)
    agents = await hire(world.tenant_id, env.option("agents", 50) or 2)
    chats, messages = env.option("chats", 100_000), env.option("messages", 1_000_000)
    env.say(f"{messages:,} messages in {chats:,} conversations")
    begun = time.monotonic()
    words = await filling.fill(env.superuser_url, world, chats=chats, messages=messages, say=env.say)
    figures: Figures = {"messages": messages, "chats": chats, "filled_s": time.monotonic() - begun}
    async with screens.chromium(base_url, agents[:2]) as desks:
        figures |= await _used(env, world, desks[0], words)
        if env.option("agents", 50):
            figures |= await _together(env, world, base_url, desks, agents)
        if env.option("keep", 0):
            env.say(f"{base_url}/inbox, cookie {agents[0].token}")
            await asyncio.sleep(3600)
    bars = {"switch_p95_ms": CLICK_MS, "open_p95_ms": OPEN_MS, "search_p95_ms": SEARCH_MS, "told_p95_ms": TOLD_MS}
    holds = all(float(figures.get(name, 0)) < bar for name, bar in bars.items())
    return Result("ui", float(figures["switch_p95_ms"]) / CLICK_MS, figures, holds)


def _start(env: Bench) -> str:
    port = process.free_port()
    env.stack.environment["SAPA_PORT"] = str(port)
    for name in WORKERS:
        env.spawn(name)
    frontend.build(env.data / "frontend.log")
    env.stack.spawn(programs.web(port))
    env.stack.wait("web", lambda: process.port_answers(port), 120)
    return f"http://127.0.0.1:{port}"


async def _used(env: Bench, world: World, desk: screens.Desk, words: list[str]) -> Figures:
    """One agent alone: open, switch, search."""
    times = env.option("times", 40)
    await desk.page.goto("/inbox")
    await desk.page.wait_for_function(screens.ROWS, timeout=screens.WAIT_MS)
    env.say("switching conversations")
    drawn = await _last_lines(world, await desk.drawn())
    switched = await desk.switched([drawn[number % len(drawn)] for number in range(times)])
    env.say("opening the inbox")
    opened = await desk.opened(times)
    reloaded = await desk.reloaded(max(5, times // 4))
    env.say("searching")
    kinds = {"stop": words[:12], "medium": words[300:340], "rare": words[-40:]}
    asked = await _searched(world, kinds)
    found = {kind: _spread(f"search_{kind}", await desk.searched(wanted)) for kind, wanted in kinds.items()}
    return {
        **_spread("switch", switched), **_spread("open", opened), **_spread("reload", reloaded),
        **{f"service_{kind}_p95_ms": cut for kind, cut in asked.items()},
        **{name: ms for spread in found.values() for name, ms in spread.items()},
        "search_p95_ms": max(found[kind][f"search_{kind}_p95_ms"] for kind in kinds),
    }  # fmt: skip


async def _last_lines(world: World, chats: list[str]) -> list[dict[str, str]]:
    """Conversations with their last message; those without any words of ours or theirs are left out."""
    rows = await world.fetch(
        "SELECT DISTINCT ON (conversation_id) conversation_id, id FROM messages WHERE tenant_id = $1 AND conversation_id = ANY($2::uuid[]) "
        "ORDER BY conversation_id, timestamp DESC, id DESC",
        world.tenant_id, chats,
    )  # fmt: skip
    return [{"chat": str(row["conversation_id"]), "line": str(row["id"])} for row in rows]


async def _searched(world: World, kinds: dict[str, list[str]]) -> dict[str, float]:
    """The service alone, by how common the words are."""
    taken: dict[str, float] = {}
    principal = Principal.system(world.tenant_id)
    for kind, wanted in kinds.items():
        ms = []
        for word in wanted:
            begun = time.perf_counter()
            async with unit_of_work(principal) as uow:
                await conversations.search(uow, word)
            ms.append((time.perf_counter() - begun) * 1000)
        taken[kind] = quantiles(ms, n=20)[18]
    return taken


async def _together(env: Bench, world: World, base_url: str, desks: list[screens.Desk], agents: list[Agent]) -> Figures:
    """Everybody has the inbox open; a customer writes, and again."""
    before = _web_mb(env)
    events = await asyncio.to_thread(sockets.first_events)
    open_screens = [sockets.Screen(agent) for agent in agents[len(desks) :]]
    for one in open_screens:
        await one.open(base_url, events)
    for desk in desks:
        await desk.page.goto("/inbox")
        await desk.page.wait_for_function(screens.ROWS, timeout=screens.WAIT_MS)
    await asyncio.sleep(5)
    env.say(f"{len(agents)} agents; {WRITTEN} customers write")
    mb = (_web_mb(env) - before) / max(1, len(open_screens))
    taken, missed = [], 0
    for number in range(WRITTEN):
        words = f"pertanyaan nomor {number} {time.time_ns()}"
        for one in open_screens:
            one.expect(words)
        begun = time.time()
        await _write(world, f"62813{number + 1:08d}", words)
        told = await asyncio.gather(*(one.told(10) for one in open_screens), *(_seen(desk, words) for desk in desks))
        missed += sum(at is None for at in told)
        taken += [(at - begun) * 1000 for at in told if at is not None]
    for one in open_screens:
        await one.close()
    return {"agents": len(agents), **_spread("told", taken), "not_told": missed, "mb_per_agent": mb}


async def _seen(desk: screens.Desk, words: str) -> float | None:
    await desk.shows(words)
    return time.time()


async def _write(world: World, phone: str, words: str) -> None:
    async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
        body = {"from": phone, "text": words}
        (await http.post(f"/sandbox/sessions/{world.devices[0].session}/inbound", json=body)).raise_for_status()


def _web_mb(env: Bench) -> float:
    return env.rss_mb(env.stack.running["web"][1].pid)


def _spread(name: str, ms: list[float]) -> dict[str, Any]:
    cuts = quantiles(ms, n=20) if len(ms) > 1 else ms * 19
    return {f"{name}_p50_ms": cuts[9], f"{name}_p95_ms": cuts[18]}
