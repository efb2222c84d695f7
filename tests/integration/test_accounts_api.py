"""Signing up, in and out over HTTP, as programs and as our own pages."""

from unittest.mock import patch

import bcrypt
import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy import text

from tests.fixtures.api import BASE, Signed, client_for, make_signed_tenant
from wa_app.config import Settings
from wa_app.db import redis_client, system_unit_of_work
from wa_app.kit.ids import new_id
from wa_app.mail.registry import outbox
from wa_app.services import mails

PASSWORD = "kopi susu tetangga"
NEW = "teh hangat pagi hari"
PAGE = {"X-Sapa-Session": "cookie", "Origin": BASE}
AUTH = "/api/v1/auth"


@pytest.fixture(autouse=True)
async def fresh_rates(settings: Settings) -> None:
    """Each test starts with unspent limits."""
    async for key in redis_client().scan_iter("*rate*"):
        await redis_client().delete(key)


def fresh_email() -> str:
    return f"{new_id().hex}@example.com"


async def signed_up(http: httpx.AsyncClient, email: str = "", **more: str) -> dict:
    body = {"email": email or fresh_email(), "password": PASSWORD, "name": "Ratna", "business_name": "Batik Sekar"}
    answer = await http.post(f"{AUTH}/signup", json=body | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def bearer(pair: dict) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['access_token']}"}


async def test_signs_up_and_gets_a_business_with_five_roles(stranger: httpx.AsyncClient) -> None:
    email = fresh_email()
    pair = await signed_up(stranger, email.upper())
    assert pair["user"]["email"] == email
    assert pair["expires_in"] == 900
    me = (await stranger.get(f"{AUTH}/me", headers=bearer(pair))).json()
    assert me["role"] == "owner"
    assert me["tenant"]["timezone"] == "Asia/Jakarta"
    assert me["subscription"] == {"package": "unlimited", "status": "active"}
    async with system_unit_of_work() as uow:
        keys = await uow.session.scalars(
            text("SELECT key FROM roles WHERE tenant_id = :t"), {"t": pair["tenant"]["id"]}
        )
        assert set(keys) == {"owner", "admin", "marketer", "sales", "agent"}
        seen = await uow.session.scalars(
            text("SELECT verb FROM audit_log WHERE tenant_id = :t"), {"t": pair["tenant"]["id"]}
        )
        assert set(seen) == {"account.sign_up", "session.start"}


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"email": "ratna"}, "email", "email_invalid"),
        ({"password": "pendek"}, "password", "password_too_short"),
        ({"password": "Password12345!"}, "password", "password_too_common"),
        ({"name": "  "}, "name", "value_missing"),
        ({"business_name": ""}, "business_name", "value_missing"),
    ],
)
async def test_sign_up_names_the_field(stranger: httpx.AsyncClient, change: dict, field: str, code: str) -> None:
    body = {"email": fresh_email(), "password": PASSWORD, "name": "Ratna", "business_name": "Batik"} | change
    answer = await stranger.post(f"{AUTH}/signup", json=body)
    assert answer.status_code == 422
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(field, code)]


