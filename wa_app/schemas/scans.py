"""What `POST /api/v1/ocr/scan` answers."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class ScanLine(BaseModel):
    """A line of text; `box` has its corners in pixels, clockwise from the upper left of the text."""

    text: str
    confidence: float
    box: list[list[float]]


class ScanPage(BaseModel):
    """A page, from 1; 0 is the whole of a file without pages. `method` is `text` where the file itself held text."""

    page: int
    text: str = ""
    heading: str = ""
    method: Literal["text", "ocr"] = "ocr"
    lines: list[ScanLine] = Field(default_factory=list)


class ScanView(BaseModel):
    """A file that is read, or was."""

    id: UUID
    status: Literal["queued", "running", "done", "failed"]
    text: str = ""
    pages: list[ScanPage] = Field(default_factory=list)
    seconds: float | None = None


class ScanRequest(BaseModel):
    """A file inside the body: base64, also as a `data:` address."""

    base64: str = Field(min_length=4, max_length=36_000_000)
    name: str = Field(default="", max_length=200)
