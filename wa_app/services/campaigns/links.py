"""What became of a campaign's links."""

from uuid import UUID

from sqlalchemy import text

from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork
from wa_app.schemas.broadcasts import Clicker, LinkFigures
from wa_app.sending.links import short_url
from wa_app.services.campaigns import reading

_LINKS = text("""
    SELECT l.id, l.url, l.code, count(k.id) AS clicks, max(k.created_at) AS last_at,
           count(DISTINCT COALESCE(k.contact_id::text, encode(k.visitor, 'hex'))) AS people
    FROM links l LEFT JOIN link_clicks k ON k.tenant_id = l.tenant_id AND k.link_id = l.id AND NOT k.is_bot
    WHERE l.tenant_id = :t AND l.campaign_id = :c GROUP BY l.id, l.url, l.code ORDER BY clicks DESC, l.id LIMIT 200
""")
_TOTAL = text("""
    SELECT count(*) AS clicks, count(DISTINCT COALESCE(contact_id::text, encode(visitor, 'hex'))) AS people
    FROM link_clicks WHERE tenant_id = :t AND campaign_id = :c AND NOT is_bot
""")
_CLICKERS = text("""
    SELECT k.contact_id, c.name, c.phone, k.clicks, k.links, k.first_at, k.last_at
    FROM (SELECT contact_id, count(*) AS clicks, count(DISTINCT link_id) AS links, min(created_at) AS first_at,
                 max(created_at) AS last_at
          FROM link_clicks WHERE tenant_id = :t AND campaign_id = :c AND NOT is_bot AND contact_id > :after
          GROUP BY contact_id ORDER BY contact_id LIMIT :n) k
    JOIN contacts c ON c.tenant_id = :t AND c.id = k.contact_id ORDER BY k.contact_id
""")


async def links(uow: TenantUnitOfWork, campaign_id: UUID) -> list[LinkFigures]:
    """The campaign's links, the most opened first; at most 200."""
    uow.require("campaigns.read")
    await reading.find(uow, campaign_id)
    base = get_settings().base_url
    rows = await uow.session.execute(_LINKS, {"t": uow.tenant_id, "c": campaign_id})
    return [
        LinkFigures(id=row.id, url=row.url, short_url=short_url(base, row.code), clicks=row.clicks, people=row.people,
                    last_at=row.last_at)
        for row in rows
    ]  # fmt: skip


async def totals(uow: TenantUnitOfWork, campaign_id: UUID) -> tuple[int, int]:
    """Openings of the campaign's links, and how many people made them."""
    row = (await uow.session.execute(_TOTAL, {"t": uow.tenant_id, "c": campaign_id})).one()
    return row.clicks, row.people


async def clickers(
    uow: TenantUnitOfWork, campaign_id: UUID, *, after: UUID | None = None, limit: int = 50
) -> tuple[list[Clicker], UUID | None]:
    """Recipients who opened links, and the id the next page begins after."""
    uow.require("campaigns.read")
    await reading.find(uow, campaign_id)
    size = min(limit, reading.MAX_PAGE)
    values = {"t": uow.tenant_id, "c": campaign_id, "after": after or UUID(int=0), "n": size + 1}
    found = [Clicker.model_validate(row._mapping) for row in await uow.session.execute(_CLICKERS, values)]
    return found[:size], found[size - 1].contact_id if len(found) > size else None

