"""Words that nobody wrote: what did the customer mean?

People on a phone drop vowels and double letters ("espreso", "capucino", "hrga"), so a word is kept under its
consonants, and under those with one of them left out. Candidates that share a key are compared letter by letter.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork

MIN_LENGTH: Final = 4
MAX_ASKED: Final = 6
_VOWELS: Final = frozenset("aiueo")

_FIND = text("SELECT DISTINCT term FROM knowledge_spellings WHERE tenant_id = :t AND key = ANY(:keys) LIMIT 2000")


def keys(term: str) -> set[str]:
    """The shapes a word is kept under; none for short words and numbers.

    >>> sorted(keys("kopi") & keys("kpi"))
    []
    >>> bool(keys("espresso") & keys("espreso"))
    True
    """
    if len(term) < MIN_LENGTH or not term.isalpha():
        return set()
    bones = skeleton(term)
    if len(bones) < 3:
        return {f"{term[0]}{bones}{len(term) // 3}"} if len(bones) == 2 else set()
    return {bones} | {bones[:at] + bones[at + 1 :] for at in range(len(bones))}


def skeleton(term: str) -> str:
    """First letter and consonants, doubles once."""
    kept = term[0]
    for letter in term[1:]:
        if letter not in _VOWELS and letter != kept[-1]:
            kept += letter
    return kept


def distance(a: str, b: str, limit: int) -> int:
    """Letters to change, add, drop or swap to get from one word to the other; `limit + 1` when it is more."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    last: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = last, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]


async def correct(uow: TenantUnitOfWork, unknown: Sequence[str]) -> dict[str, str]:
    """For each word that stands nowhere, the one that was probably meant. Words without one are left out."""
    wanted = {term: keys(term) for term in unknown[:MAX_ASKED]}
    every = set().union(*wanted.values()) if wanted else set()
    if not every:
        return {}
    found = (await uow.session.execute(_FIND, {"t": uow.tenant_id, "keys": sorted(every)})).scalars().all()
    meant = {term: _closest(term, found) for term in wanted}
    return {term: best for term, best in meant.items() if best is not None}


def _closest(term: str, found: Iterable[str]) -> str | None:
    limit = 1 if len(term) < 6 else 2
    scored = [(distance(term, one, limit), abs(len(one) - len(term)), one) for one in found]
    near = min(scored, default=(limit + 1, 0, ""))
    return near[2] if near[0] <= limit else None
