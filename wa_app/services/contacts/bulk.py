"""Acting on many contacts at once, by id or by filter, set-based."""

# ruff: noqa: S608 - queries are put together of parts of our own, values are bound

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.contacts import Selection
from wa_app.services import audit, entitlements, tags
from wa_app.services.contacts.listing import UNDO_DAYS, covered

_BY_ID = "FROM contacts c WHERE c.tenant_id = :t AND c.deleted_at IS NULL AND c.id = ANY(CAST(:ids AS uuid[]))"


async def _selected(uow: TenantUnitOfWork, selection: Selection) -> tuple[str, dict[str, Any]]:
    """`SELECT` of the ids a selection covers, and its parameters."""
    if selection.filter is None:
        return f"SELECT c.id {_BY_ID}", {"t": uow.tenant_id, "ids": selection.ids}
    sql, values = await covered(uow, selection.filter)
    return f"SELECT c.id {sql}", values


async def count(uow: TenantUnitOfWork, selection: Selection) -> int:
    """How many living contacts a selection covers, exactly."""
    uow.require("contacts.read")
    sql, values = await _selected(uow, selection)
    return int((await uow.session.execute(text(f"SELECT count(*) FROM ({sql}) s"), values)).scalar_one())


async def delete(uow: TenantUnitOfWork, selection: Selection) -> tuple[int, datetime | None]:
    """Delete softly. Returns how many and the moment that `restore` takes to undo it."""
    uow.require("contacts.delete")
    sql, values = await _selected(uow, selection)
    query = text(f"UPDATE contacts SET deleted_at = now() WHERE tenant_id = :t AND id IN ({sql}) RETURNING deleted_at")
    moments = list((await uow.session.execute(query, values)).scalars())
    if not moments:
        return 0, None
    await entitlements.require(uow, "contacts", -len(moments))
    audit.record(uow, "contacts.delete", "contact", count=len(moments))
    return len(moments), moments[0]


async def restore(uow: TenantUnitOfWork, *, ids: list[UUID] | None = None, moment: datetime | None = None) -> int:
    """Bring deleted contacts back, by id or all that were deleted at one moment, within `UNDO_DAYS`."""
    uow.require("contacts.delete")
    which = "id = ANY(CAST(:ids AS uuid[]))" if ids is not None else "deleted_at = :moment"
    query = text(
        f"UPDATE contacts SET deleted_at = NULL WHERE tenant_id = :t AND {which} "
        "AND deleted_at > now() - make_interval(days => :days) RETURNING 1"
    )
    values: dict[str, Any] = {"t": uow.tenant_id, "days": UNDO_DAYS}
    values |= {"ids": ids} if ids is not None else {"moment": moment}
    found = len((await uow.session.execute(query, values)).all())
    if found:
        await entitlements.require(uow, "contacts", found)
    return found


async def tag(uow: TenantUnitOfWork, selection: Selection, names: list[str]) -> int:
    """Put tags (made when missing) on all contacts selected. Returns how many were not tagged before."""
    uow.require("contacts.write")
    ids = list((await tags.ensure(uow, names)).values())
    sql, values = await _selected(uow, selection)
    query = text(
        "WITH put AS (INSERT INTO contact_tags (tenant_id, tag_id, contact_id) "
        f"SELECT :t, g.id, s.id FROM ({sql}) s CROSS JOIN unnest(CAST(:put AS uuid[])) AS g(id) "
        "ON CONFLICT DO NOTHING RETURNING contact_id) SELECT count(DISTINCT contact_id) FROM put"
    )
    return int((await uow.session.execute(query, values | {"put": ids})).scalar_one())


async def untag(uow: TenantUnitOfWork, selection: Selection, tag_ids: list[UUID]) -> int:
    """Take tags off all contacts selected. Returns how many had one of them."""
    uow.require("contacts.write")
    sql, values = await _selected(uow, selection)
    query = text(
        "WITH gone AS (DELETE FROM contact_tags WHERE tenant_id = :t AND tag_id = ANY(CAST(:off AS uuid[])) "
        f"AND contact_id IN ({sql}) RETURNING contact_id) SELECT count(DISTINCT contact_id) FROM gone"
    )
    return int((await uow.session.execute(query, values | {"off": tag_ids})).scalar_one())
