"""Carrying out at WAHA what a tenant wants of a device. Runs in workers; no transaction is open during a call."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import select

from wa_app.channels.port import AccessRefused, Channel, ChannelError, SessionInfo, SessionSpec
from wa_app.channels.port import DeviceStatus as ChannelStatus
from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.errors import Conflict
from wa_app.kit.secrets import decrypt
from wa_app.models.devices import Device, DeviceStatus
from wa_app.schemas.principal import Principal
from wa_app.services import waha_servers
from wa_app.services.devices.status import Sighting, apply
from wa_app.services.devices.verbs import table

log = structlog.get_logger(__name__)

Channels = Callable[[UUID], Awaitable[Channel]]
"""Gives the client of a server; `wa_app.channels.registry.channel` outside tests."""

CLAIM_S: Final = 90
STARTS: Final = frozenset({"link", "restart", "configure"})
"""Wants that start a session; on a browser engine each start is a whole browser."""
TURN_MS: Final = 1_500
WATCH_S: Final = 15.0
WATCH_EVERY_S: Final = 0.5
RETRY_MS: Final = (2_000, 5_000, 15_000, 30_000, 60_000)


@dataclass(frozen=True, slots=True)
class _Job:
    """One want, with everything its calls need."""

    tenant_id: UUID
    device_id: UUID
    want_id: str
    what: str
    tries: int
    failures: int
    server_id: UUID | None
    engine: str
    """Seen running, or wished for; empty when neither."""
    spec: SessionSpec


async def provision(tenant_id: UUID, device_id: UUID, channels: Channels) -> None:
    """Do what the device's row wants, if it wants anything and nobody else is doing it."""
    principal = Principal.system(tenant_id)
    job = await _claim(principal, device_id)
    if job is None:
        return
    started = datetime.now(UTC)
    try:
        server_id = job.server_id or await _assign_server(job)
        if job.what in STARTS and not await waha_servers.admit(server_id, job.device_id):
            await _wait_for_turn(principal, job)
            return
        channel = await channels(server_id)
        info = await _carry_out(channel, job)
    except Conflict as full:
        await _put_off(principal, job, full.code)
    except ChannelError as error:
        log.warning("device.want_failed", device_id=str(device_id), what=job.what, error=error.code, why=error.detail)
        await _put_off(principal, job, "server_refused" if isinstance(error, AccessRefused) else "server_unreachable")
    else:
        await _settle(principal, job, info, started)


async def _claim(principal: Principal, device_id: UUID) -> _Job | None:
    now = datetime.now(UTC)
    async with unit_of_work(principal) as uow:
        device = await _row(uow, device_id)
        wanted = device.status_detail.get("want") if device else None
        if device is None or wanted is None:
            return None
        claimed = wanted.get("claimed_at")
        if claimed and datetime.fromisoformat(claimed) > now - timedelta(seconds=CLAIM_S):
            return None
        device.status_detail = {**device.status_detail, "want": {**wanted, "claimed_at": now.isoformat()}}
        return _Job(
            tenant_id=device.tenant_id,
            device_id=device.id,
            want_id=wanted["id"],
            what=wanted["what"],
            tries=int(wanted.get("tries", 0)),
            failures=int(device.status_detail.get("failures", 0)),
            server_id=device.waha_server_id,
            engine=device.engine or "",
            spec=session_spec(device),
        )


def session_spec(device: Device) -> SessionSpec:
    """The session of a device: its own signing key, its own address, the tenant for whoever reads WAHA's list."""
    token = decrypt(device.webhook_token)
    return SessionSpec(
        name=device.session,
        webhook_url=f"{get_settings().base_url}/webhooks/waha/{token}",
        hmac_key=decrypt(device.hmac_key),
        metadata={"tenant.id": str(device.tenant_id), "device.id": str(device.id), "device.name": device.name},
    )


async def _row(uow: TenantUnitOfWork, device_id: UUID) -> Device | None:
    query = select(Device).where(table.c.tenant_id == uow.tenant_id, table.c.id == device_id).with_for_update()
    found: Device | None = (await uow.session.execute(query)).scalar_one_or_none()
    return found


async def _assign_server(job: _Job) -> UUID:
    """Pick a server and write it down in one transaction, so that no server gets more than it carries."""
    async with system_unit_of_work() as uow:
        server_id = await waha_servers.choose(uow, job.engine)
        await uow.session.execute(
            table.update()
            .where(table.c.tenant_id == job.tenant_id, table.c.id == job.device_id)
            .values(waha_server_id=server_id)
        )
    return server_id


