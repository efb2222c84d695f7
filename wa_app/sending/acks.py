"""News of our messages, from the vendor or from their echoes: rows of the ledger move forward by them, never back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from wa_app.channels.port import AckLevel
from wa_app.db import TenantUnitOfWork
from wa_app.sending.ledger import book, moved


@dataclass(frozen=True, slots=True)
class Ack:
    """News of one of our messages from the vendor, or from its echo."""

    device_id: UUID
    message_id: str
    level: AckLevel
    at: datetime


_LEVELS: Final[Mapping[AckLevel, str]] = {
    AckLevel.SENT: "sent", AckLevel.DELIVERED: "delivered", AckLevel.READ: "read", AckLevel.PLAYED: "played",
    AckLevel.FAILED: "failed",
}  # fmt: skip
_LOCK_ACKED = """
SELECT m.id, u.n FROM unnest($2::uuid[], $3::text[]) WITH ORDINALITY AS u(device_id, message_id, n)
JOIN outbound_messages m ON m.tenant_id = $1 AND m.device_id = u.device_id AND m.provider_message_id = u.message_id
ORDER BY m.id FOR UPDATE OF m
"""
_ACKS = """
UPDATE outbound_messages m SET state = u.state,
  sent_at = coalesce(m.sent_at, u.at),
  delivered_at = CASE WHEN u.rank >= 2 THEN coalesce(m.delivered_at, u.at) ELSE m.delivered_at END,
  read_at = CASE WHEN u.rank >= 3 THEN coalesce(m.read_at, u.at) ELSE m.read_at END,
  played_at = CASE WHEN u.rank >= 4 THEN coalesce(m.played_at, u.at) ELSE m.played_at END,
  error_code = CASE WHEN u.rank = 0 THEN 'delivery_failed' END, error_message = NULL, due_at = NULL
FROM unnest($2::uuid[], $3::text[], $4::int[], $5::timestamptz[]) AS u(id, state, rank, at)
WHERE m.tenant_id = $1 AND m.id = u.id AND CASE
  WHEN m.state IN ('sending', 'unknown') THEN true
  WHEN m.state = 'failed' THEN u.rank > 0 AND m.error_code IN ('delivery_failed', 'not_sent')
  WHEN u.rank = 0 THEN m.state = 'sent'
  ELSE u.rank > array_position(ARRAY['sent', 'delivered', 'read', 'played'], m.state) END
RETURNING m.id, m.campaign_id, m.device_id, old.state AS was, new.state AS now
"""
_RANK: Final = {"failed": 0, "sent": 1, "delivered": 2, "read": 3, "played": 4}


async def apply_acks(uow: TenantUnitOfWork, acks: Sequence[Ack]) -> set[tuple[UUID, str]]:
    """Move rows forward by acks, never back; returns the `(device, message id)` pairs the ledger knows.

    The level of a message is the highest it ever heard, whatever the order. An error is
    kept only while nothing better has been heard.
    """
    best = _highest(acks)
    if not best:
        return set()
    conn = await uow.driver()
    keys = sorted(best)
    found = await conn.fetch(_LOCK_ACKED, uow.tenant_id, [k[0] for k in keys], [k[1] for k in keys])
    known = [(row["id"], best[keys[row["n"] - 1]]) for row in found]
    moves = [(row_id, _LEVELS[ack.level], ack.at) for row_id, ack in known if ack.level in _LEVELS]
    rows = await conn.fetch(
        _ACKS, uow.tenant_id, [m[0] for m in moves], [m[1] for m in moves], [_RANK[m[1]] for m in moves],
        [m[2] for m in moves],
    )  # fmt: skip
    await book(conn, uow.tenant_id, moved(rows))
    for campaign in {row["campaign_id"] for row in rows if row["campaign_id"]}:
        uow.publish("campaign", id=campaign)
    if single := [row["id"] for row in rows if row["campaign_id"] is None]:
        uow.publish("ack", ids=single)
    return {keys[row["n"] - 1] for row in found}


def _highest(acks: Iterable[Ack]) -> dict[tuple[UUID, str], Ack]:
    best: dict[tuple[UUID, str], Ack] = {}
    for ack in acks:
        key = (ack.device_id, ack.message_id)
        if key not in best or ack.level > best[key].level:
            best[key] = ack
    return best
