"""Find out what a file is, then read its rows."""

import codecs
import csv
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from wa_app.kit.tables.guess import is_header
from wa_app.kit.tables.shapes import (
    MAX_BYTES,
    MAX_CELL,
    MAX_COLUMNS,
    MAX_ROWS,
    SAMPLE_ROWS,
    TableInfo,
    TableRefused,
    letter,
)
from wa_app.kit.tables.writing import unescape_cell
from wa_app.kit.tables.xlsx import Workbook

ENCODINGS = ("utf-8", "cp1252", "utf-16", "iso-8859-15", "cp1256", "gb18030", "shift_jis", "euc-kr")
"""What a person may choose when the guess was wrong."""

DELIMITERS = (",", ";", "\t", "|")
_MAX_QUOTED_LINES = 100
_HEAD = 64 * 1024
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_MAGIC = (
    (b"\x89PNG", "table_is_picture"),
    (b"\xff\xd8\xff", "table_is_picture"),
    (b"GIF8", "table_is_picture"),
    (b"RIFF", "table_is_picture"),
    (b"BM", "table_not_text"),
    (b"%PDF", "table_is_pdf"),
    (b"\x1f\x8b", "table_is_archive"),
    (b"7z\xbc\xaf", "table_is_archive"),
    (b"Rar!", "table_is_archive"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CONTROL = bytes(set(range(32)) - set(b"\t\r\n\x0c\x1a\x00"))

Row = tuple[int, list[str]]


def inspect(
    path: Path,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    has_header: bool | None = None,
) -> TableInfo:
    """What the file is and holds; what is given corrects the guess. Raises TableRefused."""
    head = _checked_head(path)
    if head.startswith(b"PK"):
        with Workbook(path) as book:
            name = book.chosen(sheet)
            found = TableInfo("xlsx", "", "", book.sheet_names, name, True, (), ())
    else:
        encoding = _known_encoding(encoding) or _guess_encoding(path, head)
        lines = _text(path, encoding, MAX_CELL)
        delimiter = delimiter or _guess_delimiter(lines)
        found = TableInfo("csv", encoding, delimiter, (), "", True, (), ())
    return _with_columns(path, found, has_header)


def read_rows(path: Path, info: TableInfo, *, max_rows: int = MAX_ROWS) -> Iterator[Row]:
    """Rows of data (no header, no empty rows) with their number in the file, counted from 1.

    Cells are text, stripped, without NUL; a row may be shorter or longer than the header.
    Raises TableRefused in the middle when a limit is passed or the file is damaged.
    """
    rows = _all_rows(path, info)
    if info.has_header:
        next(rows, None)
    for count, row in enumerate(rows):
        if count >= max_rows:
            raise TableRefused("table_too_many_rows", limit=max_rows)
        yield row


def _checked_head(path: Path) -> bytes:
    size = path.stat().st_size
    if size == 0:
        raise TableRefused("table_empty")
    if size > MAX_BYTES:
        raise TableRefused("table_too_big", limit_mb=MAX_BYTES // 2**20, size_mb=size // 2**20)
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head.startswith(_OLE):
            is_encrypted = "EncryptedPackage".encode("utf-16-le") in head + file.read(MAX_BYTES)
            raise TableRefused("table_encrypted" if is_encrypted else "table_old_xls")
    for magic, code in _MAGIC:
        if head.startswith(magic) and (code != "table_not_text" or b"\x00" in head[:64]):
            raise TableRefused(code)
    if not head.startswith(b"PK"):
        _refuse_other_text(head)
    return head


def _refuse_other_text(head: bytes) -> None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        raise TableRefused("table_is_page")
    if len(head) - len(head.translate(None, _CONTROL)) > max(4, len(head) * 0.02):
        raise TableRefused("table_not_text")


def _known_encoding(encoding: str | None) -> str | None:
    if encoding and encoding not in (*ENCODINGS, "utf-8-sig", "utf-16-le", "utf-16-be"):
        raise TableRefused("table_bad_encoding")
    return encoding


def _guess_encoding(path: Path, head: bytes) -> str:
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    zeros_even, zeros_odd = head[::2].count(0), head[1::2].count(0)
    if max(zeros_even, zeros_odd) > len(head) * 0.2:
        return "utf-16-le" if zeros_odd > zeros_even else "utf-16-be"
    if head.count(0) > len(head) * 0.05:
        raise TableRefused("table_not_text")
    return "utf-8" if _is_utf8(path) else "cp1252"


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(2**20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _text(path: Path, encoding: str, size: int) -> str:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        return file.read(size).replace("\x00", "")


def _guess_delimiter(text: str) -> str:
    """The sign that cuts most of the first rows into the same number of cells, the most cells."""
    first = text[:6].lower()
    if first.startswith("sep=") and first[4:5] in DELIMITERS:
        return first[4]
    return max(DELIMITERS, key=lambda sign: _delimiter_score(text, sign))


def _delimiter_score(text: str, sign: str) -> tuple[float, int]:
    reader = csv.reader(text.splitlines(keepends=True)[:60], delimiter=sign)
    widths = Counter(len(row) for row in itertools.islice(reader, 50) if row)
    if not widths:
        return 0.0, 0
    width, hits = widths.most_common(1)[0]
    return (hits / widths.total() if width > 1 else 0.0), width


def _all_rows(path: Path, info: TableInfo) -> Iterator[Row]:
    """Non-empty rows, the header among them."""
    rows = _xlsx_rows(path, info.sheet) if info.kind == "xlsx" else _csv_rows(path, info.encoding, info.delimiter)
    for number, cells in rows:
        if any(cells):
            if len(cells) > MAX_COLUMNS and any(cells[MAX_COLUMNS:]):
                raise TableRefused("table_too_many_columns", limit=MAX_COLUMNS, row=number)
            yield number, cells[:MAX_COLUMNS]


def _xlsx_rows(path: Path, sheet: str) -> Iterator[Row]:
    with Workbook(path) as book:
        yield from book.rows(sheet)


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[Row]:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        reader = csv.reader(_clean_lines(file), delimiter=delimiter)
        number, line = 0, 0
        while True:
            number += 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise TableRefused("table_cell_too_long", row=number, limit=MAX_CELL) from error
            if cells is None:
                return
            if reader.line_num - line > _MAX_QUOTED_LINES:
                raise TableRefused("table_quote_open", row=number)
            line = reader.line_num
            if number == 1 and 1 <= len(cells) <= 2 and cells[0][:4].lower() == "sep=":
                continue
            yield number, [unescape_cell(cell.strip()) for cell in cells]


def _clean_lines(lines: Iterable[str]) -> Iterator[str]:
    return (line.replace("\x00", "") if "\x00" in line else line for line in lines)


def _with_columns(path: Path, info: TableInfo, has_header: bool | None) -> TableInfo:
    rows = list(itertools.islice(_all_rows(path, info), SAMPLE_ROWS + 1))
    if not rows:
        raise TableRefused("table_empty")
    first, others = rows[0][1], [cells for _, cells in rows[1:]]
    header = is_header(first, others) if has_header is None else has_header
    if header and not others:
        raise TableRefused("table_empty")
    width = max(len(cells) for _, cells in rows)
    names = [(first[i] if header and i < len(first) else "") or letter(i) for i in range(width)]
    sample = rows[1:] if header else rows[:SAMPLE_ROWS]
    padded = tuple((number, tuple(cells + [""] * (width - len(cells)))) for number, cells in sample)
    return replace(info, has_header=header, columns=tuple(names), sample=padded)
