"""From a file to its text: the child parses, pages that must be seen go to OCR here."""

import asyncio
from collections.abc import Callable
from pathlib import Path, PurePath
from time import perf_counter
from typing import Final

import structlog

from wa_app.ai import ocr
from wa_app.ai.ocr import Pixels
from wa_app.ai.parsing.child import KINDS
from wa_app.ai.parsing.frames import Frame
from wa_app.ai.parsing.shapes import Limits, Refused
from wa_app.ai.reading.children import parsing
from wa_app.config import get_settings
from wa_app.errors import FieldError, Invalid
from wa_app.kit.filetypes import OCTETS, sniff
from wa_app.schemas.reading import DocumentText, Method, PageText, ReadStage

log = structlog.get_logger(__name__)

Tell = Callable[[ReadStage, int, int], None]
READABLE: Final = frozenset(mime for mime, module in KINDS.items() if module != "old")
"""Types of content that are read."""
_HEAD: Final = 8192
_FINER: Final = frozenset({"text/csv", "text/markdown", "text/tab-separated-values", "text/html"})
"""What plain text may be more exactly, when somebody says so who knows."""
_TEXTS: Final = {".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".tsv": "text/tab-separated-values"}


def _refusal(error: Refused) -> Invalid:
    return Invalid(FieldError("file", error.code, error.args_), code=error.code, **error.args_)


def content_type(path: Path, name: str, mime: str) -> str:
    """What a file is by its first bytes; `mime` counts only where these say nothing."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise Invalid(FieldError("file", "file_empty"), code="file_empty")
    found = sniff(head, name)
    if found == OCTETS and PurePath(name.lower()).suffix in _TEXTS:
        # A NUL, or UTF-16 without its mark: the parser of texts knows better than a look at the first bytes.
        return _TEXTS[PurePath(name.lower()).suffix]
    if found in ("text/plain", "application/xml") and mime in _FINER:
        return mime
    return mime if found in (OCTETS, "application/zip") and mime in READABLE else found


async def read(path: Path, name: str, mime: str, *, tell: Tell | None = None, max_s: float | None = None) -> DocumentText:
    """The text of a file, page by page.

    Args:
        name: as the person called it; its ending only tells text, CSV and Markdown apart.
        mime: what it was taken for so far; its content decides.
        tell: called with what is going on and the page of how many.
        max_s: seconds it may take, at most those of `SAPA_READING_MAX_S`.

    Raises Invalid with the code `file_empty, file_unsupported, file_old_office, file_encrypted, file_broken,
    file_too_complex, file_too_many_pages, file_too_much_text, file_read_timeout, file_no_text, picture_too_large`
    or one of `table_…`, and Unavailable("ocr_unavailable").
    """
    started = perf_counter()
    limit = min(max_s or get_settings().reading_max_s, get_settings().reading_max_s)
    kind = await asyncio.to_thread(content_type, path, name, mime)
    try:
        async with asyncio.timeout(limit):
            pages = await _pages(path, kind, tell or _nobody)
    except Refused as error:
        log.info("reading.refused", mime=kind, code=error.code)
        raise _refusal(error) from error
    except TimeoutError:
        raise Invalid(FieldError("file", "file_read_timeout"), code="file_read_timeout") from None
    if not any(page.text for page in pages):
        raise Invalid(FieldError("file", "file_no_text"), code="file_no_text")
    return DocumentText(tuple(pages), round(perf_counter() - started, 3))


def _nobody(stage: ReadStage, done: int, total: int) -> None:
    return None


async def _pages(path: Path, mime: str, tell: Tell) -> list[PageText]:
    pages: list[PageText] = []
    async with parsing(path, mime, Limits(max_pages=get_settings().reading_max_pages)) as frames:
        async for frame in frames:
            pages.append(await _page(frame, tell))
    return pages


async def _page(frame: Frame, tell: Tell) -> PageText:
    head = frame.head
    number, total = int(head["page"]), int(head["total"])
    if head["kind"] == "text":
        tell(ReadStage.READING, number, total)
        return PageText(number, str(head["text"]), Method.TEXT, heading=str(head["heading"]))
    tell(ReadStage.OCR, number, total)
    pixels = Pixels(int(head["width"]), int(head["height"]), frame.payload, float(head["scale"]))
    if not pixels.width * pixels.height * 3 == len(pixels.data):
        raise Refused("file_broken")
    seen = await ocr.read(pixels)
    return PageText(number, seen.text, Method.OCR, seen.lines)
