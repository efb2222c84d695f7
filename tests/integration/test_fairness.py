"""The parts of fairness, one by one: sweeps that see every tenant, slices that give way, replies that overtake."""

import asyncio
import inspect
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from bench.seeding import World
from tasks.imports import import_run
from tests.fixtures.tenants import add_file, make_tenant
from wa_app import db, leases, queues
from wa_app.channels import registry
from wa_app.config import Settings, get_settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.inbound import process
from wa_app.kit import turns
from wa_app.kit.ids import new_id
from wa_app.models.people import ImportJob, ImportKind
from wa_app.schemas.auto_replies import RuleImport, RuleImportJob
from wa_app.schemas.contacts import ImportRequest
from wa_app.schemas.principal import Principal
from wa_app.sending import files, lane, lanes, ledger, sweeps
from wa_app.services import imports
from wa_app.services.imports import rules, running


@pytest.fixture
def sent(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[queues.Job]:
    """What is handed to the workers."""
    found: list[queues.Job] = []

    async def send(_: Any, jobs: Any) -> None:
        found.extend(jobs)

    monkeypatch.setattr(queues, "send", send)
    return found


def woken(sent: list[queues.Job], actor: str) -> list[str]:
    return [str(job.kwargs["tenant_id"]) for job in sent if job.actor == actor]


async def flood(tenant: Principal, count: int) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("INSERT INTO inbound_events (tenant_id, device_id, event, envelope_id, body, due_at) "
                 "SELECT :t, uuidv7(), 'message', 'f' || n, '\\x7b7d', now() - interval '1 hour' FROM generate_series(1, :n) n"),
            {"t": tenant.tenant_id, "n": count},
        )  # fmt: skip


async def test_the_sweep_of_webhooks_sees_a_small_tenant_behind_a_flood(sent: list[queues.Job]) -> None:
    big, small, done = await make_tenant(), await make_tenant(), await make_tenant()
    await flood(big, 20_000)
    await flood(small, 1)
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE inbound_events SET due_at = now() - interval '1 s' WHERE tenant_id = :t"), {"t": small.tenant_id}
        )
        await uow.session.execute(text("ANALYZE inbound_events"))
    await flood(done, 1)
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE inbound_events SET due_at = now() + interval '1 h' WHERE tenant_id = :t"), {"t": done.tenant_id}
        )
    await sweeps.wake_inbound()
    found = woken(sent, "inbound.process")
    assert found.count(str(big.tenant_id)) == 1
    assert found.count(str(small.tenant_id)) == 1
    assert str(done.tenant_id) not in found
    async with system_unit_of_work() as uow:
        plan = "\n".join((await uow.session.execute(text(f"EXPLAIN (ANALYZE, TIMING OFF) {sweeps._EVENTS.text}"))).scalars())
        await uow.session.execute(text("DELETE FROM inbound_events WHERE tenant_id = ANY(:t)"),
                                  {"t": [one.tenant_id for one in (big, small, done)]})  # fmt: skip
    assert "Seq Scan" not in plan, plan
    await db.dispose()


async def test_a_flood_gives_way_after_its_slice(sent: list[queues.Job], monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = await make_tenant()
    await flood(tenant, 900)
    monkeypatch.setattr(process, "SLICE_S", 0.0)
    assert await process.process_tenant(tenant.tenant_id) == process.BATCH
    assert woken(sent, "inbound.process") == [str(tenant.tenant_id)]
    await db.dispose()


async def test_who_was_turned_away_is_looked_after(sent: list[queues.Job]) -> None:
    tenant = await make_tenant()
    await flood(tenant, 3)
    asked = iter((True, False))

    async def late() -> int:
        return await process.process_tenant(tenant.tenant_id, lambda: next(asked))

    assert await late() == 3
    assert next(asked, "empty") == "empty", "it looked once more"
    assert sent == []
    await db.dispose()


async def add_job(tenant: Principal, kind: ImportKind = ImportKind.CONTACTS) -> str:
    file_id = await add_file(tenant, "kontak.csv", "nowhere", 1)
    async with unit_of_work(tenant) as uow:
        job = ImportJob(tenant_id=tenant.tenant_id, file_id=file_id, file_name="kontak.csv", kind=kind)
        uow.session.add(job)
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE import_jobs SET created_at = now() - interval '1 min' WHERE id = :id"), {"id": job.id}
        )
    return str(job.id)


async def test_the_sweep_of_imports_wakes_one_of_each_tenant(sent: list[queues.Job]) -> None:
    big, small = await make_tenant(), await make_tenant()
    first, *_ = [await add_job(big) for _ in range(120)]
    last = await add_job(small)
    async with system_unit_of_work() as uow:
        await imports.wake(uow)
    ids = {str(job.kwargs["job_id"]) for job in sent}
    assert {first, last} <= ids
    assert woken(sent, "import.run").count(str(big.tenant_id)) == 1
    sent.clear()
    await imports.wake_next(big, UUID(first))
    assert str(sent[0].kwargs["job_id"]) != first, "the next one, not the one that has just run"
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE import_jobs SET status = 'cancelled' WHERE tenant_id = ANY(:t)"),
                                  {"t": [big.tenant_id, small.tenant_id]})  # fmt: skip
    await db.dispose()


