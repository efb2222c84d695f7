"""Words by which people stop and start: when a message is one.

The rule. A message is folded (case, accents, punctuation, emoji and spaces make no difference, and
a letter that is repeated counts once, so `STOPPP!!` is `stop`). It means a word of the list when,
folded, it is that word or phrase and nothing else; polite words and what is being stopped may stand
around it (`tolong stop ya kak`, `stop kirim promo`), for opting out only. A sentence that merely
holds the word means nothing: `bisa kirim keluar kota?` stops nobody's messages.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from wa_app.kit.folding import fold

MAX_TEXT: Final = 200
"""Characters of a message that are looked at; a longer one is no command."""
MAX_WORDS: Final = 8
"""Words of a message that may still be a command."""

OPT_OUT: Final[tuple[str, ...]] = (
    "STOP", "BERHENTI", "UNSUB", "UNSUBSCRIBE", "UNREG", "KELUAR", "HENTIKAN", "STOP PROMO", "BERHENTI BERLANGGANAN",
    "JANGAN KIRIM LAGI", "OPT OUT", "STOP ALL", "CANCEL SUBSCRIPTION", "REMOVE ME",
    "HENTI", "HENTI LANGGANAN",
    "MANDHEG", "MANDEG",
    "EUREUN",
    "توقف", "إيقاف", "إلغاء الاشتراك",
    "退订", "停止",
)  # fmt: skip
"""What a tenant starts with: Indonesian and English, then Malay, Javanese, Sundanese, Arabic, Chinese."""
OPT_IN: Final[tuple[str, ...]] = (
    "MULAI", "START", "LANJUT", "LANJUTKAN", "LANGGANAN LAGI", "IKUT LAGI", "SUBSCRIBE", "UNSTOP", "OPT IN", "RESUME",
    "MULA", "SAMBUNG",
    "MIWITI",
    "MIMITIAN",
    "ابدأ", "اشتراك",
    "订阅", "开始",
)  # fmt: skip

_AROUND: Final = """
ya yaa kak ka min admin gan sis bang mas mbak pak bu om tolong tlg mohon please pls plz dong deh aja saja sekarang
terima kasih makasih thanks thank you thx now all
kirim pesan promo promosi iklan spam broadcast siaran info sms wa whatsapp chat langganan berlangganan
send sending message messages msg msgs promotion promotions ads texting me to the this
lagi ini dari semua
"""
"""Polite words, and names of what is being stopped."""

_SIGNS = re.compile(r"[^\w]+|_+")
_REPEATED = re.compile(r"([^\W\d_])\1+")
_TATWEEL = "\u0640"


class Meaning(StrEnum):
    STOP = "stop"
    START = "start"


def fold_message(text: str) -> str:
    """A message as it is compared: folded words, one space between them, repeated letters and words once.

    >>> fold_message("  *STOPPP*!! 🙏 ")
    'stop'
    >>> fold_message("s.t.o.p")
    'stop'
    """
    plain = fold(unicodedata.normalize("NFKC", text)).replace(_TATWEEL, "")
    words = [_REPEATED.sub(r"\1", word) for word in _SIGNS.sub(" ", plain).split()]
    if len(words) > 2 and all(len(word) == 1 and word.isalpha() for word in words):
        words = [_REPEATED.sub(r"\1", "".join(words))]
    return " ".join(word for at, word in enumerate(words) if at == 0 or word != words[at - 1])


@dataclass(frozen=True, slots=True)
class WordList:
    """The words of one tenant, folded and ready to compare."""

    stop: frozenset[str]
    start: frozenset[str]

    def meaning(self, text: str) -> Meaning | None:
        """What a message asks for, None when it is an ordinary message. In doubt it is a stop."""
        if not text or len(text) > MAX_TEXT:
            return None
        folded = fold_message(text)
        if not folded or folded.count(" ") >= MAX_WORDS:
            return None
        if any(one in self.stop for one in _commands(folded)):
            return Meaning.STOP
        return Meaning.START if folded in self.start else None


def word_list(stop: Iterable[str], start: Iterable[str]) -> WordList:
    """A list out of words as people write them. What folds to nothing is left out; a word in both lists stops."""
    return _word_list(tuple(stop), tuple(start))


@lru_cache(maxsize=512)
def _word_list(stop: tuple[str, ...], start: tuple[str, ...]) -> WordList:
    stops = frozenset(filter(None, map(fold_message, stop)))
    return WordList(stops, frozenset(filter(None, map(fold_message, start))) - stops)


def _commands(folded: str) -> Iterator[str]:
    """The folded message, and what is left of it without polite words at its ends."""
    words = folded.split(" ")
    for first in range(len(words)):
        for last in range(len(words), first, -1):
            yield " ".join(words[first:last])
            if words[last - 1] not in _FOLDED_AROUND:
                break
        if words[first] not in _FOLDED_AROUND:
            break


_FOLDED_AROUND: Final = frozenset(map(fold_message, _AROUND.split()))
