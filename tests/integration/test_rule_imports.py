"""Many keyword rules out of one file: a worker takes them, each exactly once, whoever dies; stopped, told, kept apart."""

import asyncio
import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event, text

from tests.fixtures.api import Signed, client_for
from wa_app import db
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.schemas.principal import Principal
from wa_app.services import imports
from wa_app.services.imports import rules

BASE = "/api/v1/auto-replies"
WORKER = """
import asyncio, sys
from uuid import UUID
from wa_app.schemas.principal import Principal
from wa_app.services import imports
asyncio.run(imports.run(Principal.system(UUID(sys.argv[1])), UUID(sys.argv[2])))
"""


@pytest.fixture
async def http(api: FastAPI, signed: Signed) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(api, signed) as made:
        yield made


def table(n: int, *, wrong: int = 0) -> str:
    lines = [f"Aturan {at},kata{at},Jawaban {at}" for at in range(n)] + [f"Salah {at},,x" for at in range(wrong)]
    return "nama,kata kunci,jawaban\n" + "\n".join(lines) + "\n"


async def begun(http: httpx.AsyncClient, content: str | None = None, **more: Any) -> dict[str, Any]:
    answer = await http.post(f"{BASE}/import", json={"content": content, **more})
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"] == job["status_url"] == f"{BASE}/imports/{job['id']}"
    return job


async def shown(http: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get(job["status_url"])).json()
    return found


def counts(job: dict[str, Any]) -> tuple[int, ...]:
    return tuple(job[key] for key in ("total", "processed", "created", "updated", "skipped", "failed"))


async def names(signed: Signed) -> Counter[str]:
    async with unit_of_work(Principal.system(signed.tenant_id)) as uow:
        rows = await uow.session.execute(text("SELECT name FROM auto_replies WHERE deleted_at IS NULL"))
        return Counter(rows.scalars())


async def worked(signed: Signed, job: dict[str, Any]) -> None:
    await imports.run(Principal.system(signed.tenant_id), UUID(job["id"]))


async def test_many_rows_are_taken_by_a_worker_and_all_that_is_wrong_is_told(
    http: httpx.AsyncClient, signed: Signed, api: FastAPI, other: Signed
) -> None:
    assert (await http.post(f"{BASE}/import", json={"content": table(3)})).status_code == 200
    content = table(230, wrong=4)
    looked = await begun(http, content, dry_run=True)
    assert (looked["status"], looked["dry_run"], looked["kind"], counts(looked)) == ("queued", True, "auto_replies", (234, 0, 0, 0, 0, 0))
    await worked(signed, looked)
    found = await shown(http, looked)
    assert (found["status"], counts(found)) == ("done", (234, 234, 227, 0, 3, 4))
    assert len(await names(signed)) == 3, "a dry run keeps nothing"
    job = await begun(http, content)
    await worked(signed, job)
    found = await shown(http, job)
    assert (found["status"], counts(found)) == ("done", (234, 234, 227, 0, 3, 4))
    assert found["names"] == [f"Aturan {at}" for at in range(3, 23)]
    assert [(one["row"], one["field"], one["code"]) for one in found["problems"]] == [
        (row, "keywords", "value_missing") for row in range(232, 236)
    ]
    assert all(one["message"] for one in found["problems"])
    assert await names(signed) == Counter({f"Aturan {at}": 1 for at in range(230)})
    assert [one["id"] for one in (await http.get(f"{BASE}/imports")).json()["items"]] == [job["id"]], "looks are not listed"
    errors = list(csv.reader(io.StringIO((await http.get(found["errors_url"])).text.removeprefix("\ufeff"))))
    assert errors[0] == ["row", "column", "value", "reason"]
    assert (len(errors), errors[1][:2]) == (5, ["232", "keywords"])
    async with client_for(api, other) as theirs:
        for path in ("", "/errors"):
            assert (await theirs.get(job["status_url"] + path)).status_code == 404
        assert (await theirs.post(job["status_url"] + "/cancel")).status_code == 404
        assert (await theirs.get(f"{BASE}/imports")).json()["items"] == []


