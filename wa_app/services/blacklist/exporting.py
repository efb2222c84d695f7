"""The list as CSV, page by page. It holds masked values only: nothing else is kept."""

from collections.abc import AsyncIterator
from uuid import UUID

from wa_app.db import unit_of_work
from wa_app.kit.tables import csv_chunks
from wa_app.schemas.blacklist import BlacklistEntry, BlacklistFilter
from wa_app.schemas.principal import Principal
from wa_app.services import audit
from wa_app.services.blacklist.entries import list_

PAGE = 5000
HEADER = ("identity", "value", "contact", "scope", "reason", "source", "campaign", "note", "added_by", "created_at")
BOM = 3


async def export_csv(principal: Principal, where: BlacklistFilter) -> AsyncIterator[bytes]:
    """The entries a filter covers; cells a spreadsheet would run are disarmed. One transaction a page."""
    async with unit_of_work(principal) as uow:
        uow.require("blacklist.read")
        audit.record(uow, "blacklist.export", "suppression", filter=where.model_dump(mode="json"))
    yield b"".join(csv_chunks(HEADER, []))
    after: UUID | None = None
    while True:
        async with unit_of_work(principal) as uow:
            rows, more, _ = await list_(uow, where, after=after, limit=PAGE)
        if rows:
            lines = b"".join(csv_chunks((), (_cells(row) for row in rows)))
            yield lines[BOM:].split(b"\r\n", 1)[1]
        if not more:
            return
        after = rows[-1].id


def _cells(row: BlacklistEntry) -> list[str]:
    return [
        row.kind.value, row.value, row.contact_name or "", row.scope.value, row.reason.value, row.source.value,
        row.campaign_name or "", row.note, row.created_by_name or "", row.created_at.isoformat(),
    ]  # fmt: skip
