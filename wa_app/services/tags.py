"""Tags: labels with a colour out of a fixed set, unique without regard to case."""

from collections.abc import Sequence
from uuid import UUID
from zlib import crc32

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.kit.folding import fold
from wa_app.models.inbox import ConversationTag
from wa_app.models.people import ContactTag, Tag
from wa_app.schemas.contacts import TAG_COLORS, TagCreate, TagUpdate, TagView


async def list_(uow: TenantUnitOfWork, *, with_counts: bool = True) -> list[TagView]:
    """All tags by name, with the number of contacts."""
    uow.require("contacts.read")
    rows = (await uow.session.execute(select(Tag).order_by(col(Tag.folded)))).scalars().all()
    counts = await _counts(uow) if with_counts else {}
    return [view(tag, counts.get(tag.id, 0) if with_counts else None) for tag in rows]


async def create(uow: TenantUnitOfWork, data: TagCreate) -> TagView:
    uow.require("contacts.write")
    tag = Tag(tenant_id=uow.tenant_id, name=data.name, folded=fold(data.name), color=_color(data.color, data.name))
    await _refuse_taken(uow, tag.folded)
    uow.session.add(tag)
    await uow.session.flush()
    return view(tag, 0)


async def update(uow: TenantUnitOfWork, tag_id: UUID, data: TagUpdate) -> TagView:
    uow.require("contacts.write")
    tag = await get(uow, tag_id)
    if data.name is not None and fold(data.name) != tag.folded:
        await _refuse_taken(uow, fold(data.name))
    if data.name is not None:
        tag.name, tag.folded = data.name, fold(data.name)
    if data.color is not None:
        tag.color = _color(data.color, tag.name)
    await uow.session.flush()
    return view(tag)


async def remove(uow: TenantUnitOfWork, tag_id: UUID) -> None:
    """Delete a tag and take it off every contact and conversation; they stay."""
    uow.require("contacts.write")
    tag = await get(uow, tag_id)
    await uow.session.execute(
        delete(ContactTag).where(col(ContactTag.tenant_id) == uow.tenant_id, col(ContactTag.tag_id) == tag_id)
    )
    await uow.session.execute(
        delete(ConversationTag).where(col(ConversationTag.tenant_id) == uow.tenant_id, col(ConversationTag.tag_id) == tag_id)
    )
    await uow.session.delete(tag)
    await uow.session.flush()


async def get(uow: TenantUnitOfWork, tag_id: UUID) -> Tag:
    tag = await uow.session.get(Tag, tag_id)
    if tag is None:
        raise NotFound
    return tag


async def ensure(uow: TenantUnitOfWork, names: Sequence[str]) -> dict[str, UUID]:
    """Ids of these tags by folded name; missing ones are made."""
    wanted = {fold(name): name.strip() for name in names if name.strip()}
    if not wanted:
        return {}
    rows = [
        {"tenant_id": uow.tenant_id, "name": name[:50], "folded": folded[:50], "color": _color("", name)}
        for folded, name in sorted(wanted.items())
    ]
    statement = insert(Tag).values(rows).on_conflict_do_nothing()
    await uow.session.execute(statement)
    return await find(uow, list(wanted))


async def find(uow: TenantUnitOfWork, names: Sequence[str]) -> dict[str, UUID]:
    """Ids of the tags that exist among these names, by folded name."""
    folded = [fold(name)[:50] for name in names]
    query = select(Tag).where(col(Tag.folded).in_(folded))
    return {tag.folded: tag.id for tag in (await uow.session.execute(query)).scalars()}


async def of_contacts(uow: TenantUnitOfWork, contact_ids: Sequence[UUID]) -> dict[UUID, list[TagView]]:
    """Tags of each of these contacts, by name."""
    query = text(
        "SELECT ct.contact_id, t.id, t.name, t.color FROM contact_tags ct "
        "JOIN tags t ON t.tenant_id = ct.tenant_id AND t.id = ct.tag_id "
        "WHERE ct.tenant_id = :t AND ct.contact_id = ANY(CAST(:ids AS uuid[])) ORDER BY t.folded"
    )
    found: dict[UUID, list[TagView]] = {}
    for row in await uow.session.execute(query, {"t": uow.tenant_id, "ids": list(contact_ids)}):
        found.setdefault(row.contact_id, []).append(TagView(id=row.id, name=row.name, color=row.color))
    return found


def view(tag: Tag, contacts: int | None = None) -> TagView:
    return TagView(id=tag.id, name=tag.name, color=tag.color, contacts=contacts)


def default_color(name: str) -> str:
    """The colour a name gets by itself, the same everywhere."""
    return TAG_COLORS[crc32(fold(name).encode()) % len(TAG_COLORS)]


def _color(color: str, name: str) -> str:
    if not color:
        return default_color(name)
    if color not in TAG_COLORS:
        raise Invalid(FieldError("color", "tag_color_unknown"))
    return color


async def _refuse_taken(uow: TenantUnitOfWork, folded: str) -> None:
    if await find(uow, [folded]):
        raise Conflict("tag_exists")


async def _counts(uow: TenantUnitOfWork) -> dict[UUID, int]:
    query = text("SELECT tag_id, count(*) AS number FROM contact_tags WHERE tenant_id = :t GROUP BY tag_id")
    return {row.tag_id: row.number for row in await uow.session.execute(query, {"t": uow.tenant_id})}