async def test_known_names_are_updated_and_what_cannot_be_stored_is_still_told(http: httpx.AsyncClient, signed: Signed) -> None:
    made = [{"name": f"R{at}", "keywords": [f"k{at}"], "response_text": "lama"} for at in range(3)]
    assert (await http.post(f"{BASE}/import", json={"content": json.dumps(made)})).status_code == 200
    hostile: list[Any] = [
        {"name": "x", "keywords": ["a"], "match_type": "\ud800\x00", "response_text": "x"}, 7, {"keywords": ["a"], "\x00\ud800": 1},
        {"keywords": ["a"], "response_text": "x", "devices": ["HP\x00\ud800"]},
    ]  # fmt: skip
    rest = [{"name": f"R{at}", "keywords": [f"k{at}"], "response_text": "baru"} for at in range(230)]
    upload = {"file": ("aturan.json", json.dumps([*hostile, *rest]), "application/json")}
    file_id = (await http.post("/api/v1/files", files=upload)).json()["id"]
    job = await begun(http, file_id=file_id, on_duplicate="update")
    await worked(signed, job)
    found = await shown(http, job)
    assert (found["status"], counts(found)) == ("done", (234, 234, 227, 3, 0, 4))
    assert {one["row"] for one in found["problems"]} == {1, 2, 3, 4}
    texts = [one["response_text"] for one in (await http.get(BASE, params={"limit": 200})).json()["items"]]
    assert set(texts) == {"baru"}


