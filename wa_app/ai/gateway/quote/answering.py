"""Finds the lines of the best passage that answer a question."""

from dataclasses import dataclass
from math import log
from typing import Final

from wa_app.ai.gateway.quote.lines import Line, lines_of, sentences
from wa_app.ai.gateway.quote.words import MONEY, Lookup, terms_of
from wa_app.schemas.ai import Grounding
from wa_app.schemas.knowledge import Passage

MAX_LENGTH: Final = 480
MAX_ROWS, MAX_SENTENCES = 6, 3
SHORT: Final = 70
"""Lines shorter than this may be halves of one entry: a name, and its price below it."""
UNKNOWN: Final = {
    "id": "Maaf, saya belum menemukan jawabannya di informasi yang kami punya.",
    "en": "Sorry, I could not find the answer in the information we have.",
}


@dataclass(frozen=True, slots=True)
class Quote:
    """An answer in the documents' words; `source` is the passage's number from 1, 0 when nothing was found."""

    text: str
    source: int
    confidence: float
    terms: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    """The terms that the quoted lines hold."""


@dataclass(frozen=True, slots=True)
class _Scored:
    passage: int
    place: int
    line: Line
    score: float
    hits: frozenset[str]


def answer(grounding: Grounding) -> Quote:
    """The lines that answer, or the words that say that we do not know."""
    terms = terms_of(grounding.question)
    unknown = UNKNOWN["en" if grounding.language == "en" else "id"]
    if not grounding.passages or not terms:
        return Quote(unknown, 0, 0.0, terms)
    weights = _weights(terms, grounding.passages)
    scored = _scored(terms, weights, grounding.passages)
    best = max(scored, key=lambda one: one.score, default=None)
    if best is None or not best.hits:
        return Quote(unknown, 0, 0.0, terms)
    passage = grounding.passages[best.passage]
    confidence = _confidence(passage, terms, weights)
    if confidence < grounding.min_confidence:
        return Quote(unknown, 0, confidence, terms)
    chosen = _chosen(best, scored, terms)
    return Quote(_text(chosen), best.passage + 1, confidence, terms, tuple(best.hits))


def _weights(terms: tuple[str, ...], passages: tuple[Passage, ...]) -> dict[str, float]:
    """Rare words say more: the share of lines that hold a term, as a logarithm."""
    looked = [Lookup(f"{line.lead} {line.text}") for passage in passages for line in lines_of(passage.text)]
    n = max(1, len(looked))
    return {term: log(1 + n / (0.5 + sum(one.has(term) > 0 for one in looked))) for term in terms}


def _scored(terms: tuple[str, ...], weights: dict[str, float], passages: tuple[Passage, ...]) -> list[_Scored]:
    top = max(passage.score for passage in passages) or 1.0
    found: list[_Scored] = []
    for number, passage in enumerate(passages):
        heading = Lookup(f"{passage.heading} {passage.document_name}")
        trust = 0.55 + 0.45 * max(0.0, passage.score) / top
        for place, line in enumerate(joined(lines_of(passage.text))):
            own, lead = Lookup(line.text), Lookup(line.lead)
            held = {term: max(own.has(term), 0.8 * lead.has(term)) for term in terms}
            near = {term: max(share, 0.35 * heading.has(term)) for term, share in held.items()}
            score = sum(weights[term] * share for term, share in near.items()) * trust / (1 + own.length / 150)
            if line.is_question:
                score = 0.0
            hits = frozenset(term for term, share in held.items() if share)
            found.append(_Scored(number, place, line, score, hits))
    return found


def joined(lines: list[Line]) -> list[Line]:
    """Entries that were read as two lines, as from a scanned price list, put together again."""
    made: list[Line] = []
    for line in lines:
        last = made[-1] if made else None
        bare = MONEY.sub("", line.text)
        is_price_only = MONEY.search(line.text) is not None and sum(char.isalpha() for char in bare) <= 4
        if last and is_price_only and not last.is_question and len(last.text) <= SHORT and not MONEY.search(last.text):
            made[-1] = Line(f"{last.text} {line.text}", last.lead or line.lead, is_row=True)
        else:
            made.append(line)
    return made


def _confidence(passage: Passage, terms: tuple[str, ...], weights: dict[str, float]) -> float:
    """How sure the search was of the passage, less what of the question the passage does not speak of.

    A price list that does not name the thing asked for must not answer with the price of another.
    """
    whole = Lookup(f"{passage.document_name} {passage.heading} {passage.text}")
    held = {term: whole.has(term) for term in terms}
    total = sum(weights.values()) or 1.0
    covered = sum(weights[term] * share for term, share in held.items()) / total
    named = [term for term in terms if not term.startswith("@")]
    missing = sum(not held[term] for term in named) / len(named) if named else 0.0
    return round(max(0.0, min(1.0, passage.score)) * (0.35 + 0.65 * covered) * (1 - 0.4 * missing), 3)


def _chosen(best: _Scored, scored: list[_Scored], terms: tuple[str, ...]) -> list[Line]:
    """The best line and those beside it that answer as well, in the order of the document."""
    same = [one for one in scored if one.passage == best.passage and not one.line.is_question]
    if best.line.lead:
        # An answer belongs to its question as a whole.
        return [one.line for one in same if one.line.lead == best.line.lead]
    limit = MAX_ROWS if best.line.is_row else MAX_SENTENCES
    alike = [
        one for one in same
        if one.line.is_row == best.line.is_row and one.hits >= best.hits and one.score >= 0.7 * best.score
    ]  # fmt: skip
    alike.sort(key=lambda one: (-one.score, one.place))
    kept = sorted(alike[:limit], key=lambda one: one.place)
    if not best.line.is_row and len(kept) == 1 and len(best.line.text) < SHORT:
        # A short sentence often leans on the next one.
        kept += [one for one in same if one.place == best.place + 1 and not one.line.is_row and one.hits & best.hits]
    return [one.line for one in kept]


def _text(lines: list[Line]) -> str:
    rows = sum(line.is_row for line in lines) > 1
    text = ""
    for line in lines:
        more = f"{text}{chr(10) if rows else ' '}{line.text}" if text else line.text
        if len(more) > MAX_LENGTH and text:
            break
        text = more
    return shortened(text, MAX_LENGTH)


def shortened(text: str, limit: int) -> str:
    """A text of at most so many signs, cut after a sentence or at least a word."""
    if len(text) <= limit:
        return text
    whole = ""
    for sentence in sentences(text):
        if len(whole) + len(sentence) + 1 > limit:
            break
        whole = f"{whole} {sentence}".strip()
    return whole or f"{text[: limit - 1].rsplit(' ', 1)[0]}…"
