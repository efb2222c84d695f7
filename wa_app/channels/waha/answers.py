"""What WAHA answers to questions, in our words; engines differ, odd items are left out."""

from collections.abc import Mapping, Sequence

from wa_app.channels.port import AckLevel, DeviceStatus, Group, GroupMember, IdentityPair, OwnMessage, SessionInfo
from wa_app.channels.waha.models import (
    STATUSES,
    account,
    ack_level,
    as_chat,
    as_map,
    as_number,
    as_text,
    as_time,
    engine_name,
    key_of_message,
    lid_of,
    phone_of,
)


def items(value: object) -> Sequence[object]:
    """A listing as a sequence, whether the engine gave a list or a map by id."""
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, Mapping) else []


def read_session(value: object) -> SessionInfo | None:
    session = as_map(value)
    name, word = as_text(session.get("name")), as_text(session.get("status"))
    if name is None or word is None:
        return None
    return SessionInfo(
        name=name,
        status=STATUSES.get(word, DeviceStatus.DISCONNECTED),
        started=word != "STOPPED",
        account=account(session.get("me")),
        engine=engine_name(session.get("engine")),
    )


def read_own_message(value: object, chat_id: str) -> OwnMessage | None:
    message = as_map(value)
    key = key_of_message(message)
    stated = message.get("fromMe")
    if key is None or not (stated if isinstance(stated, bool) else key.from_me):
        return None
    return OwnMessage(
        message_id=key.bare,
        chat_id=key.chat_id or chat_id,
        text=as_text(message.get("body")) or "",
        at=as_time(message.get("timestamp")),
        ack=ack_level(message.get("ack"), message.get("ackName")) or AckLevel.PENDING,
        has_media=message.get("hasMedia") is True,
    )


def id_of(value: object) -> str | None:
    item = as_map(value)
    return as_chat(item.get("id")) or as_chat(item.get("JID"))


def read_group(value: object) -> Group | None:
    """A group of any engine: `subject` (NOWEB), `name` (WEBJS), `JID` and `Name` (GOWS)."""
    item = as_map(value)
    group_id = id_of(item)
    if group_id is None:
        return None
    names = (item.get("subject"), item.get("name"), item.get("Name"), as_map(item.get("groupMetadata")).get("subject"))
    sizes = (item.get("size"), item.get("ParticipantCount"), as_map(item.get("groupMetadata")).get("size"))
    size = next((number for number in map(as_number, sizes) if number is not None), None)
    return Group(group_id, next(filter(None, map(as_text, names)), ""), None if size is None else int(size))


def read_member(value: object) -> GroupMember | None:
    item = as_map(value)
    member_id, role = as_chat(item.get("id")), item.get("role")
    if member_id is None or role == "left":
        return None
    phone = phone_of(as_chat(item.get("pn"))) or phone_of(member_id)
    return GroupMember(member_id, phone, lid_of(member_id), role in ("admin", "superadmin"))


def read_pair(value: object) -> IdentityPair:
    pair = as_map(value)
    return IdentityPair(phone_of(as_chat(pair.get("pn"))), lid_of(as_chat(pair.get("lid"))))
