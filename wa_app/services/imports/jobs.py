"""What a person or program asks of imports: look, preview, start, watch, cancel, fetch the errors."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.kit.folding import fold
from wa_app.kit.tables import TableInfo, TableRefused, csv_chunks, guess_columns, inspect
from wa_app.models.files import File
from wa_app.models.people import ImportJob, ImportKind, ImportStatus
from wa_app.schemas.contacts import AnalysisView, ColumnView, ImportRequest, ImportView, PreviewView, SampleView
from wa_app.schemas.principal import Principal
from wa_app.services import audit, tags
from wa_app.services.contacts.writing import tenant_region
from wa_app.services.files import local_copy
from wa_app.services.imports.plan import Person, Plan, Refusal, make_plan, mapping_of, read_person
from wa_app.services.imports.prepare import people

PREVIEW_ROWS = 20_000
SAMPLES = 4
OPEN = (ImportStatus.QUEUED, ImportStatus.RUNNING)
_OPTIONS = ("tags", "on_duplicate", "region", "consent", "sheet", "encoding", "delimiter", "has_header")
_EXAMPLES = 3


async def analyse(uow: TenantUnitOfWork, request: ImportRequest) -> AnalysisView:
    """What the file is and where its columns probably go. Raises Invalid on `file` when it is no table."""
    uow.require("contacts.import")
    region = await tenant_region(uow, request.region)
    async with local_copy(await find_file(uow, request.file_id)) as path:
        info = await asyncio.to_thread(look, path, request)
    cells = [row for _, row in info.sample]
    mapping = request.mapping or mapping_of(guess_columns(info.columns, cells, region))
    columns = [_column(info, index, mapping.get(name, "ignore")) for index, name in enumerate(info.columns)]
    return AnalysisView(
        kind=info.kind,
        encoding=info.encoding,
        delimiter=info.delimiter,
        sheets=list(info.sheets),
        sheet=info.sheet,
        has_header=info.has_header,
        columns=columns,
    )


async def preview(uow: TenantUnitOfWork, request: ImportRequest) -> PreviewView:
    """Consequences of an import, counted over its first `PREVIEW_ROWS` rows; writes nothing."""
    uow.require("contacts.import")
    region = await tenant_region(uow, request.region)
    async with local_copy(await find_file(uow, request.file_id)) as path:
        seen = await asyncio.to_thread(_survey, path, request, region)
    known = await _known(uow, list(seen.phones))
    existing_tags = await tags.find(uow, list(seen.tags))
    return PreviewView(
        rows=seen.rows,
        is_whole=seen.is_whole,
        new=len(seen.phones) - known,
        existing=known,
        duplicates=seen.duplicates,
        failed=seen.failed,
        warnings=len(seen.refusals) - seen.failed,
        new_tags=[name for folded, name in seen.tags.items() if folded not in existing_tags],
        columns=dict(seen.filled),
        samples=seen.samples,
        errors=seen.errors,
    )


async def request(uow: TenantUnitOfWork, data: ImportRequest) -> ImportView:
    """Queue an import (or its dry run). What can be refused at once is refused here."""
    uow.require("contacts.import")
    file = await find_file(uow, data.file_id)
    region = await tenant_region(uow, data.region)
    async with local_copy(file) as path:
        info = await asyncio.to_thread(look, path, data)
    mapping = data.mapping or mapping_of(guess_columns(info.columns, [row for _, row in info.sample], region))
    make_plan(info, mapping, region)
    options = data.model_dump(include=set(_OPTIONS)) | {
        "region": region,
        "sheet": info.sheet,
        "encoding": info.encoding,
        "delimiter": info.delimiter,
        "has_header": info.has_header,
    }
    job = ImportJob(
        tenant_id=uow.tenant_id,
        file_id=file.id,
        file_name=file.name,
        mapping=mapping,
        options=options,
        dry_run=data.dry_run,
        created_by=uow.principal.user_id,
    )
    uow.session.add(job)
    await uow.session.flush()
    if not data.dry_run:
        audit.record(uow, "contacts.import", "import", job.id, file=file.name)
    uow.enqueue("import.run", tenant_id=uow.tenant_id, job_id=job.id)
    uow.publish("import", id=job.id, status=job.status)
    return view(job)


VERBS = {
    ImportKind.CONTACTS: "contacts.import", ImportKind.BLACKLIST: "blacklist.write", ImportKind.AUTO_REPLIES: "rules.write",
}  # fmt: skip
"""Who may start, watch and stop a job, by what its rows become."""


async def get(uow: TenantUnitOfWork, job_id: UUID) -> ImportView:
    return view(await _job(uow, job_id))


async def recent(
    uow: TenantUnitOfWork, *, limit: int = 10, kind: ImportKind = ImportKind.CONTACTS
) -> list[ImportView]:
    """The newest imports of a kind, without dry runs: so that a running one is found again."""
    uow.require(VERBS[kind])
    query = (
        select(ImportJob).where(~col(ImportJob.dry_run), col(ImportJob.kind) == kind)
        .order_by(col(ImportJob.id).desc()).limit(limit)
    )  # fmt: skip
    return [view(job) for job in (await uow.session.execute(query)).scalars()]


async def cancel(uow: TenantUnitOfWork, job_id: UUID) -> ImportView:
    """Stop an import. What was merged stays; a running one stops at its next chunk."""
    job = await _job(uow, job_id, lock=True)
    if job.status not in OPEN:
        raise Conflict("import_not_running", status=job.status)
    await uow.session.execute(
        text("UPDATE import_jobs SET status = 'cancelled', finished_at = now() WHERE tenant_id = :t AND id = :id"),
        {"t": uow.tenant_id, "id": job_id},
    )
    await uow.session.refresh(job)
    uow.publish("import", id=job_id, status=job.status)
    return view(job)


def _code(code: str, args: Mapping[str, Any]) -> str:
    return code


async def errors_csv(
    principal: Principal, job_id: UUID, reason: Callable[[str, Mapping[str, Any]], str] = _code
) -> AsyncIterator[bytes]:
    """The refused values as CSV: `row,column,value,reason`; `reason` puts the stored code and its arguments into words."""
    after, first = 0, True
    while True:
        async with unit_of_work(principal) as uow:
            rows = await _errors(uow, job_id, after)
        lines = ([str(row.row), row.column, row.value, reason(row.reason, row.args)] for row in rows)
        body = b"".join(csv_chunks(("row", "column", "value", "reason"), lines))
        yield body if first else body.split(b"\r\n", 1)[1]
        if len(rows) < PREVIEW_ROWS:
            return
        after, first = after + len(rows), False


_WAKE = text(
    "SELECT DISTINCT ON (tenant_id, kind = 'auto_replies') tenant_id, id FROM import_jobs WHERE status IN ('queued', 'running') "
    "AND (lease_until IS NULL OR lease_until < now()) AND created_at < now() - interval '5 seconds' "
    "ORDER BY tenant_id, kind = 'auto_replies', id"
)
_NEXT = text(
    "SELECT id FROM import_jobs WHERE tenant_id = :t AND status IN ('queued', 'running') "
    "AND (lease_until IS NULL OR lease_until < now()) AND (kind = 'auto_replies') = :rules ORDER BY id = :but, id LIMIT 1"
)


async def brings_rules(principal: Principal, job_id: UUID) -> bool:
    """Whether a job is about rules: those stand in a line of their own, a file of people may take minutes."""
    async with unit_of_work(principal) as uow:
        job = await uow.session.get(ImportJob, job_id)
        return job is not None and job.kind is ImportKind.AUTO_REPLIES


async def wake(uow: SystemUnitOfWork) -> int:
    """Send the oldest open imports of each tenant that nobody works on, people and rules, to the workers again (for the sweep)."""
    rows = (await uow.session.execute(_WAKE)).all()
    for tenant_id, job_id in rows:
        uow.enqueue("import.run", tenant_id=tenant_id, job_id=job_id)
    return len(rows)


async def wake_next(principal: Principal, but: UUID, *, rules: bool = False) -> None:
    """Send the tenant's next open import, of people or of rules, to the workers, behind those of other tenants."""
    async with unit_of_work(principal) as uow:
        found = (await uow.session.execute(_NEXT, {"t": uow.tenant_id, "but": but, "rules": rules})).scalar_one_or_none()
        if found is not None:
            uow.enqueue("import.run", tenant_id=uow.tenant_id, job_id=found)


