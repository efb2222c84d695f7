"""Files of keyword rules: a few rows at once, many by a worker.

A worker takes the rows piece by piece, each piece in one transaction with `processed`, which is the checkpoint: a run that dies
is resumed at the first row that did not come in, and no row comes in twice. A dry run only reads: it weighs the rows beside
what there is and counts on by itself, so that nobody waits for it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlmodel import col, select

from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import NotFound
from wa_app.models.files import File
from wa_app.models.people import ImportJob, ImportKind, ImportRowError, ImportStatus
from wa_app.schemas.auto_replies import ImportProblem, RuleImport, RuleImportJob, RuleImportResult
from wa_app.schemas.principal import Principal, Verb
from wa_app.services import audit, auto_replies, files
from wa_app.services.auto_replies.taking import SHOWN_PROBLEMS
from wa_app.services.auto_replies.weighing import SHOWN_NAMES, Row
from wa_app.services.imports import jobs
from wa_app.services.imports.holding import LeaseLost, Run, finish, may_go_on, mine

AT_ONCE: Final = 200
"""Rows that are taken while the person waits, and in one transaction: a tenth of a second."""
PIECE: Final = 25
"""Rows of a transaction: a cancelled job ends after at most as many, and others may change rules in between."""
_STEP = text("""
    UPDATE import_jobs SET processed = processed + :rows, created = created + :created, updated = updated + :updated,
      skipped = skipped + :skipped, failed = failed + :failed, options = jsonb_set(options, '{names}', CAST(:names AS jsonb))
    WHERE tenant_id = :t AND id = :id AND status = 'running' AND lease_epoch = :epoch AND processed = :at RETURNING processed
""")
_TOLD = text("""
    UPDATE import_jobs SET processed = :done WHERE tenant_id = :t AND id = :id AND status = 'running' AND lease_epoch = :epoch RETURNING id
