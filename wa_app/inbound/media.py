"""What came with a message: fetched while the channel still has it, kept privately, read into the message.

A row of `message_media` says what is still to be done. `fetch` and `read` each hold its lease while they work,
no transaction meanwhile, and write what came of it in one; a sweep wakes rows that are due and ends those that
took too long, so that an answer never waits for a picture longer than `PATIENCE_S`.
"""

from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text

from wa_app import leases
from wa_app.ai import reading
from wa_app.channels import registry
from wa_app.channels.port import AccessRefused, Channel, ChannelError, IncomingMedia, MediaGone, Quoted
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, UnitOfWork, unit_of_work
from wa_app.errors import AppError, Invalid, LimitReached
from wa_app.files import file_store
from wa_app.files.port import FileGone
from wa_app.inbound.readings import as_reading
from wa_app.kit.filetypes import OCTETS
from wa_app.kit.ids import new_id
from wa_app.kit.media import TYPES
from wa_app.models.inbound import ReadingState
from wa_app.models.media import MessageMedia
from wa_app.schemas.principal import Principal
from wa_app.services import files

log = structlog.get_logger(__name__)

PATIENCE_S: Final = 180
"""Seconds after its arrival when a file is given up; WAHA deletes it by then too."""
RESEND_S: Final = 15
"""Seconds after which a message to a worker counts as lost."""
READ_S: Final = 120.0
"""Seconds that reading one file of a message may take."""
_TRIES: Final = (2, 4, 8, 15, 30, 30, 30, 30)
"""Seconds before the next try of a fetch."""
ASKS: Final = 3
"""How often a file is asked for that came without an address."""
_MAX_READS: Final = 2
"""How often a file is read when workers die of it."""
STICKER: Final = "image/webp"

_EXPECT = text(
    "INSERT INTO message_media (id, tenant_id, message_id, device_id, url, mime, name, due_at) "
    "VALUES (:id, :t, :message, :device, :url, :mime, :name, now() + interval '5 seconds')"
)
_MARK = text("UPDATE messages SET reading_state = :state WHERE tenant_id = :t AND id = :message")
_WORK = text(
    "SELECT m.message_id, m.url, m.mime, m.name, m.state, m.attempts, m.file_id, d.waha_server_id, f.storage_key, "
    "f.mime AS file_mime, f.name AS file_name, d.session, g.provider_message_id, g.author ->> 'jid' AS author, v.chat_id "
    "FROM message_media m JOIN messages g ON g.tenant_id = m.tenant_id AND g.id = m.message_id "
    "JOIN conversations v ON v.tenant_id = g.tenant_id AND v.id = g.conversation_id "
    "JOIN devices d ON d.tenant_id = m.tenant_id AND d.id = m.device_id "
    "LEFT JOIN files f ON f.tenant_id = m.tenant_id AND f.id = m.file_id "
    "WHERE m.tenant_id = :t AND m.id = :id"
)
_BEGIN = text(
    "UPDATE message_media SET state = :state, attempts = attempts + 1, due_at = now() + interval '30 seconds' "
    "WHERE tenant_id = :t AND id = :id AND lease_epoch = :e AND state IN ('waiting', 'fetching', 'reading')"
)
_SETTLE = text(
    "UPDATE message_media SET state = :state, reason = :reason, due_at = make_due.at, attempts = :attempts, "
    "file_id = coalesce(:file, file_id), lease_owner = NULL, lease_until = NULL "
    "FROM (SELECT now() + make_interval(secs => :wait) AS at) make_due "
    "WHERE tenant_id = :t AND id = :id AND lease_epoch = :e AND state IN ('waiting', 'fetching', 'reading') "
    "RETURNING message_id"
)
_TELL = text(
    "UPDATE messages SET reading_state = :state, reading = CAST(:reading AS jsonb), "
    "media = CASE WHEN CAST(:media AS jsonb) IS NULL THEN media ELSE coalesce(media, '{}') || CAST(:media AS jsonb) END "
    "WHERE tenant_id = :t AND id = :message RETURNING conversation_id, contact_id"
)


