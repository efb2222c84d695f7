"""Which of the passages that were found answers the question best, and how sure that is.

The index finds candidates by their words (`lexical`) and by their meaning (`vectors`); here each is read
again beside the question. The weights were fitted on questions of FacQA (ADR 0018).
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wa_app.ai.knowledge import weights
from wa_app.ai.knowledge.words import STOP, asked, tokens
from wa_app.kit.folding import fold

if TYPE_CHECKING:
    import numpy as np

FEATURES: Final = (
    "bm25", "coverage", "surface", "pairs", "near", "chars", "cosine", "cue", "length", "run", "heading", "rarest",
    "relative", "missing", "acronym",
)  # fmt: skip
GRAMS: Final = (3, 4, 5)
K1: Final = 0.8

_PERSON: Final = re.compile(r"\b(?:siapa|siapakah|who|whose|oleh siapa)\b")
_TIME: Final = re.compile(r"\b(?:kapan|kapankah|when|tanggal|tahun|bulan|hari apa|jam|pukul)\b")
_AMOUNT: Final = re.compile(r"\b(?:berapa|berapakah|how many|how much|harga|biaya|tarif|jumlah)\b")
_PLACE: Final = re.compile(r"\b(?:dimana|dimanakah|di mana|mana|where|kota|negara|provinsi|alamat|lokasi)\b")
_MONTHS: Final = (
    r"januari|februari|maret|april|mei|juni|juli|agustus|september|oktober|november|desember|"
    r"january|february|march|may|june|july|august|october|december|senin|selasa|rabu|kamis|jumat|sabtu|minggu"
)
_DATED: Final = re.compile(rf"\b(?:1[5-9]\d\d|20\d\d)\b|\b(?:{_MONTHS})\b|\b\d{{1,2}}[.:]\d\d\b")
_NUMBER: Final = re.compile(r"\d")
_NUMERAL: Final = re.compile(
    r"\b(?:satu|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh|belas|puluh|ratus|ribu|juta|miliar|persen)"
)
_ACRONYM: Final = re.compile(r"\b[A-Z]{2,6}\b")
_CAPITALS: Final = re.compile(r"(?:\b[A-Z][\w'’-]*(?:[ -]|$|(?=\W))){2,}")
_NAME: Final = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][\w'’-]+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage to be judged, with what the index says of it."""

    text: str
    heading: str
    bm25: float
    cosine: float
    is_pair: bool = False
    """Typed by hand: `heading` is a question, `text` its answer."""


class Question:
    """A question taken apart once, for all candidates."""

    def __init__(
        self, text: str, idf: Mapping[str, float], rare: float, corrected: Mapping[str, str] | None = None
    ) -> None:
        self.text = text
        self.folded = fold(text)
        meant = corrected or {}
        pairs = [(surface, meant.get(term, term)) for surface, term in tokens(text)]
        self.all = [term for _, term in pairs]
        content = [(surface, term) for surface, term in pairs if surface not in STOP and term not in STOP]
        shares = {meant.get(term, term): weight for term, weight in asked(text).items()}
        self.idf = {term: shares[term] * idf.get(term, rare) for _, term in content if term in shares}
        self.acronyms = [hit.lower() for hit in _ACRONYM.findall(text)]
        self.surfaces = dict(content)
        self.total = sum(self.idf.values()) or 1.0
        self.order = [term for _, term in content]
        self.pairs = set(zip(self.all, self.all[1:], strict=False))
        self.grams = grams(" ".join(surface for surface, _ in content))


def grams(text: str) -> set[str]:
    """Pieces of 3 to 5 letters, word borders included."""
    padded = f" {text} "
    return {padded[at : at + n] for n in GRAMS for at in range(len(padded) - n + 1)}


def features(question: Question, candidates: Sequence[Candidate]) -> "np.ndarray[Any, Any]":
    """One row of `FEATURES` for each candidate."""
    import numpy as np

    seen = [_Seen(one) for one in candidates]
    if not candidates:
        return np.zeros((0, len(FEATURES)))
    shares = _gram_share(question, seen)
    best = max((one.bm25 for one in candidates), default=0.0) or 1.0
    cue = _cues(question)
    rows = [
        _row(question, one, look, float(share), best, cue)
        for one, look, share in zip(candidates, seen, shares, strict=True)
    ]
    return np.array(rows, dtype=np.float64)


class _Seen:
    """A candidate taken apart."""

    def __init__(self, one: Candidate) -> None:
        pairs = list(tokens(one.text))
        heading = list(tokens(one.heading)) if one.heading else []
        self.terms = [term for _, term in pairs]
        self.positions: dict[str, list[int]] = {}
        for at, term in enumerate(self.terms):
            self.positions.setdefault(term, []).append(at)
        self.heading = {term for _, term in heading}
        self.surfaces = {surface for surface, _ in pairs} | {surface for surface, _ in heading}
        self.flat = f" {' '.join(surface for surface, _ in [*heading, *pairs] if surface not in STOP)} "
        self.pairs = set(zip(self.terms, self.terms[1:], strict=False))


def _gram_share(question: Question, seen: Sequence[_Seen]) -> Any:
    """Share of the question's pieces of letters in each candidate, those that tell candidates apart weighing more."""
    import numpy as np

    pieces = list(question.grams)
    found = np.array([[piece in one.flat for piece in pieces] for one in seen], dtype=np.float64)
    if not pieces:
        return np.zeros(len(seen))
    df = found.sum(axis=0)
    worth = np.log(1 + (len(seen) - df + 0.5) / (df + 0.5))
    return found @ worth / (worth.sum() or 1.0)


