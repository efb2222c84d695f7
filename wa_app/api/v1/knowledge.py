"""`/api/v1/knowledge`: what agents answer from, and what a question finds in it."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.requests import Request

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.paging import ListingDep, Page, pack
from wa_app.api.routing import router, streams
from wa_app.api.uploads import incoming_file
from wa_app.models.knowledge import DocumentKind, DocumentStatus
from wa_app.schemas.knowledge import (
    DocumentView,
    OverviewView,
    PairInput,
    PairsCreate,
    PreviewView,
    SearchRequest,
    SearchView,
    UrlCreate,
)
from wa_app.services import knowledge

routes = router("/knowledge", "knowledge")

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object", "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}  # fmt: skip


@routes.get("")
async def list_documents(
    uow: Uow, listing: ListingDep, kind: Annotated[list[DocumentKind], Query()] = [],  # noqa: B006
    status: Annotated[list[DocumentStatus], Query()] = [],  # noqa: B006
) -> Page[DocumentView]:
    """Documents, website pages and typed questions, newest first; `q` looks into names and answers."""
    items, after, total = await knowledge.list_(
        uow, q=listing.q, kinds=kind, statuses=status, after=listing.after_id, limit=listing.limit
    )
    return Page(items=items, next_cursor=pack(after) if after else None, total=total)


@routes.get("/overview")
async def overview(uow: Uow) -> OverviewView:
    """Can it answer today: documents ready, at work and failed, questions, passages."""
    return await knowledge.overview(uow)


@routes.post("/upload", status_code=202, openapi_extra=_BODY)
@streams
async def upload(request: Request, principal: CurrentPrincipal) -> DocumentView:
    """Take a file in (a part called `file`, or the raw body with `X-File-Name`) and queue it for indexing."""
    came = await incoming_file(request)
    return await knowledge.upload(principal, came.name, came.chunks)


@routes.post("/url", status_code=202)
async def add_url(uow: Uow, body: UrlCreate) -> DocumentView:
    """Queue a page of a website."""
    return await knowledge.add_url(uow, body.url)


@routes.post("/pairs", status_code=202)
async def add_pairs(uow: Uow, body: PairsCreate) -> list[DocumentView]:
    """Questions with their answers; a question that is there already gets the new answer."""
    return await knowledge.add_pairs(uow, body.pairs)


@routes.post("/search")
async def search(principal: CurrentPrincipal, body: SearchRequest) -> SearchView:
    """The passages that answer a question best; `score` is 0 to 1 and comparable between questions."""
    return await knowledge.ask(principal, body)


@routes.get("/{document_id}")
async def show(uow: Uow, document_id: UUID) -> DocumentView:
    """How far a document is, and what is known of it."""
    return await knowledge.get(uow, document_id)


@routes.get("/{document_id}/preview")
async def preview(uow: Uow, document_id: UUID, first: Annotated[int, Query(ge=0, le=100_000)] = 0) -> PreviewView:
    """The text that was read, ten pages at a time, and the passages it was cut into."""
    return await knowledge.preview(uow, document_id, first=first)


@routes.patch("/{document_id}")
async def update_pair(uow: Uow, document_id: UUID, body: PairInput) -> DocumentView:
    """Change a typed question and its answer."""
    return await knowledge.update_pair(uow, document_id, body)


@routes.delete("/{document_id}", status_code=204)
async def delete(uow: Uow, document_id: UUID) -> None:
    """Take it away: no search finds it any more, its vectors leave within seconds."""
    await knowledge.remove(uow, [document_id])


@routes.post("/{document_id}/restore", status_code=202)
async def restore(uow: Uow, document_id: UUID) -> DocumentView:
    """Bring back what was deleted less than an hour ago."""
    await knowledge.restore(uow, [document_id])
    return await knowledge.get(uow, document_id)


@routes.post("/{document_id}/reindex", status_code=202)
async def reindex(uow: Uow, document_id: UUID) -> DocumentView:
    """Read and index it again; a website page is fetched anew."""
    return await knowledge.reindex(uow, document_id)


@routes.post("/{document_id}/cancel")
async def cancel(uow: Uow, document_id: UUID) -> DocumentView:
    """Stop indexing it."""
    return await knowledge.cancel(uow, document_id)
