"""Conversations as files and their deletion: what is written, what goes, what the ledger keeps, who may."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from tests.fixtures import services
from tests.fixtures.api import Signed
from tests.fixtures.audience import add_device
from tests.integration.test_inbox import hears
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Forbidden, NotFound
from wa_app.kit.ids import new_id
from wa_app.schemas.chat_jobs import ChatJobView, ChatsDelete
from wa_app.schemas.conversations import ChatFilters, ChatSend
from wa_app.schemas.principal import ALL_VERBS, Principal
from wa_app.services import chat_jobs, conversations
from wa_app.services.chat_jobs import choosing, deleting, exporting, rows

V1 = "/api/v1"


@pytest.fixture
async def device(signed: Signed) -> UUID:
    async with system_unit_of_work() as uow:
        made: UUID = await add_device(uow, signed.tenant_id, "Satu")
    return made


@pytest.fixture
def data(tmp_path: Path) -> Any:
    with services.environment(SAPA_DATA=str(tmp_path)):
        yield tmp_path


async def left(signed: Signed, query: str, **values: Any) -> Any:
    async with unit_of_work(signed.principal) as uow:
        return (await uow.session.execute(text(query), values)).scalar_one()


async def download(client: httpx.AsyncClient, job: str) -> bytes:
    shown = (await client.get(f"{V1}/chats/jobs/{job}")).json()
    assert shown["status"] == "done", shown
    answer = await client.get(shown["url"])
    assert answer.status_code == 200
    return answer.content


async def test_what_was_said_is_a_file_and_notes_are_not(client: httpx.AsyncClient, signed: Signed, device: UUID, data: Path) -> None:
    chat, other = await hears(signed, device, "=HYPERLINK(1)", ago_min=5), await hears(signed, device, "Dua", "+628111000998")
    async with unit_of_work(signed.principal) as uow:
        await conversations.send(uow, chat, ChatSend(text="Baik,\nsaya bantu"))
        await conversations.add_note(uow, chat, "RAHASIA")
    asked = await client.post(f"{V1}/chats/{chat}/export", json={"format": "csv"})
    assert (asked.status_code, asked.json()["status"]) == (202, "queued")
    assert (await client.post(f"{V1}/chats/{chat}/export", json={"format": "csv"})).json()["id"] == asked.json()["id"]
    await chat_jobs.run(signed.tenant_id, UUID(asked.json()["id"]))
    raw = await download(client, asked.json()["id"])
    table = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert [(one["sender"], one["text"], one["name"]) for one in table] == [
        ("contact", "'=HYPERLINK(1)", "Siti"), ("human", "Baik,\nsaya bantu", "Siti"),
    ]  # fmt: skip
    assert table[0]["phone"].lstrip("'") == "+628111000999"
    both = await client.post(f"{V1}/chats/export", json={"format": "json", "filters": {"view": "all"}})
    await chat_jobs.run(signed.tenant_id, UUID(both.json()["id"]))
    raw = await download(client, both.json()["id"])
    found = {one["id"]: [line["text"] for line in one["messages"]] for one in json.loads(raw)}
    assert found == {str(chat): ["=HYPERLINK(1)", "Baik,\nsaya bantu"], str(other): ["Dua"]}
    assert b"RAHASIA" not in raw
    nothing = await client.post(f"{V1}/chats/export", json={"format": "json", "filters": {"view": "archived"}})
    await chat_jobs.run(signed.tenant_id, UUID(nothing.json()["id"]))
    assert json.loads(await download(client, nothing.json()["id"])) == []
    assert len((await client.get(f"{V1}/chats/jobs")).json()) == 3
    assert list((data / "exports").iterdir()) == []
    refused = await client.post(f"{V1}/chats/jobs/{both.json()['id']}/cancel")
    assert refused.json()["code"] == "job_not_running"


async def test_a_file_goes_on_where_a_killed_worker_stopped(
    client: httpx.AsyncClient, signed: Signed, device: UUID, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = [await hears(signed, device, f"Pesan {n}", f"+62811100070{n}") for n in range(4)]
    asked = (await client.post(f"{V1}/chats/export", json={"format": "csv"})).json()
    monkeypatch.setattr(exporting.choosing, "PIECE", 2)
    async with rows.held(signed.tenant_id, UUID(asked["id"])) as mine:
        assert mine is not None
        spool = exporting._spool(mine.job.id)
        spool.parent.mkdir(parents=True, exist_ok=True)
        written = exporting._append(spool, b"vor\r\n")
        exporting._append(spool, b"half a li")
        await mine.step(processed=2, result={"bytes": written, "after": str(sorted(chats)[1])})
    await chat_jobs.run(signed.tenant_id, UUID(asked["id"]))
    raw = (await download(client, asked["id"])).decode()
    assert raw.startswith("vor\r\n")
    assert [str(chat) in raw for chat in sorted(chats)] == [False, False, True, True]
    assert "half" not in raw


async def test_deleting_takes_lines_and_notes_and_leaves_the_ledger(client: httpx.AsyncClient, signed: Signed, device: UUID) -> None:
    chat = await hears(signed, device, "Halo")
    async with unit_of_work(signed.principal) as uow:
        sent = await conversations.send(uow, chat, ChatSend(text="Baik"))
        await uow.session.execute(text("UPDATE outbound_messages SET state = 'sent', sent_at = now() WHERE id = :id"), {"id": sent.outbound_id})
        later = await conversations.schedule_send(uow, chat, ChatSend(text="Besok"), datetime.now(UTC) + timedelta(hours=5))
        await conversations.add_note(uow, chat, "x", [signed.user_id])
        await conversations.save_draft(uow, chat, "y")
        await uow.session.execute(
            text("INSERT INTO insights (tenant_id, conversation_id, message_id, intent) SELECT tenant_id, id, id, 'ask' FROM conversations WHERE id = :id"), {"id": chat},
        )  # fmt: skip
    assert (await client.delete(f"{V1}/chats/{chat}")).status_code == 204
    assert (await client.get(f"{V1}/chats/{chat}")).status_code == 404
    assert (await client.delete(f"{V1}/chats/{chat}")).status_code == 404
    for table in ("messages", "conversation_notes", "note_mentions", "conversation_drafts", "conversation_cases", "insights"):
        assert await left(signed, f"SELECT count(*) FROM {table}") == 0
    async with unit_of_work(signed.principal) as uow:
        states = {row.id: (row.state, row.error_code) for row in await uow.session.execute(text("SELECT id, state, error_code FROM outbound_messages"))}
    assert states == {sent.outbound_id: ("sent", None), later.id: ("cancelled", "conversation_deleted")}
    again = await hears(signed, device, "Halo lagi")
    assert again != chat
    assert await left(signed, "SELECT count(*) FROM audit_log WHERE verb = 'conversation.delete'") == 1


async def test_many_are_deleted_by_a_worker_with_progress(client: httpx.AsyncClient, signed: Signed, device: UUID) -> None:
    chats = [await hears(signed, device, "Halo", f"+62811100070{n}") for n in range(4)]
    asked = await client.post(f"{V1}/chats/bulk-delete", json={"chat_ids": [str(one) for one in chats[:2]]})
    assert asked.status_code == 202
    await client.delete(f"{V1}/chats/{chats[0]}")
    await chat_jobs.run(signed.tenant_id, UUID(asked.json()["id"]))
    shown = ChatJobView.model_validate((await client.get(f"{V1}/chats/jobs/{asked.json()['id']}")).json())
    assert (shown.status.value, shown.total, shown.processed) == ("done", 2, 2)
    assert await left(signed, "SELECT count(*) FROM conversations") == 2
    filtered = (await client.post(f"{V1}/chats/bulk-delete", json={"filters": {"q": "siti"}})).json()
    stopped = await client.post(f"{V1}/chats/jobs/{filtered['id']}/cancel")
    assert stopped.json()["status"] == "cancelled"
    await chat_jobs.run(signed.tenant_id, UUID(filtered["id"]))
    assert await left(signed, "SELECT count(*) FROM conversations") == 2
    again = (await client.post(f"{V1}/chats/jobs/{filtered['id']}/again")).json()
    assert again["id"] != filtered["id"]
    await chat_jobs.run(signed.tenant_id, UUID(again["id"]))
    assert await left(signed, "SELECT count(*) FROM conversations") == 0
    # What is done is not done twice.
    assert (await client.post(f"{V1}/chats/jobs/{again['id']}/again")).json()["id"] == again["id"]
    assert await left(signed, "SELECT count(*) FROM chat_jobs") == 3
    for wrong in ({}, {"chat_ids": []}, {"chat_ids": [str(new_id())], "filters": {}}):
        assert (await client.post(f"{V1}/chats/bulk-delete", json=wrong)).status_code == 422
    assert (await client.post(f"{V1}/chats/bulk-delete", json={"chat_ids": [str(new_id())]})).status_code == 404


async def test_all_that_matched_go_once_and_what_is_newer_stays(signed: Signed, device: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "PIECE", 2)
    chats = [await hears(signed, device, "Halo", f"+62811100070{n}") for n in range(6)]
    async with unit_of_work(signed.principal) as uow:
        await conversations.close(uow, chats[5])
        found = await chat_jobs.matching(uow, ChatFilters())
        assert found.n == 5
        wanted = ChatsDelete(filters=ChatFilters(), until=found.until)
        job = await chat_jobs.request_delete(uow, wanted)
        assert (await chat_jobs.request_delete(uow, wanted)).id == job.id, "asked twice, it is one job"
    await hears(signed, device, "Masih di sini", "+628111000704")
    gone: list[UUID] = []

    async def crashes(who: Principal, chat: UUID) -> None:
        if len(gone) == 3:
            raise OSError("the worker dies")
        gone.append(chat)
        await chat_jobs.delete(who, chat)

    with monkeypatch.context() as patched:
        patched.setattr(deleting, "delete", crashes)
        with pytest.raises(OSError, match="dies"):
            await chat_jobs.run(signed.tenant_id, job.id)
    assert await left(signed, "SELECT processed FROM chat_jobs") == 2, "the step of the third was not written"
    await chat_jobs.run(signed.tenant_id, job.id)
    async with unit_of_work(signed.principal) as uow:
        done = await chat_jobs.get(uow, job.id)
        here = {one.id for view in ("all", "closed") for one in (await conversations.list_(uow, filters=ChatFilters.model_validate({"view": view}))).items}
    assert (done.status.value, here) == ("done", {chats[4], chats[5]})
    assert await left(signed, "SELECT count(*) FROM audit_log WHERE verb = 'conversation.delete'") == 4


async def test_whose_role_may_not_cannot(signed: Signed, device: UUID, other: Signed) -> None:
    chat = await hears(signed, device, "Halo")
    async with unit_of_work(signed.principal) as uow:
        job = await chat_jobs.request_export(uow, "csv", conversation_id=chat)
    agent = Principal(signed.tenant_id, signed.user_id, ALL_VERBS - {"contacts.export", "contacts.delete"})
    with pytest.raises(Forbidden):
        await chat_jobs.delete(agent, chat)
    async with unit_of_work(agent) as uow:
        assert await chat_jobs.recent(uow) == []
        for call in (
            chat_jobs.get(uow, job.id), chat_jobs.cancel(uow, job.id), chat_jobs.again(uow, job.id),
            chat_jobs.request_export(uow, "csv", filters=ChatFilters()),
            chat_jobs.request_delete(uow, ChatsDelete(chat_ids=[chat])), chat_jobs.matching(uow, ChatFilters()),
        ):  # fmt: skip
            with pytest.raises(Forbidden):
                await call
    with pytest.raises(NotFound):
        await chat_jobs.delete(other.principal, chat)
    async with unit_of_work(other.principal) as uow:
        for call in (
            chat_jobs.get(uow, job.id), chat_jobs.again(uow, job.id), chat_jobs.request_export(uow, "csv", conversation_id=chat),
            chat_jobs.request_delete(uow, ChatsDelete(chat_ids=[chat])),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                await call


async def test_a_job_that_nobody_has_in_hands_is_woken(signed: Signed, device: UUID) -> None:
    async with unit_of_work(signed.principal) as uow:
        await chat_jobs.request_export(uow, "json", filters=ChatFilters())
        await uow.session.execute(text("UPDATE chat_jobs SET due_at = now() - interval '1 minute'"))
    async with system_unit_of_work() as every:
        assert await chat_jobs.wake(every) >= 1
