"""Figures of a campaign that cost a look at every row: by the hour, replies, variants, how soon it was read.

Small campaigns are counted when somebody looks. A large one is counted by an actor and kept; who looks
gets what is kept, with its time, while newer figures are made. Whether they are still true is told by
the counters, which move with every row.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.errors import NotFound
from wa_app.kit.clock import boot_clock
from wa_app.models.outbound import Campaign
from wa_app.models.reports import CampaignReport
from wa_app.schemas.campaigns import Counts
from wa_app.schemas.principal import Principal
from wa_app.sending.rules import REPLY_WINDOW
from wa_app.services.campaigns import reading

INLINE = 20_000
"""Rows that are counted at once, in less than a tenth of a second."""
AGAIN_S = 15.0
WORTH = 20.0
"""Counting may take at most one part in so many of the time."""
REPLIES_OLD_S = 600.0
"""Replies come in without moving a counter: figures older than this are not fresh."""

_HOURS = text("""
    SELECT date_trunc('hour', x.at AT TIME ZONE :zone) AT TIME ZONE :zone AS hour,
        count(*) FILTER (WHERE x.what = 1) AS sent, count(*) FILTER (WHERE x.what = 2) AS delivered,
        count(*) FILTER (WHERE x.what = 3) AS read
    FROM outbound_messages o
    CROSS JOIN LATERAL (VALUES (1, o.sent_at), (2, o.delivered_at), (3, COALESCE(o.read_at, o.played_at))) x(what, at)
    WHERE o.tenant_id = :tenant AND o.campaign_id = :campaign AND o.sent_at IS NOT NULL AND x.at IS NOT NULL
      AND o.state IN ('sent', 'delivered', 'read', 'played')
    GROUP BY 1 ORDER BY 1
""")
_SPAN = text("""
    SELECT min(o.sent_at) AS first, max(o.sent_at) AS last,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM o.read_at - o.sent_at))
            FILTER (WHERE o.read_at >= o.sent_at) AS median_read_s
    FROM outbound_messages o
    WHERE o.tenant_id = :tenant AND o.campaign_id = :campaign AND o.sent_at IS NOT NULL
""")
_REPLIES = text(f"""
    SELECT date_trunc('hour', r.first AT TIME ZONE :zone) AT TIME ZONE :zone AS hour, r.variant, count(*) AS n FROM (
        SELECT v.contact_id, min(o.variant) AS variant, min(m.timestamp) AS first FROM conversations v
        JOIN contact_identities i ON i.tenant_id = v.tenant_id AND i.contact_id = v.contact_id
        JOIN outbound_messages o ON o.tenant_id = v.tenant_id AND o.dedupe_key = :prefix || i.kind || ':' || i.value
        JOIN messages m ON m.tenant_id = v.tenant_id AND m.conversation_id = v.id AND m.direction = 'INBOUND'
            AND m.timestamp BETWEEN o.sent_at AND o.sent_at + interval '{REPLY_WINDOW}'
        WHERE v.tenant_id = :tenant AND v.last_message_at >= :since AND o.sent_at IS NOT NULL
        GROUP BY v.contact_id
    ) r GROUP BY 1, 2
""")  # noqa: S608
_CLICKED = text("""
    SELECT (SELECT count(*) FROM links WHERE tenant_id = :tenant AND campaign_id = :campaign) AS links,
        (SELECT count(DISTINCT contact_id) FROM link_clicks
         WHERE tenant_id = :tenant AND campaign_id = :campaign AND NOT is_bot) AS people
""")
_VARIANTS = text("""
    SELECT o.variant, count(*) FILTER (WHERE o.state IN ('sent', 'delivered', 'read', 'played')) AS sent,
        count(*) FILTER (WHERE o.state IN ('read', 'played')) AS read
    FROM outbound_messages o
    WHERE o.tenant_id = :tenant AND o.campaign_id = :campaign AND o.variant IS NOT NULL GROUP BY 1 ORDER BY 1
""")
_KEEP = text("""
    INSERT INTO campaign_reports (tenant_id, campaign_id, data, computed_at, seconds)
    VALUES (:tenant, :campaign, :data, now(), :seconds)
    ON CONFLICT (tenant_id, campaign_id) DO UPDATE
    SET data = excluded.data, computed_at = excluded.computed_at, seconds = excluded.seconds, wanted_at = NULL
""")
_WANT = text("""
    INSERT INTO campaign_reports (tenant_id, campaign_id, wanted_at) VALUES (:tenant, :campaign, now())
    ON CONFLICT (tenant_id, campaign_id) DO UPDATE SET wanted_at = now()
    WHERE campaign_reports.wanted_at IS NULL OR campaign_reports.wanted_at < now() - interval '60 seconds'
    RETURNING 1
""")
_WANTED = text("""
    UPDATE campaign_reports SET wanted_at = now() WHERE wanted_at < now() - interval '60 seconds'
    RETURNING tenant_id, campaign_id
