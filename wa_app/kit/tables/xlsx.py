"""XLSX read straight from its XML: exact numbers, dates by style, nothing expanded or run.

A spreadsheet is a ZIP of XML from a stranger. Sizes are counted while unpacking (never
believed from the directory), a DOCTYPE is refused (entity bombs, outside files), and a row
is as wide as the cells it holds, not as the sheet claims to be.
"""

import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.parsers import expat

from wa_app.kit.tables.shapes import MAX_CELL, MAX_COLUMNS, TableRefused

MAX_SHEET = 700 * 2**20
MAX_STRINGS = 200 * 2**20
MAX_PART = 20 * 2**20
MAX_ENTRIES = 5_000
_BLOCK = 64 * 1024
_DATE_FORMATS = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_NOT_A_DATE = re.compile(r'"[^"]*"|\[(?!h|m|s)[^\]]*\]|\\.|_.|\*.', re.IGNORECASE)
_NUMBER_DAMAGE = (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError, NotImplementedError)


class Workbook:
    """An open XLSX file. Use as a context manager; raises TableRefused."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise TableRefused("table_broken") from error
        try:
            self._open()
        except TableRefused:
            self._zip.close()
            raise

    def _open(self) -> None:
        names = set(self._zip.namelist())
        if len(names) > MAX_ENTRIES:
            raise TableRefused("table_unsafe")
        if any(entry.flag_bits & 1 for entry in self._zip.infolist()):
            raise TableRefused("table_encrypted")
        if "xl/workbook.xml" not in names:
            raise TableRefused(self._other_kind(names))
        self._epoch = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's day has no zone
        self._sheets = self._sheet_parts()
        self._strings: list[str] | None = None
        self._dates: list[bool] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @property
    def sheet_names(self) -> tuple[str, ...]:
        """The visible worksheets in their order."""
        return tuple(self._sheets)

    def chosen(self, sheet: str | None) -> str:
        """The sheet asked for, else the first that is not empty."""
        if sheet is not None:
            if sheet not in self._sheets:
                raise TableRefused("table_no_sheet", sheet=sheet[:60])
            return sheet
        for name in self._sheets:
            if any(any(cells) for _, cells in self.rows(name)):
                return name
        raise TableRefused("table_empty")

    def rows(self, sheet: str) -> Iterator[tuple[int, list[str]]]:
        """Rows of one sheet with the numbers that Excel shows."""
        part = self._sheets.get(sheet)
        if part is None:
            raise TableRefused("table_no_sheet", sheet=sheet[:60])
        if self._strings is None:
            self._strings = _SharedStrings().read(self._blocks("xl/sharedStrings.xml", MAX_STRINGS))
            self._dates = _Styles().read(self._blocks("xl/styles.xml", MAX_PART))
        reader = _Sheet(self._strings, self._dates, self._epoch)
        yield from reader.rows(self._blocks(part, MAX_SHEET))

    def _other_kind(self, names: set[str]) -> str:
        if "mimetype" in names and b"opendocument.spreadsheet" in self._zip.read("mimetype")[:100]:
            return "table_is_ods"
        return "table_not_spreadsheet" if "[Content_Types].xml" in names else "table_is_archive"

    def _sheet_parts(self) -> dict[str, str]:
        relations = _Relations().read(self._blocks("xl/_rels/workbook.xml.rels", MAX_PART))
        book = _Book()
        book.read(self._blocks("xl/workbook.xml", MAX_PART))
        if book.is_1904:
            self._epoch = datetime(1904, 1, 1)  # noqa: DTZ001 - as above
        found = {}
        for name, relation in book.sheets:
            target = relations.get(relation, "")
            part = target.lstrip("/") if target.startswith("/") else "xl/" + target
            if part in self._zip.NameToInfo and "worksheets/" in part:
                found[name] = part
        if not found:
            raise TableRefused("table_empty")
        return found

    def _blocks(self, part: str, limit: int) -> Generator[bytes, None, None]:
        if part not in self._zip.NameToInfo:
            return
        read = 0
        try:
            with self._zip.open(part) as file:
                while block := file.read(_BLOCK):
                    read += len(block)
                    if read > limit:
                        raise TableRefused("table_unsafe")
                    yield block
        except _NUMBER_DAMAGE as error:
            raise TableRefused("table_broken") from error


class _Xml:
    """A push parser over the blocks of one part; names come without their namespace."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=None)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = lambda name, attrs: self.start(name.rpartition(":")[2], attrs)
        self.parser.EndElementHandler = lambda name: self.end(name.rpartition(":")[2])
        self.parser.CharacterDataHandler = self.text
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _refuse(self, *_: object) -> None:
        raise TableRefused("table_unsafe")

    def start(self, name: str, attrs: dict[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def text(self, data: str) -> None: ...

    def feed(self, blocks: Generator[bytes, None, None]) -> Iterator[None]:
        """Parse block after block, giving control back after each; no block at all is no data."""
        last = b""
        with closing(blocks):
            try:
                for last in blocks:
                    self.parser.Parse(last, False)
                    yield
                if last:
                    self.parser.Parse(b"", True)
            except expat.ExpatError as error:
                raise TableRefused("table_broken") from error
        yield

    def run(self, blocks: Generator[bytes, None, None]) -> None:
        for _ in self.feed(blocks):
            pass


class _Relations(_Xml):
    def read(self, blocks: Generator[bytes, None, None]) -> dict[str, str]:
        self.found: dict[str, str] = {}
        self.run(blocks)
        return self.found

    def start(self, name: str, attrs: dict[str, str]) -> None:
        if name == "Relationship":
            self.found[attrs.get("Id", "")] = attrs.get("Target", "")


class _Book(_Xml):
    is_1904 = False

    def read(self, blocks: Generator[bytes, None, None]) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.run(blocks)

    def start(self, name: str, attrs: dict[str, str]) -> None:
        if name == "sheet" and attrs.get("state", "visible") == "visible":
            relation = next((v for k, v in attrs.items() if k.rpartition(":")[2] == "id"), "")
            self.sheets.append((attrs.get("name", ""), relation))
        elif name == "workbookPr":
            self.is_1904 = attrs.get("date1904") in ("1", "true")


class _Styles(_Xml):
    """Which cell styles show a number as a date."""

    def read(self, blocks: Generator[bytes, None, None]) -> list[bool]:
        self.custom: dict[str, bool] = {}
        self.dates: list[bool] = []
        self.inside = False
        self.run(blocks)
        return self.dates

    def start(self, name: str, attrs: dict[str, str]) -> None:
        if name == "numFmt":
            code = _NOT_A_DATE.sub("", attrs.get("formatCode", "")).lower()
            is_date = bool(re.search(r"[dyhsm]", code)) and "#" not in code and not code.startswith("0")
            self.custom[attrs.get("numFmtId", "")] = is_date
        elif name == "cellXfs":
            self.inside = True
        elif name == "xf" and self.inside:
            number = attrs.get("numFmtId", "0")
            self.dates.append(self.custom.get(number, number.isdigit() and int(number) in _DATE_FORMATS))

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self.inside = False


class _SharedStrings(_Xml):
    def read(self, blocks: Generator[bytes, None, None]) -> list[str]:
        self.found: list[str] = []
        self.words: list[str] = []
        self.in_text = self.in_phonetic = False
        self.run(blocks)
        return self.found

    def start(self, name: str, attrs: dict[str, str]) -> None:
        if name == "si":
            self.words = []
        elif name == "rPh":
            self.in_phonetic = True
        elif name == "t":
            self.in_text = not self.in_phonetic

    def end(self, name: str) -> None:
        if name == "si":
            self.found.append(_cell("".join(self.words)))
        elif name == "rPh":
            self.in_phonetic = False
        elif name == "t":
            self.in_text = False

    def text(self, data: str) -> None:
        if self.in_text:
            self.words.append(data)


class _Sheet(_Xml):
    def __init__(self, strings: list[str], dates: list[bool], epoch: datetime) -> None:
        super().__init__()
        self.strings, self.dates, self.epoch = strings, dates, epoch
        self.done: list[tuple[int, list[str]]] = []
        self.row: list[str] = []
        self.number = 0
        self.column = 0
        self.kind = self.style = ""
        self.words: list[str] = []
        self.in_value = False

    def rows(self, blocks: Generator[bytes, None, None]) -> Iterator[tuple[int, list[str]]]:
        for _ in self.feed(blocks):
            yield from self.done
            self.done = []

    def start(self, name: str, attrs: dict[str, str]) -> None:
        if name == "c":
            self.kind, self.style, self.words = attrs.get("t", "n"), attrs.get("s", ""), []
            self.column = _column(attrs.get("r", "")) if "r" in attrs else self.column + 1
        elif name == "v" or name == "t":
            self.in_value = True
        elif name == "row":
            number = attrs.get("r", "")
            self.number = int(number) if number.isdigit() and len(number) < 9 else self.number + 1
            self.row, self.column = [], 0

    def end(self, name: str) -> None:
        if name == "v" or name == "t":
            self.in_value = False
        elif name == "c" and self.words:
            self._put(self._value("".join(self.words)))
        elif name == "row":
            self.done.append((self.number, self.row))

    def text(self, data: str) -> None:
        if self.in_value:
            self.words.append(data)

    def _put(self, value: str) -> None:
        if not value:
            return
        if self.column > MAX_COLUMNS:
            raise TableRefused("table_too_many_columns", limit=MAX_COLUMNS, row=self.number)
        self.row.extend([""] * (self.column - len(self.row)))
        self.row[self.column - 1] = value

    def _value(self, raw: str) -> str:
        if self.kind == "s":
            return self.strings[int(raw)] if raw.isdigit() and int(raw) < len(self.strings) else ""
        if self.kind == "n":
            is_date = self.style.isdigit() and int(self.style) < len(self.dates) and self.dates[int(self.style)]
            return _number(raw, self.epoch if is_date else None)
        if self.kind == "e":
            return ""
        if self.kind == "b":
            return "TRUE" if raw == "1" else "FALSE"
        return _cell(raw)


def _column(reference: str) -> int:
    """Number of the column in a reference such as `AB12`, counted from 1."""
    number = 0
    for char in reference[:4]:
        if not ("A" <= char <= "Z"):
            break
        number = number * 26 + ord(char) - 64
    return max(number, 1)


def _number(raw: str, epoch: datetime | None) -> str:
    """A numeric cell in full: no exponent, no rounding; a date as ISO text."""
    try:
        number = Decimal(raw)
    except InvalidOperation:
        return _cell(raw)
    if not number.is_finite() or abs(number.adjusted()) > 30:
        return _cell(raw)
    if epoch is not None and 0 <= number < 2_958_466:
        return _date(number, epoch)
    if number == number.to_integral_value():
        return format(number.to_integral_value(), "f")
    # Excel keeps 15 digits and writes 17: 0.1 stands in the file as 0.10000000000000001.
    return format(Decimal(format(number, ".15g")), "f")


def _date(number: Decimal, epoch: datetime) -> str:
    if number < 1:
        return (epoch + timedelta(seconds=round(float(number) * 86_400))).strftime("%H:%M")
    when = epoch + timedelta(days=int(number), seconds=round(float(number % 1) * 86_400))
    return when.strftime("%Y-%m-%d") if when.hour == when.minute == 0 else when.strftime("%Y-%m-%d %H:%M")


def _cell(text: str) -> str:
    return text[:MAX_CELL].replace("\x00", "").strip()
