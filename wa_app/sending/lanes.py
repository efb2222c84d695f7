"""Lanes by device: taking the lease, working a slice, letting go (DESIGN §6).

A message that comes for a device whose lane works in this process only rings its bell. After a reply a lane lingers for
a moment (ADR 0021), so under load most replies cost neither a lease nor the reads at the beginning of a slice.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from wa_app import leases
from wa_app.channels.port import Channel
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.kit.clock import boot_clock
from wa_app.kit.secrets import decrypt
from wa_app.kit.zones import stored_zone
from wa_app.models.devices import Device
from wa_app.queues import MAX_DELAY_MS
from wa_app.schemas.principal import Principal
from wa_app.sending import caps, ledger, numbers, pacing
from wa_app.sending.choosing import Chooser
from wa_app.sending.delivery import Delivery, LoadFile
from wa_app.sending.holding import Lease, kept
from wa_app.sending.lane import IN_SLICE_WAIT_S, REPLY_WAITS, Lane, stopping

REST_S: Final = 60.0
"""The sweep leaves a lane that has to wait alone for at most this long."""

_here: dict[UUID, Lane] = {}
"""Lanes that work in this process now, by device."""
_coming: set[UUID] = set()
"""Devices whose lease is being asked for in this process: whoever comes meanwhile is seen by that lane's first look."""


def stop_all() -> None:
    """Let every lane of this process end after its current window (at shutdown, from any thread)."""
    stopping.set()


def start_all() -> None:
    """Undo `stop_all` (at boot)."""
    stopping.clear()


_REST = """
UPDATE devices SET rest_until = now() + make_interval(secs => $4) WHERE tenant_id = $1 AND id = $2 AND lease_epoch = $3
"""
_START = """
SELECT d.session, d.waha_server_id, d.pacing, t.time_zone, t.identity_key,
  t.settings -> 'frequency_per_week' AS frequency,
  (SELECT array_agg(coalesce(m.contact_id, md5(m.identity_value)::uuid)) FROM outbound_messages m
     WHERE m.tenant_id = $1 AND m.device_id = $2 AND m.state = 'unknown'
     AND m.claimed_at > now() - interval '10 minutes') AS busy
FROM devices d JOIN tenants t ON t.id = d.tenant_id
WHERE d.tenant_id = $1 AND d.id = $2 AND d.deleted_at IS NULL
"""

ChannelOf = Callable[[UUID], Awaitable[Channel]]


async def run_lane(
    tenant_id: UUID, device_id: UUID, channel_of: ChannelOf, load_file: Callable[[UUID], LoadFile], wait_s: float
) -> None:
    """One slice of a device's lane; returns at once when somebody else holds the lease.

    Args:
        channel_of: the client of a WAHA server.
        load_file: gives the loader of a tenant's files.
        wait_s: how long an unknown row waits for its echo before it is looked up.
    """
    if device_id in _coming or _rings(device_id, only_trusted=True):
        return
    _coming.add(device_id)
    try:
        await _run(Principal.system(tenant_id), device_id, channel_of, load_file, wait_s)
    finally:
        _coming.discard(device_id)


async def _run(
    principal: Principal, device_id: UUID, channel_of: ChannelOf, load_file: Callable[[UUID], LoadFile], wait_s: float
) -> None:
    tenant_id, asked_at = principal.tenant_id, boot_clock()
    async with unit_of_work(principal) as uow:
        epoch = await leases.take(uow, Device, tenant_id, device_id, leases.new_owner())
        if epoch is None:
            _rings(device_id)
            return
        conn = await uow.driver()
        orphans = await ledger.give_up_orphans(conn, tenant_id, device_id, epoch, wait_s)
        if orphans:
            await caps.lost(conn, tenant_id, device_id, orphans)
        start = await conn.fetchrow(_START, tenant_id, device_id)
    lease = Lease(epoch, asked_at)
    lane: Lane | None = None
    wait: float | None = None
    try:
        if start is not None and start["waha_server_id"] is not None:
            channel = await channel_of(start["waha_server_id"])
            key = decrypt(start["identity_key"]).encode()
            lookup = numbers.Lookup(principal, device_id, channel, start["session"], key)
            delivery = Delivery(channel, start["session"], load_file(tenant_id), wait_s, lookup)
            chooser = Chooser(
                tenant_id, device_id, epoch, stored_zone(start["time_zone"]), key,
                pacing.Policy.read(start["pacing"]), set(start["busy"] or ()), _frequency(start["frequency"]),
            )  # fmt: skip
            lane = Lane(principal, device_id, lease, delivery, chooser)
            _here[device_id] = lane
            _coming.discard(device_id)
            async with kept(principal, device_id, lease):
                wait = await lane.run()
    finally:
        async with unit_of_work(principal) as uow:
            if wait is not None and wait > IN_SLICE_WAIT_S:
                conn = await uow.driver()
                await conn.execute(_REST, tenant_id, device_id, epoch, min(wait, REST_S))
            await leases.release(uow, Device, tenant_id, device_id, epoch)
            await _look_again(uow, device_id, wait, has_lingered=lane is not None and lane.has_replied)
        if lane is not None:
            await _answer_call(principal, device_id, lane)


def _rings(device_id: UUID, *, only_trusted: bool = False) -> bool:
    """Ring the bell of the lane that works for a device in this process: it looks once more before it is gone, or sees to it that another does."""
    holder = _here.get(device_id)
    if holder is None or (only_trusted and not holder.lease.trusted()):
        return False
    holder.called.set()
    return True


async def _answer_call(principal: Principal, device_id: UUID, lane: Lane) -> None:
    """Whose reply came after the last look, and who was turned away because the lease was still held, gets a lane now.

    The lane stays findable until its lease is gone for everybody: one who is turned away rings its bell, all others find it free.
    """
    # Another lane of this device may have begun meanwhile.
    if _here.get(device_id) is lane:
        del _here[device_id]
    if lane.called.is_set() and not stopping.is_set():
        async with unit_of_work(principal) as uow:
            uow.enqueue("lane.reply", tenant_id=uow.tenant_id, device_id=device_id)


async def _look_again(uow: TenantUnitOfWork, device_id: UUID, wait_s: float | None, *, has_lingered: bool) -> None:
    """What came in since the last look, or is due soon, is not left to the sweep.

    The lease is let go by now, in this transaction: whoever brings a reply from here on waits for it and takes it.
    """
    if stopping.is_set():
        return
    if wait_s is None:
        conn = await uow.driver()
        if has_lingered and await conn.fetchval(REPLY_WAITS, uow.tenant_id, device_id):
            uow.enqueue("lane.reply", tenant_id=uow.tenant_id, device_id=device_id)
    elif wait_s * 1000 <= MAX_DELAY_MS:
        uow.enqueue("lane.run", delay_ms=int(wait_s * 1000), tenant_id=uow.tenant_id, device_id=device_id)


def _frequency(stored: object) -> int | None:
    return stored if isinstance(stored, int) and not isinstance(stored, bool) and stored > 0 else None
