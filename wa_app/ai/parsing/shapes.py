"""What the child is told, and how it refuses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

MEGABYTE: Final = 1024 * 1024
MAX_TEXT: Final = 10_000_000
"""Characters of one document; a book of 3,000 pages has six million."""
READ_AREA: Final = 4_400_000
"""Pixels a picture is brought down to before it is read: A4 at 200 dpi passes whole."""
MAX_PIXELS: Final = 80_000_000
"""More is refused before anything is decoded."""
MAX_SIDE: Final = 20_000
MAX_STRIP: Final = 16_000_000
"""Pixels of a long strip, which is read piece by piece."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost the child."""

    memory: int = 1536 * MEGABYTE
    """Address space in bytes."""
    cpu_s: int = 300
    max_pages: int = 300


@dataclass(frozen=True, slots=True)
class Job:
    """One file to parse."""

    path: Path
    mime: str
    limits: Limits


class Refused(Exception):
    """The file is not read; `code` names why, `args_` fill its text."""

    def __init__(self, code: str, **args: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.args_ = args


class Output(Protocol):
    """Where parsers hand their finds."""

    def text(self, page: int, total: int, text: str, heading: str = "") -> None:
        """Text of a page (0: the document has no pages) or of what stands under a heading."""
        ...

    def pixels(self, page: int, total: int, picture: Any, original_width: int) -> None:
        """A page that must be seen: a picture of Pillow's, and how wide the original is."""
        ...
