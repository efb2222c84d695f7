"""What a person or program does with documents: add, look, re-index, cancel, delete, bring back."""

from collections.abc import AsyncIterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from wa_app.ai.knowledge import store
from wa_app.ai.reading import READABLE
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.kit.clock import utc_now
from wa_app.kit.folding import fold
from wa_app.models.files import File
from wa_app.models.knowledge import OPEN, DocumentKind, DocumentStatus, KnowledgeDocument
from wa_app.schemas.knowledge import DocumentView, PairInput, Progress
from wa_app.schemas.principal import Principal, Verb
from wa_app.services import audit, entitlements, files

PAGE, MAX_PAGE = 50, 200
LIMIT_KEYS: Final = {DocumentKind.PAIR: "knowledge_pairs"}
"""What a document counts as in a package; all but pairs are `knowledge_documents`."""
MAX_DELETED_AT_ONCE: Final = 200


async def list_(
    uow: TenantUnitOfWork, *, q: str = "", kinds: Sequence[DocumentKind] = (), statuses: Sequence[DocumentStatus] = (),
    after: UUID | None = None, limit: int = PAGE,
) -> tuple[list[DocumentView], UUID | None, int]:
    """A page of documents, newest first: items, the id the next page begins after, how many match."""
    uow.require(Verb.KNOWLEDGE_READ)
    where, size = _filters(q, kinds, statuses), min(limit, MAX_PAGE)
    query = select(KnowledgeDocument).where(*where).order_by(col(KnowledgeDocument.id).desc()).limit(size + 1)
    if after is not None:
        query = query.where(col(KnowledgeDocument.id) < after)
    rows = (await uow.session.execute(query)).scalars().all()
    counted = select(func.count()).select_from(KnowledgeDocument).where(*where)
    total = (await uow.session.execute(counted)).scalar_one()
    return [view(row) for row in rows[:size]], rows[size - 1].id if len(rows) > size else None, total


def _filters(
    q: str, kinds: Sequence[DocumentKind], statuses: Sequence[DocumentStatus]
) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [col(KnowledgeDocument.deleted_at).is_(None)]
    where += [col(KnowledgeDocument.search_text).contains(word, autoescape=True) for word in fold(q).split()[:8]]
    if kinds:
        where.append(col(KnowledgeDocument.kind).in_(kinds))
    if statuses:
        where.append(col(KnowledgeDocument.status).in_(statuses))
    return where


async def get(uow: TenantUnitOfWork, document_id: UUID) -> DocumentView:
    """One document. Raises NotFound."""
    uow.require(Verb.KNOWLEDGE_READ)
    return view(await find(uow, document_id))


