"""What Sapa needs from a way to reach people on WhatsApp, in our words.

A `Channel` is one server (a WAHA server, a Cloud account); each call names the
session on it that belongs to a device. Ids of chats and messages are opaque
strings: compare and hand them back, never take them apart outside a channel.
Two identities are ours: phones are E.164 with `+`, LIDs are `<digits>@lid`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import ClassVar, Protocol


class DeviceStatus(StrEnum):
    """State of the link between a device and WhatsApp, as devices store and the API shows it."""

    STARTING = "STARTING"
    SCAN_QR = "SCAN_QR"
    PASSKEY = "PASSKEY"
    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    FAILED = "FAILED"


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
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Identity:
    """One name WhatsApp knows a person by: a phone in E.164 with `+`, or a LID `<digits>@lid`."""

    kind: IdentityKind
    value: str


@dataclass(frozen=True, slots=True)
class Account:
    """The WhatsApp account a session is signed in to, as far as the server tells.

    `restricted_until` and `new_chats_left` are WhatsApp's own limits on writing to
    strangers. None means "not told", never "free".
    """

    chat_id: str | None = None
    phone: str | None = None
    lid: str | None = None
    name: str | None = None
    restricted: bool | None = None
    restricted_until: datetime | None = None
    new_chats_left: int | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event carries.

    `event_id` is stable over retries: with the device and `kind` (the server's own
    event name) it is the key to drop repeats by. `at` is when it happened, when known.
    """

    kind: str
    event_id: str
    session: str
    at: datetime | None = None
    engine: str | None = None
    account: Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStatusChanged(Event):
    """The link changed. `passkey_code` is the code to compare on the phone, in state PASSKEY."""

    status: DeviceStatus
    started: bool = True
    passkey_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAcked(Event):
    """News of a message: `message_id` is the bare id; `by_member` is set for one member of a group."""

    message_id: str
    chat_id: str
    chat_kind: ChatKind
    from_me: bool
    level: AckLevel
    by_member: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Event):
    """A message seen in a chat. `peer` names the person of a direct chat, both ways round."""

    message_id: str
    chat_id: str
    chat_kind: ChatKind
    peer: tuple[Identity, ...]
    message_kind: MessageKind
    text: str
    media: IncomingMedia | None = None
    reply_to: str | None = None
    location: tuple[float, float] | None = None
    vcards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEchoed(Message):
    """A message of the device's owner, sent by us (`API`) or typed on the phone (`APP`)."""

    source: EchoSource
    ack: AckLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Message):
    """A message from somebody else. `sender` is the author: the peer, or a member of the group."""

    sender: tuple[Identity, ...]
    sender_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored(Event):
    """An event that changes nothing here; `reason` is a short stable word for traces and metrics."""

    reason: str


AnyEvent = SessionStatusChanged | MessageAcked | MessageEchoed | MessageReceived | Ignored


class ChannelError(Exception):
    """A call to a channel failed.

    ChannelError
    ├── NotSent             the server was never reached; safe to try again
    ├── RetryLater          refused for now: too fast or overloaded; `retry_after_s`
    ├── DeviceTrouble       the session cannot act, nothing went out: pause the device; `status` when told
    ├── ContactUnusable     this person cannot be written to; permanent for the row
    ├── AccountRestricted   WhatsApp forbids new chats (463): stop campaigns of the device
    ├── OutcomeUnknown      asked, and no clear answer: it may have gone out
    ├── Unsupported         the engine cannot do this
    ├── AccessRefused       the server's key is wrong: nothing works until it is mended
    └── Refused             the request itself was refused; asking again changes nothing

    OutcomeUnknown alone may have been sent; after every other class the message has
    certainly not gone out. Texts hold no bodies, numbers or keys and may be logged.
    """

    code: ClassVar[str] = "channel_error"
    may_have_been_sent: ClassVar[bool] = False

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.code)
        self.detail = detail


class NotSent(ChannelError):
    code = "not_sent"


