"""Client and sandbox over real sockets: time-outs, broken connections, webhooks, counts."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvicorn

from tests.fixtures.sandbox import KEY, Sandbox, quick, running_sandbox
from wa_app.channels.port import (
    AccountRestricted,
    AckLevel,
    AnyEvent,
    ContactUnusable,
    DeviceStatus,
    DeviceTrouble,
    MessageAcked,
    MessageChanged,
    MessageEchoed,
    MessageReceived,
    NotSent,
    OutcomeUnknown,
    Receipt,
    RetryLater,
    SessionSpec,
    SessionStatusChanged,
)
from wa_app.channels.waha import client as client_module
from wa_app.channels.waha.client import WahaClient
from wa_app.channels.waha.events import check_signature, parse_webhook

CHAT = "628123456789@c.us"
SECRET = "per-device-key"


@dataclass
class Receiver:
    """A webhook receiver: keeps what came, answers what it is told to."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (event := await receive()).get("more_body"):
            body += event["body"]
        body += event["body"]
        self.requests.append((body, {k.decode(): v.decode() for k, v in scope["headers"]}))
        status = self.statuses.pop(0) if self.statuses else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    @property
    def events(self) -> list[AnyEvent]:
        return [parse_webhook(body) for body, _ in self.requests]

    async def until(self, kind: type[Any], n: int = 1, **fields: object) -> list[Any]:
        """Wait until `n` events of a kind with these fields have come."""
        for _ in range(250):
            found = [
                event
                for event in self.events
                if isinstance(event, kind) and all(getattr(event, k) == v for k, v in fields.items())
            ]
            if len(found) >= n:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"{n} x {kind.__name__} {fields} never came: {self.events}")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    listener = socket.create_server(("127.0.0.1", 0))
    found = Receiver(f"http://127.0.0.1:{listener.getsockname()[1]}/hook")
    server = uvicorn.Server(uvicorn.Config(found, log_level="error", access_log=False, lifespan="off"))
    server.capture_signals = contextlib.nullcontext
    task = asyncio.create_task(server.serve(sockets=[listener]))
    yield found
    server.should_exit = True
    await task


@pytest.fixture
async def waha(sandbox: Sandbox) -> AsyncIterator[WahaClient]:
    client = WahaClient(sandbox.url, KEY)
    yield client
    await client.aclose()


@pytest.fixture
async def linked(sandbox: Sandbox, waha: WahaClient, receiver: Receiver) -> WahaClient:
    """A client with the linked session `shop` whose webhooks go to the receiver."""
    await waha.create_session(SessionSpec("shop", receiver.url, SECRET, {"tenant.id": "t-1"}))
    await sandbox.scan("shop")
    return waha


async def test_webhooks_tell_the_whole_story(sandbox: Sandbox, linked: WahaClient, receiver: Receiver) -> None:
    receipt = await linked.send_text("shop", CHAT, "Halo")
    await receiver.until(MessageAcked, level=AckLevel.READ, message_id=receipt.message_id)
    (echo,) = await receiver.until(MessageEchoed)
    assert (echo.message_id, echo.text, echo.chat_id) == (receipt.message_id, "Halo", CHAT)
    await sandbox.control.post("/sandbox/sessions/shop/inbound", json={"from": "628123456789", "text": "Hai"})
    (came,) = await receiver.until(MessageReceived)
    assert came.text == "Hai"
    statuses = [event.status for event in receiver.events if isinstance(event, SessionStatusChanged)]
    assert set(statuses) >= {DeviceStatus.SCAN_QR, DeviceStatus.CONNECTED}
    for body, headers in receiver.requests:
        check_signature(body, headers, SECRET)
        assert json.loads(body)["metadata"] == {"tenant.id": "t-1"}


