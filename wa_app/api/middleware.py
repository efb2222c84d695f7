"""What every request passes on its way in and out, Reflex's own pages and websocket included.

Plain ASGI, because a wrapper that buffers would break streams, uploads and server-sent events.
"""

import asyncio
import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wa_app.api import problems
from wa_app.api.problems import BodyTooLarge
from wa_app.config import get_settings
from wa_app.kit import metrics

log = structlog.get_logger(__name__)

CORRELATION = "x-correlation-id"
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

MEGABYTE = 1024 * 1024
JSON_CAP = 2 * MEGABYTE
WEBHOOK_CAP = 8 * MEGABYTE
UPLOAD_PATHS = ("/api/v1/files", "/api/v1/contacts/upload", "/api/v1/ocr/scan")
DRAIN_S = 5.0
"""How long the rest of a refused body is read and dropped, in seconds."""
MULTIPART_SLACK = 64 * 1024
"""Room for part headers, so that a file of exactly the cap still fits."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Reflex writes inline scripts into its pages and evaluates events the server sends (toasts, focus):
    # without 'unsafe-eval' no toast ever shows. Everything else comes from us alone.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' blob:; "
        "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
}


def correlation_id(scope: Scope) -> str:
    """The caller's id when it is harmless to log, else a new one."""
    given = Headers(scope=scope).get(CORRELATION, "")
    return given if _PLAIN_ID.fullmatch(given) else uuid.uuid4().hex[:16]


class Envelope:
    """Correlation id, security headers, metrics and the last net for surprises."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        correlation, started, status = correlation_id(scope), time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                dress(MutableHeaders(scope=message), correlation)
            await send(message)

        with structlog.contextvars.bound_contextvars(correlation_id=correlation):
            try:
                await self.app(scope, receive, send_with_headers)
            except Exception as error:  # the edge: a surprise must become an answer here or nowhere
                if status:
                    raise
                await problems.surprise(Request(scope), error)(scope, receive, send_with_headers)
            finally:
                metrics.observe_http(scope, status, time.perf_counter() - started)


def dress(headers: MutableHeaders, correlation: str) -> None:
    """Add the headers of every answer; what a route set itself stays."""
    headers.setdefault(CORRELATION, correlation)
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    if get_settings().base_url.startswith("https://"):
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


def body_cap(path: str) -> int:
    """Bytes a request to this path may carry."""
    if path in UPLOAD_PATHS:
        return get_settings().max_upload_mb * MEGABYTE + MULTIPART_SLACK
    return WEBHOOK_CAP if path.startswith("/webhooks/") else JSON_CAP


def announced(scope: Scope) -> int:
    """Bytes the caller says will come; 0 when nothing is said."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdigit() else 0


def too_large(scope: Scope) -> BodyTooLarge:
    """The refusal of more than this path takes."""
    path = scope["path"]
    return BodyTooLarge("file_too_large" if path in UPLOAD_PATHS else "body_too_large", body_cap(path) // MEGABYTE)


def refuse_announced(scope: Scope) -> None:
    """Raise BodyTooLarge at once when Content-Length is over the cap."""
    if announced(scope) > body_cap(scope["path"]):
        raise too_large(scope)


class BodyCap:
    """Refuse bodies that are too large: at once by Content-Length, else when the limit is passed.

    On the paths that take files the route refuses, after it knows who asks.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        cap, taken = body_cap(scope["path"]), 0

        async def receive_capped() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > cap:
                raise too_large(scope)
            return message

        async def send_after_rest(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 413:
                await drain(receive)
            await send(message)

        if scope["path"] not in UPLOAD_PATHS and announced(scope) > cap:
            answer = problems.of_too_large(Request(scope), too_large(scope))
            await answer(scope, receive, send_after_rest)
        else:
            await self.app(scope, receive_capped, send_after_rest)


async def drain(receive: Receive) -> None:
    """Read on for a while: a caller that is still writing when we hang up sees a reset, not the answer."""
    try:
        async with asyncio.timeout(DRAIN_S):
            while (await receive()).get("more_body"):
                pass
    except TimeoutError:
        return