async def test_one_address_has_one_account(stranger: httpx.AsyncClient) -> None:
    email = fresh_email()
    await signed_up(stranger, email)
    body = {"email": email.upper(), "password": PASSWORD, "name": "X", "business_name": "Y"}
    answer = await stranger.post(f"{AUTH}/signup", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


async def test_wrong_password_and_unknown_account_are_alike(stranger: httpx.AsyncClient) -> None:
    email = fresh_email()
    await signed_up(stranger, email)
    answers = []
    for who in (email, fresh_email()):
        with patch("bcrypt.checkpw", side_effect=bcrypt.checkpw) as checked:
            answers.append(await stranger.post(f"{AUTH}/login", json={"email": who, "password": "salah sekali"}))
        assert checked.call_count == 1
    assert {a.status_code for a in answers} == {401}
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["code"] == "credentials_wrong"


async def test_sixth_try_at_an_account_waits(stranger: httpx.AsyncClient) -> None:
    email = fresh_email()
    tries = [await stranger.post(f"{AUTH}/login", json={"email": email, "password": "x"}) for _ in range(6)]
    assert [t.status_code for t in tries] == [401] * 5 + [429]
    assert 1 <= int(tries[-1].headers["retry-after"]) <= 60
    assert str(tries[-1].json()["args"]["seconds"]) in tries[-1].json()["detail"]


async def test_right_password_gives_the_tries_back(stranger: httpx.AsyncClient) -> None:
    email = fresh_email()
    await signed_up(stranger, email)
    for _ in range(7):
        answer = await stranger.post(f"{AUTH}/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200


async def test_refresh_turns_and_a_copied_token_ends_the_sign_in(stranger: httpx.AsyncClient) -> None:
    first = await signed_up(stranger)
    second = (await stranger.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert (await stranger.get(f"{AUTH}/me", headers=bearer(second))).status_code == 200
    copied = await stranger.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})
    assert copied.status_code == 401
    for pair in (first, second):
        assert (await stranger.get(f"{AUTH}/me", headers=bearer(pair))).status_code == 401
    again = await stranger.post(f"{AUTH}/refresh", json={"refresh_token": second["refresh_token"]})
    assert again.status_code == 401


async def test_tokens_are_not_taken_for_each_other(stranger: httpx.AsyncClient) -> None:
    pair = await signed_up(stranger)
    as_access = await stranger.get(f"{AUTH}/me", headers={"Authorization": f"Bearer {pair['refresh_token']}"})
    as_refresh = await stranger.post(f"{AUTH}/refresh", json={"refresh_token": pair["access_token"]})
    assert (as_access.status_code, as_refresh.status_code) == (401, 401)


async def test_log_out_ends_one_and_everywhere_ends_all(stranger: httpx.AsyncClient) -> None:
    email = fresh_email()
    one = await signed_up(stranger, email)
    two = (await stranger.post(f"{AUTH}/login", json={"email": email, "password": PASSWORD})).json()
    assert (await stranger.post(f"{AUTH}/logout", headers=bearer(one))).status_code == 204
    assert (await stranger.get(f"{AUTH}/me", headers=bearer(one))).status_code == 401
    assert (await stranger.get(f"{AUTH}/me", headers=bearer(two))).status_code == 200
    three = (await stranger.post(f"{AUTH}/login", json={"email": email, "password": PASSWORD})).json()
    assert (await stranger.post(f"{AUTH}/logout-everywhere", headers=bearer(three))).status_code == 204
    for pair in (two, three):
        assert (await stranger.get(f"{AUTH}/me", headers=bearer(pair))).status_code == 401


async def test_pages_get_a_cookie_that_scripts_cannot_read_and_no_tokens(api: FastAPI) -> None:
    async with client_for(api) as browser:
        body = {"email": fresh_email(), "password": PASSWORD, "name": "Ratna", "business_name": "Batik"}
        answer = await browser.post(f"{AUTH}/signup", json=body, headers=PAGE)
        assert answer.status_code == 201
        assert "access_token" not in answer.json()
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "; secure" not in cookie
        assert (await browser.get(f"{AUTH}/me")).status_code == 200
        assert (await browser.post(f"{AUTH}/logout", headers={"Origin": BASE})).status_code == 204
        assert (await browser.get(f"{AUTH}/me")).status_code == 401


async def test_cookie_is_secure_behind_https(api: FastAPI) -> None:
    async with client_for(api) as browser:
        body = {"email": fresh_email(), "password": PASSWORD, "name": "Ratna", "business_name": "Batik"}
        answer = await browser.post(f"{AUTH}/signup", json=body, headers=PAGE | {"Origin": "https://sapa.test"})
        assert "; secure" in answer.headers["set-cookie"].lower()


async def test_other_sites_cannot_sign_a_browser_in(stranger: httpx.AsyncClient) -> None:
    foreign = PAGE | {"Origin": "https://evil.example"}
    answer = await stranger.post(f"{AUTH}/login", json={"email": "a@b.co", "password": "x"}, headers=foreign)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")


async def test_switches_between_own_businesses_only(stranger: httpx.AsyncClient, other: Signed) -> None:
    pair = await signed_up(stranger)
    second = await make_signed_tenant("Cabang")
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("INSERT INTO memberships (tenant_id, user_id, role_id) SELECT :t, :u, id FROM roles WHERE tenant_id = :t"),
            {"t": second.tenant_id, "u": pair["user"]["id"]},
        )
    refused = await stranger.post(f"{AUTH}/switch", json={"tenant_id": str(other.tenant_id)}, headers=bearer(pair))
    assert refused.status_code == 404
    moved = await stranger.post(f"{AUTH}/switch", json={"tenant_id": str(second.tenant_id)}, headers=bearer(pair))
    assert moved.json()["tenant"]["name"] == "Cabang"
    assert (await stranger.get(f"{AUTH}/me", headers=bearer(pair))).status_code == 401
    me = (await stranger.get(f"{AUTH}/me", headers=bearer(moved.json()))).json()
    assert me["tenant"]["id"] == str(second.tenant_id)
    email = pair["user"]["email"]
    login = {"email": email, "password": PASSWORD}
    again = await stranger.post(f"{AUTH}/login", json=login)
    assert again.json()["tenant"]["id"] == str(second.tenant_id), "the business used last"
    wrong = await stranger.post(f"{AUTH}/login", json=login | {"tenant_id": str(other.tenant_id)})
    assert wrong.json()["code"] == "credentials_wrong"


