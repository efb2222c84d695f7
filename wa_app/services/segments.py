"""Segments: saved filters over contacts, looked at live or used by a campaign.

A segment has a cached size with its age; `counted` refreshes one, the list asks for those
that are old. Deleting is soft and refused while a campaign that has not gone out uses it.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Invalid, NotFound, Unavailable
from wa_app.kit.clock import utc_now
from wa_app.kit.folding import fold
from wa_app.models.devices import Device
from wa_app.models.outbound import Campaign
from wa_app.models.people import Tag
from wa_app.models.segments import Segment
from wa_app.schemas.campaigns import Target
from wa_app.schemas.paging import Page
from wa_app.schemas.segments import (
    CampaignRule,
    DeviceRule,
    PreviewRequest,
    Rules,
    SampleContact,
    SegmentCreate,
    SegmentPreview,
    SegmentUpdate,
    SegmentView,
    TagRule,
    leaves,
    problems,
)
from wa_app.sending import audience
from wa_app.services import audit, entitlements

UNDO_DAYS = 30
STALE = timedelta(minutes=10)
"""A cached size older than this is counted anew when somebody looks."""
TIME_LIMIT_MS = 15_000
"""A count that takes longer says so; it must not hold a connection for ever."""
_USERS = """
    SELECT g.id, g.name, g.target FROM campaigns g
    WHERE g.tenant_id = :t AND g.deleted_at IS NULL AND g.planned_at IS NULL
      AND g.status IN ('DRAFT', 'PENDING', 'PAUSED')
    ORDER BY g.id DESC
"""


async def list_(uow: TenantUnitOfWork, *, q: str = "", limit: int = 200) -> Page[SegmentView]:
    """Living segments by name, with their cached size and how many campaigns wait on each."""
    uow.require("contacts.read")
    query = select(Segment).where(col(Segment.deleted_at).is_(None)).order_by(col(Segment.folded)).limit(limit)
    if q.strip():
        query = query.where(col(Segment.folded).contains(fold(q.strip()), autoescape=True))
    found = (await uow.session.execute(query)).scalars().all()
    users = await _users(uow)
    return Page(items=[_view(one, len(users.get(one.id, ()))) for one in found], next_cursor=None, total=len(found))


async def get(uow: TenantUnitOfWork, segment_id: UUID) -> SegmentView:
    """One living segment; NotFound when there is none in this tenant."""
    uow.require("contacts.read")
    found = await _find(uow, segment_id)
    return _view(found, len((await _users(uow)).get(segment_id, ())))


async def create(uow: TenantUnitOfWork, data: SegmentCreate) -> SegmentView:
    """A new segment. Raises Invalid on rules that make no sense, Conflict("segment_exists")."""
    uow.require("contacts.write")
    await entitlements.require(uow, "segments", 1)
    await check(uow, data.rules)
    segment = Segment(
        tenant_id=uow.tenant_id, created_by=uow.principal.user_id, updated_at=utc_now(), name="", folded="",
        description=data.description, rules=data.rules.model_dump(mode="json"),
    )  # fmt: skip
    await _rename(uow, segment, data.name)
    uow.session.add(segment)
    await uow.session.flush()
    audit.record(uow, "segment.create", "segment", segment.id, name=segment.name)
    uow.publish("segment", id=str(segment.id), what="created")
    return _view(segment)


async def update(uow: TenantUnitOfWork, segment_id: UUID, data: SegmentUpdate) -> SegmentView:
    """Change what is given. A campaign that uses the segment live sends to whom it means when it is planned."""
    uow.require("contacts.write")
    segment = await _find(uow, segment_id, lock=True)
    if data.name is not None:
        await _rename(uow, segment, data.name)
    if data.description is not None:
        segment.description = data.description
    if data.rules is not None and data.rules.model_dump(mode="json") != segment.rules:
        await check(uow, data.rules)
        segment.rules = data.rules.model_dump(mode="json")
        segment.count = segment.counted_at = None
    segment.updated_at = utc_now()
    await uow.session.flush()
    uow.publish("segment", id=str(segment_id), what="changed")
    return _view(segment, len((await _users(uow)).get(segment_id, ())))


async def duplicate(uow: TenantUnitOfWork, segment_id: UUID) -> SegmentView:
    """A copy under a name of its own: `Malang` → `Malang (2)`."""
    uow.require("contacts.write")
    source = await _find(uow, segment_id)
    base = source.name[: 80 - 6]
    for number in range(2, 1000):
        if not await _taken(uow, fold(f"{base} ({number})")):
            data = SegmentCreate(
                name=f"{base} ({number})", description=source.description, rules=Rules.model_validate(source.rules)
            )
            return await create(uow, data)
    raise Conflict("segment_exists", name=source.name)


async def remove(uow: TenantUnitOfWork, segment_id: UUID) -> None:
    """Put a segment away. Conflict("segment_in_use") while a campaign that has not gone out uses it."""
    uow.require("contacts.delete")
    segment = await _find(uow, segment_id, lock=True)
    users = (await _users(uow)).get(segment_id, ())
    if users:
        raise Conflict("segment_in_use", campaign=users[0], n=len(users))
    segment.deleted_at = utc_now()
    await entitlements.require(uow, "segments", -1)
    audit.record(uow, "segment.delete", "segment", segment_id, name=segment.name)
    uow.publish("segment", id=str(segment_id), what="deleted")


async def restore(uow: TenantUnitOfWork, segment_id: UUID) -> SegmentView:
    """Undo `remove`; a name that was taken meanwhile gets a number."""
    uow.require("contacts.delete")
    segment = await uow.session.get(Segment, segment_id, with_for_update=True)
    if segment is None or segment.deleted_at is None or segment.deleted_at < utc_now() - timedelta(days=UNDO_DAYS):
        raise NotFound
    await entitlements.require(uow, "segments", 1)
    base, number = segment.name, 2
    while await _taken(uow, segment.folded):
        segment.name = f"{base[:74]} ({number})"
        segment.folded, number = fold(segment.name), number + 1
    segment.deleted_at = None
    await uow.session.flush()
    uow.publish("segment", id=str(segment_id), what="created")
    return _view(segment)


async def preview(uow: TenantUnitOfWork, data: PreviewRequest) -> SegmentPreview:
    """Size and a sample of what rules mean now. Raises Invalid as `create` would, Unavailable when it takes too long."""
    uow.require("contacts.read")
    await check(uow, data.rules)
    target = Target(filter=data.rules)
    await _hurry(uow)
    try:
        size, rows = await audience.look(uow, uow.tenant_id, target, data.sample)
    except DBAPIError as error:
        raise _slow(error) from error
    sample = [SampleContact(id=row.id, name=row.name, phone=row.phone, city=row.city) for row in rows]
    return SegmentPreview(count=size, sample=sample)


async def everybody(uow: TenantUnitOfWork) -> int:
    """Contacts there are at all: what a segment is a part of."""
    uow.require("contacts.read")
    return await audience.size(uow, uow.tenant_id, Target(all=True))


async def counted(uow: TenantUnitOfWork, segment_id: UUID) -> SegmentView:
    """Count a segment now and keep the figure."""
    uow.require("contacts.read")
    segment = await _find(uow, segment_id)
    await _hurry(uow)
    try:
        size = await audience.size(uow, uow.tenant_id, Target(segment_id=segment_id))
    except DBAPIError as error:
        raise _slow(error) from error
    segment.count, segment.counted_at = size, utc_now()
    await uow.session.flush()
    return _view(segment, len((await _users(uow)).get(segment_id, ())))


def is_stale(view: SegmentView) -> bool:
    """Whether a cached size is missing or too old to show without counting."""
    return view.counted_at is None or view.counted_at < utc_now() - STALE


async def check(uow: TenantUnitOfWork, rules: Rules) -> None:
    """Raise Invalid with each rule that cannot be used, tags and campaigns and numbers that are gone included."""
    found = problems(rules) or await _absent(uow, rules)
    if found:
        raise Invalid(*found, code="segment_invalid")


async def _absent(uow: TenantUnitOfWork, rules: Rules) -> list[FieldError]:
    """Rules that name rows which are not, or no longer, this tenant's."""
    named: list[tuple[str, str, str, Sequence[UUID]]] = []
    for place, number, _, rule in leaves(rules):
        if isinstance(rule, TagRule):
            named.append((f"{place}.tag_ids", number, "tag", rule.tag_ids))
        elif isinstance(rule, CampaignRule):
            named.append((f"{place}.campaign_ids", number, "campaign", rule.campaign_ids))
        elif isinstance(rule, DeviceRule) and rule.device_id is not None:
            named.append((f"{place}.device_id", number, "device", [rule.device_id]))
    tables: dict[str, Any] = {"tag": Tag, "campaign": Campaign, "device": Device}
    found: list[FieldError] = []
    for place, number, noun, ids in named:
        query = select(tables[noun].id).where(col(tables[noun].id).in_(ids))
        if ids and len(set((await uow.session.execute(query)).scalars())) != len(set(ids)):
            found.append(FieldError(place, f"rule_{noun}_unknown", {"rule": number}))
    return found


