"""Text folded for comparing and finding: case, accents and signs make no difference."""

import re
import unicodedata

_WORDS = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\+?\d[\d\s().\-]{4,}\d")


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
    """A `to_tsquery('simple', …)` that finds all words of `text` by their beginnings; empty when it has none.

    A number is looked for in each way people write it: `0812…`, `62812…`, `+62 812-…`.
    """
    joined = _NUMBER.sub(lambda hit: re.sub(r"\D", "", hit[0]) + " ", text)
    return " & ".join(_alternatives(word) for word in words(joined)[:8])


def _alternatives(word: str) -> str:
    ways = {word}
    if word.isdigit():
        ways |= {word[n:] for n, start in ((1, "0"), (2, "62"), (3, "620")) if word.startswith(start)} - {""}
    found = " | ".join(f"{way}:*" for way in sorted(ways))
    return f"({found})" if len(ways) > 1 else found


def contact_text(name: str, phone: str | None, *more: str) -> str:
    """What a contact is found by: words of its name and place, its number without 62, the number's end."""
    found = words(" ".join((name, *more)))
    if phone:
        found += [phone[3:] if phone.startswith("+62") else phone[1:], phone[-4:]]
    return " ".join(found)
