"""How long a person's reply takes while a broadcast to 100,000 runs: until the sandbox has it.

Four devices without delays send a campaign through real workers, the sandbox with acks off. Meanwhile replies
are written one after another, each to the device that is busiest at the time. `ratio` is the slowest one in
seconds; the bar is 1 s. `in_flight` says that the campaign ran from the first reply to the last.

    --set n=100000       recipients
    --set replies=60     replies
    --set every_s=0.5    seconds between them
"""

import asyncio
import time
from statistics import quantiles
from uuid import UUID

from bench.harness import Bench, Result
from bench.seeding import World
from bench.send import until_sent
from wa_app.db import unit_of_work
from wa_app.schemas.principal import Principal
from wa_app.sending import ledger

NEEDS = ("postgres", "redis", "sandbox", "worker", "worker-lanes", "scheduler")
BAR_S = 1.0
LOOK_S = 0.01
GIVE_UP_S = 30.0


async def run(env: Bench) -> Result:
    n, replies, every_s = env.option("n", 100_000), env.option("replies", 60), env.option("every_s", 0.5)
    world = World(env.waha_url, env.stack.environment["WAHA_API_KEY"])
    await world.configure(acks="off", start_s=0.01)
    await world.open()
    await world.link(4)
    contacts: list[UUID] = []
    for first in range(0, n, 20_000):
        contacts += await world.add_contacts(min(20_000, n - first), first=first)
    campaign = await world.add_campaign(contacts)
    await until_sent(world, campaign, 1, 60)
    env.say(f"a broadcast to {n} runs")
    waits = []
    for number in range(replies):
        waits.append(await reply(world, number))
        await asyncio.sleep(every_s)
    counters = await world.counters(campaign)
    was_running = counters.get("planned", 0) > 0
    cuts = quantiles(waits, n=20)
    figures: dict[str, float | int | str] = {
        "max_s": max(waits), "p50_s": cuts[9], "p95_s": cuts[18], "replies": replies, "sent_meanwhile": counters.get("sent", 0),
        "in_flight": str(was_running).lower(),
    }  # fmt: skip
    return Result("overtake", max(waits), figures, max(waits) < BAR_S and was_running)


async def reply(world: World, number: int) -> float:
    """Seconds from the commit of a reply until its message was taken by the sandbox and is known to be sent."""
    device = world.devices[number % len(world.devices)]
    began = time.perf_counter()
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        row_id = await ledger.enqueue_message(
            uow, kind="manual", identity=("phone", f"+62899{number:07d}"), text=f"Baik kak, {number}", device_id=device.id
        )
    connection = await world.connect()
    try:
        while await connection.fetchval("SELECT state FROM outbound_messages WHERE id = $1", row_id) != "sent":
            if time.perf_counter() - began > GIVE_UP_S:
                return GIVE_UP_S
            await asyncio.sleep(LOOK_S)
    finally:
        await connection.close()
    return time.perf_counter() - began
