"""What a team does with conversations, as a program and another front end meet it; and what an agent's role may not."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.fixtures.api import Signed, client_for
from tests.fixtures.audience import add_device
from tests.integration.test_events import lines_of, until
from tests.integration.test_inbox import hears
from tests.integration.test_team import business
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.kit.ids import new_id
from wa_app.models.identity import Membership, SessionKind
from wa_app.schemas.accounts import Caller
from wa_app.schemas.contacts import TagCreate
from wa_app.services import accounts, roles, sessions, tags

V1 = "/api/v1"


@pytest.fixture
async def device(signed: Signed) -> UUID:
    async with system_unit_of_work() as uow:
        made: UUID = await add_device(uow, signed.tenant_id, "Satu")
    return made


async def post(http: httpx.AsyncClient, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
    answer = await http.post(f"{V1}{path}", json={} if body is None else body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def items(http: httpx.AsyncClient, path: str = "/chats", **params: Any) -> list[str]:
    answer = await http.get(f"{V1}{path}", params=params)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def test_lists_filter_by_whose_where_and_what(client: httpx.AsyncClient, signed: Signed, device: UUID) -> None:
    one, two = str(await hears(signed, device, "Satu", ago_min=3000)), str(await hears(signed, device, "Dua", "+628111000998"))
    async with unit_of_work(signed.principal) as uow:
        tag = await tags.create(uow, TagCreate(name="Komplain"))
    team = await post(client, "/teams", {"name": "Servis", "user_ids": [str(signed.user_id)]}, 201)
    await post(client, f"/chats/{one}/assign", {"user_id": str(signed.user_id), "team_id": team["id"]})
    await post(client, f"/chats/{one}/tags", {"tag_ids": [str(tag.id)]})
    assert (await post(client, f"/chats/{one}/priority", {"priority": "high"}))["priority"] == "high"
    assert await items(client) == [two, one]
    assert await items(client, view="mine") == await items(client, team_id=team["id"]) == await items(client, tag_id=str(tag.id)) == [one]
    assert await items(client, assigned_to=str(signed.user_id), unread=True, device_id=str(device)) == [one]
    assert await items(client, view="unassigned") == await items(client, "/chats/active") == [two]
    assert await items(client, "/chats/active", hours=72) == [two, one]
    counted = (await client.get(f"{V1}/chats/counts")).json()
    assert (counted["all"], counted["mine"], counted["unassigned"]) == (2, 1, 1)
    (hit,) = (await client.get(f"{V1}/chats/search", params={"q": "dua"})).json()["items"]
    assert (hit["conversation_id"], hit["text"]) == (two, "Dua")
    assert [one["name"] for one in (await client.get(f"{V1}/chats/colleagues")).json()] == ["Sari"]
    assert (await post(client, f"/chats/{one}/assign", {"user_id": None}))["team_name"] == "Servis"
    assert await items(client, view="mine") == []
    assert (await post(client, f"/chats/{one}/assign"))["team_id"] == team["id"]
    await client.delete(f"{V1}/teams/{team['id']}")
    assert (await client.get(f"{V1}/chats/{one}")).json()["team_id"] is None
    assert (await client.get(f"{V1}/chats", params={"view": "nowhere"})).status_code == 422


async def test_a_conversation_goes_through_its_states(client: httpx.AsyncClient, signed: Signed, device: UUID) -> None:
    chat = str(await hears(signed, device, "Halo"))
    until_ = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    for verb, body, status in (
        ("close", None, "closed"), ("reopen", None, "open"), ("snooze", {"until": until_}, "snoozed"), ("reopen", None, "open"),
        ("archive", None, "archived"), ("unarchive", None, "open"), ("unarchive", None, "open"),
    ):  # fmt: skip
        assert (await post(client, f"/chats/{chat}/{verb}", body))["status"] == status
    passed = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    refused = await client.post(f"{V1}/chats/{chat}/snooze", json={"until": passed})
    assert refused.json()["errors"][0]["code"] == "time_not_ahead"
    empty = await post(client, "/teams", {"name": "Kosong"}, 201)
    await post(client, f"/chats/{chat}/assign", {"team_id": empty["id"]})
    assert (await client.post(f"{V1}/chats/{chat}/assign/auto")).json()["code"] == "nobody_there"
    await client.patch(f"{V1}/teams/{empty['id']}", json={"user_ids": [str(signed.user_id)]})
    assert (await post(client, f"/chats/{chat}/assign/auto"))["assignee_name"] == "Sari"


async def test_what_is_sent_later_or_again_is_planned_once_by_its_key(client: httpx.AsyncClient, signed: Signed, device: UUID) -> None:
    chat = (await post(client, "/chats", {"phone": "0811 1000 777", "device_id": str(device)}, 201))["id"]
    body = {"text": "Selamat pagi", "at": (datetime.now(UTC) + timedelta(hours=9)).isoformat()}
    key = {"Idempotency-Key": new_id().hex}
    first, again = [await post(client, f"/chats/{chat}/scheduled", body, 202, **key) for _ in range(2)]
    assert first == again
    assert [one["id"] for one in (await client.get(f"{V1}/chats/{chat}/scheduled")).json()] == [first["id"]]
    other = await client.post(f"{V1}/chats/{chat}/scheduled", json=body | {"text": "Lain"}, headers=key)
    assert other.json()["code"] == "idempotency_key_reused"
    assert (await client.delete(f"{V1}/chats/{chat}/scheduled/{first['id']}")).status_code == 204
    assert (await client.get(f"{V1}/chats/{chat}/scheduled")).json() == []
    line = await post(client, f"/chats/{chat}/send", {"text": "Baik"}, 202)
    refused = await client.post(f"{V1}/chats/{chat}/messages/{line['id']}/resend")
    assert (refused.status_code, refused.json()["code"]) == (409, "message_not_failed")
    async with unit_of_work(signed.principal) as uow:
        await uow.session.execute(text("UPDATE outbound_messages SET state = 'failed' WHERE id = :id"), {"id": line["outbound_id"]})
    again = await post(client, f"/chats/{chat}/messages/{line['id']}/resend", None, 202)
    assert (again["text"], again["id"] != line["id"]) == ("Baik", True)


async def test_notes_drafts_and_blocking(client: httpx.AsyncClient, signed: Signed, device: UUID) -> None:
    chat = str(await hears(signed, device, "Halo"))
    note = await post(client, f"/chats/{chat}/notes", {"text": "Pelanggan lama", "mentions": [str(signed.user_id)]}, 201)
    assert [one["id"] for one in (await client.get(f"{V1}/chats/{chat}/notes")).json()] == [note["id"]]
    assert await items(client, view="mentions") == [chat]
    await post(client, f"/chats/{chat}/read", None, 204)
    assert await items(client, view="mentions") == []
    kept = await client.put(f"{V1}/chats/{chat}/draft", json={"text": "Selamat pa"})
    assert kept.json()["text"] == (await client.get(f"{V1}/chats/{chat}/draft")).json()["text"] == "Selamat pa"
    assert (await client.put(f"{V1}/chats/{chat}/draft", json={})).json()["updated_at"] is None
    await post(client, f"/chats/{chat}/block", {"note": "kasar"})
    assert (await client.get(f"{V1}/chats/{chat}/customer")).json()["suppressed"] == "all"
    refused = await client.post(f"{V1}/chats/{chat}/send", json={"text": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "recipient_suppressed")
    await post(client, f"/chats/{chat}/unblock")
    assert (await client.get(f"{V1}/chats/{chat}/customer")).json()["suppressed"] is None


async def test_quick_replies_over_the_wire(client: httpx.AsyncClient, signed: Signed, device: UUID) -> None:
    chat = str(await hears(signed, device, "Halo"))
    made = await post(client, "/quick-replies", {"shortcut": "/Salam", "body": "Kak {{name}}", "category": "Sapa"}, 201)
    assert (made["shortcut"], made["personal"]) == ("salam", False)
    assert await items(client, "/quick-replies", q="/sal") == await items(client, "/quick-replies", category="Sapa") == [made["id"]]
    assert await post(client, f"/quick-replies/{made['id']}/fill", {"chat_id": chat}) == {"text": "Kak Siti", "file": None}
    changed = await client.patch(f"{V1}/quick-replies/{made['id']}", json={"body": "Halo", "title": None})
    assert (changed.json()["body"], changed.json()["shortcut"]) == ("Halo", "salam")
    assert (await client.delete(f"{V1}/quick-replies/{made['id']}")).status_code == 204
    assert (await client.get(f"{V1}/quick-replies/{made['id']}")).status_code == 404


async def test_a_stream_tells_who_types_whose_it_is_and_a_note(
    client: httpx.AsyncClient, served: str, signed: Signed, other: Signed, device: UUID
) -> None:
    chat = str(await hears(signed, device, "Halo"))
    lines, theirs = lines_of(served, signed), lines_of(served, other)
    await until(lines, ": welcome")
    await until(theirs, ": welcome")
    await post(client, f"/chats/{chat}/typing", {"typing": True}, 204)
    assert await until(lines, "event:") == "event: typing"
    told = await until(lines, "data:")
    assert (chat in told, "Sari" in told) == (True, True)
    await post(client, f"/chats/{chat}/assign", {"user_id": str(signed.user_id)})
    assert await until(lines, "event:") == "event: conversation"
    assert str(signed.user_id) in await until(lines, "data:")
    note = await post(client, f"/chats/{chat}/notes", {"text": "Rahasia"}, 201)
    told = await until(lines, 'data: {"id":"' + chat)
    assert (note["id"] in told, "Rahasia" in told) == (True, False)
    async with unit_of_work(other.principal) as uow:
        uow.publish("conversation", id="own")
    assert await until(theirs, "data:") == 'data: {"id":"own"}'
    await lines.aclose()
    await theirs.aclose()


@pytest.fixture
async def agent(api: FastAPI, settings: object) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient, UUID]]:
    """Browsers of an agent and of the owner, and a chat of their business."""
    tenant, owner = await business()
    async with system_unit_of_work() as every:
        user = await accounts.add_user(every, f"{new_id().hex}@example.com", "Andi", "!")
        async with unit_of_work(owner) as uow:
            role = next(one for one in await roles.list_roles(uow) if one.key == "agent")
        every.session.add(Membership(tenant_id=tenant, user_id=user.id, role_id=role.id))
        await every.session.flush()
        cookies = [(await sessions.start(every, who, tenant, SessionKind.BROWSER, Caller())).token for who in (user.id, owner.user_id)]
        device: UUID = await add_device(every, tenant, "Satu")
    people = [Signed(tenant, owner.user_id or user.id, tenant, cookie, owner, "") for cookie in cookies]
    chat = await hears(people[1], device, "Halo")
    async with client_for(api, people[0]) as one, client_for(api, people[1]) as two:
        yield one, two, chat


async def test_an_agent_answers_and_does_no_more(agent: tuple[httpx.AsyncClient, httpx.AsyncClient, UUID]) -> None:
    http, owner, chat = agent
    tried = {
        "send": {"text": "Baik"}, "close": {}, "reopen": {}, "assign": {"user_id": None}, "notes": {"text": "x"}, "priority": {"priority": "low"},
        "typing": {}, "tags": {"tag_ids": []}, "read": {}, "archive": {}, "unarchive": {},
    }  # fmt: skip
    for verb, body in tried.items():
        answer = await http.post(f"{V1}/chats/{chat}/{verb}", json=body)
        assert answer.status_code < 300, f"{verb}: {answer.text}"
    for path in ("", "/customer", "/notes", "/messages", "/draft", "/scheduled"):
        assert (await http.get(f"{V1}/chats/{chat}{path}")).status_code == 200
    assert (await http.get(f"{V1}/teams")).status_code == 200
    refused = [
        await http.post(f"{V1}/chats/{chat}/block", json={}), await http.post(f"{V1}/chats/{chat}/unblock"),
        await http.post(f"{V1}/teams", json={"name": "x"}), await http.post(f"{V1}/quick-replies", json={"shortcut": "x", "body": "x"}),
        await http.get(f"{V1}/settings/answers"), await http.patch(f"{V1}/settings/answers", json={"auto_assign": True}),
    ]  # fmt: skip
    assert [one.status_code for one in refused] == [403] * len(refused)
    own = await http.post(f"{V1}/quick-replies", json={"shortcut": "aku", "body": "Saya", "personal": True})
    assert own.status_code == 201
    assert (await owner.get(f"{V1}/quick-replies/{own.json()['id']}")).status_code == 404

