"""What one real person would read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.campaigns import AudienceCount, PreviewContact, Target
from wa_app.sending import audience
from wa_app.sending.rendering import contact_values, parse

SAMPLE = 24
_TAGS = text(
    "SELECT x.contact_id, array_agg(t.folded) AS tags FROM contact_tags x "
    "JOIN tags t ON t.tenant_id = x.tenant_id AND t.id = x.tag_id "
    "WHERE x.tenant_id = :t AND x.contact_id = ANY(:ids) GROUP BY x.contact_id"
)


async def sample(uow: TenantUnitOfWork, target: Target, limit: int = SAMPLE) -> list[PreviewContact]:
    """Contacts of the audience to look through; of everybody while no audience is chosen."""
    uow.require("contacts.read")
    return await people(uow, target, limit)


async def people(uow: TenantUnitOfWork, target: Target, limit: int) -> list[PreviewContact]:
    """The same for our own verbs, which ask for rights of their own."""
    rows = await audience.sample(uow, Target(all=True) if target.is_empty else target, limit)
    tags = await tags_of(uow, [row.id for row in rows])
    return [
        PreviewContact(
            id=row.id, name=row.name, phone=row.phone or "", city=row.city, tags=tags.get(row.id, []),
            values=contact_values(row.name, row.phone, {"city": row.city, **row.attributes}),
        )
        for row in rows
    ]  # fmt: skip


async def values_of_contact(uow: TenantUnitOfWork, contact_id: UUID) -> dict[str, str] | None:
    """What the variables stand for with one contact; None when it is gone."""
    query = text("SELECT name, phone, city, attributes FROM contacts WHERE tenant_id = :t AND id = :id AND deleted_at IS NULL")
    row = (await uow.session.execute(query, {"t": uow.tenant_id, "id": contact_id})).one_or_none()
    if row is None:
        return None
    return contact_values(row.name, row.phone, {**(row.attributes or {}), "city": row.city})


async def tags_of(uow: TenantUnitOfWork, contact_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Folded names of the tags of some contacts."""
    rows = await uow.session.execute(_TAGS, {"t": uow.tenant_id, "ids": list(contact_ids)})
    return {row.contact_id: list(row.tags) for row in rows}


async def count(uow: TenantUnitOfWork, target: Target) -> AudienceCount:
    """How many people a target means, live while one chooses."""
    uow.require("contacts.read")
    return await audience.count(uow, target)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template as one person reads it, and how many ways to write it there are."""

    text: str
    variants: int


def render(template: str, values: dict[str, str], seed: str, tags: Collection[str] = ()) -> Rendered:
    """The same template, values, tags and seed give the same text as the lane writes for that seed."""
    parsed = parse(template)
    return Rendered(parsed.render(values, seed.encode(), tags), parsed.variants)
