"""Taking groups over from a real sandbox: every engine, limits of WhatsApp, crashes, cancelling, tenants apart."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from bench.seeding import World
from tests.fixtures.api import Signed, client_for
from wa_app.channels import registry
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.models.groups import GrabStatus
from wa_app.schemas.blacklist import BlacklistAdd
from wa_app.schemas.contacts import ContactCreate, ContactFilter
from wa_app.schemas.groups import GrabRequest, GrabView
from wa_app.schemas.principal import ALL_VERBS, Principal
from wa_app.services import blacklist, contacts, groups, tags
from wa_app.services.groups import running


async def group(world: World, subject: str, **more: Any) -> str:
    async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
        session = world.devices[0].session
        answer = await http.post(f"/sandbox/sessions/{session}/group", json={"subject": subject, **more})
        answer.raise_for_status()
        return str(answer.json()["id"])


def me(world: World) -> Principal:
    return Principal.system(world.tenant_id)


async def listed(world: World, *, refresh: bool = False) -> list[Any]:
    """The groups, asked for as a worker does."""
    async with unit_of_work(me(world)) as uow:
        await groups.list_(uow, world.devices[0].id, refresh=refresh)
    await groups.fetch(me(world), world.devices[0].id, registry.channel)
    async with unit_of_work(me(world)) as uow:
        found = await groups.list_(uow, world.devices[0].id)
    assert found.status == "ready"
    return found.items


async def start(world: World, ids: list[str], **options: Any) -> UUID:
    async with unit_of_work(me(world)) as uow:
        data = GrabRequest(device_id=world.devices[0].id, group_ids=ids, **options)
        return (await groups.request(uow, data)).id


async def run(world: World, grab_id: UUID) -> GrabView:
    await groups.run(me(world), grab_id, registry.channel)
    return await status(world, grab_id)


async def status(world: World, grab_id: UUID) -> GrabView:
    async with unit_of_work(me(world)) as uow:
        return await groups.get(uow, grab_id)


async def people(world: World, q: str = "") -> list[Any]:
    async with unit_of_work(me(world)) as uow:
        return list((await contacts.list_(uow, ContactFilter(q=q), limit=1000)).items)


async def due_now(grab_id: UUID) -> None:
    """As if the wait, or the lease of a dead worker, were over."""
    async with system_unit_of_work() as uow:
        await uow.session.execute(text(
            "UPDATE group_grabs SET due_at = now(), lease_until = now() - interval '1 second' WHERE id = :id"
        ), {"id": grab_id})  # fmt: skip


@pytest.mark.parametrize("engine", ["WEBJS", "NOWEB", "GOWS", "WPP"])
async def test_hundreds_of_members_of_every_engine(world: World, engine: str) -> None:
    await world.configure(engine=engine)
    await world.link(1)
    batik = await group(world, "Pecinta Batik", count=300, hidden=40, secret=30, admins=3)
    kopi = await group(world, "Kopi Pagi", count=20, first=628770000291, admins=1)
    found = await listed(world)
    assert [(one.id, one.name) for one in found] == [(kopi, "Kopi Pagi"), (batik, "Pecinta Batik")]
    if engine in ("NOWEB", "GOWS"):
        assert [one.size for one in found] == [20, 300]
    view = await run(world, await start(world, [batik, kopi], tags=["dari grup"]))
    # 300 and 20 people, 10 of them in both; of those the LID-only ones meet their phones in the other group.
    everybody = await people(world)
    assert view.status is GrabStatus.DONE
    assert (view.groups_done, view.processed) == (2, view.total)
    assert view.created == len(everybody)
    assert view.created + view.known + view.skipped == view.total + 2
    assert view.skipped == 2, "the device itself, once in each group"
    phones = {one.phone for one in everybody if one.phone}
    assert {f"+62877000{n:04d}" for n in range(1, 271)} <= phones, "looked up where WhatsApp tells"
    hidden = [one for one in everybody if one.phone is None]
    assert 20 <= len(hidden) <= 30
    assert all([identity.kind for identity in one.identities] == ["lid"] for one in hidden)
    assert all("@" not in identity.value for one in hidden for identity in one.identities)
    assert {one.source for one in everybody} == {"group"}
    tagged = {tag.name: tag.contacts for tag in await _tags(world)}
    assert tagged == {"dari grup": len(everybody), "Pecinta Batik": tagged["Pecinta Batik"], "Kopi Pagi": 20}
    assert tagged["Pecinta Batik"] >= 290
    left = await world.fetch("SELECT 1 FROM group_grab_members WHERE tenant_id = $1", world.tenant_id)
    assert not left, "what was found is forgotten when all of it is stored"


async def _tags(world: World) -> list[Any]:
    async with unit_of_work(me(world)) as uow:
        return list(await tags.list_(uow))


async def test_known_people_are_tagged_not_doubled_and_consent_is_not_invented(world: World) -> None:
    await world.link(1)
    async with unit_of_work(me(world)) as uow:
        known, _ = await contacts.create(uow, ContactCreate(phone="+628770000001", name="Sari"))
        await blacklist.add(uow, BlacklistAdd(phone="+628770000002"))
    made = await group(world, "Arisan", count=5, admins=1)
    await listed(world)
    view = await run(world, await start(world, [made]))
    assert (view.created, view.known, view.skipped) == (4, 1, 1)
    sari = next(one for one in await people(world) if one.id == known.id)
    assert (sari.name, [tag.name for tag in sari.tags], sari.source) == ("Sari", ["Arisan"], "manual")
    assert not await world.fetch("SELECT 1 FROM consents WHERE tenant_id = $1", world.tenant_id)
    again = await run(world, await start(world, [made], tag_by_group=False, skip_admins=True))
    assert (again.created, again.known, again.skipped) == (0, 4, 2)
    assert len(await people(world)) == 5


async def test_too_fast_waits_and_goes_on_where_it_stopped(world: World) -> None:
    await world.link(1)
    made = await group(world, "Ramai", count=120, hidden=100)
    await listed(world)
    grab_id = await start(world, [made])
    await world.fault("rate_reads", session=world.devices[0].session, probability=0.02)
    views = []
    for _ in range(120):
        views.append(await run(world, grab_id))
        if views[-1].status is GrabStatus.DONE:
            break
        assert views[-1].waiting_code == "rate_limited"
        assert (views[-1].due_at - views[-1].started_at).total_seconds() > 50, "as long as WhatsApp wants"
        before = views[-1].processed
        assert (await run(world, grab_id)).processed == before, "not before its time"
        await due_now(grab_id)
    assert (views[-1].status, views[-1].created, views[-1].processed) == ("done", 120, 120)
    assert len(await people(world)) == 120
    assert [view.processed for view in views] == sorted(view.processed for view in views)


async def test_a_limit_that_does_not_end_gives_up_and_can_be_resumed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MAX_TRIES", 3)
    await world.link(1)
    made = await group(world, "Sibuk", count=10)
    await listed(world)
    grab_id = await start(world, [made])
    await world.fault("rate_reads")
    for _ in range(4):
        view = await run(world, grab_id)
        await due_now(grab_id)
    assert (view.status, view.error_code, view.created) == ("failed", "rate_limited", 0)
    async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
        await http.delete("/sandbox/faults")
    async with unit_of_work(me(world)) as uow:
        assert (await groups.resume(uow, grab_id)).status is GrabStatus.QUEUED
    assert (await run(world, grab_id)).created == 10


@pytest.mark.parametrize("step", ["_list_group", "_step"])
async def test_a_worker_that_dies_leaves_nothing_double(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(running, "BATCH", 20)
    await world.link(1)
    ids = [await group(world, f"Grup {n}", count=50, first=628770000001 + n * 50) for n in range(3)]
    await listed(world)
    grab_id = await start(world, ids)
    real: Callable[..., Awaitable[None]] = getattr(running, step)
    calls: list[int] = []

    async def die_at_the_second(*args: Any) -> None:
        await real(*args)
        calls.append(1)
        if len(calls) == 2:
            raise ConnectionError("killed")

    monkeypatch.setattr(running, step, die_at_the_second)
    with pytest.raises(ConnectionError):
        await groups.run(me(world), grab_id, registry.channel)
    monkeypatch.setattr(running, step, real)
    halfway = await status(world, grab_id)
    assert halfway.status is GrabStatus.RUNNING
    assert (await run(world, grab_id)).processed == halfway.processed, "the lease is still held"
    await due_now(grab_id)
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE group_grabs SET created_at = now() - interval '1 minute'"))
        assert await groups.wake(uow) >= 1
    view = await run(world, grab_id)
    assert (view.status, view.total, view.processed, view.created, view.known) == ("done", 150, 150, 150, 0)
    assert view.skipped == 3
    assert len(await people(world)) == 150


async def test_cancelling_stops_before_the_next_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BATCH", 20)
    await world.link(1)
    made = await group(world, "Besar", count=100)
    await listed(world)
    grab_id = await start(world, [made])
    real = running._step

    async def cancel_after(*args: Any) -> None:
        await real(*args)
        # Another transaction cannot cancel while the batch holds the row, so it comes right after it.
        cancelled.append(True)

    cancelled: list[bool] = []
    real_store = running._store_some

    async def store_and_cancel(this: Any) -> bool:
        more = await real_store(this)
        if len(cancelled) == 2:
            async with unit_of_work(me(world)) as uow:
                await groups.cancel(uow, grab_id)
            cancelled.append(True)
        return more

    monkeypatch.setattr(running, "_step", cancel_after)
    monkeypatch.setattr(running, "_store_some", store_and_cancel)
    view = await run(world, grab_id)
    assert (view.status, view.created, len(await people(world))) == ("cancelled", 40, 40)
    async with unit_of_work(me(world)) as uow:
        with pytest.raises(Conflict):
            await groups.cancel(uow, grab_id)


async def test_a_group_that_was_left_meanwhile_is_passed_over(world: World) -> None:
    await world.link(1)
    gone, there = await group(world, "Bubar", count=5), await group(world, "Tetap", count=7, first=628770000100)
    await listed(world)
    grab_id = await start(world, [gone, there])
    async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
        await http.post(f"/sandbox/sessions/{world.devices[0].session}/leave", json={"group": gone})
    view = await run(world, grab_id)
    assert (view.status, view.created, view.groups_done) == ("done", 7, 2)


async def test_a_device_that_drops_is_waited_for(world: World) -> None:
    await world.link(1)
    made = await group(world, "Putus", count=5)
    await listed(world)
    grab_id = await start(world, [made])
    async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
        await http.post(f"/sandbox/sessions/{world.devices[0].session}/drop", json={"status": "FAILED"})
    view = await run(world, grab_id)
    assert (view.status, view.waiting_code) == ("running", "device_away")


async def test_the_list_is_kept_and_asked_for_again_on_wish(world: World) -> None:
    await world.link(1)
    device = world.devices[0].id
    await group(world, "Satu")
    async with unit_of_work(me(world)) as uow:
        first = await groups.list_(uow, device)
        assert (first.status, first.items) == ("loading", [])
    await groups.fetch(me(world), device, registry.channel)
    await group(world, "Dua Sejoli")
    async with unit_of_work(me(world)) as uow:
        assert [one.name for one in (await groups.list_(uow, device, refresh=True)).items] == ["Satu"], "just asked"
    await world.fetch("UPDATE group_lists SET requested_at = now() - interval '1 minute'")
    async with unit_of_work(me(world)) as uow:
        assert (await groups.list_(uow, device, refresh=True)).status == "loading"
    await groups.fetch(me(world), device, registry.channel)
    async with unit_of_work(me(world)) as uow:
        assert [one.name for one in (await groups.list_(uow, device, q="DUA sej")).items] == ["Dua Sejoli"]
    await world.fault("rate_reads", count=1)
    await world.fetch("UPDATE group_lists SET requested_at = now() - interval '1 minute'")
    async with unit_of_work(me(world)) as uow:
        await groups.list_(uow, device, refresh=True)
    await groups.fetch(me(world), device, registry.channel)
    async with unit_of_work(me(world)) as uow:
        found = await groups.list_(uow, device)
        assert (found.status, found.error_code, found.total) == ("loading", "rate_limited", 2)


async def test_what_is_refused(world: World, other: Signed) -> None:
    await world.link(2)
    made = await group(world, "Arisan", count=3)
    await listed(world)
    with pytest.raises(Invalid):
        await start(world, ["nobody@g.us"])
    grab_id = await start(world, [made])
    with pytest.raises(Conflict, match="grab_running"):
        await start(world, [made])
    async with unit_of_work(other.principal) as uow:
        for attempt in (
            groups.get(uow, grab_id), groups.cancel(uow, grab_id), groups.resume(uow, grab_id),
            groups.list_(uow, world.devices[0].id),
            groups.request(uow, GrabRequest(device_id=world.devices[0].id, group_ids=[made])),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                await attempt
    await world.fetch("UPDATE devices SET status = 'DISCONNECTED' WHERE id = $1", world.devices[1].id)
    async with unit_of_work(me(world)) as uow:
        with pytest.raises(Conflict, match="grab_device_away"):
            await groups.list_(uow, world.devices[1].id)


async def test_the_calls_of_the_api(world: World, api: FastAPI, signed: Signed, other: Signed) -> None:
    await world.link(1)
    device = str(world.devices[0].id)
    made = await group(world, "Arisan", count=3)
    await listed(world)
    owner = replace(signed, tenant_id=world.tenant_id)
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE user_sessions SET tenant_id = :t WHERE id = :id"), {"t": world.tenant_id, "id": signed.session_id}
        )
        role = new_id()
        await uow.session.execute(
            text("INSERT INTO roles (id, tenant_id, key, name, verbs) VALUES (:id, :t, 'owner', 'Owner', :verbs)"),
            {"id": role, "t": world.tenant_id, "verbs": sorted(ALL_VERBS)},
        )
        await uow.session.execute(
            text("INSERT INTO memberships (tenant_id, user_id, role_id) VALUES (:t, :u, :r)"),
            {"t": world.tenant_id, "u": signed.user_id, "r": role},
        )
    async with client_for(api, owner) as client:
        found = (await client.get("/api/v1/contacts/groups", params={"device_id": device, "q": "aris"})).json()
        assert [(one["id"], one["name"]) for one in found["items"]] == [(made, "Arisan")]
        started = await client.post("/api/v1/contacts/grab", json={"device_id": device, "group_ids": [made]})
        assert (started.status_code, started.json()["status"]) == (202, "queued")
        path = f"/api/v1/contacts/grabs/{started.json()['id']}"
        await run(world, UUID(started.json()["id"]))
        done = (await client.get(path)).json()
        assert (done["status"], done["created"], done["groups"][0]["name"]) == ("done", 3, "Arisan")
        assert (await client.post(f"{path}/cancel")).json()["code"] == "grab_not_running"
        wrong = await client.post("/api/v1/contacts/grab", json={"device_id": device, "group_ids": ["x"]})
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "group_ids")
        assert (await client.post("/api/v1/contacts/grab", json={"device_id": device, "group_ids": []})).status_code == 422
    async with client_for(api, other) as stranger:
        for path_ in (path, "/api/v1/contacts/groups?device_id=" + device):
            assert (await stranger.get(path_)).status_code == 404
