"""Regular expressions that strangers write: compiled by RE2, whose time grows with the length of the text only.

RE2 has no backreferences and cannot look ahead or behind, since nobody knows how to do those in linear time.
What it refuses is told with the part that is wrong and what to write instead (`regex_*` in the catalogues).
"""

import re
import unicodedata
from typing import Any, Final

import re2

MAX_PATTERN: Final = 500
"""Characters of a pattern."""
MAX_MEMORY: Final = 1 << 19
"""Bytes that RE2 may use for one pattern; a larger one is refused when it is compiled."""
MAX_TEXT: Final = 65_536

_LOOKS: Final = ("(?=", "(?!", "(?<=", "(?<!")
_MEANINGS: Final = (
    ("missing ]", "regex_bracket_open"),
    ("missing )", "regex_paren_open"),
    ("unexpected )", "regex_paren_extra"),
    ("no argument for repetition", "regex_repeats_nothing"),
    ("bad repetition operator", "regex_repeats_twice"),
    ("invalid repetition size", "regex_repeats_too_often"),
    ("invalid character class", "regex_class_unknown"),
    ("trailing \\", "regex_backslash_last"),
    ("pattern too large", "regex_too_large"),
    ("invalid escape sequence", "regex_escape_unknown"),
    ("invalid perl operator", "regex_group_unknown"),
)
"""How RE2's message begins, and what we say."""
CODES: Final = frozenset(
    {code for _, code in _MEANINGS}
    | {"regex_look_around", "regex_backreference", "regex_end_anchor", "regex_matches_nothing", "regex_too_long",
       "regex_invalid"}
)  # fmt: skip
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\u00ad]")
_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")


class PatternRefused(ValueError):
    """A pattern that cannot be used: a code of `CODES` and the part that is wrong."""

    def __init__(self, code: str, part: str = "", limit: int = 0) -> None:
        super().__init__(code)
        self.code, self.part, self.limit = code, part, limit


class Pattern:
    """A compiled pattern; upper and lower case make no difference."""

    __slots__ = ("_compiled", "source")

    def __init__(self, source: str) -> None:
        """Raises PatternRefused."""
        if len(source) > MAX_PATTERN:
            raise PatternRefused("regex_too_long", limit=MAX_PATTERN)
        self.source = source
        self._compiled = _compile(source)
        if self._compiled.search(b"") is not None:
            raise PatternRefused("regex_matches_nothing", source[:40])

    def finds(self, raw: bytes) -> bool:
        """Whether it is found anywhere in a text made ready by `readable`."""
        return self._compiled.search(raw) is not None


def readable(text: str) -> bytes:
    """A message as patterns see it: full-width letters plain, nothing invisible; signs and accents stay."""
    clean = text[:MAX_TEXT]
    if not clean.isascii():
        clean = _INVISIBLE.sub("", unicodedata.normalize("NFKC", clean))[: 4 * MAX_TEXT]
    return _UNSENDABLE.sub("", clean).encode()


def _compile(source: str) -> Any:
    options = re2.Options()
    options.case_sensitive, options.never_capture, options.log_errors = False, True, False
    options.max_mem = MAX_MEMORY
    try:
        # The class itself, as `re2.compile` would keep the pattern in a cache of its own.
        return re2._Regexp(unicodedata.normalize("NFKC", source), options)
    except (re2.error, UnicodeEncodeError) as error:
        raise _refusal(error) from None


def _refusal(error: Exception) -> PatternRefused:
    told = error.args[0] if error.args else ""
    message = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    what, _, part = message.partition(": ")
    code = next((code for start, code in _MEANINGS if what.startswith(start)), "regex_invalid")
    if code == "regex_group_unknown" and part.startswith(_LOOKS):
        code = "regex_look_around"
    elif code == "regex_escape_unknown" and part[1:2].isdigit():
        code = "regex_backreference"
    elif code == "regex_escape_unknown" and part in ("\\Z", "\\G"):
        code = "regex_end_anchor"
    return PatternRefused(code, part[:40])