def view(job: ImportJob) -> ImportView:
    is_over = job.status not in OPEN
    address = f"/api/v1/{'auto-replies' if job.kind is ImportKind.AUTO_REPLIES else 'contacts'}/imports/{job.id}"
    options: dict[str, Any] = job.options
    return ImportView(
        **job.model_dump(include=set(ImportView.model_fields)),
        duplicates=options.get("duplicates", 0),
        warnings=options.get("warnings", 0),
        error_args=options.get("error_args", {}),
        status_url=address,
        errors_url=f"{address}/errors" if is_over else None,
    )


class _Survey:
    """What a preview counts, in a thread."""

    def __init__(self) -> None:
        self.rows = self.failed = self.duplicates = 0
        self.is_whole = True
        self.phones: dict[str, None] = {}
        self.tags: dict[str, str] = {}
        self.filled: Counter[str] = Counter()
        self.refusals: list[Refusal] = []
        self.samples: list[SampleView] = []
        self.errors: list[SampleView] = []

    def run(self, path: Path, plan: Plan) -> None:
        for row, cells, person in people(plan, path, self.refusals):
            if self.rows == PREVIEW_ROWS:
                self.is_whole = False
                break
            self.rows += 1
            if person is None:
                self.failed += 1
            else:
                self._count(plan, person)
            if len(self.errors) < SAMPLES and self.refusals and self.refusals[-1].row == row:
                self._keep_error(plan, cells)

    def _count(self, plan: Plan, person: Person) -> None:
        if person.phone in self.phones:
            self.duplicates += 1
            return
        self.phones[person.phone] = None
        self.tags |= {fold(tag): tag for tag in person.tags if fold(tag) not in self.tags}
        for target in plan.targets:
            value = person.attributes.get(target.key) if target.field == "attribute" else _value(person, target.field)
            self.filled[target.column] += value not in (None, "", [])

    def _keep_error(self, plan: Plan, cells: list[str]) -> None:
        last = self.refusals[-1]
        index = next((target.index for target in plan.targets if target.field == "name"), len(cells))
        name = cells[index][:200] if index < len(cells) else ""
        self.errors.append(
            SampleView(row=last.row, name=name, raw_phone=last.value[:60], phone="", city="", tags=[], code=last.code)
        )


