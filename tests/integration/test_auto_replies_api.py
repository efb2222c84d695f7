"""Keyword rules over the API: the shapes programs rely on, files in and out, other tenants."""

import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.fixtures.api import Signed, client_for
from wa_app.kit.ids import new_id

BASE = "/api/v1/auto-replies"


@pytest.fixture
async def http(api: FastAPI, signed: Signed) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(api, signed) as made:
        yield made


async def made(http: httpx.AsyncClient, *keywords: str, **fields: Any) -> dict[str, Any]:
    body = {"keywords": list(keywords), "match_type": "CONTAINS", "response_text": "{Halo|Hai} {{name}}", **fields}
    answer = await http.post(BASE, json=body)
    assert answer.status_code == 201, answer.text
    kept: dict[str, Any] = answer.json()
    return kept


async def names(http: httpx.AsyncClient, **query: Any) -> list[str]:
    return [one["name"] for one in (await http.get(BASE, params=query)).json()["items"]]


async def test_is_made_read_changed_switched_copied_ordered_and_put_away(http: httpx.AsyncClient) -> None:
    one = await made(http, "harga", "hrg")
    assert (one["name"], one["keywords"], one["priority"], one["is_active"], one["variants"]) == ("harga", ["harga"], 1, True, 2)
    assert one["hits"] == {"total": 0, "week": 0, "days": [0] * 7, "last_at": None}
    path = f"{BASE}/{one['id']}"
    changed = await http.patch(path, json={"windows": [{"days": [0, 1], "start": "08:00", "end": "17:00"}], "limit_times": 2})
    assert changed.json()["windows"] == [{"days": [0, 1], "start": "08:00:00", "end": "17:00:00"}]
    assert (await http.patch(f"{path}/toggle")).json()["is_active"] is False
    assert (await http.patch(f"{path}/toggle")).json()["is_active"] is True
    copy = (await http.post(f"{path}/duplicate")).json()
    assert (copy["name"], copy["is_active"], copy["priority"], copy["limit_times"]) == ("harga (2)", False, 2, 2)
    assert (await http.post(f"{BASE}/reorder", json={"ids": [copy["id"], one["id"]]})).status_code == 204
    assert await names(http) == ["harga (2)", "harga"]
    assert (await http.delete(path)).status_code == 204
    assert (await http.get(path)).status_code == 404
    assert (await http.post(f"{path}/restore")).json()["name"] == "harga"
    first = (await http.get(BASE, params={"limit": 1})).json()
    assert (first["total"], len(first["items"])) == (2, 1)
    assert (await http.get(BASE, params={"limit": 1, "cursor": first["next_cursor"]})).json()["items"][0]["name"] == "harga"


async def test_refuses_null_where_something_must_stand_and_takes_it_where_nothing_may(http: httpx.AsyncClient) -> None:
    one = await made(http, "harga", limit_times=2, from_date="2026-11-01", until_date="2026-12-01")
    path = f"{BASE}/{one['id']}"
    nothing = await http.patch(path, json={"limit_times": None, "from_date": None, "until_date": None, "file_id": None})
    assert nothing.status_code == 200
    assert [nothing.json()[key] for key in ("limit_times", "from_date", "until_date", "file_id")] == [None] * 4
    wrong = dict.fromkeys(("keywords", "name", "is_active", "device_ids", "windows", "priority", "delay", "cooldown_s"))
    refused = await http.patch(path, json={"response_text": "baru", **wrong})
    assert refused.status_code == 422
    told = refused.json()
    assert (told["code"], {one["field"] for one in told["errors"]}) == ("auto_reply_invalid", set(wrong))
    assert {one["code"] for one in told["errors"]} == {"value_missing"}
    assert (await http.get(path)).json() == nothing.json()


async def test_tells_which_rule_answers_a_text_and_why_the_others_do_not(http: httpx.AsyncClient) -> None:
    one = await made(http, "harga")
    await made(http, "ok", name="ok")
    await made(http, "kopi", name="kopi", priority=9)
    found = (await http.post(f"{BASE}/test", json={"text": "HARGAAA kopi tokopedia"})).json()
    assert found["matched"]["id"] == one["id"]
    assert {(c["name"], c["matched"], c["why"]) for c in found["considered"]} == {
        ("harga", True, "fired"), ("ok", False, "inside_word"), ("kopi", False, "lower_priority"),
    }  # fmt: skip
    nothing = (await http.post(f"{BASE}/test", json={"text": "🙏"})).json()
    assert nothing["matched"] is None
    assert len(nothing["considered"]) == 3
    assert (await http.post(f"{BASE}/test", json={"text": "x", "device_id": str(new_id())})).status_code == 404
    assert (await http.post(f"{BASE}/test", json={"text": "x" * 65_537})).status_code == 422


async def test_says_which_pattern_cannot_be_computed_and_what_to_do(http: httpx.AsyncClient) -> None:
    body = {"keywords": ["(?=harga)"], "match_type": "REGEX", "response_text": "x"}
    refused = await http.post(BASE, json=body)
    assert refused.status_code == 422
    wrong = refused.json()["errors"][0]
    assert (wrong["field"], wrong["code"]) == ("keywords", "regex_look_around")
    assert "(?=" in wrong["message"]
    assert r"\b" in wrong["message"]
    assert (await http.post(BASE, json={**body, "keywords": ["(a+)+$"]})).status_code == 201


