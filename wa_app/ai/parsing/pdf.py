"""PDF: the text a page carries; a page without any that is of use is drawn, to be seen."""

import math
from typing import Any, Final

from wa_app.ai.parsing.shapes import READ_AREA, Job, Output, Refused

DPI: Final = 200
_FEW: Final = 40
"""Characters below which a page with a picture on it is rather a scan."""
_LABELS: Final = 400
"""Characters of a page that is mostly one picture: its header and footer, not its content."""
_MOSTLY: Final = 0.5
_PASSWORD: Final = 4
"""pdfium's FPDF_ERR_PASSWORD."""


def parse(job: Job, out: Output) -> None:
    """Page after page, each as text or as a picture."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(str(job.path))
    except pypdfium2.PdfiumError as error:
        is_locked = getattr(error, "err_code", None) == _PASSWORD or "password" in str(error).lower()
        raise Refused("file_encrypted" if is_locked else "file_broken") from error
    total = len(document)
    if not total:
        raise Refused("file_broken")
    if total > job.limits.max_pages:
        raise Refused("file_too_many_pages", n=total, limit=job.limits.max_pages)
    broken = 0
    for index in range(total):
        try:
            page = document[index]
            _page(page, index + 1, total, out)
            page.close()
        except pypdfium2.PdfiumError:
            # One bad page does not spoil the others.
            broken += 1
    if broken == total:
        raise Refused("file_broken")


def _page(page: Any, number: int, total: int, out: Output) -> None:
    text = _text(page)
    if _must_be_seen(page, text):
        width, height = page.get_size()
        scale = min(DPI / 72, math.sqrt(READ_AREA / max(1.0, width * height)))
        bitmap = page.render(scale=scale)
        picture = bitmap.to_pil().convert("RGB")
        bitmap.close()
        out.pixels(number, total, picture, picture.width)
    else:
        out.text(number, total, text)


def _text(page: Any) -> str:
    layer = page.get_textpage()
    try:
        found = str(layer.get_text_range())
    finally:
        layer.close()
    # pdfium marks a hyphen at the end of a line with U+FFFE or U+0002.
    for mark in ("\ufffe\r\n", "\ufffe", "\x02\r\n", "\x02"):
        found = found.replace(mark, "")
    return found.replace("\r\n", "\n").replace("\r", "\n")


def _must_be_seen(page: Any, text: str) -> bool:
    """Whether the page's own text is too little or too odd to stand for what one sees."""
    letters = sum(char.isalnum() for char in text)
    odd = sum(char == "\ufffd" or "\ue000" <= char <= "\uf8ff" for char in text)
    if letters >= _LABELS and odd <= letters * 0.1:
        return False
    if odd > letters * 0.1:
        return True
    pictures, others = _objects(page)
    if letters < _FEW:
        return pictures > 0 or (letters < 5 and others > 0)
    return pictures > _MOSTLY


def _objects(page: Any) -> tuple[float, int]:
    """Which part of the page its largest picture covers, and how many drawings are on it."""
    import pypdfium2.raw

    width, height = page.get_size()
    largest, others = 0.0, 0
    for one in page.get_objects(max_depth=4):
        if one.type == pypdfium2.raw.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = one.get_bounds()
            largest = max(largest, max(0.0, right - left) * max(0.0, top - bottom) / max(1.0, width * height))
        elif one.type != pypdfium2.raw.FPDF_PAGEOBJ_TEXT:
            others += 1
    return largest, others
