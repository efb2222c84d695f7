"""What the stored webhooks mean: acks and echoes for the ledger, messages for the inbox, news of a session.

One transaction takes a batch of one tenant's events. Acks and echoes are applied as a set.
Where an odd event spoils the batch it is done once more with a savepoint for each of the others,
so that it fails alone, with its reason on the row. An event may come before what it speaks of (an ack before the outcome of
its call is written): it is put off a few times, then ignored.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from wa_app.channels.port import (
    AckLevel,
    AnyEvent,
    ChatKind,
    EchoSource,
    Ignored,
    MessageAcked,
    MessageChanged,
    MessageEchoed,
    MessageReceived,
    SessionStatusChanged,
)
from wa_app.channels.waha.events import parse_webhook
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError
from wa_app.inbound import changes, conversations, group_chats, opt_words
from wa_app.kit.opt_words import WordList
from wa_app.models.devices import Device
from wa_app.schemas.opt_out import OptOutSettings
from wa_app.schemas.principal import Principal
from wa_app.sending import reconcile
from wa_app.sending.acks import Ack, apply_acks
from wa_app.services import opt_out
from wa_app.services.conversations import settings, takeover, turns
from wa_app.services.devices import apply_session_status

log = structlog.get_logger(__name__)

BATCH: Final = 300
SLICE_S: Final = 1.0
"""How long one run goes on before it lets other tenants have the thread, in seconds."""
MAX_TRIES: Final = 7
"""Put-offs of 0.5 s, doubling: an event waits about a minute for what it speaks of."""

_ODD = (AppError, SQLAlchemyError, asyncpg.PostgresError, ValueError)
"""What the database or a rule refuses about an event."""

_PICK = """
SELECT id, device_id, body, attempts, created_at FROM inbound_events
WHERE tenant_id = $1 AND state = 'pending' AND due_at <= now()
ORDER BY due_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_DONE = """
UPDATE inbound_events e SET state = u.state, error = u.error, attempts = e.attempts + 1,
  due_at = CASE WHEN u.state = 'pending' THEN now() + make_interval(secs => 0.5 * 2 ^ e.attempts) END
FROM unnest($2::uuid[], $3::text[], $4::text[]) AS u(id, state, error) WHERE e.tenant_id = $1 AND e.id = u.id
"""
_ACK_MESSAGES = """
UPDATE messages m SET status = u.status
FROM unnest($2::uuid[], $3::text[], $4::text[]) AS u(device_id, message_id, status)
WHERE m.tenant_id = $1 AND m.device_id = u.device_id AND m.provider_message_id = u.message_id
RETURNING m.device_id, m.provider_message_id
"""


@dataclass(slots=True)
class _Item:
    """One event in work; `state` is what becomes of it."""

    id: UUID
    device_id: UUID
    attempts: int
    event: AnyEvent
    at: datetime
    state: str = "done"
    error: str | None = None
    is_settled: bool = False
    """Nothing more is to be done for it."""
    heard: opt_words.Heard | None = None
    """The word by which a person stops or starts, to be heeded at the end of the batch."""

    def ignore(self, reason: str) -> None:
        self.state, self.error, self.is_settled = "ignored", reason, True

    def put_off(self, reason: str) -> None:
        """Try again later, or give up when it has waited long enough."""
        if self.attempts >= MAX_TRIES:
            self.ignore(reason)
        else:
            self.state, self.error, self.is_settled = "pending", reason, True


def _no() -> bool:
    return False


async def process_tenant(tenant_id: UUID, called_again: Callable[[], bool] = _no) -> int:
    """Work off what is due for a tenant, for a slice; what is left waits behind other tenants.

    Args:
        called_again: whether a wake-up was turned away meanwhile; then it looks once more.

    Returns how many events were looked at.
    """
    principal, ends_at, total = Principal.system(tenant_id), monotonic() + SLICE_S, 0
    while True:
        try:
            count = await _batch(principal)
        except _ODD as error:
            log.warning("inbound.batch_again", error=type(error).__name__)
            count = await _batch(principal, each_alone=True)
        total += count
        if count < BATCH and not called_again():
            return total
        if monotonic() >= ends_at:
            async with unit_of_work(principal) as uow:
                uow.enqueue("inbound.process", tenant_id=tenant_id)
            return total


