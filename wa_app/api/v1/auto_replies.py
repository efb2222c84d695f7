"""`/api/v1/auto-replies`: keyword rules, in the order they are asked in."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.paging import ListingDep, Page, pack
from wa_app.api.routing import router
from wa_app.api.v1.contacts import csv_download
from wa_app.db import unit_of_work
from wa_app.i18n import translate
from wa_app.models.auto_replies import MatchType
from wa_app.schemas.auto_replies import (
    AutoReplyCreate,
    AutoReplyUpdate,
    AutoReplyView,
    RuleFilter,
    RuleImport,
    RuleImportJob,
    RuleImportResult,
    RuleOrder,
    RuleTest,
    RuleTestResult,
)
from wa_app.services import auto_replies
from wa_app.services.imports import errors_csv
from wa_app.services.imports import rules as imports

routes = router("/auto-replies", "auto-replies")

Told = TypeVar("Told", bound=RuleImportResult | RuleImportJob)

Active = Annotated[bool | None, Query()]
Kind = Annotated[MatchType | None, Query()]
OfDevice = Annotated[UUID | None, Query()]


@routes.get("")
async def list_rules(
    uow: Uow, listing: ListingDep, is_active: Active = None, match_type: Kind = None, device_id: OfDevice = None
) -> Page[AutoReplyView]:
    """Rules by priority, the first asked first; `q` looks into name, keywords and text."""
    where = RuleFilter(q=listing.q, is_active=is_active, match_type=match_type, device_id=device_id)
    items, after, total = await auto_replies.list_(uow, where, after=listing.after_id, limit=listing.limit)
    return Page(items=items, next_cursor=pack(after) if after else None, total=total)


@routes.post("", status_code=201)
async def create(uow: Uow, body: AutoReplyCreate) -> AutoReplyView:
    """Make a rule; without a priority it is asked last."""
    return await auto_replies.create(uow, body)


@routes.post("/test")
async def test(uow: Uow, body: RuleTest) -> RuleTestResult:
    """Which rule answers a text now, and why the others do not. Counts nothing, sends nothing."""
    return await auto_replies.try_text(uow, body)


@routes.post("/reorder", status_code=204)
async def reorder(uow: Uow, body: RuleOrder) -> None:
    """Ask rules in this order; those that are not named follow as they stand."""
    await auto_replies.reorder(uow, body)


@routes.get("/export", response_class=Response)
async def export(
    uow: Uow, format: Annotated[Literal["csv", "json"], Query()] = "csv", q: Annotated[str, Query(max_length=200)] = "",
    is_active: Active = None, match_type: Kind = None, device_id: OfDevice = None,
) -> Response:  # fmt: skip
    """All rules of a filter as CSV or JSON, as `import` takes them; cells a spreadsheet would run are disarmed."""
    where = RuleFilter(q=q, is_active=is_active, match_type=match_type, device_id=device_id)
    content = await auto_replies.export(uow, where, format)
    media = "text/csv; charset=utf-8" if format == "csv" else "application/json"
    return Response(content, media_type=media, headers={
        "Content-Disposition": f'attachment; filename="aturan.{format}"', "Cache-Control": "no-store",
    })  # fmt: skip


@routes.post("/import", responses={202: {"model": RuleImportJob, "description": "Many rows: a worker takes them"}})
async def import_file(principal: CurrentPrincipal, body: RuleImport, answer: Response) -> RuleImportResult | RuleImportJob:
    """Make rules out of CSV, XLSX or JSON. Rows that are wrong are left out and told; `dry_run` keeps nothing.

    More than 200 rows are taken by a worker: the answer is 202 with the job, to be watched at its `status_url`.
    """
    result = await imports.request(principal, body)
    if isinstance(result, RuleImportJob):
        answer.status_code, answer.headers["Location"] = 202, result.status_url
    return _told(result, principal.language)


@routes.get("/imports")
async def list_imports(uow: Uow) -> Page[RuleImportJob]:
    """The newest ten files that a worker brought in or brings in."""
    return Page(items=[_told(one, uow.principal.language) for one in await imports.recent(uow)])


@routes.get("/imports/{import_id}")
async def show_import(uow: Uow, import_id: UUID) -> RuleImportJob:
    """How far a file is, and what could not be taken."""
    return _told(await imports.get(uow, import_id), uow.principal.language)


@routes.post("/imports/{import_id}/cancel")
async def cancel_import(uow: Uow, import_id: UUID) -> RuleImportJob:
    """Stop it; rules that came in already stay."""
    return _told(await imports.cancel(uow, import_id), uow.principal.language)


@routes.get("/imports/{import_id}/errors", response_class=Response)
async def import_errors(principal: CurrentPrincipal, import_id: UUID) -> Response:
    """What was refused, as CSV: `row,column,value,reason`."""
    async with unit_of_work(principal) as uow:
        await imports.get(uow, import_id)

    def reason(code: str, args: Mapping[str, Any]) -> str:
        return translate(principal.language, f"error.{code}", **args)

    return csv_download(errors_csv(principal, import_id, reason), "galat-aturan.csv")


def _told(result: Told, language: str) -> Told:
    for one in result.problems:
        one.message = translate(language, f"error.{one.code}", **one.args)
    return result


@routes.get("/{auto_reply_id}")
async def show(uow: Uow, auto_reply_id: UUID) -> AutoReplyView:
    """One rule."""
    return await auto_replies.get(uow, auto_reply_id)


@routes.patch("/{auto_reply_id}")
async def update(uow: Uow, auto_reply_id: UUID, body: AutoReplyUpdate) -> AutoReplyView:
    """Change what is given."""
    return await auto_replies.update(uow, auto_reply_id, body)


@routes.patch("/{auto_reply_id}/toggle")
async def toggle(uow: Uow, auto_reply_id: UUID) -> AutoReplyView:
    """Switch it off, or on again."""
    return (await auto_replies.toggle(uow, [auto_reply_id]))[0]


@routes.delete("/{auto_reply_id}", status_code=204)
async def delete(uow: Uow, auto_reply_id: UUID) -> None:
    """Put it away; it can be brought back for 30 days."""
    await auto_replies.remove(uow, [auto_reply_id])


@routes.post("/{auto_reply_id}/restore")
async def restore(uow: Uow, auto_reply_id: UUID) -> AutoReplyView:
    """Bring it back."""
    await auto_replies.restore(uow, [auto_reply_id])
    return await auto_replies.get(uow, auto_reply_id)


@routes.post("/{auto_reply_id}/duplicate", status_code=201)
async def duplicate(uow: Uow, auto_reply_id: UUID) -> AutoReplyView:
    """A copy right behind it, switched off."""
    return await auto_replies.duplicate(uow, auto_reply_id)
