"""What a person scans or types to link a number. Read from WAHA when asked for, with no transaction open."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from wa_app.channels.port import Channel, ChannelError, DeviceTrouble
from wa_app.db import unit_of_work
from wa_app.errors import Conflict, FieldError, Invalid, Unavailable
from wa_app.kit import phones
from wa_app.models.devices import Device, DeviceStatus
from wa_app.schemas.devices import DeviceQr
from wa_app.schemas.principal import Principal, Verb
from wa_app.services.devices.linking import Channels
from wa_app.services.devices.verbs import load

FIRST_CODE_S: Final = 60
NEXT_CODE_S: Final = 20
_REGION = text("SELECT region FROM tenants WHERE id = :tenant")


async def qr(principal: Principal, device_id: UUID, channels: Channels) -> DeviceQr:
    """The code to draw now. Raises Conflict("device_nothing_to_scan") unless the device waits for a scan."""
    device = await _waiting(principal, device_id)
    channel = await _channel(device, channels)
    try:
        value = await channel.qr(device.session)
    except ChannelError as error:
        raise _as_app_error(error) from error
    expires_at, lives_s = code_life(device)
    return DeviceQr(status="SCAN_QR", qr=value, expires_at=expires_at, lives_s=lives_s)


async def pairing_code(principal: Principal, device_id: UUID, phone: str, channels: Channels) -> str:
    """A code to type on the phone with this number."""
    async with unit_of_work(principal) as uow:
        region = (await uow.session.execute(_REGION, {"tenant": uow.tenant_id})).scalar_one()
    number, problem = phones.check(phone, region)
    if problem is not None:
        raise Invalid(FieldError("phone", problem))
    device = await _waiting(principal, device_id)
    channel = await _channel(device, channels)
    try:
        return await channel.pairing_code(device.session, number)
    except ChannelError as error:
        raise _as_app_error(error) from error


def code_life(device: Device) -> tuple[datetime, int]:
    """Until when the current code holds and how long it lives: the first 60 s, the next ones 20 s."""
    detail, now = device.status_detail, datetime.now(UTC)
    lives_s = FIRST_CODE_S if detail.get("qr_no", 1) == 1 else NEXT_CODE_S
    shown_at = detail.get("qr_at")
    expires = datetime.fromisoformat(shown_at) + timedelta(seconds=lives_s) if shown_at else now
    # WAHA does not tell the age of a code; where its clock or a webhook misleads us, we look again soon.
    if not now < expires <= now + timedelta(seconds=FIRST_CODE_S):
        return now + timedelta(seconds=5), lives_s
    return expires, lives_s


async def _waiting(principal: Principal, device_id: UUID) -> Device:
    async with unit_of_work(principal) as uow:
        uow.require(Verb.DEVICES_WRITE)
        device = await load(uow, device_id)
    if device.status is not DeviceStatus.SCAN_QR:
        raise Conflict("device_nothing_to_scan")
    return device


async def _channel(device: Device, channels: Channels) -> Channel:
    if device.waha_server_id is None:
        raise Conflict("device_nothing_to_scan")
    return await channels(device.waha_server_id)


def _as_app_error(error: ChannelError) -> Conflict | Unavailable:
    return Conflict("device_nothing_to_scan") if isinstance(error, DeviceTrouble) else Unavailable("waha_unreachable")
