"""Long work about one campaign: asked for, watched, cancelled, and gone on with after a crash.

The row is the truth. A worker takes its lease and moves it only while it holds it; a row that is due
and in nobody's hands is sent to the workers again by the sweep.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import BindParameter, bindparam, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from wa_app import leases
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.errors import Conflict, NotFound
from wa_app.models.files import File
from wa_app.models.reports import CampaignJob, JobKind, JobStatus
from wa_app.schemas.principal import Principal
from wa_app.schemas.reports import JobView
from wa_app.services import files
from wa_app.services.campaigns import reading

log = structlog.get_logger(__name__)

OPEN: Final = (JobStatus.QUEUED, JobStatus.RUNNING)
ACTORS: Final = {JobKind.NUMBERS: "numbers.check", JobKind.CSV: "report.export", JobKind.PDF: "report.export"}


class Stopped(Exception):
    """The job was cancelled or passed to somebody else: this run ends without a trace."""


async def request(
    uow: TenantUnitOfWork, campaign_id: UUID, kind: JobKind, *, options: dict[str, Any] | None = None
) -> JobView:
    """Queue a job. One of a kind at a time: an open one is answered instead of a second."""
    await reading.find(uow, campaign_id, lock=True)
    wanted = options or {}
    for job in await _of(uow, campaign_id, kind, open_only=True):
        if job.options == wanted:
            return await view(uow, job)
    job = CampaignJob(
        tenant_id=uow.tenant_id, campaign_id=campaign_id, kind=kind, options=wanted, created_by=uow.principal.user_id
    )
    uow.session.add(job)
    await uow.session.flush()
    uow.enqueue(ACTORS[kind], tenant_id=uow.tenant_id, job_id=job.id)
    tell(uow, job)
    return await view(uow, job)


async def get(uow: TenantUnitOfWork, campaign_id: UUID, job_id: UUID) -> JobView:
    """One job of a campaign. Raises NotFound."""
    return await view(uow, await _job(uow, campaign_id, job_id))


async def recent(uow: TenantUnitOfWork, campaign_id: UUID, *kinds: JobKind, limit: int = 10) -> list[JobView]:
    """The newest jobs of some kinds."""
    found = [job for kind in kinds for job in await _of(uow, campaign_id, kind, limit=limit)]
    found.sort(key=lambda job: job.id, reverse=True)
    return [await view(uow, job) for job in found[:limit]]


async def cancel(uow: TenantUnitOfWork, campaign_id: UUID, job_id: UUID) -> JobView:
    """Stop a job; a running one stops at its next step. Raises Conflict `job_not_running`."""
    job = await _job(uow, campaign_id, job_id, lock=True)
    if job.status not in OPEN:
        raise Conflict("job_not_running", status=job.status.value)
    await uow.session.execute(
        text("UPDATE campaign_jobs SET status = 'cancelled', finished_at = now() WHERE tenant_id = :t AND id = :id"),
        {"t": uow.tenant_id, "id": job_id},
    )
    await uow.session.refresh(job)
    tell(uow, job)
    return await view(uow, job)


async def view(uow: TenantUnitOfWork, job: CampaignJob) -> JobView:
    """A job as it is shown, with a fresh link to its file."""
    found = JobView(**job.model_dump(include=set(JobView.model_fields)))
    found.result = {key: value for key, value in job.result.items() if not isinstance(value, list)}
    if job.file_id is None or job.status != JobStatus.DONE:
        return found
    query = select(File).where(col(File.id) == job.file_id, col(File.deleted_at).is_(None))
    file = (await uow.session.execute(query)).scalar_one_or_none()
    if file is None:
        return found
    shown = files.view(file)
    return found.model_copy(update={
        "url": shown.url, "expires_at": shown.expires_at, "file_name": file.name, "size": file.size
    })  # fmt: skip


def tell(uow: TenantUnitOfWork, job: CampaignJob) -> None:
    """Open pages of the campaign look again."""
    uow.publish("campaign", id=str(job.campaign_id), what="job")


async def _of(
    uow: TenantUnitOfWork, campaign_id: UUID, kind: JobKind, *, open_only: bool = False, limit: int = 10
) -> Sequence[CampaignJob]:
    query = select(CampaignJob).where(col(CampaignJob.campaign_id) == campaign_id, col(CampaignJob.kind) == kind)
    query = query.where(col(CampaignJob.tenant_id) == uow.tenant_id).order_by(col(CampaignJob.id).desc()).limit(limit)
    if open_only:
        query = query.where(col(CampaignJob.status).in_(OPEN))
    return (await uow.session.execute(query)).scalars().all()


async def _job(uow: TenantUnitOfWork, campaign_id: UUID, job_id: UUID, *, lock: bool = False) -> CampaignJob:
    await reading.find(uow, campaign_id)
    query = select(CampaignJob).where(col(CampaignJob.id) == job_id, col(CampaignJob.campaign_id) == campaign_id)
    found = (await uow.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


_BEGIN = text("""
    UPDATE campaign_jobs SET status = 'running', started_at = COALESCE(started_at, now())
    WHERE tenant_id = :t AND id = :id AND status IN ('queued', 'running')
