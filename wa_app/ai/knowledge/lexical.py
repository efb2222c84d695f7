"""Finding passages by their words: BM25 over packed postings, summed in numpy.

One row holds where a word stands in one document; the rows of a word are joined by the database, so a
question costs one statement and no process keeps an index of its own. Only equality of tenant and term is
asked, which row-level security lets reach the index.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import text

from wa_app.ai.knowledge import spelling
from wa_app.ai.knowledge.words import acronyms, terms
from wa_app.db import TenantUnitOfWork

if TYPE_CHECKING:
    import numpy as np

K1: Final = 0.8
B: Final = 0.5
MAX_COUNT: Final = 255
MAX_QUERY_TERMS: Final = 48
CORRECTED: Final = 0.6
"""What a word weighs that was found in the place of a mistyped one."""

_POSTINGS = text(
    "SELECT term, string_agg(packed, ''::bytea) AS packed FROM knowledge_postings "
    "WHERE tenant_id = :t AND term = ANY(:terms) GROUP BY term"
)
_POSTINGS_OF = text(
    "SELECT term, string_agg(packed, ''::bytea) AS packed FROM knowledge_postings "
    "WHERE tenant_id = :t AND term = ANY(:terms) AND document_id = ANY(:documents) GROUP BY term"
)
_SIZE = text("SELECT chunks, words FROM knowledge_indexes WHERE tenant_id = :t")
_SIZE_OF = text(
    "SELECT count(*) AS chunks, COALESCE(sum(words), 0) AS words FROM knowledge_chunks "
    "WHERE tenant_id = :t AND document_id = ANY(:documents) AND gone_at IS NULL"
)


def posting_type() -> "np.dtype[Any]":
    """How a posting is packed: the passage's number, how often the word stands in it, how many words it has."""
    import numpy as np

    return np.dtype([("number", "<u4"), ("count", "u1"), ("words", "u1")])


def pack(passages: Iterable[tuple[int, Mapping[str, int], int]]) -> dict[str, bytes]:
    """Postings of a document by term, from (number, counts, words) of its passages."""
    import numpy as np

    found: dict[str, list[tuple[int, int, int]]] = {}
    for number, counts, words in passages:
        for term, n in counts.items():
            found.setdefault(term, []).append((number, min(n, MAX_COUNT), min(words, MAX_COUNT)))
    kind = posting_type()
    return {term: np.array(rows, dtype=kind).tobytes() for term, rows in found.items()}


def counted(heading: str, body: str) -> Counter[str]:
    """The terms of a passage with their number, those of its heading and the short forms of its names too."""
    found = Counter(terms(body) + terms(heading))
    for short in acronyms(body):
        found.setdefault(short, 1)
    return found


@dataclass(frozen=True, slots=True)
class Hits:
    """What the words of a question found: the best passages by number, and how rare each word is."""

    scores: dict[int, float] = field(default_factory=dict)
    idf: dict[str, float] = field(default_factory=dict)
    rare: float = 1.0
    """For words that no passage has."""
    corrected: dict[str, str] = field(default_factory=dict)
    """Words nobody wrote, and what was looked for in their place."""


async def find(
    uow: TenantUnitOfWork, weights: Mapping[str, float], *, limit: int, document_ids: Sequence[UUID] | None = None
) -> Hits:
    """The `limit` best passages for these terms."""
    wanted = dict(sorted(weights.items(), key=lambda one: -one[1])[:MAX_QUERY_TERMS])
    size = await _size(uow, document_ids)
    if not wanted or size is None or not size[0]:
        return Hits()
    packed = await _postings(uow, list(wanted), document_ids)
    corrected = await spelling.correct(uow, [term for term in wanted if term not in packed])
    if corrected:
        packed |= await _postings(uow, [new for new in corrected.values() if new not in packed], document_ids)
    asked = {corrected.get(term, term): weight * (CORRECTED if term in corrected else 1.0)
             for term, weight in wanted.items()}  # fmt: skip
    return _score(asked, packed, size, limit, corrected)


async def _size(uow: TenantUnitOfWork, document_ids: Sequence[UUID] | None) -> tuple[int, int] | None:
    values: dict[str, Any] = {"t": uow.tenant_id}
    if document_ids is None:
        found = (await uow.session.execute(_SIZE, values)).one_or_none()
    else:
        found = (await uow.session.execute(_SIZE_OF, values | {"documents": list(document_ids)})).one_or_none()
    return None if found is None else (int(found.chunks), int(found.words))


async def _postings(
    uow: TenantUnitOfWork, wanted: Sequence[str], document_ids: Sequence[UUID] | None
) -> dict[str, bytes]:
    if not wanted:
        return {}
    values: dict[str, Any] = {"t": uow.tenant_id, "terms": list(wanted)}
    if document_ids is None:
        rows = await uow.session.execute(_POSTINGS, values)
    else:
        rows = await uow.session.execute(_POSTINGS_OF, values | {"documents": list(document_ids)})
    return {row.term: bytes(row.packed) for row in rows}


def _score(
    asked: Mapping[str, float], packed: Mapping[str, bytes], size: tuple[int, int], limit: int, corrected: dict[str, str]
) -> Hits:
    import numpy as np

    kind, (n, total) = posting_type(), size
    mean = max(1.0, total / max(1, n))
    numbers, parts, idf = [], [], {}
    for term, blob in packed.items():
        rows = np.frombuffer(blob, dtype=kind)
        idf[term] = float(np.log(1 + max(0.0, n - len(rows) + 0.5) / (len(rows) + 0.5)))
        if term not in asked:
            continue
        counts, words = rows["count"].astype(np.float32), rows["words"].astype(np.float32)
        part = counts * (K1 + 1) / (counts + K1 * (1 - B + B * words / mean))
        numbers.append(rows["number"])
        parts.append(part * (idf[term] * asked[term]))
    rare = float(np.log(1 + (n + 0.5) / 0.5))
    if not numbers:
        return Hits(idf=idf, rare=rare, corrected=corrected)
    every, place = np.unique(np.concatenate(numbers), return_inverse=True)
    sums = np.bincount(place, weights=np.concatenate(parts))
    top = np.argpartition(-sums, min(limit, len(sums)) - 1)[:limit]
    best = {int(every[at]): float(sums[at]) for at in top[np.argsort(-sums[top], kind="stable")]}
    return Hits(best, idf, rare, corrected)
