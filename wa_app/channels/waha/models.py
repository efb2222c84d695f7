"""Reading what WAHA answers: ids, chats, times and accounts in all the shapes its four engines use.

Every function here is total: odd input gives None (or what its docstring says),
never an exception. Shapes and traps: docs/waha.md, from WAHA's docs and issues.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from wa_app.channels.port import Account, AckLevel, ChatKind, DeviceStatus, Identity, IdentityKind

Json = Mapping[str, object]
NOTHING: Json = {}

STATUSES: Mapping[str, DeviceStatus] = {
    "STOPPED": DeviceStatus.DISCONNECTED,
    "STARTING": DeviceStatus.STARTING,
    "SCAN_QR_CODE": DeviceStatus.SCAN_QR,
    "PASSKEY_REQUIRED": DeviceStatus.PASSKEY,
    "PASSKEY_CONFIRMATION_REQUIRED": DeviceStatus.PASSKEY,
    "WORKING": DeviceStatus.CONNECTED,
    "FAILED": DeviceStatus.FAILED,
}

_ACKS: Mapping[object, AckLevel] = {
    -1: AckLevel.FAILED,
    0: AckLevel.PENDING,
    1: AckLevel.SENT,
    2: AckLevel.DELIVERED,
    3: AckLevel.READ,
    4: AckLevel.PLAYED,
    "ERROR": AckLevel.FAILED,
    "PENDING": AckLevel.PENDING,
    "SERVER": AckLevel.SENT,
    "DEVICE": AckLevel.DELIVERED,
    "READ": AckLevel.READ,
    "PLAYED": AckLevel.PLAYED,
}

_PHONE_DIGITS = re.compile(r"[1-9]\d{4,14}")
_MS_FROM = 1e11  # seconds reach this in the year 5138, milliseconds passed it in 1973
_US_FROM = 1e14


def as_map(value: object) -> Json:
    """The mapping itself, or an empty one."""
    return value if isinstance(value, Mapping) else NOTHING


def as_text(value: object) -> str | None:
    """A non-empty string, storable in PostgreSQL: without NUL and lone surrogates."""
    if not isinstance(value, str) or not value:
        return None
    if "\x00" in value:
        value = value.replace("\x00", "")
    if not value.isascii():
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value or None


def as_number(value: object) -> float | None:
    """A finite number, also from a string or a protobuf Long `{low, high}`."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Mapping):
        low, high = value.get("low"), value.get("high")
        if isinstance(low, int) and isinstance(high, int):
            return float((high << 32) + (low & 0xFFFFFFFF)) if abs(high) < 1 << 20 else None
        return None
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_time(value: object) -> datetime | None:
    """A moment from seconds, milliseconds or microseconds (whole, fractional, text) or ISO 8601."""
    number = as_number(value)
    if number is None:
        return _iso_time(value)
    if number >= _US_FROM:
        number /= 1e6
    elif number >= _MS_FROM:
        number /= 1e3
    if number <= 0:
        return None
    try:
        return datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _iso_time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def as_chat(value: object) -> str | None:
    """A chat id in the form WAHA takes: no `@s.whatsapp.net`, no `:device`; also from an id object."""
    if isinstance(value, Mapping):
        value = value.get("_serialized") or f"{value.get('user') or ''}@{value.get('server') or ''}"
    text = as_text(value)
    if text is None:
        return None
    user, at, server = text.partition("@")
    if not at or not user or not server:
        return None
    if server in ("s.whatsapp.net", "c.us", "lid"):
        user = user.partition(":")[0].partition(".")[0]
        server = "lid" if server == "lid" else "c.us"
    return f"{user}@{server}" if user else None


def chat_kind(chat_id: str) -> ChatKind:
    """What sort of chat an id names."""
    server = chat_id.rpartition("@")[2]
    if server == "g.us":
        return ChatKind.GROUP
    if server == "newsletter":
        return ChatKind.CHANNEL
    return ChatKind.STORY if server == "broadcast" else ChatKind.PERSON


def phone_of(chat_id: str | None) -> str | None:
    """The E.164 phone of `<digits>@c.us`, else None (a LID's digits are not a phone)."""
    user, _, server = (chat_id or "").partition("@")
    return f"+{user}" if server == "c.us" and _PHONE_DIGITS.fullmatch(user) else None


def lid_of(chat_id: str | None) -> str | None:
    """The LID itself when the chat id is one."""
    return chat_id if chat_id and chat_id.endswith("@lid") else None


