"""What one real person would read."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.campaigns import AudienceCount, PreviewContact, Target
from wa_app.sending import audience
from wa_app.sending.rendering import contact_values, parse

SAMPLE = 24


async def sample(uow: TenantUnitOfWork, target: Target, limit: int = SAMPLE) -> list[PreviewContact]:
    """Contacts of the audience to look through; of everybody while no audience is chosen."""
    uow.require("contacts.read")
    rows = await audience.sample(uow, Target(all=True) if target.is_empty else target, limit)
    return [
        PreviewContact(
            id=row.id, name=row.name, phone=row.phone or "", city=row.city,
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


async def count(uow: TenantUnitOfWork, target: Target) -> AudienceCount:
    """How many people a target means, live while one chooses."""
    uow.require("contacts.read")
    return await audience.count(uow, target)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template as one person reads it, and how many ways to write it there are."""

    text: str
    variants: int


def render(template: str, values: dict[str, str], seed: str) -> Rendered:
    """The same template, values and seed give the same text as the lane writes for that seed."""
    parsed = parse(template)
    return Rendered(parsed.render(values, seed.encode()), parsed.variants)
