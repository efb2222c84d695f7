"""What goes into the engine and what it sees, before lines are made of it."""

from dataclasses import dataclass

Corner = tuple[float, float]
Box = tuple[Corner, Corner, Corner, Corner]


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded picture: rows of RGB bytes. `scale` is its size over that of the picture it was made from."""

    width: int
    height: int
    data: bytes
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A piece of text where it was found: its corners clockwise from the upper left of the text."""

    text: str
    confidence: float
    box: Box
