"""What is looked for in the documents: the customer's newest words, and the talk before them where they lean on it."""

import re
from collections.abc import Sequence
from typing import Final

from wa_app.ai.agent.neutral import plain
from wa_app.kit.folding import fold, words
from wa_app.schemas.ai import Turn

MAX_QUERY: Final = 500
_LEANS = re.compile(
    r"^\W*(?:kalau|kalo|klo|yang|yg|terus|trus|lalu|dan|kalau begitu|itu|tadi|berapa(?:an)?|brp|jadi|sama|bagaimana dengan|gimana dengan|and|what about|"
    r"how about|or|then|the|that one|those|it|how much|how many|which one)\b"
)
_SHORT: Final = 6
_EMPTY_WORDS: Final = """
halo hai hi hello kak kakak min admin gan sis bang mas mbak pak bu ya dong sih deh nih kok lah selamat pagi siang sore malam mau tanya permisi
tolong mohon terima kasih makasih please thanks thank you hey
"""
_EMPTY: Final = frozenset(_EMPTY_WORDS.split())


def query_of(text: str, history: Sequence[Turn] = ()) -> str:
    """The question for the search.

    >>> query_of("kalau 5 kg?", [Turn("user", "harga kopi gayo?"), Turn("assistant", "Rp 85.000 per kg")])
    'kalau 5 kg? harga kopi gayo?'
    """
    newest = " ".join(plain(text).split())
    if not leans(newest):
        return _cut(newest)
    before = [" ".join(plain(turn.text).split()) for turn in history if turn.role == "user"][-2:]
    return _cut(" ".join([newest, *reversed(before)]))


def leans(text: str) -> bool:
    """Whether a message cannot be understood without what was said before: it is short, or begins like a continuation."""
    said = [word for word in words(text) if word not in _EMPTY]
    return len(said) <= 2 or (len(said) <= _SHORT and _LEANS.match(fold(text)) is not None)


def _cut(text: str) -> str:
    """Long messages are looked for by their beginning and end, where the question mostly stands."""
    return text if len(text) <= MAX_QUERY else f"{text[: MAX_QUERY * 2 // 3]} {text[-MAX_QUERY // 3 :]}"
