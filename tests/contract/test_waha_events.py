"""The parser against WAHA's samples, and against everything else that is JSON or not."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wa_app.channels.port import (
    AckLevel,
    BadSignature,
    ChangeKind,
    ChatKind,
    DeviceStatus,
    EchoSource,
    Event,
    Identity,
    IdentityKind,
    Ignored,
    MessageAcked,
    MessageChanged,
    MessageEchoed,
    MessageKind,
    MessageReceived,
    SessionStatusChanged,
)
from wa_app.channels.waha.events import check_signature, envelope_key, parse_webhook, sign
from wa_app.channels.waha.models import account, ack_level, as_chat, as_time, message_key

EVENTS = Path(__file__).parent / "waha" / "events"
SAMPLES = sorted(EVENTS.rglob("*.json"))
FRAGMENTS = ("_envelope.docs.json", "message.video-not-downloaded.docs.json")
CHANGES = ("message.reaction", "message.edited", "message.revoked", "poll.vote")
UNNAMED = ("message.revoked.before-after.docs.json",)
"""Says neither which message nor in which chat."""
PHONE, LID = IdentityKind.PHONE, IdentityKind.LID


def _body(path: Path) -> dict[str, Any]:
    value = json.loads(path.read_text())
    return dict(value.get("body", value))


def _parse(value: object) -> Event:
    return parse_webhook(json.dumps(value).encode())


def _expected(path: Path) -> type[Event]:
    event, payload = _body(path).get("event"), _body(path).get("payload", {})
    if path.name in FRAGMENTS:
        return Ignored
    if event == "session.status":
        return SessionStatusChanged
    if event == "message.ack":
        return MessageAcked
    if event in ("message", "message.any"):
        own = payload.get("fromMe", str(payload.get("id")).startswith("true_"))
        return MessageEchoed if own else MessageReceived
    return MessageChanged if event in CHANGES and path.name not in UNNAMED else Ignored


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_sample_becomes_the_expected_event(path: Path) -> None:
    event = _parse(_body(path))
    assert type(event) is _expected(path)
    assert event.event_id
    if isinstance(event, Ignored):
        assert event.reason in {"not_used", "no_kind", "no_message_id"}


def test_event_of_a_lid_chat() -> None:
    event = _parse(_body(EVENTS / "message.dm-lid.NOWEB.captured-2025.6.4.json"))
    assert isinstance(event, MessageReceived)
    assert event.peer == event.sender == (Identity(LID, "46300000000005@lid"),)
    assert (event.sender_name, event.text) == ("Contact", "Inbound text")
    assert event.event_id == "evt_01jyewpavw2ns6gc9j48ta562t"


def test_event_of_a_group() -> None:
    event = _parse(_body(EVENTS / "message.group-lid.WEBJS.captured-2026.1.3.json"))
    assert isinstance(event, MessageReceived)
    assert (event.chat_kind, event.message_id) == (ChatKind.GROUP, "3EB01C0FDFD037F51A4DEF")
    assert event.peer == ()
    assert event.sender == (Identity(LID, "20000000000001@lid"),)
    assert event.account is not None
    assert event.account.phone == "+31600000001"


def test_engine_from_the_environment() -> None:
    event = _parse({"event": "x", "environment": {"engine": "GOWS"}})
    assert event.engine == "GOWS"


@pytest.mark.parametrize(
    ("data", "from_me"),
    [
        ({"key": {"remoteJidAlt": "628123456789@s.whatsapp.net"}}, False),
        ({"key": {"remoteJidAlt": "628123456789@s.whatsapp.net"}}, True),
        ({"Info": {"SenderAlt": "628123456789:12@s.whatsapp.net", "RecipientAlt": "1@lid"}}, False),
        ({"Info": {"RecipientAlt": "628123456789@s.whatsapp.net", "SenderAlt": "628999999999@s.whatsapp.net"}}, True),
        ({"key": {"senderPn": "628123456789@s.whatsapp.net"}}, False),
    ],
)
def test_second_identity_of_a_lid_chat(data: dict[str, object], from_me: bool) -> None:
    word = str(from_me).lower()
    payload = {"id": f"{word}_99@lid_AB", "fromMe": from_me, "body": "hi", "_data": data}
    event = _parse({"event": "message.any", "session": "s", "payload": payload})
    assert isinstance(event, MessageEchoed | MessageReceived)
    assert event.peer == (Identity(LID, "99@lid"), Identity(PHONE, "+628123456789"))


@pytest.mark.parametrize("own", ["GOWS", "WEBJS"])
def test_chat_of_an_own_message_comes_from_the_id(own: str) -> None:
    ends = {"from": "111111@c.us", "to": None} if own == "GOWS" else {"from": "999999@c.us", "to": "111111@c.us"}
    payload = {"id": "true_111111@c.us_AB", "fromMe": True, "source": "api", **ends}
    event = _parse({"event": "message.any", "payload": payload})
    assert isinstance(event, MessageEchoed)
    assert (event.chat_id, event.source) == ("111111@c.us", EchoSource.API)


def test_own_message_with_an_object_for_an_id() -> None:
    payload = {
        "id": {"fromMe": True, "remote": {"_serialized": "111111@s.whatsapp.net"}, "id": "AB"},
        "timestamp": "1753694399.5",
        "media": {"url": None, "error": {"code": 13, "details": "download failed"}},
        "hasMedia": True,
    }
    event = _parse({"event": "message.any", "payload": payload})
    assert isinstance(event, MessageEchoed)
    assert (event.message_id, event.chat_id) == ("AB", "111111@c.us")
    assert event.at == datetime(2025, 7, 28, 9, 19, 59, 500_000, UTC)
    assert event.media is not None
    assert event.media.error == "download failed"
    assert event.source is EchoSource.UNKNOWN


def test_lone_surrogates_and_nul_do_not_lose_the_message() -> None:
    raw = rb'{"event":"message","payload":{"id":"false_111111@c.us_AB","body":"hai\u0000 \ud83d"}}'
    event = parse_webhook(raw)
    assert isinstance(event, MessageReceived)
    assert event.text == "hai \ufffd"
    event.text.encode()


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"_data": {"type": "ptt"}, "hasMedia": True}, MessageKind.AUDIO),
        ({"_data": {"message": {"stickerMessage": {}}}, "hasMedia": True}, MessageKind.STICKER),
        ({"_data": {"Message": {"imageMessage": {}}}, "hasMedia": True, "media": None}, MessageKind.IMAGE),
        ({"media": {"mimetype": "application/pdf"}}, MessageKind.DOCUMENT),
        ({"media": {"mimetype": "video/mp4"}}, MessageKind.VIDEO),
        ({"location": {"latitude": 1, "longitude": "2"}}, MessageKind.LOCATION),
        ({"vCards": ["BEGIN:VCARD"]}, MessageKind.CONTACT),
        ({"body": "x"}, MessageKind.TEXT),
        ({"hasMedia": True}, MessageKind.OTHER),
        ({}, MessageKind.OTHER),
    ],
)
def test_kind_of_message(payload: dict[str, object], kind: MessageKind) -> None:
    event = _parse({"event": "message", "payload": {"id": "false_111111@c.us_AB", **payload}})
    assert isinstance(event, MessageReceived)
    assert event.message_kind is kind


def test_acks_are_ranked_by_max() -> None:
    heard = [ack_level(2), ack_level(0), ack_level(-1), ack_level(None, "SERVER"), ack_level("3")]
    assert max(level for level in heard if level) is AckLevel.READ
    assert max(AckLevel.PENDING, AckLevel.FAILED) is AckLevel.FAILED
    assert max(AckLevel.FAILED, AckLevel.SENT) is AckLevel.SENT
    assert ack_level(None, "UNKNOWN") is None
    assert ack_level(9) is None


@pytest.mark.parametrize(
    ("word", "status", "started"),
    [
        ("STOPPED", DeviceStatus.DISCONNECTED, False),
        ("STARTING", DeviceStatus.STARTING, True),
        ("SCAN_QR_CODE", DeviceStatus.SCAN_QR, True),
        ("PASSKEY_REQUIRED", DeviceStatus.PASSKEY, True),
        ("WORKING", DeviceStatus.CONNECTED, True),
        ("FAILED", DeviceStatus.FAILED, True),
    ],
)
def test_status_words(word: str, status: DeviceStatus, started: bool) -> None:
    event = _parse({"event": "session.status", "me": None, "payload": {"name": "s", "status": word}})
    assert isinstance(event, SessionStatusChanged)
    assert (event.status, event.started, event.session) == (status, started, "s")


def test_limits_of_the_account() -> None:
    me = account(
        {
            "id": "628123456789@c.us",
            "reachoutTimelock": {"isActive": True, "timeEnforcementEnds": 1790064471, "enforcementType": "X"},
            "messageCapping": {"cappingStatus": "ACTIVE", "totalQuota": 100, "usedQuota": 40},
        }
    )
    assert me is not None
    assert (me.restricted, me.new_chats_left) == (True, 60)
    assert me.restricted_until == datetime(2026, 9, 22, 8, 7, 51, tzinfo=UTC)
    free = account(
        {"jid": "628123456789:22@s.whatsapp.net", "reachoutTimelock": None, "messageCapping": {"totalQuota": -1}}
    )
    assert free is not None
    assert (free.phone, free.restricted, free.new_chats_left) == ("+628123456789", None, None)


@pytest.mark.parametrize(
    ("given_time", "seconds"),
    [(1700000000, 1700000000), ("1700000000", 1700000000), (1700000000123, 1700000000.123), (1700000000.5, 1700000000.5),
     ("2023-11-14T22:13:20Z", 1700000000), ({"low": 1700000000, "high": 0, "unsigned": True}, 1700000000)],
)  # fmt: skip
def test_times(given_time: object, seconds: float) -> None:
    moment = as_time(given_time)
    assert moment is not None
    assert moment.timestamp() == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value", [None, True, "", "soon", -5, 0, float("nan"), 1e300, [], {}, {"low": 1, "high": 1 << 40}]
)
def test_odd_times(value: object) -> None:
    assert as_time(value) is None


@pytest.mark.parametrize(
    ("value", "chat"),
    [("628:12@s.whatsapp.net", "628@c.us"), ("9:1@lid", "9@lid"), ("1-2@g.us", "1-2@g.us"), ({"user": "5", "server": "c.us"}, "5@c.us"),
     ("", None), ("x", None), ("@c.us", None), (7, None), ({}, None)],
)  # fmt: skip
def test_chats(value: object, chat: str | None) -> None:
    assert as_chat(value) == chat


def test_keys_with_participants() -> None:
    key = message_key("false_123@g.us_ABC_999@lid")
    assert key is not None
    assert (key.bare, key.chat_id, key.from_me, key.participant) == ("ABC", "123@g.us", False, "999@lid")
    assert message_key("3EB0") is not None
    assert message_key("true_1@c.us_") is None


DOCS_BODY = b'{"event":"message","session":"default","engine":"WEBJS"}'
DOCS_HMAC = "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89"


def test_signature_of_the_docs() -> None:
    assert sign(DOCS_BODY, "my-secret-key") == DOCS_HMAC
    check_signature(DOCS_BODY, {"x-webhook-hmac": DOCS_HMAC, "x-webhook-hmac-algorithm": "sha512"}, "my-secret-key")


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, "my-secret-key"),
        ({"x-webhook-hmac": DOCS_HMAC}, "my-secret-key"),
        ({"x-webhook-hmac": DOCS_HMAC, "x-webhook-hmac-algorithm": "sha256"}, "my-secret-key"),
        ({"x-webhook-hmac": DOCS_HMAC[:-1] + "0", "x-webhook-hmac-algorithm": "sha512"}, "my-secret-key"),
        ({"x-webhook-hmac": "é", "x-webhook-hmac-algorithm": "sha512"}, "my-secret-key"),
        ({"x-webhook-hmac": sign(DOCS_BODY, ""), "x-webhook-hmac-algorithm": "sha512"}, ""),
    ],
)
def test_refuses_signatures(headers: dict[str, str], key: str) -> None:
    with pytest.raises(BadSignature):
        check_signature(DOCS_BODY, headers, key)


def test_envelope_key_without_an_id_is_stable() -> None:
    raw = (EVENTS / "message.text.WEBJS.docs.json").read_bytes()
    assert envelope_key(raw) == envelope_key(raw)
    assert envelope_key(raw)[0] == "message"
    assert envelope_key(raw)[1].startswith("sha256:")
    assert envelope_key(b"nonsense")[0] == ""


WORDS = ["id", "event", "payload", "session", "me", "_data", "key", "Info", "fromMe", "media", "ack", "from", "to", "timestamp",
         "participant", "replyTo", "location", "vCards", "status", "statuses", "data", "remote", "_serialized"]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["true_1@c.us_A", "message", "message.any", "message.ack", "session.status", "WORKING", "1@lid", "true__"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["message", "message.any", "message.ack", "session.status", "x"]), VALUES, VALUES)
def test_never_raises_on_odd_json(kind: str, payload: object, me: object) -> None:
    assert isinstance(_parse({"event": kind, "payload": payload, "me": me}), Event)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_never_raises_on_bytes(raw: bytes) -> None:
    assert isinstance(parse_webhook(raw), Event)


def test_never_raises_on_deep_nesting() -> None:
    assert isinstance(parse_webhook(b"[" * 200_000), Ignored)
    assert isinstance(parse_webhook(b'{"payload":' * 100_000), Ignored)


def test_what_happens_to_a_message_names_it_by_its_bare_id() -> None:
    names = ("message.reaction.WEBJS", "message.edited", "message.revoked", "poll.vote.dm.NOWEB")
    reaction, edit, deletion, vote = (_parse(_body(EVENTS / f"{name}.docs.json")) for name in names)
    assert isinstance(reaction, MessageChanged)
    assert reaction.change is ChangeKind.REACTION
    assert (reaction.message_id, reaction.text, reaction.by) == ("1" * 32, "🙏", "79111111@c.us")
    assert isinstance(edit, MessageChanged)
    assert (edit.message_id, edit.text, edit.from_me) == ("A" * 16, "New body", False)
    assert isinstance(deletion, MessageChanged)
    assert (deletion.message_id, deletion.change) == ("A" * 16, ChangeKind.DELETION)
    assert isinstance(vote, MessageChanged)
    assert (vote.message_id, vote.options) == ("BAE5F2EF5C69001E", ("Awesome!",))


def test_a_poll_is_a_message_with_its_options() -> None:
    raw = {"pollCreationMessageV3": {"name": "Rasa apa?", "options": [{"optionName": "Cokelat"}, {"optionName": "Keju"}]}}
    payload = {"id": "false_6281@c.us_AB", "from": "6281@c.us", "fromMe": False, "_data": {"message": raw}}
    event = _parse({"event": "message.any", "session": "s", "payload": payload})
    assert isinstance(event, MessageReceived)
    assert event.message_kind is MessageKind.POLL
    assert event.poll == ("Rasa apa?", ("Cokelat", "Keju"))
