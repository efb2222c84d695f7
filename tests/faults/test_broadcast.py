"""A broadcast through real processes, with the sandbox as judge: every contact exactly once, whatever dies."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
import structlog

from bench.seeding import World
from tests.fixtures import services
from tests.fixtures.app import RunningApp, running_app
from wa_app import db
from wa_app.config import ROOT
from wa_app.db import unit_of_work
from wa_app.embedded.process import Program, free_port, port_answers
from wa_app.schemas.principal import Principal
from wa_app.sending import ledger

log = structlog.get_logger(__name__)
pytestmark = pytest.mark.faults

WORKERS = ("worker", "worker-lanes", "scheduler")
CONTACTS = 1_000
DEVICES = 3
WINDOW = 16


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningApp, str]]:
    """Servers, sandbox, workers, scheduler, and the API (for webhooks) as processes of their own."""
    home = Path(tmp_path_factory.mktemp("faults"))
    for folder in (home, *home.parents[:2]):
        folder.chmod(0o711)
    port = free_port()
    with running_app(home, web=False, processes=("worker",)) as app:
        app.stack.environment["SAPA_RECONCILE_WAIT_S"] = "4"
        app.stack.stop_one("worker")
        command = ("-m", "uvicorn", "--factory", "wa_app.api.app:create_api", "--port", str(port), "--log-level", "warning")
        app.stack.spawn(Program("api", (sys.executable, *command), cwd=ROOT))
        app.stack.wait("api", lambda: port_answers(port), 60, "the API did not start")
        for name in WORKERS:
            app.start(name)
        with services.environment(**app.environment):
            yield app, f"http://127.0.0.1:{port}"


@pytest.fixture
async def world(engine: tuple[RunningApp, str]) -> AsyncIterator[World]:
    app, webhooks = engine
    made = World(app.waha_url, app.environment["WAHA_API_KEY"], webhooks)
    await made.configure(acks="instant", start_s=0.01)
    await made.open()
    await made.link(DEVICES)
    yield made
    async with httpx.AsyncClient(base_url=app.waha_url) as http:
        await http.delete("/sandbox/faults")


async def until(
    ready: Callable[[], Awaitable[bool]], timeout_s: float, say: Callable[[], Awaitable[object]], every_s: float = 0.2
) -> None:
    deadline = time.monotonic() + timeout_s
    while not await ready():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout_s} s: {await say()}")
        await asyncio.sleep(every_s)


async def all_read(world: World, campaign: object, timeout_s: float) -> None:
    async def ready() -> bool:
        return await world.states(campaign) == {"read": CONTACTS}  # type: ignore[arg-type]

    async def say() -> object:
        rows = await world.fetch(
            "SELECT state, error_code, count(*) FROM outbound_messages WHERE campaign_id = $1 GROUP BY 1, 2", campaign
        )
        events = await world.fetch("SELECT event, state, error, count(*) FROM inbound_events GROUP BY 1, 2, 3")
        return [tuple(row) for row in (*rows, *events)]

    await until(ready, timeout_s, say)


async def judge(world: World) -> None:
    judged = await world.judge()
    assert (judged["accepted"], judged["duplicates"]) == (CONTACTS, 0)
    assert len({item["chat"] for item in judged["items"]}) == CONTACTS


async def shares(world: World, campaign: object) -> list[int]:
    rows = await world.fetch(
        "SELECT count(*) AS n FROM outbound_messages WHERE campaign_id = $1 GROUP BY device_id", campaign
    )
    return [row["n"] for row in rows]


async def until_sent(world: World, campaign: object, wanted: int) -> None:
    """Return in the middle of the broadcast."""

    async def ready() -> bool:
        states = await world.states(campaign)  # type: ignore[arg-type]
        return sum(n for state, n in states.items() if state in ("sent", "delivered", "read")) >= wanted

    async def say() -> object:
        return await world.states(campaign)  # type: ignore[arg-type]

    await until(ready, 60, say, 0.02)


async def test_every_contact_once_in_equal_shares_and_all_acks(world: World) -> None:
    """Webhooks come twice and out of order all the while."""
    await world.fault("webhook_twice", probability=0.3)
    await world.fault("webhook_reorder", probability=0.2)
    campaign = await world.add_campaign(await world.add_contacts(CONTACTS))
    await all_read(world, campaign, 90)
    await judge(world)
    taken = await shares(world, campaign)
    assert len(taken) == DEVICES
    assert all(abs(n - CONTACTS / DEVICES) <= CONTACTS / DEVICES * 0.1 for n in taken), taken
    assert await world.counters(campaign) == {"read": CONTACTS}

    async def completed() -> bool:
        rows = await world.fetch("SELECT status FROM campaigns WHERE id = $1", campaign)
        return bool(rows[0]["status"] == "COMPLETED")

    async def say() -> object:
        return [tuple(r) for r in await world.fetch("SELECT status, planned_at FROM campaigns WHERE id = $1", campaign)]

    await until(completed, 20, say)


async def test_kill_9_of_all_workers_loses_nothing_and_doubles_nothing(
    engine: tuple[RunningApp, str], world: World
) -> None:
    app, _ = engine
    contacts = await world.add_contacts(CONTACTS, first=100_000)
    campaign = await world.add_campaign(contacts)
    await until_sent(world, campaign, 200)
    for name in WORKERS:
        app.kill(name)
    in_flight = (await world.states(campaign)).get("sending", 0)
    assert in_flight <= WINDOW * DEVICES
    assert (await world.states(campaign)).get("planned", 0) > 0, "the kill came too late to mean anything"
    for name in WORKERS:
        app.start(name)
    most_unknown = 0

    async def settled() -> bool:
        nonlocal most_unknown
        states = await world.states(campaign)
        most_unknown = max(most_unknown, states.get("unknown", 0))
        return not {"planned", "sending", "unknown"} & set(states)

    async def say() -> object:
        return await world.states(campaign)

    await until(settled, 120, say)
    assert most_unknown <= in_flight
    # What was proven not sent may be retried; then every contact has it, once.
    failed = await world.fetch(
        "SELECT id, error_code FROM outbound_messages WHERE campaign_id = $1 AND state = 'failed'", campaign
    )
    assert {row["error_code"] for row in failed} <= {"not_sent"}
    log.info("faults.kill", in_flight=in_flight, most_unknown=most_unknown, not_sent=len(failed))
    judged = await world.judge()
    assert judged["duplicates"] == 0
    assert judged["accepted"] == CONTACTS - len(failed)
    await retry(world, campaign)
    await all_read(world, campaign, 60)
    await judge(world)
    assert await world.counters(campaign) == {"read": CONTACTS}


async def retry(world: World, campaign: object) -> None:
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        if await ledger.retry_failed(uow, campaign_id=campaign):  # type: ignore[arg-type]
            conn = await uow.driver()
            await conn.execute("UPDATE campaigns SET status = 'PROCESSING' WHERE id = $1", campaign)
    await db.dispose()


async def test_a_dropped_device_gives_its_share_to_the_others(world: World) -> None:
    campaign = await world.add_campaign(await world.add_contacts(CONTACTS, first=200_000))
    await until_sent(world, campaign, 150)
    async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
        path = f"/sandbox/sessions/{world.devices[0].session}/drop"
        (await http.post(path, json={"status": "FAILED"})).raise_for_status()
    await all_read(world, campaign, 90)
    await judge(world)
    taken = sorted(await shares(world, campaign))
    assert taken[0] < CONTACTS / DEVICES * 0.9
    rows = await world.fetch("SELECT status FROM devices WHERE id = $1", world.devices[0].id)
    assert rows[0]["status"] == "FAILED"
