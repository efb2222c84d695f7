"""`/api/v1/segments` as a program meets it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.fixtures.api import Signed, client_for
from tests.fixtures.audience import _CONTACTS, add_device
from wa_app.db import system_unit_of_work
from wa_app.kit.ids import new_id

V1 = "/api/v1"
RULES = {"match": "any", "rules": [
    {"field": "name", "op": "is", "value": "Orang 3"},
    {"match": "all", "rules": [{"field": "attribute", "key": "kota", "op": "is", "value": "Bandung"},
                               {"field": "name", "op": "starts_with", "value": "Orang 1"}]},
]}  # fmt: skip
"""Orang 3, and 1, 10 … 19 of twenty."""


@pytest.fixture
async def http(api: FastAPI, signed: Signed) -> AsyncIterator[httpx.AsyncClient]:
    async with system_unit_of_work() as uow:
        await uow.session.execute(_CONTACTS, {"tenant": signed.tenant_id, "count": 20, "base": 0})
        await add_device(uow, signed.tenant_id, "Toko")
    async with client_for(api, signed) as made:
        yield made


async def test_life_of_a_segment(http: httpx.AsyncClient) -> None:
    seen = (await http.post(f"{V1}/segments/preview", json={"rules": RULES, "sample": 3})).json()
    assert (seen["count"], len(seen["sample"])) == (12, 3)
    answer = await http.post(f"{V1}/segments", json={"name": "Bandung", "rules": RULES})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["count"], made["rules"]["match"]) == (None, "any")
    counted = (await http.post(f"{V1}/segments/{made['id']}/count")).json()
    assert counted["count"] == 12
    assert counted["counted_at"]
    listed = (await http.get(f"{V1}/segments", params={"q": "BAND"})).json()
    assert [one["id"] for one in listed["items"]] == [made["id"]]
    assert (await http.get(f"{V1}/segments", params={"q": "x%"})).json()["items"] == []
    one = {"rules": [{"field": "name", "op": "is", "value": "Orang 3"}]}
    changed = (await http.patch(f"{V1}/segments/{made['id']}", json={"rules": one, "name": "Tiga"})).json()
    assert (changed["name"], changed["count"]) == ("Tiga", None)
    people = (await http.get(f"{V1}/contacts", params={"segment_id": made["id"]})).json()
    assert ([one["name"] for one in people["items"]], people["total"]) == (["Orang 3"], 1)
    csv = await http.get(f"{V1}/contacts/export", params={"segment_id": made["id"]})
    assert [line.split(",")[0] for line in csv.text.splitlines()[1:]] == ["Orang 3"]
    body = {"action": "tag", "tags": ["Tiga"], "filter": {"segment_id": made["id"]}}
    assert (await http.post(f"{V1}/contacts/bulk", json=body)).json()["affected"] == 1
    assert (await http.delete(f"{V1}/segments/{made['id']}")).status_code == 204
    assert (await http.get(f"{V1}/segments/{made['id']}")).status_code == 404
    assert (await http.get(f"{V1}/contacts/export", params={"segment_id": made["id"]})).status_code == 404
    assert (await http.post(f"{V1}/segments/{made['id']}/restore")).json()["name"] == "Tiga"


@pytest.mark.parametrize(("language", "words"), [("en", "Rule 2: fill in the value."), ("id", "Aturan 2: isi nilainya.")])
async def test_an_error_names_the_rule_and_the_mend(http: httpx.AsyncClient, language: str, words: str) -> None:
    wrong = {"rules": [*RULES["rules"][:1], {"field": "city", "op": "contains"}]}
    for path, body in (("/segments/preview", {}), ("/segments", {"name": "x"})):
        answer = await http.post(f"{V1}{path}", json={"rules": wrong, **body}, headers={"Accept-Language": language})
        assert (answer.status_code, answer.json()["code"]) == (422, "segment_invalid")
        error = answer.json()["errors"][0]
        assert (error["field"], error["code"], error["message"]) == ("rules.1.value", "rule_value_missing", words)


async def test_a_campaign_takes_a_segment_and_rules_of_its_own(http: httpx.AsyncClient) -> None:
    made = (await http.post(f"{V1}/segments", json={"name": "Bandung", "rules": RULES})).json()
    mine = {"rules": [{"field": "name", "op": "contains", "value": "9"}]}
    target = {"segment_id": made["id"], "filter": mine, "frozen": True}
    draft = await http.post(f"{V1}/campaigns", json={"name": "Promo", "message_template": "{Hai|Halo} {{name}}", "target": target})
    assert draft.status_code == 201, draft.text
    stored = draft.json()["target"]
    assert (stored["segment_id"], stored["frozen"], stored["filter"]["rules"][0]["value"]) == (made["id"], True, "9")
    checked = (await http.get(f"{V1}/campaigns/{draft.json()['id']}/preflight")).json()
    assert checked["audience"]["total"] == 1
    refused = await http.delete(f"{V1}/segments/{made['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "segment_in_use")
    assert "Promo" in refused.json()["detail"]
    for target, code in (
        ({"segment_id": str(new_id())}, "segment_unknown"), ({"all": True, "exclude_segment_ids": [str(new_id())]}, "segment_unknown"),
        ({"filter": {"rules": []}}, "rules_missing"),
    ):  # fmt: skip
        answer = await http.post(f"{V1}/campaigns", json={"name": "Promo", "target": target})
        assert (answer.status_code, [one["code"] for one in answer.json()["errors"]]) == (422, [code])


async def test_another_tenants_tags_and_segments_are_absent(
    http: httpx.AsyncClient, api: FastAPI, other: Signed
) -> None:
    async with client_for(api, other) as theirs:
        tag = (await theirs.post(f"{V1}/contacts/tags", json={"name": "VIP"})).json()
        segment = (await theirs.post(f"{V1}/segments", json={"name": "Rahasia", "rules": RULES})).json()
    rules = {"rules": [{"field": "tags", "tag_ids": [tag["id"]]}]}
    answer = await http.post(f"{V1}/segments/preview", json={"rules": rules})
    assert [one["code"] for one in answer.json()["errors"]] == ["rule_tag_unknown"]
    assert (await http.get(f"{V1}/contacts", params={"segment_id": segment["id"]})).status_code == 404
    assert (await http.post(f"{V1}/campaigns", json={"name": "x", "target": {"segment_id": segment["id"]}})).status_code == 422
    async with system_unit_of_work() as uow:
        assert (await uow.session.execute(text("SELECT count(*) FROM campaigns WHERE name = 'x'"))).scalar_one() == 0
