"""Planning: an audience becomes rows of the ledger, in chunks, at most once each.

A chunk is one transaction: rows, counters and the checkpoint (`campaigns.plan_cursor`)
commit together, under the campaign's lease. A planner that dies leaves a whole number of
chunks behind; the sweep wakes another, which goes on after the checkpoint. Should two
ever overlap, the unique dedupe key keeps doubles out and the epoch stops the older one.
"""

from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import delete, func, select, text, update
from sqlmodel import col

from wa_app import leases
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.kit import zones
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import NIL, new_id
from wa_app.models.outbound import Campaign, CampaignDevice, CampaignStatus
from wa_app.models.segments import CampaignMember
from wa_app.schemas.campaigns import Target
from wa_app.schemas.principal import Principal
from wa_app.sending import audience, variants

log = structlog.get_logger(__name__)

CHUNK = 50_000
"""Contacts per transaction; below 2 ** 20 (see the ids of `_CHUNK`)."""

# The ids of a chunk are one UUIDv7 whose last 20 bits count the rows: `uuidv7()` per row draws random bytes
# for each, which takes as long as the insert. `contacts.phone` is a copy of the primary phone identity, so
# most rows need no look at the identities.
_CHUNK = """
    WITH batch AS MATERIALIZED (
        SELECT c.id, c.phone, c.preferred_device_id AS chosen, c.last_inbound_at IS NULL AS stranger,
               {own_zone} AS own_zone, {attribute} AS attribute, {city} AS city
        FROM contacts c
        WHERE {where} AND c.id > :cursor ORDER BY c.id LIMIT :n
    ), places AS MATERIALIZED (
        SELECT unnest(CAST(:places AS text[])) AS name, unnest(CAST(:zones AS text[])) AS zone
    ), parts AS MATERIALIZED (
        SELECT device_id FROM campaign_devices WHERE tenant_id = :tenant AND campaign_id = :campaign
    ), spoke AS MATERIALIZED (
        SELECT DISTINCT ON (v.contact_id) v.contact_id, v.device_id FROM conversations v
        WHERE v.tenant_id = :tenant AND v.contact_id > :cursor
          AND v.contact_id <= (SELECT id FROM batch ORDER BY id DESC LIMIT 1)
          AND v.device_id IN (SELECT device_id FROM parts)
        ORDER BY v.contact_id, v.last_message_at DESC NULLS LAST
    ), blocked AS MATERIALIZED ({blocked}
        AND i.contact_id > :cursor
    ), wanted AS (
        SELECT b.id, x.id IS NOT NULL AS suppressed, row_number() OVER (ORDER BY b.id) AS n,
               CASE WHEN b.phone IS NULL THEN u.kind ELSE 'phone' END AS kind, COALESCE(b.phone, u.value) AS value,
               COALESCE(p.device_id, s.device_id) AS preferred, b.stranger,
               COALESCE(NULLIF(COALESCE(z1.zone, z2.zone, z3.zone), :zone), '') AS zone
        FROM batch b
        LEFT JOIN parts p ON p.device_id = b.chosen
        LEFT JOIN spoke s ON s.contact_id = b.id
        LEFT JOIN places z1 ON z1.name = b.own_zone
        LEFT JOIN places z2 ON z2.name = b.attribute
        LEFT JOIN places z3 ON z3.name = b.city
        LEFT JOIN LATERAL (
            SELECT i.kind, i.value FROM contact_identities i
            WHERE b.phone IS NULL AND i.tenant_id = :tenant AND i.contact_id = b.id AND i.kind IN {usable}
            ORDER BY i.kind = 'phone' DESC, i.id LIMIT 1
        ) u ON true
        LEFT JOIN blocked x ON x.id = b.id
        ORDER BY b.id
    ){split}, planned AS (
        INSERT INTO outbound_messages (
            id, tenant_id, kind, state, error_code, dedupe_key, campaign_id, contact_id,
            identity_kind, identity_value, file_id, expires_at, created_by, preferred_device_id, zone, stranger{variant_column})
        SELECT (CAST(:base AS text) || lpad(to_hex(n), 5, '0'))::uuid, :tenant, 'campaign',
               CASE WHEN suppressed OR kind IS NULL THEN 'skipped' {held_state}ELSE 'planned' END,
               CASE WHEN suppressed THEN 'suppressed' WHEN kind IS NULL THEN 'no_identity' {held_code}END,
               :prefix || COALESCE(kind || ':' || value, 'none:' || id::text), :campaign, id,
               kind, COALESCE(value, ''), CAST(:file AS uuid), CAST(:expires AS timestamptz), CAST(:by AS uuid),
               preferred, zone, stranger{variant}
        FROM {source}
        ON CONFLICT (tenant_id, dedupe_key) DO NOTHING
        RETURNING state
    ), booked AS (
        INSERT INTO campaign_counters AS k (tenant_id, campaign_id, device_id, state, n)
        SELECT :tenant, :campaign, :nil, state, count(*) FROM planned GROUP BY state
        ON CONFLICT (tenant_id, campaign_id, device_id, state) DO UPDATE SET n = k.n + excluded.n
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM batch), (SELECT id FROM batch ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM planned),
           (SELECT count(*) FROM booked)
"""



