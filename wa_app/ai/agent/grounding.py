"""Does an answer claim only what it was given?

An amount, a share, a time, a telephone or account number, an address on the web and a promise must stand in a
passage that was shown, in the agent's own settings, or in what the business said earlier in the talk. A customer's own
words are weaker: they ground a quantity or a time, never an amount, a share, a link or where to pay.
A quantity times a price, and the sum of amounts that are grounded themselves, are arithmetic and not invention.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import Final

from wa_app.ai.agent.figures import Figure, figures, mentions, promises
from wa_app.kit.folding import words

_NUMERIC: Final = frozenset({"money", "share", "number", "small", "time"})
_PAYING = re.compile(r"\b(?:transfer|rekening|rek|bayar|pembayaran|pay(?:ment)?|account|bank|va|virtual|bca|bni|bri|mandiri|gopay|dana|ovo)\b", re.IGNORECASE)
_MOST_QUANTITY: Final = 1000
_MOST_PARTS: Final = 8


@dataclass(frozen=True, slots=True)
class Grounds:
    """What an answer may rest on."""

    trusted: tuple[str, ...]
    """Passages that are shown, settings of the agent, answers given before."""
    customer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ungrounded:
    """A claim that stands nowhere: `what` is money, share, time, digits, number, link or promise."""

    what: str
    value: str


def ungrounded(answer: str, grounds: Grounds) -> list[Ungrounded]:
    """Every claim of an answer that nothing bears out."""
    known = _Known(grounds)
    claims = figures(answer)
    found = [Ungrounded(one.kind, one.value) for one in claims if not known.bears(one, answer, claims)]
    spoken: set[str] = set().union(*(mentions(text) for text in grounds.trusted)) if grounds.trusted else set()
    return found + [Ungrounded("promise", name) for name in sorted(promises(answer) - spoken)]


class _Known:
    """Figures of the sources, sorted by whom they come from."""

    def __init__(self, grounds: Grounds) -> None:
        trusted = [one for text in grounds.trusted for one in figures(text, is_source=True)]
        theirs = [one for text in grounds.customer for one in figures(text, is_source=True)]
        self.values = {one.value for one in trusted if one.kind in _NUMERIC}
        self.links = {one.value for one in trusted if one.kind == "link"}
        self.digits = {one.value for one in trusted if one.kind == "digits"}
        self.their_values = {one.value for one in theirs if one.kind in ("number", "small", "time")}
        self.their_digits = {one.value for one in theirs if one.kind == "digits"}
        self.prices = {Decimal(value) for value in self.values if ":" not in value and Decimal(value) >= 100}
        self.quantities = {
            Decimal(one.value) for one in theirs
            if one.kind in ("number", "small") and 1 < Decimal(one.value) <= _MOST_QUANTITY
        }  # fmt: skip

    def bears(self, claim: Figure, answer: str, claims: list[Figure]) -> bool:
        if claim.kind == "small":
            return True
        if claim.kind == "link":
            return claim.value in self.links
        if claim.kind == "digits":
            return claim.value in self.digits or (claim.value in self.their_digits and not _PAYING.search(answer))
        if claim.value in self.values or (claim.kind == "time" and self._hour(claim.value)):
            return True
        if claim.kind in ("number", "time") and claim.value in self.their_values:
            return True
        return claim.kind in ("money", "number") and self._reckoned(Decimal(claim.value), claims)

    def _hour(self, time: str) -> bool:
        """`08:00` is borne out by `jam 8`."""
        hour, _, minutes = time.partition(":")
        return minutes == "00" and hour in self.values

    def _reckoned(self, value: Decimal, claims: Iterable[Figure]) -> bool:
        if any(value == quantity * price for quantity in self.quantities for price in self.prices):
            return True
        parts = {Decimal(one.value) for one in claims if one.kind == "money" and Decimal(one.value) < value}
        sound = sorted(part for part in parts if part in self.prices or any(
            part == quantity * price for quantity in self.quantities for price in self.prices))[:_MOST_PARTS]  # fmt: skip
        return any(sum(some) == value for n in range(2, len(sound) + 1) for some in combinations(sound, n))


_STOP_WORDS: Final = """
yang dan dari dengan untuk pada atau juga akan bisa ada adalah kami anda kakak saya kita ini itu karena jika kalau bila tidak sudah belum
silakan terima kasih maaf halo ya kak baik dapat agar oleh sebagai lebih serta the and for with that this your you our are can will have from
please thank sorry hello yes not was were there here what which
"""
_STOP: Final = frozenset(_STOP_WORDS.split())


def support(answer: str, sources: Iterable[str]) -> float:
    """How much of an answer's own words stands in its sources, 0 to 1. Endings are not looked at: four letters must agree."""
    said = {_key(word) for word in words(answer) if len(word) > 3 and word not in _STOP}
    if not said:
        return 0.0
    known = {_key(word) for text in sources for word in words(text)}
    return len(said & known) / len(said)


def _key(word: str) -> str:
    return word if word.isdigit() else word[:5]
