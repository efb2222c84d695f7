"""The things a channel speaks of: states, chats, identities, sessions, messages, groups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from wa_app.models.devices import DeviceStatus


class AckLevel(IntEnum):
    """How far a message of ours got. Monotone: the state of a message is the `max()` of all it heard.

    Acks come out of order and more than once. FAILED ranks below SENT because an
    error is only final when nothing better is ever heard.
    """

    PENDING = 0
    FAILED = 1
    SENT = 2
    DELIVERED = 3
    READ = 4
    PLAYED = 5


class ChatKind(StrEnum):
    PERSON = "person"
    GROUP = "group"
    CHANNEL = "channel"
    STORY = "story"


class IdentityKind(StrEnum):
    PHONE = "phone"
    LID = "lid"
    GROUP = "group"
    """No person: the vendor's id of a group."""


class EchoSource(StrEnum):
    """Who wrote a message of the device's owner: our own call, or a person on the phone.

    UNKNOWN when the server does not say. Look the message id up in the ledger
    first: what we sent is ours whatever the source claims.
    """

    API = "api"
    APP = "app"
    UNKNOWN = "unknown"


class MessageKind(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    POLL = "poll"
    OTHER = "other"


class ChangeKind(StrEnum):
    """What can happen to a message that is there already."""

    REACTION = "reaction"
    EDIT = "edit"
    DELETION = "deletion"
    VOTE = "vote"


@dataclass(frozen=True, slots=True)
class Identity:
    """One name WhatsApp knows a person by: a phone in E.164 with `+`, or a LID `<digits>@lid`; or a group's id."""

    kind: IdentityKind
    value: str


@dataclass(frozen=True, slots=True)
class Account:
    """The WhatsApp account a session is signed in to, as far as the server tells.

    `restricted…` and `quota…` are WhatsApp's own limits on writing to strangers (its "reachout
    time lock" and "message capping"). None means "not told", never "free".
    """

    chat_id: str | None = None
    phone: str | None = None
    lid: str | None = None
    name: str | None = None
    restricted: bool | None = None
    restricted_until: datetime | None = None
    restriction: str | None = None
    """The vendor's word for the kind of restriction."""
    new_chats_left: int | None = None
    quota_total: int | None = None
    """New chats in a cycle; -1 where the server says there is no quota."""
    quota_used: int | None = None
    quota_ends: datetime | None = None
    """When the cycle ends and the quota starts afresh."""
    quota_state: str | None = None


@dataclass(frozen=True, slots=True)
class SessionSpec:
    """A session to create: where its webhooks go and the key that signs them."""

    name: str
    webhook_url: str
    hmac_key: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    start: bool = True


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as the server lists it. `started` is False for one that was stopped on purpose."""

    name: str
    status: DeviceStatus
    started: bool
    account: Account | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """Whether a number is on WhatsApp, and the chat id to use (it may differ from the dialled digits)."""

    exists: bool
    chat_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file to send, by bytes or by an address the server can fetch. Exactly one of the two."""

    mime: str
    filename: str
    data: bytes | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Quoted:
    """A message that another one answers, or that is asked for, in its chat.

    `from_me` is None when it is not known who wrote it; `author` is the vendor's id of the member of a group who did.
    """

    message_id: str
    from_me: bool | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The server accepted a message: not yet proof of delivery.

    `message_id` is the bare id that acks and echoes carry, None when the engine's
    answer held none (then reconcile by content).
    """

    message_id: str | None
    chat_id: str | None = None


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """A message of the device's owner read back from a chat, for reconciling."""

    message_id: str
    chat_id: str
    text: str
    at: datetime | None
    ack: AckLevel
    has_media: bool


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    name: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class GroupMember:
    id: str
    phone: str | None
    lid: str | None
    is_admin: bool


@dataclass(frozen=True, slots=True)
class IdentityPair:
    """What the server knows about a person's two identities; the unknown side is None."""

    phone: str | None
    lid: str | None


@dataclass(frozen=True, slots=True)
class IncomingMedia:
    """A file that came with a message. `url` is None when the server did not download it; `error` says why."""

    url: str | None
    mime: str | None
    filename: str | None
    error: str | None = None
