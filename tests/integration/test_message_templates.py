"""Message templates, variants and series over the API."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.fixtures.api import Signed, client_for


@pytest.fixture
async def http(api: FastAPI, signed: Signed) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(api, signed) as made:
        yield made


async def kept(http: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await http.post("/api/v1/message-templates", json={"name": "Promo", "body": "{Halo|Hai} {{name}}", **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_text_is_kept_found_changed_copied_and_brought_back(http: httpx.AsyncClient) -> None:
    made = await kept(http, category="Promo", labels=["batik", "batik", " "], language="id")
    assert (made["labels"], made["variants"], made["used"]) == (["batik"], 2, 0)
    await kept(http, name="Pengingat", body="Jangan lupa")
    found = (await http.get("/api/v1/message-templates", params={"q": "BATÍK promo"})).json()
    assert ([one["name"] for one in found["items"]], found["total"]) == (["Promo"], 1)
    assert [one["name"] for one in (await http.get("/api/v1/message-templates", params={"category": "Promo"})).json()["items"]] == ["Promo"]

    path = f"/api/v1/message-templates/{made['id']}"
    assert (await http.patch(path, json={"name": "Promo batik"})).json()["body"] == made["body"]
    copy = (await http.post(f"{path}/duplicate")).json()
    assert (copy["name"], copy["body"]) == ("Promo batik (2)", made["body"])
    assert (await http.delete(path)).status_code == 204
    assert (await http.get(path)).status_code == 404
    assert (await http.post(f"{path}/restore")).json()["name"] == "Promo batik"


async def test_says_which_field_is_wrong(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/v1/message-templates", json={"name": " ", "body": ""})
    assert answer.status_code == 422
    assert {(one["field"], one["code"]) for one in answer.json()["errors"]} == {
        ("name", "message_template_name_missing"), ("body", "message_missing"),
    }  # fmt: skip


async def test_its_use_is_counted(http: httpx.AsyncClient) -> None:
    made = await kept(http)
    body = {"name": "Siaran", "message_template": made["body"], "target": {"all": True}, "template_id": made["id"]}
    assert (await http.post("/api/v1/campaigns", json=body)).json()["template_id"] == made["id"]
    assert (await http.get(f"/api/v1/message-templates/{made['id']}")).json()["used"] == 1
    unknown = await http.post("/api/v1/campaigns", json={**body, "template_id": "00000000-0000-7000-8000-000000000000"})
    assert unknown.json()["errors"][0]["code"] == "message_template_not_found"


async def test_campaigns_take_variants_test_tracking_and_repetition(http: httpx.AsyncClient) -> None:
    body = {
        "name": "Uji", "target": {"all": True}, "track_links": True, "winner_by": "reply", "test": {"percent": 20, "hours": 2},
        "variants": [{"message_template": "A", "share": 60}, {"message_template": "B", "share": 40, "name": "pendek"}],
        "repeat": {"every": "weekly", "weekdays": [0], "at": "09:00", "until": "2027-12-31"},
    }  # fmt: skip
    made = (await http.post("/api/v1/campaigns", json=body)).json()
    assert [(one["letter"], one["share"], one["name"]) for one in made["variants"]] == [("A", 60, ""), ("B", 40, "pendek")]
    assert (made["message_template"], made["test"], made["winner_by"], made["track_links"]) == (
        "A", {"percent": 20, "hours": 2}, "reply", True,
    )  # fmt: skip
    assert made["repeat"]["weekdays"] == [0]
    report = (await http.get(f"/api/v1/campaigns/{made['id']}/variants")).json()
    assert ([one["letter"] for one in report["items"]], report["verdict"], report["winner"]) == (["A", "B"], "none", None)
    assert (await http.get(f"/api/v1/campaigns/{made['id']}/links")).json() == []
    assert (await http.get(f"/api/v1/campaigns/{made['id']}/clicks")).json()["items"] == []
    refused = await http.post(f"/api/v1/campaigns/{made['id']}/winner", json={"letter": "A"})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_winner_needed")
    stats = (await http.get(f"/api/v1/campaigns/{made['id']}/stats")).json()
    assert [one["letter"] for one in stats["variants"]] == ["A", "B"]
    changed = (await http.patch(f"/api/v1/campaigns/{made['id']}", json={"variants": None, "repeat": None, "track_links": None})).json()
    assert (changed["variants"], changed["test"], changed["repeat"], changed["track_links"]) == ([], None, None, False)
