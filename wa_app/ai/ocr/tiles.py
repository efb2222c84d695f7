"""Long strips (receipts, pictures of a whole chat) are read piece by piece, so that letters stay large enough."""

from collections.abc import Sequence
from typing import Any, Final

from wa_app.ai.ocr.shapes import Box, Spot

LONG: Final = 2400
"""Longest side that is read in one go, in pixels: a page of A4 at 200 dpi passes whole."""
PIECE: Final = 1600
OVERLAP: Final = 120
"""What two pieces share: a line cut in one is whole in the other."""


def cut(picture: Any) -> list[tuple[int, int, Any]]:
    """Pieces of a picture with their left and upper edge; a picture of ordinary size is its only piece."""
    height, width = picture.shape[:2]
    if max(height, width) <= LONG:
        return [(0, 0, picture)]
    if height >= width:
        return [(0, top, picture[top:bottom]) for top, bottom in _spans(height)]
    return [(left, 0, picture[:, left:right]) for left, right in _spans(width)]


def _spans(total: int) -> list[tuple[int, int]]:
    spans, start = [], 0
    while True:
        end = min(total, start + PIECE)
        spans.append((start, end))
        if end == total:
            return spans
        start = end - OVERLAP


def without_doubles(before: Sequence[Spot], spots: Sequence[Spot], left: int, top: int) -> list[Spot]:
    """The spots of a piece in the picture's own pixels, without those that the piece before has seen too."""
    moved = [Spot(one.text, one.confidence, _moved(one.box, left, top)) for one in spots]
    return [one for one in moved if not any(_same_place(one.box, other.box) for other in before)]


def _moved(box: Box, left: int, top: int) -> Box:
    return tuple((x + left, y + top) for x, y in box)  # type: ignore[return-value]


def _same_place(one: Box, other: Box) -> bool:
    """Whether two boxes share more than half of the smaller one."""
    a, b = _edges(one), _edges(other)
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return False
    smaller = min((e[2] - e[0]) * (e[3] - e[1]) for e in (a, b))
    return wide * high > smaller / 2


def _edges(box: Box) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in box], [y for _, y in box]
    return min(xs), min(ys), max(xs), max(ys)
