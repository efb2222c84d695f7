"""Drafts: make, change, copy, throw away."""

import re
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlmodel import col

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid
from wa_app.kit.clock import utc_now
from wa_app.kit.folding import fold
from wa_app.models.devices import Device
from wa_app.models.outbound import Campaign, CampaignDevice, CampaignStatus, WinnerBy
from wa_app.models.people import Tag
from wa_app.models.segments import Segment
from wa_app.schemas.campaigns import CampaignCreate, CampaignUpdate, CampaignView, Target
from wa_app.sending import planning
from wa_app.services import audit
from wa_app.services.campaigns import checks, extras, reading, states

PLAIN = ("name", "message_template", "file_id", "footer", "delay_min_s", "delay_max_s", "scheduled_at", *extras.PLAIN)
BLANK = {"name": "", "message_template": "", "footer": False, "track_links": False, "winner_by": WinnerBy.READ}
"""What a null stands for where the column takes none."""
_NUMBERED = re.compile(r"(.+) \(([0-9]{1,6})\)", re.DOTALL)


async def create(uow: TenantUnitOfWork, data: CampaignCreate) -> CampaignView:
    """A new draft. Raises Invalid on fields that make no sense."""
    uow.require("campaigns.write")
    campaign = Campaign(
        tenant_id=uow.tenant_id, created_by=uow.principal.user_id, updated_at=utc_now(),
        target=data.target.model_dump(mode="json"), **{key: getattr(data, key) for key in PLAIN},
    )  # fmt: skip
    campaign.name = campaign.name.strip()
    extras.apply(campaign, data)
    await _validate(uow, campaign, data, new_time=data.scheduled_at is not None)
    uow.session.add(campaign)
    await uow.session.flush()
    await extras.store(uow, campaign, data)
    await _set_devices(uow, campaign.id, data.device_ids or ())
    uow.publish("campaign", id=str(campaign.id), what="created")
    return await reading.view(uow, campaign)


async def update(uow: TenantUnitOfWork, campaign_id: UUID, data: CampaignUpdate) -> CampaignView:
    """Change a draft, or a campaign that waits for its time; without a time it is a draft again."""
    uow.require("campaigns.write")
    campaign = await reading.find(uow, campaign_id, lock=True)
    states.demand(campaign, "edit")
    given = data.model_fields_set
    for key in given.intersection(PLAIN):
        value = getattr(data, key)
        setattr(campaign, key, BLANK.get(key) if value is None else value)
    if data.target is not None:
        campaign.target = data.target.model_dump(mode="json")
    campaign.updated_at = utc_now()
    extras.apply(campaign, data)
    await _validate(uow, campaign, data, new_time="scheduled_at" in given)
    if data.target is not None:
        await planning.thaw(uow, campaign)
    if campaign.scheduled_at is None and campaign.status == CampaignStatus.PENDING:
        campaign.status = CampaignStatus.DRAFT
        await planning.thaw(uow, campaign)
    await uow.session.flush()
    await extras.store(uow, campaign, data)
    if "device_ids" in given:
        await _set_devices(uow, campaign_id, data.device_ids or ())
    if campaign.status == CampaignStatus.PENDING:
        checks.refuse(await checks.preflight(uow, campaign))
        planning.freeze_soon(uow, campaign)
    uow.publish("campaign", id=str(campaign_id), what="changed")
    return await reading.view(uow, campaign)


async def duplicate(uow: TenantUnitOfWork, campaign_id: UUID, name: str = "") -> CampaignView:
    """A new draft with the same message, audience, devices and tempo, without its time."""
    uow.require("campaigns.write")
    source = await reading.find(uow, campaign_id)
    if len(name.strip()) > checks.MAX_NAME:
        raise Invalid(FieldError("name", "campaign_name_too_long", {"limit": checks.MAX_NAME}), code="campaign_invalid")
    copy = await copy_of(uow, source, name.strip() or _copy_name(source.name))
    return await reading.view(uow, copy)


async def copy_of(uow: TenantUnitOfWork, source: Campaign, name: str) -> Campaign:
    """A draft that says the same to the same people by the same devices; files and devices that are gone are left out."""
    kept = [key for key in PLAIN if key != "scheduled_at"]
    copy = Campaign(
        tenant_id=uow.tenant_id, created_by=uow.principal.user_id or source.created_by, updated_at=utc_now(),
        target=source.target, **{key: getattr(source, key) for key in (*kept, *extras.COPIED)},
    )  # fmt: skip
    copy.name = name
    if await checks.media_problem(uow, copy.file_id) is not None:
        copy.file_id = None
    uow.session.add(copy)
    await uow.session.flush()
    if source.variant_count:
        await extras.copy_variants(uow, source, copy)
    chosen = select(col(CampaignDevice.device_id)).where(col(CampaignDevice.campaign_id) == source.id)
    alive = select(col(Device.id)).where(col(Device.id).in_(chosen), col(Device.deleted_at).is_(None))
    await _set_devices(uow, copy.id, (await uow.session.execute(alive)).scalars().all())
    uow.publish("campaign", id=str(copy.id), what="created")
    return copy


