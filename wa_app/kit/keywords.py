"""Whether a message says a keyword, and if not, how near it came.

A keyword is one or more words (`chat_words.words`). It is looked for at the borders of words, so `ok` is not in
`tokopedia`. At its end the suffixes -nya and -kah count as a border after four letters (`harga` is in `harganya`),
and so does a number that is written together with it (`iphone` is in `iphone15`, `kg` in `2kg`). Emoji in a message
count only for keywords that hold one.

EXACT: the message is the keyword and nothing else. STARTS_WITH: it begins with it. CONTAINS: it is somewhere in
it, its words next to one another and in order. REGEX: see `patterns`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from wa_app.kit.chat_words import is_sign, words
from wa_app.kit.patterns import Pattern, readable

SUFFIXES: Final = ("nya", "kah")
STEM: Final = 4
"""Letters before a suffix: with fewer, `hanya` would hold `ha`."""
NEAR_TEXT: Final = 4_000
"""Characters of a message up to which it is also said how near a keyword came."""


class Miss(StrEnum):
    """Why a keyword is not said."""

    ABSENT = "keyword_absent"
    INSIDE = "inside_word"
    """Its letters are there, but inside of another word."""
    NOT_ALONE = "not_exact"
    """It is there, with more around it."""
    NOT_FIRST = "not_at_start"
    """It is there, further on."""
    APART = "words_apart"
    """All its words are there, not next to one another."""
    PATTERN = "regex_no_match"


@dataclass(frozen=True, slots=True)
class Said:
    """The words of a message, in the views that matchers ask for. Make it once, ask it often."""

    length: int
    raw: bytes
    with_signs: "_View"
    without: "_View"

    @classmethod
    def of(cls, text: str) -> "Said":
        """A message made ready."""
        found = words(text)
        with_signs = _View.of(found)
        plain = [word for word in found if not is_sign(word)]
        return cls(len(text), readable(text), with_signs, with_signs if len(plain) == len(found) else _View.of(plain))

    def view(self, keyword: Sequence[str]) -> "_View":
        """The words as a keyword compares itself with."""
        return self.with_signs if any(map(is_sign, keyword)) else self.without


@dataclass(frozen=True, slots=True)
class _View:
    words: list[str]
    joined: str
    starts: dict[str, set[int]] = field(default_factory=dict)
    """Where a word stands, or the letters after its digits."""
    ends: dict[str, set[int]] = field(default_factory=dict)
    """Where a word stands, or what is left without a suffix or digits."""

    @classmethod
    def of(cls, found: list[str]) -> "_View":
        view = cls(found, "\n".join(found))
        for at, word in enumerate(found):
            for one in _from_start(word):
                view.starts.setdefault(one, set()).add(at)
            for one in _to_end(word):
                view.ends.setdefault(one, set()).add(at)
        return view

    def begins_with(self, keyword: Sequence[str]) -> bool:
        """Whether its first words are the keyword."""
        return self.words[: len(keyword) - 1] == list(keyword[:-1]) and len(keyword) - 1 in self.ends.get(keyword[-1], ())

    def holds(self, keyword: Sequence[str]) -> bool:
        """Whether the keyword is somewhere in it."""
        last = len(keyword) - 1
        if last == 0:
            return keyword[0] in self.ends or keyword[0] in self.starts
        places = [self.starts.get(one, _NOWHERE) for one in keyword[:-1]] + [self.ends.get(keyword[last], _NOWHERE)]
        # The rarest word leads, so that a long message full of the others costs little.
        rare = min(range(last + 1), key=lambda at: len(places[at]))
        inner = list(keyword[1:-1])
        return any(
            at - rare in places[0] and at - rare + last in places[last] and self.words[at - rare + 1 : at - rare + last] == inner
            for at in places[rare]
        )  # fmt: skip


_NOWHERE: Final[set[int]] = set()


def _from_start(word: str) -> list[str]:
    letters = word.lstrip("0123456789")
    return [word, letters] if letters and letters != word and letters.isalpha() else [word]


def _to_end(word: str) -> list[str]:
    found = [word]
    letters = word.rstrip("0123456789")
    if letters and letters != word and letters.isalpha():
        found.append(letters)
    found += [stem for one in SUFFIXES if word.endswith(one) and len(stem := word.removesuffix(one)) >= STEM]
    return found


Matches = Callable[[Said], bool]


@dataclass(frozen=True, slots=True)
class Keyword:
    """One keyword of one kind, ready to be asked."""

    text: str
    words: tuple[str, ...]
    said_by: Matches
    kind: str

    def miss(self, said: Said) -> Miss:
        """Why it is not said."""
        if self.kind == "REGEX":
            return Miss.PATTERN
        view = said.view(self.words)
        if self.kind != "CONTAINS" and view.holds(self.words):
            return Miss.NOT_ALONE if self.kind == "EXACT" else Miss.NOT_FIRST
        if said.length > NEAR_TEXT:
            return Miss.ABSENT
        if len(self.words) > 1 and all(one in view.ends for one in self.words):
            return Miss.APART
        whole = "".join(self.words)
        return Miss.INSIDE if whole in view.joined else Miss.ABSENT


def keyword(text: str, kind: str) -> Keyword | None:
    """A keyword ready to be asked, None when no word is left of it. Raises PatternRefused."""
    if kind == "REGEX":
        pattern = Pattern(text)
        return Keyword(text, (), lambda said: pattern.finds(said.raw), kind)
    found = tuple(words(text))
    if not found:
        return None
    whole = list(found)
    if kind == "EXACT":
        return Keyword(text, found, lambda said: said.view(found).words == whole, kind)
    if kind == "STARTS_WITH":
        return Keyword(text, found, lambda said: said.view(found).begins_with(found), kind)
    return Keyword(text, found, lambda said: said.view(found).holds(found), kind)


_FAR: Final = (Miss.INSIDE, Miss.APART, Miss.NOT_FIRST, Miss.NOT_ALONE)
"""From far to near."""


def nearest(keywords: Sequence[Keyword], said: Said) -> tuple[str, Miss]:
    """The keyword that came nearest to being said, with the reason; no keyword when none came near."""
    best, why = "", Miss.PATTERN if keywords and keywords[0].kind == "REGEX" else Miss.ABSENT
    for one in keywords:
        miss = one.miss(said)
        if miss in _FAR and (why not in _FAR or _FAR.index(miss) > _FAR.index(why)):
            best, why = one.text, miss
    return best, why
