"""Contacts as CSV, page by page, so that a million of them need no memory."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.kit.tables import csv_chunks
from wa_app.schemas.contacts import ContactFilter
from wa_app.schemas.principal import Principal
from wa_app.services import audit
from wa_app.services.contacts.listing import at_most, attribute_keys, covered

PAGE = 5000
HEADER = ("name", "phone", "city", "tags", "source", "created_at")
BOM = 3

_PAGE = (
    "SELECT c.id, c.name, c.phone, c.city, c.source, c.attributes, c.created_at, "
    "(SELECT string_agg(t.name, '; ' ORDER BY t.folded) FROM contact_tags ct JOIN tags t "
    "ON t.tenant_id = ct.tenant_id AND t.id = ct.tag_id WHERE ct.tenant_id = c.tenant_id AND ct.contact_id = c.id) tags "
)


async def export_csv(principal: Principal, where: ContactFilter) -> AsyncIterator[bytes]:
    """The contacts a filter covers. Checks the verb before the first byte; one transaction a page."""
    async with unit_of_work(principal) as uow:
        uow.require("contacts.export")
        audit.record(uow, "contacts.export", "contact", filter=where.model_dump(mode="json"))
        keys = await attribute_keys(uow)
    header = [*HEADER, *keys]
    yield b"".join(csv_chunks(header, []))
    before: UUID | None = None
    while True:
        async with unit_of_work(principal) as uow:
            rows = await _page(uow, where, before)
        if not rows:
            return
        before = rows[-1].id
        lines = b"".join(csv_chunks((), ([*_cells(row), *_attributes(row.attributes, keys)] for row in rows)))
        yield lines[BOM:].split(b"\r\n", 1)[1]


async def _page(uow: TenantUnitOfWork, where: ContactFilter, before: UUID | None) -> list[Any]:
    sql, values = await covered(uow, where)
    if "most" in values:
        values |= {"before": before, "most": at_most(where, PAGE)}
    elif before is not None:
        sql, values["before"] = f"{sql} AND c.id < CAST(:before AS uuid)", before
    query = text(f"{_PAGE}{sql} ORDER BY c.id DESC LIMIT {PAGE}")
    return list((await uow.session.execute(query, values)).all())


def _cells(row: Any) -> list[str]:
    return [row.name, row.phone or "", row.city, row.tags or "", row.source, row.created_at.isoformat()]


def _attributes(values: dict[str, Any], keys: list[str]) -> list[str]:
    return [_plain(values.get(key)) for key in keys]


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
