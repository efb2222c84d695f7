"""`/api/v1/files`: take a file in, say what it is, give it out by a link that expires."""

import re
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.paging import ListingDep, Page, pack
from wa_app.api.routing import public, router, streams
from wa_app.api.uploads import incoming_file
from wa_app.db import unit_of_work
from wa_app.errors import NotFound
from wa_app.files import file_store
from wa_app.files.links import Part
from wa_app.files.port import FileGone
from wa_app.schemas.files import FileView, MediaView
from wa_app.schemas.principal import Principal
from wa_app.services import files

routes = router("/files", "files")

_FILE_PART = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FILE_PART},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@routes.post("", status_code=201, openapi_extra=_BODY)
@streams
async def upload(
    request: Request, principal: CurrentPrincipal, use: Annotated[files.Use, Query(alias="for")] = "any"
) -> FileView:
    """Take one file in: a part called `file`, or the raw body with its name in `X-File-Name`.

    The size is checked against the limit before anything is read; the type is found from the content.
    `?for=message` also holds it to the sizes and types that WhatsApp takes.
    """
    came = await incoming_file(request)
    return await files.store(principal, came.name, came.chunks, use=use)


@routes.get("")
async def index(uow: Uow, listing: ListingDep, kind: files.Kind | None = None) -> Page[MediaView]:
    """The media library: files that may leave with a message, newest first; `q` searches their names."""
    items, last = await files.list_(uow, q=listing.q, kind=kind, after=listing.after_id, limit=listing.limit)
    return Page(items=items, next_cursor=pack(last) if last else None)


@routes.get("/{file_id}")
async def show(file_id: UUID, uow: Uow) -> FileView:
    """What a file is, and a fresh link to its content."""
    return await files.show(uow, file_id)


@routes.delete("/{file_id}", status_code=204)
async def delete(file_id: UUID, uow: Uow) -> None:
    """Take a file away, unless something that is not finished needs it."""
    await files.delete(uow, file_id)


@routes.get("/{file_id}/content", response_class=Response)
@public
async def content(
    request: Request, file_id: UUID, tenant: UUID, expires: Annotated[int, Query(ge=0, le=2**40)],
    signature: Annotated[str, Query(max_length=128)], part: Part = "original",
) -> Response:
    """The bytes of a file, or a range of them, for whoever holds a link that has not expired."""
    files.check_link(tenant, file_id, expires, signature, part)
    async with unit_of_work(Principal.system(tenant)) as uow:
        served = await files.served(uow, file_id, part)
    span = _span(request.headers.get("range", ""), served.size)
    headers = _headers(served, part)
    if span is None:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{served.size}"})
    start, length = span
    chunks = file_store().read(served.key, *(span if length != served.size else ()))
    try:
        first = await anext(aiter(chunks), b"")
    except FileGone:
        raise NotFound from None
    is_part = length != served.size
    if served.size is not None:
        headers["Content-Length"] = str(length)
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{start + (length or 0) - 1}/{served.size}"
    return StreamingResponse(
        _from(first, chunks), status_code=206 if is_part else 200, media_type=served.mime, headers=headers
    )


_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def _span(wanted: str, size: int | None) -> tuple[int, int | None] | None:
    """Start and length of one range; all of it for none, or for what we do not serve; None beyond the end."""
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or size is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if not first:
        start = max(0, size - int(last))
        return (start, size - start) if int(last) else None
    start, end = int(first), min(int(last) if last else size - 1, size - 1)
    return (start, end - start + 1) if start <= end else None


def _headers(served: files.Served, part: Part) -> dict[str, str]:
    # Always a download: a page or a picture with scripts must never run under our origin.
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(served.name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-site",
        "Accept-Ranges": "bytes" if served.size is not None else "none",
        # The small picture's address is the same for an hour and never shows anything else.
        "Cache-Control": "private, max-age=3600, immutable" if part == "thumb" else "private, no-store",
    }


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
