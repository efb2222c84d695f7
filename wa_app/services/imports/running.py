"""One run of an import: prepare, then merge chunk by chunk under the job's lease."""

import asyncio
import shutil
from collections.abc import Mapping
from uuid import UUID

import structlog
from sqlalchemy import text

from wa_app import leases
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError, Invalid, LimitReached, NotFound
from wa_app.kit.tables import TableRefused, inspect
from wa_app.models.files import File
from wa_app.models.people import ImportJob, ImportKind, ImportStatus
from wa_app.schemas.principal import Principal
from wa_app.services import entitlements, identities, tags
from wa_app.services.blacklist import blocking
from wa_app.services.files import local_copy
from wa_app.services.imports import blacklist as blacklisting
from wa_app.services.imports import merge as merging
from wa_app.services.imports import rules as ruling
from wa_app.services.imports.holding import GivesWay, LeaseLost, Run, finish, heartbeat, mark_running, may_go_on, mine
from wa_app.services.imports.plan import make_plan
from wa_app.services.imports.prepare import Cancelled, Prepared, chunk_path, prepare, refusals_path

log = structlog.get_logger(__name__)

_REFUSED_TABLE = (
    'CREATE TEMP TABLE import_refused ("row" integer, "column" text, value text, reason text) ON COMMIT DROP'
)
_REFUSED = (
    'INSERT INTO import_errors (tenant_id, job_id, "row", "column", value, reason) '
    'SELECT :t, :id, "row", "column", value, reason FROM import_refused'
)
_STEP = (
    "UPDATE import_jobs SET checkpoint = checkpoint | (CAST(1 AS bigint) << :number), processed = processed + :rows, "
    "created = created + :created, updated = updated + :updated, skipped = skipped + :skipped "
    "WHERE tenant_id = :t AND id = :id AND status = 'running' AND lease_epoch = :epoch "
    "AND (checkpoint >> :number) & 1 = 0 RETURNING processed"
)

ABREAST = 2
"""Chunks merged at the same time. They share no number, and each moves its own bit of the checkpoint."""


async def run(principal: Principal, job_id: UUID) -> None:
    """Do an import or resume it. Does nothing when it is done or in other hands."""
    owner = leases.new_owner()
    async with unit_of_work(principal) as uow:
        job = await uow.session.get(ImportJob, job_id)
        if job is None or job.status not in (ImportStatus.QUEUED, ImportStatus.RUNNING):
            return
        epoch = await leases.take(uow, ImportJob, principal.tenant_id, job_id, owner)
        if epoch is None:
            return
        await mark_running(uow, job_id)
    this = Run(principal, job, epoch)
    try:
        async with heartbeat(this):
            await (ruling.bring_in(this) if job.kind is ImportKind.AUTO_REPLIES else _work(this))
    except* (LeaseLost, Cancelled):
        log.info("import.stopped", job=str(job_id))
    except* GivesWay:
        async with unit_of_work(principal) as uow:
            await leases.release(uow, ImportJob, principal.tenant_id, job_id, epoch)
    except* (TableRefused, Invalid, LimitReached, NotFound) as group:
        await finish(this, ImportStatus.FAILED, *_reason(group))
    finally:
        # A thread that still reads the file must not outlive its run.
        this.stop.set()
    await _clean_up(this)


