"""The pre-flight, the report and its files as a program meets them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from tests.fixtures.api import Signed, client_for
from tests.fixtures.audience import _CONTACTS, Town, add_device
from tests.fixtures.report_towns import finished
from wa_app.db import system_unit_of_work
from wa_app.services.reports import exporting

V1 = "/api/v1"


@pytest.fixture
async def shop(signed: Signed) -> Signed:
    """A tenant with 200 contacts and two connected devices."""
    async with system_unit_of_work() as uow:
        await uow.session.execute(_CONTACTS, {"tenant": signed.tenant_id, "count": 200, "base": 0})
        for name in ("Satu", "Dua"):
            await add_device(uow, signed.tenant_id, name)
    return signed


@pytest.fixture
async def http(api: FastAPI, shop: Signed) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(api, shop) as made:
        yield made


@pytest.fixture
async def campaign(shop: Signed) -> UUID:
    return await finished(Town(shop.tenant_id, shop.principal))


async def test_preflight_tells_errors_from_advice_with_figures(http: httpx.AsyncClient) -> None:
    made = await http.post(f"{V1}/campaigns", json={"name": "Promo", "message_template": "Halo {{name}}", "target": {"all": True}})
    found = (await http.get(f"{V1}/campaigns/{made.json()['id']}/preflight")).json()
    assert {check["level"] for check in found["checks"]} == {"warning"}
    assert {"check_no_consent", "check_footer_missing"} <= {check["code"] for check in found["checks"]}
    assert (found["facts"]["people"], found["facts"]["strangers"]) == (200, 200)
    assert found["risk"]["level"] in ("medium", "high")
    assert sum(one["messages"] for one in found["estimate"]["devices"]) == 200


async def test_a_report_and_both_files(http: httpx.AsyncClient, shop: Signed, campaign: UUID) -> None:
    report = (await http.get(f"{V1}/campaigns/{campaign}/report")).json()
    assert report["funnel"] == {"planned": 200, "sent": 140, "delivered": 100, "read": 60, "replied": 0, "clicked": None}
    for kind, head in (("csv", b"\xef\xbb\xbfname,phone,status"), ("pdf", b"%PDF-")):
        asked = await http.post(f"{V1}/campaigns/{campaign}/exports", json={"kind": kind})
        assert (asked.status_code, asked.json()["status"], asked.json()["url"]) == (202, "queued", None)
        await exporting.run(shop.tenant_id, UUID(asked.json()["id"]))
        done = (await http.get(f"{V1}/campaigns/{campaign}/exports/{asked.json()['id']}")).json()
        assert done["status"] == "done"
        assert datetime.fromisoformat(done["expires_at"]) > datetime.now(UTC)
        link = done["url"].split("/api/v1", 1)[1]
        content = await http.get(V1 + link)
        assert content.status_code == 200
        assert content.content.startswith(head)
        assert (await http.get(V1 + link.replace("signature=", "signature=0"))).status_code == 404
    listed = (await http.get(f"{V1}/campaigns/{campaign}/exports")).json()
    assert [one["kind"] for one in listed] == ["pdf", "csv"]
    again = await http.post(f"{V1}/campaigns/{campaign}/exports/{listed[0]['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "job_not_running")


async def test_wrong_wishes_are_refused(http: httpx.AsyncClient, campaign: UUID) -> None:
    made = (await http.post(f"{V1}/campaigns", json={"name": "Promo", "message_template": "hai"})).json()["id"]
    assert (await http.post(f"{V1}/campaigns/{made}/exports", json={"kind": "csv"})).json()["code"] == "nothing_to_report"
    assert (await http.post(f"{V1}/campaigns/{made}/resend")).json()["code"] == "nothing_sent_yet"
    assert (await http.post(f"{V1}/campaigns/{campaign}/exports", json={"kind": "docx"})).status_code == 422
    refused = await http.post(f"{V1}/campaigns/{campaign}/retry", json={"reasons": ["contact_unusable"]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "reason_not_retryable"


async def test_retry_by_reason_and_resend(http: httpx.AsyncClient, campaign: UUID) -> None:
    moved = await http.post(f"{V1}/campaigns/{campaign}/retry", json={"reasons": ["timeout"]})
    assert (moved.status_code, moved.json()) == (202, {"moved": 5})
    made = await http.post(f"{V1}/campaigns/{campaign}/resend")
    assert made.status_code == 201
    assert (made.json()["status"], made.json()["resend_of"]) == ("DRAFT", str(campaign))
    found = (await http.get(f"{V1}/campaigns/{made.json()['id']}/preflight")).json()
    assert found["audience"]["total"] == 80


async def test_a_test_and_a_lookup(http: httpx.AsyncClient, campaign: UUID) -> None:
    sent = await http.post(f"{V1}/campaigns/{campaign}/test", json={"phone": "0812-0000-0009"})
    assert sent.status_code == 202
    assert sent.json()["text"] in ("Halo Orang 9", "Hai Orang 9")
    assert sent.json()["campaign_id"] is None
    refused = await http.post(f"{V1}/campaigns/{campaign}/lookups")
    assert refused.json()["code"] == "no_device"