def identities(*chat_ids: str | None) -> tuple[Identity, ...]:
    """The identities some chat ids stand for, at most one of each kind, first one wins."""
    found: dict[IdentityKind, Identity] = {}
    for chat_id in chat_ids:
        if phone := phone_of(chat_id):
            found.setdefault(IdentityKind.PHONE, Identity(IdentityKind.PHONE, phone))
        elif lid := lid_of(chat_id):
            found.setdefault(IdentityKind.LID, Identity(IdentityKind.LID, lid))
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class MessageKey:
    """A message id taken apart. `bare` is the one part that is the same everywhere."""

    bare: str
    chat_id: str | None = None
    from_me: bool | None = None
    participant: str | None = None


def message_key(value: object) -> MessageKey | None:
    """A key from `true_<chat>_<ID>[_<participant>]`, a bare id, or an id object of WEBJS or Baileys."""
    if isinstance(value, Mapping):
        return _key_from_object(value)
    text = as_text(value)
    if text is None:
        return None
    parts = text.split("_", 3)
    if len(parts) < 3 or parts[0] not in ("true", "false"):
        return MessageKey(text)
    if not parts[2]:
        return None
    participant = as_chat(parts[3]) if len(parts) > 3 else None
    return MessageKey(parts[2], as_chat(parts[1]), parts[0] == "true", participant)


def _key_from_object(value: Json) -> MessageKey | None:
    serialized = as_text(value.get("_serialized"))
    if serialized and (key := message_key(serialized)) and key.chat_id:
        return key
    bare = as_text(value.get("id"))
    if bare is None:
        return None
    from_me = value.get("fromMe")
    return MessageKey(
        bare,
        as_chat(value.get("remote")) or as_chat(value.get("remoteJid")),
        from_me if isinstance(from_me, bool) else None,
        as_chat(value.get("participant")),
    )


def key_of_message(message: object) -> MessageKey | None:
    """The key of a message object of any engine: `id`, `key`, `_data.id`, `_data.key`, `_data.Info.ID`."""
    outer = as_map(message)
    data = as_map(outer.get("_data"))
    for candidate in (outer.get("id"), outer.get("key"), data.get("id"), data.get("key")):
        if candidate is not None and (key := message_key(candidate)):
            return key
    info = as_map(data.get("Info")) or as_map(outer.get("Info"))
    return message_key(info.get("ID"))


def ack_level(ack: object, name: object = None) -> AckLevel | None:
    """Our level for WAHA's number or, failing that, its name; None for null and UNKNOWN."""
    number = as_number(ack)
    if number is not None and (level := _ACKS.get(int(number))) is not None:
        return level
    for word in (name, ack):
        if isinstance(word, str) and (level := _ACKS.get(word.upper())) is not None:
            return level
    return None


def account(value: object) -> Account | None:
    """WAHA's `me`, with WhatsApp's limits on new chats where the server tells them."""
    me = as_map(value)
    chat_id = as_chat(me.get("id")) or as_chat(me.get("jid"))
    if chat_id is None:
        return None
    lock = as_map(me.get("reachoutTimelock"))
    active = lock.get("isActive")
    capping = as_map(me.get("messageCapping"))
    return Account(
        chat_id=chat_id,
        phone=phone_of(chat_id) or phone_of(as_chat(me.get("jid"))),
        lid=lid_of(as_chat(me.get("lid"))) or lid_of(chat_id),
        name=as_text(me.get("pushName")),
        restricted=active if isinstance(active, bool) else None,
        restricted_until=as_time(lock.get("timeEnforcementEnds")) if active is True else None,
        restriction=as_text(lock.get("enforcementType")) if active is True else None,
        quota_ends=as_time(capping.get("cycleEnd")),
        quota_state=as_text(capping.get("cappingStatus")),
        **_quota(capping),
    )


def _quota(capping: Json) -> dict[str, int | None]:
    """New chats in this cycle: how many there are, were used, are left. WAHA writes -1 for "no quota"."""
    total, used = as_number(capping.get("totalQuota")), as_number(capping.get("usedQuota"))
    if total is None:
        return {}
    if total < 0:
        return {"quota_total": -1}
    if used is None:
        return {"quota_total": int(total)}
    return {"quota_total": int(total), "quota_used": max(0, int(used)), "new_chats_left": max(0, int(total - used))}


def engine_name(value: object) -> str | None:
    """The engine from `"NOWEB"` or `{"engine": "NOWEB"}`."""
    return as_text(value) if isinstance(value, str) else as_text(as_map(value).get("engine"))
