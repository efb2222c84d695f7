"""Read a whole file into chunks that the database takes as they are.

Runs in a thread. The chunks are CSV files in a folder of the job; reading the same file
twice gives the same chunks, so a run that lost them makes them again.
"""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event
from typing import TextIO

from wa_app.kit.folding import contact_text, fold
from wa_app.kit.tables import TableRefused, read_rows
from wa_app.services.identities import identity_hash
from wa_app.services.imports.plan import Person, Plan, Refusal, read_person

CHUNK_ROWS = 50_000
MAX_REFUSALS = 100_000
"""Refused values kept for the error file; further ones are only counted."""
MAX_TAGS = 300
"""Different tags one file may bring: more means that a column of free text was taken for tags."""
TELL_EVERY = 20_000
TAG_JOIN = "\x1f"
_MARK = "prepared.json"
# json.dumps makes an encoder for each row where it is given an option.
_JSON = json.JSONEncoder(ensure_ascii=False)


class Cancelled(Exception):
    """The run was told to stop."""


@dataclass
class Prepared:
    """What a file holds."""

    total: int = 0
    failed: int = 0
    duplicates: int = 0
    warnings: int = 0
    chunks: list[int] = field(default_factory=list)
    """Rows in each chunk file."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags in the file, by folded name."""

    @property
    def usable(self) -> int:
        return sum(self.chunks)


def chunk_path(folder: Path, number: int) -> Path:
    return folder / f"chunk-{number:05}.csv"


def refusals_path(folder: Path) -> Path:
    return folder / "refusals.csv"


def prepare(path: Path, plan: Plan, key: bytes, folder: Path, stop: Event, tell: Callable[[int], None]) -> Prepared:
    """Read, normalise and spool. Raises TableRefused, Cancelled."""
    mark = folder / _MARK
    if mark.exists():
        return Prepared(**json.loads(mark.read_text()))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    with refusals_path(folder).open("w", newline="", encoding="utf-8") as refused:
        spool = _Spool(plan, key, folder, refused)
        for count, (row, cells) in enumerate(read_rows(path, plan.info), start=1):
            spool.take(row, cells)
            if count % TELL_EVERY == 0:
                tell(count)
                if stop.is_set():
                    raise Cancelled
        spool.close()
    mark.write_text(json.dumps(asdict(spool.found)))
    return spool.found


def people(plan: Plan, path: Path, refusals: list[Refusal]) -> Iterator[tuple[int, list[str], Person | None]]:
    """Rows of a file as contacts, for previews; None where the number is refused."""
    for row, cells in read_rows(path, plan.info):
        yield row, cells, read_person(plan, row, cells, refusals)


class _Spool:
    def __init__(self, plan: Plan, key: bytes, folder: Path, refused: TextIO) -> None:
        self.plan, self.key, self.folder = plan, key, folder
        self.found = Prepared()
        self.seen: set[int] = set()
        self.refusals: list[Refusal] = []
        self.refused = csv.writer(refused)
        self.rows: list[tuple[object, ...]] = []

    def take(self, row: int, cells: list[str]) -> None:
        self.found.total += 1
        person = read_person(self.plan, row, cells, self.refusals)
        if self.refusals:
            self._write_refusals(person is None)
        if person is None:
            return
        number = int(person.phone)
        if number in self.seen:
            self.found.duplicates += 1
            return
        self.seen.add(number)
        self.rows.append(self._line(person))
        if len(self.rows) >= CHUNK_ROWS:
            self._flush()

    def close(self) -> None:
        if self.rows:
            self._flush()

    def _line(self, person: Person) -> tuple[object, ...]:
        attributes = person.attributes
        return (
            person.row,
            person.phone,
            "\\x" + identity_hash(self.key, "phone", person.phone).hex(),
            person.name,
            person.city,
            contact_text(person.name, person.phone, person.city, str(attributes.get("email", ""))),
            _JSON.encode(attributes) if attributes else "{}",
            TAG_JOIN.join(self._tag(tag) for tag in person.tags) if person.tags else "",
        )

    def _tag(self, name: str) -> str:
        folded = fold(name)
        if folded not in self.found.tags:
            if len(self.found.tags) >= MAX_TAGS:
                raise TableRefused("import_too_many_tags", limit=MAX_TAGS)
            self.found.tags[folded] = name
        return folded

    def _write_refusals(self, is_row_lost: bool) -> None:
        self.found.failed += is_row_lost
        self.found.warnings += len(self.refusals) - is_row_lost
        if self.found.failed + self.found.warnings <= MAX_REFUSALS:
            self.refused.writerows((r.row, r.column, r.value[:200], r.code) for r in self.refusals)
        self.refusals.clear()

    def _flush(self) -> None:
        path = chunk_path(self.folder, len(self.found.chunks))
        with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
            csv.writer(file).writerows(self.rows)
        self.found.chunks.append(len(self.rows))
        self.rows = []
