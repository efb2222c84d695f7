"""Reading contacts: one, a page, a search."""

# ruff: noqa: S608 - queries are put together of parts of our own, values are bound

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.kit.folding import prefix_query
from wa_app.models.people import Contact, ContactIdentity
from wa_app.schemas.contacts import ConsentView, ContactFilter, ContactView, IdentityView
from wa_app.schemas.paging import Page, cursor_id
from wa_app.sending import audience
from wa_app.services import tags

UNDO_DAYS = 30
EXACT_UP_TO = 10_000
"""Larger lists are counted by the planner's estimate: a count of a million rows is nobody's 100 ms."""

_BY_ONE_TAG = (
    "FROM contact_tags ct JOIN contacts c ON c.tenant_id = ct.tenant_id AND c.id = ct.contact_id "
    "WHERE ct.tenant_id = :t AND ct.tag_id = CAST(:tag AS uuid) AND c.deleted_at IS NULL"
)
_BY_TAGS = (
    "FROM contacts c WHERE c.tenant_id = :t AND c.deleted_at IS NULL AND EXISTS (SELECT 1 FROM contact_tags ct "
    "WHERE ct.tenant_id = c.tenant_id AND ct.contact_id = c.id AND ct.tag_id = ANY(CAST(:tags AS uuid[])))"
)
_ALIVE = "FROM contacts c WHERE c.tenant_id = :t AND c.deleted_at IS NULL"


async def covered(uow: TenantUnitOfWork, where: ContactFilter) -> tuple[str, dict[str, Any]]:
    """SQL after `SELECT …` with alias `c` for the contacts a filter covers, and its parameters.

    Searching goes through the one function that reaches its index under row-level security.
    Raises NotFound when the filter names a segment that is not there.
    """
    sql, values = _found(uow, where)
    if where.source and "most" not in values:
        sql += " AND c.source = :source"
        values["source"] = where.source
    if where.segment_id is not None:
        inside = await audience.in_segment(uow, uow.tenant_id, where.segment_id, values)
        if inside is None:
            raise NotFound
        sql += f" AND {inside}"
    return sql, values


def _found(uow: TenantUnitOfWork, where: ContactFilter) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {"t": uow.tenant_id}
    query = prefix_query(where.q)
    if where.q.strip() and not query:
        return f"{_ALIVE} AND false", values
    if query:
        values |= {"q": query, "tags": where.tags or None, "source": where.source or None}
        found = (
            "SELECT s.id FROM search_contacts(CAST(:q AS text), CAST(:before AS uuid), CAST(:most AS integer), "
            "CAST(:tags AS uuid[]), CAST(:source AS text)) s"
        )
        return f"FROM contacts c WHERE c.tenant_id = :t AND c.id IN ({found})", values | {"before": None, "most": None}
    if len(where.tags) == 1:
        return _BY_ONE_TAG, values | {"tag": where.tags[0]}
    if where.tags:
        return _BY_TAGS, values | {"tags": where.tags}
    return _ALIVE, values


def at_most(where: ContactFilter, n: int) -> int | None:
    """How many hits of a search to ask for: a segment narrows them afterwards, so then all of them."""
    return None if where.segment_id is not None else n


async def list_(
    uow: TenantUnitOfWork, where: ContactFilter | None = None, *, cursor: str | None = None, limit: int = 50
) -> Page[ContactView]:
    """A page of living contacts, newest first."""
    uow.require("contacts.read")
    where = where or ContactFilter()
    before = cursor_id(cursor)
    sql, values = await covered(uow, where)
    key = "ct.contact_id" if "contact_tags ct JOIN" in sql else "c.id"
    if "most" in values:
        values |= {"before": before, "most": at_most(where, limit + 1)}
    elif before is not None:
        sql, values["before"] = f"{sql} AND {key} < CAST(:before AS uuid)", before
    statement = text(f"SELECT c.id {sql} ORDER BY {key} DESC LIMIT :limit")
    ids = list((await uow.session.execute(statement, values | {"limit": limit + 1})).scalars())
    total, is_estimate = await _total(uow, where)
    return Page(
        items=await views(uow, ids[:limit]),
        next_cursor=str(ids[limit - 1]) if len(ids) > limit else None,
        total=total,
        total_is_estimate=is_estimate,
    )


