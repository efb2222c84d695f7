"""Finding campaigns and turning them into views."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlmodel import col

from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.models.devices import Device, DeviceStatus
from wa_app.models.outbound import Campaign, CampaignDevice, CampaignStatus
from wa_app.schemas.broadcasts import TestPhase, VariantView, letter
from wa_app.schemas.campaigns import CampaignView, Counts, Target
from wa_app.services.campaigns import variants

PAGE = 50
MAX_PAGE = 200


async def find(uow: TenantUnitOfWork, campaign_id: UUID, *, lock: bool = False) -> Campaign:
    """The campaign, or NotFound when it is deleted, absent or another tenant's."""
    query = select(Campaign).where(col(Campaign.id) == campaign_id, col(Campaign.deleted_at).is_(None))
    found = (await uow.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


async def get(uow: TenantUnitOfWork, campaign_id: UUID) -> CampaignView:
    """One campaign with its counts."""
    uow.require("campaigns.read")
    return await view(uow, await find(uow, campaign_id))


async def names(uow: TenantUnitOfWork, campaign_ids: Sequence[UUID]) -> dict[UUID, str]:
    """What campaigns are called, also those that were deleted: their messages stay in the chats."""
    uow.require("campaigns.read")
    query = select(col(Campaign.id), col(Campaign.name)).where(col(Campaign.id).in_(campaign_ids))
    return {row.id: row.name for row in await uow.session.execute(query)}


async def list_(
    uow: TenantUnitOfWork,
    *,
    q: str = "",
    status: Sequence[CampaignStatus] = (),
    after: UUID | None = None,
    limit: int = PAGE,
) -> tuple[list[CampaignView], UUID | None, int]:
    """A page of campaigns, newest first: items, the id the next page begins after and the number of all that match."""
    uow.require("campaigns.read")
    where = _filters(q, status)
    query = select(Campaign).where(*where).order_by(col(Campaign.id).desc()).limit(min(limit, MAX_PAGE) + 1)
    if after is not None:
        query = query.where(col(Campaign.id) < after)
    rows = (await uow.session.execute(query)).scalars().all()
    page = rows[: min(limit, MAX_PAGE)]
    total = (await uow.session.execute(select(func.count()).select_from(Campaign).where(*where))).scalar_one()
    return await views(uow, page), page[-1].id if len(rows) > len(page) else None, total


def _filters(q: str, status: Sequence[CampaignStatus]) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [col(Campaign.deleted_at).is_(None)]
    if q.strip():
        where.append(col(Campaign.name).icontains(q.strip(), autoescape=True))
    if status:
        where.append(col(Campaign.status).in_(status))
    return where


async def view(uow: TenantUnitOfWork, campaign: Campaign) -> CampaignView:
    return (await views(uow, [campaign]))[0]


async def views(uow: TenantUnitOfWork, campaigns: Sequence[Campaign]) -> list[CampaignView]:
    """Views of several campaigns by three queries, however many they are."""
    ids = [one.id for one in campaigns]
    if not ids:
        return []
    sums = await counts_of(uow, ids)
    devices, connected = await _devices(uow, ids)
    written = await variants.variants_of(uow, [one.id for one in campaigns if one.variant_count])
    return [
        _view(one, devices.get(one.id, []), sums[one.id], one.id in connected, written.get(one.id, []))
        for one in campaigns
    ]


async def _devices(uow: TenantUnitOfWork, ids: Sequence[UUID]) -> tuple[dict[UUID, list[UUID]], set[UUID]]:
    query = (
        select(col(CampaignDevice.campaign_id), col(Device.id), col(Device.status), col(Device.is_active_for_broadcast))
        .join(Device, col(Device.id) == col(CampaignDevice.device_id))
        .where(col(CampaignDevice.campaign_id).in_(ids), col(Device.deleted_at).is_(None))
        .order_by(col(Device.id))
    )
    devices: dict[UUID, list[UUID]] = {}
    connected: set[UUID] = set()
    for campaign_id, device_id, status, active in await uow.session.execute(query):
        devices.setdefault(campaign_id, []).append(device_id)
        if status == DeviceStatus.CONNECTED and active:
            connected.add(campaign_id)
    return devices, connected


def _view(
    campaign: Campaign, device_ids: list[UUID], counts: Counts, connected: bool, written: list[VariantView]
) -> CampaignView:
    waits = campaign.status == CampaignStatus.PROCESSING and counts.planned > 0 and not connected
    fields = campaign.model_dump(exclude={"target", "winner"})
    return CampaignView(
        **{key: fields[key] for key in CampaignView.model_fields if key in fields},
        target=Target.model_validate(campaign.target), device_ids=device_ids, counts=counts,
        waiting_reason="devices_disconnected" if waits else None, variants=written,
        test=TestPhase(percent=campaign.test_percent, hours=campaign.test_hours) if campaign.test_percent else None,
        winner=None if campaign.winner is None else letter(campaign.winner),
    )  # fmt: skip


async def status_counts(uow: TenantUnitOfWork) -> dict[str, int]:
    """Campaigns by status, for the filters of the list."""
    uow.require("campaigns.read")
    query = text("SELECT status, count(*) AS n FROM campaigns WHERE deleted_at IS NULL GROUP BY status")
    return {row.status: row.n for row in await uow.session.execute(query)}


async def counts_of(uow: TenantUnitOfWork, campaign_ids: Sequence[UUID]) -> dict[UUID, Counts]:
    """Rows by state, out of the counters; `total` is their sum."""
    query = text(
        "SELECT campaign_id, state, sum(n)::bigint AS n FROM campaign_counters "
        "WHERE tenant_id = :t AND campaign_id = ANY(:ids) GROUP BY campaign_id, state"
    )
    found: dict[UUID, dict[str, int]] = {one: {} for one in campaign_ids}
    for row in await uow.session.execute(query, {"t": uow.tenant_id, "ids": list(campaign_ids)}):
        found[row.campaign_id][row.state] = row.n
    return {key: Counts(**by_state, total=sum(by_state.values())) for key, by_state in found.items()}