async def test_a_file_comes_back_the_same(http: httpx.AsyncClient) -> None:
    await made(http, "=1+1", "+62", name="=HYPERLINK(1)", response_text="=cmd|'/c calc'!A1\nbaris dua", limit_times=1)
    await made(http, "halo, kak", name="koma", windows=[{"days": [5, 6], "start": "22:00", "end": "06:00"}], cooldown_s=60)
    await made(http, r"a|b;c", "d,e", name="pola", match_type="REGEX", delay="at_once", hand_over=True)
    await made(http, "ok", name="diam", keeps_silent=True, response_text="", is_active=False, from_date="2026-01-02")
    before = (await http.get(BASE)).json()["items"]
    for kind in ("csv", "json"):
        answer = await http.get(f"{BASE}/export", params={"format": kind})
        assert "attachment" in answer.headers["content-disposition"]
        if kind == "csv":
            cells = [cell for row in csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))) for cell in row]
            assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
        for one in (await http.get(BASE)).json()["items"]:
            await http.delete(f"{BASE}/{one['id']}")
        done = (await http.post(f"{BASE}/import", json={"content": answer.text})).json()
        assert (done["created"], done["failed"], done["problems"]) == (4, 0, [])
        after = (await http.get(BASE)).json()["items"]
        varying = {"id", "created_at", "updated_at"}
        assert [{k: v for k, v in one.items() if k not in varying} for one in after] == [
            {k: v for k, v in one.items() if k not in varying} for one in before
        ]


async def test_a_file_is_tried_first_and_rows_that_are_wrong_are_told(http: httpx.AsyncClient) -> None:
    await made(http, "harga", name="Harga")
    content = (
        "Nama,Jenis,Kata kunci,Jawaban,Aktif,Jadwal,Perangkat\n"
        'Buka,memuat,"jam buka; buka jam",Kami buka 08-21,ya,"sen-jum 08.00-17.00",\n'
        "Harga,memuat,hrg,Baru,ya,,\n"
        ",pola,(a,x,ya,,\n"
        "Jadwal,memuat,a,x,ya,kapan saja,\n"
        "Ponsel,memuat,a,x,mungkin,,\n"
        "Lain,memuat,a,x,ya,,HP Hantu\n"
        "Kosong,memuat,,x,ya,,\n"
    )
    for dry, way, expected in (
        (True, "skip", (1, 0, 1, 5)), (True, "update", (1, 1, 0, 5)), (True, "add", (2, 0, 0, 5)), (False, "update", (1, 1, 0, 5)),
    ):  # fmt: skip
        found = (await http.post(f"{BASE}/import", json={"content": content, "dry_run": dry, "on_duplicate": way})).json()
        assert tuple(found[key] for key in ("created", "updated", "skipped", "failed")) == expected
        assert sorted(await names(http)) == (["Harga"] if dry else ["Buka", "Harga"])
    assert {(one["row"], one["field"], one["code"]) for one in found["problems"]} == {
        (4, "keywords", "regex_paren_open"), (5, "windows", "rule_schedule_unreadable"), (6, "is_active", "value_not_allowed"),
        (7, "devices", "auto_reply_device_unknown"), (8, "keywords", "value_missing"),
    }  # fmt: skip
    assert all(one["message"] for one in found["problems"])
    kept = {one["name"]: one for one in (await http.get(BASE)).json()["items"]}
    assert kept["Buka"]["keywords"] == ["jam buka", "buka jam"]
    assert kept["Buka"]["windows"] == [{"days": [0, 1, 2, 3, 4], "start": "08:00:00", "end": "17:00:00"}]
    assert (kept["Harga"]["response_text"], kept["Harga"]["keywords"]) == ("Baru", ["hrg"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"content": "nama,jawaban\na,b\n"}, "rule_import_no_keywords"),
        ({"content": "{]"}, "rule_import_not_json"),
        ({"content": '{"rules": 3}'}, "rule_import_not_json"),
        ({"content": "[]"}, "rule_import_empty"),
        ({"content": "[" * 100_000}, "rule_import_not_json"),
        ({}, "rule_import_one_of"),
        ({"content": json.dumps([{}] * 1_001)}, "rule_import_too_many"),
    ],
)
async def test_says_what_is_wrong_with_a_file(http: httpx.AsyncClient, body: dict[str, Any], code: str) -> None:
    refused = await http.post(f"{BASE}/import", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == code


async def test_an_uploaded_file_comes_in_another_tenants_does_not(
    http: httpx.AsyncClient, api: FastAPI, other: Signed
) -> None:
    upload = {"file": ("aturan.json", json.dumps({"rules": [{"keywords": ["harga"], "response_text": "x"}, 3]}), "application/json")}
    file_id = (await http.post("/api/v1/files", files=upload)).json()["id"]
    found = (await http.post(f"{BASE}/import", json={"file_id": file_id})).json()
    assert (found["created"], [(one["row"], one["code"]) for one in found["problems"]]) == (1, [(2, "value_invalid")])
    async with client_for(api, other) as stranger:
        assert (await stranger.post(f"{BASE}/import", json={"file_id": file_id})).status_code == 404
        mine = (await http.get(BASE)).json()["items"][0]["id"]
        assert (await stranger.get(f"{BASE}/{mine}")).status_code == 404
        assert (await stranger.post(f"{BASE}/reorder", json={"ids": [mine]})).status_code == 404
        assert (await stranger.get(BASE)).json()["total"] == 0
