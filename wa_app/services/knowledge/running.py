"""Indexing one document: read it, write its pages down, cut, swap its passages in. Vectors follow in `sync`.

A run holds the document's lease and writes its progress with every heartbeat. The pages it read are its
checkpoint: a run that is killed after them goes on from there, also in another process.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text

from wa_app import leases
from wa_app.ai import reading
from wa_app.ai.knowledge import chunking, store
from wa_app.ai.knowledge.chunking import Chunk
from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError, Invalid, NotFound, Unavailable
from wa_app.files import file_store
from wa_app.files.port import FileGone
from wa_app.kit import turns
from wa_app.kit.ids import new_id
from wa_app.models.files import File
from wa_app.models.knowledge import DocumentKind, DocumentStatus, KnowledgeDocument
from wa_app.schemas.principal import Principal
from wa_app.schemas.reading import DocumentText, Method, PageText, ReadStage
from wa_app.services import entitlements
from wa_app.services.knowledge import websites

log = structlog.get_logger(__name__)

BEAT_S: Final = 1.0
SLICE_S: Final = 5.0
MAX_ATTEMPTS: Final = 5
"""A document that took so many workers down with it is left alone."""
RETRIED: Final = 3

_NEXT = text(
    "SELECT id FROM knowledge_documents WHERE tenant_id = :t AND due_at <= now() AND deleted_at IS NULL "
    "AND (lease_until IS NULL OR lease_until < now()) ORDER BY kind = 'pair' DESC, size, id LIMIT 1"
)
_BEGIN = text(
    "UPDATE knowledge_documents SET attempts = attempts + 1, status = :status, done = 0, total = 0 "
    "WHERE tenant_id = :t AND id = :id AND lease_epoch = :e"
)
_BEAT = text(
    "UPDATE knowledge_documents SET status = :status, done = :done, total = :total, "
    "lease_until = now() + make_interval(secs => :lease) "
    "WHERE tenant_id = :t AND id = :id AND lease_epoch = :e AND deleted_at IS NULL RETURNING 1"
)
_PAGES = text(
    "SELECT page, heading, text, method FROM knowledge_pages WHERE tenant_id = :t AND document_id = :id ORDER BY position"
)
_DROP_PAGES = text("DELETE FROM knowledge_pages WHERE tenant_id = :t AND document_id = :id")
_ADD_PAGES = (
    "INSERT INTO knowledge_pages (id, tenant_id, document_id, position, page, heading, text, method) "
    "SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::int[], $6::text[], $7::text[], $8::text[])"
)
_READ = text(
    "UPDATE knowledge_documents SET read_at = now(), pages = :pages, ocr_pages = :ocr, name = COALESCE(:name, name) "
    "WHERE tenant_id = :t AND id = :id AND lease_epoch = :e RETURNING 1"
)
_INDEXED = text(
    "UPDATE knowledge_documents SET status = :status, chunks = :n, done = 0, total = :n, due_at = NULL, attempts = 0, "
    "error_code = NULL, error_args = '{}', indexed_at = now(), lease_owner = NULL, lease_until = NULL "
    "WHERE tenant_id = :t AND id = :id AND lease_epoch = :e RETURNING 1"
)
_FAILED = text(
    "UPDATE knowledge_documents SET status = CASE WHEN chunks > 0 THEN 'ready' ELSE 'failed' END, due_at = NULL, "
    "error_code = :code, error_args = CAST(:args AS jsonb), lease_owner = NULL, lease_until = NULL "
    "WHERE tenant_id = :t AND id = :id AND lease_epoch = :e RETURNING status"
)
_LATER = text(
    "UPDATE knowledge_documents SET status = 'queued', due_at = now() + make_interval(secs => 20 * attempts), "
    "error_code = :code, lease_owner = NULL, lease_until = NULL WHERE tenant_id = :t AND id = :id AND lease_epoch = :e"
)


class _Stopped(Exception):
    """Cancelled, deleted, changed meanwhile, or in other hands: this run ends without a trace."""


@dataclass
class _Run:
    principal: Principal
    row: KnowledgeDocument
    epoch: int
    stage: DocumentStatus = DocumentStatus.READING
    done: int = 0
    total: int = 0
    told: tuple[Any, ...] = field(default=())

    @property
    def keys(self) -> dict[str, Any]:
        return {"t": self.principal.tenant_id, "id": self.row.id, "e": self.epoch}

    def tell(self, stage: ReadStage, done: int, total: int) -> None:
        """What the reader says of its progress; written down with the next beat."""
        self.stage, self.done, self.total = DocumentStatus(stage.value), done, total


async def run_due(principal: Principal) -> bool:
    """Index what is due of a tenant, one document after the other. True when it gave way before all was done."""
    started = monotonic()
    while (document_id := await _next(principal)) is not None:
        await index(principal, document_id)
        if monotonic() - started > SLICE_S and turns.others_wait():
            return True
    return False


async def _next(principal: Principal) -> UUID | None:
    async with unit_of_work(principal) as uow:
        found: UUID | None = (await uow.session.execute(_NEXT, {"t": principal.tenant_id})).scalar_one_or_none()
    return found


async def index(principal: Principal, document_id: UUID) -> None:
    """Index a document, or go on where a run ended. Does nothing when it is done or in other hands."""
    run = await _begin(principal, document_id)
    if run is None:
        return
    try:
        async with _beating(run):
            await _work(run)
    except* _Stopped:
        log.info("knowledge.stopped", document=str(document_id))
    except* Unavailable as group:
        await _later(run, _first(group))
    except* AppError as group:
        await _fail(run, _first(group))


async def _begin(principal: Principal, document_id: UUID) -> _Run | None:
    async with unit_of_work(principal) as uow:
        epoch = await leases.take(uow, KnowledgeDocument, principal.tenant_id, document_id, leases.new_owner())
        if epoch is None:
            return None
        row = await uow.session.get(KnowledgeDocument, document_id, populate_existing=True)
        if row is None or row.deleted_at is not None or row.due_at is None:
            await leases.release(uow, KnowledgeDocument, principal.tenant_id, document_id, epoch)
            return None
        run = _Run(principal, row, epoch)
        run.stage = DocumentStatus.CHUNKING if row.read_at else DocumentStatus.READING
        if row.attempts < MAX_ATTEMPTS:
            await uow.session.execute(_BEGIN, run.keys | {"status": run.stage.value})
            uow.publish("knowledge", id=document_id, status=run.stage)
            return run
    await _fail(run, Invalid(code="knowledge_gave_up"))
    return None


@asynccontextmanager
async def _beating(run: _Run) -> AsyncIterator[None]:
    """Keep the lease and write progress while the block runs; the block ends when the lease is lost."""
    over = asyncio.Event()

    async def beat() -> None:
        renewed = monotonic()
        while True:
            try:
                await asyncio.wait_for(over.wait(), BEAT_S)
                return
            except TimeoutError:
                pass
            now = (run.stage, run.done, run.total)
            if now != run.told or monotonic() - renewed >= leases.heartbeat_s():
                await _beat(run)
                renewed = monotonic()

    async with asyncio.TaskGroup() as group:
        group.create_task(beat())
        try:
            yield
        finally:
            over.set()


async def _beat(run: _Run) -> None:
    run.told = (run.stage, run.done, run.total)
    values = {"status": run.stage.value, "done": run.done, "total": run.total, "lease": get_settings().lease_s}
    async with unit_of_work(run.principal) as uow:
        _still_ours((await uow.session.execute(_BEAT, run.keys | values)).scalar_one_or_none())
        uow.publish("knowledge", id=run.row.id, status=run.stage, done=run.done, total=run.total)


def _still_ours(found: object) -> None:
    if found is None:
        raise _Stopped


async def _work(run: _Run) -> None:
    row = run.row
    if row.kind == DocumentKind.PAIR:
        chunks: Sequence[Chunk] = [Chunk(0, row.name, row.answer or "", 0)]
    else:
        pages = await _kept_pages(run) if row.read_at else await _read(run)
        run.stage, run.done, run.total = DocumentStatus.CHUNKING, 0, len(pages)
        await _beat(run)
        chunks = await asyncio.to_thread(chunking.cut, pages)
        if not chunks:
            raise Invalid(code="file_no_text")
    new = await store.prepare(chunks)
    async with unit_of_work(run.principal) as uow:
        n = await store.swap(uow, row.id, new)
        # Last, so that a run that was stopped meanwhile takes its passages back with this transaction.
        values = run.keys | {"status": DocumentStatus.EMBEDDING.value, "n": n}
        _still_ours((await uow.session.execute(_INDEXED, values)).scalar_one_or_none())
        uow.enqueue("knowledge.sync", tenant_id=run.principal.tenant_id)
        uow.publish("knowledge", id=row.id, status=DocumentStatus.EMBEDDING, done=0, total=n)


async def _kept_pages(run: _Run) -> list[PageText]:
    async with unit_of_work(run.principal) as uow:
        rows = (await uow.session.execute(_PAGES, {"t": run.principal.tenant_id, "id": run.row.id})).all()
    return [PageText(row.page, row.text, Method(row.method), heading=row.heading) for row in rows]


async def _read(run: _Run) -> list[PageText]:
    """The pages of a document, written down before anything is made of them."""
    title, document = await _fetched(run) if run.row.kind == DocumentKind.PAGE else (None, await _opened(run))
    pages = [one for one in document.pages if one.text.strip()]
    # Sections of a text without pages all have the number 0.
    n = len({one.page for one in document.pages})
    seen = len({one.page for one in pages if one.method == Method.OCR})
    async with unit_of_work(run.principal) as uow:
        await _book_pages(uow, run, n)
        values = {"pages": n, "ocr": seen, "name": title}
        _still_ours((await uow.session.execute(_READ, run.keys | values)).scalar_one_or_none())
        await _write_pages(uow, run.row.id, pages)
    return pages


async def _book_pages(uow: TenantUnitOfWork, run: _Run, pages: int) -> None:
    """A package may limit pages; a re-index pays only for what came in addition."""
    if pages > run.row.pages:
        await entitlements.require(uow, "knowledge_pages", pages - run.row.pages)


async def _write_pages(uow: TenantUnitOfWork, document_id: UUID, pages: Sequence[PageText]) -> None:
    await uow.session.execute(_DROP_PAGES, {"t": uow.tenant_id, "id": document_id})
    n = len(pages)
    driver = await uow.driver()
    await driver.execute(
        _ADD_PAGES, [new_id() for _ in range(n)], [uow.tenant_id] * n, [document_id] * n, list(range(n)),
        [one.page for one in pages], [one.heading.replace("\x00", "") for one in pages],
        [one.text.replace("\x00", " ") for one in pages], [one.method.value for one in pages],
    )  # fmt: skip


async def _opened(run: _Run) -> DocumentText:
    async with unit_of_work(run.principal) as uow:
        file = await uow.session.get(File, run.row.file_id)
    if file is None or file.deleted_at is not None:
        raise NotFound("knowledge_file_gone")
    try:
        async with file_store().local(file.storage_key) as path:
            return await reading.read(path, file.name, file.mime, tell=run.tell)
    except FileGone:
        raise NotFound("knowledge_file_gone") from None


async def _fetched(run: _Run) -> tuple[str | None, DocumentText]:
    found = await websites.fetch(run.row.url or "")
    return found.title[:300] or None, found.document


def _first(group: BaseExceptionGroup[Any]) -> AppError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, AppError)
    return error


async def _later(run: _Run, error: AppError) -> None:
    """A service was away: once more a little later, and after `RETRIED` times for a person to decide."""
    if run.row.attempts + 1 >= RETRIED:
        await _fail(run, error)
        return
    async with unit_of_work(run.principal) as uow:
        await uow.session.execute(_LATER, run.keys | {"code": error.code})
        uow.publish("knowledge", id=run.row.id, status=DocumentStatus.QUEUED)


async def _fail(run: _Run, error: AppError) -> None:
    field_ = error.fields[0] if isinstance(error, Invalid) and error.fields else None
    code, args = (field_.code, field_.args) if field_ else (error.code, error.args_)
    log.info("knowledge.failed", document=str(run.row.id), code=code)
    async with unit_of_work(run.principal) as uow:
        values = run.keys | {"code": code, "args": orjson.dumps(dict(args)).decode()}
        status = (await uow.session.execute(_FAILED, values)).scalar_one_or_none()
        if status is not None:
            uow.publish("knowledge", id=run.row.id, status=status, error=code)
