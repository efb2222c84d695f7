"""Storing what people write, and what the owner types on the phone: contact, conversation, message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from wa_app.channels.port import AckLevel, Identity, IncomingMedia, Message, MessageEchoed, MessageReceived
from wa_app.db import TenantUnitOfWork
from wa_app.inbound import media
from wa_app.kit.ids import new_id
from wa_app.schemas.contacts import ContactCreate
from wa_app.sending.rules import REPLY_WINDOW
from wa_app.services import contacts
from wa_app.services.contacts import joining

_CONVERSATION = """
INSERT INTO conversations AS v (id, tenant_id, contact_id, device_id, chat_id, unread, last_message_at, last_inbound_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant_id, contact_id, device_id) DO UPDATE SET
  chat_id = excluded.chat_id,
  last_message_at = greatest(v.last_message_at, excluded.last_message_at),
  last_inbound_at = greatest(v.last_inbound_at, excluded.last_inbound_at)
RETURNING id
"""
_MESSAGE = """
INSERT INTO messages (id, tenant_id, conversation_id, device_id, contact_id, direction, sender, type, text, media,
  status, provider_message_id, timestamp, extra, author)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (tenant_id, device_id, provider_message_id) DO NOTHING RETURNING id
"""
_KNOWN = "SELECT id FROM messages WHERE tenant_id = $1 AND device_id = $2 AND provider_message_id = $3"
_RECEIVED = f"""
UPDATE contacts c SET last_inbound_at = greatest(c.last_inbound_at, $3),
  last_replied_at = CASE WHEN EXISTS (
    SELECT 1 FROM outbound_messages o WHERE o.tenant_id = $1 AND o.contact_id = $2
    AND o.sent_at BETWEEN $3 - interval '{REPLY_WINDOW}' AND $3) THEN greatest(c.last_replied_at, $3)
    ELSE c.last_replied_at END
WHERE c.tenant_id = $1 AND c.id = $2 RETURNING old.last_inbound_at IS NULL
"""  # noqa: S608
_WRITTEN = "UPDATE contacts SET last_outbound_at = greatest(last_outbound_at, $3) WHERE tenant_id = $1 AND id = $2"
_NO_STRANGER = """
UPDATE outbound_messages SET stranger = false
WHERE tenant_id = $1 AND contact_id = $2 AND state = 'planned' AND stranger
"""
STATUS: Final = {
    AckLevel.FAILED: "failed", AckLevel.PENDING: "sent", AckLevel.SENT: "sent", AckLevel.DELIVERED: "delivered",
    AckLevel.READ: "read", AckLevel.PLAYED: "played",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in its place. `is_new` is False when its webhook came before."""

    id: UUID
    contact_id: UUID | None
    """None: of a group."""
    at: datetime
    is_new: bool
    conversation_id: UUID


async def store(uow: TenantUnitOfWork, device_id: UUID, message: MessageReceived | MessageEchoed) -> Stored | None:
    """Store one message of a direct chat, once. None when nobody can be named."""
    people = message.sender if isinstance(message, MessageReceived) else message.peer
    if not people:
        return None
    received = isinstance(message, MessageReceived)
    name = message.sender_name if isinstance(message, MessageReceived) else None
    contact_id = await find_or_create(uow, people, name)
    conn = await uow.driver()
    at = said_at(message)
    conversation = await conn.fetchval(
        _CONVERSATION, new_id(), uow.tenant_id, contact_id, device_id, message.chat_id, 0, at, at if received else None
    )
    stored = await put(conn, uow.tenant_id, conversation, device_id, message, at, contact_id=contact_id)
    if stored is None:
        line = await known(conn, uow.tenant_id, device_id, message.message_id)
        return Stored(line, contact_id, at, is_new=False, conversation_id=conversation)
    await _touch(conn, uow.tenant_id, conversation, contact_id, at, received=received)
    if received and message.media is not None:
        await media.expect(uow, stored, device_id, message.media)
    uow.publish("message", id=stored, conversation_id=conversation, contact_id=contact_id)
    return Stored(stored, contact_id, at, is_new=True, conversation_id=conversation)


async def put(
    conn: Any, tenant_id: UUID, conversation: UUID, device_id: UUID, message: MessageReceived | MessageEchoed, at: datetime, *,
    contact_id: UUID | None = None, author: str | None = None,
) -> UUID | None:  # fmt: skip
    """Write the line of a message; None when it is there already."""
    received = isinstance(message, MessageReceived)
    line: UUID | None = await conn.fetchval(
        _MESSAGE, new_id(), tenant_id, conversation, device_id, contact_id, "INBOUND" if received else "OUTBOUND",
        "contact" if received else "human", message.message_kind.value, plain(message.text), _media(message.media),
        None if received else STATUS[_ack(message)], message.message_id, _finer(at), _extra(message), author,
    )  # fmt: skip
    return line


