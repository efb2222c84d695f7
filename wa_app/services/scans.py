"""Reading a file for whoever asks and waits: kept as a row, read by the worker that holds the models.

A web process never loads a model: it stores the file, waits a while for the row, and gives its id away when
reading takes longer. The bytes go as soon as they are read, the row after an hour.
"""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from wa_app import leases
from wa_app.ai import reading
from wa_app.db import SystemUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.errors import AppError, Conflict, FieldError, Invalid, NotFound, Unavailable
from wa_app.files import file_store
from wa_app.files.port import FileGone, StorageFull
from wa_app.kit.clock import utc_now
from wa_app.kit.filetypes import safe_name
from wa_app.kit.ids import new_id
from wa_app.models.scans import OcrScan, ScanStatus
from wa_app.schemas.principal import Principal, Verb
from wa_app.schemas.reading import DocumentText
from wa_app.schemas.scans import ScanLine, ScanPage, ScanView
from wa_app.services import entitlements
from wa_app.services.files import StorageIsFull, TooLarge

log = structlog.get_logger(__name__)

MAX_MB: Final = 25
WAIT_S: Final = 20.0
"""How long a caller is kept waiting before it gets an id instead."""
READ_S: Final = 300.0
MAX_TRIES: Final = 2
RESEND_S: Final = 30
_LOOK_S: Final = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5)

_PUT = text("UPDATE ocr_scans SET size = :size, due_at = now() + make_interval(secs => :resend) WHERE tenant_id = :t AND id = :id")
_DROP = text("DELETE FROM ocr_scans WHERE tenant_id = :t AND id = :id")
_BEGIN = text(
    "UPDATE ocr_scans SET status = 'running', attempts = attempts + 1 WHERE tenant_id = :t AND id = :id "
    "AND lease_epoch = :e AND status IN ('queued', 'running') RETURNING storage_key, name, attempts"
)
_SETTLE = text(
    "UPDATE ocr_scans SET status = :status, result = CAST(:result AS jsonb), error_code = :code, "
    "error_args = CAST(:args AS jsonb), lease_owner = NULL, lease_until = NULL "
    "WHERE tenant_id = :t AND id = :id AND lease_epoch = :e"
)
_DUE = text(
    "UPDATE ocr_scans SET due_at = now() + make_interval(secs => :resend) WHERE id IN ("
    "SELECT id FROM ocr_scans WHERE status IN ('queued', 'running') AND due_at <= now() "
    "AND (lease_until IS NULL OR lease_until < now()) ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED) "
    "RETURNING tenant_id, id"
)
_OLD = text("SELECT tenant_id, id, storage_key FROM ocr_scans WHERE expires_at < now() LIMIT 500")
_FORGET = text("DELETE FROM ocr_scans WHERE tenant_id = :t AND id = :id AND expires_at < now()")


async def request(principal: Principal, name: str, chunks: AsyncIterator[bytes]) -> UUID:
    """Take a file in to be read. Opens its own units of work, so none is held while bytes come in.

    Raises Forbidden, TooLarge, StorageIsFull, `Invalid("file_empty")`, `LimitReached("ocr_scans_limit_reached")`.
    """
    scan_id = new_id()
    scan = OcrScan(
        id=scan_id, tenant_id=principal.tenant_id, name=safe_name(name), storage_key=f"{principal.tenant_id}/scan-{scan_id}",
        due_at=None, created_by=principal.user_id,
    )  # fmt: skip
    async with unit_of_work(principal) as uow:
        uow.require(Verb.OCR_SCAN)
        await entitlements.require(uow, "ocr_scans", period=utc_now().strftime("%Y-%m"))
        uow.session.add(scan)
    is_kept = False
    try:
        stored = await file_store().put(scan.storage_key, _limited(chunks))
        if not stored.size:
            raise Invalid(FieldError("file", "file_empty"))
        async with unit_of_work(principal) as uow:
            values = {"size": stored.size, "resend": RESEND_S, "t": principal.tenant_id, "id": scan_id}
            await uow.session.execute(_PUT, values)
            uow.enqueue("scan.run", tenant_id=principal.tenant_id, scan_id=scan_id)
        is_kept = True
    except StorageFull:
        raise StorageIsFull from None
    finally:
        if not is_kept:
            await _drop(principal, scan)
    return scan_id