async def _batch(principal: Principal, *, each_alone: bool = False) -> int:
    """Work off one batch; what is odd about an event ends all of it, or with `each_alone` that event alone."""
    async with unit_of_work(principal) as uow:
        conn = await uow.driver()
        rows = await conn.fetch(_PICK, uow.tenant_id, BATCH)
        if not rows:
            return 0
        items = [_item(row) for row in rows]
        groups = any(map(_is_group, items)) and (await settings.in_force(uow)).groups
        await _ledger_news(uow, items, groups=groups)
        words = await opt_out.words(uow)
        for item in items:
            if isinstance(item.event, Ignored):
                item.ignore(item.event.reason)
            if not item.is_settled:
                work = _handle(uow, item, words[0], groups=groups)
                await (_alone(uow, item, work) if each_alone else work)
        await _heed(uow, items, words[1], each_alone=each_alone)
        await conn.execute(
            _DONE, uow.tenant_id, [i.id for i in items], [i.state for i in items], [i.error for i in items]
        )
    return len(rows)


def _item(row: Any) -> _Item:
    event = parse_webhook(bytes(row["body"]))
    return _Item(row["id"], row["device_id"], row["attempts"], event, event.at or row["created_at"])


def _is_group(item: _Item) -> bool:
    return getattr(item.event, "chat_kind", None) is ChatKind.GROUP


async def _ledger_news(uow: TenantUnitOfWork, items: Sequence[_Item], *, groups: bool) -> None:
    """Acks and echoes, as one set: the ledger first, then the inbox, then rows whose fate is unknown."""
    news = [i for i in items if isinstance(i.event, MessageEchoed) or _is_own_ack(i.event, groups=groups)]
    if not news:
        return
    known = await apply_acks(uow, [_as_ack(item) for item in news])
    open_acks = []
    for item in news:
        if (item.device_id, item.event.message_id) in known:  # type: ignore[union-attr]
            item.is_settled = True
        elif isinstance(item.event, MessageAcked):
            open_acks.append(item)
    await _ack_messages(uow, open_acks)


def _is_own_ack(event: AnyEvent, *, groups: bool) -> bool:
    if not isinstance(event, MessageAcked) or not event.from_me:
        return False
    return event.chat_kind is ChatKind.PERSON or (groups and event.chat_kind is ChatKind.GROUP)


def _as_ack(item: _Item) -> Ack:
    event = item.event
    assert isinstance(event, MessageAcked | MessageEchoed)
    level = _level(event) if isinstance(event, MessageAcked) else max(event.ack, AckLevel.SENT)
    return Ack(item.device_id, event.message_id, level, item.at)


def _level(ack: MessageAcked) -> AckLevel:
    """How far a message is by an ack. That one member has read it does not mean that the group has."""
    return min(ack.level, AckLevel.DELIVERED) if ack.by_member else ack.level


async def _ack_messages(uow: TenantUnitOfWork, items: Sequence[_Item]) -> None:
    """Acks of messages that a person typed on the phone; the rest waits for its row."""
    if not items:
        return
    best: dict[tuple[UUID, str], AckLevel] = {}
    for item in items:
        assert isinstance(item.event, MessageAcked)
        key = (item.device_id, item.event.message_id)
        best[key] = max(best.get(key, AckLevel.PENDING), _level(item.event))
    conn = await uow.driver()
    keys = sorted(best)
    rows = await conn.fetch(
        _ACK_MESSAGES, uow.tenant_id, [k[0] for k in keys], [k[1] for k in keys],
        [conversations.STATUS[best[k]] for k in keys],
    )  # fmt: skip
    found = {(row["device_id"], row["provider_message_id"]) for row in rows}
    for item in items:
        assert isinstance(item.event, MessageAcked)
        if (item.device_id, item.event.message_id) in found:
            item.is_settled = True
        else:
            item.put_off("no_message")


async def _heed(uow: TenantUnitOfWork, items: Sequence[_Item], settings: OptOutSettings, *, each_alone: bool) -> None:
    """Heed the words of the batch last: a word locks its person out of every claim until we commit.

    In the order of the contacts, as claims lock them, so that the two cannot wait for each other.
    """
    heard = [(item.heard, item) for item in items if item.heard is not None]
    for word, item in sorted(heard, key=lambda pair: (pair[0].contact_id, pair[0].at)):
        work = opt_words.heed(uow, word, settings)
        await (_alone(uow, item, work) if each_alone else work)


async def _alone(uow: TenantUnitOfWork, item: _Item, work: Awaitable[None]) -> None:
    """One event in its savepoint. What the database or a rule refuses is written on the event."""
    try:
        async with uow.session.begin_nested():
            await work
    except _ODD as error:
        _failed(item, error)


