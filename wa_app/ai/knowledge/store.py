"""Writing a document's passages: old and new change places in one transaction, so no search meets a gap."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.ai.knowledge import lexical, spelling
from wa_app.ai.knowledge.chunking import Chunk
from wa_app.db import TenantUnitOfWork
from wa_app.kit.ids import new_id

_INDEX = text(
    "INSERT INTO knowledge_indexes (tenant_id) VALUES (:t) ON CONFLICT (tenant_id) DO NOTHING"
)
_NUMBERS = text(
    "UPDATE knowledge_indexes SET next_number = next_number + :n, chunks = chunks + :n - :gone, "
    "words = words + :words - :gone_words, due_at = now(), attempts = 0 "
    "WHERE tenant_id = :t RETURNING next_number - :n"
)
_GONE = text(
    "WITH old AS (UPDATE knowledge_chunks SET gone_at = now() WHERE tenant_id = :t AND document_id = :d "
    "AND gone_at IS NULL RETURNING words) SELECT count(*) AS n, COALESCE(sum(words), 0) AS words FROM old"
)
_UNPOST = text("DELETE FROM knowledge_postings WHERE tenant_id = :t AND document_id = :d")
_CHUNKS = (
    "INSERT INTO knowledge_chunks (id, tenant_id, document_id, number, page, heading, text, start, words) "
    "SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::int[], $6::text[], $7::text[], "
    "$8::int[], $9::int[])"
)
_POSTINGS = (
    "INSERT INTO knowledge_postings (tenant_id, term, document_id, packed) "
    "SELECT $1, term, $2, packed FROM unnest($3::text[], $4::bytea[]) AS p(term, packed)"
)
_SPELLINGS = (
    "INSERT INTO knowledge_spellings (tenant_id, key, term) SELECT $1, key, term "
    "FROM unnest($2::text[], $3::text[]) AS s(key, term) ON CONFLICT DO NOTHING"
)


class Prepared:
    """Passages counted and packed; CPU work, done before a transaction is open."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = [
            Chunk(one.page, one.heading.replace("\x00", ""), one.text.replace("\x00", " "), one.start) for one in chunks
        ]
        self.counts = [lexical.counted(one.heading, one.text) for one in self.chunks]
        self.words = [sum(counts.values()) for counts in self.counts]
        vocabulary = sorted(set().union(*self.counts)) if self.counts else []
        spelled = sorted((key, term) for term in vocabulary for key in spelling.keys(term))
        self.keys = [key for key, _ in spelled]
        self.spelled = [term for _, term in spelled]

    def postings(self, first: int) -> dict[str, bytes]:
        """Packed by term, the passages numbered from `first`."""
        rows = zip(range(first, first + len(self.chunks)), self.counts, self.words, strict=True)
        return lexical.pack(rows)


async def prepare(chunks: Sequence[Chunk]) -> Prepared:
    """Count and pack in a thread."""
    return await asyncio.to_thread(Prepared, chunks)


async def swap(uow: TenantUnitOfWork, document_id: UUID, new: Prepared) -> int:
    """Put these passages in the place of the document's old ones. Vectors follow (`sync`). Returns how many."""
    tenant_id, n = uow.tenant_id, len(new.chunks)
    await uow.session.execute(_INDEX, {"t": tenant_id})
    first = await _renumber(uow, document_id, n, sum(new.words))
    await uow.session.execute(_UNPOST, {"t": tenant_id, "d": document_id})
    driver: Any = await uow.driver()
    await driver.execute(
        _CHUNKS, [new_id() for _ in range(n)], [tenant_id] * n, [document_id] * n, list(range(first, first + n)),
        [one.page for one in new.chunks], [one.heading for one in new.chunks], [one.text for one in new.chunks],
        [one.start for one in new.chunks], new.words,
    )  # fmt: skip
    packed = sorted((await asyncio.to_thread(new.postings, first)).items())
    await driver.execute(_POSTINGS, tenant_id, document_id, [term for term, _ in packed], [blob for _, blob in packed])
    await driver.execute(_SPELLINGS, tenant_id, new.keys, new.spelled)
    return n


async def take_out(uow: TenantUnitOfWork, document_id: UUID) -> None:
    """No search finds the document from here on; its vectors leave with the next `sync`."""
    await _renumber(uow, document_id, 0, 0)
    await uow.session.execute(_UNPOST, {"t": uow.tenant_id, "d": document_id})


async def _renumber(uow: TenantUnitOfWork, document_id: UUID, n: int, words: int) -> int:
    """Mark the old passages as gone and draw numbers for the new ones; holds the index row until the commit."""
    gone = (await uow.session.execute(_GONE, {"t": uow.tenant_id, "d": document_id})).one()
    values = {"t": uow.tenant_id, "n": n, "words": words, "gone": gone.n, "gone_words": gone.words}
    return int((await uow.session.execute(_NUMBERS, values)).scalar() or 0)
