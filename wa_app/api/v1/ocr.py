"""`/api/v1/ocr`: read a picture or document and give its text back."""

import base64
import binascii
from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query, Response
from limits import RateLimitItemPerMinute
from pydantic import ValidationError
from starlette.requests import Request

from wa_app.api import limits
from wa_app.api.deps import CurrentPrincipal
from wa_app.api.routing import router, streams
from wa_app.api.uploads import Incoming, incoming_file
from wa_app.errors import FieldError, Forbidden, Invalid
from wa_app.schemas.principal import Verb
from wa_app.schemas.scans import ScanRequest, ScanView
from wa_app.services import scans
from wa_app.services.files import TooLarge

routes = router("/ocr", "ocr")

RATE: Final = RateLimitItemPerMinute(30)
"""Scans of one tenant; each may hold a worker for seconds."""
MAX_JSON: Final = scans.MAX_MB * 2**20 * 4 // 3 + 4096
_FILE_PART = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FILE_PART},
            "application/json": {"schema": ScanRequest.model_json_schema()},
        },
    }
}


@routes.post("/scan", openapi_extra=_BODY, responses={202: {"model": ScanView, "description": "Still being read"}})
@streams
async def scan(
    request: Request, response: Response, principal: CurrentPrincipal,
    wait: Annotated[float, Query(ge=0, le=60)] = scans.WAIT_S,
) -> ScanView:
    """Read a file: a part called `file`, or JSON with `base64`. Text is taken from the file itself where it holds any.

    Answers 202 with an id to ask for when reading takes longer than `wait` seconds. What was read is forgotten
    after an hour.
    """
    if not principal.may(Verb.OCR_SCAN):
        raise Forbidden(verb=Verb.OCR_SCAN)
    await limits.spend(RATE, "ocr", str(principal.tenant_id))
    came = await _incoming(request)
    view = await scans.wait(principal, await scans.request(principal, came.name, came.chunks), wait)
    if view.status != "done":
        response.status_code = 202
    return view


@routes.get("/{scan_id}")
async def show(scan_id: UUID, principal: CurrentPrincipal) -> ScanView:
    """A scan that was still being read: how far it is, or what was read."""
    return await scans.get(principal, scan_id)


async def _incoming(request: Request) -> Incoming:
    if "json" not in request.headers.get("content-type", ""):
        return await incoming_file(request)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON:
            raise TooLarge(scans.MAX_MB)
    try:
        asked = ScanRequest.model_validate_json(bytes(body))
        data = base64.b64decode(asked.base64.partition(",")[2] if asked.base64.startswith("data:") else asked.base64, validate=True)
    except (ValidationError, binascii.Error, ValueError):
        raise Invalid(FieldError("base64", "value_invalid")) from None
    return Incoming(asked.name or "file", _once(data))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