""")


async def of(uow: TenantUnitOfWork, campaign: Campaign, counts: Counts, zone: str) -> tuple[dict[str, Any], Any, bool]:
    """The figures, when they were counted, and whether they still hold."""
    if counts.total <= INLINE:
        return await count(uow, campaign, counts, zone), None, True
    query = text(
        "SELECT data, computed_at, seconds, extract(epoch FROM now() - computed_at) AS age FROM campaign_reports "
        "WHERE tenant_id = :tenant AND campaign_id = :campaign"
    )
    key = {"tenant": uow.tenant_id, "campaign": campaign.id}
    kept = (await uow.session.execute(query, key)).one_or_none()
    if kept is not None and kept.computed_at is not None:
        age = float(kept.age)
        if kept.data.get("basis") == _basis(counts) and age < REPLIES_OLD_S:
            return kept.data, kept.computed_at, True
        if age < max(AGAIN_S, float(kept.seconds) * WORTH):
            return kept.data, kept.computed_at, False
    if (await uow.session.execute(_WANT, key)).scalar_one_or_none() is not None:
        uow.enqueue("report.compute", tenant_id=uow.tenant_id, campaign_id=campaign.id)
    return (kept.data, kept.computed_at, False) if kept is not None else ({}, None, False)


async def compute(tenant_id: UUID, campaign_id: UUID) -> None:
    """Count a large campaign's figures and keep them. Twice at once does no harm."""
    began = boot_clock()
    async with unit_of_work(Principal.system(tenant_id)) as uow:
        try:
            campaign = await reading.find(uow, campaign_id)
        except NotFound:
            return
        counts = (await reading.counts_of(uow, [campaign_id]))[campaign_id]
        data = await count(uow, campaign, counts, await time_zone(uow))
        await keep(uow, campaign_id, data, boot_clock() - began)
        uow.publish("campaign", id=str(campaign_id), what="report")


async def keep(uow: TenantUnitOfWork, campaign_id: UUID, data: dict[str, Any], seconds: float) -> None:
    """Store figures as counted now."""
    table = CampaignReport.__table__  # type: ignore[attr-defined]
    query = _KEEP.bindparams(bindparam("data", type_=table.c.data.type))
    values = {"tenant": uow.tenant_id, "campaign": campaign_id, "data": data, "seconds": seconds}
    await uow.session.execute(query, values)


async def wake(uow: SystemUnitOfWork) -> int:
    """Have figures counted that were asked for and never came (for the sweep)."""
    rows = (await uow.session.execute(_WANTED)).all()
    for tenant_id, campaign_id in rows:
        uow.enqueue("report.compute", tenant_id=tenant_id, campaign_id=campaign_id)
    return len(rows)


async def count(uow: TenantUnitOfWork, campaign: Campaign, counts: Counts, zone: str) -> dict[str, Any]:
    """Look at every row of a campaign."""
    key = {"tenant": uow.tenant_id, "campaign": campaign.id}
    hours = {
        row.hour.isoformat(): {"sent": row.sent, "delivered": row.delivered, "read": row.read, "replied": 0}
        for row in await uow.session.execute(_HOURS, key | {"zone": zone})
    }
    span = (await uow.session.execute(_SPAN, key)).one()
    replied, by_variant = await _replies(uow, campaign, zone, hours)
    clicks = (await uow.session.execute(_CLICKED, key)).one()
    variants = [
        {"position": row.variant, "sent": row.sent, "read": row.read, "replied": by_variant.get(row.variant, 0)}
        for row in (await uow.session.execute(_VARIANTS, key) if campaign.variant_count else ())
    ]
    return {
        "basis": _basis(counts), "hours": hours, "replied": replied, "variants": variants,
        "clicked": clicks.people if clicks.links else None,
        "first": span.first.isoformat() if span.first else None, "last": span.last.isoformat() if span.last else None,
        "median_read_s": None if span.median_read_s is None else round(float(span.median_read_s)),
    }  # fmt: skip


async def _replies(
    uow: TenantUnitOfWork, campaign: Campaign, zone: str, hours: dict[str, Any]
) -> tuple[int, dict[int, int]]:
    """Adds the first replies to their hours; how many there are, in all and by variant."""
    if campaign.started_at is None:
        return 0, {}
    values = {"tenant": uow.tenant_id, "prefix": f"c:{campaign.id}:", "since": campaign.started_at, "zone": zone}
    total, by_variant = 0, dict[int, int]()
    for row in await uow.session.execute(_REPLIES, values):
        at = hours.setdefault(row.hour.isoformat(), {"sent": 0, "delivered": 0, "read": 0, "replied": 0})
        at["replied"] += row.n
        total += row.n
        if row.variant is not None:
            by_variant[row.variant] = by_variant.get(row.variant, 0) + row.n
    return total, by_variant


async def time_zone(uow: TenantUnitOfWork) -> str:
    """Name of the tenant's zone."""
    query = text("SELECT time_zone FROM tenants WHERE id = :t")
    return str((await uow.session.execute(query, {"t": uow.tenant_id})).scalar_one())


def _basis(counts: Counts) -> str:
    return ",".join(str(n) for n in counts.model_dump().values())
