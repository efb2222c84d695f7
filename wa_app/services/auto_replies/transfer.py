"""Rules in files: out as CSV or JSON, and in again with everything that is wrong told by row."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlmodel import col, select

from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, FieldError, Invalid
from wa_app.kit.folding import fold
from wa_app.kit.tables import TableRefused, csv_chunks, inspect, read_rows
from wa_app.models.auto_replies import AutoReply
from wa_app.models.devices import Device
from wa_app.schemas.auto_replies import (
    AutoReplyCreate,
    AutoReplyUpdate,
    ImportProblem,
    RuleFilter,
    RuleImport,
    RuleImportResult,
)
from wa_app.schemas.principal import Verb
from wa_app.services import audit, files
from wa_app.services.auto_replies import reading, writing
from wa_app.services.auto_replies.cells import COLUMNS, CellRefused, cells, column_of, fields
from wa_app.services.imports.source import local_copy

MAX_ROWS: Final = 1_000
MAX_BYTES: Final = 4_000_000
SHOWN_PROBLEMS, SHOWN_NAMES = 200, 20
Row = tuple[int, dict[str, Any] | CellRefused]


async def export(uow: TenantUnitOfWork, where: RuleFilter, kind: str) -> bytes:
    """The rules a filter covers; in CSV cells a spreadsheet would run are disarmed."""
    uow.require(Verb.RULES_READ)
    found, _, total = await reading.list_(uow, where, limit=reading.MAX_PAGE)
    names = {device_id: name for name, device_id in (await _devices(uow, alive_only=False)).values()}
    audit.record(uow, "auto_reply.export", "auto_reply", None, rules=total)
    if kind == "csv":
        return b"".join(csv_chunks(COLUMNS, (cells(one, names) for one in found)))
    kept = [
        one.model_dump(mode="json", include=set(COLUMNS)) | {"devices": [names.get(key, str(key)) for key in one.device_ids]}
        for one in found
    ]
    return json.dumps({"rules": kept}, ensure_ascii=False, indent=2).encode()


async def bring_in(uow: TenantUnitOfWork, data: RuleImport) -> RuleImportResult:
    """Make rules out of a file. Rows that are wrong are left out and told; with `dry_run` nothing is kept.

    Raises Invalid when the file itself cannot be read, NotFound for a file that is not ours.
    """
    uow.require(Verb.RULES_WRITE)
    rows = await _rows(uow, data)
    result = RuleImportResult(total=len(rows), created=0, updated=0, skipped=0, failed=0, problems=[], names=[])
    # A savepoint that is taken back leaves the transaction as it was: what is tried is what would be done.
    async with uow.session.begin_nested() as trial:
        await _take_all(uow, rows, data.on_duplicate, result)
        if data.dry_run:
            await trial.rollback()
            return result
    audit.record(uow, "auto_reply.import", "auto_reply", None, created=result.created, updated=result.updated)
    return result


async def _take_all(
    uow: TenantUnitOfWork, rows: list[Row], on_duplicate: str, result: RuleImportResult
) -> None:
    """Each row by itself: one that is wrong is told and leaves the others alone."""
    devices, names = await _devices(uow), await _names(uow)
    for number, row in rows:
        try:
            async with uow.session.begin_nested():
                outcome = await _take(uow, row, on_duplicate, devices, names)
            setattr(result, outcome, getattr(result, outcome) + 1)
            if outcome != "skipped" and isinstance(row, dict) and len(result.names) < SHOWN_NAMES:
                result.names.append(str(row.get("name") or (row.get("keywords") or [""])[0])[:120])
        except AppError as error:
            result.failed += 1
            result.problems += _told(number, error)
    result.problems = result.problems[:SHOWN_PROBLEMS]


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


def _told(number: int, error: AppError) -> list[ImportProblem]:
    wrong = error.fields if isinstance(error, Invalid) else ()
    if not wrong:
        return [ImportProblem(row=number, field="row", code=error.code, args=dict(error.args_))]
    return [ImportProblem(row=number, field=one.field, code=one.code, args=dict(one.args)) for one in wrong]


async def _devices(uow: TenantUnitOfWork, *, alive_only: bool = True) -> dict[str, tuple[str, UUID]]:
    """Devices by folded name."""
    query = select(Device).order_by(col(Device.id).desc())
    if alive_only:
        query = query.where(col(Device.deleted_at).is_(None))
    return {fold(row.name): (row.name, row.id) for row in (await uow.session.execute(query)).scalars()}


async def _names(uow: TenantUnitOfWork) -> dict[str, UUID]:
    query = select(col(AutoReply.name), col(AutoReply.id)).where(col(AutoReply.deleted_at).is_(None))
    return {fold(row.name): row.id for row in (await uow.session.execute(query.order_by(col(AutoReply.id).desc()))).all()}


async def _rows(uow: TenantUnitOfWork, data: RuleImport) -> list[Row]:
    if (data.file_id is None) == (data.content is None):
        raise Invalid(FieldError("file_id", "rule_import_one_of"))
    if data.content is not None:
        found = await asyncio.to_thread(_of_text, data.content, data.format)
    else:
        assert data.file_id is not None
        async with local_copy(await files.get(uow, data.file_id)) as path:
            found = await asyncio.to_thread(_of_path, path, data.format)
    if len(found) > MAX_ROWS:
        raise Invalid(FieldError("file_id", "rule_import_too_many", {"limit": MAX_ROWS}))
    if not found:
        raise Invalid(FieldError("file_id", "rule_import_empty"))
    return found


def _of_text(content: str, kind: str | None) -> list[Row]:
    if kind == "json" or (kind is None and content.lstrip("\ufeff \r\n\t")[:1] in ("[", "{")):
        return _of_json(content)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.csv"
        path.write_bytes(content.encode("utf-8", "replace"))
        return _of_table(path)


def _of_path(path: Path, kind: str | None) -> list[Row]:
    if path.stat().st_size > MAX_BYTES:
        raise Invalid(FieldError("file_id", "rule_import_too_large", {"limit": MAX_BYTES // 1_000_000}))
    with path.open("rb") as file:
        head = file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t")
    if kind == "json" or (kind is None and head[:1] in (b"[", b"{")):
        with contextlib.suppress(UnicodeDecodeError):
            return _of_json(path.read_text("utf-8-sig"))
        raise Invalid(FieldError("file_id", "rule_import_not_json"))
    return _of_table(path)


def _of_json(content: str) -> list[Row]:
    try:
        read = json.loads(content.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        raise Invalid(FieldError("file_id", "rule_import_not_json")) from None
    listed = read.get("rules") if isinstance(read, dict) else read
    if not isinstance(listed, list):
        raise Invalid(FieldError("file_id", "rule_import_not_json"))
    return [(number, _object(one)) for number, one in enumerate(listed, start=1)]


def _object(one: Any) -> dict[str, Any] | CellRefused:
    if not isinstance(one, dict):
        return CellRefused("row", "value_invalid")
    devices = one.get("devices", [])
    if not isinstance(devices, list):
        return CellRefused("devices", "value_invalid")
    return {str(key): value for key, value in one.items() if value is not None}


def _of_table(path: Path) -> list[Row]:
    try:
        info = inspect(path, has_header=True)
        heads = [column_of(one) for one in info.columns]
        if "keywords" not in heads:
            raise Invalid(FieldError("file_id", "rule_import_no_keywords", {"columns": ", ".join(COLUMNS[:4])}))
        return [(number, _row(heads, values)) for number, values in read_rows(path, info) if any(map(str.strip, values))]
    except TableRefused as error:
        raise Invalid(FieldError("file_id", error.code, error.args_)) from None


def _row(heads: Sequence[str | None], values: Sequence[str]) -> dict[str, Any] | CellRefused:
    try:
        return fields({head: value for head, value in zip(heads, values, strict=False) if head is not None})
    except CellRefused as refused:
        return refused
