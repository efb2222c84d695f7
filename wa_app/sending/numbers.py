"""Is this number on WhatsApp: asked seldom, remembered for a month, under a cap of its own.

Looking numbers up is itself watched by WhatsApp, so each device may ask only so often a minute and
a day (`SAPA_NUMBER_CHECKS_PER_MINUTE`, `_PER_DAY`), whoever asks: a lane before the first message to
a stranger, or the pre-flight over an audience. When the cap is used up nobody waits for it: the
message goes out as if there were no check. Devices without a delay never ask, as a call before every
message would halve their pace. Nothing is held across the call.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from wa_app.channels.port import Channel, ChannelError
from wa_app.config import get_settings
from wa_app.db import unit_of_work
from wa_app.kit.identities import identity_hash
from wa_app.schemas.principal import Principal

log = structlog.get_logger(__name__)

FRESH_DAYS: Final = 30
ASK_S: Final = 3.0
"""A lane waits this long for an answer: its lease must outlast check, typing and call."""

_KNOWN = f"""
SELECT hash, is_there, chat_id FROM number_checks
WHERE tenant_id = $1 AND hash = ANY($2::bytea[]) AND checked_at > now() - interval '{FRESH_DAYS} days'
"""  # noqa: S608
_REMEMBER = """
INSERT INTO number_checks (tenant_id, hash, is_there, chat_id)
SELECT $1, u.hash, u.is_there, u.chat_id FROM unnest($2::bytea[], $3::bool[], $4::text[]) AS u(hash, is_there, chat_id)
ON CONFLICT (tenant_id, hash) DO UPDATE
SET is_there = excluded.is_there, chat_id = excluded.chat_id, checked_at = now()
"""
_SPEND = """
INSERT INTO device_usage AS u (tenant_id, device_id, period, starts_at, used)
SELECT $1, $2, $3, $4, 1 WHERE $5 > 0
ON CONFLICT (tenant_id, device_id, period, starts_at) DO UPDATE SET used = u.used + 1 WHERE u.used < $5
RETURNING used
"""
_WINDOWS = "SELECT date_trunc('minute', now()) AS minute, date_trunc('day', now()) AS day"
_FIRST_TIME = """
SELECT last_inbound_at IS NULL AND last_outbound_at IS NULL FROM contacts WHERE tenant_id = $1 AND id = $2
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What WhatsApp said. `chat_id` is the vendor's chat, which need not be the dialled digits."""

    is_there: bool
    chat_id: str | None = None


async def known(conn: Any, tenant_id: UUID, hashes: Sequence[bytes]) -> dict[bytes, Verdict]:
    """Answers not older than `FRESH_DAYS`, by hash."""
    rows = await conn.fetch(_KNOWN, tenant_id, list(hashes))
    return {bytes(row["hash"]): Verdict(row["is_there"], row["chat_id"]) for row in rows}


async def remember(conn: Any, tenant_id: UUID, found: Mapping[bytes, Verdict]) -> None:
    """Keep answers, in the order of their hashes so that two writers cannot wait for each other."""
    rows = sorted(found.items())
    await conn.execute(
        _REMEMBER, tenant_id, [key for key, _ in rows], [one.is_there for _, one in rows],
        [one.chat_id for _, one in rows],
    )  # fmt: skip


async def spend(conn: Any, tenant_id: UUID, device_id: UUID) -> bool:
    """Book one question of a device; False when a cap of the minute or the UTC day is used up."""
    settings = get_settings()
    now = await conn.fetchrow(_WINDOWS)
    caps = (("minute", settings.number_checks_per_minute), ("day", settings.number_checks_per_day))
    for period, cap in caps:
        if await conn.fetchval(_SPEND, tenant_id, device_id, f"check_{period}", now[period], cap) is None:
            return False
    return True


async def ask(channel: Channel, session: str, phone: str, wait_s: float) -> Verdict | None:
    """One call, outside any transaction; None when no answer can be had."""
    try:
        async with asyncio.timeout(wait_s):
            found = await channel.check_number(session, phone)
    except (ChannelError, TimeoutError) as error:
        log.info("numbers.no_answer", error=type(error).__name__)
        return None
    return Verdict(found.exists, found.chat_id if found.exists else None)


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a device's lane asks before it writes to somebody for the first time."""

    principal: Principal
    device_id: UUID
    channel: Channel
    session: str
    identity_key: bytes

    async def of(self, contact_id: UUID | None, phone: str) -> Verdict | None:
        """The answer of the cache, else WhatsApp's own; None: nothing is known, send as ever."""
        try:
            return await self._of(contact_id, phone)
        except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            # The message has not left: a question that fails must not make its fate unknown.
            log.warning("numbers.database_away", device_id=str(self.device_id), error=type(error).__name__)
            return None

    async def _of(self, contact_id: UUID | None, phone: str) -> Verdict | None:
        tenant, hashed = self.principal.tenant_id, identity_hash(self.identity_key, "phone", phone)
        async with unit_of_work(self.principal) as uow:
            conn = await uow.driver()
            if (cached := (await known(conn, tenant, [hashed])).get(hashed)) is not None:
                return cached
            if contact_id is None or not await conn.fetchval(_FIRST_TIME, tenant, contact_id):
                return None
            if not await spend(conn, tenant, self.device_id):
                return None
        verdict = await ask(self.channel, self.session, phone, ASK_S)
        if verdict is not None:
            async with unit_of_work(self.principal) as uow:
                await remember(await uow.driver(), tenant, {hashed: verdict})
        return verdict
