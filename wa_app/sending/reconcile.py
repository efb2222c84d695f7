"""What became of messages whose fate is unknown (DESIGN §6): never guessed, never sent again blindly.

1. The echo of our own message comes by webhook: it names the id we made before sending, or
   exactly one unknown row has its chat and its text.
2. No echo for `reconcile_wait_s`: the chat's own messages are read from the vendor.
3. Proven absent → `failed(not_sent)`, which may be retried. Undecided → it stays unknown, for a person.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog

from wa_app.channels.port import AckLevel, Channel, ChannelError, MessageEchoed, OwnMessage
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.schemas.principal import Principal
from wa_app.sending import ledger
from wa_app.sending.acks import Ack, apply_acks
from wa_app.sending.delivery import chat_identity
from wa_app.sending.ledger import content_hash, postpone_unknown, settle

log = structlog.get_logger(__name__)

CLOCKS_DIFFER: Final = timedelta(seconds=60)
"""How far the vendor's clock may be behind ours."""
BATCH: Final = 50
ASK_AGAIN: Final = timedelta(seconds=30)
GIVE_UP: Final = timedelta(minutes=30)
"""After this a row that could not be looked up is left to a person."""

_UNKNOWN = """
SELECT m.id, m.provider_key, m.content_hash, m.claimed_at, m.identity_kind, m.identity_value, m.chat_id, m.contact_id
FROM outbound_messages m
WHERE m.tenant_id = $1 AND m.device_id = $2 AND m.state = 'unknown' ORDER BY m.claimed_at
"""
_ALIASES = """
SELECT m.id, i.kind, i.value FROM outbound_messages m
JOIN contact_identities i ON i.tenant_id = m.tenant_id AND i.contact_id = m.contact_id
WHERE m.tenant_id = $1 AND m.id = ANY($2::uuid[])
"""


async def match_echo(uow: TenantUnitOfWork, device_id: UUID, echo: MessageEchoed) -> bool:
    """Whether an echo settles one of the device's unknown rows."""
    conn = await uow.driver()
    rows = await conn.fetch(_UNKNOWN, uow.tenant_id, device_id)
    by_key = [row for row in rows if row["provider_key"] == echo.message_id]
    found = by_key or await _by_content(conn, uow.tenant_id, rows, echo)
    if len(found) != 1:
        return False
    if not await settle(uow, found[0]["id"], sent=True, message_id=echo.message_id, at=echo.at):
        return False
    if echo.at is not None:
        await apply_acks(uow, [Ack(device_id, echo.message_id, max(echo.ack, AckLevel.SENT), echo.at)])
    return True


async def _by_content(conn: Any, tenant_id: UUID, rows: Sequence[Any], echo: MessageEchoed) -> list[Any]:
    """Unknown rows without a key of ours that fit the echo's text, time and chat."""
    digest = content_hash(echo.text)
    fitting = [
        row for row in rows
        if row["provider_key"] is None and row["content_hash"] == digest
        and (echo.at is None or echo.at >= row["claimed_at"] - CLOCKS_DIFFER)
    ]  # fmt: skip
    if not fitting:
        return []
    names: dict[UUID, set[tuple[str, str]]] = {
        row["id"]: {(row["identity_kind"], row["identity_value"])} for row in fitting
    }
    for alias in await conn.fetch(_ALIASES, tenant_id, list(names)):
        names[alias["id"]].add((alias["kind"], alias["value"]))
    peer = {(one.kind.value, one.value.removesuffix("@lid")) for one in echo.peer}
    return [
        row for row in fitting
        if names[row["id"]] & peer or echo.chat_id in (row["chat_id"], row["identity_value"])
    ]  # fmt: skip


_DUE = """
UPDATE outbound_messages m SET due_at = now() + interval '60 s'
FROM devices d
WHERE m.tenant_id = $1 AND d.tenant_id = $1 AND d.id = $2 AND m.id IN (
  SELECT id FROM outbound_messages WHERE tenant_id = $1 AND device_id = $2 AND state = 'unknown' AND due_at <= now()
  ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING m.id, m.provider_key, m.content_hash, m.claimed_at, m.identity_kind, m.identity_value, m.chat_id, m.file_id,
  d.session, d.waha_server_id, now() AS now
"""
_ATTRIBUTED = """
SELECT provider_message_id FROM outbound_messages
WHERE tenant_id = $1 AND device_id = $2 AND provider_message_id = ANY($3::text[]) AND id <> $4
"""


async def reconcile_device(
    tenant_id: UUID, device_id: UUID, channel_of: Callable[[UUID], Awaitable[Channel]]
) -> int:
    """Look up the unknown rows of a device that are due. Returns how many were settled."""
    principal = Principal.system(tenant_id)
    async with unit_of_work(principal) as uow:
        conn = await uow.driver()
        rows = await conn.fetch(_DUE, tenant_id, device_id, BATCH)
    settled = 0
    for row in rows:
        if row["waha_server_id"] is not None:
            settled += await _look_up(principal, device_id, row, await channel_of(row["waha_server_id"]))
    return settled


async def _look_up(principal: Principal, device_id: UUID, row: Any, channel: Channel) -> bool:
    """Read the chat (no transaction is open meanwhile) and write what it shows."""
    chat_id = row["chat_id"] or channel.chat_id_of(chat_identity(row["identity_kind"] or "phone", row["identity_value"]))
    since: datetime = row["claimed_at"] - CLOCKS_DIFFER
    try:
        messages = await channel.own_messages(row["session"], chat_id, since=since)
    except ChannelError as error:
        log.info("reconcile.no_answer", outbound_id=str(row["id"]), error=error.code)
        async with unit_of_work(principal) as uow:
            late = row["now"] - row["claimed_at"] > GIVE_UP
            await postpone_unknown(uow, row["id"], None if late else ASK_AGAIN)
        return False
    async with unit_of_work(principal) as uow:
        return await _judge(uow, device_id, row, messages)


async def _judge(uow: TenantUnitOfWork, device_id: UUID, row: Any, messages: Sequence[OwnMessage]) -> bool:
    """Exactly one fitting message: sent. None: not sent. More: a person decides."""
    conn = await uow.driver()
    known = await conn.fetch(_ATTRIBUTED, uow.tenant_id, device_id, [m.message_id for m in messages], row["id"])
    taken = {one["provider_message_id"] for one in known}
    fitting = [m for m in messages if m.message_id not in taken and _fits(row, m)]
    if len(fitting) > 1:
        await postpone_unknown(uow, row["id"], None)
        return False
    if not fitting:
        log.info("reconcile.absent", outbound_id=str(row["id"]))
        settled = await settle(uow, row["id"], sent=False)
        await ledger.replan_answer(uow, row["id"])
        return settled
    one = fitting[0]
    settled = await settle(uow, row["id"], sent=True, message_id=one.message_id, at=one.at)
    at = one.at or row["now"]
    await apply_acks(uow, [Ack(device_id, one.message_id, max(one.ack, AckLevel.SENT), at)])
    return settled


def _fits(row: Any, message: OwnMessage) -> bool:
    if row["provider_key"] is not None:
        return bool(message.message_id == row["provider_key"])
    same_text: bool = content_hash(message.text) == row["content_hash"]
    return same_text and message.has_media == (row["file_id"] is not None)