async def known(conn: Any, tenant_id: UUID, device_id: UUID, message_id: str) -> UUID:
    """The line of a message that came before."""
    line: UUID = await conn.fetchval(_KNOWN, tenant_id, device_id, message_id)
    return line


def said_at(message: Message) -> datetime:
    """When it was said; now, when the channel does not tell."""
    return message.at or datetime.now(UTC)


def _finer(at: datetime) -> datetime:
    """WhatsApp tells whole seconds: within that second a message came when we heard of it.

    Our own answers have finer times, and would seem to come after what the customer wrote next.
    """
    return at if at.microsecond else max(at, min(at + timedelta(milliseconds=999), datetime.now(UTC)))


# A customer's message brings back what was put away for later, and opens a case by which times of service are measured.
_HEARD = """
WITH v AS (
  UPDATE conversations SET unread = unread + 1, waiting_since = coalesce(waiting_since, $3), snoozed_until = NULL,
    status = CASE WHEN status IN ('snoozed', 'closed') THEN 'open' ELSE status END
  WHERE tenant_id = $1 AND id = $2 RETURNING id)
INSERT INTO conversation_cases (tenant_id, conversation_id, opened_at) SELECT $1, id, $3 FROM v
ON CONFLICT (tenant_id, conversation_id) WHERE resolved_at IS NULL DO NOTHING
"""
_SEEN = "UPDATE conversations SET unread = 0 WHERE tenant_id = $1 AND id = $2"


async def _touch(
    conn: Any, tenant_id: UUID, conversation: UUID, contact_id: UUID, at: datetime, *, received: bool
) -> None:
    """Unread counts once per stored message; an answer typed on the phone means it was read."""
    if received:
        await conn.execute(_HEARD, tenant_id, conversation, at)
    else:
        await conn.execute(_SEEN, tenant_id, conversation)
    if not received:
        await conn.execute(_WRITTEN, tenant_id, contact_id, at)
    elif await conn.fetchval(_RECEIVED, tenant_id, contact_id, at):
        # No stranger any more: what is planned need not wait for a device's budget of strangers.
        await conn.execute(_NO_STRANGER, tenant_id, contact_id)


async def find_or_create(uow: TenantUnitOfWork, people: Sequence[Identity], name: str | None) -> UUID:
    """The contact behind these identities; a new one (source `inbound`) when nobody has them.

    A phone and a LID that come together belong to one person: the one that is missing is
    added, and two contacts that turn out to be one are joined.
    """
    pairs = [stored_identity(one) for one in people]
    rows = await joining.join_owners(uow, pairs)
    owners = {row["contact_id"]: row for row in rows}
    if len(owners) == 1 and len(rows) == len(set(pairs)) and not rows[0]["deleted"]:
        found: UUID = rows[0]["contact_id"]
        return found
    given = dict(pairs)
    data = ContactCreate(
        phone=given.get("phone"), lid=given.get("lid"), name="" if owners else plain(name or "")[:200], upsert=True
    )
    view, _ = await contacts.create(uow, data, source="inbound")
    return UUID(str(view.id))


def stored_identity(identity: Identity) -> tuple[str, str]:
    """`(kind, value)` as contacts store it: a LID without its `@lid`."""
    return identity.kind.value, identity.value.removesuffix("@lid")


def _ack(message: Message) -> AckLevel:
    return message.ack if isinstance(message, MessageEchoed) else AckLevel.SENT


def plain(value: str) -> str:
    """Text that PostgreSQL can keep."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def _media(media: IncomingMedia | None) -> str | None:
    """JSON as text: that is what the driver's codec for JSONB takes."""
    if media is None:
        return None
    return _json({"url": media.url, "mime": media.mime, "filename": media.filename, "error": media.error})


def _json(value: dict[str, Any]) -> str:
    return plain(orjson.dumps(value).decode().replace("\\u0000", ""))


def _extra(message: Message) -> str:
    found: dict[str, Any] = {}
    if message.reply_to:
        found["reply_to"] = message.reply_to
    if message.location:
        found["location"] = list(message.location)
    if message.vcards:
        found["vcards"] = list(message.vcards)
    if message.poll:
        found["poll"] = {"name": message.poll[0], "options": list(message.poll[1])}
    return _json(found)