async def find(uow: TenantUnitOfWork, document_id: UUID, *, lock: bool = False) -> KnowledgeDocument:
    """The row, unless it is deleted or somebody else's. Raises NotFound."""
    query = select(KnowledgeDocument).where(
        col(KnowledgeDocument.id) == document_id, col(KnowledgeDocument.deleted_at).is_(None)
    )
    found = (await uow.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


async def must_exist(uow: TenantUnitOfWork, document_ids: Sequence[UUID]) -> None:
    """Raise NotFound unless all of these are the tenant's and not deleted."""
    wanted = set(document_ids)
    query = select(func.count()).select_from(KnowledgeDocument).where(
        col(KnowledgeDocument.id).in_(wanted), col(KnowledgeDocument.deleted_at).is_(None)
    )  # fmt: skip
    if wanted and (await uow.session.execute(query)).scalar_one() != len(wanted):
        raise NotFound


async def upload(principal: Principal, name: str, chunks: AsyncIterable[bytes]) -> DocumentView:
    """Take a file in and queue it. Opens its own units of work: none is held while bytes come in."""
    async with unit_of_work(principal) as uow:
        uow.require(Verb.KNOWLEDGE_WRITE)
    stored = await files.store(principal, name, chunks)
    try:
        async with unit_of_work(principal) as uow:
            return await add_file(uow, stored.id)
    except (Invalid, Conflict):
        # Nothing points at it, and nobody is to be charged for it.
        async with unit_of_work(principal) as uow:
            await uow.session.execute(text("UPDATE files SET deleted_at = now() WHERE id = :id"), {"id": stored.id})
        raise


async def add_file(uow: TenantUnitOfWork, file_id: UUID) -> DocumentView:
    """Queue a file that is there. Raises Invalid for kinds that are not read, Conflict for a second copy."""
    uow.require(Verb.KNOWLEDGE_WRITE)
    file = await files.get(uow, file_id)
    if file.mime not in READABLE:
        raise Invalid(FieldError("file", "file_unsupported", {"mime": file.mime}), code="file_unsupported", mime=file.mime)
    same = (
        select(col(KnowledgeDocument.name)).join(File, col(File.id) == col(KnowledgeDocument.file_id))
        .where(col(File.sha256) == file.sha256, col(KnowledgeDocument.deleted_at).is_(None)).limit(1)
    )  # fmt: skip
    if (known := (await uow.session.execute(same)).scalar_one_or_none()) is not None:
        raise Conflict("knowledge_same_file", name=known)
    row = _new(uow, DocumentKind.FILE, file.name, file_id=file.id, mime=file.mime, size=file.size)
    return await _queued(uow, row)


async def add_url(uow: TenantUnitOfWork, url: str) -> DocumentView:
    """Queue a page of a website. Whether it may be fetched is decided when it is fetched."""
    uow.require(Verb.KNOWLEDGE_WRITE)
    if not url.lower().startswith(("http://", "https://")):
        url = f"https://{url}"
    row = _new(uow, DocumentKind.PAGE, url, url=url, mime="text/html")
    try:
        async with uow.session.begin_nested():
            uow.session.add(row)
            await uow.session.flush()
    except IntegrityError:
        raise Conflict("knowledge_same_url") from None
    return await _queued(uow, row)


async def add_pairs(uow: TenantUnitOfWork, pairs: Sequence[PairInput]) -> list[DocumentView]:
    """Questions with their answers. A question that is there already gets the new answer."""
    uow.require(Verb.KNOWLEDGE_WRITE)
    wanted = {fold(pair.question): pair for pair in pairs if pair.question and pair.answer}
    if not wanted:
        raise Invalid(FieldError("pairs", "value_missing"))
    query = select(KnowledgeDocument).where(
        col(KnowledgeDocument.kind) == DocumentKind.PAIR, col(KnowledgeDocument.deleted_at).is_(None),
        func.lower(col(KnowledgeDocument.name)).in_([pair.question.lower() for pair in wanted.values()]),
    ).with_for_update()  # fmt: skip
    known = {fold(row.name): row for row in (await uow.session.execute(query)).scalars()}
    rows = []
    for folded, pair in wanted.items():
        row = known.get(folded) or _new(uow, DocumentKind.PAIR, pair.question)
        _fill_pair(row, pair)
        rows.append(row)
    await _book(uow, DocumentKind.PAIR, len(wanted) - len(known))
    uow.session.add_all(rows)
    await uow.session.flush()
    _announce(uow, rows)
    return [view(row) for row in rows]


async def update_pair(uow: TenantUnitOfWork, document_id: UUID, pair: PairInput) -> DocumentView:
    """Change a pair. Raises NotFound, also for a document that is none."""
    uow.require(Verb.KNOWLEDGE_WRITE)
    row = await find(uow, document_id, lock=True)
    if row.kind != DocumentKind.PAIR:
        raise NotFound
    if not pair.question or not pair.answer:
        raise Invalid(FieldError("question" if not pair.question else "answer", "value_missing"))
    _fill_pair(row, pair)
    await uow.session.flush()
    _announce(uow, [row])
    return view(row)


def _fill_pair(row: KnowledgeDocument, pair: PairInput) -> None:
    row.name, row.answer = pair.question, pair.answer
    row.search_text, row.updated_at = fold(f"{pair.question} {pair.answer}"), utc_now()
    _requeue(row)


def _requeue(row: KnowledgeDocument) -> None:
    row.status, row.attempts = DocumentStatus.QUEUED, 0
    row.due_at = func.now()  # type: ignore[assignment]
    row.error_code, row.error_args, row.cancel_asked = None, {}, False
    row.done = row.total = 0
    # What runs now works on what was there before: it is to stop at its next statement.
    row.lease_epoch += 1
    row.lease_owner, row.lease_until = None, None


def _new(uow: TenantUnitOfWork, kind: DocumentKind, name: str, **values: Any) -> KnowledgeDocument:
    return KnowledgeDocument(
        tenant_id=uow.tenant_id, kind=kind, name=name, search_text=fold(name), created_by=uow.principal.user_id,
        due_at=func.now(), updated_at=utc_now(), **values,  # type: ignore[arg-type]
    )


async def _queued(uow: TenantUnitOfWork, row: KnowledgeDocument) -> DocumentView:
    await _book(uow, row.kind, 1)
    uow.session.add(row)
    await uow.session.flush()
    audit.record(uow, "knowledge.add", "knowledge_document", row.id, name=row.name[:200])
    _announce(uow, [row])
    return view(row)


def _announce(uow: TenantUnitOfWork, rows: Sequence[KnowledgeDocument]) -> None:
    uow.enqueue("knowledge.index", tenant_id=uow.tenant_id)
    for row in rows[:20]:
        uow.publish("knowledge", id=row.id, status=row.status)


async def reindex(uow: TenantUnitOfWork, document_id: UUID) -> DocumentView:
    """Read and index it again; the old index answers until the new one is there. Conflict while that is going on."""
    uow.require(Verb.KNOWLEDGE_WRITE)
    row = await find(uow, document_id, lock=True)
    if row.status in OPEN and row.status != DocumentStatus.EMBEDDING:
        raise Conflict("knowledge_already_running")
    _requeue(row)
    row.read_at = None
    await uow.session.flush()
    _announce(uow, [row])
    return view(row)


async def cancel(uow: TenantUnitOfWork, document_id: UUID) -> DocumentView:
    """Stop indexing. A document that had an index keeps it. Raises Conflict when nothing runs."""
    uow.require(Verb.KNOWLEDGE_WRITE)
    row = await find(uow, document_id, lock=True)
    if row.status not in OPEN or row.status == DocumentStatus.EMBEDDING:
        raise Conflict("knowledge_not_running")
    _requeue(row)
    row.status = DocumentStatus.READY if row.chunks else DocumentStatus.FAILED
    row.error_code, row.due_at = "knowledge_cancelled", None
    await uow.session.flush()
    uow.publish("knowledge", id=row.id, status=row.status)
    return view(row)


async def remove(uow: TenantUnitOfWork, document_ids: Sequence[UUID]) -> int:
    """Take documents away: no search finds them from the commit on, their vectors leave within seconds.

    What was read of them stays for an hour, so that `restore` can bring them back.
    """
    uow.require(Verb.KNOWLEDGE_WRITE)
    for document_id in sorted(set(document_ids))[:MAX_DELETED_AT_ONCE]:
        row = await find(uow, document_id, lock=True)
        row.deleted_at, row.due_at = utc_now(), None
        row.lease_epoch += 1
        row.lease_owner, row.lease_until = None, None
        await uow.session.flush()
        await store.take_out(uow, row.id)
        await give_back(uow, row)
        audit.record(uow, "knowledge.delete", "knowledge_document", row.id, name=row.name[:200])
        uow.publish("knowledge", id=row.id, status="deleted")
    uow.enqueue("knowledge.sync", tenant_id=uow.tenant_id)
    return len(document_ids)


async def restore(uow: TenantUnitOfWork, document_ids: Sequence[UUID]) -> int:
    """Undo `remove`: what was read is indexed again, without reading it anew."""
    uow.require(Verb.KNOWLEDGE_WRITE)
    query = select(KnowledgeDocument).where(
        col(KnowledgeDocument.id).in_(document_ids), col(KnowledgeDocument.deleted_at).is_not(None)
    ).with_for_update()  # fmt: skip
    rows = (await uow.session.execute(query)).scalars().all()
    if not rows:
        raise NotFound
    for row in rows:
        row.deleted_at, row.chunks = None, 0
        _requeue(row)
        await _book(uow, row.kind, 1)
    try:
        await uow.session.flush()
    except IntegrityError:
        raise Conflict("knowledge_same_url") from None
    _announce(uow, rows)
    return len(rows)


async def _book(uow: TenantUnitOfWork, kind: DocumentKind, n: int) -> None:
    if n > 0:
        await entitlements.require(uow, LIMIT_KEYS.get(kind, "knowledge_documents"), n)


_FREE = text(
    "UPDATE usage_counters SET used = greatest(0, used - :n) "
    "WHERE tenant_id = :t AND key = :key AND period = 'total'"
)


async def give_back(uow: TenantUnitOfWork, row: KnowledgeDocument) -> None:
    """Return what a document used of the package."""
    key = LIMIT_KEYS.get(row.kind, "knowledge_documents")
    for name, n in ((key, 1), ("knowledge_pages", row.pages)):
        if n:
            await uow.session.execute(_FREE, {"t": uow.tenant_id, "key": name, "n": n})
    row.pages = 0


def view(row: KnowledgeDocument) -> DocumentView:
    """A row as it is shown."""
    plain = row.model_dump(include=set(DocumentView.model_fields) - {"progress", "error"})
    return DocumentView(**plain, progress=Progress(done=row.done, total=row.total), error=row.error_code)
