"""`/api/v1/blacklist`: who is not to be written to."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.paging import ListingDep, Page, pack
from wa_app.api.routing import router
from wa_app.api.v1.contacts import csv_download
from wa_app.db import unit_of_work
from wa_app.models.people import SuppressionReason, SuppressionScope, SuppressionSource
from wa_app.schemas.blacklist import (
    BlacklistAdd,
    BlacklistAdded,
    BlacklistEntry,
    BlacklistFilter,
    BlacklistImport,
    BlacklistMany,
    Unreachable,
)
from wa_app.schemas.contacts import ImportView
from wa_app.services import blacklist
from wa_app.services.imports import blacklist as imports

routes = router("/blacklist", "blacklist")

Reason = Annotated[SuppressionReason | None, Query()]
Scope = Annotated[SuppressionScope | None, Query()]
Source = Annotated[SuppressionSource | None, Query()]


@routes.get("")
async def list_entries(
    uow: Uow, listing: ListingDep, reason: Reason = None, scope: Scope = None, source: Source = None
) -> Page[BlacklistEntry]:
    """Entries, newest first; `q` is a whole phone number or LID, as only hashes are kept."""
    where = BlacklistFilter(q=listing.q, reason=reason, scope=scope, source=source)
    items, more, total = await blacklist.list_(uow, where, after=listing.after_id, limit=listing.limit)
    return Page(items=items, next_cursor=pack(items[-1].id) if more else None, total=total)


@routes.post("", status_code=201)
async def add(uow: Uow, body: BlacklistAdd) -> BlacklistEntry:
    """Stop messages to a person, over every alias."""
    return await blacklist.add(uow, body)


@routes.post("/bulk")
async def add_many(uow: Uow, body: BlacklistMany) -> BlacklistAdded:
    """Stop messages to up to 1,000 numbers; those that cannot be read come back with a reason."""
    return await blacklist.add_many(uow, body)


@routes.get("/export", response_class=Response)
async def export(
    principal: CurrentPrincipal, q: Annotated[str, Query(max_length=200)] = "",
    reason: Reason = None, scope: Scope = None, source: Source = None,
) -> Response:  # fmt: skip
    """All entries of a filter as CSV, values masked as they are stored; cells a spreadsheet would run are disarmed."""
    async with unit_of_work(principal) as uow:
        uow.require("blacklist.read")
    where = BlacklistFilter(q=q, reason=reason, scope=scope, source=source)
    return csv_download(blacklist.export_csv(principal, where), "daftar-hitam.csv")


@routes.post("/import", status_code=202)
async def import_file(uow: Uow, body: BlacklistImport) -> ImportView:
    """Add the numbers of an uploaded CSV or XLSX; watch the job at `contacts/imports/{id}`."""
    return await imports.request(uow, body)


@routes.get("/imports")
async def index(uow: Uow) -> Page[ImportView]:
    """The newest imports into the list."""
    return Page(items=await imports.recent(uow, limit=10))


@routes.get("/unreachable")
async def list_unreachable(uow: Uow) -> Page[Unreachable]:
    """People whom WhatsApp does not know, by the newest failures: candidates for reason BOUNCE."""
    items = await blacklist.unreachable(uow)
    return Page(items=items, total=len(items))


@routes.post("/unreachable")
async def add_unreachable(uow: Uow) -> BlacklistAdded:
    """Put all of them on the list as BOUNCE."""
    return await blacklist.add_unreachable(uow)


@routes.delete("/{entry}", status_code=204)
async def remove(uow: Uow, entry: str) -> None:
    """Take a person off, with every alias: by the id of an entry or by phone."""
    await blacklist.remove(uow, entry)
