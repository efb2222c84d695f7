"""What somebody sends who wants to break sending: numbers, dates, names and texts beyond all measure.

Each is answered in words, with the field where it is one; none ends in an error of ours.
"""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.fixtures.api import Signed, client_for
from tests.fixtures.audience import _CONTACTS, add_device
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.kit.clock import utc_now
from wa_app.schemas.broadcasts import MessageTemplateCreate
from wa_app.schemas.campaigns import CampaignCreate, Target
from wa_app.schemas.contacts import TagCreate
from wa_app.schemas.reports import Report
from wa_app.schemas.segments import Rules, SegmentCreate, TagRule
from wa_app.sending import planning
from wa_app.services import campaigns, files, message_templates, segments, tags
from wa_app.services.reports import pdf

V1 = "/api/v1"
GOOD = {"name": "Promo", "message_template": "{Halo|Hai} {{name}}", "target": {"all": True}}


@pytest.fixture
async def device(signed: Signed) -> UUID:
    """The number of a tenant with three contacts."""
    async with system_unit_of_work() as uow:
        await uow.session.execute(_CONTACTS, {"tenant": signed.tenant_id, "count": 3, "base": 0})
        return await add_device(uow, signed.tenant_id, "Toko")


@pytest.fixture
async def http(api: FastAPI, signed: Signed, device: UUID) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(api, signed) as made:
        yield made