async def _find(uow: TenantUnitOfWork, segment_id: UUID, *, lock: bool = False) -> Segment:
    found = await uow.session.get(Segment, segment_id, with_for_update=lock or None)
    if found is None or found.deleted_at is not None:
        raise NotFound
    return found


async def _taken(uow: TenantUnitOfWork, folded: str) -> bool:
    query = select(Segment.id).where(col(Segment.folded) == folded, col(Segment.deleted_at).is_(None))
    return (await uow.session.execute(query)).first() is not None


async def _rename(uow: TenantUnitOfWork, segment: Segment, name: str) -> None:
    if not name:
        raise Invalid(FieldError("name", "segment_name_missing"), code="segment_invalid")
    folded = fold(name)
    if folded != segment.folded and await _taken(uow, folded):
        raise Conflict("segment_exists", name=name)
    segment.name, segment.folded = name, folded


async def _users(uow: TenantUnitOfWork) -> dict[UUID, list[str]]:
    """Names of the campaigns that still have to read each segment."""
    found: dict[UUID, list[str]] = {}
    for row in await uow.session.execute(text(_USERS), {"t": uow.tenant_id}):
        target = Target.model_validate(row.target)
        for one in {target.segment_id, *target.exclude_segment_ids} - {None}:
            found.setdefault(one, []).append(row.name)  # type: ignore[arg-type]
    return found


async def _hurry(uow: TenantUnitOfWork) -> None:
    await uow.session.execute(text(f"SET LOCAL statement_timeout = {TIME_LIMIT_MS}"))


def _slow(error: DBAPIError) -> Exception:
    return Unavailable("segment_too_slow") if getattr(error.orig, "sqlstate", "") == "57014" else error


def _view(segment: Segment, campaigns: int = 0) -> SegmentView:
    return SegmentView(
        id=segment.id, name=segment.name, description=segment.description, rules=Rules.model_validate(segment.rules),
        count=segment.count, counted_at=segment.counted_at, created_at=segment.created_at,
        updated_at=segment.updated_at, campaigns=campaigns,
    )  # fmt: skip