""")
_STEP = """
    UPDATE campaign_jobs SET {sets} WHERE tenant_id = :t AND id = :id AND status = 'running' AND lease_epoch = :epoch
    RETURNING id
"""
_DUE = text("""
    UPDATE campaign_jobs SET due_at = now() + interval '10 seconds' WHERE id IN (
        SELECT id FROM campaign_jobs WHERE status IN ('queued', 'running') AND due_at <= now() - interval '2 seconds'
          AND (lease_until IS NULL OR lease_until < now())
        ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED)
    RETURNING tenant_id, id, kind
""")


class Run:
    """A job in the hands of this worker."""

    def __init__(self, principal: Principal, job: CampaignJob, epoch: int) -> None:
        self.principal, self.job, self.epoch = principal, job, epoch

    async def step(self, uow: TenantUnitOfWork, **changes: Any) -> None:
        """Write progress, in the transaction of the work itself. Raises Stopped when the job is not ours any more."""
        sets = ", ".join(f"{key} = :{key}" for key in changes) or "due_at = due_at"
        query = text(_STEP.format(sets=sets)).bindparams(*_typed(changes))
        values = {**changes, "t": uow.tenant_id, "id": self.job.id, "epoch": self.epoch}
        if (await uow.session.execute(query, values)).scalar_one_or_none() is None:
            raise Stopped
        tell(uow, self.job)

    async def end(self, uow: TenantUnitOfWork, status: JobStatus, **changes: Any) -> None:
        """The job is over."""
        await self.step(uow, status=status.value, **changes)
        await uow.session.execute(
            text("UPDATE campaign_jobs SET finished_at = now() WHERE tenant_id = :t AND id = :id"),
            {"t": uow.tenant_id, "id": self.job.id},
        )

    async def later(self, wait: timedelta) -> None:
        """Let go now, go on in a while."""
        async with unit_of_work(self.principal) as uow:
            await uow.session.execute(
                text("UPDATE campaign_jobs SET due_at = now() + :wait WHERE tenant_id = :t AND id = :id"),
                {"t": uow.tenant_id, "id": self.job.id, "wait": wait},
            )


def _typed(changes: dict[str, Any]) -> list[BindParameter[Any]]:
    """Bind parameters of a step, with the column's own type (JSON, UUID)."""
    table = CampaignJob.__table__  # type: ignore[attr-defined]
    return [bindparam(key, type_=table.c[key].type if key != "status" else None) for key in changes]


@asynccontextmanager
async def held(tenant_id: UUID, job_id: UUID) -> AsyncIterator[Run | None]:
    """Take the job's lease and keep it for the block; None when it is over or in other hands."""
    principal = Principal.system(tenant_id)
    async with unit_of_work(principal) as uow:
        job = await uow.session.get(CampaignJob, job_id)
        epoch = None
        if job is not None and job.status in OPEN:
            epoch = await leases.take(uow, CampaignJob, tenant_id, job_id, leases.new_owner())
        if job is None or epoch is None:
            job = None
        else:
            await uow.session.execute(_BEGIN, {"t": tenant_id, "id": job_id})
            await uow.session.refresh(job)
    if job is None or epoch is None:
        yield None
        return
    task = asyncio.create_task(_heartbeat(principal, job_id, epoch))
    try:
        yield Run(principal, job, epoch)
    except Stopped:
        log.info("job.stopped", job=str(job_id))
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        async with unit_of_work(principal) as uow:
            await leases.release(uow, CampaignJob, tenant_id, job_id, epoch)


async def _heartbeat(principal: Principal, job_id: UUID, epoch: int) -> None:
    while True:
        await asyncio.sleep(leases.heartbeat_s())
        try:
            async with unit_of_work(principal) as uow:
                await leases.renew(uow, CampaignJob, principal.tenant_id, job_id, epoch)
        except (SQLAlchemyError, OSError) as error:
            log.warning("job.heartbeat_failed", job=str(job_id), error=type(error).__name__)


async def wake(uow: SystemUnitOfWork) -> int:
    """Send jobs that are due and in nobody's hands to the workers (for the sweep)."""
    rows = (await uow.session.execute(_DUE)).all()
    for row in rows:
        uow.enqueue(ACTORS[JobKind(row.kind)], tenant_id=row.tenant_id, job_id=row.id)
    return len(rows)