async def test_a_stopped_one_says_what_came_in_and_takes_no_more(
    http: httpx.AsyncClient, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await begun(http, table(230))
    real = rules._take_piece
    taken: list[int] = []

    async def stop_after_two(*args: Any) -> int:
        if len(taken) == 2:
            assert (await http.post(job["status_url"] + "/cancel")).json()["status"] == "cancelled"
        taken.append(1)
        return await real(*args)

    monkeypatch.setattr(rules, "_take_piece", stop_after_two)
    await worked(signed, job)
    found = await shown(http, job)
    assert (found["status"], counts(found)) == ("cancelled", (230, 50, 50, 0, 0, 0))
    assert len(await names(signed)) == 50
    await worked(signed, job)
    assert len(await names(signed)) == 50
    refused = await http.post(job["status_url"] + "/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "import_not_running")


async def free_to_change(signed: Signed) -> None:
    """Somebody else's edit of a rule, and an answer by it: raises when either would have to wait."""
    async with unit_of_work(Principal.system(signed.tenant_id)) as uow:
        await uow.session.execute(text("SELECT 1 FROM auto_reply_sets FOR UPDATE NOWAIT"))
        await uow.session.execute(text("SELECT 1 FROM auto_replies FOR UPDATE NOWAIT"))
        await uow.session.execute(text("SELECT 1 FROM usage_counters FOR UPDATE NOWAIT"))


@pytest.mark.parametrize("way", ["skip", "update", "add"])
async def test_nobody_waits_for_a_dry_run(http: httpx.AsyncClient, signed: Signed, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    assert (await http.post(f"{BASE}/import", json={"content": table(30)})).status_code == 200
    looked = await begun(http, table(230), dry_run=True, on_duplicate=way)
    real, told = rules._tell, []

    async def asked_in_between(*args: Any) -> None:
        await free_to_change(signed)
        told.append(args[1])
        await real(*args)

    monkeypatch.setattr(rules, "_tell", asked_in_between)
    await worked(signed, looked)
    assert (len(told), told[-1]) == (10, 230)
    expected = {"skip": (200, 0, 30), "update": (200, 30, 0), "add": (230, 0, 0)}[way]
    assert counts(await shown(http, looked)) == (230, 230, *expected, 0)


@contextmanager
def statements_under_the_lock() -> Iterator[list[str]]:
    """What is asked of the database from the moment the rules are held."""
    engine, seen = db.app_engine().sync_engine, list[str]()

    def look(_: Any, __: Any, statement: str, *___: Any) -> None:
        if seen or "INTO auto_reply_sets" in statement:
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", look)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", look)


async def test_the_rules_are_held_for_a_few_statements_however_many_rows_come(http: httpx.AsyncClient) -> None:
    for n, way in ((200, "skip"), (200, "update")):
        with statements_under_the_lock() as seen:
            answer = await http.post(f"{BASE}/import", json={"content": table(n), "on_duplicate": way})
        assert answer.json()["created" if way == "skip" else "updated"] == n
        assert 1 < len(seen) <= 15, seen


async def test_what_a_look_says_is_what_then_happens_within_one_file_too(http: httpx.AsyncClient, signed: Signed) -> None:
    """The same name twice, more patterns than a tenant may have, a row that is refused between two that are not."""
    filler = [{"name": f"R{at}", "keywords": [f"k{at}"], "response_text": "x"} for at in range(210)]
    special: list[dict[str, Any]] = [
        {"name": "Pola", "keywords": [f"a{at}" for at in range(40)], "match_type": "REGEX", "response_text": "x"},
        {"name": "Pola", "keywords": [f"b{at}" for at in range(50)], "match_type": "REGEX", "response_text": "y"},
        {"name": "Pola 2", "keywords": [f"c{at}" for at in range(50)], "match_type": "REGEX", "response_text": "z"},
        {"name": "Pola 3", "keywords": ["d"], "match_type": "REGEX", "response_text": "z"},
    ]
    body = {"content": json.dumps([*special[:2], *filler, *special[2:]]), "on_duplicate": "update"}
    for dry in (True, False):
        job = await begun(http, **body, dry_run=dry)
        await worked(signed, job)
        found = await shown(http, job)
        assert counts(found) == (214, 214, 212, 1, 0, 1)
        assert [(one["row"], one["code"]) for one in found["problems"]] == [(214, "patterns_too_many_in_all")]
    kept = {one["name"]: one for one in (await http.get(BASE, params={"q": "pola"})).json()["items"]}
    assert sorted(kept) == ["Pola", "Pola 2"]
    assert (len(kept["Pola"]["keywords"]), kept["Pola"]["response_text"]) == (50, "y")
    assert len(await names(signed)) == 212


async def test_a_file_that_is_gone_fails_in_words(http: httpx.AsyncClient, signed: Signed) -> None:
    job = await begun(http, table(230))
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE files SET deleted_at = now() WHERE id = :id"), {"id": job["file_id"]})
    await worked(signed, job)
    found = await shown(http, job)
    assert (found["status"], found["error_code"], len(await names(signed))) == ("failed", "import_file_gone", 0)


async def test_a_worker_killed_in_the_middle_leaves_each_rule_exactly_once(http: httpx.AsyncClient, signed: Signed) -> None:
    job = await begun(http, table(400), on_duplicate="add")
    command = [sys.executable, "-c", WORKER, str(signed.tenant_id), job["id"]]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.getcwd()}) as killed:  # noqa: ASYNC220 - only begun here
        async with asyncio.timeout(60):
            while (seen := await shown(http, job))["processed"] == 0:
                assert killed.poll() is None, "the worker ended by itself"
                await asyncio.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
    seen = await shown(http, job)
    assert (seen["status"], 0 < seen["processed"] < 400) == ("running", True)
    assert sum((await names(signed)).values()) == seen["processed"] == seen["created"]
    await worked(signed, job)
    assert (await shown(http, job))["processed"] == seen["processed"], "the lease is still the dead one's"
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE import_jobs SET lease_until = now() - interval '1 s', created_at = created_at - interval '1 minute' WHERE id = :id"),
            {"id": job["id"]},
        )
        assert await imports.wake(uow) >= 1
    await worked(signed, job)
    assert counts(await shown(http, job)) == (400, 400, 400, 0, 0, 0)
    assert await names(signed) == Counter({f"Aturan {at}": 1 for at in range(400)})
