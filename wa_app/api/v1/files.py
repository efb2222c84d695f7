"""`/api/v1/files`: take a file in, say what it is, give it out by a link that expires."""

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.routing import public, router, streams
from wa_app.api.uploads import incoming_file
from wa_app.db import unit_of_work
from wa_app.errors import NotFound
from wa_app.files import file_store
from wa_app.files.port import FileGone
from wa_app.schemas.files import FileView
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
async def upload(request: Request, principal: CurrentPrincipal) -> FileView:
    """Take one file in: a part called `file`, or the raw body with its name in `X-File-Name`.

    The size is checked against the limit before anything is read; the type is found from the content.
    """
    came = await incoming_file(request)
    return await files.store(principal, came.name, came.chunks)


@routes.get("/{file_id}")
async def show(file_id: UUID, uow: Uow) -> FileView:
    """What a file is, and a fresh link to its content."""
    return await files.show(uow, file_id)


@routes.delete("/{file_id}", status_code=204)
async def delete(file_id: UUID, uow: Uow) -> None:
    """Take a file away."""
    await files.delete(uow, file_id)


@routes.get("/{file_id}/content", response_class=Response)
@public
async def content(
    file_id: UUID, tenant: UUID, expires: Annotated[int, Query(ge=0, le=2**40)],
    signature: Annotated[str, Query(max_length=128)],
) -> Response:
    """The bytes of a file, for whoever holds a link that has not expired."""
    files.check_link(tenant, file_id, expires, signature)
    async with unit_of_work(Principal.system(tenant)) as uow:
        row = await files.get(uow, file_id)
    chunks = file_store().read(row.storage_key)
    try:
        first = await anext(aiter(chunks), b"")
    except FileGone:
        raise NotFound from None
    return StreamingResponse(_from(first, chunks), media_type=row.mime, headers=_headers(row.name, row.size))


def _headers(name: str, size: int) -> dict[str, str]:
    # Always a download: a page or a picture with scripts must never run under our origin.
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Length": str(size),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-site",
        "Cache-Control": "private, no-store",
    }


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