def _expands(question: Question, text: str) -> float:
    """1 when the passage spells out an acronym of the question."""
    if not question.acronyms:
        return 0.0
    for run in _CAPITALS.findall(text):
        initials = "".join(part[0] for part in re.split(r"[ -]+", run.strip(" -")) if part).lower()
        if any(acronym in initials for acronym in question.acronyms):
            return 1.0
    return 0.0


def _row(
    question: Question, one: Candidate, seen: _Seen, share: float, best: float, cue: Any
) -> tuple[float, ...]:
    found = [term for term in question.idf if term in seen.positions or term in seen.heading]
    mass = sum(question.idf[term] for term in found)
    missing = [question.idf[term] for term in question.idf if term not in found]
    top = max(question.idf.values(), default=1.0)
    return (
        one.bm25 / (question.total * (K1 + 1)),
        mass / question.total,
        sum(question.idf.get(t, 0.0) for s, t in question.surfaces.items() if s in seen.surfaces) / question.total,
        len(question.pairs & seen.pairs) / (len(question.pairs) or 1),
        _nearness(question, seen),
        share,
        one.cosine,
        cue(one.text, question),
        math.log(1 + len(seen.terms)) / 6,
        _run(question, seen) / (len(question.all) or 1),
        sum(question.idf[t] for t in question.idf if t in seen.heading) / question.total,
        max((question.idf[t] for t in found), default=0.0) / (top or 1.0),
        one.bm25 / best,
        max(missing, default=0.0) / (top or 1.0),
        _expands(question, one.text),
    )


def _nearness(question: Question, seen: _Seen) -> float:
    """Share of neighbouring words of the question that also stand close in the passage, either way round."""
    pairs = list(zip(question.order, question.order[1:], strict=False))
    if not pairs:
        return float(any(term in seen.positions or term in seen.heading for term in question.order))
    total = hit = 0.0
    for a, b in pairs:
        weight = question.idf[a] + question.idf[b]
        total += weight
        if a in seen.positions and b in seen.positions:
            gap = min(abs(x - y) for x in seen.positions[a][:20] for y in seen.positions[b][:20])
            hit += weight * (1.0 if gap <= 2 else 0.6 if gap <= 5 else 0.3 if gap <= 12 else 0.0)
    return hit / (total or 1.0)


def _run(question: Question, seen: _Seen) -> int:
    """Length of the longest run of words that stands in both, in words."""
    longest = 0
    asked = question.all
    for start in range(len(asked)):
        if len(asked) - start <= longest:
            break
        for at in seen.positions.get(asked[start], ())[:20]:
            n = 1
            while start + n < len(asked) and at + n < len(seen.terms) and asked[start + n] == seen.terms[at + n]:
                n += 1
            longest = max(longest, n)
    return longest


def _cues(question: Question) -> Any:
    """What kind of answer is asked for, as a test of a passage: 1 when it has such a thing, 0.5 when nothing is known."""
    asked = question.folded
    if _AMOUNT.search(asked):
        numbers = set(re.findall(r"\d+", asked))

        def amount(text: str, _: Question) -> float:
            has = bool(set(re.findall(r"\d+", text)) - numbers) or bool(_NUMERAL.search(text.lower()))
            return 1.0 if has else 0.0

        return amount
    if _TIME.search(asked):
        return lambda text, _: 1.0 if _DATED.search(text.lower()) else 0.4 if _NUMBER.search(text) else 0.0
    if _PERSON.search(asked) or _PLACE.search(asked):

        def name(text: str, q: Question) -> float:
            return 1.0 if any(fold(hit) not in q.folded for hit in _NAME.findall(text)) else 0.0

        return name
    return lambda text, _: 0.5


def _fair(rows: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """The rows with a usual closeness where closeness says nothing against a passage.

    That is where no vector is known, and where every word asked for stands in the passage: a price list speaks of so many
    things that its vector is close to no single question.
    """
    import numpy as np

    cosine, coverage = rows[:, FEATURES.index("cosine")], rows[:, FEATURES.index("coverage")]
    says_nothing = (cosine == 0) | (coverage >= ALL_HELD)
    fair = rows.copy()
    fair[:, FEATURES.index("cosine")] = np.where(says_nothing, np.maximum(cosine, weights.USUAL_COSINE), cosine)
    return fair


ALL_HELD: Final = 0.98
PAIR_MATCH: Final = 0.75
"""Share of a question that a typed question must hold to come first."""


def rank(question: Question, candidates: Sequence[Candidate]) -> list[tuple[int, float]]:
    """Places of the candidates, best first, each with the likelihood (0 to 1) that it holds the answer."""
    import numpy as np

    if not candidates:
        return []
    rows = features(question, candidates)
    order = rows @ np.array([weights.ORDER[name] for name in FEATURES])
    heading, coverage = rows[:, FEATURES.index("heading")], rows[:, FEATURES.index("coverage")]
    sure = _fair(rows) @ np.array([weights.SURE[name] for name in FEATURES]) + weights.SURE_BIAS
    pairs = np.array([one.is_pair for one in candidates]) & (heading >= PAIR_MATCH)
    order, sure = order + 10 * pairs * heading, np.maximum(sure, np.where(pairs, 2.0 + heading, -np.inf))
    # A question of which nothing is known says nothing, however close its letters are.
    sure = np.where((coverage <= 0) & (rows[:, FEATURES.index("cosine")] < 0.5), -4.0, sure)
    likely = 1 / (1 + np.exp(-sure))
    found, last = [], 1.0
    for at in np.argsort(-order, kind="stable"):
        last = min(last, float(likely[at]))
        found.append((int(at), round(last, 4)))
    return found
