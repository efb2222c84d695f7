"""Tables that people upload: CSV in any dress and XLSX, read row by row within limits.

    info = inspect(path)                       # kind, encoding, delimiter, sheet, header, sample
    for number, cells in read_rows(path, info):  # number is the row as the person's program counts it
        ...

Everything here is synchronous and may take seconds: call it in a thread. What is no
table, or too much of one, raises TableRefused with a code from `CODES`.
"""

from wa_app.kit.tables.guess import ColumnGuess, guess_columns, slug
from wa_app.kit.tables.reading import ENCODINGS, inspect, read_rows
from wa_app.kit.tables.shapes import CODES, MAX_BYTES, MAX_CELL, MAX_COLUMNS, MAX_ROWS, TableInfo, TableRefused
from wa_app.kit.tables.writing import csv_chunks, safe_cell, unescape_cell

__all__ = [
    "CODES",
    "ENCODINGS",
    "MAX_BYTES",
    "MAX_CELL",
    "MAX_COLUMNS",
    "MAX_ROWS",
    "ColumnGuess",
    "TableInfo",
    "TableRefused",
    "csv_chunks",
    "guess_columns",
    "inspect",
    "read_rows",
    "safe_cell",
    "slug",
    "unescape_cell",
]