def _folded(value: str) -> str:
    """A place's name as `zones.folded` writes it; NULL where there is none, so that it is not looked up."""
    clean = f"btrim(regexp_replace(lower({value}), '\\s+', ' ', 'g'))"
    return f"CASE WHEN {value} <> '' THEN regexp_replace({clean}, '{zones.PREFIX}', '') END"


_PLACES = {
    "own_zone": _folded("c.time_zone"), "attribute": _folded("(c.attributes ->> 'time_zone')"), "city": _folded("c.city"),
}  # fmt: skip
_ONE_TEXT = {"split": "", "variant_column": "", "held_state": "", "held_code": "", "variant": "", "source": "wanted"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one transaction of the planner did. `last` is the new checkpoint."""

    seen: int
    inserted: int
    last: UUID | None


async def plan(tenant_id: UUID, campaign_id: UUID, *, chunk: int = CHUNK, slice_s: float | None = None) -> int:
    """Plan a campaign to its end, or until it is paused or cancelled. Returns rows inserted by this call.

    Returns 0 at once when another planner holds the campaign or there is nothing to plan. With `slice_s` it
    stops after so many seconds and sends itself a message, which waits behind what other tenants have to do.
    """
    principal, owner, inserted = Principal.system(tenant_id), leases.new_owner(), 0
    started_at = monotonic()
    epoch = await _begin(principal, campaign_id, owner)
    if epoch is None:
        return 0
    while True:
        done = await _step(principal, campaign_id, epoch, chunk)
        if done is None:
            return inserted
        inserted += done.inserted
        if done.seen < chunk:
            return inserted
        if slice_s is not None and monotonic() - started_at >= slice_s:
            await _give_way(principal, campaign_id, epoch)
            return inserted


async def _give_way(principal: Principal, campaign_id: UUID, epoch: int) -> None:
    async with unit_of_work(principal) as uow:
        await leases.release(uow, Campaign, uow.tenant_id, campaign_id, epoch)
        uow.enqueue("campaign.plan", tenant_id=uow.tenant_id, campaign_id=campaign_id)


async def _begin(principal: Principal, campaign_id: UUID, owner: str) -> int | None:
    """Take the lease and note the size of the audience, once."""
    async with unit_of_work(principal) as uow:
        campaign = await _locked(uow, campaign_id)
        if campaign is None or not _is_open(campaign):
            return None
        epoch = await leases.take(uow, Campaign, principal.tenant_id, campaign_id, owner)
        if epoch is not None and campaign.plan_total is None:
            target = Target.model_validate(campaign.target)
            if target.frozen and campaign.frozen_at is None:
                await freeze(uow, campaign)
            total = await audience.size(uow, principal.tenant_id, target, frozen_for=_frozen(campaign))
            await _set(uow, campaign_id, plan_total=total, started_at=func.coalesce(col(Campaign.started_at), func.now()))
            await default_devices(uow, campaign_id)
        return epoch


def _frozen(campaign: Campaign) -> UUID | None:
    return campaign.id if campaign.frozen_at is not None else None


def freeze_soon(uow: TenantUnitOfWork, campaign: Campaign) -> None:
    """Have the people of a frozen target written down by an actor; should it die, planning does it."""
    if Target.model_validate(campaign.target).frozen and campaign.frozen_at is None:
        uow.enqueue("campaign.freeze", tenant_id=uow.tenant_id, campaign_id=campaign.id)


async def freeze_due(tenant_id: UUID, campaign_id: UUID) -> bool:
    """Write the members of a scheduled campaign down, unless that was done or it no longer waits."""
    async with unit_of_work(Principal.system(tenant_id)) as uow:
        campaign = await _locked(uow, campaign_id)
        if campaign is None or not _is_open(campaign) or campaign.frozen_at is not None:
            return False
        if not Target.model_validate(campaign.target).frozen:
            return False
        await freeze(uow, campaign)
        return True


async def freeze(uow: TenantUnitOfWork, campaign: Campaign) -> None:
    """Write down who the target means now: one statement, so the list is of one moment."""
    where, values = await audience.condition(uow, uow.tenant_id, Target.model_validate(campaign.target))
    query = text(
        "INSERT INTO campaign_members (tenant_id, campaign_id, contact_id) "  # noqa: S608
        f"SELECT :tenant, :frozen_campaign, c.id FROM contacts c WHERE {where} ON CONFLICT DO NOTHING"
    )
    await uow.session.execute(query, values | {"frozen_campaign": campaign.id})
    campaign.frozen_at = utc_now()
    await uow.session.flush()


_FORGET = text("""
    DELETE FROM campaign_members f USING (
        SELECT m.tenant_id, m.campaign_id, m.contact_id FROM campaign_members m
        JOIN campaigns g ON g.tenant_id = m.tenant_id AND g.id = m.campaign_id
        WHERE g.planned_at < now() - interval '1 day' OR g.status = 'CANCELLED'
        LIMIT :most
    ) d
    WHERE f.tenant_id = d.tenant_id AND f.campaign_id = d.campaign_id AND f.contact_id = d.contact_id
""")


async def forget_members(uow: SystemUnitOfWork, *, most: int = 200_000) -> int:
    """Remove written-down members of campaigns that are planned: the ledger holds them now. Returns how many."""
    result = await uow.session.execute(_FORGET, {"most": most})
    return int(getattr(result, "rowcount", 0))


async def thaw(uow: TenantUnitOfWork, campaign: Campaign) -> None:
    """Forget the members of a frozen target, as it has changed or is a draft again."""
    if campaign.frozen_at is None:
        return
    await uow.session.execute(delete(CampaignMember).where(col(CampaignMember.campaign_id) == campaign.id))
    campaign.frozen_at = None


async def default_devices(uow: TenantUnitOfWork, campaign_id: UUID) -> None:
    """Without a choice, every device that is active for broadcasts now."""
    query = text(
        "INSERT INTO campaign_devices (tenant_id, campaign_id, device_id) "
        "SELECT tenant_id, :campaign, id FROM devices "
        "WHERE tenant_id = :tenant AND deleted_at IS NULL AND is_active_for_broadcast AND NOT EXISTS ("
        "SELECT 1 FROM campaign_devices WHERE tenant_id = :tenant AND campaign_id = :campaign)"
    )
    await uow.session.execute(query, {"tenant": uow.tenant_id, "campaign": campaign_id})


async def _step(principal: Principal, campaign_id: UUID, epoch: int, chunk: int) -> Chunk | None:
    """One chunk; None when the campaign is no longer ours or no longer to be planned."""
    async with unit_of_work(principal) as uow:
        campaign = await _locked(uow, campaign_id)
        if campaign is None or campaign.lease_epoch != epoch or not await _renewed(uow, campaign, epoch):
            return None
        if not _is_open(campaign):
            await leases.release(uow, Campaign, uow.tenant_id, campaign_id, epoch)
            return None
        done = await insert_chunk(uow, campaign, chunk)
        if done.last is not None:
            await _set(uow, campaign_id, plan_cursor=done.last)
        if done.seen < chunk:
            await _finish(uow, campaign, epoch)
        uow.publish("campaign", id=str(campaign_id), what="planning")
        return done


async def insert_chunk(uow: TenantUnitOfWork, campaign: Campaign, chunk: int) -> Chunk:
    """Insert the rows for the next contacts after the checkpoint, and book them."""
    target = Target.model_validate(campaign.target)
    where, values = await audience.condition(uow, uow.tenant_id, target, frozen_for=_frozen(campaign))
    split, more = await _split(uow, campaign)
    query = text(_CHUNK.format(where=where, blocked=audience.BLOCKED, usable=audience.USABLE, **_PLACES, **split))
    known = zones.names()
    values |= more | {
        "places": list(known), "zones": list(known.values()), "zone": await _tenant_zone(uow),
        "base": str(new_id())[:-5], "cursor": campaign.plan_cursor or NIL, "n": chunk, "campaign": campaign.id,
        "nil": NIL,
        "prefix": f"c:{campaign.id}:", "file": None if campaign.variant_count else campaign.file_id,
        "expires": campaign.expires_at,
        "by": campaign.created_by,
    }  # fmt: skip
    seen, last, inserted, _ = (await uow.session.execute(query, values)).one()
    return Chunk(seen, inserted, last)


async def _tenant_zone(uow: TenantUnitOfWork) -> str:
    query = text("SELECT time_zone FROM tenants WHERE id = :tenant")
    return str((await uow.session.execute(query, {"tenant": uow.tenant_id})).scalar_one())


async def _split(uow: TenantUnitOfWork, campaign: Campaign) -> tuple[dict[str, str], dict[str, Any]]:
    """What makes a chunk an A/B chunk; nothing for a campaign with one text."""
    if not campaign.variant_count:
        return _ONE_TEXT, {}
    return variants.SPLIT, await variants.split_values(uow, campaign)


async def _finish(uow: TenantUnitOfWork, campaign: Campaign, epoch: int) -> None:
    """Everything is planned: open the campaign to its lanes and wake them."""
    waiting = text(
        "SELECT EXISTS (SELECT 1 FROM outbound_messages WHERE tenant_id = :tenant AND campaign_id = :campaign "
        "AND state IN ('planned', 'held'))"
    )
    some = (await uow.session.execute(waiting, {"tenant": uow.tenant_id, "campaign": campaign.id})).scalar_one()
    changes: dict[str, Any] = {"planned_at": func.now(), "status": CampaignStatus.PROCESSING}
    if not some:
        changes |= {"status": CampaignStatus.COMPLETED, "finished_at": func.now()}
    await _set(uow, campaign.id, **changes)
    await leases.release(uow, Campaign, uow.tenant_id, campaign.id, epoch)
    if some:
        await wake_lanes(uow, campaign.id)
    log.info("campaign.planned", campaign_id=str(campaign.id), tenant_id=str(uow.tenant_id))


async def wake_lanes(uow: TenantUnitOfWork, campaign_id: UUID) -> None:
    """Send the lanes of a campaign a message; the sweep would find them a little later."""
    devices = await uow.session.execute(
        select(col(CampaignDevice.device_id)).where(col(CampaignDevice.campaign_id) == campaign_id)
    )
    for device_id in devices.scalars():
        uow.enqueue("lane.run", tenant_id=uow.tenant_id, device_id=device_id)


def _is_open(campaign: Campaign) -> bool:
    return campaign.status == CampaignStatus.PENDING and campaign.planned_at is None and campaign.deleted_at is None


async def _locked(uow: TenantUnitOfWork, campaign_id: UUID) -> Campaign | None:
    """The campaign, locked so that pause and cancel come before or after a chunk, never during it."""
    query = select(Campaign).where(col(Campaign.id) == campaign_id).with_for_update()
    return (await uow.session.execute(query)).scalar_one_or_none()


async def _renewed(uow: TenantUnitOfWork, campaign: Campaign, epoch: int) -> bool:
    return await leases.renew(uow, Campaign, uow.tenant_id, campaign.id, epoch)


async def _set(uow: TenantUnitOfWork, campaign_id: UUID, **changes: Any) -> None:
    statement = update(Campaign).where(col(Campaign.id) == campaign_id)
    await uow.session.execute(statement.values(updated_at=func.now(), **changes))
