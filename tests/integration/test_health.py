"""Health says what is missing, metrics add up over processes and are not for everybody."""

import asyncio

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fixtures.api import client_for
from tests.fixtures.services import environment
from wa_app.services import health


async def test_alive_needs_nothing(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get("/healthz")).json() == {"status": "ok"}


async def test_ready_names_each_part(stranger: httpx.AsyncClient, chroma_url: str) -> None:
    answer = await stranger.get("/readyz")
    checks = {check["name"]: check for check in answer.json()["checks"]}
    assert answer.status_code == 200, answer.text
    assert set(checks) == {"database", "redis", "chroma", "waha"}
    assert checks["database"]["ok"]
    assert checks["redis"]["ok"]
    assert checks["chroma"]["ok"]


async def test_hanging_part_is_reported_and_not_waited_for(
    stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LIMIT_S", 0.2)

    async def hang() -> str:
        await asyncio.sleep(60)
        return ""

    monkeypatch.setattr(health, "_redis", hang)
    async with asyncio.timeout(10):
        answer = await stranger.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "down"


async def test_missing_chroma_degrades(stranger: httpx.AsyncClient) -> None:
    with environment(CHROMA_URL="http://user:secret@127.0.0.1:9"):
        answer = await stranger.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "secret" not in answer.text


async def test_metrics_hold_every_figure(stranger: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    await client.get("/api/v1/files/00000000-0000-0000-0000-000000000000")
    answer = await stranger.get("/metrics")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert set(health._FIGURES) <= set(families)
    routes = {sample.labels["route"] for sample in families["sapa_http_seconds"].samples}
    assert any(route.endswith("/files/{file_id}") for route in routes)
    assert not any("00000000" in route for route in routes)


async def test_metrics_add_up_over_processes(served: str) -> None:
    async with httpx.AsyncClient(base_url=served) as outside:
        for _ in range(20):
            await outside.get("/healthz")
        answer = await outside.get("/metrics")
    samples = [
        sample for family in text_string_to_metric_families(answer.text) for sample in family.samples
        if sample.name == "sapa_http_seconds_count" and sample.labels["route"] == "/healthz"
    ]  # fmt: skip
    assert sum(sample.value for sample in samples) >= 20


async def test_metrics_are_not_for_everybody(api: object) -> None:
    async with client_for(api, **{"X-Forwarded-For": "8.8.8.8"}) as proxied:  # type: ignore[arg-type]
        assert (await proxied.get("/metrics")).status_code == 401
    with environment(SAPA_METRICS_TOKEN="figures"):
        async with client_for(api) as plain, client_for(api, Authorization="Bearer figures") as scraper:  # type: ignore[arg-type]
            assert (await plain.get("/metrics")).status_code == 401
            assert (await scraper.get("/metrics")).status_code == 200
