"""What a channel tells by webhook, in our words."""

from dataclasses import dataclass
from datetime import datetime

from wa_app.channels.port.words import (
    Account,
    AckLevel,
    ChangeKind,
    ChatKind,
    EchoSource,
    Identity,
    IncomingMedia,
    MessageKind,
)
from wa_app.models.devices import DeviceStatus


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
    poll: tuple[str, tuple[str, ...]] | None = None
    """The question and its options, where the server tells them."""


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
    author: str | None = None
    """The vendor's id of the member of a group who wrote it, as `Quoted` takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChanged(Event):
    """Something happened to a message that was there before. `message_id` is its bare id.

    `by` names who did it, `from_me` tells whether that was the device's owner. `text` is the reaction ("" takes it
    back) or the new text; `options` are all answers to a poll that one has chosen now.
    """

    change: ChangeKind
    message_id: str
    chat_id: str
    chat_kind: ChatKind
    from_me: bool
    by: str
    text: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored(Event):
    """An event that changes nothing here; `reason` is a short stable word for traces and metrics."""

    reason: str


AnyEvent = SessionStatusChanged | MessageAcked | MessageEchoed | MessageReceived | MessageChanged | Ignored