async def get(uow: TenantUnitOfWork, contact_id: UUID) -> ContactView:
    """One living contact; NotFound when there is none in this tenant."""
    uow.require("contacts.read")
    found = await views(uow, [contact_id])
    if not found:
        raise NotFound
    return found[0]


async def views(uow: TenantUnitOfWork, ids: Sequence[UUID]) -> list[ContactView]:
    """Living contacts in the order of `ids`."""
    if not ids:
        return []
    query = select(Contact).where(col(Contact.id).in_(ids), col(Contact.deleted_at).is_(None))
    rows = {row.id: row for row in (await uow.session.execute(query)).scalars()}
    known = select(ContactIdentity).where(col(ContactIdentity.contact_id).in_(ids))
    identities: dict[UUID, list[IdentityView]] = {}
    for one in (await uow.session.execute(known)).scalars():
        identities.setdefault(one.contact_id, []).append(IdentityView(kind=one.kind, value=one.value))
    tagged = await tags.of_contacts(uow, ids)
    return [_view(rows[i], identities.get(i, []), tagged.get(i, [])) for i in ids if i in rows]


async def consents(uow: TenantUnitOfWork, contact_id: UUID) -> list[ConsentView]:
    """What the person agreed to or refused, newest first."""
    uow.require("contacts.read")
    query = text(
        "SELECT kind, source, evidence, created_at FROM consents WHERE tenant_id = :t AND contact_id = :id "
        "ORDER BY id DESC LIMIT 50"
    )
    rows = await uow.session.execute(query, {"t": uow.tenant_id, "id": contact_id})
    return [ConsentView.model_validate(row._mapping) for row in rows]


async def sources(uow: TenantUnitOfWork) -> list[str]:
    """Where the newest thousand contacts came from, for the filter."""
    uow.require("contacts.read")
    query = text(f"SELECT DISTINCT source FROM (SELECT c.source {_ALIVE} ORDER BY c.id DESC LIMIT 1000) s ORDER BY 1")
    return list((await uow.session.execute(query, {"t": uow.tenant_id})).scalars())


async def attribute_keys(uow: TenantUnitOfWork) -> list[str]:
    """Names of the attributes that the newest thousand contacts have: variables for templates."""
    uow.require("contacts.read")
    query = text(
        "SELECT DISTINCT jsonb_object_keys(attributes) FROM "
        f"(SELECT c.attributes {_ALIVE} ORDER BY c.id DESC LIMIT 1000) s ORDER BY 1"
    )
    return list((await uow.session.execute(query, {"t": uow.tenant_id})).scalars())


async def _total(uow: TenantUnitOfWork, where: ContactFilter) -> tuple[int, bool]:
    """How many a filter covers: exact for small lists, else as the planner sees it."""
    sql, values = await covered(uow, where)
    if "most" in values:
        values["most"] = at_most(where, EXACT_UP_TO + 1)
    if where.segment_id is not None:
        exact = text(f"SELECT count(*) {sql}")
        return int((await uow.session.execute(exact, values)).scalar_one()), False
    capped = text(f"SELECT count(*) FROM (SELECT 1 {sql} LIMIT {EXACT_UP_TO + 1}) s")
    count = int((await uow.session.execute(capped, values)).scalar_one())
    if count <= EXACT_UP_TO or "most" in values:
        return min(count, EXACT_UP_TO), count > EXACT_UP_TO
    plan = (await uow.session.execute(text(f"EXPLAIN (FORMAT JSON) SELECT 1 {sql}"), values)).scalar_one()
    rows = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Plan Rows"]
    return max(int(rows), count), True


def _view(row: Contact, identities: list[IdentityView], tagged: list[Any]) -> ContactView:
    return ContactView(
        **row.model_dump(include=set(ContactView.model_fields) - {"identities", "tags"}),
        identities=identities,
        tags=tagged,
    )
