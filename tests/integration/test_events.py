"""The stream of events: the tenant's own, in time, and over when the session is."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import text

from tests.fixtures.api import Signed, make_signed_tenant
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.services.sessions import COOKIE


async def lines_of(base: str, signed: Signed) -> AsyncIterator[str]:
    timeout = httpx.Timeout(5, read=12)
    async with (
        httpx.AsyncClient(base_url=base, cookies={COOKIE: signed.cookie}, timeout=timeout) as client,
        client.stream("GET", "/api/v1/events") as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            yield line


async def until(lines: AsyncIterator[str], start: str) -> str:
    async for line in lines:
        if line.startswith(start):
            return line
    pytest.fail(f"the stream ended before {start}")


async def test_tells_its_own_tenant_what_changed(served: str, signed: Signed, other: Signed) -> None:
    lines = lines_of(served, signed)
    await until(lines, ": welcome")
    async with unit_of_work(other.principal) as uow:
        uow.publish("device", id="theirs")
    async with unit_of_work(signed.principal) as uow:
        uow.publish("device", id="mine", status="CONNECTED")
    assert await until(lines, "event:") == "event: device"
    assert await until(lines, "data:") == 'data: {"id":"mine","status":"CONNECTED"}'
    await lines.aclose()


async def test_tells_nothing_that_the_role_may_not_read(served: str) -> None:
    narrow = await make_signed_tenant(verbs=frozenset({"campaigns.read"}))
    lines = lines_of(served, narrow)
    await until(lines, ": welcome")
    async with unit_of_work(narrow.principal) as uow:
        uow.publish("device", id="x")
        uow.publish("campaign", id="y")
    assert await until(lines, "event:") == "event: campaign"
    await lines.aclose()


async def test_ends_within_seconds_of_signing_out(served: str, signed: Signed) -> None:
    lines = lines_of(served, signed)
    await until(lines, ": welcome")
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE user_sessions SET revoked_at = now() WHERE id = :id"), {"id": signed.session_id}
        )
    started = time.monotonic()
    assert await until(lines, "event:") == "event: signed_out"
    assert time.monotonic() - started < 8
    assert [line async for line in lines if line.startswith("event")] == []


async def test_watchers_end_with_their_clients(served: str, settings: object, signed: Signed) -> None:
    from wa_app.db import live_channel, redis_client

    channel = live_channel(signed.tenant_id)
    streams = [lines_of(served, signed) for _ in range(4)]
    for lines in streams:
        await until(lines, ": welcome")
    assert (await redis_client().pubsub_numsub(channel))[0][1] >= 1
    for lines in streams:
        await lines.aclose()
    deadline = time.monotonic() + 15
    # Redis does not say when a subscriber goes.
    while (left := (await redis_client().pubsub_numsub(channel))[0][1]) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    assert left == 0


async def test_needs_a_sign_in(served: str) -> None:
    async with httpx.AsyncClient(base_url=served) as client:
        assert (await client.get("/api/v1/events")).status_code == 401