def _failed(item: _Item, error: Exception) -> None:
    code = error.code if isinstance(error, AppError) else type(error).__name__
    log.warning("inbound.event_failed", event_id=str(item.id), kind=item.event.kind, error=code)
    if item.attempts < 3:
        item.state, item.error = "pending", code
    else:
        item.state, item.error = "failed", code


async def _handle(uow: TenantUnitOfWork, item: _Item, words: WordList, *, groups: bool) -> None:
    event = item.event
    assert not isinstance(event, Ignored)
    if isinstance(event, SessionStatusChanged):
        await _session_status(uow, item.device_id, event)
    elif isinstance(event, MessageAcked):
        item.ignore("not_ours")
    elif event.chat_kind is not ChatKind.PERSON and not (groups and event.chat_kind is ChatKind.GROUP):
        item.ignore(f"chat_is_{event.chat_kind.value}")
    elif isinstance(event, MessageChanged):
        if not await changes.apply(uow, item.device_id, event, item.at.isoformat()):
            item.put_off("no_message")
    elif isinstance(event, MessageEchoed):
        await _echo(uow, item, event)
    elif event.chat_kind is ChatKind.GROUP:
        await _said_in_group(uow, item, event)
    else:
        await _received(uow, item, event, words)


async def _received(uow: TenantUnitOfWork, item: _Item, event: MessageReceived, words: WordList) -> None:
    """Store what a person wrote, for an answer. A repeated word is listened to again: its first hearing may have failed."""
    stored = await _store(uow, item, event)
    if stored is None:
        return
    item.heard = opt_words.listen(words, item.device_id, event, stored)
    if stored.is_new and item.heard is None:
        await turns.join(
            uow, conversation_id=stored.conversation_id, device_id=item.device_id, contact_id=stored.contact_id,
            message_id=stored.id, at=stored.at,
        )  # fmt: skip


async def _said_in_group(uow: TenantUnitOfWork, item: _Item, event: MessageReceived) -> None:
    """Store what a member wrote; of several numbers of ours in the group one answers. Words that stop are a person's."""
    if await group_chats.is_own(uow, event.sender):
        item.ignore("own_number")
        return
    stored = await _store(uow, item, event)
    if stored is not None and stored.is_new and not await group_chats.is_taken(uow, item.device_id, event.message_id):
        await turns.join(
            uow, conversation_id=stored.conversation_id, device_id=item.device_id, contact_id=None,
            message_id=stored.id, at=stored.at,
        )  # fmt: skip


async def _store(
    uow: TenantUnitOfWork, item: _Item, event: MessageReceived | MessageEchoed
) -> conversations.Stored | None:
    where = group_chats.store if event.chat_kind is ChatKind.GROUP else conversations.store
    stored: conversations.Stored | None = await where(uow, item.device_id, event)
    if stored is None:
        item.ignore("no_identity")
    elif not stored.is_new:
        item.ignore("repeated")
    return stored


async def _echo(uow: TenantUnitOfWork, item: _Item, event: MessageEchoed) -> None:
    """A message of the owner that the ledger does not know by its id."""
    if event.source is not EchoSource.APP and await reconcile.match_echo(uow, item.device_id, event):
        return
    if event.source is EchoSource.API:
        item.put_off("not_in_ledger")
    elif event.source is EchoSource.UNKNOWN and item.attempts < MAX_TRIES:
        item.put_off("source_unknown")
    elif (stored := await _store(uow, item, event)) is not None and stored.is_new:
        await takeover.by_human(uow, stored.conversation_id, stored.at)


_RESUME = """
UPDATE devices SET paused_until = NULL, pause_reason = NULL
WHERE tenant_id = $1 AND id = $2 AND status = 'CONNECTED'
  AND pause_reason IN ('device_trouble', 'server_unreachable') RETURNING id
"""


async def _session_status(uow: TenantUnitOfWork, device_id: UUID, event: SessionStatusChanged) -> None:
    device = await uow.session.get(Device, device_id)
    if device is None:
        return
    await apply_session_status(uow, device, event)
    await uow.session.flush()
    if device.status == "CONNECTED":
        conn = await uow.driver()
        await conn.execute(_RESUME, uow.tenant_id, device_id)
        uow.enqueue("lane.run", tenant_id=uow.tenant_id, device_id=device_id)
