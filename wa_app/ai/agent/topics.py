"""Topics an agent must not speak about."""

from collections.abc import Sequence
from functools import lru_cache

from wa_app.ai.agent.neutral import plain
from wa_app.kit.folding import words

_BEFORE = ("ber", "ter", "per", "me", "mem", "men", "meng", "di", "pe", "pem", "pen", "peng", "se", "ke")
_AFTER = ("nya", "ku", "mu", "kah", "lah", "an", "kan", "i", "s", "es", "al")


def forbidden(text: str, topics: Sequence[str]) -> str | None:
    """The first topic whose words all stand in the text, one after another, endings aside.

    >>> forbidden("Menurut kakak politiknya gimana?", ["agama", "politik"])
    'politik'
    """
    said = [_stem(word) for word in words(plain(text))]
    for topic in topics:
        wanted = [_stem(word) for word in words(topic)]
        if wanted and any(said[n : n + len(wanted)] == wanted for n in range(len(said) - len(wanted) + 1)):
            return topic
    return None


@lru_cache(4096)
def _stem(word: str) -> str:
    """A word without one common ending and one common beginning, never cut below four letters."""
    for end in _AFTER:
        if word.endswith(end) and len(word) - len(end) >= 4:
            word = word[: -len(end)]
            break
    for start in sorted(_BEFORE, key=len, reverse=True):
        if word.startswith(start) and len(word) - len(start) >= 4:
            return word[len(start) :]
    return word