def _value(person: Person, field: str) -> Any:
    return person.attributes.get("email") if field == "email" else getattr(person, field)


def _survey(path: Path, request: ImportRequest, region: str) -> _Survey:
    info = look(path, request)
    cells = [row for _, row in info.sample]
    plan = make_plan(info, request.mapping or mapping_of(guess_columns(info.columns, cells, region)), region)
    survey = _Survey()
    try:
        survey.run(path, plan)
    except TableRefused as error:
        raise refused(error) from error
    raw = dict(itertools.islice(info.sample, 200))
    survey.samples = _samples(plan, raw)
    return survey


def _samples(plan: Plan, raw: dict[int, tuple[str, ...]]) -> list[SampleView]:
    found: list[SampleView] = []
    for row, cells in raw.items():
        person = read_person(plan, row, cells, [])
        if person is not None:
            found.append(
                SampleView(
                    row=row,
                    name=person.name,
                    raw_phone=cells[plan.phone_index][:60],
                    phone=person.phone,
                    city=person.city,
                    tags=person.tags[:4],
                )
            )
        if len(found) == SAMPLES - 1:
            break
    return found


def look(path: Path, request: ImportRequest) -> TableInfo:
    """What a file is, for a thread. Raises Invalid on `file` when it is no table."""
    try:
        return inspect(
            path,
            sheet=request.sheet or None,
            encoding=request.encoding or None,
            delimiter=request.delimiter or None,
            has_header=request.has_header,
        )
    except TableRefused as error:
        raise refused(error) from error


def refused(error: TableRefused) -> Invalid:
    """A file that cannot be read, as the field `file` of what was asked."""
    return Invalid(FieldError("file", error.code, error.args_), code=error.code, **error.args_)


def _column(info: TableInfo, index: int, target: str) -> ColumnView:
    values = [row[index] for _, row in info.sample if row[index]]
    examples = [value[:80] for value in values[:_EXAMPLES]]
    return ColumnView(name=info.columns[index], target=target, examples=examples, filled=len(values))


async def _known(uow: TenantUnitOfWork, numbers: Sequence[str]) -> int:
    query = text(
        "SELECT count(*) FROM contact_identities i JOIN contacts c ON c.tenant_id = i.tenant_id AND c.id = i.contact_id "
        "WHERE i.tenant_id = :t AND i.kind = 'phone' AND i.value = ANY(CAST(:numbers AS text[])) "
        "AND c.deleted_at IS NULL"
    )
    return int((await uow.session.execute(query, {"t": uow.tenant_id, "numbers": list(numbers)})).scalar_one())


async def find_file(uow: TenantUnitOfWork, file_id: UUID) -> File:
    """A file that was uploaded. Raises NotFound."""
    file = await uow.session.get(File, file_id)
    if file is None or file.deleted_at is not None:
        raise NotFound
    return file


async def _job(uow: TenantUnitOfWork, job_id: UUID, *, lock: bool = False) -> ImportJob:
    job = await uow.session.get(ImportJob, job_id, with_for_update=lock)
    if job is None:
        raise NotFound
    uow.require(VERBS[job.kind])
    return job


async def _errors(uow: TenantUnitOfWork, job_id: UUID, after: int) -> Sequence[Any]:
    await _job(uow, job_id)
    query = text(
        'SELECT id, "row", "column", value, reason, args FROM import_errors WHERE tenant_id = :t AND job_id = :id '
        'ORDER BY "row", id OFFSET :after LIMIT :limit'
    )
    values = {"t": uow.tenant_id, "id": job_id, "after": after, "limit": PREVIEW_ROWS}
    return (await uow.session.execute(query, values)).all()