@dataclass(frozen=True, slots=True)
class _Held:
    """A row in our hands."""

    principal: Principal
    id: UUID
    epoch: int
    row: Any


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What becomes of a row."""

    state: ReadingState
    reason: str | None = None
    reading: dict[str, Any] | None = None
    media: dict[str, Any] | None = None
    file_id: UUID | None = None
    wait_s: float = 0.0
    attempts: int = 0


async def expect(uow: TenantUnitOfWork, message_id: UUID, device_id: UUID, found: IncomingMedia) -> None:
    """Note that a message just stored has a file, and wake who fetches it."""
    media_id = new_id()
    await uow.session.execute(_EXPECT, {
        "id": media_id, "t": uow.tenant_id, "message": message_id, "device": device_id,
        "url": (found.url or "")[:2000] or None, "mime": (found.mime or "")[:200], "name": (found.filename or "")[:200],
    })  # fmt: skip
    await uow.session.execute(_MARK, {"state": ReadingState.WAITING, "t": uow.tenant_id, "message": message_id})
    uow.enqueue("media.fetch", tenant_id=uow.tenant_id, media_id=media_id)


async def fetch(tenant_id: UUID, media_id: UUID) -> None:
    """Bring the file of a message here. What fails for now is tried again by the sweep."""
    held = await _hold(tenant_id, media_id, ReadingState.WAITING, ReadingState.FETCHING)
    if held is not None:
        async with leases.beating(held.principal, MessageMedia, media_id, held.epoch):
            outcome = await _fetched(held)
        await _settle(held, outcome)


async def _fetched(held: _Held) -> _Outcome:
    row = held.row
    if row.waha_server_id is None:
        return _Outcome(ReadingState.FAILED, "media_missing")
    try:
        channel = await registry.channel(row.waha_server_id)
        url = row.url or await _asked_again(channel, row)
        if url is None:
            return _again(row, "media_missing") if row.attempts < ASKS else _Outcome(ReadingState.FAILED, "media_missing")
        name = row.name or f"{row.mime.partition('/')[0] or 'file'}-{str(row.message_id)[-12:]}"
        async with aclosing(channel.media(url)) as chunks:
            kept = await files.store(held.principal, name, chunks)
    except MediaGone:
        return _Outcome(ReadingState.FAILED, "media_gone")
    except AccessRefused:
        return _Outcome(ReadingState.FAILED, "media_refused")
    except ChannelError as error:
        return _again(row, error.code)
    except LimitReached:
        return _Outcome(ReadingState.FAILED, "storage_full")
    except Invalid as error:
        return _Outcome(ReadingState.FAILED, error.fields[0].code if error.fields else error.code)
    except files.TooLarge:
        return _Outcome(ReadingState.FAILED, "file_too_large")
    except files.StorageIsFull:
        return _again(row, "storage_full")
    # What the file is called and made of stands in the message from now on, beside what the channel said.
    facts = {"file_id": str(kept.id), "mime": kept.mime, "size": kept.size, "name": kept.name}
    why = skipped(kept.mime, row.mime.partition(";")[0].strip().lower())
    state = ReadingState.READING if why is None else ReadingState.SKIPPED
    return _Outcome(state, why, media=facts, file_id=kept.id, wait_s=RESEND_S)


async def _asked_again(channel: Channel, row: Any) -> str | None:
    """The address of a file that the webhook did not tell; WAHA downloads it only then."""
    if not row.provider_message_id or not row.chat_id:
        return None
    found = await channel.media_again(row.session, row.chat_id, Quoted(row.provider_message_id, False, row.author))
    return found.url if found is not None else None


def _again(row: Any, reason: str) -> _Outcome:
    """Wait a little longer each time; the sweep ends it when the file cannot be there any more."""
    wait = _TRIES[min(row.attempts, len(_TRIES) - 1)]
    return _Outcome(ReadingState.WAITING, reason, wait_s=wait, attempts=row.attempts + 1)


def skipped(mime: str, told: str = "") -> str | None:
    """Why a file of this type is kept unread; None for what is read. Stickers say nothing that rules should hear.

    >>> skipped("video/mp4"), skipped("application/pdf")
    ('video', None)
    """
    if STICKER in (mime, told):
        return "sticker"
    kind = TYPES.get(mime)
    if kind in ("audio", "video"):
        return kind
    is_text = mime == OCTETS and told.startswith("text/")
    return None if is_text or mime in reading.READABLE else "unsupported"


async def read(tenant_id: UUID, media_id: UUID) -> None:
    """Read the file of a message into it."""
    held = await _hold(tenant_id, media_id, ReadingState.READING, ReadingState.READING)
    if held is not None:
        async with leases.beating(held.principal, MessageMedia, media_id, held.epoch):
            outcome = await _read(held)
        await _settle(held, outcome)


async def _read(held: _Held) -> _Outcome:
    row = held.row
    if row.attempts >= _MAX_READS:
        # Somebody took this file before us and never came back.
        return _Outcome(ReadingState.FAILED, "file_too_complex")
    try:
        async with file_store().local(row.storage_key) as path:
            document = await reading.read(path, row.file_name, row.file_mime, max_s=READ_S)
    except FileGone:
        return _Outcome(ReadingState.FAILED, "media_gone")
    except AppError as error:
        state = ReadingState.SKIPPED if error.code in ("file_no_text", "file_unsupported") else ReadingState.FAILED
        return _Outcome(state, error.code)
    return _Outcome(ReadingState.DONE, reading=as_reading(document))


async def _hold(tenant_id: UUID, media_id: UUID, wanted: ReadingState, now: ReadingState) -> _Held | None:
    """Take a row that is in the wanted state (or was left in ours) and in nobody's hands."""
    principal = Principal.system(tenant_id)
    async with unit_of_work(principal) as uow:
        epoch = await leases.take(uow, MessageMedia, tenant_id, media_id, leases.new_owner())
        if epoch is None:
            return None
        row = (await uow.session.execute(_WORK, {"t": tenant_id, "id": media_id})).one()
        if row.state not in (wanted, now):
            await leases.release(uow, MessageMedia, tenant_id, media_id, epoch)
            return None
        await uow.session.execute(_BEGIN, {"state": now, "t": tenant_id, "id": media_id, "e": epoch})
        await uow.session.execute(_MARK, {"state": now, "t": tenant_id, "message": row.message_id})
    return _Held(principal, media_id, epoch, row)


