"""What would become of the rows of a file, without a database: each by itself, so that one that is wrong leaves the others alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import ValidationError

from wa_app.errors import AppError, FieldError, Invalid
from wa_app.kit.folding import fold
from wa_app.models.auto_replies import AutoReply
from wa_app.schemas.auto_replies import AutoReplyCreate, AutoReplyUpdate, ImportProblem, RuleImportResult
from wa_app.schemas.principal import Principal
from wa_app.services.auto_replies import writing
from wa_app.services.auto_replies.cells import CellRefused
from wa_app.services.auto_replies.checking import put_in_order
from wa_app.services.auto_replies.standing import COLUMNS, Standing

SHOWN_NAMES: Final = 20
MAX_SHOWN, MAX_FIELD = 200, 60
Row = tuple[int, dict[str, Any] | CellRefused]
Outcome = Literal["created", "updated", "skipped"]


@dataclass(frozen=True, slots=True)
class Read:
    """A row that was read: its rule, or why there is none."""

    number: int
    row: dict[str, Any] | CellRefused
    data: AutoReplyCreate | None = None
    given: frozenset[str] = frozenset()
    """What the row says; the rest of `data` is as it is by itself."""
    error: AppError | None = None

    @property
    def name(self) -> str:
        """What the rule is called, folded."""
        if self.data is None:
            return ""
        return fold((self.data.name.strip() or (self.data.keywords[0] if self.data.keywords else "")).strip())


@dataclass(slots=True)
class Weighed:
    """What is to be written: rules by id, the last word on each, and the devices they are bound to."""

    made: dict[UUID, AutoReply] = field(default_factory=dict)
    changed: dict[UUID, AutoReply] = field(default_factory=dict)
    devices: dict[UUID, list[UUID]] = field(default_factory=dict)
    fields: dict[UUID, set[str]] = field(default_factory=dict)
    """What was given for those that are changed, for the audit log."""


def read(rows: Sequence[Row], devices: Mapping[str, UUID]) -> list[Read]:
    """Rows as rules to make, each by itself."""
    return [_read(number, row, devices) for number, row in rows]


def _read(number: int, row: dict[str, Any] | CellRefused, devices: Mapping[str, UUID]) -> Read:
    try:
        if isinstance(row, CellRefused):
            raise Invalid(FieldError(row.field, row.code, row.args_))
        values = dict(row)
        if "devices" in values:
            values["device_ids"] = [_device(name, devices) for name in values.pop("devices")]
        return Read(number, row, _valid(values), frozenset(values))
    except AppError as error:
        return Read(number, row, error=error)


def weigh(
    principal: Principal, rows: Sequence[Read], on_duplicate: str, standing: Standing, result: RuleImportResult
) -> Weighed:
    """Count what happens to each row into `result`, all problems included, and into `standing` what it would leave."""
    found = Weighed()
    for one in rows:
        try:
            outcome = _weigh(principal, one, on_duplicate, standing, found)
        except AppError as error:
            result.failed += 1
            result.problems += _told(one.number, one.row, error)
            continue
        setattr(result, outcome, getattr(result, outcome) + 1)
        if outcome != "skipped" and isinstance(one.row, dict) and len(result.names) < SHOWN_NAMES:
            result.names.append(str(one.row.get("name") or (one.row.get("keywords") or [""])[0])[:120])
    return found


def _weigh(principal: Principal, one: Read, on_duplicate: str, standing: Standing, found: Weighed) -> Outcome:
    if one.data is None:
        raise one.error or Invalid()
    known = standing.names.get(one.name)
    if known is not None and on_duplicate == "skip":
        return "skipped"
    if known is not None and on_duplicate == "update":
        _change(known, one.data, one.given, standing, found)
        return "updated"
    _make(principal, one.data, standing, found)
    return "created"


def _make(principal: Principal, data: AutoReplyCreate, standing: Standing, found: Weighed) -> None:
    standing.book()
    row = writing.drawn_up(principal, data, standing.last)
    _check(row, data.device_ids, standing, silent=data.keeps_silent)
    standing.add(row)
    found.made[row.id], found.devices[row.id] = row, data.device_ids


def _change(rule_id: UUID, data: AutoReplyCreate, given: frozenset[str], standing: Standing, found: Weighed) -> None:
    kept = {key: getattr(data, key) for key in given}
    change = AutoReplyUpdate(**{key: value for key, value in kept.items() if value is not None or key in writing.MAY_BE_NONE})
    # A copy: a row that is refused leaves the rule as it was.
    row = AutoReply(**{key: getattr(standing.drafts[rule_id], key) for key in COLUMNS})
    silent = writing.applied(row, change)
    _check(row, change.device_ids or (), standing, silent=silent)
    standing.put(row)
    (found.made if rule_id in found.made else found.changed)[rule_id] = row
    found.fields.setdefault(rule_id, set()).update(change.model_fields_set)
    if change.device_ids is not None:
        found.devices[rule_id] = change.device_ids


def _check(row: AutoReply, device_ids: Sequence[UUID], standing: Standing, *, silent: bool) -> None:
    wrong = put_in_order(row, silent=silent) + standing.check(row, device_ids)
    if wrong := wrong or standing.check_room(row):
        raise Invalid(*wrong, code="auto_reply_invalid")


def _valid(values: dict[str, Any]) -> AutoReplyCreate:
    try:
        return AutoReplyCreate.model_validate(values)
    except ValidationError as error:
        wrong = [FieldError(str(one["loc"][0]) if one["loc"] else "row", _code(one["type"]), _args(one)) for one in error.errors()]
        raise Invalid(*wrong) from None


def _code(kind: str) -> str:
    known = {
        "missing": "value_missing", "enum": "value_not_allowed", "extra_forbidden": "field_unknown",
        "uuid_parsing": "value_not_id", "greater_than_equal": "value_too_small", "less_than_equal": "value_too_large",
        "too_long": "value_too_long",
    }  # fmt: skip
    return known.get(kind, "value_invalid")


def _args(error: Any) -> dict[str, str | int]:
    context = error.get("ctx") or {}
    limit = next((str(context[key]) for key in ("ge", "le", "max_length") if key in context), "")
    return {"allowed": str(context.get("expected", "")), "limit": limit}


def _device(name: str, devices: Mapping[str, UUID]) -> UUID:
    found = devices.get(fold(str(name)))
    if found is None:
        raise Invalid(FieldError("devices", "auto_reply_device_unknown", {"name": str(name)[:60]}))
    return found


def _told(number: int, row: dict[str, Any] | CellRefused, error: AppError) -> list[ImportProblem]:
    wrong = error.fields if isinstance(error, Invalid) else ()
    told = wrong or (FieldError("row", error.code, error.args_),)
    return [
        ImportProblem(
            row=number, field=_keepable(one.field)[:MAX_FIELD], code=one.code, value=_shown(row, one.field),
            args={key: _keepable(value) if isinstance(value, str) else value for key, value in one.args.items()},
        )
        for one in told
    ]  # fmt: skip


def _shown(row: dict[str, Any] | CellRefused, field: str) -> str:
    """What stands in the cell that was refused, as far as it was read."""
    value = row.get("devices" if field == "device_ids" else field, "") if isinstance(row, dict) else ""
    found = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
    return _keepable(found)[:MAX_SHOWN]


def _keepable(found: str) -> str:
    """Without what PostgreSQL does not hold: NUL and lone surrogates."""
    return found.replace("\x00", "").encode("utf-8", "replace").decode()
