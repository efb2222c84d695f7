"""Errors as `application/problem+json` (RFC 9457), in the language of the request.

The one place where `AppError` becomes HTTP. `code` is stable, `title` and `detail` are
for people; a surprise (500) carries a reference and nothing else about itself.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from wa_app.api.languages import of_request
from wa_app.errors import AppError, FieldError, Invalid, LimitReached, NotSignedIn
from wa_app.i18n import translate

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"

HTTP_CODES = {
    400: "bad_request", 401: "not_signed_in", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    406: "not_acceptable", 409: "conflict", 413: "body_too_large", 415: "unsupported_media_type", 422: "invalid",
    429: "rate_limited", 503: "unavailable", 507: "storage_full",
}  # fmt: skip

PYDANTIC_CODES = {
    "missing": "value_missing", "extra_forbidden": "field_unknown", "json_invalid": "body_not_json",
    "string_too_short": "value_too_short", "string_too_long": "value_too_long", "too_short": "value_too_short",
    "too_long": "value_too_long", "greater_than": "value_too_small", "greater_than_equal": "value_too_small",
    "less_than": "value_too_large", "less_than_equal": "value_too_large", "enum": "value_not_allowed",
    "literal_error": "value_not_allowed", "uuid_parsing": "value_not_id", "uuid_type": "value_not_id",
    "datetime_parsing": "value_not_time", "datetime_from_date_parsing": "value_not_time",
    "datetime_type": "value_not_time", "timezone_aware": "value_not_time",
    "time_parsing": "value_not_clock", "time_type": "value_not_clock", "int_parsing": "value_not_numeric",
    "int_type": "value_not_numeric", "int_from_float": "value_not_numeric", "float_parsing": "value_not_numeric",
    "float_type": "value_not_numeric", "finite_number": "value_not_numeric", "bool_parsing": "value_not_switch",
    "bool_type": "value_not_switch", "string_type": "value_not_text", "crossed": "pacing_range_crossed", "zoned": "time_with_zone",
    "curve": "warmup_curve_wrong",
}  # fmt: skip
LIMITS = ("min_length", "max_length", "ge", "gt", "le", "lt")


class BodyTooLarge(HTTPException):
    """More bytes than the path takes. An HTTPException, because FastAPI calls everything else that
    stops a body a bad request."""

    def __init__(self, code: str, limit_mb: int) -> None:
        super().__init__(413)
        self.code = code
        self.limit_mb = max(1, limit_mb)


class ProblemField(BaseModel):
    """One refused field."""

    field: str
    message: str
    code: str
    args: dict[str, str | int] = Field({}, description="What fills the placeholders of the text.")


class Problem(BaseModel):
    """The shape of every error answer."""

    type: str = Field(description="`/api/docs#<code>`")
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable; programs compare this and nothing else.")
    args: dict[str, str | int] = Field({}, description="What fills the placeholders of the text.")
    errors: list[ProblemField] = []
    reference: str | None = Field(None, description="Given with a 500: name it to the support.")


def problem(
    request: Request, status: int, code: str, fields: Sequence[FieldError] = (), *,
    headers: Mapping[str, str] | None = None, args: Mapping[str, str | int] | None = None, reference: str | None = None,
) -> JSONResponse:
    """An answer that says what is wrong, for people and for programs."""
    language = of_request(request)
    body: dict[str, Any] = {
        "type": f"/api/docs#{code}",
        "title": translate(language, f"problem.title_{status}" if status in HTTP_CODES else "problem.title_500"),
        "status": status,
        "detail": translate(language, f"error.{code}", **(args or {})),
        "code": code,
        "args": dict(args or {}),
        "errors": [
            {"field": f.field, "message": translate(language, f"error.{f.code}", **f.args), "code": f.code, "args": dict(f.args)}
            for f in fields
        ],
    }
    if reference:
        body["reference"] = reference
    return JSONResponse(
        body, status, media_type=MEDIA_TYPE,
        headers={"Content-Language": language, "Cache-Control": "no-store", **(headers or {})},
    )


def of_app_error(request: Request, error: AppError) -> JSONResponse:
    """An expected error: its own status, code and words."""
    headers: dict[str, str] = {}
    if isinstance(error, LimitReached) and error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    fields = error.fields if isinstance(error, Invalid) else ()
    return problem(request, error.status, error.code, fields, headers=headers, args=error.args_)


def field_error(entry: dict[str, Any]) -> FieldError:
    """One entry of pydantic's list in our words; the place is dotted, without `body`."""
    place = [str(part) for part in entry.get("loc", ())]
    code = PYDANTIC_CODES.get(str(entry.get("type")), "value_invalid")
    if code == "body_not_json":
        return FieldError("body", code)
    name = ".".join(place[1:] if len(place) > 1 else place) or "body"
    context = entry.get("ctx") or {}
    # A limit is written as people do: 3600, not 3600.0.
    limits = (f"{context[key]}".removesuffix(".0") for key in LIMITS if key in context)
    args: dict[str, str | int] = {"limit": next(limits, "")}
    if code == "value_not_allowed":
        args = {"allowed": str(context.get("expected", ""))}
    return FieldError(name, code, args)


async def _app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    return of_app_error(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem(request, 422, "invalid", [field_error(entry) for entry in error.errors()])


def of_too_large(request: Request, error: BodyTooLarge) -> JSONResponse:
    """413 in words, and an end to the connection."""
    return problem(request, 413, error.code, headers={"Connection": "close"}, args={"limit_mb": error.limit_mb})


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, BodyTooLarge):
        return of_too_large(request, error)
    code = HTTP_CODES.get(error.status_code, "bad_request" if error.status_code < 500 else "surprise")
    return problem(request, error.status_code, code, headers=dict(error.headers or {}))


def surprise(request: Request, error: BaseException) -> JSONResponse:
    """A bug or an outage nobody foresaw: logged with a reference, told without detail."""
    reference = uuid.uuid4().hex[:8]
    log.error("api.surprise", reference=reference, path=request.url.path, exc_info=error)
    return problem(request, 500, "surprise", reference=reference, args={"reference": reference})


async def _surprise(request: Request, error: Exception) -> Response:
    return surprise(request, error)


def install(app: FastAPI) -> None:
    """Teach the application to answer every error in this shape."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _surprise)