async def draft(http: httpx.AsyncClient, **fields: object) -> str:
    answer = await http.post(f"{V1}/campaigns", json={**GOOD, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize("change", [
    {"name": "Promo\x00"}, {"message_template": "a\x00b"}, {"delay_min_s": -1}, {"delay_min_s": 10**30},
    {"delay_max_s": 10**9}, {"scheduled_at": "9999-12-31T23:59:59Z"}, {"scheduled_at": "9999-12-31T23:59:59-12:00"},
    {"scheduled_at": "0001-01-01T00:00:00+12:00"}, {"scheduled_at": 1e300}, {"test": {"percent": 10}}, {"message_template": "{||}" * 16_000},
    {"variants": [{"message_template": "a", "share": 99}, {"message_template": "b", "share": 99}]},
    {"variants": [{"message_template": "a", "share": 10**20}, {"message_template": "b", "share": 1}]},
    {"variants": []}, {"message_template": "{a|b}" * 20_000}, {"message_template": "{" * 20_000},
    {"message_template": "x" * 2_000_000}, {"message_template": "{a|" * 5_000 + "}" * 5_000},
    {"message_template": "[[if " * 5000}, {"message_template": "{{name|" * 5000},
    {"target": {"tags": ["x\x00"]}}, {"target": {"tags": ["x" * 100_000]}},
    {"repeat": {"every": "monthly", "at": "10:00", "until": "9999-12-31", "max_runs": 1000}},
    {"repeat": {"every": "weekly", "at": "10:00", "weekdays": [10**20]}},
    {"repeat": {"every": "daily", "at": "10:00", "until": "0001-01-01"}},
    {"target": {"filter": {"rules": [{"field": "created", "op": "within", "days": 10**12}]}}},
    {"target": {"filter": {"rules": [{"field": "created", "op": "after", "day": "9999-12-31"}]}}},
    {"target": {"filter": {"rules": [{"field": "created", "op": "before", "day": "0001-01-01"}]}}},
    {"target": {"filter": {"rules": [{"field": "attribute", "key": "x", "op": "gt", "value": "9" * 199}]}}},
    {"target": {"filter": {"rules": [{"field": "attribute", "key": "x", "op": "before", "value": "9999-99-99"}]}}},
    {"target": {"filter": {"rules": [{"field": "activity", "days": -5}]}}},
    {"target": {"filter": {"rules": [{"field": "name", "op": "contains", "value": "(a+)+$%_\\"}]}}},
], ids=lambda change: str(change)[:60])  # fmt: skip
async def test_a_campaign_of_any_shape_is_saved_or_refused(http: httpx.AsyncClient, change: dict[str, Any]) -> None:
    answer = await http.post(f"{V1}/campaigns", json={**GOOD, **change})
    assert answer.status_code in (201, 422), answer.text
    if answer.status_code == 201:
        made = answer.json()["id"]
        for verb, path in (("GET", "preflight"), ("POST", "duplicate"), ("POST", "start"), ("GET", "stats"), ("GET", "report")):
            then = await http.request(verb, f"{V1}/campaigns/{made}/{path}")
            assert then.status_code < 500, (path, then.text)
        assert (await http.get(f"{V1}/campaigns")).status_code == 200
    else:
        assert all(one["field"] and one["message"] for one in answer.json()["errors"]), answer.text


@pytest.mark.parametrize("when", [
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59", "0001-01-01T00:00:00", "2999-01-01T00:00:00Z",
    1e300, -1e300, 10**30,
], ids=str)  # fmt: skip
async def test_a_time_at_the_end_of_the_calendar(http: httpx.AsyncClient, when: object) -> None:
    made = await draft(http)
    answer = await http.post(f"{V1}/campaigns/{made}/schedule", json={"scheduled_at": when})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize("name", ["Promo (²)", "Promo (" + "9" * 100 + ")", "a" * 112 + " (999)", "x" * 120, "Promo (٣)"])
async def test_a_copy_has_a_name_that_is_allowed(http: httpx.AsyncClient, name: str) -> None:
    made = await draft(http, name=name)
    copy = await http.post(f"{V1}/campaigns/{made}/duplicate")
    assert copy.status_code == 201, copy.text
    again = await http.patch(f"{V1}/campaigns/{copy.json()['id']}", json={"name": copy.json()["name"]})
    assert again.status_code == 200, again.text


@pytest.mark.parametrize("name", ["x" * 121, "x" * 100_000, "a\x00b"])
async def test_a_name_for_a_copy_is_checked(http: httpx.AsyncClient, name: str) -> None:
    made = await draft(http)
    copy = await http.post(f"{V1}/campaigns/{made}/duplicate", json={"name": name})
    assert copy.status_code in (201, 422), copy.text
    if copy.status_code == 201:
        assert len(copy.json()["name"]) <= 120


@pytest.mark.parametrize("change", [
    {"per_minute": 10**9}, {"per_day": 0}, {"per_hour": -1}, {"delay_min_s": -1}, {"delay_min_s": "NaN"}, {"delay_max_s": 1e308},
    {"strangers_per_day": 10**30}, {"package_size_min": 10, "package_size_max": 1}, {"quiet_hours": {"start": "25:00", "end": "1"}},
    {"quiet_hours": {"start": "10:00", "end": "10:00"}}, {"working_days": []}, {"working_days": [9]}, {"preset": "free"},
    {"quiet_hours": {"start": "10:00+07:00", "end": "11:00Z"}}, {"quiet_hours": {"start": "00:00", "end": "23:59:59.999"}},
    {"delay_min_s": 1e-300, "delay_max_s": 1e-300}, {"preset": None}, {"delay_min_s": None}, {"typing": None},
    {"delay_min_s": 3000}, {"package_pause_min_s": 50},
], ids=str)  # fmt: skip
async def test_a_tempo_beyond_measure(http: httpx.AsyncClient, device: UUID, change: dict[str, Any]) -> None:
    answer = await http.patch(f"{V1}/devices/{device}", json={"pacing": change})
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:
        assert all(one["field"] and one["message"] for one in answer.json()["errors"]), answer.text
        assert not {"value_invalid"} & {one["code"] for one in answer.json()["errors"]}, answer.text
        assert "3600.0" not in answer.text
    made = await draft(http)
    assert (await http.get(f"{V1}/campaigns/{made}/preflight")).status_code == 200


@pytest.mark.parametrize("change", [
    {"weight": 10**9}, {"weight": -1}, {"warmup_stage": 0}, {"warmup_stage": 99}, {"warmup_curve": [1]},
    {"warmup_curve": [10**40] * 14}, {"warmup_curve": list(range(14, 0, -1))}, {"name": "\x00"}, {"name": "x" * 61},
    {"protection": False}, {"protection": False, "confirm": "toko\x00"}, {"warmup_curve": [-5] + [1] * 13},
], ids=str)  # fmt: skip
async def test_a_device_beyond_measure(http: httpx.AsyncClient, device: UUID, change: dict[str, Any]) -> None:
    answer = await http.patch(f"{V1}/devices/{device}", json=change)
    assert answer.status_code == 422, answer.text
    assert all(one["field"] and one["message"] for one in answer.json()["errors"]), answer.text


@pytest.mark.parametrize(("verb", "path", "body"), [
    ("POST", "blacklist", {"phone": "x" * 100_000}), ("POST", "blacklist", {"phone": "0812\x00000"}),
    ("POST", "blacklist", {"phone": "+6281200000001", "note": "x" * 100_000}), ("POST", "blacklist", {"phone": "+6281200000002", "note": "a\x00"}),
    ("POST", "blacklist", {"identity": {"kind": "lid", "value": "9" * 10_000}}),
    ("POST", "blacklist", {"identity": {"kind": "username", "value": "\x00"}}),
    ("POST", "blacklist", {}), ("POST", "blacklist", {"reason": "NO"}),
    ("DELETE", "blacklist/xyz", None), ("DELETE", "blacklist/%00", None),
    ("GET", "blacklist?q=%00", None), ("GET", "blacklist?limit=100000000000", None), ("GET", "blacklist?cursor=%00", None),
    ("GET", "campaigns?q=%00", None), ("GET", "contacts?q=%00", None), ("GET", "segments?q=%00", None), ("GET", "devices?q=%00", None),
    ("GET", "contacts/groups?q=%00", None), ("GET", "message-templates?q=%00", None), ("GET", "files?q=%00", None),
    ("POST", "segments", {"name": "x\x00y", "rules": {"rules": [{"field": "name", "op": "is", "value": "a"}]}}),
    ("POST", "segments", {"name": "x" * 100_000, "rules": {"rules": [{"field": "name", "op": "is", "value": "a"}]}}),
    ("POST", "segments/preview", {"rules": {"rules": []}}),
    ("PATCH", "settings/opt-out", {"opt_out_words": ["(a+)+$"]}), ("PATCH", "settings/opt-out", {"opt_out_words": ["\x00\x00"]}),
    ("PATCH", "settings/opt-out", {"opt_out_words": ["x" * 199]}), ("PATCH", "settings/opt-out", {"footer": "\x00"}),
    ("PATCH", "settings/opt-out", {"opt_out_reply": "{a|" * 100}),
    ("POST", "message-templates", {"name": "\x00", "body": "x"}), ("POST", "message-templates", {"name": "a", "body": "{a|b}" * 9000}),
    ("POST", "message-templates", {"name": "a", "body": "b", "labels": ["\x00"], "category": "\x00"}),
    ("POST", "contacts/grab", {"device_id": "00000000-0000-0000-0000-000000000000", "group_ids": ["\x00"], "tags": ["\x00"]}),
    ("POST", "messages", {"phone": "+6281200000001", "text": "\x00"}), ("POST", "messages", {"phone": "+6281200000001", "text": "x", "expires_in_s": 10**12}),
    ("POST", "messages", {"phone": "+6281200000001", "text": "x", "expires_in_s": -1}),
], ids=lambda one: str(one)[:50])  # fmt: skip
async def test_other_doors(http: httpx.AsyncClient, verb: str, path: str, body: Any) -> None:
    answer = await http.request(verb, f"{V1}/{path}", json=body)
    assert answer.status_code < 500, answer.text


@pytest.fixture
async def foreign(other: Signed) -> dict[str, str]:
    """One id of each kind that belongs to somebody else."""
    async with system_unit_of_work() as uow:
        device = await add_device(uow, other.tenant_id, "Asing")
        await uow.session.execute(_CONTACTS, {"tenant": other.tenant_id, "count": 1, "base": 900})
        contact = (await uow.session.execute(text("SELECT id FROM contacts WHERE tenant_id = :t"), {"t": other.tenant_id})).scalar_one()
    async with unit_of_work(other.principal) as uow:
        tag = (await tags.create(uow, TagCreate(name="Rahasia"))).id
        rules = Rules(rules=[TagRule(tag_ids=[tag])])
        segment = (await segments.create(uow, SegmentCreate(name="Rahasia", rules=rules))).id
        template = (await message_templates.create(uow, MessageTemplateCreate(name="Rahasia", body="Halo"))).id
        campaign = (await campaigns.create(uow, CampaignCreate(name="Rahasia", message_template="x", target=Target(all=True)))).id
    file = (await files.store(other.principal, "rahasia.txt", _bytes(b"rahasia"))).id
    return {key: str(value) for key, value in {
        "device": device, "contact": contact, "tag": tag, "segment": segment, "template": template, "campaign": campaign, "file": file,
    }.items()}  # fmt: skip


async def _bytes(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_ids_of_others_in_a_body_are_no_ids(http: httpx.AsyncClient, foreign: dict[str, str]) -> None:
    f = foreign
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "campaigns", {**GOOD, "device_ids": [f["device"]]}),
        ("POST", "campaigns", {**GOOD, "file_id": f["file"]}),
        ("POST", "campaigns", {**GOOD, "template_id": f["template"]}),
        ("POST", "campaigns", {**GOOD, "target": {"segment_id": f["segment"]}}),
        ("POST", "campaigns", {**GOOD, "target": {"all": True, "exclude_segment_ids": [f["segment"]]}}),
        ("POST", "campaigns", {**GOOD, "variants": [
            {"message_template": "a", "share": 50}, {"message_template": "b", "share": 50, "file_id": f["file"]}]}),
        ("POST", "segments", {"name": "x", "rules": {"rules": [{"field": "tags", "tag_ids": [f["tag"]]}]}}),
        ("POST", "segments", {"name": "x", "rules": {"rules": [{"field": "campaign", "campaign_ids": [f["campaign"]]}]}}),
        ("POST", "segments", {"name": "x", "rules": {"rules": [{"field": "device", "device_id": f["device"]}]}}),
        ("POST", "message-templates", {"name": "x", "body": "y", "file_id": f["file"]}),
        ("POST", "blacklist", {"contact_id": f["contact"]}),
        ("POST", "blacklist", {"phone": "+6281200000001", "campaign_id": f["campaign"]}),
        ("POST", "blacklist/import", {"file_id": f["file"]}),
        ("POST", "contacts/grab", {"device_id": f["device"], "group_ids": ["1@g.us"]}),
        ("POST", "messages", {"contact_id": f["contact"], "text": "x"}),
        ("POST", "messages", {"phone": "+6281200000001", "text": "x", "device_id": f["device"]}),
        ("POST", "messages", {"phone": "+6281200000001", "file_id": f["file"]}),
    ]  # fmt: skip
    for verb, path, body in asked:
        answer = await http.request(verb, f"{V1}/{path}", json=body)
        assert answer.status_code in (404, 422), (path, body, answer.status_code, answer.text)
        assert "Rahasia" not in answer.text
    made = await draft(http)
    for path, more in (("send", {"contact_id": f["contact"]}), ("test", {"phone": "+6281200000001", "device_id": f["device"]})):
        answer = await http.post(f"{V1}/campaigns/{made}/{path}", json=more)
        assert answer.status_code == 404 or answer.status_code == 422, (path, answer.text)


async def test_one_message_at_any_time(http: httpx.AsyncClient, signed: Signed) -> None:
    async with system_unit_of_work() as uow:
        contact = (await uow.session.execute(
            text("SELECT id FROM contacts WHERE tenant_id = :t LIMIT 1"), {"t": signed.tenant_id}
        )).scalar_one()  # fmt: skip
    for n, when in enumerate(("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "2026-12-01T09:00:00", 1e300)):
        made = await draft(http)
        body = {"contact_id": str(contact), "due_at": when, "once": f"x{n}"}
        answer = await http.post(f"{V1}/campaigns/{made}/send", json=body)
        assert answer.status_code in (202, 422), (when, answer.text)


async def test_nothing_in_names_runs_in_a_spreadsheet_or_breaks_the_paper(http: httpx.AsyncClient, signed: Signed, device: UUID) -> None:
    """A contact and a campaign with hostile names, through the log, its CSV, the blacklist's, and the PDF."""
    evil = "=HYPERLINK(\"http://x.example\",\"a\")<script>alert(1)</script>"
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE contacts SET name = :n WHERE tenant_id = :t"), {"n": evil, "t": signed.tenant_id})
        await uow.session.execute(text("UPDATE devices SET name = :n WHERE id = :d"), {"n": "@SUM(1)|cmd", "d": device})
    made = await draft(http, name="=1+1<img src=x onerror=alert(1)>", message_template="-2+3 {{name}}")
    await http.post(f"{V1}/campaigns/{made}/start")
    await planning.plan(signed.tenant_id, UUID(made))
    await http.post(f"{V1}/blacklist", json={"phone": "+6281200000002", "note": "=cmd|' /C calc'!A0"})
    for path in (f"campaigns/{made}/export", "blacklist/export"):
        answer = await http.get(f"{V1}/{path}")
        assert answer.status_code == 200
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert len(rows) > 1
        assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t")], rows
        disposition = answer.headers["content-disposition"]
        assert not set('<>=\r\n"') & set(disposition.split("filename=")[1].strip('"'))
    report = Report.model_validate((await http.get(f"{V1}/campaigns/{made}/report")).json())
    assert pdf.render(report, evil, "id", utc_now()).startswith(b"%PDF")


async def test_two_tabs_start_at_the_same_moment(http: httpx.AsyncClient, signed: Signed) -> None:
    made = await draft(http)
    answers = await asyncio.gather(*(http.post(f"{V1}/campaigns/{made}/start") for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [202, 409, 409, 409, 409]
    await asyncio.gather(*(planning.plan(signed.tenant_id, UUID(made)) for _ in range(3)))
    assert (await http.get(f"{V1}/campaigns/{made}/stats")).json()["total"] == 3
    changed = await http.patch(f"{V1}/campaigns/{made}", json={"message_template": "Lain"})
    assert (changed.status_code, changed.json()["code"]) == (409, "campaign_cannot_edit")
    assert (await http.delete(f"{V1}/campaigns/{made}")).status_code == 409
