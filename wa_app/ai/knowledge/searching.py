"""The passages of a tenant's documents that answer a question best.

Words and meaning each bring candidates; then every candidate is read beside the question (`ranking`).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import text

from wa_app.ai.knowledge import embedding, lexical, ranking, vectors
from wa_app.ai.knowledge.words import asked
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import Unavailable
from wa_app.schemas.knowledge import Passage
from wa_app.schemas.principal import Principal

if TYPE_CHECKING:
    import numpy as np

MAX_LIMIT: Final = 50
MAX_QUERY: Final = 1000
BY_WORDS: Final = 40
BY_MEANING: Final = 10


@dataclass(frozen=True, slots=True)
class Found:
    """Passages, best first, and how they were found."""

    passages: list[Passage] = field(default_factory=list)
    by_meaning: bool = True
    """False: the vector server was away, so words alone decided."""
    corrected: dict[str, str] = field(default_factory=dict)
    """Mistyped words, and what was taken in their place."""
    ms: float = 0.0


_INDEX = text("SELECT model, collection FROM knowledge_indexes WHERE tenant_id = :t")
_CHUNKS = text(
    "SELECT c.id, c.document_id, c.number, c.page, c.heading, c.text, c.model, c.vector, d.name, d.kind "
    "FROM knowledge_chunks c JOIN knowledge_documents d ON d.tenant_id = c.tenant_id AND d.id = c.document_id "
    "WHERE c.tenant_id = :t AND c.number = ANY(:numbers) AND d.deleted_at IS NULL "
    "AND (c.gone_at IS NULL OR c.number = ANY(:by_words))"
)
"""What words found a moment ago may be replaced by now and is still read; Chroma may hold what went long ago."""


async def search(
    tenant_id: UUID, query: str, *, limit: int = 5, document_ids: Sequence[UUID] | None = None
) -> list[Passage]:
    """The best passages for a question, best first; of these documents only, when given."""
    return (await lookup(tenant_id, query, limit=limit, document_ids=document_ids)).passages


async def lookup(
    tenant_id: UUID, query: str, *, limit: int = 5, document_ids: Sequence[UUID] | None = None
) -> Found:
    """As `search`, and with what a trace wants to tell of it."""
    started = perf_counter()
    query = query.replace("\x00", " ").strip()[:MAX_QUERY]
    if not query or (document_ids is not None and not document_ids):
        return Found()
    principal = Principal.system(tenant_id)
    # Side by side, and the transaction ends before the vector server is waited for.
    async with asyncio.TaskGroup() as group, unit_of_work(principal) as uow:
        index = (await uow.session.execute(_INDEX, {"t": tenant_id})).one_or_none()
        if index is None:
            return Found()
        meaning = group.create_task(_near(tenant_id, index.model, index.collection, query, document_ids))
        hits = await lexical.find(uow, asked(query), limit=BY_WORDS, document_ids=document_ids)
    vector, near = meaning.result()
    numbers = list(dict.fromkeys([*hits.scores, *(near or ())]))
    async with unit_of_work(principal) as uow:
        rows = await _rows(uow, numbers, list(hits.scores))
    passages = await asyncio.to_thread(_ranked, query, hits, rows, vector, index.model)
    took = (perf_counter() - started) * 1000
    return Found(passages[: max(1, min(limit, MAX_LIMIT))], near is not None, hits.corrected, round(took, 1))


async def _near(
    tenant_id: UUID, model: str, collection: str, query: str, document_ids: Sequence[UUID] | None
) -> "tuple[np.ndarray[Any, Any] | None, list[int] | None]":
    """The question's vector and the passages close to it; None for what could not be asked."""
    if not model:
        return None, []
    try:
        vector = (await embedding.embed(tenant_id, model, [query]))[0]
    except Unavailable:
        return None, None
    if not collection:
        return vector, []
    try:
        near = await vectors.nearest(collection, tenant_id, vector, limit=BY_MEANING, document_ids=document_ids)
    except Unavailable:
        return vector, None
    return vector, near


async def _rows(uow: TenantUnitOfWork, numbers: Sequence[int], by_words: Sequence[int]) -> list[Any]:
    if not numbers:
        return []
    values = {"t": uow.tenant_id, "numbers": list(numbers), "by_words": list(by_words)}
    found = await uow.session.execute(_CHUNKS, values)
    by_number = {row.number: row for row in found}
    return [by_number[number] for number in numbers if number in by_number]


def _ranked(
    query: str, hits: lexical.Hits, rows: Sequence[Any], vector: "np.ndarray[Any, Any] | None", model: str
) -> list[Passage]:
    cosines = _cosines(rows, vector, model)
    candidates = [
        ranking.Candidate(row.text, row.heading, hits.scores.get(row.number, 0.0), cosine, row.kind == "pair")
        for row, cosine in zip(rows, cosines, strict=True)
    ]
    question = ranking.Question(query, hits.idf, hits.rare, hits.corrected)
    return [
        Passage(row.id, row.document_id, row.name, row.page or None, row.heading, row.text, score)
        for row, score in ((rows[at], score) for at, score in ranking.rank(question, candidates))
    ]


def _cosines(rows: Sequence[Any], vector: "np.ndarray[Any, Any] | None", model: str) -> list[float]:
    """How close each passage is to the question; 0 where that cannot be known."""
    if vector is None:
        return [0.0] * len(rows)
    known = [at for at, row in enumerate(rows) if row.model == model and row.vector is not None]
    found = [0.0] * len(rows)
    if known:
        for at, value in zip(known, embedding.unpack([rows[at].vector for at in known]) @ vector, strict=True):
            found[at] = float(value)
    return found
