"""Holding the lease of a device or a conversation: a heartbeat renews it, and nobody trusts it for long without one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import SQLModel

from wa_app import leases
from wa_app.db import unit_of_work
from wa_app.kit import metrics
from wa_app.kit.clock import boot_clock
from wa_app.models.devices import Device
from wa_app.schemas.principal import Principal

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Lease:
    """A lease as this process knows it."""

    epoch: int
    confirmed_at: float

    def trusted(self) -> bool:
        return boot_clock() - self.confirmed_at <= leases.trust_s()


@asynccontextmanager
async def kept(
    principal: Principal, row_id: UUID, lease: Lease, model: type[SQLModel] = Device
) -> AsyncIterator[None]:
    """Renew the lease every 10 s, also while calls are out."""
    async with leases.alongside(_heartbeat(principal, row_id, lease, model)):
        yield


async def _heartbeat(principal: Principal, row_id: UUID, lease: Lease, model: type[SQLModel]) -> None:
    table = str(model.__tablename__)
    while True:
        await asyncio.sleep(leases.heartbeat_s())
        asked_at = boot_clock()
        try:
            async with unit_of_work(principal) as uow:
                kept = await leases.renew(uow, model, principal.tenant_id, row_id, lease.epoch)
        except (SQLAlchemyError, OSError) as error:
            # The lease stays trusted for a while without us; the next beat may get through.
            log.warning("lease.heartbeat_failed", table=table, id=str(row_id), error=type(error).__name__)
            continue
        if not kept:
            lease.confirmed_at = -1e9
            log.warning("lease.lost", table=table, id=str(row_id))
            metrics.lease_lost(table)
            return
        lease.confirmed_at = asked_at
