"""`/api/v1/contacts/upload` and what follows: imports, their progress and their errors."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.languages import of_request
from wa_app.api.paging import Page
from wa_app.api.routing import router, streams
from wa_app.api.v1.contacts import csv_download
from wa_app.db import unit_of_work
from wa_app.errors import FieldError, Invalid
from wa_app.files.port import CHUNK
from wa_app.i18n import translate
from wa_app.schemas.contacts import AnalysisView, ImportRequest, ImportView, PreviewView
from wa_app.schemas.principal import Principal
from wa_app.services import files, imports

routes = router("/contacts", "contacts")

_JSON_FIELDS = ("mapping", "tags")
_FLAGS = ("dry_run", "consent", "has_header")
_FORM = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "file_id": {"type": "string", "format": "uuid"},
        "mapping": {
            "type": "string",
            "description": "JSON: column → phone, name, city, email, tags, attribute:<key>, ignore",
        },
        "tags": {"type": "string", "description": "JSON list of names"},
        "on_duplicate": {"type": "string", "enum": ["skip", "update", "fill"]},
        "region": {"type": "string"},
        "dry_run": {"type": "boolean"},
        "consent": {"type": "boolean"},
    },
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM},
            "application/json": {"schema": ImportRequest.model_json_schema()},
        },
    }
}


@routes.post("/upload", status_code=202, openapi_extra=_BODY)
@streams
async def upload(request: Request, principal: CurrentPrincipal) -> ImportView:
    """Import a CSV or XLSX: multipart with `file` (or `file_id`), or JSON with `file_id`.

    Without `mapping` the columns are guessed. The answer is a job to watch at `contacts/imports/{id}`.
    """
    async with unit_of_work(principal) as uow:
        uow.require("contacts.import")
    data = await _asked(request, principal)
    async with unit_of_work(principal) as uow:
        return await imports.request(uow, data)


@routes.post("/imports/analyse")
async def analyse(data: ImportRequest, uow: Uow) -> AnalysisView:
    """What an uploaded file is and where its columns probably go."""
    return await imports.analyse(uow, data)


@routes.post("/imports/preview")
async def preview(data: ImportRequest, uow: Uow) -> PreviewView:
    """What an import would do, counted over the first 20,000 rows; writes nothing."""
    return await imports.preview(uow, data)


@routes.get("/imports")
async def index(uow: Uow) -> Page[ImportView]:
    """The newest ten imports."""
    return Page(items=await imports.recent(uow))


@routes.get("/imports/{import_id}")
async def show(import_id: UUID, uow: Uow) -> ImportView:
    """How far an import is."""
    return await imports.get(uow, import_id)


@routes.post("/imports/{import_id}/cancel")
async def cancel(import_id: UUID, uow: Uow) -> ImportView:
    """Stop an import; what came in already stays."""
    return await imports.cancel(uow, import_id)


@routes.get("/imports/{import_id}/errors", response_class=Response)
async def errors(import_id: UUID, request: Request, principal: CurrentPrincipal) -> Response:
    """The values that were refused, as CSV: `row,column,value,reason`."""
    async with unit_of_work(principal) as uow:
        await imports.get(uow, import_id)
    language = of_request(request)

    def reason(code: str, args: Mapping[str, Any]) -> str:
        return translate(language, f"error.{code}", **args)

    return csv_download(imports.errors_csv(principal, import_id, reason), "galat-impor.csv")


async def _asked(request: Request, principal: Principal) -> ImportRequest:
    """The request's fields; a file in it is stored first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _read(_json("body", (await request.body()).decode("utf-8", "replace")))
    if kind != "multipart/form-data":
        raise Invalid(FieldError("file", "body_not_multipart"))
    async with request.form(max_files=1, max_fields=20) as form:
        return await _from_form(form, principal)


async def _from_form(form: FormData, principal: Principal) -> ImportRequest:
    values: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, str) and value != ""}
    for name in _JSON_FIELDS:
        if name in values:
            values[name] = _json(name, values[name])
    for name in _FLAGS:
        if name in values:
            values[name] = values[name].lower() in ("1", "true", "yes", "on")
    file = form.get("file")
    if isinstance(file, UploadFile):
        checked = _read({**values, "file_id": UUID(int=0)})
        stored = await files.store(principal, file.filename or "kontak.csv", _chunks(file))
        return checked.model_copy(update={"file_id": stored.id})
    if "file_id" not in values:
        raise Invalid(FieldError("file", "value_missing"))
    return _read(values)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK):
        yield chunk


def _json(field: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Invalid(FieldError(field, "body_not_json")) from None


def _read(values: Any) -> ImportRequest:
    try:
        return ImportRequest.model_validate(values)
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None
