"""What is read from a picture or a document."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line seen in a picture. `box` has its four corners in pixels, clockwise from the upper left."""

    text: str
    confidence: float
    box: tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]


class Method(StrEnum):
    """Where the text of a page comes from."""

    TEXT = "text"
    OCR = "ocr"


@dataclass(frozen=True, slots=True)
class PageText:
    """One page (from 1) of a document, or the whole of one that has no pages (0)."""

    page: int
    text: str
    method: Method
    lines: tuple[TextLine, ...] = ()
    heading: str = ""


class ReadStage(StrEnum):
    READING = "reading"
    OCR = "ocr"


@dataclass(frozen=True, slots=True)
class DocumentText:
    """All that was read, in order."""

    pages: tuple[PageText, ...]
    seconds: float


def reason_key(reason: str) -> str:
    """The text that says why what a customer sent was not read, by `MessageMedia.reason`."""
    return f"reading.reason.{reason}"
