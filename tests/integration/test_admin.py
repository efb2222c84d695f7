"""The machinery in the open: what a platform admin sees and may do, and that nobody else gets in."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tasks import scheduler
from tests.fixtures.api import Signed, client_for, make_signed_tenant
from tests.fixtures.services import environment
from wa_app import db, queues
from wa_app.config import ROOT, Settings
from wa_app.db import redis_client, system_unit_of_work
from wa_app.errors import Forbidden, Unavailable
from wa_app.kit.ids import new_id
from wa_app.models.people import ImportJob, ImportStatus
from wa_app.schemas.admin import QueuesView
from wa_app.schemas.principal import Principal
from wa_app.services import admin

PHONE = "+6281234567890"
ACTORS = f'''
"""An actor that fails until a file is there."""
from pathlib import Path
from wa_app import queues
queues.ACTOR_QUEUES["probe.fail"] = "default"
from tasks.broker import actor, broker

@actor("probe.fail", max_retries=1, min_backoff=50, max_backoff=100)
async def fail(tenant_id: str, go: str) -> None:
    if not Path(go).exists():
        raise ValueError("could not write to {PHONE}")
    Path(go).write_text("done")
'''
CALLS = (
    ("GET", "/queues", None), ("GET", "/ledger", None), ("GET", "/jobs", None), ("GET", "/dead-letters", None),
    ("POST", "/jobs/lanes.wake/run", None), ("POST", "/dead-letters/retry", {"source": "events"}),
    ("POST", "/dead-letters/drop", {"source": "imports"}),
)  # fmt: skip


@pytest.fixture
async def boss(settings: Settings) -> Signed:
    """A platform admin."""
    made = await make_signed_tenant("Platform")
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE users SET is_platform_admin = true WHERE id = :id"), {"id": made.user_id})
    return made


@pytest.fixture
async def desk(api: FastAPI, boss: Signed) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(api, boss) as made:
        yield made
    await db.dispose()


@pytest.fixture
def worker(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "failing_actors.py").write_text(ACTORS)
    monkeypatch.setitem(queues.ACTOR_QUEUES, "probe.fail", "default")
    running = subprocess.Popen(
        [sys.executable, "-m", "dramatiq", "failing_actors:broker", "--processes", "1", "--threads", "2",
         "--queues", "default", "--path", str(tmp_path)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield
    running.terminate()
    running.wait(30)


async def letters(desk: httpx.AsyncClient, source: str) -> list[dict[str, Any]]:
    found = (await desk.get("/api/v1/admin/dead-letters")).json()
    return [one for one in found["letters"] if one["source"] == source]


async def audited(admin: Signed) -> list[str]:
    async with system_unit_of_work() as uow:
        query = text("SELECT verb FROM audit_log WHERE tenant_id = :t AND verb LIKE 'admin.%' ORDER BY id")
        return list((await uow.session.execute(query, {"t": admin.tenant_id})).scalars())


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_the_owner_of_a_tenant_is_refused(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    answer = await client.request(method, f"/api/v1/admin{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "admin_only")


async def test_an_admins_key_and_worker_are_refused(boss: Signed) -> None:
    key = Principal(boss.tenant_id, boss.user_id, boss.principal.verbs, "api_key")
    for who in (key, Principal.system(boss.tenant_id)):
        with pytest.raises(Forbidden, match="admin_only"):
            await admin.enter(who)
    await db.dispose()


async def test_being_admin_ends_at_once(desk: httpx.AsyncClient, boss: Signed) -> None:
    assert (await desk.get("/api/v1/admin/jobs")).status_code == 200
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE users SET is_platform_admin = false WHERE id = :id"), {"id": boss.user_id})
    assert (await desk.get("/api/v1/admin/jobs")).status_code == 403


async def test_entering_is_written_down_once(desk: httpx.AsyncClient, boss: Signed) -> None:
    for _ in range(3):
        await desk.get("/api/v1/admin/queues")
    assert await audited(boss) == ["admin.enter"]


async def test_queues_say_what_waits(desk: httpx.AsyncClient) -> None:
    before = {one["name"]: one for one in (await desk.get("/api/v1/admin/queues")).json()["queues"]}
    assert set(before) == set(queues.ACTOR_QUEUES.values())
    await queues.send(redis_client(), [queues.Job("mail.send", {"letter": "x", "id": str(new_id())}) for _ in range(3)])
    await queues.send(redis_client(), [queues.Job("lane.run", {"tenant_id": "a", "device_id": "b"}, 60_000)])
    found = (await desk.get("/api/v1/admin/queues")).json()
    after = {one["name"]: one for one in found["queues"]}
    assert found["reachable"]
    assert after["default"]["waiting"] == before["default"]["waiting"] + 3
    assert after["lanes"]["delayed"] == before["lanes"]["delayed"] + 1
    assert after["default"]["in_flight"] == 0
    assert after["default"]["oldest_s"] >= 0
    await redis_client().delete("dramatiq:default", "dramatiq:default.msgs", "dramatiq:lanes.DQ", "dramatiq:lanes.DQ.msgs")


async def test_without_redis_the_page_says_so_and_the_rest_works(api: FastAPI, boss: Signed) -> None:
    await db.dispose()
    with environment(REDIS_URL="redis://127.0.0.1:1/0"):
        who = await admin.enter(boss.principal)
        assert await admin.queues(who) == QueuesView(reachable=False, workers=0, queues=[])
        assert (await admin.dead_letters(who)).counts["messages"] is None
        assert await admin.jobs(who) is not None
        assert (await admin.ledger(who)).unknown >= 0
        with pytest.raises(Unavailable):
            await admin.retry(who, "messages")
        await db.dispose()


async def test_a_message_that_failed_for_good_says_why_and_can_be_tried_again(
    worker: None, desk: httpx.AsyncClient, boss: Signed, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    job = queues.Job("probe.fail", {"tenant_id": str(boss.tenant_id), "go": str(go)})
    await queues.send(redis_client(), [job, job])
    found: list[dict[str, Any]] = []
    for _ in range(200):
        if len(found := await letters(desk, "messages")) == 2:
            break
        await asyncio.sleep(0.1)
    assert [one["reason"] for one in found] == ["ValueError"] * 2
    assert found[0]["tenant"] == "Platform"
    assert found[0]["tries"] == 2
    assert found[0]["ids"] == {"tenant_id": str(boss.tenant_id)}, "only ids are shown"
    bodies = await redis_client().hgetall("dramatiq:default.XQ.msgs")
    assert not any(PHONE.encode() in body for body in bodies.values()), "a failure's own words may name people"
    for _ in range(50):
        line = next(q for q in (await desk.get("/api/v1/admin/queues")).json()["queues"] if q["name"] == "default")
        if line["failed"] == 4:
            break
        await asyncio.sleep(0.1)
    assert (line["dead"], line["failed"]) == (2, 4)

    go.touch()
    answer = await desk.post("/api/v1/admin/dead-letters/retry", json={"source": "messages", "id": found[0]["id"]})
    assert answer.json() == {"n": 1}
    again = await desk.post("/api/v1/admin/dead-letters/retry", json={"source": "messages", "id": found[0]["id"]})
    assert again.status_code == 404
    for _ in range(200):
        if go.read_text() == "done":
            break
        await asyncio.sleep(0.05)
    assert go.read_text() == "done"
    assert (await desk.post("/api/v1/admin/dead-letters/drop", json={"source": "messages"})).json() == {"n": 1}
    assert await letters(desk, "messages") == []
    assert await redis_client().hlen("dramatiq:default.XQ.msgs") == 0
    assert await audited(boss) == ["admin.enter", "admin.dead.retry", "admin.dead.drop"]


async def failed_event(tenant: Signed) -> str:
    row_id = new_id()
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("INSERT INTO inbound_events (id, tenant_id, device_id, event, envelope_id, body, state, error, attempts, "
                 "due_at) VALUES (:id, :t, :id, 'message', :e, '\\x00', 'failed', 'KeyError', 3, NULL)"),
            {"id": row_id, "t": tenant.tenant_id, "e": str(row_id)},
        )  # fmt: skip
    return str(row_id)


async def state_of(event_id: str) -> tuple[str, int]:
    async with system_unit_of_work() as uow:
        query = text("SELECT state, attempts FROM inbound_events WHERE id = :id")
        row = (await uow.session.execute(query, {"id": event_id})).one()
    return row.state, row.attempts


async def test_failed_webhooks_are_tried_again_or_dropped(desk: httpx.AsyncClient, other: Signed) -> None:
    first, second = await failed_event(other), await failed_event(other)
    shown = {one["id"]: one for one in await letters(desk, "events")}
    assert shown[first]["reason"] == "KeyError"
    assert shown[first]["tenant"] == "Lain"
    assert "body" not in str(shown[first])
    url = "/api/v1/admin/dead-letters"
    assert (await desk.post(f"{url}/retry", json={"source": "events", "id": first})).json() == {"n": 1}
    assert await state_of(first) == ("pending", 0)
    assert (await desk.post(f"{url}/drop", json={"source": "events", "id": second})).json() == {"n": 1}
    assert (await state_of(second))[0] == "ignored"
    assert (await desk.post(f"{url}/drop", json={"source": "events", "id": second})).status_code == 404
    assert (await desk.post(f"{url}/drop", json={"source": "events", "id": "no-id"})).status_code == 404
    assert (await desk.post(f"{url}/drop", json={"source": "nothing"})).status_code == 422
    third = await failed_event(other)
    assert (await desk.post(f"{url}/retry", json={"source": "events"})).json()["n"] >= 1
    assert (await state_of(third))[0] == "pending"


async def failed_import(tenant: Signed) -> str:
    from tests.fixtures.tenants import add_file

    file_id = await add_file(tenant.principal, "kontak.csv", "nowhere", 10)
    async with db.unit_of_work(tenant.principal) as uow:
        job = ImportJob(tenant_id=tenant.tenant_id, file_id=file_id, file_name="kontak.csv",
                        status=ImportStatus.FAILED, error_code="import_file_gone")  # fmt: skip
        uow.session.add(job)
    return str(job.id)


async def import_row(job_id: str) -> Any:
    async with system_unit_of_work() as uow:
        query = text("SELECT status, error_code, dismissed_at FROM import_jobs WHERE id = :id")
        return (await uow.session.execute(query, {"id": job_id})).one()


async def test_failed_imports_are_tried_again_or_put_away(desk: httpx.AsyncClient, other: Signed) -> None:
    first, second = await failed_import(other), await failed_import(other)
    assert {one["id"] for one in await letters(desk, "imports")} >= {first, second}
    url = "/api/v1/admin/dead-letters"
    assert (await desk.post(f"{url}/retry", json={"source": "imports", "id": first})).json() == {"n": 1}
    assert tuple(await import_row(first))[:2] == ("queued", None)
    assert (await desk.post(f"{url}/drop", json={"source": "imports", "id": second})).json() == {"n": 1}
    row = await import_row(second)
    assert (row.status, row.error_code) == ("failed", "import_file_gone"), "the tenant still sees what went wrong"
    assert row.dismissed_at
    assert not {first, second} & {one["id"] for one in await letters(desk, "imports")}


async def test_jobs_show_their_last_run_and_can_be_run_now(desk: httpx.AsyncClient) -> None:
    await scheduler.seed()
    await scheduler.claim(["tidy"])
    await scheduler._guarded("tidy")
    shown = {one["name"]: one for one in (await desk.get("/api/v1/admin/jobs")).json()}
    assert set(scheduler.JOBS) <= set(shown)
    assert shown["tidy"]["last_ms"] >= 0
    assert shown["tidy"]["last_error"] is None
    assert shown["tidy"]["last_ok_at"]
    assert await scheduler.claim(["tidy"]) == []
    assert (await desk.post("/api/v1/admin/jobs/tidy/run")).status_code == 202
    assert await scheduler.claim(["tidy"]) == ["tidy"]
    assert (await desk.post("/api/v1/admin/jobs/nothing/run")).status_code == 404


async def test_a_job_that_fails_is_counted(desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise OSError("the disk said +6281")

    await scheduler.seed()
    monkeypatch.setattr(scheduler, "JOBS", {**scheduler.JOBS, "tidy": (600, broken)})
    for n in (1, 2):
        await scheduler._guarded("tidy")
        shown = {one["name"]: one for one in (await desk.get("/api/v1/admin/jobs")).json()}["tidy"]
        assert (shown["last_error"], shown["errors"]) == ("OSError", n)


async def test_the_ledger_shows_whose_work_waits(desk: httpx.AsyncClient, other: Signed) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("INSERT INTO inbound_events (tenant_id, device_id, event, envelope_id, body, due_at) "
                 "SELECT :t, uuidv7(), 'message', 'x' || n, '\\x00', now() - interval '90 s' FROM generate_series(1, 7) n"),
            {"t": other.tenant_id},
        )  # fmt: skip
        await uow.session.execute(
            text("INSERT INTO outbound_messages (tenant_id, kind, state, dedupe_key, priority, due_at) "
                 "SELECT :t, 'manual', 'planned', 'm' || n, 0, now() - interval '70 s' FROM generate_series(1, 4) n"),
            {"t": other.tenant_id},
        )  # fmt: skip
    shown = (await desk.get("/api/v1/admin/ledger")).json()
    line = next(one for one in shown["tenants"] if one["tenant_id"] == str(other.tenant_id))
    assert (line["tenant"], line["events"], line["replies"]) == ("Lain", 7, 4)
    assert shown["replies_due"]["m1"] >= 4
    assert shown["oldest_reply_s"] >= 70
    assert shown["oldest_event_s"] >= 90
