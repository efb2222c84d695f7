"""Limits, errors and the description of a table, shared by its readers."""

from dataclasses import dataclass
from typing import Literal

MAX_BYTES = 100 * 1024 * 1024
"""Size of an uploaded table; a million contacts take about 70 MB as CSV."""
MAX_ROWS = 2_000_000
MAX_COLUMNS = 200
MAX_CELL = 32_767
"""Characters in one cell, as in Excel."""
SAMPLE_ROWS = 200

CODES = (
    "table_empty",
    "table_too_big",
    "table_too_many_rows",
    "table_too_many_columns",
    "table_cell_too_long",
    "table_quote_open",
    "table_not_text",
    "table_is_picture",
    "table_is_pdf",
    "table_is_archive",
    "table_is_page",
    "table_old_xls",
    "table_encrypted",
    "table_is_ods",
    "table_not_spreadsheet",
    "table_broken",
    "table_unsafe",
    "table_no_sheet",
    "table_bad_encoding",
)
"""Every reason for a refusal; the key `error.<code>` of the catalogues."""


class TableRefused(ValueError):
    """The file is no table that can be read; `code` is one of `CODES`, `args_` fill its text."""

    def __init__(self, code: str, **args: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.args_ = args


@dataclass(frozen=True)
class TableInfo:
    """What was found out about a file, and may be corrected before it is read."""

    kind: Literal["csv", "xlsx"]
    encoding: str
    delimiter: str
    sheets: tuple[str, ...]
    sheet: str
    has_header: bool
    columns: tuple[str, ...]
    """Names of the columns: the header's, or `A`, `B`, … without one."""
    sample: tuple[tuple[int, tuple[str, ...]], ...]
    """First rows of data, each with its number in the file."""


def letter(index: int) -> str:
    """Name of a column without header, as spreadsheets name it: 0 is A, 26 is AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name
