"""Where WAHA posts its events. Anybody may call it; the signature decides.

Four of them come for every message sent, so they have a door of their own: the router looks through some eighty
routes before it finds one, and together with FastAPI's and our own layers that costs several times what storing
an event costs. `Door` stands before all of it and takes exactly the calls that the route below would take.
"""

import time
from types import SimpleNamespace
from typing import Final

import structlog
from fastapi import APIRouter
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wa_app.api import problems
from wa_app.api.middleware import CORRELATION, WEBHOOK_CAP, correlation_id, dress
from wa_app.errors import AppError
from wa_app.inbound.intake import intake
from wa_app.kit import metrics

PREFIX: Final = "/webhooks/waha/"
routes = APIRouter(prefix="/webhooks", tags=["webhooks"])


@routes.post(
    "/waha/{device_token}",
    responses={401: {"description": "wrong signature"}, 404: {"description": "unknown token"}},
    summary="Receive an event of a WAHA session",
)
async def receive_waha(device_token: str, request: Request) -> Response:
    """Stored before it is answered; also events that change nothing are answered 200."""
    # The cap of 8 MiB is counted while reading, by the middleware.
    await intake().receive(device_token, await request.body(), request.headers)
    return Response(status_code=200)


class Door:
    """Answers webhooks of a stated size at once; everything else goes on to `app`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _token(scope)
        if token is None:
            await self.app(scope, receive, send)
            return
        correlation, started, status = correlation_id(scope), time.perf_counter(), 500
        scope["route"] = _ROUTE
        structlog.contextvars.bind_contextvars(correlation_id=correlation)
        try:
            status = await _take(token, scope, receive, send, correlation)
        finally:
            structlog.contextvars.unbind_contextvars("correlation_id")
            metrics.observe_http(scope, status, time.perf_counter() - started)


_ROUTE: Final = SimpleNamespace(path=f"{PREFIX}{{device_token}}")


def _token(scope: Scope) -> str | None:
    """The device's token when this call is for the door: a POST to one device that says how long its body is."""
    if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(PREFIX):
        return None
    token: str = scope["path"][len(PREFIX) :]
    size = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return token if token and "/" not in token and size.isdigit() and int(size) <= WEBHOOK_CAP else None


async def _take(token: str, scope: Scope, receive: Receive, send: Send, correlation: str) -> int:
    """Read, store, answer. Returns the status."""
    body = await _read(receive)
    if body is None:
        return 499
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    try:
        await intake().receive(token, body, headers)
    except AppError as error:
        answer: Response = problems.of_app_error(Request(scope), error)
    except Exception as error:  # the edge: a surprise must become an answer here or nowhere
        answer = problems.surprise(Request(scope), error)
    else:
        await send({"type": "http.response.start", "status": 200, "headers": _headers(correlation)})
        await send({"type": "http.response.body", "body": b""})
        return 200
    dress(MutableHeaders(raw=answer.raw_headers), correlation)
    await answer(scope, receive, send)
    return answer.status_code


async def _read(receive: Receive) -> bytes | None:
    """The whole body, None when the caller went away."""
    event: Message = await receive()
    if not event.get("more_body") and event["type"] == "http.request":
        whole: bytes = event.get("body", b"")
        return whole
    parts = []
    while event["type"] == "http.request":
        parts.append(event.get("body", b""))
        if not event.get("more_body"):
            return b"".join(parts)
        event = await receive()
    return None


_dressed: list[tuple[bytes, bytes]] = []


def _headers(correlation: str) -> list[tuple[bytes, bytes]]:
    """Headers of the answer 200: those of every answer, made once."""
    if not _dressed:
        headers = MutableHeaders({"content-length": "0"})
        dress(headers, "")
        _dressed.extend(pair for pair in headers.raw if pair[0] != CORRELATION.encode())
    return [*_dressed, (CORRELATION.encode(), correlation.encode())]
