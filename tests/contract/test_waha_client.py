"""The client against WAHA's document: every request is one it knows, and every answer one it or a capture allows."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from tests.contract import spec
from tests.fixtures.sandbox import KEY, quick
from wa_app.channels.port import (
    AccessRefused,
    AccountRestricted,
    ChannelError,
    ContactUnusable,
    DeviceStatus,
    DeviceTrouble,
    Identity,
    IdentityKind,
    OutcomeUnknown,
    OutgoingFile,
    Quoted,
    Receipt,
    Refused,
    RetryLater,
    SessionSpec,
    Unsupported,
)
from wa_app.channels.waha.client import WahaClient
from wa_app.channels.waha.errors import classify
from wa_app.sandbox import create_app
from wa_app.sandbox.world import ENGINES, World

RESPONSES = Path(__file__).parent / "waha" / "responses"
CHAT = "628123456789@c.us"
FREE_SHAPES = ("/api/send", "/groups", "/api/server/version", "/auth/request-code", "/new-message-id")
"""Answers whose shape the document gets wrong or leaves open; each engine's own shape is checked by capture."""


class Judge(httpx.AsyncBaseTransport):
    """Passes calls on to the sandbox and holds both directions against the document."""

    def __init__(self, app: object) -> None:
        self.inner = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        self.seen: list[tuple[str, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raw_path = request.url.raw_path.decode().partition("?")[0]
        assert "@" not in raw_path, "chat ids in paths are percent-encoded"
        path = unquote(raw_path)
        body = json.loads(request.content) if request.content else None
        assert request.headers["x-api-key"] == KEY
        spec.check_request(request.method, path, dict(request.url.params), body)
        self.seen.append((request.method, path))
        response = await self.inner.handle_async_request(request)
        await response.aread()
        if response.is_success and not any(part in path for part in FREE_SHAPES) and response.content:
            assert not spec.answer_problems(request.method, path, response.status_code, response.json()), path
        return response


@pytest.fixture(params=ENGINES)
async def linked(request: pytest.FixtureRequest) -> AsyncIterator[tuple[WahaClient, World, Judge, str]]:
    """A client and a linked session of each engine."""
    settings = quick()
    settings.engine = request.param
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        judge = Judge(app)
        client = WahaClient("http://sandbox", KEY, transport=judge)
        await client.create_session(_spec("shop"))
        await client.qr("shop")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sandbox") as control:
            answer = await control.post("/sandbox/sessions/shop/scan", json={"phone": "6281100001111"})
            assert answer.status_code == 200
        yield client, app.state.world, judge, request.param
        await client.aclose()


def _spec(name: str) -> SessionSpec:
    return SessionSpec(name, "http://127.0.0.1:9/webhooks/waha/t", "k" * 32, {"tenant.id": "t-1"})


async def test_asks_only_what_waha_knows(linked: tuple[WahaClient, World, Judge, str]) -> None:
    client, world, judge, engine = linked
    await client.ping()
    assert [info.name for info in await client.list_sessions()] == ["shop"]
    info = await client.get_session("shop")
    assert info is not None
    assert (info.status, info.engine) == (DeviceStatus.CONNECTED, engine)
    me = await client.me("shop")
    assert me is not None
    assert me.phone == "+6281100001111"
    assert (await client.check_number("shop", "+628123456789")).chat_id == CHAT
    assert not (await client.check_number("shop", "+628120000")).exists
    assert (await client.check_number("shop", "+5541998887777")).chat_id == "554198887777@c.us"

    message_id = await client.new_message_id("shop")
    assert (message_id is not None) is (engine in ("NOWEB", "GOWS"))
    receipt = await client.send_text("shop", CHAT, "Halo", message_id=message_id, link_preview=False)
    assert receipt.message_id
    assert message_id in (None, receipt.message_id)
    for send in (client.send_image, client.send_video, client.send_file):
        file = OutgoingFile("image/jpeg", "a.jpg", data=b"\xff\xd8")
        assert (await send("shop", CHAT, file, "caption")).message_id
    assert (await client.send_voice("shop", CHAT, OutgoingFile("audio/ogg", "a.ogg", data=b"OggS"))).message_id

    since = datetime.now(UTC) - timedelta(minutes=5)
    own = await client.own_messages("shop", CHAT, since=since)
    assert {message.text for message in own} == {"Halo", "caption", ""}
    assert receipt.message_id in {message.message_id for message in own}
    await client.seen("shop", CHAT, ["ABC"])
    await client.seen("shop", CHAT)
    await client.start_typing("shop", CHAT)
    await client.stop_typing("shop", CHAT)
    assert [entry["kind"] for entry in world.sessions["shop"].log] == ["seen", "seen", "typing", "typed"]

    pair = await client.lid_of("shop", "+628123456789")
    assert pair.lid is not None
    assert (await client.phone_of("shop", pair.lid)).phone == "+628123456789"
    assert (await client.phone_of("shop", "123@lid")).phone is None

    await client.stop_session("shop")
    assert [info.started for info in await client.list_sessions()] == [False]
    await client.start_session("shop")
    await client.restart_session("shop")
    await client.logout_session("shop")
    await client.delete_session("shop")
    await client.delete_session("shop")
    assert await client.get_session("shop") is None
    assert len({path for _, path in judge.seen}) > 20


async def test_reads_groups_of_every_engine(linked: tuple[WahaClient, World, Judge, str]) -> None:
    client, world, _, _ = linked
    from wa_app.sandbox.world import GroupChat

    for number in range(3):
        group = GroupChat(f"12036300000{number}@g.us", f"Grup {number}", [CHAT])
        world.sessions["shop"].groups[group.id] = group
    assert [group.name for group in await client.groups("shop")] == ["Grup 0", "Grup 1", "Grup 2"]
    owner, member = await client.group_members("shop", "120363000000@g.us")
    assert (owner.is_admin, member.phone, member.is_admin) == (True, "+628123456789", False)


async def test_quotes_and_asks_for_files_by_whole_ids(linked: tuple[WahaClient, World, Judge, str]) -> None:
    client, world, _, _ = linked
    quoted = Quoted("ABC", False, "999@lid")
    await client.send_text("shop", "123@g.us", "Halo", quoted=quoted)
    file = OutgoingFile("image/jpeg", "a.jpg", data=b"x")
    await client.send_image("shop", CHAT, file, quoted=Quoted("ABC", True))
    await client.send_file("shop", CHAT, file, quoted=Quoted("ABC"))
    sent = sorted(filter(None, (message.reply_to for message in world.messages.values())))
    assert sent == ["ABC", "false_123@g.us_ABC_999@lid", f"true_{CHAT}_ABC"]
    with pytest.raises(DeviceTrouble):
        await client.media_again("shop", "123@g.us", quoted)


async def test_creating_a_session_twice_reconfigures_it(linked: tuple[WahaClient, World, Judge, str]) -> None:
    client, world, _, _ = linked
    again = SessionSpec("shop", "http://127.0.0.1:9/other", "x" * 32)
    assert (await client.create_session(again)).name == "shop"
    assert world.sessions["shop"].config["webhooks"][0]["url"] == "http://127.0.0.1:9/other"


async def test_session_carries_what_later_work_needs(linked: tuple[WahaClient, World, Judge, str]) -> None:
    _, world, _, _ = linked
    config = world.sessions["shop"].config
    assert config["noweb"]["store"]["enabled"] is True
    assert config["webjs"]["tagsEventsOn"] is True
    assert config["metadata"] == {"tenant.id": "t-1"}
    (hook,) = config["webhooks"]
    assert hook["hmac"] == {"key": "k" * 32}
    assert {"session.status", "message.any", "message.ack"} <= set(hook["events"])
    assert "message" not in hook["events"], "message and message.any together double every message"


async def test_qr_and_pairing_code_before_linking() -> None:
    app = create_app(quick())
    async with app.router.lifespan_context(app):
        client = WahaClient("http://sandbox", KEY, transport=Judge(app))
        await client.create_session(_spec("new"))
        assert (await client.qr("new")).startswith("2@")
        assert (await client.qr_png("new")).startswith(b"\x89PNG")
        assert len(await client.pairing_code("new", "+628123456789")) == 9
        with pytest.raises(DeviceTrouble) as caught:
            await client.send_text("new", CHAT, "Halo")
        assert caught.value.status is DeviceStatus.SCAN_QR
        await client.aclose()


async def test_wrong_key_is_refused() -> None:
    app = create_app(quick())
    async with app.router.lifespan_context(app):
        client = WahaClient("http://sandbox", "other", transport=httpx.ASGITransport(app=app))
        with pytest.raises(AccessRefused):
            await client.ping()
        await client.aclose()


def _scripted(status: int, body: bytes) -> WahaClient:
    return WahaClient("http://waha", KEY, transport=httpx.MockTransport(lambda _: httpx.Response(status, content=body)))


@pytest.mark.parametrize(
    ("body", "bare", "chat"),
    [
        (
            (RESPONSES / "sendText.201.NOWEB.captured-2025.1.6.json").read_bytes(),
            "3EB08A6895830F110A5E4D",
            "111111111111@c.us",
        ),
        (
            (RESPONSES / "sendText.201.WEBJS.captured-2025.11.partial.json").read_bytes(),
            "3EB0378E606CA43FEF38D2",
            "628000000001@c.us",
        ),
        (b'{"id":"true_111@c.us_3EB0AA","_data":{}}', "3EB0AA", "111@c.us"),
        (b'{"id":{"fromMe":true,"remote":"111@c.us","id":"3EB0BB"}}', "3EB0BB", "111@c.us"),
        (
            b'{"id":{"fromMe":true,"remote":{"_serialized":"111@c.us"},"id":"3EB0CC","self":"out"}}',
            "3EB0CC",
            "111@c.us",
        ),
        (b'{"id":null,"_data":{"id":{"_serialized":"true_5@lid_3EB0DD"}}}', "3EB0DD", "5@lid"),
        (b'{"_data":{"Info":{"ID":"3EB0EE"}}}', "3EB0EE", None),
        (b"", None, None),
        (b"[]", None, None),
    ],
)
async def test_reads_the_id_from_every_engines_answer(body: bytes, bare: str | None, chat: str | None) -> None:
    client = _scripted(201, body)
    assert await client.send_text("s", CHAT, "Halo") == Receipt(bare, chat)
    await client.aclose()


@pytest.mark.parametrize(
    ("sample", "status", "expected"),
    [
        ("error.401.json", 401, AccessRefused),
        ("error.422.not-implemented.captured-2024.12.json", 422, Unsupported),
        ("error.422.session-not-ready.json", 422, DeviceTrouble),
        ("error.500.463-restricted.GOWS.captured-2026.json", 500, AccountRestricted),
        ("error.500.no-lid.GOWS.captured-2026.5.1.json", 500, ContactUnusable),
    ],
)
async def test_classes_captured_errors(sample: str, status: int, expected: type[ChannelError]) -> None:
    client = _scripted(status, (RESPONSES / sample).read_bytes())
    with pytest.raises(expected) as caught:
        await client.send_text("s", CHAT, "Halo")
    assert not caught.value.may_have_been_sent
    assert "525500000001" not in str(caught.value), "numbers stay out of the logs"
    await client.aclose()


def _thrown(words: str) -> bytes:
    return json.dumps(
        {"statusCode": 500, "exception": {"message": words}, "request": {"body": {"text": "error 463"}}}
    ).encode()


@pytest.mark.parametrize(
    ("status", "body", "sending", "expected"),
    [
        (500, _thrown("rate-overlimit"), True, RetryLater),
        (500, _thrown("Attempted to use detached Frame 'A1'"), True, DeviceTrouble),
        (500, _thrown("Protocol error: Session closed."), True, OutcomeUnknown),
        (500, _thrown("Protocol error: Session closed."), False, DeviceTrouble),
        (500, _thrown("Evaluation failed: t"), True, OutcomeUnknown),
        (500, _thrown("Evaluation failed: t"), False, RetryLater),
        (500, b"<html>", True, OutcomeUnknown),
        (502, b"", True, OutcomeUnknown),
        (503, b"", True, OutcomeUnknown),
        (429, b"", True, RetryLater),
        (501, b"", True, Unsupported),
        (404, b'{"message":"Session not found"}', True, DeviceTrouble),
        (422, b'{"error":"Session \\"x\\" does not exist","session":"x"}', True, DeviceTrouble),
        (400, b'{"statusCode":400,"message":["chatId must be a string"]}', True, Refused),
        (422, b'{"error":{"a":1},"message":[1]}', True, Refused),
    ],
)
def test_classes_other_errors(status: int, body: bytes, sending: bool, expected: type[ChannelError]) -> None:
    error = classify(status, body, sending=sending)
    assert type(error) is expected
    assert error.may_have_been_sent is (expected is OutcomeUnknown)


def test_an_echoed_request_does_not_decide_the_class() -> None:
    assert type(classify(500, _thrown("boom"), sending=True)) is OutcomeUnknown


def test_builds_chat_ids() -> None:
    client = _scripted(200, b"")
    assert client.chat_id_of(Identity(IdentityKind.PHONE, "+628123456789")) == CHAT
    for value in ("46300000000005@lid", "46300000000005"):
        assert client.chat_id_of(Identity(IdentityKind.LID, value)) == "46300000000005@lid"
