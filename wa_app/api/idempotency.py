"""`Idempotency-Key` on any POST: a repeated request gets the first answer and does nothing again.

The key is reserved in a transaction of its own, so a second request with the same key is
told 409 `request_in_progress` at once. The answer is stored in the transaction that does the
work when the route has one (`deps.Uow`): work and answer are kept together or not at all.
A reservation whose process died is free again after `TAKE_OVER_S`. Requests that fail change
nothing, so their keys are freed and may be used again.
"""

import base64
import hashlib
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, BinaryIO
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql import delete, func, select, update
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import Conflict, FieldError, Invalid
from wa_app.kit.ids import new_id
from wa_app.kit.secrets import decrypt, encrypt
from wa_app.models.identity import IdempotencyKey
from wa_app.schemas.principal import Principal

HEADER = "idempotency-key"
KEPT_HEADERS = ("content-type", "location", "content-language")
MAX_KEY = 255
MAX_ANSWER = 1_000_000
"""Larger answers are not kept; their key is freed."""
TAKE_OVER_S = 90
CHUNK = 256 * 1024

_TABLE = IdempotencyKey.__table__  # type: ignore[attr-defined]
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Reservation:
    """A key that this request holds until its answer is stored."""

    id: UUID
    principal: Principal


async def once(request: Request, handler: Handler, principal: Principal) -> Response:
    """Run the handler, or give the answer of the first request with this key."""
    key = request.headers[HEADER]
    if not key.isascii() or not key.isprintable() or not 0 < len(key) <= MAX_KEY:
        raise Invalid(FieldError("Idempotency-Key", "idempotency_key_invalid", {"limit": MAX_KEY}))
    try:
        return await _once(request, handler, principal, key)
    finally:
        await request.close()
        if spooled := getattr(request.state, "body_file", None):
            spooled.close()


async def _once(request: Request, handler: Handler, principal: Principal, key: str) -> Response:
    wanted = await _fingerprint(request)
    reservation, earlier = await _reserve(principal, key, wanted)
    if reservation is None:
        return _replay(earlier, wanted)
    stored = False
    try:
        response = await handler(request)
        if response.status_code < 400:
            stored = await _store(request, reservation, response)
        return response
    finally:
        if not stored:
            await _free(reservation)


async def _reserve(principal: Principal, key: str, wanted: bytes) -> tuple[Reservation | None, Row[Any] | None]:
    table, row_id = _TABLE, new_id()
    stale = (table.c.expires_at < func.now()) | (
        table.c.status.is_(None) & (table.c.created_at < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, TAKE_OVER_S))
    )
    fresh = {
        "id": row_id, "request_hash": wanted, "status": None, "response": {}, "created_at": func.now(),
        "expires_at": func.now() + text("interval '24 hours'"),
    }  # fmt: skip
    claim = (
        insert(table)
        .values(tenant_id=principal.tenant_id, key=key, **fresh)
        .on_conflict_do_update(index_elements=["tenant_id", "key"], set_=fresh, where=stale)
        .returning(table.c.id)
    )
    async with unit_of_work(principal) as uow:
        if (await uow.session.execute(claim)).first():
            return Reservation(row_id, principal), None
        found = select(table.c.request_hash, table.c.status, table.c.response).where(table.c.key == key)
        return None, (await uow.session.execute(found)).first()


def _replay(earlier: Row[Any] | None, wanted: bytes) -> Response:
    if earlier is not None and earlier.request_hash != wanted:
        raise Conflict("idempotency_key_reused")
    if earlier is None or earlier.status is None:
        raise Conflict("request_in_progress")
    kept = orjson.loads(decrypt(earlier.response["sealed"]))
    headers = {**kept["headers"], "Idempotency-Replayed": "true"}
    return Response(base64.b64decode(kept["body"]), earlier.status, headers)


async def _store(request: Request, reservation: Reservation, response: Response) -> bool:
    body = getattr(response, "body", None)
    if body is None or len(body) > MAX_ANSWER:
        return False
    uow: TenantUnitOfWork | None = getattr(request.state, "uow", None)
    if uow is not None:
        await _write(uow, reservation, response)
        return True
    async with unit_of_work(reservation.principal) as own:
        await _write(own, reservation, response)
    return True


async def _write(uow: TenantUnitOfWork, reservation: Reservation, response: Response) -> None:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    kept = {"headers": headers, "body": base64.b64encode(bytes(response.body)).decode()}
    # Sealed, because an answer may hold a token or a customer's data.
    done = await uow.session.execute(
        update(_TABLE)
        .where(_TABLE.c.id == reservation.id)
        .values(status=response.status_code, response={"sealed": encrypt(orjson.dumps(kept).decode())})
        .returning(_TABLE.c.id)
    )
    if done.first() is None:
        # Another request took the key over while this one was slow: undo this one's work.
        raise Conflict("request_in_progress")


async def _free(reservation: Reservation) -> None:
    async with unit_of_work(reservation.principal) as uow:
        await uow.session.execute(
            delete(_TABLE).where(_TABLE.c.id == reservation.id, _TABLE.c.status.is_(None))
        )


async def _fingerprint(request: Request) -> bytes:
    """SHA-256 of what is asked: method, path, query, body. Multipart by its parts, as its boundary is drawn anew."""
    seen = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        await _hash_form(seen, await request.form())
    elif getattr(request.state, "streams_body", False) and kind != "application/json":
        request.state.body_file = await _spool(request, seen)
    else:
        seen.update(_canonical(await request.body()))
    return seen.digest()


async def _hash_form(seen: Any, form: FormData) -> None:
    for name, value in form.multi_items():
        seen.update(orjson.dumps([name, value.filename if isinstance(value, UploadFile) else value]))
        if isinstance(value, UploadFile):
            while chunk := await value.read(CHUNK):
                seen.update(chunk)
            await value.seek(0)


async def _spool(request: Request, seen: Any) -> BinaryIO:
    spooled = tempfile.SpooledTemporaryFile(max_size=CHUNK)  # noqa: SIM115  (the route reads and closes it)
    async for chunk in request.stream():
        seen.update(chunk)
        spooled.write(chunk)
    spooled.seek(0)
    return spooled  # type: ignore[return-value]


def _canonical(body: bytes) -> bytes:
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError:
        return body
