"""Whom a campaign means, as SQL: the same words count, preview and plan an audience.

Everything here is set-based and uses equality on uuid, text and bytea only, so that
row-level security leaves the indexes usable (DESIGN §4). `condition` is the one door that
turns a target into SQL; what it says narrows: tags and a segment together mean who is in both.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork, UnitOfWork
from wa_app.kit.folding import fold
from wa_app.schemas.campaigns import AudienceCount, Target
from wa_app.schemas.segments import Rules
from wa_app.sending import rules
from wa_app.sending.rules import BLOCKED

_TAGGED = "EXISTS (SELECT 1 FROM contact_tags t WHERE t.tenant_id = :tenant AND t.contact_id = c.id AND t.tag_id = ANY(:{}))"
USABLE = "('phone', 'lid')"
"""Kinds of identity a number can write to, in order of preference."""

_FROZEN = "c.id IN (SELECT f.contact_id FROM campaign_members f WHERE f.tenant_id = :tenant AND f.campaign_id = :frozen)"
_MEMORY = text("SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true)")
"""Sets of up to a few million ids are hashed in memory; for the rest of this transaction."""

__all__ = ["BLOCKED", "USABLE", "condition", "count", "in_segment", "look", "sample", "segments", "size", "tag_ids"]


async def tag_ids(uow: UnitOfWork, tenant_id: UUID, names: Sequence[str]) -> list[UUID]:
    """Ids of the tags that exist among these names."""
    if not names:
        return []
    query = text("SELECT id FROM tags WHERE tenant_id = :tenant AND folded = ANY(:names)")
    rows = await uow.session.execute(query, {"tenant": tenant_id, "names": [fold(name)[:50] for name in names]})
    return list(rows.scalars())


async def segments(uow: UnitOfWork, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Rules]:
    """Rules of these segments, also of deleted ones: a campaign keeps what it was started with."""
    query = text("SELECT id, rules FROM segments WHERE tenant_id = :tenant AND id = ANY(:ids)")
    rows = await uow.session.execute(query, {"tenant": tenant_id, "ids": list(ids)})
    return {row.id: Rules.model_validate(row.rules) for row in rows}


async def in_segment(uow: UnitOfWork, tenant_id: UUID, segment_id: UUID, values: dict[str, Any]) -> str | None:
    """A condition on `contacts c` for who is in a segment now; None when there is no such segment.

    Its parameters, `:tenant` included, are added to `values`.
    """
    found = (await segments(uow, tenant_id, [segment_id])).get(segment_id)
    if found is None:
        return None
    await uow.session.execute(_MEMORY)
    values["tenant"] = tenant_id
    return rules.sql(found, values)


async def condition(
    uow: UnitOfWork, tenant_id: UUID, target: Target, *, frozen_for: UUID | None = None
) -> tuple[str, dict[str, Any]]:
    """A condition on `contacts c` and its parameters, `:tenant` included.

    Args:
        frozen_for: a campaign whose members were written down (`campaign_members`); they are it then.
    """
    parts = ["c.tenant_id = :tenant", "c.deleted_at IS NULL"]
    values: dict[str, Any] = {"tenant": tenant_id}
    if frozen_for is not None:
        return " AND ".join([*parts, _FROZEN]), values | {"frozen": frozen_for}
    if target.is_empty:
        parts.append("false")
    if target.tags and not target.all:
        parts.append(_TAGGED.format("tags"))
        values["tags"] = await tag_ids(uow, tenant_id, target.tags)
    if target.exclude_tags:
        parts.append("NOT " + _TAGGED.format("without"))
        values["without"] = await tag_ids(uow, tenant_id, target.exclude_tags)
    if target.segment_id or target.exclude_segment_ids or target.filter:
        await uow.session.execute(_MEMORY)
        parts += await _by_rules(uow, tenant_id, target, values)
    return " AND ".join(parts), values


async def _by_rules(uow: UnitOfWork, tenant_id: UUID, target: Target, values: dict[str, Any]) -> list[str]:
    """Conditions of the segments and of the target's own rules; a segment that is gone means nobody, not everybody."""
    wanted = [*([target.segment_id] if target.segment_id else []), *target.exclude_segment_ids]
    known = await segments(uow, tenant_id, wanted)
    if set(wanted) - set(known):
        return ["false"]
    parts = [rules.sql(target.filter, values)] if target.filter else []
    if target.segment_id:
        parts.append(rules.sql(known[target.segment_id], values))
    return [*parts, *(rules.sql(known[one], values, without=True) for one in target.exclude_segment_ids)]


async def size(uow: UnitOfWork, tenant_id: UUID, target: Target, *, frozen_for: UUID | None = None) -> int:
    """Number of contacts a target means."""
    where, values = await condition(uow, tenant_id, target, frozen_for=frozen_for)
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


_FEW = 20_000
"""Up to so many matches a sample sorts what was found; walking the contacts, newest first, would look through all."""
_SORTED = "WITH f AS MATERIALIZED (SELECT c.id FROM contacts c WHERE {}) SELECT id FROM f ORDER BY id DESC LIMIT :n"
_WALKED = "SELECT c.id FROM contacts c WHERE {} ORDER BY c.id DESC LIMIT :n"


async def look(uow: UnitOfWork, tenant_id: UUID, target: Target, limit: int) -> tuple[int, list[Any]]:
    """How many contacts a target means, and some of them, newest first, whether or not they can be written to."""
    where, values = await condition(uow, tenant_id, target)
    found = await uow.session.execute(text(f"SELECT count(*) FROM contacts c WHERE {where}"), values)  # noqa: S608
    size = int(found.scalar_one())
    if not size or not limit:
        return size, []
    query = text((_SORTED if size <= _FEW else _WALKED).format(where))
    ids = list((await uow.session.execute(query, values | {"n": limit})).scalars())
    people = text(
        "SELECT c.id, c.name, c.phone, c.city FROM contacts c "
        "WHERE c.tenant_id = :tenant AND c.id = ANY(:ids) ORDER BY c.id DESC"
    )
    return size, list((await uow.session.execute(people, {"tenant": tenant_id, "ids": ids})).all())


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
