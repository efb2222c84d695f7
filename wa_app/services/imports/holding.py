"""A job in the hands of one worker: its lease, its end, and what it stops for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from wa_app import leases
from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.kit import turns
from wa_app.models.people import ImportJob, ImportKind, ImportStatus
from wa_app.schemas.principal import Principal

log = structlog.get_logger(__name__)

SLICE_S = 5.0
"""An import gives way after this when other jobs wait for a thread, in seconds."""


class LeaseLost(Exception):
    """Somebody else works on the job, or it was cancelled: this run stops without a trace."""


class GivesWay(Exception):
    """Other jobs wait for the thread: this one goes on later, after its checkpoint."""


class Run:
    """A job while this worker holds its lease."""

    def __init__(self, principal: Principal, job: ImportJob, epoch: int) -> None:
        self.principal, self.job, self.epoch = principal, job, epoch
        self.stop = Event()
        self.started_at = monotonic()

    @property
    def blocks(self) -> bool:
        """The rows are people not to write to."""
        return self.job.kind is ImportKind.BLACKLIST

    @property
    def folder(self) -> Path:
        """Where the chunks of this job are spooled; only this user may look."""
        return get_settings().data / "imports" / str(self.job.id)


def may_go_on(this: Run) -> None:
    """Raises GivesWay when this run had its time and others wait."""
    if monotonic() - this.started_at >= SLICE_S and turns.others_wait():
        raise GivesWay


async def mine(uow: TenantUnitOfWork, this: Run) -> ImportJob:
    """The job's row, locked, while it is still this run's."""
    job = await uow.session.get(ImportJob, this.job.id, with_for_update=True)
    if job is None or job.status is not ImportStatus.RUNNING or job.lease_epoch != this.epoch:
        raise LeaseLost
    return job


async def mark_running(uow: TenantUnitOfWork, job_id: UUID) -> None:
    """Say that somebody works on it."""
    query = text(
        "UPDATE import_jobs SET status = 'running', started_at = COALESCE(started_at, now()) "
        "WHERE tenant_id = :t AND id = :id"
    )
    await uow.session.execute(query, {"t": uow.tenant_id, "id": job_id})
    uow.publish("import", id=job_id, status="running")


async def finish(this: Run, status: ImportStatus, code: str | None = None, args: Any = None) -> None:
    """End the job, unless it is not ours any more."""
    async with unit_of_work(this.principal) as uow:
        try:
            job = await mine(uow, this)
        except LeaseLost:
            return
        job.status, job.error_code = status, code
        if args:
            job.options = {**job.options, "error_args": dict(args)}
        await uow.session.flush()
        await uow.session.execute(
            text("UPDATE import_jobs SET finished_at = now(), lease_until = NULL WHERE tenant_id = :t AND id = :id"),
            {"t": uow.tenant_id, "id": job.id},
        )
        uow.publish("import", id=job.id, status=status)


@asynccontextmanager
async def heartbeat(this: Run) -> AsyncIterator[None]:
    """Keep the lease, also while the file is being read; a lost one stops the reading."""
    async with leases.alongside(_beat(this)):
        yield


async def _beat(this: Run) -> None:
    while True:
        await asyncio.sleep(leases.heartbeat_s())
        try:
            async with unit_of_work(this.principal) as uow:
                job = await uow.session.get(ImportJob, this.job.id)
                kept = await leases.renew(uow, ImportJob, this.principal.tenant_id, this.job.id, this.epoch)
        except (SQLAlchemyError, OSError) as error:
            # The next beat may get through; every piece that is written asks by the epoch.
            log.warning("import.heartbeat_failed", error=type(error).__name__)
            continue
        if not kept or job is None or job.status is not ImportStatus.RUNNING:
            this.stop.set()
            return
