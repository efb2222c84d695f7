"""Jobs as people see and stop them, and as a worker does them."""

from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork
from wa_app.errors import AppError, Conflict, NotFound
from wa_app.models.merges import ChatJob, ChatJobKind
from wa_app.models.reports import JobStatus
from wa_app.schemas.chat_jobs import ChatJobView
from wa_app.services import audit, entitlements
from wa_app.services.chat_jobs import deleting, exporting, rows

SHOWN: Final = 20
_CANCEL = text("UPDATE chat_jobs SET status = 'cancelled', finished_at = now() WHERE tenant_id = :t AND id = :id")


async def get(uow: TenantUnitOfWork, job_id: UUID) -> ChatJobView:
    """One job. Raises NotFound, and Forbidden for whose role could not have asked for it."""
    return await rows.view(uow, await _job(uow, job_id))


async def recent(uow: TenantUnitOfWork) -> list[ChatJobView]:
    """The newest jobs that the role may see."""
    uow.require("messages.read")
    kinds = [kind for kind in ChatJobKind if uow.principal.may(_verb(kind))]
    query = select(ChatJob).where(col(ChatJob.kind).in_(kinds)).order_by(col(ChatJob.id).desc()).limit(SHOWN)
    return await rows.views(uow, (await uow.session.execute(query)).scalars().all())


async def again(uow: TenantUnitOfWork, job_id: UUID) -> ChatJobView:
    """Ask for the same work once more, when it failed or was cancelled. Raises NotFound, LimitReached."""
    uow.require("messages.read")
    job = await _job(uow, job_id)
    if job.status not in (JobStatus.FAILED, JobStatus.CANCELLED):
        return await rows.view(uow, job)
    if job.kind != ChatJobKind.DELETE:
        await entitlements.require(uow, "exports")
    audit.record(uow, "chat_job.again", "chat_job", job_id, of=job.kind.value)
    return await rows.add(uow, ChatJobKind(job.kind), job.options)


async def cancel(uow: TenantUnitOfWork, job_id: UUID) -> ChatJobView:
    """Stop a job at its next step; what is deleted by then stays deleted. Raises NotFound, Conflict `job_not_running`."""
    job = await _job(uow, job_id, lock=True)
    if job.status not in rows.OPEN:
        raise Conflict("job_not_running", status=job.status.value)
    await uow.session.execute(_CANCEL, {"t": uow.tenant_id, "id": job_id})
    await uow.session.refresh(job)
    uow.publish("chat_job", id=job_id)
    return await rows.view(uow, job)


async def run(tenant_id: UUID, job_id: UUID) -> None:
    """Do a job, or go on with it."""
    async with rows.held(tenant_id, job_id) as mine:
        if mine is None:
            return
        try:
            await (deleting.erase_all(mine) if mine.job.kind == ChatJobKind.DELETE else exporting.write(mine))
        except AppError as error:
            await mine.step(status=JobStatus.FAILED, error_code=error.code)


async def wake(uow: SystemUnitOfWork) -> int:
    """Send jobs that are due to the workers (for the sweep)."""
    return await rows.due(uow)


def _verb(kind: ChatJobKind) -> str:
    return "contacts.delete" if kind == ChatJobKind.DELETE else "contacts.export"


async def _job(uow: TenantUnitOfWork, job_id: UUID, *, lock: bool = False) -> ChatJob:
    query = select(ChatJob).where(col(ChatJob.id) == job_id)
    found = (await uow.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound
    uow.require(_verb(found.kind))
    return found
