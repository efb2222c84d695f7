"""Webhooks of WAHA: checking who signed them and saying them in our words.

Bodies are signed with HMAC-SHA512 over the raw bytes; the timestamp header is not
covered and every retry is identical, so a narrow replay window would drop honest
late retries. Repeats are dropped by `event_id` instead.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from wa_app.channels.port import (
    AckLevel,
    AnyEvent,
    BadSignature,
    ChatKind,
    EchoSource,
    Identity,
    Ignored,
    IncomingMedia,
    MessageAcked,
    MessageEchoed,
    MessageKind,
    MessageReceived,
    SessionStatusChanged,
)
from wa_app.channels.waha import changes
from wa_app.channels.waha.models import (
    STATUSES,
    Json,
    MessageKey,
    account,
    ack_level,
    as_chat,
    as_map,
    as_number,
    as_text,
    as_time,
    chat_kind,
    engine_name,
    identities,
    key_of_message,
)

HMAC_HEADER = "x-webhook-hmac"
HMAC_ALGORITHM_HEADER = "x-webhook-hmac-algorithm"
EVENTS = (
    "session.status",
    "message.any",
    "message.ack",
    "message.ack.group",
    "message.reaction",
    "message.edited",
    "message.revoked",
    "message.waiting",
    "poll.vote",
    "poll.vote.failed",
    "group.v2.join",
    "group.v2.leave",
    "group.v2.participants",
    "group.v2.update",
    "presence.update",
    "call.received",
    "call.accepted",
    "call.rejected",
)
"""What our sessions subscribe to: `message.any` covers `message`, both would double every message."""

_NOT_USED = frozenset(EVENTS) | {
    "chat.archive", "engine.event", "event.response", "event.response.failed", "group.join", "group.leave",
    "label.chat.added", "label.chat.deleted", "label.deleted", "label.upsert", "state.change",
}  # fmt: skip

_KIND_OF_TYPE: Mapping[str, MessageKind] = {
    "chat": MessageKind.TEXT,
    "image": MessageKind.IMAGE,
    "imageMessage": MessageKind.IMAGE,
    "video": MessageKind.VIDEO,
    "videoMessage": MessageKind.VIDEO,
    "ptv": MessageKind.VIDEO,
    "ptt": MessageKind.AUDIO,
    "audio": MessageKind.AUDIO,
    "audioMessage": MessageKind.AUDIO,
    "document": MessageKind.DOCUMENT,
    "documentMessage": MessageKind.DOCUMENT,
    "documentWithCaptionMessage": MessageKind.DOCUMENT,
    "sticker": MessageKind.STICKER,
    "stickerMessage": MessageKind.STICKER,
    "location": MessageKind.LOCATION,
    "locationMessage": MessageKind.LOCATION,
    "liveLocationMessage": MessageKind.LOCATION,
    "vcard": MessageKind.CONTACT,
    "multi_vcard": MessageKind.CONTACT,
    "contactMessage": MessageKind.CONTACT,
    "contactsArrayMessage": MessageKind.CONTACT,
    "poll_creation": MessageKind.POLL,
    **dict.fromkeys(changes.POLLS, MessageKind.POLL),
}


def sign(raw: bytes, key: str) -> str:
    """The signature WAHA puts in `X-Webhook-Hmac`: lower-case hex of HMAC-SHA512."""
    return hmac.digest(key.encode(), raw, "sha512").hex()


def check_signature(raw: bytes, headers: Mapping[str, str], key: str) -> None:
    """Raise BadSignature unless `raw` was signed with `key`; `headers` by lower-case name.

    >>> check_signature(b"{}", {"x-webhook-hmac": sign(b"{}", "k"), "x-webhook-hmac-algorithm": "sha512"}, "k")
    """
    given = headers.get(HMAC_HEADER)
    if not given or not key:
        raise BadSignature("missing")
    if headers.get(HMAC_ALGORITHM_HEADER, "").lower() != "sha512":
        raise BadSignature("algorithm")
    if not hmac.compare_digest(sign(raw, key).encode(), given.encode()):
        raise BadSignature("wrong")


def loads(raw: bytes) -> object:
    """The JSON value of a body, None when it is none.

    WAHA is JavaScript: a text cut inside an emoji arrives as a lone surrogate, which
    is legal JSON text but refused by orjson.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        try:
            return json.loads(raw.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None


def envelope_key(raw: bytes) -> tuple[str, str]:
    """`(event name, event id)` of a body, without reading the payload.

    Servers before 2024 send no id: then the body's hash stands in, as retries are
    byte for byte the same.
    """
    envelope = as_map(loads(raw))
    return as_text(envelope.get("event")) or "", _event_id(envelope, raw)


def _event_id(envelope: Json, raw: bytes) -> str:
    return as_text(envelope.get("id")) or "sha256:" + hashlib.sha256(raw).hexdigest()


def parse_webhook(raw: bytes) -> AnyEvent:
    """Our event for a webhook body. Never raises: what makes no sense is `Ignored` with the reason."""
    value = loads(raw)
    if not isinstance(value, Mapping):
        return Ignored(kind="", event_id=_event_id({}, raw), session="", reason="not_json")
    return _Reader(value, raw).read()


class _Reader:
    """One envelope being read: what all events share, and the reader for each kind."""

    def __init__(self, envelope: Json, raw: bytes) -> None:
        payload = envelope.get("payload")
        self.payload = as_map(payload)
        self.has_payload = isinstance(payload, Mapping)
        self.data = as_map(self.payload.get("_data"))
        self.kind = as_text(envelope.get("event")) or ""
        self.sent_at = as_time(envelope.get("timestamp"))
        self.head: dict[str, Any] = {
            "kind": self.kind,
            "event_id": _event_id(envelope, raw),
            "session": as_text(envelope.get("session")) or as_text(self.payload.get("name")) or "",
            "at": as_time(self.payload.get("timestamp")) or self.sent_at,
            "engine": engine_name(envelope.get("engine")) or engine_name(envelope.get("environment")),
            "account": account(envelope.get("me")),
        }

    def read(self) -> AnyEvent:
        reader = _READERS.get(self.kind)
        if reader is None:
            return self.ignored("not_used" if self.kind in _NOT_USED else "unknown_kind" if self.kind else "no_kind")
        return reader(self) if self.has_payload else self.ignored("no_payload")

    def ignored(self, reason: str) -> Ignored:
        return Ignored(**self.head, reason=reason)

    def status(self) -> AnyEvent:
        word = as_text(self.payload.get("status"))
        status = STATUSES.get(word or "")
        if status is None:
            return self.ignored("unknown_status")
        head = {**self.head, "at": self.sent_at or self._last_status_time()}
        code = as_text(as_map(self.payload.get("data")).get("code"))
        return SessionStatusChanged(**head, status=status, started=word != "STOPPED", passkey_code=code)

    def _last_status_time(self) -> datetime | None:
        points = self.payload.get("statuses")
        times = [as_time(as_map(point).get("timestamp")) for point in points] if isinstance(points, list) else []
        return max((time for time in times if time), default=None)

    def ack(self) -> AnyEvent:
        key = key_of_message(self.payload)
        if key is None:
            return self.ignored("no_message_id")
        from_me = self._from_me(key)
        chat_id = self._chat(key, from_me)
        if chat_id is None:
            return self.ignored("no_chat")
        level = ack_level(self.payload.get("ack"), self.payload.get("ackName"))
        if level is None:
            return self.ignored("unknown_ack")
        kind = chat_kind(chat_id)
        member = as_chat(self.payload.get("participant")) or key.participant
        return MessageAcked(
            **self.head,
            message_id=key.bare,
            chat_id=chat_id,
            chat_kind=kind,
            from_me=from_me is not False,
            level=level,
            by_member=member if kind is ChatKind.GROUP else None,
        )

    def message(self) -> AnyEvent:
        key = key_of_message(self.payload)
        if key is None:
            return self.ignored("no_message_id")
        from_me = self._from_me(key)
        if from_me is None:
            return self.ignored("no_direction")
        chat_id = self._chat(key, from_me)
        if chat_id is None:
            return self.ignored("no_chat")
        common = self._common(key, chat_id, from_me)
        if from_me:
            ack = ack_level(self.payload.get("ack"), self.payload.get("ackName")) or AckLevel.PENDING
            return MessageEchoed(**common, source=_source(self.payload.get("source")), ack=ack)
        in_person = chat_kind(chat_id) is ChatKind.PERSON
        sender = common["peer"] if in_person else self._author(key)
        author = None if in_person else key.participant or as_chat(self.payload.get("participant"))
        return MessageReceived(**common, sender=sender, sender_name=self._sender_name(), author=author)

    def change(self) -> AnyEvent:
        return changes.read(self.kind, self.payload, self.head)

    def _common(self, key: MessageKey, chat_id: str, from_me: bool) -> dict[str, Any]:
        kind = chat_kind(chat_id)
        media = media_of(self.payload.get("media"))
        return {
            **self.head,
            "message_id": key.bare,
            "chat_id": chat_id,
            "chat_kind": kind,
            "peer": self._peer(chat_id, from_me) if kind is ChatKind.PERSON else (),
            "message_kind": self._message_kind(media),
            "text": as_text(self.payload.get("body")) or "",
            # Said to have a file that was not sent along: it can be asked for.
            "media": media or (IncomingMedia(None, None, None) if self.payload.get("hasMedia") is True else None),
            "reply_to": self._reply_to(),
            "location": _location(self.payload.get("location")),
            "vcards": _vcards(self.payload.get("vCards")),
            "poll": changes.poll(self.data),
        }

    def _from_me(self, key: MessageKey) -> bool | None:
        stated = self.payload.get("fromMe")
        return stated if isinstance(stated, bool) else key.from_me

    def _chat(self, key: MessageKey, from_me: bool | None) -> str | None:
        """The chat from the id, as engines disagree on `from` and `to` of own messages."""
        if key.chat_id:
            return key.chat_id
        info = as_map(self.data.get("Info"))
        known = as_chat(as_map(self.data.get("key")).get("remoteJid")) or as_chat(info.get("Chat"))
        if known:
            return known
        to, sender = as_chat(self.payload.get("to")), as_chat(self.payload.get("from"))
        return (to or sender) if from_me else sender

    def _peer(self, chat_id: str, from_me: bool) -> tuple[Identity, ...]:
        """Both identities of the other person, where the engine's raw data give the second one."""
        key, info = as_map(self.data.get("key")), as_map(self.data.get("Info"))
        others = [key.get("remoteJidAlt"), info.get("RecipientAlt" if from_me else "SenderAlt")]
        if not from_me:
            others += [key.get("senderPn"), key.get("senderLid")]
        return identities(chat_id, *map(as_chat, others))

    def _author(self, key: MessageKey) -> tuple[Identity, ...]:
        raw, info = as_map(self.data.get("key")), as_map(self.data.get("Info"))
        names = [
            self.payload.get("participant"),
            key.participant,
            raw.get("participant"),
            info.get("Sender"),
            self.data.get("author"),
            raw.get("participantAlt"),
            raw.get("participantPn"),
            info.get("SenderAlt"),
        ]
        return identities(*map(as_chat, names))

    def _sender_name(self) -> str | None:
        info = as_map(self.data.get("Info"))
        names = (self.data.get("notifyName"), self.data.get("pushName"), info.get("PushName"))
        return next((name for name in map(as_text, names) if name), None)

    def _reply_to(self) -> str | None:
        key = key_of_message(self.payload.get("replyTo"))
        return key.bare if key else None

    def _message_kind(self, media: IncomingMedia | None) -> MessageKind:
        if media is None and self.payload.get("hasMedia") is not True:
            if as_map(self.payload.get("location")):
                return MessageKind.LOCATION
            if _vcards(self.payload.get("vCards")):
                return MessageKind.CONTACT
        kind = self._raw_kind()
        if kind:
            return kind
        if media and media.mime:
            return _kind_of_mime(media.mime)
        if media or self.payload.get("hasMedia") is True:
            return MessageKind.DOCUMENT if media else MessageKind.OTHER
        return MessageKind.TEXT if as_text(self.payload.get("body")) else MessageKind.OTHER

    def _raw_kind(self) -> MessageKind | None:
        named = self.data.get("type")
        if isinstance(named, str):
            return _KIND_OF_TYPE.get(named)
        parts = as_map(self.data.get("message")) or as_map(self.data.get("Message"))
        return next((_KIND_OF_TYPE[name] for name in parts if name in _KIND_OF_TYPE), None)


_READERS: Mapping[str, Callable[[_Reader], AnyEvent]] = {
    "session.status": _Reader.status,
    "message": _Reader.message,
    "message.any": _Reader.message,
    "message.ack": _Reader.ack,
    "message.ack.group": _Reader.ack,
    **dict.fromkeys(changes.KINDS, _Reader.change),
}


def _source(value: object) -> EchoSource:
    return EchoSource(value) if value in ("api", "app") else EchoSource.UNKNOWN


def media_of(value: object) -> IncomingMedia | None:
    media = as_map(value)
    if not media:
        return None
    return IncomingMedia(
        url=as_text(media.get("url")),
        mime=as_text(media.get("mimetype")),
        filename=as_text(media.get("filename")),
        error=_media_error(media.get("error")),
    )


def _media_error(value: object) -> str | None:
    """One line from a string or from the object GOWS gives (`{code, details}`)."""
    error = as_map(value)
    text = as_text(value) or as_text(error.get("details")) or as_text(error.get("message"))
    if text is None and error:
        text = "error"
    return text[:300] if text else None


def _location(value: object) -> tuple[float, float] | None:
    place = as_map(value)
    latitude, longitude = as_number(place.get("latitude")), as_number(place.get("longitude"))
    return (latitude, longitude) if latitude is not None and longitude is not None else None


def _vcards(value: object) -> tuple[str, ...]:
    cards = value if isinstance(value, list) else []
    return tuple(card for card in map(as_text, cards) if card)


def _kind_of_mime(mime: str) -> MessageKind:
    family = mime.partition("/")[0].lower()
    if mime.lower().startswith("image/webp"):
        return MessageKind.STICKER
    known = {"image": MessageKind.IMAGE, "video": MessageKind.VIDEO, "audio": MessageKind.AUDIO}
    return known.get(family, MessageKind.DOCUMENT)
