"""CSV and XLSX: each row as a line that names its columns, so that a row found alone still says what it means."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from wa_app.ai.parsing import texts
from wa_app.ai.parsing.shapes import Job, Output, Refused
from wa_app.kit.tables import TableInfo, TableRefused, inspect, read_rows

MAX_ROWS: Final = 200_000
MAX_SHEETS: Final = 50
_PLAIN: Final = frozenset({"table_quote_open", "table_too_many_columns", "table_cell_too_long", "table_empty"})
"""Reasons for which a CSV is no table, yet may be text."""


def parse(job: Job, out: Output) -> None:
    """A piece of text per sheet."""
    try:
        _tables(job, out)
    except TableRefused as error:
        if error.code in _PLAIN and job.mime.startswith("text/"):
            texts.parse(Job(job.path, "text/plain", job.limits), out)
        else:
            raise Refused(error.code, **error.args_) from error


def _tables(job: Job, out: Output) -> None:
    first = inspect(job.path)
    sheets = first.sheets[:MAX_SHEETS] or ("",)
    for number, sheet in enumerate(sheets, 1):
        info = first if sheet == first.sheet else _inspected(job.path, sheet)
        if info is not None:
            out.text(number if len(sheets) > 1 else 0, len(sheets), "\n".join(_lines(job.path, info)), sheet)


def _inspected(path: Path, sheet: str) -> TableInfo | None:
    try:
        return inspect(path, sheet=sheet)
    except TableRefused as error:
        if error.code == "table_empty":
            return None
        raise


def _lines(path: Path, info: TableInfo) -> Iterator[str]:
    rows = (cells for _, cells in islice(read_rows(path, info, max_rows=MAX_ROWS), MAX_ROWS))
    return named_rows(info.columns if info.has_header else (), rows)


def named_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Rows as lines: `Item: Coffee | Price: 18000`, or the cells alone without names for columns.

    >>> list(named_rows(("Item", "Price"), [("Coffee", "18000"), ("Tea", "")]))
    ['Item: Coffee | Price: 18000', 'Item: Tea']
    """
    for cells in rows:
        named = (
            f"{columns[place]}: {_flat(cell)}" if place < len(columns) and columns[place] else _flat(cell)
            for place, cell in enumerate(cells) if cell
        )  # fmt: skip
        if line := " | ".join(named):
            yield line


def _flat(cell: str) -> str:
    return " ".join(cell.split())