def _reason(group: BaseExceptionGroup[BaseException]) -> tuple[str, Mapping[str, str | int]]:
    """Code and arguments of the first of the errors."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, (TableRefused, AppError))
    field = error.fields[0] if isinstance(error, Invalid) and error.fields else None
    return (field.code, field.args) if field else (error.code, error.args_)


async def _work(this: Run) -> None:
    prepared = await _prepared(this)
    rules = await _first_step(this, prepared)
    if this.job.dry_run:
        await _dry_run(this, prepared)
        return
    behind = await _checkpoint(this)
    if behind == 0 and not this.blocks:
        await _check_limit(this, prepared)
    left = [number for number in range(len(prepared.chunks)) if not behind >> number & 1]
    while left:
        now, left = left[:ABREAST], left[ABREAST:]
        async with asyncio.TaskGroup() as group:
            for number in now:
                group.create_task(_merge_chunk(this, number, prepared.chunks[number], rules))
        if left:
            may_go_on(this)
    await finish(this, ImportStatus.DONE)


async def _prepared(this: Run) -> Prepared:
    """The chunks of the file, read in a thread."""
    options = this.job.options
    async with unit_of_work(this.principal) as uow:
        key = await identities.tenant_key(uow)
        file = await uow.session.get(File, this.job.file_id)
        if file is None or file.deleted_at is not None:
            raise NotFound("import_file_gone")
    loop = asyncio.get_running_loop()

    def tell(rows: int) -> None:
        asyncio.run_coroutine_threadsafe(_tell_reading(this, rows), loop)

    async with local_copy(file) as path:
        info = await asyncio.to_thread(
            inspect,
            path,
            sheet=options["sheet"] or None,
            encoding=options["encoding"] or None,
            delimiter=options["delimiter"] or None,
            has_header=options["has_header"],
        )
        plan = make_plan(info, this.job.mapping, options["region"])
        return await asyncio.to_thread(prepare, path, plan, key, this.folder, this.stop, tell)


async def _tell_reading(this: Run, rows: int) -> None:
    async with unit_of_work(this.principal) as uow:
        uow.publish("import", id=this.job.id, status="running", reading=rows)


async def _first_step(this: Run, prepared: Prepared) -> merging.Rules:
    """Write down what reading found, once, and make the tags."""
    options = this.job.options
    async with unit_of_work(this.principal) as uow:
        job = await mine(uow, this)
        if job.total is None:
            await _store_refusals(uow, this)
            job.total, job.failed = prepared.total, prepared.failed
            job.skipped, job.processed = prepared.duplicates, prepared.failed + prepared.duplicates
            job.options = {**options, "duplicates": prepared.duplicates, "warnings": prepared.warnings}
            uow.publish("import", id=job.id, status=job.status, processed=job.processed, total=job.total)
        if this.job.dry_run or this.blocks:
            return merging.Rules("skip")
        await tags.ensure(uow, list(prepared.tags.values()))
        batch = await tags.ensure(uow, options["tags"])
    evidence = f"{this.job.file_name} · {this.job.id}" if options["consent"] else ""
    return merging.Rules(options["on_duplicate"], list(batch.values()), bool(prepared.tags), evidence)


async def _store_refusals(uow: TenantUnitOfWork, this: Run) -> None:
    await uow.session.execute(text(_REFUSED_TABLE))
    await (await merging.driver(uow)).copy_to_table(
        "import_refused", source=refusals_path(this.folder), format="csv", force_not_null=["value", "column"]
    )
    await uow.session.execute(text(_REFUSED), {"t": uow.tenant_id, "id": this.job.id})


async def _merge_chunk(this: Run, number: int, rows: int, rules: merging.Rules) -> None:
    async with unit_of_work(this.principal) as uow:
        await merging.stage(uow, chunk_path(this.folder, number))
        merged = await _block_chunk(uow, this) if this.blocks else await merging.merge(uow, rules)
        if not this.blocks:
            await entitlements.require(uow, "contacts", merged.created)
        await _step(uow, this, number, rows, merged)


async def _block_chunk(uow: TenantUnitOfWork, this: Run) -> merging.Merged:
    done = await blocking.block_imported(uow, blacklisting.why(this.job))
    uow.publish("blacklist")
    return merging.Merged(done.added, done.changed, done.already)


async def _would_block(this: Run, prepared: Prepared) -> merging.Merged:
    """What the whole file would do to the list; writes nothing that stays."""
    added = changed = already = 0
    for number in range(len(prepared.chunks)):
        async with unit_of_work(this.principal) as uow:
            await merging.stage(uow, chunk_path(this.folder, number))
            found = await blocking.count_imported(uow, blacklisting.why(this.job))
        added, changed, already = added + found.added, changed + found.changed, already + found.already
    return merging.Merged(added, changed, already)


async def _step(uow: TenantUnitOfWork, this: Run, number: int, rows: int, merged: merging.Merged) -> None:
    """Move the checkpoint in the chunk's own transaction, or lose the chunk."""
    values = {"t": uow.tenant_id, "id": this.job.id, "epoch": this.epoch, "number": number, "rows": rows}
    values |= {"created": merged.created, "updated": merged.updated, "skipped": merged.skipped}
    processed = (await uow.session.execute(text(_STEP), values)).scalar_one_or_none()
    if processed is None:
        raise LeaseLost
    uow.publish("import", id=this.job.id, status="running", processed=processed)


async def _count_new(this: Run, prepared: Prepared) -> tuple[int, int]:
    """New and known people of the whole file; writes nothing that stays."""
    new = known = 0
    for number in range(len(prepared.chunks)):
        async with unit_of_work(this.principal) as uow:
            await merging.stage(uow, chunk_path(this.folder, number))
            fresh, there = await merging.counts(uow)
        new, known = new + fresh, known + there
    return new, known


async def _check_limit(this: Run, prepared: Prepared) -> None:
    """Refuse before the first row when the package has no room for all: nothing is half done."""
    async with unit_of_work(this.principal) as uow:
        limit = await entitlements.limit_of(uow, "contacts")
    if limit is None:
        return
    new, _ = await _count_new(this, prepared)
    async with unit_of_work(this.principal) as uow, uow.session.begin_nested() as attempt:
        await entitlements.require(uow, "contacts", new)
        await attempt.rollback()


async def _dry_run(this: Run, prepared: Prepared) -> None:
    found = await (_would_block(this, prepared) if this.blocks else _would_import(this, prepared))
    async with unit_of_work(this.principal) as uow:
        job = await mine(uow, this)
        job.created, job.updated = found.created, found.updated
        job.skipped, job.processed = prepared.duplicates + found.skipped, prepared.total
    await finish(this, ImportStatus.DONE)


async def _would_import(this: Run, prepared: Prepared) -> merging.Merged:
    new, known = await _count_new(this, prepared)
    changes = this.job.options["on_duplicate"] != "skip"
    return merging.Merged(new, known if changes else 0, 0 if changes else known)


async def _checkpoint(this: Run) -> int:
    async with unit_of_work(this.principal) as uow:
        return (await mine(uow, this)).checkpoint


async def _clean_up(this: Run) -> None:
    """Remove the spool unless the job goes on elsewhere."""
    async with unit_of_work(this.principal) as uow:
        job = await uow.session.get(ImportJob, this.job.id)
    if job is None or job.status is not ImportStatus.RUNNING:
        await asyncio.to_thread(shutil.rmtree, this.folder, ignore_errors=True)
