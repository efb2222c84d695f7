"""Whom a campaign means, as SQL: the same words count, preview and plan an audience.

Everything here is set-based and uses equality on uuid, text and bytea only, so that
row-level security leaves the indexes usable (DESIGN §4).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork, UnitOfWork
from wa_app.kit.folding import fold
from wa_app.schemas.campaigns import AudienceCount, Target

_TAGGED = "EXISTS (SELECT 1 FROM contact_tags t WHERE t.tenant_id = :tenant AND t.contact_id = c.id AND t.tag_id = ANY(:{}))"
USABLE = "('phone', 'lid')"
"""Kinds of identity a number can write to, in order of preference."""

BLOCKED = """
    SELECT DISTINCT i.contact_id AS id
    FROM suppressions s
    JOIN contact_identities i ON i.tenant_id = s.tenant_id AND i.hash = s.hash
    WHERE s.tenant_id = :tenant AND i.tenant_id = :tenant
"""
"""Contacts of whom any alias is suppressed: STOP binds the person, not one number."""


async def tag_ids(uow: UnitOfWork, tenant_id: UUID, names: Sequence[str]) -> list[UUID]:
    """Ids of the tags that exist among these names."""
    if not names:
        return []
    query = text("SELECT id FROM tags WHERE tenant_id = :tenant AND folded = ANY(:names)")
    rows = await uow.session.execute(query, {"tenant": tenant_id, "names": [fold(name)[:50] for name in names]})
    return list(rows.scalars())


async def condition(uow: UnitOfWork, tenant_id: UUID, target: Target) -> tuple[str, dict[str, Any]]:
    """A condition on `contacts c` and its parameters, `:tenant` included."""
    parts = ["c.tenant_id = :tenant", "c.deleted_at IS NULL"]
    values: dict[str, Any] = {"tenant": tenant_id}
    if not target.all:
        parts.append(_TAGGED.format("tags"))
        values["tags"] = await tag_ids(uow, tenant_id, target.tags)
    if target.exclude_tags:
        parts.append("NOT " + _TAGGED.format("without"))
        values["without"] = await tag_ids(uow, tenant_id, target.exclude_tags)
    return " AND ".join(parts), values


async def size(uow: UnitOfWork, tenant_id: UUID, target: Target) -> int:
    """Number of contacts a target means."""
    where, values = await condition(uow, tenant_id, target)
    found = await uow.session.execute(text(f"SELECT count(*) FROM contacts c WHERE {where}"), values)  # noqa: S608
    return int(found.scalar_one())


async def count(uow: TenantUnitOfWork, target: Target) -> AudienceCount:
    """Size of the audience, with those who will be skipped and why (suppression comes first)."""
    if target.is_empty:
        return AudienceCount(total=0, suppressed=0, no_identity=0)
    where, values = await condition(uow, uow.tenant_id, target)
    query = text(f"""
        WITH blocked AS MATERIALIZED ({BLOCKED})
        SELECT count(*), count(b.id),
               count(*) FILTER (WHERE b.id IS NULL AND c.phone IS NULL AND NOT EXISTS (
                   SELECT 1 FROM contact_identities i
                   WHERE i.tenant_id = :tenant AND i.contact_id = c.id AND i.kind IN {USABLE}))
        FROM contacts c LEFT JOIN blocked b ON b.id = c.id WHERE {where}
    """)  # noqa: S608
    total, suppressed, without = (await uow.session.execute(query, values)).one()
    return AudienceCount(total=total, suppressed=suppressed, no_identity=without)


async def sample(uow: TenantUnitOfWork, target: Target, limit: int) -> list[Any]:
    """A few contacts of the audience that can be written to, newest first."""
    if target.is_empty:
        return []
    where, values = await condition(uow, uow.tenant_id, target)
    query = text(f"""
        SELECT c.id, c.name, c.phone, c.city, c.attributes FROM contacts c
        WHERE {where} AND c.phone IS NOT NULL ORDER BY c.id DESC LIMIT :n
    """)  # noqa: S608
    return list((await uow.session.execute(query, values | {"n": limit})).all())