async def _limited(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    taken = 0
    async for chunk in chunks:
        taken += len(chunk)
        if taken > MAX_MB * 2**20:
            raise TooLarge(MAX_MB)
        yield chunk


async def _drop(principal: Principal, scan: OcrScan) -> None:
    await file_store().delete(scan.storage_key)
    async with unit_of_work(principal) as uow:
        await uow.session.execute(_DROP, {"t": principal.tenant_id, "id": scan.id})


async def get(principal: Principal, scan_id: UUID) -> ScanView:
    """How far a scan is, or what was read. Raises NotFound, Forbidden, and what reading raised."""
    async with unit_of_work(principal) as uow:
        uow.require(Verb.OCR_SCAN)
        scan = await uow.session.get(OcrScan, scan_id)
    if scan is None:
        raise NotFound
    if scan.status is ScanStatus.FAILED:
        raise _failure(scan.error_code or "file_broken", scan.error_args)
    return ScanView(id=scan.id, status=scan.status.value, **(scan.result or {}))


def _failure(code: str, args: dict[str, Any]) -> AppError:
    if code == "ocr_unavailable":
        return Unavailable("ocr_unavailable")
    return Invalid(FieldError("file", code, args), code=code, **args)


async def wait(principal: Principal, scan_id: UUID, wait_s: float = WAIT_S) -> ScanView:
    """The same, after it is read or the time is over."""
    ends_at, tries = monotonic() + wait_s, 0
    while True:
        view = await get(principal, scan_id)
        if view.status == "done" or monotonic() >= ends_at:
            return view
        await asyncio.sleep(_LOOK_S[min(tries, len(_LOOK_S) - 1)])
        tries += 1


async def run(tenant_id: UUID, scan_id: UUID) -> None:
    """Read the file of a scan, in a worker. Twice does no harm: the row's lease lets one in."""
    principal = Principal.system(tenant_id)
    async with unit_of_work(principal) as uow:
        epoch = await leases.take(uow, OcrScan, tenant_id, scan_id, leases.new_owner())
        begun = await uow.session.execute(_BEGIN, {"t": tenant_id, "id": scan_id, "e": epoch if epoch is not None else -1})
        scan = begun.one_or_none()
    if epoch is None or scan is None:
        return
    async with leases.beating(principal, OcrScan, scan_id, epoch):
        outcome = await _read(scan)
    async with unit_of_work(principal) as uow:
        await uow.session.execute(_SETTLE, {**outcome, "t": tenant_id, "id": scan_id, "e": epoch})
        uow.publish("scan", id=scan_id, status=outcome["status"])
    await file_store().delete(scan.storage_key)


async def _read(scan: Any) -> dict[str, Any]:
    try:
        if scan.attempts > MAX_TRIES:
            # Workers died of it, or were killed twice: asking again is the caller's decision.
            raise Conflict("file_too_complex")
        async with file_store().local(scan.storage_key) as path:
            document = await reading.read(path, scan.name, "", max_s=READ_S)
    except FileGone:
        return _ended("file_broken", {})
    except AppError as error:
        if error.code != "file_no_text":
            return _ended(error.code, dict(error.args_))
        document = DocumentText((), 0.0)
    return {"status": ScanStatus.DONE, "result": _result(document), "code": None, "args": "{}"}


def _ended(code: str, args: dict[str, Any]) -> dict[str, Any]:
    return {"status": ScanStatus.FAILED, "result": None, "code": code, "args": orjson.dumps(args).decode()}


def _result(document: DocumentText) -> str:
    pages = [
        ScanPage(
            page=page.page, text=page.text, method=page.method.value, heading=page.heading,
            lines=[
                ScanLine(text=one.text, confidence=one.confidence, box=[list(corner) for corner in one.box])
                for one in page.lines
            ],
        )
        for page in document.pages
    ]  # fmt: skip
    text_ = "\n\n".join(page.text for page in document.pages if page.text)
    found = {"text": text_, "pages": [page.model_dump() for page in pages], "seconds": document.seconds}
    return orjson.dumps(found).decode().replace("\\u0000", "")


async def wake(uow: SystemUnitOfWork) -> int:
    """Send scans that nobody reads to the workers again; returns how many (for the sweep)."""
    found = (await uow.session.execute(_DUE, {"resend": RESEND_S})).all()
    for row in found:
        uow.enqueue("scan.run", tenant_id=row.tenant_id, scan_id=row.id)
    return len(found)


async def tidy() -> None:
    """Forget scans that are over their time, their bytes first."""
    async with system_unit_of_work() as uow:
        old = (await uow.session.execute(_OLD)).all()
    for row in old:
        try:
            await file_store().delete(row.storage_key)
            async with system_unit_of_work() as uow:
                await uow.session.execute(_FORGET, {"t": row.tenant_id, "id": row.id})
        except (OSError, SQLAlchemyError) as error:
            log.warning("scans.not_forgotten", scan_id=str(row.id), error=type(error).__name__)
