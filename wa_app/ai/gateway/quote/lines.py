"""A passage cut into the pieces that can be quoted: rows of a list, sentences of prose, answers to questions."""

import re
from dataclasses import dataclass
from typing import Final

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+(?=[\"“(]?[A-Z0-9])")
_ABBREVIATION: Final = re.compile(r"\b(?:Rp|Jl|Jln|No|dr|Dr|Bpk|Hj|H|dll|dsb|a\.n|PT|CV|Tbk|Kec|Kab|Mr|Mrs|St)\.$")
_ASKS: Final = re.compile(r"^(?:t|q|tanya|pertanyaan|question)\s*[:.)]\s*", re.I)
_ANSWERS: Final = re.compile(r"^(?:j|a|jawab|jawaban|answer)\s*[:.)]\s*", re.I)
_BULLET: Final = re.compile(r"^\s*(?:[-*•·▪◦‣]+|\d{1,2}[.)])\s+")
_RULE: Final = re.compile(r"^[\s|:+=_-]+$")
_DELIMITERS: Final = ("\t", "|", ";", ",")
PROSE: Final = 160
"""A line longer than this is prose and is cut into sentences."""


@dataclass(frozen=True, slots=True)
class Line:
    """One quotable piece. `lead` is what stands above it and gives it its meaning: a header, a question."""

    text: str
    lead: str = ""
    is_row: bool = False
    is_question: bool = False


def lines_of(text: str) -> list[Line]:
    """The pieces of a passage, in order."""
    raw = [line.strip() for line in text.replace("\r", "").split("\n")]
    found: list[Line] = []
    header: tuple[str, list[str]] | None = None
    for place, line in enumerate(raw):
        if not line or _RULE.match(line):
            continue
        delimiter, cells = _cells(line)
        if header is not None and delimiter == header[0] and len(cells) == len(header[1]):
            found.append(Line(_named(header[1], cells), is_row=True))
            continue
        header = _header(delimiter, cells, raw[place + 1 : place + 3])
        if header is None:
            found.extend(_pieces(line))
    return _answered(found)


def _cells(line: str) -> tuple[str, list[str]]:
    for delimiter in _DELIMITERS:
        cells = [cell.strip() for cell in line.strip("|").split(delimiter)]
        if len(cells) >= 2 and (delimiter != "," or (len(cells) >= 3 and all(len(cell) < 40 for cell in cells))):
            return delimiter, cells
    return "", []


def _header(delimiter: str, cells: list[str], following: list[str]) -> tuple[str, list[str]] | None:
    """A table's first line: short cells without figures, over a line of as many cells."""
    if not delimiter or not all(cells) or any(len(cell) > 30 or re.search(r"\d", cell) for cell in cells):
        return None
    below = [line for line in following if line and not _RULE.match(line)]
    alike = [_cells(line) for line in below[:1]]
    fits = any(found == delimiter and len(row) == len(cells) for found, row in alike)
    return (delimiter, cells) if fits and re.search(r"\d", " ".join(below[:1])) else None


def _named(header: list[str], cells: list[str]) -> str:
    """A row as people say it: the first cell, then each figure with the name of its column."""
    rest = [f"{name}: {cell}" for name, cell in zip(header[1:], cells[1:], strict=True) if cell]
    return ", ".join([cells[0], *rest]) if cells[0] else ", ".join(rest)


def _pieces(line: str) -> list[Line]:
    plain = _BULLET.sub("", line)
    if len(line) <= PROSE and not re.search(r"[.!?]\s+\S", plain):
        return [Line(plain, is_row=_is_row(line))]
    return [Line(one) for one in sentences(plain)]


def sentences(text: str) -> list[str]:
    """Prose cut after its full stops; `Rp. 50.000` and `Jl. Merdeka` stay whole."""
    found: list[str] = []
    for part in _SENTENCE.split(" ".join(text.split())):
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return [one for one in found if one]


def _is_row(line: str) -> bool:
    return bool(_BULLET.match(line) or re.search(r"\d", line) or ":" in line)


def _answered(found: list[Line]) -> list[Line]:
    """Questions of a list of questions go over to their answers as leads."""
    made: list[Line] = []
    asked = ""
    for line in found:
        if _ASKS.match(line.text) or (line.text.endswith("?") and len(line.text) < 200):
            asked = _ASKS.sub("", line.text)
            made.append(Line(asked, is_question=True))
            continue
        text = _ANSWERS.sub("", line.text)
        if text:
            made.append(Line(text, asked, line.is_row))
    return made