""")


async def request(principal: Principal, data: RuleImport) -> RuleImportResult | RuleImportJob:
    """Make rules out of a file: what it did, or the job that does it when there are many rows.

    Rows that are wrong are left out and told; with `dry_run` nothing is kept.
    Raises Invalid when the file itself cannot be read, NotFound for a file that is not ours.
    """
    async with unit_of_work(principal) as uow:
        uow.require(Verb.RULES_WRITE)
        rows = await auto_replies.rows_of(uow, data)
        if len(rows) <= AT_ONCE:
            deed = auto_replies.try_out if data.dry_run else auto_replies.take
            done = await deed(uow, rows, data.on_duplicate)
            return done.model_copy(update={"problems": done.problems[:SHOWN_PROBLEMS]})
    file_id = data.file_id or (await files.store(principal, _name(data), _bytes(data.content or ""))).id
    async with unit_of_work(principal) as uow:
        return await _queue(uow, data, file_id, len(rows))


async def _queue(uow: TenantUnitOfWork, data: RuleImport, file_id: UUID, total: int) -> RuleImportJob:
    file = await jobs.find_file(uow, file_id)
    job = ImportJob(
        tenant_id=uow.tenant_id, file_id=file.id, file_name=file.name, kind=ImportKind.AUTO_REPLIES, dry_run=data.dry_run, total=total,
        options={"on_duplicate": data.on_duplicate, "format": data.format, "names": []}, created_by=uow.principal.user_id,
    )  # fmt: skip
    uow.session.add(job)
    await uow.session.flush()
    if not data.dry_run:
        audit.record(uow, "auto_reply.import", "import", job.id, file=file.name)
    uow.enqueue("import.run", tenant_id=uow.tenant_id, job_id=job.id)
    uow.publish("import", id=job.id, status=job.status)
    return await _view(uow, job)


async def get(uow: TenantUnitOfWork, job_id: UUID) -> RuleImportJob:
    """How far a file is. Raises NotFound, also for a job of another kind."""
    uow.require(Verb.RULES_WRITE)
    job = await uow.session.get(ImportJob, job_id)
    if job is None or job.kind is not ImportKind.AUTO_REPLIES:
        raise NotFound
    return await _view(uow, job)


async def cancel(uow: TenantUnitOfWork, job_id: UUID) -> RuleImportJob:
    """Stop it after the piece in hand; rules that came in stay. Raises NotFound, Conflict `import_not_running`."""
    await get(uow, job_id)
    await jobs.cancel(uow, job_id)
    return await get(uow, job_id)


async def recent(uow: TenantUnitOfWork, *, limit: int = 10) -> list[RuleImportJob]:
    """The newest files that a worker brought in or brings in, without dry runs."""
    uow.require(Verb.RULES_WRITE)
    query = select(ImportJob).where(~col(ImportJob.dry_run), col(ImportJob.kind) == ImportKind.AUTO_REPLIES)
    found = (await uow.session.execute(query.order_by(col(ImportJob.id).desc()).limit(limit))).scalars().all()
    return [await _view(uow, job) for job in found]


async def bring_in(this: Run) -> None:
    """Do a job, or go on with it."""
    rows = await _rows(this)
    # Rules are made in the name of who asked, with the rights of the system: the right was looked at when it was asked.
    who = replace(this.principal, user_id=this.job.created_by)
    if this.job.dry_run:
        await _try(this, who, rows)
    else:
        await _take_pieces(this, who, rows)
    await finish(this, ImportStatus.DONE)


async def _take_pieces(this: Run, who: Principal, rows: Sequence[Row]) -> None:
    async with unit_of_work(who) as uow:
        at = (await mine(uow, this)).processed
    while at < len(rows):
        piece = rows[at : at + PIECE]
        async with unit_of_work(who) as uow:
            at = await _take_piece(uow, this, piece, at)
        if at < len(rows):
            may_go_on(this)


async def _take_piece(uow: TenantUnitOfWork, this: Run, piece: Sequence[Row], at: int) -> int:
    """Take rows and move the checkpoint in the same transaction, or lose both."""
    done = auto_replies.nothing(len(piece))
    await auto_replies.take_all(uow, piece, this.job.options["on_duplicate"], done)
    _keep_problems(uow, this, done.problems)
    await uow.session.flush()
    return await _step(uow, this, done, at)


async def _step(uow: TenantUnitOfWork, this: Run, done: RuleImportResult, at: int) -> int:
    this.job.options = {**this.job.options, "names": [*this.job.options["names"], *done.names][:SHOWN_NAMES]}
    values = done.model_dump(include={"created", "updated", "skipped", "failed"}) | {"rows": done.total, "at": at, "epoch": this.epoch}
    values |= {"t": uow.tenant_id, "id": this.job.id, "names": orjson.dumps(this.job.options["names"]).decode()}
    processed = (await uow.session.execute(_STEP, values)).scalar_one_or_none()
    if processed is None:
        raise LeaseLost
    uow.publish("import", id=this.job.id, status="running", processed=processed)
    return int(processed)


async def _try(this: Run, who: Principal, rows: Sequence[Row]) -> None:
    """Weigh all rows, a piece at a time; only what would happen is kept."""
    done = auto_replies.nothing(len(rows))
    async with unit_of_work(who) as uow:
        standing = await auto_replies.look(uow)
    for at in range(0, len(rows), PIECE):
        async with unit_of_work(who) as uow:
            await auto_replies.try_all(uow, standing, rows[at : at + PIECE], this.job.options["on_duplicate"], done)
        await _tell(this, min(at + PIECE, len(rows)))
    async with unit_of_work(who) as uow:
        job = await mine(uow, this)
        # Told rows of a run that died before: this one counts from the first row.
        job.processed = 0
        _keep_problems(uow, this, done.problems)
        await uow.session.flush()
        await _step(uow, this, done, 0)


async def _tell(this: Run, done: int) -> None:
    """Progress of what is only tried, in a transaction of its own. Raises LeaseLost."""
    async with unit_of_work(this.principal) as uow:
        values = {"done": done, "t": uow.tenant_id, "id": this.job.id, "epoch": this.epoch}
        if (await uow.session.execute(_TOLD, values)).scalar_one_or_none() is None:
            raise LeaseLost
        uow.publish("import", id=this.job.id, status="running", processed=done)


async def _rows(this: Run) -> list[Row]:
    async with unit_of_work(this.principal) as uow:
        file = await uow.session.get(File, this.job.file_id)
        if file is None or file.deleted_at is not None:
            raise NotFound("import_file_gone")
    return await auto_replies.rows_of_file(file, this.job.options["format"])


def _keep_problems(uow: TenantUnitOfWork, this: Run, problems: Sequence[ImportProblem]) -> None:
    for one in problems:
        uow.session.add(ImportRowError(
            tenant_id=uow.tenant_id, job_id=this.job.id, row=one.row, column=one.field, value=one.value, reason=one.code, args=one.args,
        ))  # fmt: skip


async def _view(uow: TenantUnitOfWork, job: ImportJob) -> RuleImportJob:
    query = select(ImportRowError).where(col(ImportRowError.job_id) == job.id)
    found = (await uow.session.execute(query.order_by(col(ImportRowError.row), col(ImportRowError.id)).limit(SHOWN_PROBLEMS))).scalars()
    problems = [ImportProblem(row=one.row, field=one.column, code=one.reason, args=one.args, value=one.value) for one in found]
    return RuleImportJob(**jobs.view(job).model_dump(), names=job.options.get("names", []), problems=problems)


def _name(data: RuleImport) -> str:
    return "aturan.json" if data.format == "json" or (data.content or "").lstrip("\ufeff \r\n\t")[:1] in ("[", "{") else "aturan.csv"


async def _bytes(content: str) -> AsyncIterator[bytes]:
    yield await asyncio.to_thread(content.encode, "utf-8", "replace")

