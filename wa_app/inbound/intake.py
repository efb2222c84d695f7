"""Taking webhooks in: verify, store raw, wake, answer. Nothing is parsed before the signature holds.

Events of all requests in flight go into one multi-row insert per flush; a request is
answered when its row has committed. Repeats (the vendor retries, and sends twice) meet the
unique key of device, event and envelope id, and are answered like the first.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from wa_app import queues
from wa_app.channels.port import BadSignature
from wa_app.channels.waha.events import check_signature, envelope_key
from wa_app.db import redis_client, system_unit_of_work
from wa_app.errors import NotFound, NotSignedIn
from wa_app.kit import metrics
from wa_app.kit.secrets import decrypt, digest

log = structlog.get_logger(__name__)

FRESH_S: Final = 30.0
"""How long a device's key is believed; a deleted device or a new key works after this."""
MAX_CACHED: Final = 10_000
MAX_BATCH: Final = 500
WAKE_EVERY_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whose webhooks come under a token, and the key that signs them."""

    tenant_id: UUID
    device_id: UUID
    hmac_key: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """One verified webhook."""

    tenant_id: UUID
    device_id: UUID
    event: str
    envelope_id: str
    body: bytes


_FIND = text(
    "SELECT tenant_id, id, hmac_key FROM devices WHERE webhook_token_hash = :hash AND deleted_at IS NULL"
)
_INSERT = """
INSERT INTO inbound_events (tenant_id, device_id, event, envelope_id, body)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[])
ON CONFLICT (tenant_id, device_id, event, envelope_id) DO NOTHING RETURNING tenant_id
"""


@dataclass
class Intake:
    """The receiving side of one process."""

    receivers: dict[bytes, tuple[float, Receiver | None]] = field(default_factory=dict)
    waiting: list[tuple[Incoming, asyncio.Future[None]]] = field(default_factory=list)
    flusher: asyncio.Task[None] | None = None
    woken: dict[UUID, float] = field(default_factory=dict)
    waking: dict[UUID, asyncio.Task[None]] = field(default_factory=dict)

    async def receive(self, token: str, raw: bytes, headers: Mapping[str, str]) -> None:
        """Store one webhook; returns when it is safe.

        Raises NotFound for an unknown token and NotSignedIn (`bad_signature`) for a wrong signature.
        """
        receiver = await self.receiver(token)
        try:
            check_signature(raw, headers, receiver.hmac_key)
        except BadSignature as error:
            log.warning("intake.bad_signature", device_id=str(receiver.device_id), why=str(error))
            raise NotSignedIn("bad_signature") from error
        event, envelope_id = envelope_key(raw)
        incoming = Incoming(receiver.tenant_id, receiver.device_id, _clean(event), _clean(envelope_id), raw)
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((incoming, stored))
        if self.flusher is None or self.flusher.done():
            self.flusher = asyncio.create_task(self._flush())
        await stored

    async def receiver(self, token: str) -> Receiver:
        """Whose webhook it is. Unknown tokens are remembered too, so that guessing costs us little."""
        key = digest(token)
        known = self.receivers.get(key)
        if known is None or time.monotonic() - known[0] > FRESH_S:
            known = (time.monotonic(), await _find(key))
            if len(self.receivers) >= MAX_CACHED:
                self.receivers.clear()
            self.receivers[key] = known
        if known[1] is None:
            raise NotFound
        return known[1]

    async def _flush(self) -> None:
        """Insert what waits, again and again until nothing does; what comes meanwhile forms the next batch."""
        while self.waiting:
            try:
                async with system_unit_of_work() as uow:
                    # One connection for as long as events keep coming: to take it and give it back costs more
                    # than the insert. Each statement commits by itself, no BEGIN, no COMMIT while callers wait.
                    conn = await uow.driver()
                    while self.waiting and await self._store(conn):
                        continue
            except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                log.warning("intake.database_away", error=type(error).__name__)
                self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        """The database is away: those who wait are told, and send again."""
        batch, self.waiting = self.waiting, []
        _answer(batch, error)

    async def _store(self, conn: Any) -> bool:
        """One insert. False when it failed: its callers are told, and the connection is not used any more."""
        batch, self.waiting = self.waiting[:MAX_BATCH], self.waiting[MAX_BATCH:]
        started = time.monotonic()
        insert = conn.fetch(
            _INSERT, [one.tenant_id for one, _ in batch], [one.device_id for one, _ in batch],
            [one.event for one, _ in batch], [one.envelope_id for one, _ in batch], [one.body for one, _ in batch],
        )  # fmt: skip
        # Whatever it raises is told to those who wait: none of them may wait for ever.
        rows: Any = (await asyncio.gather(insert, return_exceptions=True))[0]
        if isinstance(rows, BaseException):
            log.warning("intake.insert_failed", events=len(batch), error=type(rows).__name__)
            _answer(batch, rows)
            return False
        _answer(batch, None)
        metrics.observe_flush(time.monotonic() - started)
        await self._wake({row["tenant_id"] for row in rows})
        return True

    async def _wake(self, tenants: set[UUID]) -> None:
        """Tell the workers, at most every `WAKE_EVERY_S` for a tenant; the last events of a burst are told of too."""
        now = time.monotonic()
        due = [tenant for tenant in tenants if now - self.woken.get(tenant, -1.0) >= WAKE_EVERY_S]
        for tenant in tenants.difference(due, self.waking):
            # The last wake-up may have run before this commit: one more covers the rest.
            self.waking[tenant] = asyncio.create_task(self._wake_later(tenant))
        if due:
            self.woken.update(dict.fromkeys(due, now))
            await _send_wakes(due)

    async def _wake_later(self, tenant: UUID) -> None:
        await asyncio.sleep(WAKE_EVERY_S)
        del self.waking[tenant]
        self.woken[tenant] = time.monotonic()
        await _send_wakes([tenant])


def _answer(batch: Sequence[tuple[Incoming, asyncio.Future[None]]], error: BaseException | None) -> None:
    for _, stored in batch:
        if stored.done():
            continue
        if error is None:
            stored.set_result(None)
        else:
            stored.set_exception(error)


_intakes: dict[int, Intake] = {}


def intake() -> Intake:
    """The intake of this process (of this event loop, to be exact)."""
    loop = id(asyncio.get_running_loop())
    if loop not in _intakes:
        _intakes.clear()
        _intakes[loop] = Intake()
    return _intakes[loop]


async def _send_wakes(tenants: Sequence[UUID]) -> None:
    jobs = [queues.Job("inbound.process", {"tenant_id": str(tenant)}) for tenant in tenants]
    await queues.send(redis_client(), jobs)


async def _find(token_hash: bytes) -> Receiver | None:
    async with system_unit_of_work() as uow:
        row = (await uow.session.execute(_FIND, {"hash": token_hash})).one_or_none()
    return None if row is None else Receiver(row.tenant_id, row.id, decrypt(row.hmac_key))


def _clean(value: str) -> str:
    """An event name or id that PostgreSQL can keep and index."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode()[:300]
