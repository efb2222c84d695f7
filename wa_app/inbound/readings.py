"""What of a read document is kept on its message: enough to answer and to show, never a whole book."""

from typing import Any, Final

from wa_app.schemas.reading import DocumentText, Method, PageText

MAX_TEXT: Final = 20_000
"""Characters."""
MAX_LINES: Final = 200


def as_reading(document: DocumentText) -> dict[str, Any]:
    """`{text, method, pages, lines, is_cut, ms}` of a document, cut to what a message may carry."""
    whole = "\n\n".join(_part(page) for page in document.pages if page.text)
    lines = [_line(page, line) for page in document.pages for line in page.lines]
    method = Method.OCR if any(page.method is Method.OCR for page in document.pages) else Method.TEXT
    return {
        "text": whole[:MAX_TEXT], "method": method.value, "pages": len(document.pages), "lines": lines[:MAX_LINES],
        "is_cut": len(whole) > MAX_TEXT or len(lines) > MAX_LINES, "ms": round(document.seconds * 1000),
    }  # fmt: skip


def _part(page: PageText) -> str:
    return f"{page.heading}\n{page.text}" if page.heading else page.text


def _line(page: PageText, line: Any) -> dict[str, Any]:
    return {"page": page.page, "text": line.text, "confidence": line.confidence, "box": [list(one) for one in line.box]}
