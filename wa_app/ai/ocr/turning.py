"""Which way up a picture is, told by what was read of it; no model of its own is needed.

Text that lies on its side makes boxes higher than wide. Text that stands on its head is read, but badly.
"""

from collections.abc import Sequence
from typing import Final

from wa_app.ai.ocr.shapes import Box, Corner, Spot

SURE: Final = 0.88
"""Mean confidence above which nobody looks whether it would read better upside down."""
_ENOUGH: Final = 2
"""Characters a spot needs to have a direction."""


def better_turns(spots: Sequence[Spot]) -> tuple[int, ...]:
    """Quarter-turns (counter-clockwise) worth a try, the likelier first; none when it reads well as it is."""
    telling = [one for one in spots if len(one.text) > _ENOUGH]
    if not telling:
        return ()
    total = sum(_length(one.box) for one in telling)
    if sum(_length(one.box) for one in telling if _lies(one.box)) > total / 2:
        return (1, 3)
    letters = sum(len(one.text) for one in telling)
    sure = sum(one.confidence * len(one.text) for one in telling) / letters
    return () if sure >= SURE else (2,)


def _lies(box: Box) -> bool:
    xs, ys = [x for x, _ in box], [y for _, y in box]
    return max(ys) - min(ys) > 1.5 * (max(xs) - min(xs))


def _length(box: Box) -> float:
    xs, ys = [x for x, _ in box], [y for _, y in box]
    return max(max(xs) - min(xs), max(ys) - min(ys))


def back(corner: Corner, turn: int, width: float, height: float) -> Corner:
    """Where a corner of the turned picture is in the picture before it was turned, which is `width` × `height`.

    >>> back((0, 10), 1, 100, 50)
    (90, 0)
    """
    x, y = corner
    if turn == 1:
        return width - y, x
    if turn == 2:
        return width - x, height - y
    if turn == 3:
        return y, height - x
    return corner
