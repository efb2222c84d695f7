"""Looking into documents: what was read, how it was cut, what a question finds, whether there is enough to answer."""

from typing import Final
from uuid import UUID

from sqlalchemy import text

from wa_app.ai import knowledge
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.schemas.knowledge import (
    ChunkView,
    OverviewView,
    PageView,
    PassageView,
    PreviewView,
    SearchRequest,
    SearchView,
)
from wa_app.schemas.principal import Principal, Verb
from wa_app.services.knowledge import documents

PAGES: Final = 10
"""Pages shown at a time."""
_PAGES = text(
    "SELECT position, page, heading, text, method FROM knowledge_pages WHERE tenant_id = :t AND document_id = :d "
    "AND position >= :first ORDER BY position LIMIT :n"
)
_CHUNKS = text(
    "SELECT id, page, heading, text, start FROM knowledge_chunks WHERE tenant_id = :t AND document_id = :d "
    "AND gone_at IS NULL AND page BETWEEN :low AND :high ORDER BY number LIMIT 1000"
)
_OVERVIEW = text(
    "SELECT count(*) FILTER (WHERE status = 'ready' AND kind <> 'pair') AS ready, "
    "count(*) FILTER (WHERE status NOT IN ('ready', 'failed')) AS working, "
    "count(*) FILTER (WHERE status = 'failed') AS failed, "
    "count(*) FILTER (WHERE kind = 'pair' AND status IN ('ready', 'embedding')) AS pairs "
    "FROM knowledge_documents WHERE tenant_id = :t AND deleted_at IS NULL"
)
_INDEX = text("SELECT chunks, error_code FROM knowledge_indexes WHERE tenant_id = :t")


async def preview(uow: TenantUnitOfWork, document_id: UUID, *, first: int = 0) -> PreviewView:
    """Some pages of a document, from position `first` on, and the passages they were cut into."""
    uow.require(Verb.KNOWLEDGE_READ)
    row = await documents.find(uow, document_id)
    values = {"t": uow.tenant_id, "d": document_id, "first": max(0, first), "n": PAGES + 1}
    pages = (await uow.session.execute(_PAGES, values)).all()
    shown = pages[:PAGES]
    low, high = (min(one.page for one in shown), max(one.page for one in shown)) if shown else (0, 0)
    chunks = (await uow.session.execute(_CHUNKS, {"t": uow.tenant_id, "d": document_id, "low": low, "high": high})).all()
    return PreviewView(
        document=documents.view(row),
        pages=[PageView(page=one.page, heading=one.heading, method=one.method, text=one.text) for one in shown],
        chunks=[
            ChunkView(id=one.id, page=one.page or None, heading=one.heading, text=one.text, start=one.start)
            for one in chunks
        ],
        next_page=pages[PAGES].position if len(pages) > PAGES else None,
    )


async def overview(uow: TenantUnitOfWork) -> OverviewView:
    """Can it answer today?"""
    uow.require(Verb.KNOWLEDGE_READ)
    counts = (await uow.session.execute(_OVERVIEW, {"t": uow.tenant_id})).one()
    index = (await uow.session.execute(_INDEX, {"t": uow.tenant_id})).one_or_none()
    return OverviewView(
        ready=counts.ready, working=counts.working, failed=counts.failed, pairs=counts.pairs,
        passages=index.chunks if index else 0, vectors_wait=bool(index and index.error_code),
    )


async def ask(principal: Principal, request: SearchRequest) -> SearchView:
    """What a question finds. Raises NotFound for documents that are not there.

    Opens its own units of work: none is held while vectors are asked.
    """
    async with unit_of_work(principal) as uow:
        uow.require(Verb.KNOWLEDGE_READ)
        await documents.must_exist(uow, request.document_ids or ())
    found = await knowledge.lookup(
        principal.tenant_id, request.query, limit=request.limit, document_ids=request.document_ids
    )
    items = [
        PassageView(
            chunk_id=one.chunk_id, document_id=one.document_id, document_name=one.document_name, page=one.page,
            heading=one.heading, text=one.text, score=one.score,
        )
        for one in found.passages
    ]
    return SearchView(items=items, by_meaning=found.by_meaning, corrected=found.corrected, ms=found.ms)
