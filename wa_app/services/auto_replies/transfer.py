"""Rules in files: out as CSV or JSON, and a file read into rows. `taking` makes rules of rows."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid
from wa_app.kit.tables import TableRefused, csv_chunks, inspect, read_rows
from wa_app.models.devices import Device
from wa_app.models.files import File
from wa_app.schemas.auto_replies import RuleFilter, RuleImport
from wa_app.schemas.principal import Verb
from wa_app.services import audit, files
from wa_app.services.auto_replies import reading
from wa_app.services.auto_replies.cells import COLUMNS, CellRefused, cells, column_of, fields
from wa_app.services.auto_replies.weighing import Row

MAX_ROWS: Final = 1_000
MAX_BYTES: Final = 4_000_000


async def export(uow: TenantUnitOfWork, where: RuleFilter, kind: str) -> bytes:
    """The rules a filter covers; in CSV cells a spreadsheet would run are disarmed."""
    uow.require(Verb.RULES_READ)
    found, _, total = await reading.list_(uow, where, limit=reading.MAX_PAGE)
    names = await _device_names(uow)
    audit.record(uow, "auto_reply.export", "auto_reply", None, rules=total)
    if kind == "csv":
        return b"".join(csv_chunks(COLUMNS, (cells(one, names) for one in found)))
    kept = [
        one.model_dump(mode="json", include=set(COLUMNS)) | {"devices": [names.get(key, str(key)) for key in one.device_ids]}
        for one in found
    ]
    return json.dumps({"rules": kept}, ensure_ascii=False, indent=2).encode()


async def _device_names(uow: TenantUnitOfWork) -> dict[UUID, str]:
    """Names of all devices, also of those that are gone."""
    return {row.id: row.name for row in (await uow.session.execute(select(col(Device.id), col(Device.name)))).all()}


async def rows_of(uow: TenantUnitOfWork, data: RuleImport) -> list[Row]:
    """The rows of what is to be imported. Raises Invalid when it cannot be read, NotFound for a file that is not ours."""
    if (data.file_id is None) == (data.content is None):
        raise Invalid(FieldError("file_id", "rule_import_one_of"))
    if data.content is not None:
        found = await asyncio.to_thread(_of_text, data.content, data.format)
    else:
        assert data.file_id is not None
        return await rows_of_file(await files.get(uow, data.file_id), data.format)
    return _some(found)


async def rows_of_file(file: File, kind: str | None) -> list[Row]:
    """The rows of a file that is kept. Raises Invalid, NotFound when its bytes are gone."""
    async with files.local_copy(file) as path:
        return _some(await asyncio.to_thread(_of_path, path, kind))


def _some(found: list[Row]) -> list[Row]:
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