class RetryLater(ChannelError):
    code = "retry_later"

    def __init__(self, detail: str = "", *, retry_after_s: float = 30.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class DeviceTrouble(ChannelError):
    code = "device_trouble"

    def __init__(self, detail: str = "", *, status: DeviceStatus | None = None) -> None:
        super().__init__(detail)
        self.status = status


class ContactUnusable(ChannelError):
    code = "contact_unusable"


class AccountRestricted(ChannelError):
    code = "account_restricted"


class OutcomeUnknown(ChannelError):
    """`device_suspect`: the answer also says that the session is broken (probe or restart it)."""

    code = "outcome_unknown"
    may_have_been_sent = True

    def __init__(self, detail: str = "", *, device_suspect: bool = False) -> None:
        super().__init__(detail)
        self.device_suspect = device_suspect


class Unsupported(ChannelError):
    code = "unsupported"


class AccessRefused(ChannelError):
    code = "access_refused"


class Refused(ChannelError):
    code = "refused"


class BadSignature(Exception):
    """A webhook whose signature is missing, of another algorithm, or wrong."""


class Channel(Protocol):
    """One server that reaches WhatsApp. Every call may raise a `ChannelError`."""

    async def aclose(self) -> None: ...

    async def ping(self) -> None:
        """Prove that the server answers and takes our key."""
        ...

    async def create_session(self, spec: SessionSpec) -> SessionInfo:
        """Create the session, or give an existing one of that name this configuration."""
        ...

    async def list_sessions(self) -> list[SessionInfo]:
        """All sessions of the server, stopped ones too."""
        ...

    async def get_session(self, session: str) -> SessionInfo | None:
        """One session, None when the server does not know it."""
        ...

    async def start_session(self, session: str) -> None: ...

    async def stop_session(self, session: str) -> None: ...

    async def restart_session(self, session: str) -> None: ...

    async def logout_session(self, session: str) -> None:
        """Unlink the account; a running session asks for a new scan."""
        ...

    async def delete_session(self, session: str) -> None:
        """Unlink and forget; fine when it is already gone."""
        ...

    async def me(self, session: str) -> Account | None: ...

    async def qr(self, session: str) -> str:
        """The text to draw as a QR code; DeviceTrouble when there is nothing to scan."""
        ...

    async def qr_png(self, session: str) -> bytes: ...

    async def pairing_code(self, session: str, phone: str) -> str:
        """A code to type on the phone (E.164) instead of scanning; DeviceTrouble outside SCAN_QR."""
        ...

    async def check_number(self, session: str, phone: str) -> NumberCheck: ...

    def chat_id_of(self, identity: Identity) -> str:
        """The chat of a person, for sending without asking first."""
        ...

    async def new_message_id(self, session: str) -> str | None:
        """An id to send a text under, which makes it recognisable; None where the engine has none."""
        ...

    async def send_text(
        self, session: str, chat_id: str, text: str, *, message_id: str | None = None, link_preview: bool = True
    ) -> Receipt: ...

    async def send_image(self, session: str, chat_id: str, file: OutgoingFile, caption: str = "") -> Receipt: ...

    async def send_video(self, session: str, chat_id: str, file: OutgoingFile, caption: str = "") -> Receipt: ...

    async def send_voice(self, session: str, chat_id: str, file: OutgoingFile) -> Receipt: ...

    async def send_file(self, session: str, chat_id: str, file: OutgoingFile, caption: str = "") -> Receipt: ...

    async def seen(self, session: str, chat_id: str, message_ids: Sequence[str] = ()) -> None: ...

    async def start_typing(self, session: str, chat_id: str) -> None: ...

    async def stop_typing(self, session: str, chat_id: str) -> None: ...

    async def own_messages(self, session: str, chat_id: str, *, since: datetime, limit: int = 100) -> list[OwnMessage]:
        """The owner's messages of a chat since a moment, newest first."""
        ...

    async def groups(self, session: str) -> list[Group]: ...

    async def group_members(self, session: str, group_id: str) -> list[GroupMember]: ...

    async def phone_of(self, session: str, lid: str) -> IdentityPair: ...

    async def lid_of(self, session: str, phone: str) -> IdentityPair: ...


class WebhookParser(Protocol):
    """The receiving side of a channel, free of I/O."""

    def check_signature(self, raw: bytes, headers: Mapping[str, str], key: str) -> None:
        """Raise BadSignature unless the body was signed with `key`. Header names in lower case."""
        ...

    def parse(self, raw: bytes) -> AnyEvent:
        """Our event for a body. Never raises: what makes no sense is `Ignored`."""
        ...
