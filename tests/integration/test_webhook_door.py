"""The short way of webhooks through the whole application answers exactly as the long way does."""

from collections.abc import AsyncIterator

import orjson
import pytest
from fastapi import FastAPI

from bench.seeding import SeededDevice, World
from tests.fixtures.api import client_for
from wa_app.api.webhooks import Door
from wa_app.channels.waha.events import sign
from wa_app.inbound import intake as intake_module
from wa_app.kit.ids import new_id


def body_of(event_id: str = "") -> bytes:
    payload = {"id": "true_62811@c.us_AB", "ack": 1, "fromMe": True}
    return orjson.dumps({"id": event_id or new_id().hex, "event": "message.ack", "session": "s", "payload": payload})


def signed(device: SeededDevice, body: bytes) -> dict[str, str]:
    return {"X-Webhook-Hmac": sign(body, device.hmac_key), "X-Webhook-Hmac-Algorithm": "sha512"}


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body[:10]
    yield body[10:]


async def test_short_and_long_way_answer_alike(api: FastAPI, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no stated size goes through the router; what has one through the door."""
    (device,) = await world.link(1)
    through: list[str] = []
    original = Door.__call__

    async def noting(self: Door, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        inner = self.app

        async def long_way(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
            through.append("long")
            await inner(scope, receive, send)

        self.app = long_way
        await original(self, scope, receive, send)

    monkeypatch.setattr(Door, "__call__", noting)
    cases = [(device.token, True, 200), (device.token, False, 401), ("nobody", True, 404)]
    async with client_for(api) as http:
        for token, is_signed, status in cases:
            seen = []
            for pieces in (False, True):
                body = body_of()
                headers = {"X-Correlation-Id": "abc-1", **(signed(device, body) if is_signed else {})}
                content = in_pieces(body) if pieces else body
                answer = await http.post(f"/webhooks/waha/{token}", content=content, headers=headers)
                assert answer.status_code == status, answer.text
                seen.append((answer.content, {k: v for k, v in answer.headers.items() if k != "content-length"}))
            assert seen[0] == seen[1]
            assert seen[0][1]["x-correlation-id"] == "abc-1"
            assert seen[0][1]["x-content-type-options"] == "nosniff"
    assert through == ["long"] * len(cases)


async def test_stored_before_it_is_answered_and_once(api: FastAPI, world: World) -> None:
    (device,) = await world.link(1)
    body = body_of("evt_once")
    async with client_for(api) as http:
        for _ in range(3):
            answer = await http.post(f"/webhooks/waha/{device.token}", content=body, headers=signed(device, body))
            assert answer.status_code == 200
            rows = await world.fetch("SELECT body FROM inbound_events WHERE device_id = $1 AND envelope_id = 'evt_once'", device.id)
            assert [bytes(row["body"]) for row in rows] == [body]


async def test_a_database_that_is_away_is_said_so_and_nobody_waits(
    api: FastAPI, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (device,) = await world.link(1)
    body = body_of()
    async with client_for(api) as http:
        monkeypatch.setattr(intake_module, "_INSERT", "SELECT * FROM no_such_table")
        answer = await http.post(f"/webhooks/waha/{device.token}", content=body, headers=signed(device, body))
        assert (answer.status_code, answer.json()["code"]) == (500, "surprise")
        monkeypatch.undo()
        answer = await http.post(f"/webhooks/waha/{device.token}", content=body, headers=signed(device, body))
        assert answer.status_code == 200


async def test_other_methods_and_paths_go_the_long_way(api: FastAPI) -> None:
    async with client_for(api) as http:
        assert (await http.get("/webhooks/waha/x")).status_code == 405
        assert (await http.post("/webhooks/waha/x/y", content=b"{}")).status_code == 404
        assert (await http.post("/webhooks/waha/", content=b"{}")).status_code in (404, 405, 307)
        big = b"x" * (8 * 1024 * 1024 + 1)
        assert (await http.post("/webhooks/waha/x", content=big)).status_code == 413
