"""From a customer's webhook until the sandbox has accepted the keyword reply, all delays off.

Real workers, four devices without delays, one rule. Customers who never wrote before write at a fixed rate, by an
open loop that posts when it is time whether or not answers have come; the sandbox tells when it took each reply.
`ratio` is the p95 in milliseconds over the bar of 300;
`cpu_ms` is the processor's time per reply over all processes, which a busy machine changes little.

    --set rate=50        messages per second
    --set seconds=20     for how long
"""

import asyncio
import os
import random
import time
from contextlib import suppress
from statistics import quantiles

import httpx
import orjson

from bench.faulting.engine import Engine
from bench.harness import Bench, Result
from bench.seeding import SeededDevice, World
from wa_app.channels.waha.events import sign
from wa_app.config import get_settings
from wa_app.db import unit_of_work
from wa_app.kit.ids import new_id
from wa_app.sandbox import wire
from wa_app.sandbox.world import Message, Session, new_bare_id
from wa_app.schemas.auto_replies import AutoReplyCreate
from wa_app.schemas.conversations import AnswerSettingsChange
from wa_app.schemas.principal import Principal
from wa_app.services import auto_replies
from wa_app.services.conversations import settings as answer_settings

NEEDS = ("postgres", "redis", "sandbox")
WORKERS = ("worker", "worker-answers", "worker-lanes", "scheduler")
BAR_MS = 300.0
WARM = 100
GIVE_UP_S = 30.0
POSTS = 3
# When each step began, by the database's clock: the customer's message stored, its answer decided, taken by a lane.
_STEPS = """
SELECT v.chat_id, extract(epoch FROM m.created_at)::float8 AS stored, extract(epoch FROM o.created_at)::float8 AS decided,
  extract(epoch FROM o.claimed_at)::float8 AS claimed
FROM outbound_messages o JOIN conversations v ON v.tenant_id = o.tenant_id AND v.contact_id = o.contact_id
JOIN messages m ON m.tenant_id = v.tenant_id AND m.conversation_id = v.id AND m.direction = 'INBOUND'
WHERE o.tenant_id = $1 AND o.kind = 'reply'
"""
REPLY = "Mulai 10 ribu kak"


async def run(env: Bench) -> Result:
    rate, seconds = env.option("rate", 50.0), env.option("seconds", 20.0)
    env.stack.environment["SAPA_ANSWER_DEBOUNCE_S"] = os.environ["SAPA_ANSWER_DEBOUNCE_S"] = "0"
    get_settings.cache_clear()
    world = World(env.waha_url, env.stack.environment["WAHA_API_KEY"])
    await world.configure(acks="off", start_s=0.01)
    await world.open()
    await world.link(4)
    await _rule(world)
    people = await world.add_contacts(WARM + int(rate * seconds))
    chats = [f"{row['phone'][1:]}@c.us" for row in await world.fetch("SELECT phone FROM contacts WHERE id = ANY($1::uuid[])", people)]
    for name in WORKERS:
        env.spawn(name)
    engine = Engine(env.stack)
    engine.start_api()
    await _write(engine.api_port, world, 10.0, chats[:WARM])
    await _accepted(world, WARM)
    env.say(f"{rate:.0f} customers a second write for {seconds:.0f} s")
    n = int(rate * seconds)
    before = env.cpu_s()
    begun = await _write(engine.api_port, world, rate, chats[WARM:])
    taken = await _accepted(world, WARM + n)
    used = {name: (seconds - before.get(name, 0.0)) * 1000 / n for name, seconds in env.cpu_s().items()}
    waits = sorted((taken[chat] - at) * 1000 for chat, at in begun.items() if chat in taken)
    judged = await world.judge(items=False)
    steps = await _steps(world, begun, taken)
    lost, cuts = n - len(waits), quantiles(waits, n=100)
    figures: dict[str, float | int | str] = {
        "p50_ms": cuts[49], "p95_ms": cuts[94], "p99_ms": cuts[98], "max_ms": waits[-1], "rps": rate, "replies": n,
        "lost": lost, "duplicates": judged["duplicates"], "cpu_ms": sum(used.values()), **steps,
        **{f"cpu_{name.replace('-', '_')}_ms": spent for name, spent in sorted(used.items())},
    }  # fmt: skip
    return Result("reply", cuts[94] / BAR_MS, figures, cuts[94] < BAR_MS and lost == 0 and judged["duplicates"] == 0)


async def _steps(world: World, begun: dict[str, float], taken: dict[str, float]) -> dict[str, float]:
    """Where the time goes: p50 and p95 of each step's milliseconds."""
    found: dict[str, list[float]] = {"store": [], "decide": [], "claim": [], "send": []}
    for row in await world.fetch(_STEPS, world.tenant_id):
        chat = row["chat_id"]
        if chat in begun and chat in taken and row["claimed"]:
            points = (begun[chat], row["stored"], row["decided"], row["claimed"], taken[chat])
            for name, first, last in zip(found, points[:-1], points[1:], strict=True):
                found[name].append((last - first) * 1000)
    cuts = {name: quantiles(ms, n=20) for name, ms in found.items() if len(ms) > 1}
    return {f"{name}_p{p}_ms": cut[at] for name, cut in cuts.items() for p, at in ((50, 9), (95, 18))}


async def _rule(world: World) -> None:
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        await auto_replies.create(uow, AutoReplyCreate.model_validate({
            "keywords": ["harga"], "match_type": "CONTAINS", "response_text": REPLY, "delay": "at_once",
        }))  # fmt: skip
        await answer_settings.change(uow, AnswerSettingsChange(rule_delay_min_s=0, rule_delay_max_s=0))


async def _write(port: int, world: World, rate: float, chats: list[str]) -> dict[str, float]:
    """Post a message of each chat, one every `1 / rate` seconds. Returns when each chat's was due, by the wall clock."""
    begun: dict[str, float] = {}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=httpx.Limits(max_connections=64)) as http:
        start = time.time() + 0.2
        async with asyncio.TaskGroup() as tasks:
            for number, chat in enumerate(chats):
                due = start + number / rate
                await asyncio.sleep(max(0.0, due - time.time()))
                begun[chat] = due
                tasks.create_task(_post(http, random.choice(world.devices), chat))
    return begun


async def _post(http: httpx.AsyncClient, device: SeededDevice, chat: str) -> None:
    session = Session(device.session, "WEBJS", {}, me={"id": "628110000001@c.us", "pushName": "Toko"})
    message = Message(new_bare_id(), session.name, chat, chat, False, "Kak, harga berapa?", time.time(), ack=2, source="app")
    body = orjson.dumps(wire.envelope("message.any", wire.stored(message, session), session, f"evt_{new_id().hex}"))
    headers = {"X-Webhook-Hmac": sign(body, device.hmac_key), "X-Webhook-Hmac-Algorithm": "sha512"}
    for _ in range(POSTS):
        # As WAHA does: a webhook that was not answered comes again, with the same id.
        with suppress(httpx.TransportError):
            (await http.post(f"/webhooks/waha/{device.token}", content=body, headers=headers)).raise_for_status()
            return


async def _accepted(world: World, n: int) -> dict[str, float]:
    """When the sandbox took the reply of each chat; waits until all are there, or no more come."""
    deadline = time.monotonic() + GIVE_UP_S
    while True:
        judged = await world.judge()
        if judged["accepted"] >= n or time.monotonic() > deadline:
            return {one["chat"]: one["at"] for one in judged["items"] if one["accepted"]}
        await asyncio.sleep(0.5)
