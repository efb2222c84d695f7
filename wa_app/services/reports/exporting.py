"""A report as a file behind the file port, made by a worker.

CSV: pieces of the log are written one after the other to a spool of this machine, and the job's row
remembers the last row and the length of the spool. After a crash the spool is cut to that length and
goes on; on another machine, where there is no spool, it begins anew. PDF takes a second and begins anew.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import text

from wa_app.config import get_settings
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError, Conflict, NotFound
from wa_app.files.port import CHUNK
from wa_app.kit.clock import utc_now
from wa_app.models.outbound import MessageState
from wa_app.models.reports import JobKind, JobStatus
from wa_app.schemas.reports import ExportRequest, JobView
from wa_app.services import audit, entitlements, files
from wa_app.services.campaigns import jobs, reading, reports
from wa_app.services.campaigns.logs import export_piece
from wa_app.services.reports import pdf

log = structlog.get_logger(__name__)

KEPT = timedelta(days=7)
"""How long an exported file stays."""
_FORGET = text("""
    UPDATE files f SET deleted_at = now() FROM campaign_jobs j
    WHERE j.tenant_id = f.tenant_id AND j.file_id = f.id AND f.deleted_at IS NULL
      AND j.kind IN ('csv', 'pdf') AND j.finished_at < now() - CAST(:kept AS interval)
""")


async def request(uow: TenantUnitOfWork, campaign_id: UUID, data: ExportRequest) -> JobView:
    """Ask for a file. One that is being made the same way is answered instead of a second."""
    uow.require("campaigns.read")
    if data.kind == "csv":
        uow.require("contacts.export")
    campaign = await reading.find(uow, campaign_id)
    if campaign.planned_at is None and campaign.started_at is None:
        raise Conflict("nothing_to_report")
    await entitlements.require(uow, "exports")
    options = {"language": data.language or uow.principal.language, "states": [one.value for one in data.status]}
    audit.record(uow, "campaign.export", "campaign", campaign_id, file=data.kind)
    return await jobs.request(uow, campaign_id, JobKind(data.kind), options=options)


async def get(uow: TenantUnitOfWork, campaign_id: UUID, job_id: UUID) -> JobView:
    """One export, with a link to its file when it is done. Raises NotFound."""
    uow.require("campaigns.read")
    found = await jobs.get(uow, campaign_id, job_id)
    if found.kind == JobKind.NUMBERS:
        raise NotFound
    if found.kind == JobKind.CSV:
        uow.require("contacts.export")
    return found


async def recent(uow: TenantUnitOfWork, campaign_id: UUID) -> list[JobView]:
    """The newest exports; those with people's numbers only for who may export them."""
    uow.require("campaigns.read")
    await reading.find(uow, campaign_id)
    kinds = [JobKind.PDF, JobKind.CSV] if uow.principal.may("contacts.export") else [JobKind.PDF]
    return await jobs.recent(uow, campaign_id, *kinds)


async def cancel(uow: TenantUnitOfWork, campaign_id: UUID, job_id: UUID) -> JobView:
    """Stop an export; nothing of it is kept. Conflict `job_not_running`."""
    await get(uow, campaign_id, job_id)
    return await jobs.cancel(uow, campaign_id, job_id)


async def run(tenant_id: UUID, job_id: UUID) -> None:
    """Make the file, or go on with it."""
    async with jobs.held(tenant_id, job_id) as mine:
        if mine is None:
            return
        try:
            await (_csv if mine.job.kind == JobKind.CSV else _pdf)(mine)
        except AppError as error:
            async with unit_of_work(mine.principal) as uow:
                await mine.end(uow, JobStatus.FAILED, error_code=error.code)
            _spool(job_id).unlink(missing_ok=True)
        except jobs.Stopped:
            _spool(job_id).unlink(missing_ok=True)
            raise