async def _carry_out(channel: Channel, job: _Job) -> SessionInfo | None:
    """The calls for one want. Each may be repeated: all of WAHA's session calls are idempotent."""
    name = job.spec.name
    if job.what == "delete":
        await channel.delete_session(name)
        return None
    known = await channel.get_session(name)
    if job.what == "configure" and known is not None:
        # Creating a session that exists gives it our configuration; it restarts and stays linked.
        await channel.create_session(replace(job.spec, start=known.started))
        return await _watch(channel, name)
    if job.what == "logout":
        if known is not None:
            await channel.logout_session(name)
            await channel.stop_session(name)
        return None
    if known is None:
        await channel.create_session(job.spec)
    elif job.what == "restart":
        await channel.restart_session(name)
    else:
        await _link_known(channel, known, job)
    return await _watch(channel, name)


async def _link_known(channel: Channel, known: SessionInfo, job: _Job) -> None:
    """A session that is there but not linked: restart it; after a second failure drop its credentials."""
    if known.status is ChannelStatus.FAILED:
        if job.failures > 1:
            await channel.logout_session(job.spec.name)
            await channel.stop_session(job.spec.name)
            await channel.start_session(job.spec.name)
        else:
            await channel.restart_session(job.spec.name)
    elif not known.started:
        await channel.start_session(job.spec.name)


async def _watch(channel: Channel, name: str) -> SessionInfo | None:
    """The session once it has left STARTING, so that linking works even where webhooks cannot reach us."""
    info = await channel.get_session(name)
    for _ in range(int(WATCH_S / WATCH_EVERY_S)):
        if info is None or info.status is not ChannelStatus.STARTING:
            break
        await asyncio.sleep(WATCH_EVERY_S)
        info = await channel.get_session(name)
    return info


async def _settle(principal: Principal, job: _Job, info: SessionInfo | None, started: datetime) -> None:
    """The want is done: take it off the row and write what the session is now."""
    async with unit_of_work(principal) as uow:
        device = await _row(uow, job.device_id)
        if device is None or (device.status_detail.get("want") or {}).get("id") != job.want_id:
            return
        detail = {key: value for key, value in device.status_detail.items() if key not in ("want", "trouble")}
        device.status_detail = {**detail, "webhooks": get_settings().base_url}
        await uow.session.flush()
        if info is not None and info.started:
            status = DeviceStatus(info.status.value)
            seen = Sighting(status, probed=True, at=datetime.now(UTC), account=info.account, engine=info.engine)
            await apply(uow, device, seen)
        uow.publish("device", id=device.id, status=device.status.value)


async def _wait_for_turn(principal: Principal, job: _Job) -> None:
    """The server is busy starting others: let go of the want and come back, in no fixed order."""
    async with unit_of_work(principal) as uow:
        device = await _row(uow, job.device_id)
        wanted = device.status_detail.get("want") if device else None
        if device is None or wanted is None or wanted["id"] != job.want_id:
            return
        kept = {key: value for key, value in wanted.items() if key != "claimed_at"}
        device.status_detail = {**device.status_detail, "want": kept}
        delay_ms = random.randint(TURN_MS // 2, TURN_MS * 3 // 2)
        uow.enqueue("device.provision", delay_ms=delay_ms, tenant_id=job.tenant_id, device_id=job.device_id)


async def _put_off(principal: Principal, job: _Job, trouble: str) -> None:
    """The server would not: say so on the device, keep the want, try again soon; the probe goes on after that."""
    async with unit_of_work(principal) as uow:
        device = await _row(uow, job.device_id)
        wanted: dict[str, Any] | None = device.status_detail.get("want") if device else None
        if device is None or wanted is None or wanted["id"] != job.want_id:
            return
        kept = {key: value for key, value in wanted.items() if key not in ("claimed_at", "starting_at")}
        device.status_detail = {
            **device.status_detail, "trouble": trouble, "want": {**kept, "tries": job.tries + 1},
        }  # fmt: skip
        if job.tries < len(RETRY_MS):
            uow.enqueue(
                "device.provision", delay_ms=RETRY_MS[job.tries], tenant_id=job.tenant_id, device_id=job.device_id
            )
        uow.publish("device", id=device.id)
