"""Variants of a campaign: who gets which, and what becomes of the rows that wait for the winner.

Shares hold in every chunk of planning (±1 row of rounding): its recipients are put in an order that depends on
nothing but the campaign and the contact, and cut by the shares. So the split knows neither age nor name of a
contact, and a planner that dies and comes again cuts the same way. With a test, only the first part of
that order is sent; the rest is `held` with the code `ab_test` and no variant until there is a winner.
"""

from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.models.outbound import Campaign, CampaignStatus
from wa_app.sending import ledger

HELD_CODE: Final = "ab_test"

_SPLIT = """, ordered AS (
        SELECT w.*, row_number() OVER (
                   PARTITION BY w.suppressed OR w.kind IS NULL ORDER BY hashtextextended(CAST(w.id AS text), CAST(:salt AS bigint)), w.id) - 1 AS r,
               count(*) FILTER (WHERE NOT w.suppressed AND w.kind IS NOT NULL) OVER () AS sendable
        FROM wanted w
    ), drawn AS (
        SELECT o.*, CASE WHEN o.suppressed OR o.kind IS NULL THEN NULL
                         WHEN o.r >= (o.sendable * CAST(:test AS int) + 99) / 100 THEN NULL
                         ELSE (SELECT count(*) FROM unnest(CAST(:until AS int[])) u
                               WHERE o.r >= (u * ((o.sendable * CAST(:test AS int) + 99) / 100) + 50) / 100) END AS variant
        FROM ordered o
    )"""
SPLIT: Final = {
    "split": _SPLIT, "variant_column": ", variant", "held_state": "WHEN variant IS NULL THEN 'held' ",
    "held_code": f"WHEN variant IS NULL THEN '{HELD_CODE}' ", "variant": ", variant", "source": "drawn",
}  # fmt: skip
"""The pieces that turn the statement of planning into one that cuts by shares."""


async def shares(uow: TenantUnitOfWork, campaign_id: UUID) -> list[int]:
    """Percent of each variant, in order of position."""
    query = text(
        "SELECT share FROM campaign_variants WHERE tenant_id = :t AND campaign_id = :c ORDER BY position"
    )
    return list((await uow.session.execute(query, {"t": uow.tenant_id, "c": campaign_id})).scalars())


async def split_values(uow: TenantUnitOfWork, campaign: Campaign) -> dict[str, Any]:
    """Parameters of `SPLIT`."""
    until, total = [], 0
    for share in await shares(uow, campaign.id):
        total += share
        until.append(total)
    # The last bound is the end itself: no row lies beyond it.
    return {"until": until[:-1], "test": campaign.test_percent or 100, "salt": salt(campaign.id)}


def salt(campaign_id: UUID) -> int:
    """What makes the order of recipients a campaign's own: the same person is not in the first part every time."""
    return int.from_bytes(blake2b(campaign_id.bytes, digest_size=8, person=b"ab-order").digest(), "big", signed=True)


def drawn(campaign_id: UUID, contact_id: UUID, parts: list[int]) -> int:
    """The variant of one contact that comes alone (a drip), in proportion to the shares."""
    number = int.from_bytes(blake2b(campaign_id.bytes + contact_id.bytes, digest_size=8).digest(), "big")
    point = number * sum(parts) >> 64
    for position, share in enumerate(parts):
        point -= share
        if point < 0:
            return position
    return len(parts) - 1


_RELEASE = """
UPDATE outbound_messages m SET state = 'planned', variant = $3, error_code = NULL
WHERE m.tenant_id = $1 AND m.id IN (
  SELECT id FROM outbound_messages WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'held' AND error_code = $4
  ORDER BY id LIMIT $5 FOR UPDATE SKIP LOCKED)
RETURNING m.campaign_id, NULL::uuid AS device_id, old.state AS was, new.state AS now
"""


async def release(uow: TenantUnitOfWork, campaign_id: UUID) -> int:
    """Give up to `ledger.CHUNK` waiting rows the winner's text; call again until it answers 0.

    Does nothing while the campaign is paused, and after it was cancelled.
    """
    campaign = await uow.session.get(Campaign, campaign_id, with_for_update=True)
    if campaign is None or campaign.winner is None or campaign.status != CampaignStatus.PROCESSING:
        return 0
    conn = await uow.driver()
    rows = await conn.fetch(_RELEASE, uow.tenant_id, campaign_id, campaign.winner, HELD_CODE, ledger.CHUNK)
    await ledger.book(conn, uow.tenant_id, ledger.moved(rows))
    if rows:
        uow.publish("campaign", id=str(campaign_id), what="changed")
    return len(rows)
