"""Customers write while workers are killed: each gets its answer, and gets it once. The sandbox counts."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.faulting import scenarios
from bench.faulting.engine import CONNECTIONS, Engine
from bench.seeding import World
from tests.fixtures import services
from wa_app import db
from wa_app.config import get_settings
from wa_app.db import unit_of_work
from wa_app.embedded.process import free_port
from wa_app.embedded.stack import Stack
from wa_app.schemas.auto_replies import AutoReplyCreate
from wa_app.schemas.principal import Principal
from wa_app.services import auto_replies

pytestmark = pytest.mark.faults

TIME_PRESSED = {"SAPA_RECONCILE_WAIT_S": "4", "SAPA_LEASE_S": "9", "SAPA_ANSWER_DEBOUNCE_S": "0.3"}
WORKERS = ("worker", "worker-answers", "worker-lanes", "scheduler")
CUSTOMERS = 60
KILLS = 8
SETTLE_S = 150.0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    home = Path(tmp_path_factory.mktemp("answers"))
    for folder in (home, *home.parents[:2]):
        folder.chmod(0o711)
    outside = dict.fromkeys(("DATABASE_URL", "DATABASE_APP_URL", "DATABASE_SYSTEM_URL", "REDIS_URL", "REDIS_STATE_URL"), "")
    with (
        services.environment(**outside),
        Stack(home, get_settings(), wanted=("postgres", "redis"), max_connections=CONNECTIONS) as stack,
    ):
        stack.environment.update(TIME_PRESSED)
        stack.migrate()
        stack.start_sandbox(free_port())
        made = Engine(stack)
        made.start_api()
        with services.environment(**stack.environment):
            yield made


async def test_every_customer_is_answered_once_whoever_is_killed(engine: Engine) -> None:
    world = await scenarios.open_world(engine, 2)
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        rule = {"keywords": ["harga"], "response_text": "Mulai 10rb", "delay": "at_once"}
        await auto_replies.create(uow, AutoReplyCreate.model_validate(rule))
    engine.start(*WORKERS)
    draw = random.Random(7)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write(world))
        for number in range(KILLS):
            await asyncio.sleep(draw.uniform(0.5, 3.0))
            names = WORKERS[:3] if number == KILLS - 1 else (draw.choice(WORKERS[:3]),)
            for name in names:
                engine.kill(name)
            engine.start(*names)
    chats = await answered(world)
    engine.stop_workers()
    expected = {f"{628_777_000_000 + n}@c.us" for n in range(CUSTOMERS)}
    turns = await world.fetch("SELECT state, reason FROM answer_turns WHERE tenant_id = $1", world.tenant_id)
    told = Counter((row["state"], row["reason"]) for row in turns)
    assert set(chats) == expected, told
    assert set(chats.values()) == {1}, told
    assert len(turns) == CUSTOMERS
    await db.dispose()


async def write(world: World) -> None:
    """Customers, each with one question, over as long as the kills go on."""
    async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
        for n in range(CUSTOMERS):
            device = world.devices[n % len(world.devices)]
            body = {"from": str(628_777_000_000 + n), "text": "harga?"}
            (await http.post(f"/sandbox/sessions/{device.session}/inbound", json=body)).raise_for_status()
            await asyncio.sleep(0.2)


async def answered(world: World) -> Counter[str]:
    """How often each chat got an answer, once nothing is under way any more."""
    for _ in range(int(SETTLE_S)):
        under_way = await world.fetch(
            "SELECT 1 FROM inbound_events WHERE tenant_id = $1 AND state = 'pending' UNION ALL "
            "SELECT 1 FROM answer_turns WHERE tenant_id = $1 AND state IN ('waiting', 'deciding', 'answering') UNION ALL "
            "SELECT 1 FROM outbound_messages WHERE tenant_id = $1 AND state IN ('planned', 'sending', 'unknown')",
            world.tenant_id,
        )  # fmt: skip
        turns = await world.fetch("SELECT 1 FROM answer_turns WHERE tenant_id = $1", world.tenant_id)
        if not under_way and len(turns) >= CUSTOMERS:
            break
        await asyncio.sleep(1)
    judged = await world.judge()
    return Counter({one["chat"]: one["accepted"] for one in judged["items"] if one["accepted"]})
