"""Lease rows: who may work on a device, a campaign, an import or a conversation right now.

A lease is three columns of the row itself (`lease_owner, lease_until, lease_epoch`), taken
and renewed by UPDATE under the database's clock. Every statement whose effect depends on
the lease carries the epoch, so a holder that was paused past its lease can do no harm.
Advisory locks are not used: they survive the return of a pooled connection (DESIGN §2).
"""

import os
import socket
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, or_, update
from sqlmodel import SQLModel

from wa_app.config import get_settings
from wa_app.db import UnitOfWork
from wa_app.kit.ids import new_id


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


def _ahead() -> ColumnElement[datetime]:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, get_settings().lease_s)
