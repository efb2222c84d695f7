"""The row of a job: asked for, held by one worker at a time, moved step by step.

The row is the truth. A worker takes its lease and moves it only while it holds it; a row that is due and in nobody's hands is
sent to the workers again by the sweep.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from wa_app import leases
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.models.files import File
from wa_app.models.merges import ChatJob, ChatJobKind
from wa_app.models.reports import JobStatus
from wa_app.schemas.chat_jobs import ChatJobView
from wa_app.schemas.principal import Principal
from wa_app.services import files

log = structlog.get_logger(__name__)

OPEN: Final = (JobStatus.QUEUED, JobStatus.RUNNING)
ACTOR: Final = "chats.work"
SYNC_S: Final = 10
_BEGIN = text("""
    UPDATE chat_jobs SET status = 'running', started_at = COALESCE(started_at, now())
    WHERE tenant_id = :t AND id = :id AND status IN ('queued', 'running')
""")
_STEP = """
    UPDATE chat_jobs SET {sets} WHERE tenant_id = :t AND id = :id AND status = 'running' AND lease_epoch = :epoch RETURNING id
"""
_DUE = text("""
    UPDATE chat_jobs SET due_at = now() + make_interval(secs => :wait) WHERE id IN (
        SELECT id FROM chat_jobs WHERE status IN ('queued', 'running') AND due_at <= now() - interval '2 seconds'
          AND (lease_until IS NULL OR lease_until < now())
        ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED)
    RETURNING tenant_id, id
""")


class Stopped(Exception):
    """The job was cancelled or passed to somebody else: this run ends without a trace."""


async def add(uow: TenantUnitOfWork, kind: ChatJobKind, options: dict[str, Any]) -> ChatJobView:
    """Queue a job. The same work that a person has open already is answered instead of a second."""
    mine = uow.principal.user_id
    query = select(ChatJob).where(col(ChatJob.kind) == kind, col(ChatJob.status).in_(OPEN)).order_by(col(ChatJob.id).desc()).limit(50)
    for open_ in (await uow.session.execute(query)).scalars():
        if open_.options == options and open_.created_by == mine:
            return await view(uow, open_)
    job = ChatJob(tenant_id=uow.tenant_id, kind=kind, options=options, created_by=mine)
    uow.session.add(job)
    await uow.session.flush()
    uow.enqueue(ACTOR, tenant_id=uow.tenant_id, job_id=job.id)
    uow.publish("chat_job", id=job.id)
    return await view(uow, job)


async def view(uow: TenantUnitOfWork, job: ChatJob) -> ChatJobView:
    """A job as it is shown, with a fresh link to its file."""
    return (await views(uow, [job]))[0]


async def views(uow: TenantUnitOfWork, jobs: Sequence[ChatJob]) -> list[ChatJobView]:
    """The same of several, with one question for all of their files."""
    wanted = [job.file_id for job in jobs if job.file_id is not None and job.status == JobStatus.DONE]
    query = select(File).where(col(File.id).in_(wanted), col(File.deleted_at).is_(None))
    kept = {file.id: file for file in (await uow.session.execute(query)).scalars()} if wanted else {}
    return [_view(job, kept.get(job.file_id) if job.file_id else None) for job in jobs]


def _view(job: ChatJob, file: File | None) -> ChatJobView:
    found = ChatJobView(**job.model_dump(include=set(ChatJobView.model_fields)))
    if file is None:
        return found
    shown = files.view(file)
    return found.model_copy(update={"url": shown.url, "expires_at": shown.expires_at, "file_name": file.name, "size": file.size})


class Run:
    """A job in the hands of this worker."""

    def __init__(self, principal: Principal, job: ChatJob, epoch: int) -> None:
        self.principal, self.job, self.epoch = principal, job, epoch

    async def step(self, **changes: Any) -> None:
        """Write progress. Raises Stopped when the job is not ours any more."""
        table = ChatJob.__table__  # type: ignore[attr-defined]
        sets = ", ".join(f"{key} = :{key}" for key in changes)
        query = text(_STEP.format(sets=sets)).bindparams(*(bindparam(key, type_=table.c[key].type) for key in changes))
        async with unit_of_work(self.principal) as uow:
            values = {**changes, "t": uow.tenant_id, "id": self.job.id, "epoch": self.epoch}
            if (await uow.session.execute(query, values)).scalar_one_or_none() is None:
                raise Stopped
            if changes.get("status") is not None:
                await uow.session.execute(
                    text("UPDATE chat_jobs SET finished_at = now() WHERE tenant_id = :t AND id = :id"),
                    {"t": uow.tenant_id, "id": self.job.id},
                )
            uow.publish("chat_job", id=self.job.id)


@asynccontextmanager
async def held(tenant_id: UUID, job_id: UUID) -> AsyncIterator[Run | None]:
    """Take the job's lease and keep it for the block; None when it is over or in other hands."""
    principal = Principal.system(tenant_id)
    async with unit_of_work(principal) as uow:
        job = await uow.session.get(ChatJob, job_id)
        epoch = None
        if job is not None and job.status in OPEN:
            epoch = await leases.take(uow, ChatJob, tenant_id, job_id, leases.new_owner())
        if job is not None and epoch is not None:
            await uow.session.execute(_BEGIN, {"t": tenant_id, "id": job_id})
            await uow.session.refresh(job)
    if job is None or epoch is None:
        yield None
        return
    task = asyncio.create_task(_heartbeat(principal, job_id, epoch))
    try:
        yield Run(principal, job, epoch)
    except Stopped:
        log.info("chat_job.stopped", job=str(job_id))
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        async with unit_of_work(principal) as uow:
            await leases.release(uow, ChatJob, tenant_id, job_id, epoch)


async def _heartbeat(principal: Principal, job_id: UUID, epoch: int) -> None:
    while True:
        await asyncio.sleep(leases.heartbeat_s())
        try:
            async with unit_of_work(principal) as uow:
                await leases.renew(uow, ChatJob, principal.tenant_id, job_id, epoch)
        except (SQLAlchemyError, OSError) as error:
            log.warning("chat_job.heartbeat_failed", job=str(job_id), error=type(error).__name__)


async def due(uow: SystemUnitOfWork) -> int:
    """Send jobs that are due and in nobody's hands to the workers (for the sweep)."""
    rows = (await uow.session.execute(_DUE, {"wait": SYNC_S})).all()
    for row in rows:
        uow.enqueue(ACTOR, tenant_id=row.tenant_id, job_id=row.id)
    return len(rows)