async def test_what_the_customer_does_to_messages_is_told(sandbox: Sandbox, linked: WahaClient, receiver: Receiver) -> None:
    ours = await linked.send_text("shop", CHAT, "Halo")
    at = "/sandbox/sessions/shop"
    await sandbox.control.post(f"{at}/inbound", json={"from": CHAT.removesuffix("@c.us"), "text": "Hai"})
    (theirs,) = await receiver.until(MessageReceived)
    for verb, more in (("react", {"emoji": "🙏"}), ("react", {"emoji": ""}), ("edit", {"text": "Halo juga"}), ("revoke", {})):
        assert (await sandbox.control.post(f"{at}/{verb}", json={"chat": CHAT, **more})).status_code == 200
    events = await receiver.until(MessageChanged, n=4)
    told = sorted((one.change.value, one.message_id, one.text, one.from_me) for one in events)
    assert told == sorted([
        ("reaction", ours.message_id, "🙏", False), ("reaction", ours.message_id, "", False),
        ("edit", theirs.message_id, "Halo juga", False), ("deletion", theirs.message_id, "", False),
    ])  # fmt: skip
    assert {one.by for one in events} == {CHAT}
    assert (await sandbox.control.post(f"{at}/edit", json={"chat": CHAT, "id": ours.message_id, "text": "x"})).status_code == 404


async def test_retries_carry_the_same_bytes(sandbox: Sandbox, waha: WahaClient, receiver: Receiver) -> None:
    receiver.statuses = [500, 404]
    spec = SessionSpec("shop", receiver.url, SECRET)
    await waha.create_session(spec)
    sandbox.world.sessions["shop"].config["webhooks"][0]["retries"] = {"policy": "constant", "delaySeconds": 0.05}
    for _ in range(200):
        if len(receiver.requests) >= 4:
            break
        await asyncio.sleep(0.02)
    bodies = [body for body, _ in receiver.requests]
    repeated = [body for body in set(bodies) if bodies.count(body) > 1]
    assert repeated
    marks = {headers["x-webhook-request-id"] for body, headers in receiver.requests if body == repeated[0]}
    assert len(marks) == 1


async def test_two_webhooks_for_one_event_when_asked(sandbox: Sandbox, linked: WahaClient, receiver: Receiver) -> None:
    await receiver.until(SessionStatusChanged, status=DeviceStatus.CONNECTED)
    await sandbox.fault("webhook_twice")
    await sandbox.control.post("/sandbox/sessions/shop/owner", json={"to": "628123456789", "text": "x"})
    twice = await receiver.until(MessageEchoed, n=2)
    assert len({event.event_id for event in twice}) == 1


async def test_hang_is_unknown_and_read_back(
    sandbox: Sandbox, linked: WahaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "SEND_S", 0.3)
    await sandbox.fault("hang", seconds=2)
    with pytest.raises(OutcomeUnknown):
        await linked.send_text("shop", CHAT, "Halo")
    own = await linked.own_messages("shop", CHAT, since=datetime.now(UTC) - timedelta(minutes=1))
    assert [message.text for message in own] == ["Halo"]
    assert (await sandbox.counts())["accepted"] == 1


@pytest.mark.parametrize("kind", ["cut", "http_500_after"])
async def test_no_clear_answer_is_unknown(sandbox: Sandbox, linked: WahaClient, kind: str) -> None:
    await sandbox.fault(kind)
    with pytest.raises(OutcomeUnknown):
        await linked.send_text("shop", CHAT, "Halo")
    assert (await sandbox.counts())["accepted"] == 1


async def test_empty_answer_is_accepted_without_an_id(sandbox: Sandbox, linked: WahaClient) -> None:
    await sandbox.fault("empty_answer")
    assert await linked.send_text("shop", CHAT, "Halo") == Receipt(None)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("422", DeviceTrouble), ("463", AccountRestricted), ("no_lid", ContactUnusable), ("rate", RetryLater),
     ("http_500", OutcomeUnknown)],
)  # fmt: skip
async def test_refusals_send_nothing(sandbox: Sandbox, linked: WahaClient, kind: str, error: type[Exception]) -> None:
    await sandbox.fault(kind)
    with pytest.raises(error):
        await linked.send_text("shop", CHAT, "Halo")
    assert (await sandbox.counts())["accepted"] == 0
    assert (await linked.send_text("shop", CHAT, "Halo")).message_id


