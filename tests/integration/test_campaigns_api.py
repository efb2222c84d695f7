"""`/api/v1/campaigns`, messages and blacklist as a program meets them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.fixtures.api import Signed, client_for
from tests.fixtures.audience import _CONTACTS, add_device
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.kit.ids import new_id
from wa_app.sending import planning
from wa_app.services import campaigns

V1 = "/api/v1"


@pytest.fixture
async def shop(signed: Signed) -> Signed:
    """A tenant with 20 contacts and one connected device."""
    async with system_unit_of_work() as uow:
        await uow.session.execute(_CONTACTS, {"tenant": signed.tenant_id, "count": 20, "base": 0})
        await add_device(uow, signed.tenant_id, "Toko")
    return signed


@pytest.fixture
async def http(api: FastAPI, shop: Signed) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(api, shop) as made:
        yield made


async def draft(http: httpx.AsyncClient, **fields: object) -> dict[str, object]:
    body = {"name": "Promo", "message_template": "{Halo|Hai} {{name}}", "target": {"all": True}, **fields}
    answer = await http.post(f"{V1}/campaigns", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def codes(answer: httpx.Response) -> set[str]:
    return {entry["code"] for entry in answer.json()["errors"]}


async def test_a_draft_becomes_a_running_campaign_and_its_stats_add_up(http: httpx.AsyncClient, shop: Signed) -> None:
    made = await draft(http)
    assert (made["status"], made["target"]) == ("DRAFT", {
        "tags": [], "exclude_tags": [], "segment_id": None, "exclude_segment_ids": [], "filter": None,
        "all": True, "frozen": False,
    })  # fmt: skip
    begun = await http.post(f"{V1}/campaigns/{made['id']}/start")
    assert (begun.status_code, begun.json()["status"]) == (202, "PENDING")
    assert (await http.post(f"{V1}/campaigns/{made['id']}/start")).status_code == 409
    await planning.plan(shop.tenant_id, UUID(str(made["id"])))
    stats = (await http.get(f"{V1}/campaigns/{made['id']}/stats")).json()
    assert (stats["status"], stats["planned"], stats["total"]) == ("PROCESSING", 20, 20)
    assert {"rate_per_minute", "eta", "replied", "opted_out", "played", "held"} <= stats.keys()
    paused = await http.post(f"{V1}/campaigns/{made['id']}/pause")
    assert paused.json()["status"] == "PAUSED"
    assert (await http.post(f"{V1}/campaigns/{made['id']}/resume")).json()["status"] == "PROCESSING"
    assert (await http.post(f"{V1}/campaigns/{made['id']}/cancel")).json()["status"] == "CANCELLED"
    stats = (await http.get(f"{V1}/campaigns/{made['id']}/stats")).json()
    assert (stats["cancelled"], stats["planned"], stats["total"]) == (20, 0, 20)


async def test_the_log_pages_filters_finds_and_exports(http: httpx.AsyncClient, shop: Signed) -> None:
    made = await draft(http)
    await http.post(f"{V1}/campaigns/{made['id']}/start")
    await planning.plan(shop.tenant_id, UUID(str(made["id"])))
    first = (await http.get(f"{V1}/campaigns/{made['id']}/logs", params={"limit": 15})).json()
    rest = (await http.get(f"{V1}/campaigns/{made['id']}/logs", params={"cursor": first["next_cursor"]})).json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (15, 5, None)
    assert {"id", "contact_id", "phone", "device_id", "status", "message", "error_code", "sent_at"} <= first["items"][0].keys()
    assert len({row["id"] for row in first["items"] + rest["items"]}) == 20
    found = (await http.get(f"{V1}/campaigns/{made['id']}/logs", params={"q": "0812-0000-0007"})).json()
    assert [row["phone"] for row in found["items"]] == ["+6281200000007"]
    none = (await http.get(f"{V1}/campaigns/{made['id']}/logs", params={"status": "failed"})).json()
    assert none["items"] == []
    csv = await http.get(f"{V1}/campaigns/{made['id']}/export")
    lines = csv.content.decode("utf-8-sig").splitlines()
    assert csv.headers["content-type"].startswith("text/csv")
    assert (len(lines), lines[0].split(",")[:3]) == (21, ["name", "phone", "status"])
    assert "'+62812" in lines[1]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"message_template": "{Halo|Hai {{name}}"}, "spintax_unclosed"),
        ({"message_template": "Halo {{tidak_ada}}"}, "variable_unknown"),
        ({"message_template": "  "}, "message_missing"),
        ({"target": {}}, "target_missing"),
    ],
)
async def test_start_says_what_is_missing(http: httpx.AsyncClient, fields: dict[str, object], code: str) -> None:
    made = await draft(http, **fields)
    answer = await http.post(f"{V1}/campaigns/{made['id']}/start")
    assert (answer.status_code, answer.json()["code"]) == (422, "campaign_not_ready")
    assert code in codes(answer)
    checks = (await http.get(f"{V1}/campaigns/{made['id']}/preflight")).json()["checks"]
    assert code in {check["code"] for check in checks if check["level"] == "error"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": " "}, "campaign_name_missing"),
        ({"delay_min_s": 9, "delay_max_s": 3}, "delay_max_below_min"),
        ({"delay_min_s": -1}, "delay_out_of_range"),
        ({"target": {"tags": ["tidak ada"]}}, "tag_unknown"),
        ({"target": {"segment_id": str(new_id())}}, "segment_unknown"),
        ({"device_ids": [str(new_id())]}, "device_not_found"),
        ({"file_id": str(new_id())}, "file_not_found"),
        ({"scheduled_at": "2020-01-01T00:00:00Z"}, "schedule_in_past"),
    ],
)
async def test_a_draft_refuses_fields_without_sense(http: httpx.AsyncClient, fields: dict[str, object], code: str) -> None:
    answer = await http.post(f"{V1}/campaigns", json={"name": "Promo", **fields})
    assert answer.status_code == 422, answer.text
    assert code in codes(answer)


async def test_a_schedule_waits_and_a_past_one_is_refused(http: httpx.AsyncClient) -> None:
    made = await draft(http)
    late = await http.post(f"{V1}/campaigns/{made['id']}/schedule", json={"scheduled_at": "2020-01-01T00:00:00Z"})
    assert (late.status_code, late.json()["code"]) == (422, "schedule_in_past")
    when = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
    set_ = await http.post(f"{V1}/campaigns/{made['id']}/schedule", json={"scheduled_at": when.isoformat()})
    assert (set_.status_code, set_.json()["status"]) == (202, "PENDING")
    assert datetime.fromisoformat(set_.json()["scheduled_at"]) == when
    back = await http.patch(f"{V1}/campaigns/{made['id']}", json={"scheduled_at": None})
    assert back.json()["status"] == "DRAFT"


async def test_a_time_without_a_zone_is_the_tenants_own(http: httpx.AsyncClient) -> None:
    made = await draft(http)
    set_ = await http.post(f"{V1}/campaigns/{made['id']}/schedule", json={"scheduled_at": "2099-11-30T09:00:00"})
    assert set_.json()["scheduled_at"] == "2099-11-30T02:00:00Z"


async def test_duplicate_list_and_delete(http: httpx.AsyncClient) -> None:
    made = await draft(http, name="Promo Gajian")
    copy = (await http.post(f"{V1}/campaigns/{made['id']}/duplicate")).json()
    assert (copy["name"], copy["status"]) == ("Promo Gajian (2)", "DRAFT")
    listed = (await http.get(f"{V1}/campaigns", params={"q": "gajian", "status": "DRAFT"})).json()
    assert ([one["id"] for one in listed["items"]], listed["total"]) == ([copy["id"], made["id"]], 2)
    assert (await http.delete(f"{V1}/campaigns/{copy['id']}")).status_code == 204
    assert (await http.get(f"{V1}/campaigns/{copy['id']}")).status_code == 404


async def test_chats_still_name_the_campaign_that_was_deleted(http: httpx.AsyncClient, shop: Signed) -> None:
    made = await draft(http, name="Promo Lama")
    assert (await http.delete(f"{V1}/campaigns/{made['id']}")).status_code == 204
    key = UUID(str(made["id"]))
    async with unit_of_work(shop.principal) as uow:
        assert await campaigns.names(uow, [key, new_id()]) == {key: "Promo Lama"}


async def test_failed_and_unknown_rows_go_out_again_only_as_asked(http: httpx.AsyncClient, shop: Signed) -> None:
    made = await draft(http)
    campaign = UUID(str(made["id"]))
    await http.post(f"{V1}/campaigns/{campaign}/start")
    await planning.plan(shop.tenant_id, campaign)
    await _move(shop.tenant_id, campaign, "failed", 3)
    await _move(shop.tenant_id, campaign, "unknown", 2)
    assert (await http.post(f"{V1}/campaigns/{campaign}/retry")).json() == {"moved": 3}
    stats = (await http.get(f"{V1}/campaigns/{campaign}/stats")).json()
    assert (stats["planned"], stats["unknown"], stats["failed"], stats["total"]) == (18, 2, 0, 20)
    assert (await http.post(f"{V1}/campaigns/{campaign}/retry")).json()["code"] == "nothing_to_retry"
    unknown = (await http.get(f"{V1}/campaigns/{campaign}/logs", params={"status": "unknown"})).json()["items"]
    one = {"decision": "sent", "message_ids": [unknown[0]["id"]]}
    assert (await http.post(f"{V1}/campaigns/{campaign}/resolve", json=one)).json() == {"moved": 1}
    assert (await http.post(f"{V1}/campaigns/{campaign}/resolve", json={"decision": "retry"})).json() == {"moved": 1}
    stats = (await http.get(f"{V1}/campaigns/{campaign}/stats")).json()
    assert (stats["planned"], stats["unknown"], stats["sent"], stats["total"]) == (19, 0, 1, 20)


async def _move(tenant_id: UUID, campaign_id: UUID, state: str, n: int) -> None:
    """Rows as a lane leaves them, booked."""
    async with system_unit_of_work() as uow:
        await uow.session.execute(text(
            "WITH m AS (UPDATE outbound_messages SET state = :state WHERE id IN (SELECT id FROM outbound_messages "
            "WHERE campaign_id = :c AND state = 'planned' ORDER BY id LIMIT :n) RETURNING 1) "
            "INSERT INTO campaign_counters AS k (tenant_id, campaign_id, device_id, state, n) "
            "SELECT :t, :c, '00000000-0000-0000-0000-000000000000', s, d FROM (VALUES ('planned', -CAST(:m AS int)), (:s2, CAST(:m AS int))) v(s, d) "
            "ON CONFLICT (tenant_id, campaign_id, device_id, state) DO UPDATE SET n = k.n + excluded.n"
        ), {"state": state, "s2": state, "c": campaign_id, "t": tenant_id, "n": n, "m": n})  # fmt: skip


async def test_blacklist_stops_every_alias_and_shows_none(http: httpx.AsyncClient, shop: Signed) -> None:
    added = await http.post(f"{V1}/blacklist", json={"phone": "0812-0000-0004", "reason": "UNSUBSCRIBE"})
    assert added.status_code == 201, added.text
    assert "81200000004" not in added.text
    assert (added.json()["scope"], added.json()["kind"]) == ("marketing", "phone")
    again = await http.post(f"{V1}/blacklist", json={"phone": "+6281200000004", "reason": "MANUAL", "scope": "all"})
    assert (again.json()["id"], again.json()["scope"]) == (added.json()["id"], "all")
    refused = await http.post(f"{V1}/messages", json={"phone": "+6281200000004", "text": "Halo"})
    assert refused.json()["code"] == "recipient_suppressed"
    listed = (await http.get(f"{V1}/blacklist", params={"q": "081200000004"})).json()
    assert len(listed["items"]) >= 1
    assert (await http.delete(f"{V1}/blacklist/+6281200000004")).status_code == 204
    assert (await http.delete(f"{V1}/blacklist/+6281200000004")).status_code == 404
    for wrong in ({"reason": "MANUAL"}, {"phone": "123", "reason": "MANUAL"}):
        assert (await http.post(f"{V1}/blacklist", json=wrong)).status_code == 422


async def test_a_program_sends_once_per_key(http: httpx.AsyncClient) -> None:
    body = {"phone": "0812-0000-0009", "text": "Kode Anda 1234"}
    first = await http.post(f"{V1}/messages", json=body, headers={"Idempotency-Key": "k1"})
    again = await http.post(f"{V1}/messages", json=body, headers={"Idempotency-Key": "k1"})
    assert first.status_code == 202, first.text
    assert (first.json()["status"], first.json()["phone"]) == ("planned", "+6281200000009")
    assert again.json()["id"] == first.json()["id"]
    assert (await http.get(f"{V1}/messages/{first.json()['id']}")).json()["text"] == "Kode Anda 1234"
    other = await http.post(f"{V1}/messages", json={**body, "text": "lain"}, headers={"Idempotency-Key": "k1"})
    assert other.status_code == 409


async def test_a_bulk_takes_what_is_right(http: httpx.AsyncClient) -> None:
    messages = [{"phone": "081200000001", "text": "a"}, {"phone": "12", "text": "b"}, {"phone": "081200000002"}]
    answer = (await http.post(f"{V1}/messages/bulk", json={"messages": messages})).json()
    assert (answer["accepted"], answer["refused"]) == (1, 2)
    assert [item["code"] for item in answer["items"]] == [None, "phone_too_short", "message_missing"]
    many = await http.post(f"{V1}/messages/bulk", json={"messages": messages * 400})
    assert many.status_code == 422


async def test_another_tenant_finds_nothing(http: httpx.AsyncClient, api: FastAPI, other: Signed) -> None:
    made = await draft(http)
    sent = (await http.post(f"{V1}/messages", json={"phone": "081200000001", "text": "a"})).json()
    async with client_for(api, other) as outside:
        for verb in ("start", "pause", "resume", "cancel", "duplicate", "retry"):
            assert (await outside.post(f"{V1}/campaigns/{made['id']}/{verb}")).status_code == 404
        for part in ("", "/stats", "/logs", "/preflight", "/export"):
            assert (await outside.get(f"{V1}/campaigns/{made['id']}{part}")).status_code == 404
        assert (await outside.delete(f"{V1}/campaigns/{made['id']}")).status_code == 404
        assert (await outside.get(f"{V1}/messages/{sent['id']}")).status_code == 404
        wish = {"contact_id": sent["contact_id"], "reason": "MANUAL"}
        assert (await outside.post(f"{V1}/blacklist", json=wish)).status_code == 404
    assert (await http.get(f"{V1}/campaigns/{made['id']}")).status_code == 200