async def _settle(held: _Held, outcome: _Outcome) -> None:
    """Write what came of it, unless the row has passed to somebody else or was given up meanwhile."""
    async with unit_of_work(held.principal) as uow:
        found = await uow.session.execute(_SETTLE, {
            "state": outcome.state, "reason": outcome.reason, "wait": outcome.wait_s, "attempts": outcome.attempts,
            "file": outcome.file_id, "t": uow.tenant_id, "id": held.id, "e": held.epoch,
        })  # fmt: skip
        message_id = found.scalar_one_or_none()
        if message_id is None:
            return
        await _tell(uow, uow.tenant_id, message_id, outcome)
        if outcome.state is ReadingState.READING:
            uow.enqueue("media.read", tenant_id=uow.tenant_id, media_id=held.id)
    log.info("media.settled", media_id=str(held.id), state=outcome.state.value, reason=outcome.reason)


async def _tell(uow: UnitOfWork, tenant_id: UUID, message_id: UUID, outcome: _Outcome) -> None:
    """The message shows how far its file is; whoever waited for it goes on once it is over."""
    reading_ = outcome.reading or ({"reason": outcome.reason} if outcome.reason else None)
    row = (await uow.session.execute(_TELL, {
        "state": outcome.state, "reading": _json(reading_), "media": _json(outcome.media), "t": tenant_id,
        "message": message_id,
    })).one()  # fmt: skip
    uow.publish_for(
        tenant_id, "message", id=message_id, conversation_id=row.conversation_id, contact_id=row.contact_id
    )
    is_over = outcome.state in (ReadingState.DONE, ReadingState.SKIPPED, ReadingState.FAILED)
    if is_over:
        uow.enqueue("conversation.answer", tenant_id=tenant_id, conversation_id=row.conversation_id)


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(value).decode().replace("\\u0000", "")


_LATE = text(
    "UPDATE message_media SET state = 'failed', reason = CASE WHEN state = 'reading' THEN 'file_read_timeout' "
    "ELSE 'media_gone' END, lease_epoch = lease_epoch + 1, lease_owner = NULL, lease_until = NULL "
    "WHERE id IN (SELECT id FROM message_media WHERE state IN ('waiting', 'fetching', 'reading') "
    "AND created_at < now() - make_interval(secs => :patience) ORDER BY due_at LIMIT 200 FOR UPDATE SKIP LOCKED) "
    "RETURNING tenant_id, message_id, reason"
)
_DUE = text(
    # Moved on at once: a queue that is behind must not be filled with the same row every second.
    "UPDATE message_media SET due_at = now() + make_interval(secs => :resend) WHERE id IN ("
    "SELECT id FROM message_media WHERE state IN ('waiting', 'fetching', 'reading') "
    "AND due_at <= now() AND (lease_until IS NULL OR lease_until < now()) ORDER BY due_at LIMIT 200 "
    "FOR UPDATE SKIP LOCKED) RETURNING tenant_id, id, state"
)


async def wake(uow: SystemUnitOfWork) -> int:
    """Send what is due to the workers again; returns how many (for the sweep)."""
    found = (await uow.session.execute(_DUE, {"resend": RESEND_S})).all()
    for row in found:
        actor = "media.read" if row.state == ReadingState.READING else "media.fetch"
        uow.enqueue(actor, tenant_id=row.tenant_id, media_id=row.id)
    return len(found)


async def give_up(uow: SystemUnitOfWork) -> int:
    """End what took too long, so that nobody waits for it; returns how many (for the sweep)."""
    late = (await uow.session.execute(_LATE, {"patience": PATIENCE_S})).all()
    for row in late:
        await _tell(uow, row.tenant_id, row.message_id, _Outcome(ReadingState.FAILED, row.reason))
    return len(late)
