"""Files of people not to write to: read like contacts, merged into the suppression list.

Columns: the one with the numbers, and, found by their names, `reason` and `note`. Everything else is left out.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid
from wa_app.kit.folding import fold
from wa_app.kit.tables import TableInfo, guess_columns
from wa_app.models.people import ImportJob, ImportKind, SuppressionReason, SuppressionScope, SuppressionSource
from wa_app.schemas.blacklist import BlacklistImport
from wa_app.schemas.contacts import ImportRequest, ImportView
from wa_app.services import audit
from wa_app.services.blacklist.blocking import Why
from wa_app.services.contacts.writing import tenant_region
from wa_app.services.files import local_copy
from wa_app.services.imports import jobs
from wa_app.services.imports.plan import make_plan, mapping_of

NAMES: Final = {
    "reason": ("reason", "alasan"),
    "note": ("note", "notes", "catatan", "keterangan"),
}
"""Headers of the columns that are read besides the number."""


async def request(uow: TenantUnitOfWork, data: BlacklistImport) -> ImportView:
    """Queue an import (or its dry run). What can be refused at once is refused here."""
    uow.require("blacklist.write")
    file = await jobs.find_file(uow, data.file_id)
    region = await tenant_region(uow, data.region)
    reading = ImportRequest(
        file_id=data.file_id, sheet=data.sheet, encoding=data.encoding, delimiter=data.delimiter,
        has_header=data.has_header,
    )  # fmt: skip
    async with local_copy(file) as path:
        info, mapping = await asyncio.to_thread(_look, path, reading, data.column, region)
    make_plan(info, mapping, region)
    job = ImportJob(
        tenant_id=uow.tenant_id, file_id=file.id, file_name=file.name, kind=ImportKind.BLACKLIST, mapping=mapping,
        options=_options(data, info, region), dry_run=data.dry_run, created_by=uow.principal.user_id,
    )  # fmt: skip
    uow.session.add(job)
    await uow.session.flush()
    if not data.dry_run:
        audit.record(uow, "blacklist.import", "import", job.id, file=file.name)
    uow.enqueue("import.run", tenant_id=uow.tenant_id, job_id=job.id)
    uow.publish("import", id=job.id, status=job.status)
    return jobs.view(job)


async def recent(uow: TenantUnitOfWork, *, limit: int = 5) -> list[ImportView]:
    """The newest imports into the list, so that a running one is found again."""
    return await jobs.recent(uow, limit=limit, kind=ImportKind.BLACKLIST)


def why(job: ImportJob) -> Why:
    """What is written on the entries a job makes."""
    options = job.options
    return Why(
        SuppressionReason(options["reason"]), SuppressionScope(options["scope"]), SuppressionSource.IMPORT,
        options["note"], f"{job.file_name} · {job.id}", job.created_by,
    )  # fmt: skip


def _look(path: Path, reading: ImportRequest, column: str, region: str) -> tuple[TableInfo, dict[str, str]]:
    info = jobs.look(path, reading)
    if column and column not in info.columns:
        raise Invalid(FieldError("column", "mapping_no_column", {"column": column[:60]}))
    return info, _mapping(info, column or _phone_column(info, region))


def _phone_column(info: TableInfo, region: str) -> str:
    cells: Sequence[Sequence[str]] = [row for _, row in info.sample]
    guessed = mapping_of(guess_columns(info.columns, cells, region))
    return next((name for name, target in guessed.items() if target == "phone"), info.columns[0])


def _mapping(info: TableInfo, phone: str) -> dict[str, str]:
    mapping = {phone: "phone"}
    for key, names in NAMES.items():
        found = next((name for name in info.columns if name != phone and fold(name).strip() in names), None)
        if found is not None:
            mapping[found] = f"attribute:{key}"
    return mapping


def _options(data: BlacklistImport, info: TableInfo, region: str) -> dict[str, object]:
    return {
        "reason": data.reason.value, "scope": data.scope.value, "note": data.note[:500], "region": region,
        "sheet": info.sheet, "encoding": info.encoding, "delimiter": info.delimiter, "has_header": info.has_header,
    }  # fmt: skip
