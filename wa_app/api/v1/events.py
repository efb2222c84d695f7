"""`GET /api/v1/events`: what changes in the tenant, as server-sent events.

Events are hints ("this campaign moved"); a client reads the thing itself by its own call.
`resync` says that hints were lost: read everything again. A comment goes out every few seconds,
so that proxies keep the connection and a dead one is noticed.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import StreamingResponse

from wa_app import live
from wa_app.api import deps
from wa_app.api.deps import CurrentPrincipal
from wa_app.api.routing import router
from wa_app.errors import AppError, LimitReached
from wa_app.schemas.principal import Principal, Verb

routes = router("/events", "events")

RECHECK_S = 5.0
"""How soon a stream ends after its session was revoked, in seconds. Also the beat of the comments."""
MAX_STREAMS = 50
"""Streams of one tenant in one process."""
READ_VERBS = {
    "device": Verb.DEVICES_READ, "campaign": Verb.CAMPAIGNS_READ, "import": Verb.CONTACTS_READ,
    "contact": Verb.CONTACTS_READ, "message": Verb.MESSAGES_READ, "chat": Verb.MESSAGES_READ,
    "conversation": Verb.MESSAGES_READ, "answer": Verb.MESSAGES_READ, "typing": Verb.MESSAGES_READ, "team": Verb.MESSAGES_READ,
    "quick_reply": Verb.MESSAGES_READ, "chat_job": Verb.MESSAGES_READ,
}  # fmt: skip
_open: Counter[UUID] = Counter()


@routes.get("", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(request: Request, principal: CurrentPrincipal) -> StreamingResponse:
    """Devices, QR codes, campaigns, imports, messages and conversations (whose, notes, who is typing) of the tenant as they change."""
    if _open[principal.tenant_id] >= MAX_STREAMS:
        raise LimitReached("too_many_streams", retry_after_s=10)
    return StreamingResponse(
        _stream(request, principal), media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(request: Request, principal: Principal) -> AsyncIterator[bytes]:
    _open[principal.tenant_id] += 1
    try:
        async with live.watch(principal.tenant_id) as inbox:
            yield b"retry: 3000\n: welcome\n\n"
            async for chunk in _beats(request, principal, inbox):
                yield chunk
    finally:
        _open[principal.tenant_id] -= 1
        if not _open[principal.tenant_id]:
            del _open[principal.tenant_id]


async def _beats(request: Request, principal: Principal, inbox: live.Watch) -> AsyncIterator[bytes]:
    checked = time.monotonic()
    while True:
        batch = await inbox.wait(RECHECK_S)
        if time.monotonic() - checked >= RECHECK_S:
            if not await _is_still_signed_in(request, principal):
                yield b"event: signed_out\ndata: {}\n\n"
                return
            checked = time.monotonic()
            yield b": beat\n\n"
        for message in batch:
            if may_see(principal, message):
                yield frame(message)


async def _is_still_signed_in(request: Request, principal: Principal) -> bool:
    try:
        found, _, _ = await deps.recognise(request)
    except AppError:
        return False
    return found.tenant_id == principal.tenant_id


def may_see(principal: Principal, message: dict[str, Any]) -> bool:
    """Whether the caller's role may read what the message is about; unknown kinds stay inside."""
    kind = str(message.get("kind"))
    return kind == "resync" or (kind in READ_VERBS and principal.may(READ_VERBS[kind]))


def frame(message: dict[str, Any]) -> bytes:
    """One event on the wire."""
    data = {key: value for key, value in message.items() if key != "kind"}
    return b"event: " + str(message["kind"]).encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"
