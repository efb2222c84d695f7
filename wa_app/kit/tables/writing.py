"""CSV that a spreadsheet opens without running anything in it, and that comes back the same."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

# What Excel, LibreOffice and Google Sheets take for a formula, full-width forms included
# (owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = re.compile(r"'*[\s\u200b-\u200f\ufeff]*[=+\-@\t\r＝＋－＠]|'*[\t\r]")
_ESCAPED = re.compile(r"'(?='*[\s\u200b-\u200f\ufeff]*[=+\-@\t\r＝＋－＠]|'*[\t\r])")
_CHUNK_ROWS = 1000


def safe_cell(value: str) -> str:
    """The value, with an apostrophe before anything a spreadsheet would take for a formula."""
    return "'" + value if _FORMULA.match(value) else value


def unescape_cell(value: str) -> str:
    """Take the apostrophe of `safe_cell` (or of Excel itself) off again."""
    return value[1:] if value[:1] == "'" and _ESCAPED.match(value) else value


def csv_chunks(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """A CSV file in pieces: UTF-8 with a byte order mark (Excel needs it), commas, CRLF."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([safe_cell(cell) for cell in header])
    yield b"\xef\xbb\xbf"
    for count, row in enumerate(rows, start=1):
        writer.writerow([safe_cell(cell) for cell in row])
        if count % _CHUNK_ROWS == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "replace")
