"""Providers as people and programs keep them: keys that never come back, addresses that stay outside, tests, usage."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.fixtures.api import Signed, client_for, make_signed_tenant
from tests.fixtures.providers import add_provider, booked, clear_platform, provider_row
from tests.fixtures.services import Database, environment
from tests.fixtures.vendors import Vendors, refusal, sample
from tests.fixtures.vendors import text as says
from wa_app import db
from wa_app.ai import gateway
from wa_app.ai.gateway.web import public_address
from wa_app.config import Settings
from wa_app.db import system_unit_of_work
from wa_app.schemas.ai import ChatRequest, Turn
from wa_app.schemas.principal import ALL_VERBS, Verb
from wa_app.services import ai_usage

KEY = "sk-proj-abcdefgh12345678Tt0a"
URL = "/api/v1/ai-providers"
ADMIN = "/api/v1/admin/ai-providers"


@pytest.fixture(autouse=True)
async def _clean(settings: Settings) -> AsyncIterator[None]:
    await clear_platform()
    with environment(SAPA_AI_PRIVATE_ADDRESSES="true"):
        yield
        await gateway.close()
    await clear_platform()
    await db.dispose()


@pytest.fixture
async def boss(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    made = await make_signed_tenant("Platform")
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE users SET is_platform_admin = true WHERE id = :id"), {"id": made.user_id})
    async with client_for(api, made) as client:
        yield client


def body(vendors: Vendors, **more: Any) -> dict[str, Any]:
    return {"name": "Groq kami", "kind": "openai", "base_url": vendors.openai("own"), "api_key": KEY, "model": "llama"} | more


def ask(**more: Any) -> ChatRequest:
    return ChatRequest("reply", "", (Turn("user", "Halo"),), **more)


async def test_a_key_goes_in_and_never_out(client: httpx.AsyncClient, signed: Signed, vendors: Vendors) -> None:
    made = await client.post(URL, json=body(vendors, daily_limit=100))
    assert made.status_code == 201
    assert made.json()["api_key_masked"] == "sk-p…Tt0a"
    shown = [made.text, (await client.get(URL)).text, (await client.get(f"{URL}/{made.json()['id']}")).text]
    assert not any(KEY in one or "cipher" in one for one in shown)
    async with system_unit_of_work() as uow:
        row = (await uow.session.execute(text("SELECT * FROM ai_provider_keys WHERE tenant_id = :t"), {"t": signed.tenant_id})).one()
        log = (await uow.session.execute(text("SELECT detail::text FROM audit_log WHERE tenant_id = :t"), {"t": signed.tenant_id})).scalars().all()
    assert KEY not in row.cipher
    assert not any(KEY in one for one in log)


async def test_a_test_call_tells_time_cost_and_words(client: httpx.AsyncClient, signed: Signed, vendors: Vendors) -> None:
    made = (await client.post(URL, json=body(vendors))).json()
    vendors.queue("own", says("Siap membantu."), sample("openai_error_401"), says("Kembali."))
    tested = (await client.post(f"{URL}/{made['id']}/test")).json()
    assert (tested["ok"], tested["text"], tested["tokens"]) == (True, "Siap membantu.", 19)
    assert vendors.last("own").key == KEY
    refused = (await client.post(f"{URL}/{made['id']}/test")).json()
    assert (refused["ok"], refused["error"]) == (False, "key")
    assert (await client.get(f"{URL}/{made['id']}")).json()["state"] == "disabled"
    assert (await client.post(f"{URL}/{made['id']}/test")).json()["ok"]
    found = (await client.get(f"{URL}/{made['id']}")).json()
    assert (found["state"], found["used_today"]) == ("active", 2), "what passes a test is trusted again"
    assert [row.feature for row in await booked(signed.tenant_id)] == ["test"] * 3


async def test_a_changed_address_needs_the_key_again(client: httpx.AsyncClient, vendors: Vendors) -> None:
    made = (await client.post(URL, json=body(vendors))).json()
    moved = {"base_url": vendors.openai("thief")}
    refused = await client.patch(f"{URL}/{made['id']}", json=moved)
    assert refused.status_code == 422
    assert [one["code"] for one in refused.json()["errors"]] == ["ai_key_again"]
    assert (await client.patch(f"{URL}/{made['id']}", json=moved | {"api_key": "sk-another-key-0000000001"})).status_code == 200
    assert (await client.patch(f"{URL}/{made['id']}", json={"daily_limit": 5, "name": "Baru"})).json()["daily_limit"] == 5
    cleared = (await client.patch(f"{URL}/{made['id']}", json={"daily_limit": None})).json()
    assert (cleared["daily_limit"], cleared["name"]) == (None, "Baru")


async def test_a_new_key_makes_a_new_client(client: httpx.AsyncClient, signed: Signed, vendors: Vendors) -> None:
    made = (await client.post(URL, json=body(vendors))).json()
    await gateway.chat(signed.tenant_id, ask())
    assert (await client.patch(f"{URL}/{made['id']}", json={"api_key": "sk-rotated-0000000000001"})).status_code == 200
    await gateway.chat(signed.tenant_id, ask())
    assert vendors.last("own").key == "sk-rotated-0000000000001"


@pytest.mark.parametrize(
    ("base_url", "code"),
    [("https://127.0.0.1/v1", "ai_address_private"), ("https://localhost/v1", "ai_address_private"),
     ("http://api.example.test/v1", "ai_address_invalid"), ("https://user:pw@127.0.0.1/v1", "ai_address_invalid"),
     ("ftp://x", "ai_address_invalid"), ("https://[::1]/v1", "ai_address_private")],
)  # fmt: skip
async def test_tenants_addresses_stay_outside_of_our_network(
    client: httpx.AsyncClient, vendors: Vendors, base_url: str, code: str
) -> None:
    with environment(SAPA_AI_PRIVATE_ADDRESSES="false"):
        answer = await client.post(URL, json=body(vendors, base_url=base_url))
    assert answer.status_code == 422
    assert [one["code"] for one in answer.json()["errors"]] == [code]


async def test_a_name_that_changes_its_mind_gains_nothing(signed: Signed, vendors: Vendors) -> None:
    own = await add_provider(signed.tenant_id, vendors.openai("own"))
    with environment(SAPA_AI_PRIVATE_ADDRESSES="false"):
        with pytest.raises(PermissionError):
            await public_address("localhost", 443)
        with pytest.raises(Exception, match="ai_unavailable"):
            await gateway.chat(signed.tenant_id, ask())
    assert vendors.count("own") == 0
    assert (await provider_row(own)).last_error == "upstream unreachable"


async def test_others_find_nothing(client: httpx.AsyncClient, other: Signed, vendors: Vendors) -> None:
    foreign = await add_provider(other.tenant_id, vendors.openai("x"))
    platform = await add_provider(None, vendors.openai("x"))
    for one in (foreign, platform):
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/models")):
            answer = await client.request(method, f"{URL}/{one}{path}", json={} if method == "PATCH" else None)
            assert answer.status_code == 404, (method, path)
    assert (await client.post(f"{URL}/order", json={"ids": [str(platform)]})).status_code == 404
    assert vendors.count("x") == 0


async def test_roles_decide(api: FastAPI, vendors: Vendors) -> None:
    reader = await make_signed_tenant(verbs=frozenset({Verb.AI_PROVIDERS_READ}))
    async with client_for(api, reader) as client:
        assert (await client.get(URL)).status_code == 200
        assert (await client.post(URL, json=body(vendors))).status_code == 403
        assert (await client.patch("/api/v1/ai-settings", json={})).status_code == 403
    nobody = await make_signed_tenant(verbs=ALL_VERBS - {Verb.AI_PROVIDERS_READ, Verb.AI_PROVIDERS_WRITE})
    async with client_for(api, nobody) as client:
        for path in (URL, "/api/v1/ai-settings", "/api/v1/ai-usage"):
            assert (await client.get(path)).status_code == 403


async def test_tenants_see_the_platforms_rows_but_never_its_keys(
    database: Database, client: httpx.AsyncClient, signed: Signed, vendors: Vendors
) -> None:
    await add_provider(None, vendors.openai("p"), name="Platform", key=KEY)
    shown = await client.get(f"{URL}/choosable")
    assert {one["name"] for one in shown.json()} == {"Platform", "Sapa"}
    assert set(shown.json()[0]) == {"id", "name", "kind", "model", "is_own"}
    connection = await asyncpg.connect(database.app)
    try:
        await connection.execute("SELECT set_config('app.tenant_id', $1, false)", str(signed.tenant_id))
        assert await connection.fetchval("SELECT count(*) FROM ai_providers WHERE tenant_id IS NULL") == 2
        assert await connection.fetchval("SELECT count(*) FROM ai_provider_keys") == 0
        assert await connection.execute("UPDATE ai_providers SET base_url = 'x' WHERE tenant_id IS NULL") == "UPDATE 0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("INSERT INTO ai_providers (name, kind) VALUES ('x', 'quote')")
    finally:
        await connection.close()


async def test_a_package_limits_how_many(api: FastAPI, vendors: Vendors) -> None:
    tight = await make_signed_tenant()
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("INSERT INTO packages (key, name, limits) VALUES ('ai_one', 'One', '{\"ai_providers\": 1}') "
                                       "ON CONFLICT (key) DO NOTHING"))
        await uow.session.execute(text("UPDATE tenants SET package_key = 'ai_one' WHERE id = :t"), {"t": tight.tenant_id})
    async with client_for(api, tight) as client:
        first = await client.post(URL, json=body(vendors))
        second = await client.post(URL, json=body(vendors))
        assert (first.status_code, second.status_code) == (201, 429)
        assert second.json()["code"] == "ai_providers_limit_reached"
        assert (await client.delete(f"{URL}/{first.json()['id']}")).status_code == 204
        assert (await client.post(URL, json=body(vendors))).status_code == 201


async def test_models_and_order(client: httpx.AsyncClient, vendors: Vendors) -> None:
    first = (await client.post(URL, json=body(vendors, name="A"))).json()
    second = (await client.post(URL, json=body(vendors, name="B"))).json()
    assert (await client.get(f"{URL}/{first['id']}/models")).json() == {"items": ["model-a", "model-b"]}
    vendors.queue("own", refusal(404))
    refused = await client.get(f"{URL}/{first['id']}/models")
    assert (refused.status_code, refused.json()["code"]) == (503, "ai_models_unavailable")
    assert (await client.post(f"{URL}/order", json={"ids": [second["id"], first["id"]]})).status_code == 204
    assert [one["name"] for one in (await client.get(URL)).json()["items"]] == ["B", "A"]


async def test_budget_and_usage(client: httpx.AsyncClient, signed: Signed, vendors: Vendors) -> None:
    one = await add_provider(None, vendors.openai("p"), name="P", priority=1)
    await add_provider(None, vendors.openai("q"), name="Q", priority=2)
    set_ = await client.patch("/api/v1/ai-settings", json={"daily_requests": 3, "rotation": "random"})
    assert set_.status_code == 200
    vendors.queue("p", says("ya"), refusal(429, headers={"retry-after": "30"}))
    for _ in range(3):
        await gateway.chat(signed.tenant_id, ask())
    with pytest.raises(Exception, match="ai_budget_reached"):
        await gateway.chat(signed.tenant_id, ask())
    settings = (await client.get("/api/v1/ai-settings")).json()
    meter = next(one for one in settings["budget"] if one["key"] == "daily_requests")
    assert (meter["used"], meter["limit"], settings["rotation"]) == (3, 3, "random")
    usage = (await client.get("/api/v1/ai-usage")).json()
    assert (usage["answered_today"], usage["failed_today"], usage["unanswered_today"]) == (3, 1, 0)
    assert sum(bar["answered"] for bar in usage["bars"]) == 3
    failed = next(call for call in usage["calls"] if call["outcome"] == "throttle")
    assert (failed["provider_name"], failed["took_over"]) == ("P", "Q")
    assert "Halo" not in str(usage)
    assert (await client.patch("/api/v1/ai-settings", json={"daily_requests": None})).status_code == 200
    assert (await gateway.chat(signed.tenant_id, ask())).provider_name == "Q"
    assert (await provider_row(one)).cool_reason == "throttle"


async def test_the_platforms_side(boss: httpx.AsyncClient, client: httpx.AsyncClient, signed: Signed, vendors: Vendors) -> None:
    assert (await client.get(ADMIN)).status_code == 403
    made = await boss.post(ADMIN, json=body(vendors, name="Gemini", kind="gemini", base_url=vendors.url("g"), model="gemini-2.5-flash"))
    assert made.status_code == 201
    provider_id = made.json()["id"]
    vendors.queue("g", says("Halo!"))
    tested = (await boss.post(f"{ADMIN}/{provider_id}/test")).json()
    assert (tested["ok"], tested["text"], tested["cost_micros"] > 0) == (True, "Halo!", True)
    assert (await boss.get(f"{ADMIN}/{provider_id}/models")).json()["items"] == ["gemini-2.5-flash", "gemini-2.5-pro"]
    assert (await boss.patch("/api/v1/admin/ai-rotation", json={"rotation": "round_robin"})).status_code == 200
    vendors.queue("g", sample("gemini_error_503"), sample("gemini_error_503"))
    assert (await gateway.chat(signed.tenant_id, ask())).kind == "quote"
    items = (await boss.get(ADMIN)).json()["items"]
    assert [(one["name"], one["state"]) for one in items] == [("Gemini", "open"), ("Sapa", "always")]
    usage = (await boss.get("/api/v1/admin/ai-usage")).json()
    assert (usage["calls"][0]["outcome"], usage["calls"][0]["took_over"]) == ("upstream", "Sapa")
    quote = items[1]["id"]
    assert (await boss.delete(f"{ADMIN}/{quote}")).status_code == 422
    assert (await boss.patch(f"{ADMIN}/{quote}", json={"is_active": False})).json()["state"] == "off"
    assert (await boss.patch(f"{ADMIN}/{quote}", json={"is_active": True})).json()["state"] == "always"
    assert (await boss.delete(f"{ADMIN}/{provider_id}")).status_code == 204


async def test_old_calls_are_forgotten_and_their_sums_kept(signed: Signed, vendors: Vendors) -> None:
    await gateway.chat(signed.tenant_id, ask())
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE ai_usage SET id = overlay(id::text PLACING '018f' FROM 1 FOR 4)::uuid WHERE tenant_id = :t"),
                                  {"t": signed.tenant_id})
        await ai_usage.tidy(uow)
    assert await booked(signed.tenant_id) == []
    async with system_unit_of_work() as uow:
        kept = await uow.session.execute(text("SELECT answered FROM ai_usage_hours WHERE tenant_id = :t"), {"t": signed.tenant_id})
        assert kept.scalars().all() == [1]