async def reset_ids(email: str) -> list:
    async with system_unit_of_work() as uow:
        rows = await uow.session.scalars(
            text("SELECT r.id FROM password_resets r LEFT JOIN users u ON u.id = r.user_id WHERE u.email = :e ORDER BY r.id"),
            {"e": email},
        )
        return list(rows)


async def test_mailed_token_sets_a_password_once(stranger: httpx.AsyncClient) -> None:
    email = fresh_email()
    before = await signed_up(stranger, email, language="en")
    answers = [await stranger.post(f"{AUTH}/forgot-password", json={"email": who}) for who in (email, fresh_email())]
    assert [a.status_code for a in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    [wish] = await reset_ids(email)
    assert await mails.send(outbox(), "password_reset", wish)
    mail = outbox().newest(1)[0]
    assert mail.to == email
    assert "30 minutes" in mail.text
    token = mail.text.split("token=")[1].split()[0]
    weak = await stranger.post(f"{AUTH}/reset-password", json={"token": token, "password": "1234567890"})
    assert weak.json()["errors"][0]["code"] == "password_too_common"
    done = await stranger.post(f"{AUTH}/reset-password", json={"token": token, "password": NEW})
    assert done.status_code == 204
    twice = await stranger.post(f"{AUTH}/reset-password", json={"token": token, "password": PASSWORD})
    assert twice.json()["errors"][0]["code"] == "token_spent"
    assert (await stranger.get(f"{AUTH}/me", headers=bearer(before))).status_code == 401
    assert (await stranger.post(f"{AUTH}/login", json={"email": email, "password": PASSWORD})).status_code == 401
    assert (await stranger.post(f"{AUTH}/login", json={"email": email, "password": NEW})).status_code == 200


async def test_old_token_is_refused(stranger: httpx.AsyncClient) -> None:
    email = fresh_email()
    await signed_up(stranger, email)
    await stranger.post(f"{AUTH}/forgot-password", json={"email": email})
    [wish] = await reset_ids(email)
    await mails.send(outbox(), "password_reset", wish)
    token = outbox().newest(1)[0].text.split("token=")[1].split()[0]
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE password_resets SET expires_at = now() - interval '1 second' WHERE id = :id"), {"id": wish}
        )
    answer = await stranger.post(f"{AUTH}/reset-password", json={"token": token, "password": NEW})
    assert answer.json()["errors"][0]["code"] == "token_spent"


