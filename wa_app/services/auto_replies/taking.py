"""Rows become rules: each row by itself, so that one that is wrong is told and leaves the others alone."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlmodel import col, select

from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, FieldError, Invalid
from wa_app.kit.folding import fold
from wa_app.models.auto_replies import AutoReply
from wa_app.models.devices import Device
from wa_app.schemas.auto_replies import AutoReplyCreate, AutoReplyUpdate, ImportProblem, RuleImportResult
from wa_app.schemas.principal import Verb
from wa_app.services import audit
from wa_app.services.auto_replies import reading, writing
from wa_app.services.auto_replies.cells import CellRefused

SHOWN_PROBLEMS, SHOWN_NAMES = 200, 20
MAX_SHOWN, MAX_FIELD = 200, 60
Row = tuple[int, dict[str, Any] | CellRefused]


async def take(uow: TenantUnitOfWork, rows: Sequence[Row], on_duplicate: str, *, dry_run: bool = False) -> RuleImportResult:
    """Make rules of these rows, in this transaction; with `dry_run` nothing is kept."""
    uow.require(Verb.RULES_WRITE)
    result = RuleImportResult(total=len(rows), created=0, updated=0, skipped=0, failed=0, problems=[], names=[])
    # A savepoint that is taken back leaves the transaction as it was: what is tried is what would be done.
    async with uow.session.begin_nested() as trial:
        await take_all(uow, rows, on_duplicate, result)
        if dry_run:
            await trial.rollback()
            return result
    audit.record(uow, "auto_reply.import", "auto_reply", None, created=result.created, updated=result.updated)
    return result


async def take_all(uow: TenantUnitOfWork, rows: Sequence[Row], on_duplicate: str, result: RuleImportResult) -> None:
    """Add what happens to each row to `result`, all problems included."""
    devices, names = await devices_by_name(uow), await _names(uow)
    for number, row in rows:
        try:
            async with uow.session.begin_nested():
                outcome = await _take(uow, row, on_duplicate, devices, names)
            setattr(result, outcome, getattr(result, outcome) + 1)
            if outcome != "skipped" and isinstance(row, dict) and len(result.names) < SHOWN_NAMES:
                result.names.append(str(row.get("name") or (row.get("keywords") or [""])[0])[:120])
        except AppError as error:
            result.failed += 1
            result.problems += _told(number, row, error)


async def _take(
    uow: TenantUnitOfWork, row: dict[str, Any] | CellRefused, on_duplicate: str, devices: Mapping[str, tuple[str, UUID]],
    names: dict[str, UUID],
) -> str:  # fmt: skip
    if isinstance(row, CellRefused):
        raise Invalid(FieldError(row.field, row.code, row.args_))
    values = dict(row)
    if "devices" in values:
        values["device_ids"] = [_device(name, devices) for name in values.pop("devices")]
    data = _valid(values)
    name = data.name.strip() or (data.keywords[0] if data.keywords else "")
    known = names.get(fold(name.strip()))
    if known is not None and on_duplicate == "skip":
        return "skipped"
    if known is not None and on_duplicate == "update":
        kept = {key: getattr(data, key) for key in values}
        change = AutoReplyUpdate(**{key: one for key, one in kept.items() if one is not None or key in writing.MAY_BE_NONE})
        await writing.changed(uow)
        await writing.change(uow, await reading.find(uow, known, lock=True), change)
        return "updated"
    made = await writing.add(uow, data)
    names[fold(made.name)] = made.id
    return "created"


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


def _device(name: str, devices: Mapping[str, tuple[str, UUID]]) -> UUID:
    found = devices.get(fold(str(name)))
    if found is None:
        raise Invalid(FieldError("devices", "auto_reply_device_unknown", {"name": str(name)[:60]}))
    return found[1]


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


async def devices_by_name(uow: TenantUnitOfWork, *, alive_only: bool = True) -> dict[str, tuple[str, UUID]]:
    """Devices by folded name."""
    query = select(Device).order_by(col(Device.id).desc())
    if alive_only:
        query = query.where(col(Device.deleted_at).is_(None))
    return {fold(row.name): (row.name, row.id) for row in (await uow.session.execute(query)).scalars()}


async def _names(uow: TenantUnitOfWork) -> dict[str, UUID]:
    query = select(col(AutoReply.name), col(AutoReply.id)).where(col(AutoReply.deleted_at).is_(None))
    return {fold(row.name): row.id for row in (await uow.session.execute(query.order_by(col(AutoReply.id).desc()))).all()}
