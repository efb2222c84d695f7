"""One call to a channel, and what its answer means for the row and for the device."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from wa_app.channels.port import (
    AccessRefused,
    AccountRestricted,
    Channel,
    ChannelError,
    DeviceStatus,
    DeviceTrouble,
    Identity,
    IdentityKind,
    NotSent,
    OutcomeUnknown,
    OutgoingFile,
    Quoted,
    Receipt,
    RetryLater,
)
from wa_app.kit import metrics
from wa_app.sending.claims import Claimed
from wa_app.sending.ledger import Outcome
from wa_app.sending.numbers import Lookup, Verdict

UNREACHABLE_S = 5.0
UNCLEAR_S = 15.0
TROUBLE_S = 60.0
REFUSED_S = 300.0
RESTRICTED_S = 24 * 3600.0

LoadFile = Callable[[UUID], Awaitable[OutgoingFile | None]]


@dataclass(frozen=True, slots=True)
class Pause:
    """The device must rest: `reason` is a key of the catalogues (`devices.pause.<reason>`)."""

    reason: str
    for_s: float
    status: DeviceStatus | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The outcome of one row, and what it says about the device."""

    outcome: Outcome
    pause: Pause | None = None
    probe: bool = False


def chat_identity(kind: str, value: str) -> Identity:
    """A stored identity as channels name it."""
    if kind == "group":
        return Identity(IdentityKind.GROUP, value)
    if kind == "lid":
        return Identity(IdentityKind.LID, value if value.endswith("@lid") else f"{value}@lid")
    return Identity(IdentityKind.PHONE, value)


def quoted_of(row: Claimed) -> Quoted | None:
    """What a row answers, with what was known of it when the row was written."""
    if row.reply_to is None:
        return None
    told = (row.manner or {}).get("quoted")
    return Quoted(row.reply_to, bool(told["own"]), told.get("author")) if told else Quoted(row.reply_to)


@dataclass(slots=True)
class Delivery:
    """Sends rows of one device."""

    channel: Channel
    session: str
    load_file: LoadFile
    reconcile_wait_s: float
    numbers: Lookup | None = None
    """Who knows whether a number is on WhatsApp; None never asks."""

    async def look_up(self, row: Claimed) -> Verdict | None:
        """What is known of the number of a campaign's row; only the first message to a stranger costs a call."""
        if self.numbers is None or row.campaign_id is None or row.identity_kind != "phone":
            return None
        return await self.numbers.of(row.contact_id, row.identity_value)

    async def send(self, row: Claimed, typing_s: float, number: Verdict | None = None) -> Delivered:
        """Send one row. Every answer of the channel, and every failure of it, becomes an outcome."""
        if number is not None and not number.is_there:
            return Delivered(Outcome(row.id, row.attempt, "failed", code="not_on_whatsapp"))
        try:
            usual = self.channel.chat_id_of(chat_identity(row.identity_kind, row.identity_value))
            chat_id = (number.chat_id if number else None) or usual
            await self._see(row, chat_id)
            if typing_s > 0:
                await self._type(chat_id, typing_s)
            receipt = await self._put(row, chat_id)
        except ChannelError as error:
            return self._failed(row, error)
        if receipt is None:
            return Delivered(Outcome(row.id, row.attempt, "failed", code="file_missing"))
        message_id = receipt.message_id or row.provider_key
        if message_id is None:
            # Accepted with an empty answer (seen on WEBJS): the echo or the chat will tell its id.
            wait = self.reconcile_wait_s
            return Delivered(Outcome(row.id, row.attempt, "unknown", None, chat_id, "no_receipt", wait_s=wait))
        return Delivered(Outcome(row.id, row.attempt, "sent", message_id, receipt.chat_id or chat_id))

    async def _see(self, row: Claimed, chat_id: str) -> None:
        """Blue ticks for what is answered. An answer is not held up by a tick that could not be given."""
        seen = (row.manner or {}).get("seen")
        if not seen:
            return
        with suppress(ChannelError):
            await self.channel.seen(self.session, row.manner.get("chat") or chat_id, seen)  # type: ignore[union-attr]

    async def _type(self, chat_id: str, typing_s: float) -> None:
        await self.channel.start_typing(self.session, chat_id)
        await asyncio.sleep(typing_s)
        await self.channel.stop_typing(self.session, chat_id)

    async def _put(self, row: Claimed, chat_id: str) -> Receipt | None:
        quoted = quoted_of(row)
        if row.file_id is None:
            return await self.channel.send_text(
                self.session, chat_id, row.text, message_id=row.provider_key, quoted=quoted
            )
        file = await self.load_file(row.file_id)
        if file is None:
            return None
        family = file.mime.partition("/")[0]
        if family == "image":
            return await self.channel.send_image(self.session, chat_id, file, row.text, quoted=quoted)
        if family == "video":
            return await self.channel.send_video(self.session, chat_id, file, row.text, quoted=quoted)
        if family == "audio" and not row.text:
            return await self.channel.send_voice(self.session, chat_id, file, quoted=quoted)
        return await self.channel.send_file(self.session, chat_id, file, row.text, quoted=quoted)

    def _failed(self, row: Claimed, error: ChannelError) -> Delivered:
        """Outcome by class of error (see `ChannelError`): only OutcomeUnknown may have gone out."""
        metrics.provider_error("waha", type(error).__name__)
        if isinstance(error, OutcomeUnknown):
            outcome = Outcome(row.id, row.attempt, "unknown", code=error.code, wait_s=self.reconcile_wait_s)
            return Delivered(outcome, probe=error.device_suspect)
        pause = pause_for(error)
        is_campaign = row.campaign_id is not None
        if pause is None or (isinstance(error, AccountRestricted) and not is_campaign):
            detail = error.detail[:200]
            return Delivered(Outcome(row.id, row.attempt, "failed", code=error.code, detail=detail), pause)
        # The device rests, so the row may go to another one at once.
        wait_s = error.retry_after_s if isinstance(error, RetryLater) else 0.0
        probe = isinstance(error, DeviceTrouble)
        return Delivered(Outcome(row.id, row.attempt, "planned", code=error.code, wait_s=wait_s), pause, probe)


def pause_for(error: ChannelError) -> Pause | None:
    """How long the device rests after an error, None when the error is about the row alone."""
    if isinstance(error, RetryLater):
        return Pause("rate_limited", error.retry_after_s)
    if isinstance(error, NotSent):
        return Pause("server_unreachable", UNREACHABLE_S)
    if isinstance(error, DeviceTrouble):
        return Pause("device_trouble", TROUBLE_S, error.status)
    if isinstance(error, AccessRefused):
        return Pause("access_refused", REFUSED_S)
    if isinstance(error, AccountRestricted):
        return Pause("account_restricted", RESTRICTED_S)
    return None


def unclear(done: Sequence[Delivered]) -> Pause | None:
    """A window in which no call had a clear answer: the server is ill, and each row sent now would be unknown too."""
    if done and all(one.outcome.code == OutcomeUnknown.code for one in done):
        return Pause("server_unreachable", UNCLEAR_S)
    return None


def lost(row: Claimed, wait_s: float) -> Delivered:
    """A call that ended by something else than an answer (cancelled, a bug): it may have gone out."""
    return Delivered(Outcome(row.id, row.attempt, "unknown", code="interrupted", wait_s=wait_s))


def not_started(row: Claimed) -> Delivered:
    """A call that was never made because the lease could not be trusted any more."""
    return Delivered(Outcome(row.id, row.attempt, "planned", code="lease_lost", wait_s=0.0))
