"""What to do with each column, and one row of a file as a contact."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from wa_app.errors import FieldError, Invalid
from wa_app.kit import phones
from wa_app.kit.folding import fold
from wa_app.kit.tables import ColumnGuess, TableInfo

MAX_NAME, MAX_CITY, MAX_VALUE, MAX_TAG = 200, 100, 2000, 50
FIELDS = ("phone", "name", "city", "email", "tags", "ignore")
TYPES = ("text", "date_dmy", "date_mdy", "date_ymd", "number")
_TAG_SEPARATOR = re.compile(r"\s*[;,|]\s*")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]{2,}")
_DATE = re.compile(r"(\d{1,4})[/.\-](\d{1,2})[/.\-](\d{1,4})(?:[ T].*)?")
_CURRENCY = re.compile(r"^(?:rp\.?|idr)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """Where one column goes. `key` and `type` are an attribute's."""

    index: int
    column: str
    field: str
    key: str = ""
    type: str = "text"


@dataclass(frozen=True)
class Plan:
    """How to read a file into contacts."""

    info: TableInfo
    targets: tuple[Target, ...]
    region: str

    @cached_property
    def phone_index(self) -> int:
        return next(t.index for t in self.targets if t.field == "phone")


@dataclass(slots=True)
class Refusal:
    """A value that did not come in, for the error file."""

    row: int
    column: str
    value: str
    code: str


@dataclass(slots=True)
class Person:
    """A row as a contact."""

    row: int
    phone: str
    name: str = ""
    city: str = ""
    tags: list[str] = field(default_factory=list)
    attributes: dict[str, str | int | float] = field(default_factory=dict)


def mapping_of(guesses: Sequence[ColumnGuess]) -> dict[str, str]:
    """Guesses in the form of a mapping: column name → field."""
    return {guess.header: _spelled(guess) for guess in guesses}


def _spelled(guess: ColumnGuess) -> str:
    if guess.target == "lid":
        return "ignore"
    if guess.target != "attribute":
        return guess.target
    return f"attribute:{guess.key}" if guess.type == "text" else f"attribute:{guess.key}:{guess.type}"


def make_plan(info: TableInfo, mapping: Mapping[str, str], region: str) -> Plan:
    """Check a mapping against the file. Raises Invalid on the field `mapping`."""
    unknown = [name for name in mapping if name not in info.columns]
    if unknown:
        raise Invalid(FieldError("mapping", "mapping_no_column", {"column": unknown[0][:60]}))
    targets = tuple(
        _target(index, name, mapping[name])
        for index, name in enumerate(info.columns)
        if mapping.get(name, "ignore") != "ignore"
    )
    used = [target.key if target.field == "attribute" else target.field for target in targets if target.field != "tags"]
    if "phone" not in used:
        raise Invalid(FieldError("mapping", "mapping_needs_phone"))
    if twice := next((name for name in used if used.count(name) > 1), None):
        raise Invalid(FieldError("mapping", "mapping_twice", {"field": twice}))
    return Plan(info, targets, region)


def _target(index: int, column: str, spelled: str) -> Target:
    field_, _, rest = spelled.partition(":")
    if field_ in FIELDS and not rest:
        return Target(index, column, field_)
    key, _, kind = rest.partition(":")
    key = key.replace("\x00", "").strip()[:60]
    if field_ != "attribute" or not key or (kind and kind not in TYPES):
        raise Invalid(FieldError("mapping", "mapping_unknown_field", {"field": spelled[:60]}))
    return Target(index, column, field_, key, kind or "text")


def read_person(plan: Plan, row: int, cells: Sequence[str], refusals: list[Refusal]) -> Person | None:
    """One row as a contact; None when its number is refused. What was refused is added to `refusals`."""
    width, index = len(cells), plan.phone_index
    raw = cells[index] if index < width else ""
    phone, code = phones.check(raw, plan.region)
    if code is not None:
        refusals.append(Refusal(row, plan.info.columns[index], raw, code))
        return None
    person = Person(row, phone)
    for target in plan.targets:
        if target.index < width and (value := cells[target.index]) and target.field != "phone":
            _take(person, target, value, refusals)
    return person


def _take(person: Person, target: Target, value: str, refusals: list[Refusal]) -> None:
    if target.field == "name":
        person.name = value[:MAX_NAME]
    elif target.field == "city":
        person.city = value[:MAX_CITY]
    elif target.field == "tags":
        person.tags += [tag[:MAX_TAG] for tag in _TAG_SEPARATOR.split(value) if fold(tag)]
    elif target.field == "email":
        _take_value(person, target, "email", value.lower() if _EMAIL.fullmatch(value) else None, value, refusals)
    else:
        _take_value(person, target, target.key, read_value(value, target.type), value, refusals)


def _take_value(
    person: Person, target: Target, key: str, read: str | int | float | None, value: str, refusals: list[Refusal]
) -> None:
    if read is None:
        code = {"email": "value_not_email", "number": "value_not_number"}.get(
            target.field if target.field == "email" else target.type, "value_not_date"
        )
        refusals.append(Refusal(person.row, target.column, value, code))
    else:
        person.attributes[key] = read


def read_value(value: str, kind: str) -> str | int | float | None:
    """A cell as an attribute of this type: dates become ISO text, amounts numbers; None when it cannot be read."""
    if kind == "text":
        return value[:MAX_VALUE]
    return _number(value) if kind == "number" else _date(value, kind)


def _number(value: str) -> int | float | None:
    """`Rp 1.250.000`, `1,250,000.50`, `-12,5`: the last sign parts decimals unless it groups thousands."""
    text = _CURRENCY.sub("", value.strip()).replace(" ", "").replace("\u00a0", "").removesuffix(",-")
    if re.fullmatch(r"-?\d{1,3}(?:\.\d{3})+(?:,\d+)?", text):
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        text = text.replace(",", "")
    else:
        text = text.replace(",", ".")
    if not re.fullmatch(r"-?\d{1,15}(?:\.\d{1,6})?", text, re.ASCII):
        return None
    return float(text) if "." in text else int(text)


def _date(value: str, kind: str) -> str | None:
    hit = _DATE.fullmatch(value.strip())
    if hit is None:
        return None
    parts = [int(part) for part in hit.groups()[:3]]
    if len(hit[1]) == 4:
        year, month, day = parts
    elif kind == "date_mdy":
        month, day, year = parts
    else:
        day, month, year = parts
    if year < 100:
        year += 1900 if year > 30 else 2000
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
