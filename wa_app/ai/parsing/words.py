"""DOCX: paragraphs under their headings, tables row by row."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from wa_app.ai.parsing.shapes import MEGABYTE, Job, Output, Refused
from wa_app.ai.parsing.sheets import named_rows
from wa_app.kit.tables.guess import is_header

MAX_ENTRIES: Final = 5_000
MAX_UNPACKED: Final = 200 * MEGABYTE
MAX_XML: Final = 40 * MEGABYTE
MAX_RATIO: Final = 150
"""Unpacked over packed; honest XML reaches about 30."""
_FROM: Final = 8 * MEGABYTE
"""Below this no ratio is a bomb."""
_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError, NotImplementedError)


def parse(job: Job, out: Output) -> None:
    """A piece of text per heading."""
    guard(job.path)
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError
    from lxml.etree import LxmlError

    try:
        document = Document(str(job.path))
    except (*_DAMAGE, PackageNotFoundError, LxmlError) as error:
        raise Refused("file_broken") from error
    for heading, lines in _sections(document):
        out.text(0, 1, "\n".join(lines), heading)


def guard(path: Path) -> None:
    """Refuse an archive that would unpack to more than a document holds. `zipfile` reads no more than it announces."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except _DAMAGE as error:
        raise Refused("file_broken") from error
    unpacked = sum(one.file_size for one in entries)
    packed = max(1, path.stat().st_size)
    if any(one.flag_bits & 1 for one in entries):
        raise Refused("file_encrypted")
    if len(entries) > MAX_ENTRIES or unpacked > MAX_UNPACKED or (unpacked > _FROM and unpacked / packed > MAX_RATIO):
        raise Refused("file_too_complex")
    if any(one.file_size > MAX_XML for one in entries if one.filename.endswith((".xml", ".rels"))):
        raise Refused("file_too_complex")


def _sections(document: Any) -> Iterator[tuple[str, list[str]]]:
    above: list[tuple[int, str]] = []
    lines: list[str] = []
    for block in _blocks(document):
        level = _level(block)
        if level and (title := block.text.strip()):
            if lines:
                yield _path(above), lines
            above = [*(one for one in above if one[0] < level), (level, title)]
            lines = []
        else:
            lines += _lines(block)
    if lines or above:
        yield _path(above), lines


def _blocks(document: Any) -> Iterator[Any]:
    """Paragraphs and tables as they follow one another."""
    yield from document.iter_inner_content()


def _level(block: Any) -> int:
    """1 to 9 for a heading, 0 for anything else."""
    name = (getattr(getattr(block, "style", None), "name", "") or "") if hasattr(block, "runs") else ""
    if name == "Title":
        return 1
    first, _, number = name.partition(" ")
    return int(number) if first.lower() == "heading" and number.isdigit() else 0


def _lines(block: Any) -> list[str]:
    if hasattr(block, "runs"):
        text = block.text.strip()
        if text and (block.style.name or "").startswith("List"):
            text = f"- {text}"
        return [text] if text else []
    rows = [_cells(row) for row in block.rows]
    filled = [row for row in rows if any(row)]
    if len(filled) > 1 and is_header(filled[0], filled[1:]):
        return list(named_rows(filled[0], filled[1:]))
    return list(named_rows((), filled))


def _cells(row: Any) -> list[str]:
    """Cells of a row; one that is joined over several columns counts once."""
    found: list[str] = []
    last = None
    for cell in row.cells:
        if cell._tc is not last:
            found.append(cell.text.strip())
        last = cell._tc
    return found


def _path(above: list[tuple[int, str]]) -> str:
    return " › ".join(name for _, name in above)