def _copy_name(name: str) -> str:
    """`Promo` → `Promo (2)` → `Promo (3)`."""
    found = _NUMBERED.fullmatch(name)
    base, number = (found[1], int(found[2]) + 1) if found else (name, 2)
    ending = f" ({number})"
    return base[: checks.MAX_NAME - len(ending)] + ending


async def remove(uow: TenantUnitOfWork, campaign_ids: Sequence[UUID]) -> int:
    """Put drafts and ended campaigns away; their rows stay for the log. Undone by `restore`."""
    uow.require("campaigns.write")
    for campaign_id in campaign_ids:
        campaign = await reading.find(uow, campaign_id, lock=True)
        states.demand(campaign, "delete")
        campaign.deleted_at = utc_now()
        audit.record(uow, "campaign.delete", "campaign", campaign_id, name=campaign.name)
        uow.publish("campaign", id=str(campaign_id), what="deleted")
    await uow.session.flush()
    return len(campaign_ids)


async def restore(uow: TenantUnitOfWork, campaign_ids: Sequence[UUID]) -> int:
    """Undo `remove`."""
    uow.require("campaigns.write")
    query = select(Campaign).where(col(Campaign.id).in_(campaign_ids), col(Campaign.deleted_at).is_not(None))
    found = (await uow.session.execute(query.with_for_update())).scalars().all()
    for campaign in found:
        campaign.deleted_at = None
        uow.publish("campaign", id=str(campaign.id), what="created")
    await uow.session.flush()
    return len(found)


async def _validate(
    uow: TenantUnitOfWork, campaign: Campaign, data: CampaignCreate | CampaignUpdate, *, new_time: bool
) -> None:
    found = checks.field_problems(campaign) + extras.problems(campaign, data)
    if new_time and (late := checks.schedule_problem(campaign.scheduled_at)) is not None:
        found.append(late)
    # Not flushed before it is checked: the database would refuse another tenant's file with an error of its own.
    with uow.session.no_autoflush:
        if (media := await checks.media_problem(uow, campaign.file_id)) is not None:
            found.append(media)
        found += await extras.lookups(uow, data)
        if data.target is not None:
            found += await _unknown_tags(uow, data.target)
            found += await _unknown_segments(uow, data.target)
    if found:
        raise Invalid(*found, code="campaign_invalid")


async def _unknown_tags(uow: TenantUnitOfWork, target: Target) -> list[FieldError]:
    names = {fold(name)[:50]: name for name in (*target.tags, *target.exclude_tags)}
    if not names:
        return []
    query = select(col(Tag.folded)).where(col(Tag.folded).in_(list(names)))
    known = set((await uow.session.execute(query)).scalars())
    return [FieldError("target", "tag_unknown", {"name": name}) for key, name in names.items() if key not in known]


async def _unknown_segments(uow: TenantUnitOfWork, target: Target) -> list[FieldError]:
    places = dict.fromkeys(target.exclude_segment_ids, "target.exclude_segment_ids")
    if target.segment_id is not None:
        places[target.segment_id] = "target.segment_id"
    query = select(col(Segment.id)).where(col(Segment.id).in_(list(places)), col(Segment.deleted_at).is_(None))
    known = set((await uow.session.execute(query)).scalars()) if places else set()
    return [FieldError(place, "segment_unknown") for one, place in places.items() if one not in known]


async def _set_devices(uow: TenantUnitOfWork, campaign_id: UUID, device_ids: Sequence[UUID]) -> None:
    """The chosen devices and no others; Invalid when one is not ours."""
    wanted = set(device_ids)
    query = select(func.count()).select_from(Device)
    query = query.where(col(Device.id).in_(wanted), col(Device.deleted_at).is_(None))
    if (await uow.session.execute(query)).scalar_one() != len(wanted):
        raise Invalid(FieldError("device_ids", "device_not_found"), code="campaign_invalid")
    await uow.session.execute(delete(CampaignDevice).where(col(CampaignDevice.campaign_id) == campaign_id))
    for device_id in sorted(wanted):
        uow.session.add(CampaignDevice(tenant_id=uow.tenant_id, campaign_id=campaign_id, device_id=device_id))
    await uow.session.flush()
