"""Messages per second of a real broadcast, over a bare loop to the same sandbox.

`ratio` is (20,000 recipients, zero delay, 4 devices, planned → sent, sandbox acks off) over one
process's bare httpx loop: its default transport, concurrency 20, no database, same
sandbox, same run. Both sides send the same texts.

    --set n=20000      recipients
    --set acks=1       also with acks on: webhooks in, every message read (second figure; default on)
    --set rss=1        also memory growth of the lanes' worker, 2,000 → `rss_to` recipients
    --set rss_to=20000 where that ends (200000 is the full bench)
"""

import asyncio
import sys
import time
from uuid import UUID

import asyncpg
import httpx
import psutil

from bench.harness import Bench, Result
from bench.seeding import World
from wa_app.config import ROOT
from wa_app.embedded import process

NEEDS = ("postgres", "redis", "sandbox", "worker", "worker-lanes", "scheduler")
CONCURRENCY = 20
SENDERS = ("worker-lanes", "postgres", "sandbox")
RECEIVERS = ("api", "worker")
REACHED = ("sent", "delivered", "read")
GOAL = 1.0


async def run(env: Bench) -> Result:
    n = env.option("n", 20_000)
    world = World(env.waha_url, env.stack.environment["WAHA_API_KEY"], start_api(env))
    await world.configure(acks="off", start_s=0.01)
    await world.open()
    await world.link(4)
    baseline = await bare_loop(world, max(1000, min(n, 4000)))
    env.say(f"bare loop: {baseline:.0f} messages/s")
    await warm_up(world)
    before = env.cpu_s(*SENDERS)
    rate, seconds = await broadcast(env, world, n)
    spent = {f"{name}_us": (after - before[name]) / n * 1e6 for name, after in env.cpu_s(*SENDERS).items()}
    again = await bare_loop(world, max(1000, min(n, 4000)))
    baseline = (baseline + again) / 2
    env.say(f"lanes: {rate:.0f} messages/s; bare loop after: {again:.0f}")
    judged = await world.judge(items=False)
    figures: dict[str, float | int | str] = {
        "rps": rate, "baseline_rps": baseline, "seconds": seconds, "duplicates": judged["duplicates"],
        **spent,
    }  # fmt: skip
    if env.option("acks", 1):
        figures |= await with_acks(env, world, n)
    if env.option("rss", 0):
        figures["rss_growth"] = await growth(env, world, env.option("rss_to", 20_000))
    ratio = rate / baseline
    figures["goal"] = 2.2
    return Result("send", ratio, figures, ratio >= GOAL and not judged["duplicates"])


def start_api(env: Bench) -> str:
    """The API alone, one process, to take the sandbox's webhooks; returns its address."""
    port = process.free_port()
    command = ("-m", "uvicorn", "--factory", "bench.serving.api:create", "--port", str(port), "--no-access-log")
    env.stack.spawn(process.Program("api", (sys.executable, *command), cwd=ROOT))
    env.stack.wait("api", lambda: process.port_answers(port), 60)
    return f"http://127.0.0.1:{port}"


async def with_acks(env: Bench, world: World, n: int) -> dict[str, float | int | str]:
    """The same with an echo and three acks coming back for every message, to the last tick."""
    await world.configure(acks="instant")
    before, started = env.cpu_s(*RECEIVERS), time.perf_counter()
    campaign, rate, _ = await campaign_of(env, world, n)
    while (await world.counters(campaign)).get("read", 0) < n:
        if time.perf_counter() - started > 900:
            raise RuntimeError(f"acks are missing: {await world.counters(campaign)}")
        await asyncio.sleep(0.5)
    row = (await world.fetch(
        "SELECT extract(epoch FROM now() - min(claimed_at))::float8 AS s FROM outbound_messages WHERE campaign_id = $1",
        campaign,
    ))[0]  # fmt: skip
    await world.configure(acks="off")
    env.say(f"with acks: {rate:.0f} messages/s to sent, {n / row['s']:.0f} to read")
    spent = {f"{name}_us": (after - before[name]) / n * 1e6 for name, after in env.cpu_s(*RECEIVERS).items()}
    return {"rps_acks": rate, "rps_read": n / row["s"], **spent}


async def bare_loop(world: World, n: int) -> float:
    """The simplest program that could send: one process, httpx as it comes, nothing remembered."""
    work = iter(range(n))
    session = world.devices[0].session

    async def one(http: httpx.AsyncClient) -> None:
        for number in work:
            body = {
                "session": session, "chatId": f"62813{number:07d}1@c.us",
                "text": f"Halo Orang +62813{number:07d}1, promo hari ini",
            }  # fmt: skip
            answer = await http.post("/api/sendText", json=body)
            answer.raise_for_status()

    headers = {"X-Api-Key": world.api_key}
    async with httpx.AsyncClient(base_url=world.sandbox_url, headers=headers, timeout=60) as http:
        started = time.perf_counter()
        await asyncio.gather(*(one(http) for _ in range(CONCURRENCY)))
        took = time.perf_counter() - started
    # The baseline's sends must not look like duplicates of a second round.
    await forget(world)
    return n / took


async def forget(world: World) -> None:
    async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
        (await http.post("/sandbox/reset", json={})).raise_for_status()


async def warm_up(world: World) -> None:
    """A small broadcast first: code is loaded, pools and statements are there."""
    campaign = await world.add_campaign(await world.add_contacts(400, first=9_000_000))
    await until_sent(world, campaign, 400, 60)


async def broadcast(env: Bench, world: World, n: int) -> tuple[float, float]:
    """Messages per second, and seconds, of one broadcast."""
    _, rate, seconds = await campaign_of(env, world, n)
    return rate, seconds


async def campaign_of(env: Bench, world: World, n: int) -> tuple[UUID, float, float]:
    """A broadcast from the first claim to the last outcome written, by the database's own times."""
    contacts = await world.add_contacts(n, first=len(world.contacts))
    campaign = await world.add_campaign(contacts)
    await analyze(env)
    await until_sent(world, campaign, n, 600)
    row = (await world.fetch(
        "SELECT min(claimed_at) AS first, max(sent_at) AS last, count(DISTINCT device_id) AS devices "
        "FROM outbound_messages WHERE campaign_id = $1", campaign,
    ))[0]  # fmt: skip
    seconds = (row["last"] - row["first"]).total_seconds()
    return campaign, n / seconds, seconds


async def analyze(env: Bench) -> None:
    connection = await asyncpg.connect(env.superuser_url)
    try:
        await connection.execute("ANALYZE outbound_messages, contacts, contact_identities, campaign_counters")
    finally:
        await connection.close()


async def until_sent(world: World, campaign: UUID, n: int, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached(await world.counters(campaign), n):
        if time.monotonic() > deadline:
            raise RuntimeError(f"not sent in {timeout_s} s: {await world.counters(campaign)}")
        await asyncio.sleep(0.5)


def reached(counters: dict[str, int], n: int) -> bool:
    return sum(counters.get(state, 0) for state in REACHED) >= n


async def growth(env: Bench, world: World, to: int) -> float:
    """Growth of the lanes' memory from a broadcast to 2,000 to one to `to`."""
    _, lanes = env.stack.running["worker-lanes"]
    await broadcast(env, world, 2_000)
    before = rss(lanes.pid)
    await broadcast(env, world, to)
    return rss(lanes.pid) / before - 1


def rss(pid: int) -> float:
    root = psutil.Process(pid)
    return sum(one.memory_info().rss for one in (root, *root.children(recursive=True)))