async def _csv(mine: jobs.Run) -> None:
    campaign_id, states = mine.job.campaign_id, [MessageState(one) for one in mine.job.options.get("states", ())]
    spool = _spool(mine.job.id)
    after = await asyncio.to_thread(_reopen, spool, int(mine.job.result.get("bytes", 0)), mine.job.checkpoint)
    done = mine.job.processed if after else 0
    name, total = await _begin(mine, states)
    more = True
    while more:
        async with unit_of_work(mine.principal) as uow:
            piece = await export_piece(uow, campaign_id, after, states)
        size = await asyncio.to_thread(_append, spool, piece.data)
        after, more, done = piece.last or after, piece.more, done + piece.rows
        async with unit_of_work(mine.principal) as uow:
            await mine.step(uow, processed=done, total=max(total, done), checkpoint=after, result={"bytes": size})
    mine.job.processed = done
    await _keep(mine, f"{name}.csv", _read(spool))
    await asyncio.to_thread(spool.unlink, True)


async def _begin(mine: jobs.Run, states: list[MessageState]) -> tuple[str, int]:
    """Name of the file, and how many rows there are to write."""
    async with unit_of_work(mine.principal) as uow:
        campaign = await reading.find(uow, mine.job.campaign_id)
        counts = (await reading.counts_of(uow, [campaign.id]))[campaign.id]
    total = sum(getattr(counts, one.value) for one in states) if states else counts.total
    return safe_name(campaign.name), total


async def _pdf(mine: jobs.Run) -> None:
    language = str(mine.job.options.get("language", "id"))
    async with unit_of_work(mine.principal) as uow:
        await mine.step(uow, total=1)
        report = await reports.report(uow, mine.job.campaign_id)
        tenant = (await uow.session.execute(text("SELECT name FROM tenants WHERE id = :t"), {"t": uow.tenant_id})).scalar_one()
    data = await asyncio.to_thread(pdf.render, report, tenant, language, utc_now())

    async def once() -> AsyncIterator[bytes]:
        yield data

    await _keep(mine, f"{safe_name(report.name)}.pdf", once())


async def _keep(mine: jobs.Run, name: str, chunks: AsyncIterator[bytes]) -> None:
    """Put the bytes behind the file port and end the job: a job that is done has its file."""
    principal = replace(mine.principal, user_id=mine.job.created_by)
    kept = (await files.store(principal, name, chunks, limited=False)).id
    done = mine.job.processed if mine.job.kind == JobKind.CSV else 1
    try:
        async with unit_of_work(mine.principal) as uow:
            await mine.end(uow, JobStatus.DONE, file_id=kept, processed=done)
    except jobs.Stopped:
        async with unit_of_work(mine.principal) as uow:
            await files.delete(uow, kept)
        raise


async def forget(uow: SystemUnitOfWork) -> int:
    """Let files of exports go after a week (for the sweep)."""
    return (await uow.session.execute(_FORGET, {"kept": KEPT})).rowcount  # type: ignore[attr-defined,no-any-return]


def safe_name(name: str) -> str:
    """A file's name out of a campaign's."""
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in name)
    return "-".join(part for part in plain.split("-") if part)[:60] or "campaign"


def _spool(job_id: UUID) -> Path:
    return get_settings().data / "exports" / f"{job_id}.csv"


def _reopen(spool: Path, length: int, checkpoint: UUID | None) -> UUID | None:
    """Cut the spool to what is certain and say after which row to go on; None: from the beginning."""
    spool.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if checkpoint is None or not length or not spool.exists() or spool.stat().st_size < length:
        spool.write_bytes(b"")
        return None
    with spool.open("r+b") as handle:
        handle.truncate(length)
    return checkpoint


def _append(spool: Path, data: bytes) -> int:
    with spool.open("ab") as handle:
        handle.write(data)
        handle.flush()
        return handle.tell()


async def _read(spool: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(spool.open, "rb") as handle:
        while chunk := await asyncio.to_thread(handle.read, CHUNK):
            yield chunk


