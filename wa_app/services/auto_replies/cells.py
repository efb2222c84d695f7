"""A rule as a row of a table: what stands in each cell, and how a person's cells are read."""

import re
from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, Final
from uuid import UUID

from wa_app.kit.folding import fold
from wa_app.schemas.auto_replies import AutoReplyView

COLUMNS: Final = (
    "name", "match_type", "keywords", "response_text", "keeps_silent", "file_id", "priority", "is_active", "devices", "windows",
    "from_date", "until_date", "limit_times", "limit_period", "cooldown_s", "delay", "hand_over", "stops_here",
)  # fmt: skip
_HEADS: Final = {
    "nama": "name", "jenis": "match_type", "type": "match_type", "kata kunci": "keywords", "keyword": "keywords",
    "kata_kunci": "keywords", "jawaban": "response_text", "balasan": "response_text", "answer": "response_text",
    "response": "response_text", "diam": "keeps_silent", "prioritas": "priority", "aktif": "is_active",
    "active": "is_active", "perangkat": "devices", "device": "devices", "jadwal": "windows", "schedule": "windows",
    "mulai": "from_date", "sampai": "until_date", "batas": "limit_times", "periode": "limit_period",
    "jeda": "cooldown_s", "serahkan": "hand_over", "berhenti": "stops_here",
}  # fmt: skip
_KINDS: Final = {
    "exact": "EXACT", "persis": "EXACT", "sama": "EXACT", "contains": "CONTAINS", "memuat": "CONTAINS", "mengandung": "CONTAINS",
    "starts_with": "STARTS_WITH", "starts with": "STARTS_WITH", "diawali": "STARTS_WITH", "regex": "REGEX", "pola": "REGEX",
}  # fmt: skip
_YES: Final = frozenset({"true", "yes", "ya", "y", "1", "aktif", "on", "benar"})
_NO: Final = frozenset({"false", "no", "tidak", "n", "0", "mati", "off", "salah"})
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_NAMES: Final = {
    **{name: at for at, name in enumerate(_DAYS)},
    "sen": 0, "sel": 1, "rab": 2, "kam": 3, "jum": 4, "sab": 5, "min": 6,
}  # fmt: skip
_WINDOW = re.compile(r"\s*([^\d]+?)\s+(\d{1,2})[:.](\d{2})\s*-\s*(\d{1,2})[:.](\d{2})\s*")
FLAGS: Final = frozenset({"keeps_silent", "is_active", "hand_over", "stops_here"})
NUMBERS: Final = frozenset({"priority", "limit_times", "cooldown_s"})


class CellRefused(ValueError):
    """A cell that cannot be read: the field and a code."""

    def __init__(self, field: str, code: str, **args: str | int) -> None:
        super().__init__(code)
        self.field, self.code, self.args_ = field, code, args


def column_of(head: str) -> str | None:
    """The field that a column's head names."""
    folded = " ".join(fold(head).split())
    return folded if folded in COLUMNS else _HEADS.get(folded)


def cells(view: AutoReplyView, devices: Mapping[UUID, str]) -> list[str]:
    """One rule as a row of `COLUMNS`; `fields` reads it back the same."""
    values: dict[str, str] = {
        "keywords": _listed(view.keywords, is_pattern=view.match_type == "REGEX"),
        "devices": "\n".join(devices.get(one, str(one)) for one in view.device_ids),
        "windows": "\n".join(_window(one.days, one.start, one.end) for one in view.windows),
    }  # fmt: skip
    for name in COLUMNS:
        if name not in values:
            value = getattr(view, name)
            values[name] = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return [values[name] for name in COLUMNS]


def fields(row: Mapping[str, str]) -> dict[str, Any]:
    """What a row says, by field; empty cells are left out. Raises CellRefused."""
    found: dict[str, Any] = {}
    for name, raw in row.items():
        value = raw.strip()
        if value or name == "response_text":
            found[name] = raw if name == "response_text" else _read(name, value, row)
    return found


def _read(name: str, value: str, row: Mapping[str, str]) -> Any:
    if name == "match_type":
        return _KINDS.get(fold(value), value.upper())
    if name in FLAGS:
        folded = fold(value)
        if folded not in _YES | _NO:
            raise CellRefused(name, "value_not_allowed", allowed="true, false")
        return folded in _YES
    if name in NUMBERS:
        if not value.isascii() or not value.isdigit() or len(value) > 9:
            raise CellRefused(name, "value_invalid")
        return int(value)
    if name == "keywords":
        kind = _KINDS.get(fold(row.get("match_type", "")), row.get("match_type", "").strip().upper())
        return _keywords(row["keywords"], is_pattern=kind == "REGEX")
    if name == "devices":
        return [one.strip() for one in re.split(r"[\n;]", value) if one.strip()]
    return [_read_window(line) for line in re.split(r"[\n;]", value) if line.strip()] if name == "windows" else value


def _listed(keywords: Sequence[str], *, is_pattern: bool) -> str:
    if len(keywords) > 1 or is_pattern or not re.search("[,;|]", "".join(keywords)):
        return "\n".join(keywords)
    # A semicolon behind a single one says that its commas part nothing; the other signs mean no more than a space.
    return re.sub("[;|]", " ", keywords[0]) + ";"


def _keywords(raw: str, *, is_pattern: bool) -> list[str]:
    text = raw.replace("\r\n", "\n")
    if "\n" in text or is_pattern:
        return [one for one in text.split("\n") if one.strip()]
    return [one for one in re.split("[;|]" if re.search("[;|]", text) else ",", text) if one.strip()]


def _window(days: Sequence[int], start: time, end: time) -> str:
    return f"{','.join(_DAYS[day] for day in days)} {start:%H:%M}-{end:%H:%M}"


def _read_window(line: str) -> dict[str, Any]:
    hit = _WINDOW.fullmatch(line)
    try:
        if hit is None:
            raise ValueError
        days = sorted({day for part in re.split(r"[,\s]+", hit[1].strip()) if part for day in _days(part)})
        start, end = time(int(hit[2]), int(hit[3])), time(int(hit[4]), int(hit[5]))
    except (ValueError, KeyError):
        raise CellRefused("windows", "rule_schedule_unreadable", line=line.strip()[:60]) from None
    return {"days": days, "start": start, "end": end}


def _days(part: str) -> list[int]:
    first, _, last = part.partition("-")
    begin = _DAY_NAMES[fold(first)[:3]]
    end = _DAY_NAMES[fold(last)[:3]] if last else begin
    return [at % 7 for at in range(begin, end + (7 if end < begin else 0) + 1)]
