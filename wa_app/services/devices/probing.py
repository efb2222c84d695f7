"""Asking WAHA how all sessions are, so that a lost webhook is never the last word."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, select, text

from wa_app.channels.port import AccessRefused, Channel, ChannelError, SessionInfo
from wa_app.config import get_settings
from wa_app.db import SystemUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.models.devices import Device, DeviceStatus
from wa_app.schemas.principal import Principal
from wa_app.services import waha_servers
from wa_app.services.devices.linking import Channels
from wa_app.services.devices.status import Sighting, apply, tells_new_limits
from wa_app.services.devices.verbs import table

log = structlog.get_logger(__name__)

_MOVED = text(
    "UPDATE devices SET status_detail = status_detail || jsonb_build_object('want', jsonb_build_object("
    "'what', 'configure', 'id', replace(gen_random_uuid()::text, '-', ''))) "
    "WHERE status_detail ? 'webhooks' AND status_detail ->> 'webhooks' <> :here AND NOT status_detail ? 'want' "
    "AND deleted_at IS NULL AND status = 'CONNECTED'"
)
_SEEN = text("UPDATE devices SET last_seen_at = now() WHERE id = ANY(:ids) AND status = 'CONNECTED'")


@dataclass(frozen=True, slots=True)
class _Known:
    """What our rows say of one device."""

    id: UUID
    tenant_id: UUID
    server_id: UUID
    session: str
    status: DeviceStatus
    unsettled: bool
    trouble: str | None
    detail: dict[str, Any]


async def probe(channels: Channels, device_id: UUID | None = None, tenant_id: UUID | None = None) -> int:
    """Compare every device (or one, or one tenant's) with its session. Returns how many devices changed."""
    async with system_unit_of_work() as uow:
        await waha_servers.sync_with_settings(uow)
        chosen = _chosen(device_id, tenant_id)
        await _wake_wants(uow, chosen)
        devices = await _devices(uow, chosen)
    by_server: dict[UUID, list[_Known]] = defaultdict(list)
    for device in devices:
        by_server[device.server_id].append(device)
    return sum([await _probe_server(await channels(server), group) for server, group in by_server.items()])


def _chosen(device_id: UUID | None, tenant_id: UUID | None) -> list[ColumnElement[bool]]:
    pairs = ((table.c.id, device_id), (table.c.tenant_id, tenant_id))
    return [column == wanted for column, wanted in pairs if wanted is not None]


async def _wake_wants(uow: SystemUnitOfWork, chosen: list[ColumnElement[bool]]) -> None:
    """Wants whose message was lost, or whose tries are used up, are tried again with every probe.

    A device whose webhooks go to an address that is no longer ours wants a new configuration.
    """
    await uow.session.execute(_MOVED, {"here": get_settings().base_url})
    query = select(table.c.tenant_id, table.c.id).where(table.c.status_detail.has_key("want"), *chosen)
    for row in await uow.session.execute(query):
        uow.enqueue("device.provision", tenant_id=row.tenant_id, device_id=row.id)


async def _devices(uow: SystemUnitOfWork, chosen: list[ColumnElement[bool]]) -> list[_Known]:
    query = select(
        table.c.id, table.c.tenant_id, table.c.waha_server_id, table.c.session, table.c.status, table.c.status_detail
    ).where(table.c.deleted_at.is_(None), table.c.waha_server_id.is_not(None), *chosen)
    return [
        _Known(
            row.id, row.tenant_id, row.waha_server_id, row.session, row.status,
            unsettled="want" in row.status_detail or "doubt" in row.status_detail,
            trouble=row.status_detail.get("trouble"), detail=row.status_detail,
        )
        for row in await uow.session.execute(query)
    ]  # fmt: skip


async def _probe_server(channel: Channel, devices: Sequence[_Known]) -> int:
    asked_at = datetime.now(UTC)
    try:
        sessions = {info.name: info for info in await channel.list_sessions()}
    except ChannelError as error:
        trouble = "server_refused" if isinstance(error, AccessRefused) else "server_unreachable"
        log.warning("device.probe_failed", error=error.code, why=error.detail, devices=len(devices))
        for device in devices:
            await _note_trouble(device, trouble)
        return 0
    changed = 0
    for device in devices:
        changed += await _compare(device, sessions.get(device.session), asked_at)
    alive = [d.id for d in devices if (info := sessions.get(d.session)) and info.status.value == "CONNECTED"]
    async with system_unit_of_work() as uow:
        await uow.session.execute(_SEEN, {"ids": alive})
    return changed


async def _compare(device: _Known, info: SessionInfo | None, asked_at: datetime) -> bool:
    """Write a difference; most devices have none and cost nothing."""
    status = DeviceStatus(info.status.value) if info else DeviceStatus.FAILED
    if info is None and device.status in (DeviceStatus.DISCONNECTED, DeviceStatus.FAILED):
        return False
    limits = tells_new_limits(device.detail, info.account if info else None)
    if status is device.status and not device.unsettled and device.trouble is None and not limits:
        return False
    sighting = Sighting(
        status, probed=True, at=asked_at, account=info.account if info else None, engine=info.engine if info else None,
        reason=None if info else "session_gone",
    )  # fmt: skip
    async with unit_of_work(Principal.system(device.tenant_id)) as uow:
        row = await uow.session.get(Device, device.id)
        if row is None or (info is None and "want" in row.status_detail):
            return False
        return await apply(uow, row, sighting)


async def _note_trouble(device: _Known, trouble: str) -> None:
    """The server is silent: the status stays, as the link may be fine; the page says what we know."""
    if device.trouble == trouble:
        return
    async with unit_of_work(Principal.system(device.tenant_id)) as uow:
        row = await uow.session.get(Device, device.id, with_for_update=True)
        if row is not None:
            row.status_detail = {**row.status_detail, "trouble": trouble}
            uow.publish("device", id=row.id)
