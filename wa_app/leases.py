"""Lease rows: who may work on a device, a campaign, an import or a conversation right now.

A lease is three columns of the row itself (`lease_owner, lease_until, lease_epoch`), taken
and renewed by UPDATE under the database's clock. Every statement whose effect depends on
the lease carries the epoch, so a holder that was paused past its lease can do no harm.
Advisory locks are not used: they survive the return of a pooled connection (DESIGN §2).
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, func, literal, or_, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import SQLModel

from wa_app.config import get_settings
from wa_app.db import UnitOfWork, unit_of_work
from wa_app.kit.ids import new_id
from wa_app.schemas.principal import Principal

log = structlog.get_logger(__name__)


def heartbeat_s() -> float:
    """How often a holder renews its lease, in seconds, also while a call is out."""
    return get_settings().lease_s / 3


def trust_s() -> float:
    """Nothing that needs the lease is begun when it was last confirmed longer ago than this, in seconds."""
    return get_settings().lease_s * 2 / 3


def new_owner() -> str:
    """A name for a holder that no other process, thread or restart shares."""
    return f"{socket.gethostname()}:{os.getpid()}:{new_id()}"


async def take(uow: UnitOfWork, model: type[SQLModel], tenant_id: UUID, row_id: UUID, owner: str) -> int | None:
    """Take the lease of a row if it is free. Returns the new epoch, or None."""
    table = model.__table__  # type: ignore[attr-defined]
    free = or_(table.c.lease_until.is_(None), table.c.lease_until < func.now(), table.c.lease_owner == owner)
    statement = (
        update(table)
        .where(table.c.tenant_id == tenant_id, table.c.id == row_id, free)
        .values(lease_owner=owner, lease_until=_ahead(), lease_epoch=table.c.lease_epoch + 1)
        .returning(table.c.lease_epoch)
    )
    epoch: int | None = (await uow.session.execute(statement)).scalar_one_or_none()
    return epoch


async def renew(uow: UnitOfWork, model: type[SQLModel], tenant_id: UUID, row_id: UUID, epoch: int) -> bool:
    """Reach further ahead. False when the lease has passed to somebody else."""
    table = model.__table__  # type: ignore[attr-defined]
    statement = (
        update(table)
        .where(table.c.tenant_id == tenant_id, table.c.id == row_id, table.c.lease_epoch == epoch)
        .where(table.c.lease_until > func.now())
        .values(lease_until=_ahead())
        .returning(literal(1))
    )
    return (await uow.session.execute(statement)).scalar_one_or_none() is not None


async def release(uow: UnitOfWork, model: type[SQLModel], tenant_id: UUID, row_id: UUID, epoch: int) -> None:
    """Let go, unless it is somebody else's by now."""
    table = model.__table__  # type: ignore[attr-defined]
    await uow.session.execute(
        update(table)
        .where(table.c.tenant_id == tenant_id, table.c.id == row_id, table.c.lease_epoch == epoch)
        .values(lease_owner=None, lease_until=None)
    )


@asynccontextmanager
async def beating(principal: Principal, model: type[SQLModel], row_id: UUID, epoch: int) -> AsyncIterator[None]:
    """Renew a lease while the block works. Who must not go on without it asks by the epoch when it writes."""
    async with alongside(_beat(principal, model, row_id, epoch)):
        yield


@asynccontextmanager
async def alongside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let something go on while the block works, and end it with the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _beat(principal: Principal, model: type[SQLModel], row_id: UUID, epoch: int) -> None:
    while True:
        await asyncio.sleep(heartbeat_s())
        try:
            async with unit_of_work(principal) as uow:
                if not await renew(uow, model, principal.tenant_id, row_id, epoch):
                    return
        except (SQLAlchemyError, OSError) as error:
            # The next beat may get through; what is written at the end carries the epoch.
            log.warning("lease.heartbeat_failed", error=type(error).__name__)


def _ahead() -> ColumnElement[datetime]:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, get_settings().lease_s)
