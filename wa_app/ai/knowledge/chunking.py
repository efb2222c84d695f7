"""Cutting a document into passages that still make sense alone.

A passage stays under one heading and on one page. Lines are kept whole (a line of a price list is an
answer), prose is cut between sentences and overlaps by its last one; only a line longer than a passage
is cut inside.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wa_app.schemas.reading import PageText

TARGET: Final = 600
LONGEST: Final = 900
OVERLAP: Final = 160
MAX_CHUNKS: Final = 20_000
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+(?=[\"'“(]?[A-Z0-9])")
_MARKDOWN: Final = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_HAS_LETTERS: Final = re.compile(r"[^\W\d_]{2}")
MAX_HEADING: Final = 80


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage, and where in the text of its page it begins."""

    page: int
    heading: str
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    start: int
    ends_block: bool


def cut(pages: Sequence[PageText]) -> list[Chunk]:
    """The passages of a document, in order."""
    found: list[Chunk] = []
    for page in pages:
        for heading, lines in _sections(page):
            for text, start in _packed(lines):
                found.append(Chunk(page.page, heading, text, start))
                if len(found) >= MAX_CHUNKS:
                    return found
    return found


def _sections(page: PageText) -> Iterator[tuple[str, list[_Line]]]:
    """Lines of a page under the heading they stand under."""
    lines = list(_lines(page.text))
    heading, kept = page.heading, list[_Line]()
    for at, line in enumerate(lines):
        title = _title(line, lines[at - 1] if at else None, lines[at + 1] if at + 1 < len(lines) else None)
        if title is None:
            kept.append(line)
            continue
        if kept:
            yield heading, kept
        heading, kept = f"{page.heading} › {title}" if page.heading and page.heading != title else title, []
    if kept:
        yield heading, kept
    elif heading != page.heading:
        # A title with nothing below it is still something that was written.
        yield page.heading, [_Line(heading, 0, True)]


def _lines(text: str) -> Iterator[_Line]:
    at = 0
    rows = text.split("\n")
    for number, row in enumerate(rows):
        stripped = row.strip()
        if stripped:
            following = rows[number + 1].strip() if number + 1 < len(rows) else ""
            yield _Line(stripped, at + row.index(stripped[0]), not following)
        at += len(row) + 1


def _title(line: _Line, before: _Line | None, after: _Line | None) -> str | None:
    """The text of a heading, None for anything else. In doubt it is none: then it stays in the passage."""
    if found := _MARKDOWN.match(line.text):
        return found[1][:MAX_HEADING] or None
    if after is None or len(line.text) > MAX_HEADING or not _HAS_LETTERS.search(line.text) or "|" in line.text:
        return None
    if re.search(r"\d", line.text) or line.text[-1] in ".,;!?" or line.text[0] in "-•*":
        return None
    stands_apart = before is None or before.ends_block
    if line.text.isupper() and len(line.text.split()) <= 10:
        return line.text
    if stands_apart and (line.ends_block or line.text.endswith(":")) and len(line.text.split()) <= 10:
        return line.text.rstrip(":")
    return None


def _packed(lines: Sequence[_Line]) -> Iterator[tuple[str, int]]:
    """Pieces joined into passages of about `TARGET` characters."""
    text, start, is_prose = "", 0, False
    for piece, at, glue in _pieces(lines):
        fits = len(text) + len(glue) + len(piece) <= LONGEST
        if text and (not fits or len(text) >= TARGET):
            yield text, start
            tail = _tail(text) if is_prose and glue == " " else ""
            text, start = (f"{tail} {piece}", max(0, at - len(tail) - 1)) if tail else (piece, at)
        else:
            text, start = (f"{text}{glue}{piece}", start) if text else (piece, at)
        is_prose = glue == " "
    if text:
        yield text, start


def _pieces(lines: Sequence[_Line]) -> Iterator[tuple[str, int, str]]:
    """Text, place, and what joins it to the piece before."""
    glue = "\n"
    for line in lines:
        if len(line.text) <= TARGET // 2:
            yield line.text, line.start, glue
        else:
            at, inner = line.start, glue
            for sentence in _sentences(line.text):
                yield sentence, at, inner
                at, inner = at + len(sentence) + 1, " "
        glue = "\n\n" if line.ends_block else "\n"


def _sentences(text: str) -> Iterator[str]:
    for sentence in _SENTENCE.split(text):
        while len(sentence) > LONGEST:
            at = sentence.rfind(" ", LONGEST // 2, LONGEST)
            at = at if at > 0 else LONGEST
            yield sentence[:at]
            sentence = sentence[at:].lstrip()
        if sentence:
            yield sentence


def _tail(text: str) -> str:
    """The last sentence of a passage, when it is short enough to be said twice."""
    last = _SENTENCE.split(text)[-1]
    return last if len(last) <= OVERLAP and last != text else ""