async def test_nobody_there_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = WahaClient(f"http://127.0.0.1:{port}", KEY)
    with pytest.raises(NotSent):
        await client.send_text("shop", CHAT, "Halo")
    await client.aclose()


async def test_connection_lost_before_an_answer_is_unknown() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    client = WahaClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", KEY)
    with pytest.raises(OutcomeUnknown):
        await client.send_text("shop", CHAT, "Halo")
    with pytest.raises(RetryLater):
        await client.list_sessions()
    await client.aclose()
    server.close()
    await server.wait_closed()


async def test_same_id_goes_out_once() -> None:
    settings = quick()
    settings.engine = "GOWS"
    async with running_sandbox(settings) as sandbox:
        client = WahaClient(sandbox.url, KEY)
        await client.create_session(SessionSpec("shop", "http://127.0.0.1:9/x", SECRET))
        await sandbox.scan("shop")
        message_id = await client.new_message_id("shop")
        for _ in range(2):
            assert await client.send_text("shop", CHAT, "Halo", message_id=message_id) == Receipt(message_id, CHAT)
        assert (await sandbox.counts()) | {"asked": 2, "accepted": 1} == await sandbox.counts()
        await client.aclose()


async def test_code_renews_then_fails(sandbox: Sandbox, waha: WahaClient) -> None:
    sandbox.world.settings.qr_first_s = sandbox.world.settings.qr_next_s = 0.05
    await waha.create_session(SessionSpec("shop", "http://127.0.0.1:9/x", SECRET))
    codes = set()
    for _ in range(200):
        info = await waha.get_session("shop")
        assert info is not None
        if info.status is DeviceStatus.FAILED:
            break
        with contextlib.suppress(DeviceTrouble):
            codes.add(await waha.qr("shop"))
        await asyncio.sleep(0.01)
    assert 3 <= len(codes) <= 6
    with pytest.raises(DeviceTrouble):
        await waha.pairing_code("shop", "+628123456789")


async def test_passkey_and_lost_network(sandbox: Sandbox, waha: WahaClient, receiver: Receiver) -> None:
    await waha.create_session(SessionSpec("shop", receiver.url, SECRET))
    await sandbox.scan("shop", passkey=True)
    (asked,) = await receiver.until(SessionStatusChanged, status=DeviceStatus.PASSKEY)
    assert asked.passkey_code
    await sandbox.control.post("/sandbox/sessions/shop/confirm")
    await receiver.until(SessionStatusChanged, status=DeviceStatus.CONNECTED)
    drop = {"status": "STARTING", "back_after_s": 0.05}
    await sandbox.control.post("/sandbox/sessions/shop/drop", json=drop)
    await receiver.until(SessionStatusChanged, n=2, status=DeviceStatus.CONNECTED)


async def test_memory_is_bounded(sandbox: Sandbox, linked: WahaClient) -> None:
    sandbox.world.settings.keep_messages = 20
    for number in range(40):
        await linked.send_text("shop", f"6281234{number:05d}1@c.us", "Halo")
    assert len(sandbox.world.messages) == 20
    assert len(sandbox.world.sessions["shop"].chats) == 20
    counts = await sandbox.counts()
    assert (counts["asked"], counts["accepted"], counts["distinct"], counts["duplicates"]) == (40, 40, 40, 0)
    await sandbox.control.post("/sandbox/reset", json={"sessions": True})
    assert (await sandbox.counts())["asked"] == 0
    assert await linked.list_sessions() == []


async def test_page_is_served_and_speaks_to_no_one_else(sandbox: Sandbox) -> None:
    answer = await sandbox.control.get("/")
    assert answer.status_code == 200
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    assert "http://" not in answer.text
    assert "https://" not in answer.text
