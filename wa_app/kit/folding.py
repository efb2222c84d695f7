"""Text folded for comparing and finding: case, accents and signs make no difference."""

import re
import unicodedata

_WORDS = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Lower case without accents: `Ébé` is `ebe`."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))


def words(text: str) -> list[str]:
    """The folded words of a text; signs part them."""
    return _WORDS.findall(fold(text))


def prefix_query(text: str) -> str:
    """A `to_tsquery('simple', …)` that finds all words of `text` by their beginnings; empty when it has none."""
    return " & ".join(f"{word}:*" for word in words(text)[:8])


def contact_text(name: str, phone: str | None, *more: str) -> str:
    """What a contact is found by: words of its name and place, its number in every common form and its end."""
    found = words(" ".join((name, *more)))
    if phone:
        digits = phone[1:]
        national = digits[2:] if digits.startswith("62") else digits
        found += [digits, national, "0" + national, digits[-4:]]
    return " ".join(found)