async def large_file(tenant: Principal) -> UUID:
    """A file of a hundred thousand people that a worker is to bring in."""
    folder = get_settings().data / "files"
    folder.mkdir(parents=True, exist_ok=True)
    body = "nama,no hp\n" + "".join(f"Orang {n},62812{n:08d}\n" for n in range(100_000))
    key = str(new_id())
    (folder / key).write_text(body)
    async with unit_of_work(tenant) as uow:
        asked = ImportRequest(file_id=await add_file(tenant, "kontak.csv", key, len(body)))
        return (await imports.request(uow, asked)).id


async def status(tenant: Principal, job_id: UUID) -> str:
    async with unit_of_work(tenant) as uow:
        return str((await imports.get(uow, job_id)).status)


async def work(job: queues.Job) -> None:
    """What a thread of the worker does with a message."""
    await inspect.unwrap(import_run.fn)(**job.kwargs)


async def test_a_file_of_rules_does_not_wait_for_a_hundred_thousand_contacts(
    sent: list[queues.Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contacts stand still between two chunks for as long as it takes; the rules of the same and of another tenant come in."""
    big, small = await make_tenant(), await make_tenant()
    merged, go_on, merge = asyncio.Event(), asyncio.Event(), running._merge_chunk

    async def stop_after_a_chunk(*args: Any) -> None:
        await merge(*args)
        merged.set()
        await go_on.wait()

    monkeypatch.setattr(running, "_merge_chunk", stop_after_a_chunk)
    contacts = await large_file(big)
    async with asyncio.timeout(60):
        working = asyncio.create_task(work(sent.pop()))
        await merged.wait()
        content = "kata kunci,jawaban\n" + "".join(f"kata{n},Jawaban {n}\n" for n in range(210))
        for tenant in (big, small):
            asked = await rules.request(tenant, RuleImport(content=content))
            assert isinstance(asked, RuleImportJob)
            await work(sent.pop())
            assert (await status(tenant, asked.id), await status(big, contacts)) == ("done", "running")
        go_on.set()
        await working
    assert await status(big, contacts) == "done"
    assert sent == [], "nothing was left behind"
    await db.dispose()


async def test_the_sweep_and_who_has_ended_wake_people_and_rules_apart(sent: list[queues.Job]) -> None:
    tenant = await make_tenant()
    people = [await add_job(tenant) for _ in range(2)]
    ruled = [await add_job(tenant, ImportKind.AUTO_REPLIES) for _ in range(2)]
    async with system_unit_of_work() as uow:
        await imports.wake(uow)
    assert {str(job.kwargs["job_id"]) for job in sent if job.kwargs["tenant_id"] == str(tenant.tenant_id)} == {people[0], ruled[0]}
    sent.clear()
    await imports.wake_next(tenant, UUID(people[0]))
    await imports.wake_next(tenant, UUID(ruled[0]), rules=True)
    assert [str(job.kwargs["job_id"]) for job in sent] == [people[1], ruled[1]]
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE import_jobs SET status = 'cancelled' WHERE tenant_id = :t"), {"t": tenant.tenant_id})
    await db.dispose()


async def one_reply(world: World, device: int = 0, text_: str = "Ada, kak") -> Any:
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        return await ledger.enqueue_message(
            uow, kind="manual", identity=("phone", "+6281200000011"), text=text_, device_id=world.devices[device].id
        )


async def test_a_reply_wakes_its_lane_by_a_queue_of_its_own(world: World, sent: list[queues.Job]) -> None:
    await world.link(1)
    await one_reply(world)
    assert [job.actor for job in sent] == ["lane.reply"]
    assert queues.ACTOR_QUEUES["lane.reply"] == "replies"
    sent.clear()
    await sweeps.wake_lanes()
    assert [job.actor for job in sent if str(job.kwargs["tenant_id"]) == str(world.tenant_id)] == ["lane.reply"]


async def test_a_lane_gives_way_when_others_wait(world: World, sent: list[queues.Job], monkeypatch: pytest.MonkeyPatch) -> None:
    await world.link(1, {"delay_min_s": 0.2, "delay_max_s": 0.2, "typing": False})
    campaign = await world.add_campaign(await world.add_contacts(60))
    monkeypatch.setattr(lane, "FAIR_SLICE_S", 0.5)
    before = turns._QUEUE.waiting
    turns.watch(lambda: 1)
    try:
        async with asyncio.timeout(8):
            await lanes.run_lane(world.tenant_id, world.devices[0].id, registry.channel, files.loader, 120.0)
    finally:
        turns.watch(before)
    states = await world.states(campaign)
    assert 0 < states["sent"] < 20
    assert [job.actor for job in sent if job.actor.startswith("lane")], "it comes again by itself"
    assert (await world.judge())["duplicates"] == 0


async def test_a_reply_that_finds_the_lease_being_let_go_is_not_left_to_the_sweep(
    world: World, sent: list[queues.Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.link(1)
    device, release = world.devices[0].id, leases.release

    async def answer_first(uow: Any, *args: Any) -> None:
        # The lane has looked for the last time and still holds its lease.
        monkeypatch.setattr(leases, "release", release)
        await one_reply(world)
        await lanes.run_lane(world.tenant_id, device, registry.channel, files.loader, 120.0)
        assert (await world.judge())["accepted"] == 0, "turned away"
        await release(uow, *args)

    monkeypatch.setattr(leases, "release", answer_first)
    await lanes.run_lane(world.tenant_id, device, registry.channel, files.loader, 120.0)
    assert [job.actor for job in sent] == ["lane.reply"] * 2, "one for the reply, one for who was turned away"
    await lanes.run_lane(world.tenant_id, device, registry.channel, files.loader, 120.0)
    assert (await world.judge())["accepted"] == 1
    assert device not in lanes._here


async def _epoch(world: World) -> int:
    rows = await world.fetch("SELECT lease_epoch FROM devices WHERE id = $1", world.devices[0].id)
    found: int = rows[0]["lease_epoch"]
    return found


async def _sends(world: World, count: int) -> None:
    for _ in range(200):
        if (await world.judge())["accepted"] == count:
            return
        await asyncio.sleep(0.02)
    pytest.fail("never sent")


async def _lingers(world: World) -> None:
    """Until the reply is written down as sent: the claim in the same transaction found nothing more."""
    for _ in range(200):
        if await world.fetch("SELECT 1 FROM outbound_messages WHERE tenant_id = $1 AND sent_at IS NOT NULL", world.tenant_id):
            return
        await asyncio.sleep(0.02)
    pytest.fail("never written down")


async def test_a_lane_that_lingers_after_a_reply_sends_the_next_under_the_same_lease(
    world: World, sent: list[queues.Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "LINGER_S", 2.0)
    await world.link(1)
    device = world.devices[0].id
    await one_reply(world)
    working = asyncio.create_task(lanes.run_lane(world.tenant_id, device, registry.channel, files.loader, 120.0))
    await _sends(world, 1)
    epoch = await _epoch(world)
    await one_reply(world)
    await lanes.run_lane(world.tenant_id, device, registry.channel, files.loader, 120.0)
    await working
    assert ((await world.judge())["accepted"], await _epoch(world)) == (2, epoch)


async def test_a_reply_of_another_process_is_found_when_the_lingering_lane_lets_go(
    world: World, sent: list[queues.Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lane was turned away there, where nobody's bell could be rung."""
    monkeypatch.setattr(lane, "LINGER_S", 2.0)
    await world.link(1)
    device = world.devices[0].id
    await one_reply(world)
    working = asyncio.create_task(lanes.run_lane(world.tenant_id, device, registry.channel, files.loader, 120.0))
    await _lingers(world)
    await one_reply(world)
    sent.clear()
    await working
    assert [job.actor for job in sent] == ["lane.reply"]


async def test_a_device_that_cannot_send_is_not_asked_again_and_again(world: World, sent: list[queues.Job]) -> None:
    await world.link(1)
    device = world.devices[0].id
    await one_reply(world)
    await world.fetch("UPDATE devices SET status = 'DISCONNECTED' WHERE id = $1 RETURNING id", device)
    sent.clear()
    await lanes.run_lane(world.tenant_id, device, registry.channel, files.loader, 120.0)
    assert sent == []


async def test_a_reply_does_not_wait_for_the_gap_of_a_broadcast(world: World, settings: Settings) -> None:
    await world.link(1, {"delay_min_s": 4, "delay_max_s": 4, "typing": False})
    await world.add_campaign(await world.add_contacts(20))
    device = world.devices[0].id
    working = asyncio.create_task(lanes.run_lane(world.tenant_id, device, registry.channel, files.loader, 120.0))
    for _ in range(100):
        if (await world.judge())["accepted"]:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    row = await one_reply(world)
    await lanes.run_lane(world.tenant_id, device, registry.channel, files.loader, 120.0)
    for _ in range(100):
        found = await world.fetch("SELECT state FROM outbound_messages WHERE id = $1", row)
        if found[0]["state"] == "sent":
            break
        await asyncio.sleep(0.02)
    assert found[0]["state"] == "sent", "within two seconds, in a gap of four"
    lanes.stop_all()
    await working
    lanes.start_all()
