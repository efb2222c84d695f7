"""What Sapa needs from a way to reach people on WhatsApp, in our words.

A `Channel` is one server (a WAHA server, a Cloud account); each call names the
session on it that belongs to a device. Ids of chats and messages are opaque
strings: compare and hand them back, never take them apart outside a channel.
Two identities are ours: phones are E.164 with `+`, LIDs are `<digits>@lid`.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from wa_app.channels.port.errors import (
    AccessRefused,
    AccountRestricted,
    BadSignature,
    ChannelError,
    ContactUnusable,
    DeviceTrouble,
    MediaGone,
    NotSent,
    OutcomeUnknown,
    Refused,
    RetryLater,
    Unsupported,
)
from wa_app.channels.port.events import (
    AnyEvent,
    Event,
    Ignored,
    Message,
    MessageAcked,
    MessageChanged,
    MessageEchoed,
    MessageReceived,
    SessionStatusChanged,
)
from wa_app.channels.port.words import (
    Account,
    AckLevel,
    ChangeKind,
    ChatKind,
    EchoSource,
    Group,
    GroupMember,
    Identity,
    IdentityKind,
    IdentityPair,
    IncomingMedia,
    MessageKind,
    NumberCheck,
    OutgoingFile,
    OwnMessage,
    Quoted,
    Receipt,
    SessionInfo,
    SessionSpec,
)
from wa_app.models.devices import DeviceStatus

__all__ = [
    "AccessRefused",
    "Account",
    "AccountRestricted",
    "AckLevel",
    "AnyEvent",
    "BadSignature",
    "ChangeKind",
    "Channel",
    "ChannelError",
    "ChatKind",
    "ContactUnusable",
    "DeviceStatus",
    "DeviceTrouble",
    "EchoSource",
    "Event",
    "Group",
    "GroupMember",
    "Identity",
    "IdentityKind",
    "IdentityPair",
    "Ignored",
    "IncomingMedia",
    "MediaGone",
    "Message",
    "MessageAcked",
    "MessageChanged",
    "MessageEchoed",
    "MessageKind",
    "MessageReceived",
    "NotSent",
    "NumberCheck",
    "OutcomeUnknown",
    "OutgoingFile",
    "OwnMessage",
    "Quoted",
    "Receipt",
    "Refused",
    "RetryLater",
    "SessionInfo",
    "SessionSpec",
    "SessionStatusChanged",
    "Unsupported",
    "WebhookParser",
]


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
        """The chat of a person or group, for sending without asking first."""
        ...

    async def new_message_id(self, session: str) -> str | None:
        """An id to send a text under, which makes it recognisable; None where the engine has none."""
        ...

    async def send_text(
        self, session: str, chat_id: str, text: str, *, message_id: str | None = None, link_preview: bool = True,
        quoted: Quoted | None = None,
    ) -> Receipt: ...  # fmt: skip

    async def send_image(
        self, session: str, chat_id: str, file: OutgoingFile, caption: str = "", *, quoted: Quoted | None = None
    ) -> Receipt: ...

    async def send_video(
        self, session: str, chat_id: str, file: OutgoingFile, caption: str = "", *, quoted: Quoted | None = None
    ) -> Receipt: ...

    async def send_voice(
        self, session: str, chat_id: str, file: OutgoingFile, *, quoted: Quoted | None = None
    ) -> Receipt: ...

    async def send_file(
        self, session: str, chat_id: str, file: OutgoingFile, caption: str = "", *, quoted: Quoted | None = None
    ) -> Receipt: ...

    async def seen(self, session: str, chat_id: str, message_ids: Sequence[str] = ()) -> None: ...

    async def start_typing(self, session: str, chat_id: str) -> None: ...

    async def stop_typing(self, session: str, chat_id: str) -> None: ...

    async def own_messages(self, session: str, chat_id: str, *, since: datetime, limit: int = 100) -> list[OwnMessage]:
        """The owner's messages of a chat since a moment, newest first."""
        ...

    def media(self, url: str) -> AsyncGenerator[bytes, None]:
        """The file of a message, piece by piece, by the address it was told with.

        Only the address's path is believed: it is asked of this server and of no other. Raises MediaGone.
        """
        ...

    async def media_again(self, session: str, chat_id: str, message: Quoted) -> IncomingMedia | None:
        """Ask for the file of a message that came without it; None, or one without address, when there is none still."""
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
