"""From spots of text to lines in the order a person reads them.

Spots side by side are one line, so that an amount stands on the line of its label. Columns of prose are told
from columns of a table by what is in them: prose is long on both sides.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from wa_app.ai.ocr.shapes import Box, Corner, Pixels, Spot
from wa_app.ai.ocr.turning import back
from wa_app.schemas.reading import TextLine

_PROSE: Final = 20
"""Characters of a usual line of prose, at least."""
_COLUMN_LINES: Final = 4
_PARAGRAPH: Final = 1.9
"""Distance of two lines' middles, in heights, from which a paragraph ends."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a picture says."""

    text: str
    lines: tuple[TextLine, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A spot on the straightened page."""

    spot: Spot
    left: float
    right: float
    top: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        return self.bottom - self.top


def laid_out(spots: Sequence[Spot], turn: int, pixels: Pixels) -> Seen:
    """Text and lines in reading order. Boxes are turned back and scaled to the pixels of the original picture."""
    skew = _skew(spots)
    rows = [row for column in _columns([_straight(spot, skew) for spot in spots]) for row in _rows(column)]
    lines = tuple(_line(row, skew, turn, pixels) for row in rows)
    return Seen(_as_text(rows, lines), lines)


def _as_text(rows: Sequence[Sequence[_Piece]], lines: Sequence[TextLine]) -> str:
    """A line each, an empty one where a paragraph ends."""
    usual = median(one.height for row in rows for one in row) if rows else 0.0
    parts = [line.text for line in lines[:1]]
    for (before, row), line in zip(pairwise(rows), lines[1:], strict=True):
        if abs(row[0].middle - before[0].middle) > _PARAGRAPH * usual:
            parts.append("")
        parts.append(line.text)
    return "\n".join(parts)


def _skew(spots: Sequence[Spot]) -> float:
    """By how much the page leans, in radians: the median of its long spots' upper edges."""
    angles = []
    for spot in spots:
        (x0, y0), (x1, y1) = spot.box[0], spot.box[1]
        if x1 - x0 > 3 * math.dist(spot.box[1], spot.box[2]):
            angles.append(math.atan2(y1 - y0, x1 - x0))
    return median(angles) if angles else 0.0


def _rotated(corner: Corner, angle: float) -> Corner:
    x, y = corner
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


def _straight(spot: Spot, skew: float) -> _Piece:
    corners = [_rotated(corner, -skew) for corner in spot.box]
    xs, ys = [x for x, _ in corners], sorted(y for _, y in corners)
    # The middle of the upper and of the lower two: a leaning box is not higher than its letters.
    return _Piece(spot, min(xs), max(xs), (ys[0] + ys[1]) / 2, (ys[2] + ys[3]) / 2)


def _rows(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """Pieces side by side, rows from above to below, each from left to right."""
    rows: list[list[_Piece]] = []
    for piece in sorted(pieces, key=lambda one: one.middle):
        row = next((row for row in reversed(rows[-3:]) if _fits(row, piece)), None)
        if row is None:
            rows.append([piece])
        else:
            row.append(piece)
    return [sorted(row, key=lambda one: one.left) for row in rows]


def _fits(row: Sequence[_Piece], piece: _Piece) -> bool:
    """Whether a piece stands in a row: at its height, and over nothing that is in it already."""
    middle = sum(one.middle for one in row) / len(row)
    height = min(piece.height, *(one.height for one in row))
    if abs(middle - piece.middle) > 0.55 * height:
        return False
    return all(min(one.right, piece.right) - max(one.left, piece.left) < 0.5 * height for one in row)


def _columns(pieces: list[_Piece]) -> list[list[_Piece]]:
    """Columns of prose one after the other, with what runs over their whole width before and after them."""
    gutter = _gutter(pieces)
    if gutter is None:
        return [pieces] if pieces else []
    left = [one for one in pieces if one.right <= gutter]
    right = [one for one in pieces if one.left >= gutter]
    top = min(max(min(one.top for one in left), min(one.top for one in right)), max(one.bottom for one in left))
    across = [one for one in pieces if one.left < gutter < one.right]
    above = [one for one in across if one.middle <= top]
    below = [one for one in across if one.middle > top]
    return [part for part in (above, *_columns(left), *_columns(right), below) if part]


def _gutter(pieces: Sequence[_Piece]) -> float | None:
    """The middle of the widest strip between two columns of prose; a heading or two may run across it."""
    usual = median(one.height for one in pieces) if pieces else 0.0
    best: tuple[float, float] | None = None
    for edge in sorted({one.right for one in pieces})[:-1]:
        right = [one for one in pieces if one.left > edge]
        if not right:
            continue
        gap = min(one.left for one in right) - edge
        if gap <= 0.8 * usual or (best is not None and gap <= best[0]):
            continue
        left = [one for one in pieces if one.right <= edge]
        across = len(pieces) - len(left) - len(right)
        if across <= max(2, 0.15 * len(pieces)) and _is_prose(left) and _is_prose(right):
            best = (gap, edge + gap / 2)
    return best[1] if best else None


def _is_prose(pieces: Sequence[_Piece]) -> bool:
    return len(pieces) >= _COLUMN_LINES and median(len(one.spot.text) for one in pieces) >= _PROSE


def _line(row: Sequence[_Piece], skew: float, turn: int, pixels: Pixels) -> TextLine:
    letters = sum(len(one.spot.text) for one in row)
    confidence = sum(one.spot.confidence * len(one.spot.text) for one in row) / letters
    text = " ".join(one.spot.text.strip() for one in row)
    return TextLine(text, round(confidence, 4), _box(row, skew, turn, pixels))


def _box(row: Sequence[_Piece], skew: float, turn: int, pixels: Pixels) -> Box:
    """The corners of a row in the original picture."""
    if len(row) == 1:
        corners: Sequence[Corner] = row[0].spot.box
    else:
        left, right = min(one.left for one in row), max(one.right for one in row)
        top, bottom = min(one.top for one in row), max(one.bottom for one in row)
        straight = ((left, top), (right, top), (right, bottom), (left, bottom))
        corners = [_rotated(corner, skew) for corner in straight]
    found = [back(corner, turn, pixels.width, pixels.height) for corner in corners]
    return tuple((round(x / pixels.scale, 1), round(y / pixels.scale, 1)) for x, y in found)  # type: ignore[return-value]