async def test_change_of_password_ends_other_sign_ins(stranger: httpx.AsyncClient) -> None:
    email = fresh_email()
    here = await signed_up(stranger, email)
    there = (await stranger.post(f"{AUTH}/login", json={"email": email, "password": PASSWORD})).json()
    body = {"old_password": "bukan ini juga", "new_password": NEW}
    wrong = await stranger.post(f"{AUTH}/change-password", json=body, headers=bearer(here))
    assert wrong.json()["errors"][0] | {"message": ""} == {
        "field": "old_password", "code": "password_wrong", "args": {}, "message": ""
    }  # fmt: skip
    done = await stranger.post(
        f"{AUTH}/change-password", json=body | {"old_password": PASSWORD}, headers=bearer(here)
    )
    assert done.status_code == 204
    assert (await stranger.get(f"{AUTH}/me", headers=bearer(here))).status_code == 200
    assert (await stranger.get(f"{AUTH}/me", headers=bearer(there))).status_code == 401


async def test_changes_own_name_and_language(stranger: httpx.AsyncClient) -> None:
    pair = await signed_up(stranger)
    answer = await stranger.patch(f"{AUTH}/me", json={"name": " Ratna  W ", "language": "en"}, headers=bearer(pair))
    assert (answer.json()["user"]["name"], answer.json()["user"]["language"]) == ("Ratna W", "en")
    wrong = await stranger.patch(f"{AUTH}/me", json={"language": "fr"}, headers=bearer(pair))
    assert wrong.json()["errors"][0]["code"] == "language_unknown"


async def test_api_key_works_within_its_scopes_until_revoked(stranger: httpx.AsyncClient, other: Signed, api: FastAPI) -> None:
    pair = await signed_up(stranger)
    made = await stranger.post(
        "/api/v1/api-keys", json={"name": "Toko", "scopes": ["contacts.read"]}, headers=bearer(pair)
    )
    assert made.status_code == 201
    key = made.json()["key"]
    assert key.startswith("sapa_live_")
    by_key = {"X-Api-Key": key}
    assert (await stranger.get("/api/v1/contacts", headers=by_key)).status_code == 200
    assert (await stranger.post("/api/v1/contacts", json={"phone": "081200001111"}, headers=by_key)).status_code == 403
    assert (await stranger.get(f"{AUTH}/me", headers=by_key)).json()["user"] is None
    listed = (await stranger.get("/api/v1/api-keys", headers=bearer(pair))).json()["items"]
    assert [(one["name"], one["masked"]) for one in listed] == [("Toko", key[:14] + "…")]
    assert key not in (await stranger.get("/api/v1/api-keys", headers=bearer(pair))).text
    async with client_for(api, other) as theirs:
        assert (await theirs.delete(f"/api/v1/api-keys/{made.json()['id']}")).status_code == 404
    assert (await stranger.get("/api/v1/contacts", headers=by_key)).status_code == 200
    assert (
        await stranger.delete(f"/api/v1/api-keys/{made.json()['id']}", headers=bearer(pair))
    ).status_code == 204
    assert (await stranger.get("/api/v1/contacts", headers=by_key)).status_code == 401


async def test_nobody_gives_a_key_more_than_they_have(api: FastAPI) -> None:
    narrow = await make_signed_tenant(verbs=frozenset({"settings.write", "contacts.read"}))
    async with client_for(api, narrow) as client:
        answer = await client.post("/api/v1/api-keys", json={"name": "K", "scopes": ["contacts.delete"]})
        assert answer.json()["errors"][0]["code"] == "scope_not_yours"
        whole = await client.post("/api/v1/api-keys", json={"name": "K"})
        assert whole.json()["scopes"] == ["contacts.read", "settings.write"]


async def test_outbox_is_shown_in_development_only(stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await stranger.get("/dev/outbox")).status_code == 200
    assert "items" in (await stranger.get("/dev/outbox?format=json")).json()
    monkeypatch.setattr(Settings, "is_dev", False)
    assert (await stranger.get("/dev/outbox")).status_code == 404


async def test_signs_in_while_redis_is_away(stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The brake is off, the business goes on: bcrypt's cost still stands behind it."""
    email = fresh_email()
    await signed_up(stranger, email)
    monkeypatch.setattr("wa_app.rates.redis_client", lambda: Redis.from_url("redis://127.0.0.1:1/0"))
    answer = await stranger.post(f"{AUTH}/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200
