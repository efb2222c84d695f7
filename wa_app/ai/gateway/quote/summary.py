"""A talk in a few of its own sentences: those that hold what is talked about most."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from wa_app.ai.gateway.quote.answering import shortened
from wa_app.ai.gateway.quote.lines import sentences
from wa_app.ai.gateway.quote.words import terms_of
from wa_app.schemas.ai import Turn

MAX_SENTENCES: Final = 4


def summarise(turns: Sequence[Turn], limit: int = 600) -> str:
    """The sentences that say most, in the order they were said."""
    said = [one for turn in turns for one in sentences(turn.text)]
    if len(said) <= MAX_SENTENCES:
        return shortened(" ".join(said), limit)
    counts = Counter(term for one in said for term in terms_of(one))
    ranked = sorted(range(len(said)), key=lambda place: -_worth(said[place], counts))
    return shortened(" ".join(said[place] for place in sorted(ranked[:MAX_SENTENCES])), limit)


def _worth(sentence: str, counts: Counter[str]) -> float:
    terms = terms_of(sentence)
    return sum(counts[term] for term in terms) / (4 + len(terms)) if terms else 0.0
