"""What WAHA says about a session, written to the device: by webhook, and by the probe.

Webhooks come late, twice and out of order, and some engines report a short STARTING or
STOPPED while they reconnect. So: an event older than the last one is dropped; a fall
from CONNECTED that may be such a flap becomes a doubt first, which a probe after
DOUBT_S confirms or clears.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from wa_app.channels.port import Account, SessionStatusChanged
from wa_app.channels.port import DeviceStatus as ChannelStatus
from wa_app.db import UnitOfWork
from wa_app.models.devices import Device, DeviceEvent, DeviceStatus

DOUBT_S: Final = 10
LIMITS_STALE: Final = timedelta(hours=6)
"""A limit that still holds is written down again after this, so that it is believed for a day from then."""
_MAY_FLAP: Final = frozenset({DeviceStatus.STARTING, DeviceStatus.DISCONNECTED})


@dataclass(frozen=True, slots=True)
class Sighting:
    """The state of a session at a moment. `probed`: we asked; else a webhook told."""

    status: DeviceStatus
    probed: bool
    at: datetime | None = None
    account: Account | None = None
    engine: str | None = None
    passkey_code: str | None = None
    reason: str | None = None


async def apply_session_status(uow: UnitOfWork, device: Device, event: SessionStatusChanged) -> bool:
    """Write a `session.status` webhook to its device. True when the device changed.

    `device` belongs to `uow.session`; its row is locked here.
    """
    sighting = Sighting(
        status=_ours(event.status),
        probed=False,
        at=event.at,
        account=event.account,
        engine=event.engine,
        passkey_code=event.passkey_code,
    )
    return await apply(uow, device, sighting)


async def apply(uow: UnitOfWork, device: Device, seen: Sighting) -> bool:
    """Write what was seen to the device, after the rules above. True when the device changed."""
    await uow.session.refresh(device, with_for_update=True)
    if device.deleted_at is not None or _is_stale(device, seen):
        return False
    if _awaits_own_action(device, seen):
        return False
    if device.status is DeviceStatus.CONNECTED and seen.status in _MAY_FLAP and not _is_confirmed(device, seen):
        _doubt(uow, device)
        return False
    _remember(uow, device, seen)
    changed = device.status is not seen.status
    if changed:
        _change(uow, device, seen)
    if changed or seen.status in (DeviceStatus.SCAN_QR, DeviceStatus.PASSKEY):
        uow.publish_for(device.tenant_id, "device", id=device.id, status=device.status.value)
    return changed


def _is_stale(device: Device, seen: Sighting) -> bool:
    """Events are ordered by the server's clock, probes against our own last change."""
    if seen.at is None:
        return False
    if seen.probed:
        return device.status_changed_at is not None and device.status_changed_at > seen.at
    last = device.status_detail.get("at")
    return last is not None and seen.at < datetime.fromisoformat(last)


def _awaits_own_action(device: Device, seen: Sighting) -> bool:
    """After "disconnect" the session asks for a new scan before it stops, a restart stops first: no news."""
    what = (device.status_detail.get("want") or {}).get("what")
    if what in ("logout", "delete") or (what is not None and seen.status is DeviceStatus.DISCONNECTED):
        return True
    unlinked = device.status is DeviceStatus.DISCONNECTED and device.status_detail.get("reason") == "by_user"
    return unlinked and what is None and seen.status is not DeviceStatus.CONNECTED


def _is_confirmed(device: Device, seen: Sighting) -> bool:
    doubt = device.status_detail.get("doubt")
    if not seen.probed or doubt is None:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(doubt) >= timedelta(seconds=DOUBT_S - 2)


def _doubt(uow: UnitOfWork, device: Device) -> None:
    if "doubt" not in device.status_detail:
        device.status_detail = {**device.status_detail, "doubt": datetime.now(UTC).isoformat()}
    uow.enqueue("device.probe", delay_ms=DOUBT_S * 1000, device_id=device.id)


def _remember(uow: UnitOfWork, device: Device, seen: Sighting) -> None:
    """Everything but the status itself."""
    detail = {key: value for key, value in device.status_detail.items() if key not in ("doubt", "trouble")}
    if seen.at is not None and not seen.probed:
        detail["at"] = seen.at.isoformat()
    if seen.status is DeviceStatus.SCAN_QR:
        detail |= _qr_life(device, seen)
    detail.pop("passkey_code", None)
    if seen.passkey_code and seen.status is DeviceStatus.PASSKEY:
        detail["passkey_code"] = seen.passkey_code
    device.engine = seen.engine or device.engine
    if seen.account is not None:
        device.phone = seen.account.phone or device.phone
        device.lid = seen.account.lid or device.lid
        device.push_name = seen.account.name or device.push_name
        detail |= _note_limits(uow, device, _limits(seen.account))
    if seen.status is DeviceStatus.CONNECTED:
        device.last_seen_at = datetime.now(UTC)
        detail.pop("failures", None)
    if detail != device.status_detail:
        device.status_detail = detail


def _limits(account: Account) -> dict[str, Any]:
    """WhatsApp's limits on new chats, where the server tells them; silence keeps what was known."""
    told: dict[str, Any] = {}
    if account.restricted is not None:
        told["restricted"] = account.restricted
        told["restricted_until"] = _iso(account.restricted_until)
        told["restriction"] = account.restriction
    if account.quota_total is not None:
        told["quota_total"] = account.quota_total if account.quota_total >= 0 else None
        told["quota_used"], told["new_chats_left"] = account.quota_used, account.new_chats_left
        told["quota_ends"], told["quota_state"] = _iso(account.quota_ends), account.quota_state
    if account.new_chats_left is not None:
        told["new_chats_left"] = account.new_chats_left
    return told


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def tells_new_limits(known: Mapping[str, Any], account: Account | None) -> bool:
    """Whether the server tells limits that differ from what we know, or that must be heard again to be believed."""
    told = _limits(account) if account else {}
    if any(known.get(key) != value for key, value in told.items()):
        return True
    heard = known.get("limits_at")
    return bool(told.get("restricted") or told.get("new_chats_left") == 0) and (
        heard is None or datetime.now(UTC) - datetime.fromisoformat(heard) > LIMITS_STALE
    )


def _note_limits(uow: UnitOfWork, device: Device, told: dict[str, Any]) -> dict[str, Any]:
    """What was told, and when; the diary keeps the beginning and the end of a restriction."""
    was, now = device.status_detail.get("restricted") is True, told.get("restricted")
    if now is not None and was is not now:
        kind = "restricted" if now else "unrestricted"
        detail = {"until": told["restricted_until"], "kind": told["restriction"]} if now else {}
        uow.session.add(DeviceEvent(tenant_id=device.tenant_id, device_id=device.id, kind=kind, detail=detail))
        uow.publish_for(device.tenant_id, "device", id=device.id)
    return told | ({"limits_at": datetime.now(UTC).isoformat()} if told else {})


def _qr_life(device: Device, seen: Sighting) -> dict[str, Any]:
    """Which code of the session this is and since when it shows: the first lives longer than the next."""
    detail = device.status_detail
    first = device.status is not DeviceStatus.SCAN_QR or "qr_no" not in detail
    if not first and seen.probed:
        return {}
    shown_at = seen.at if seen.at is not None and not seen.probed else datetime.now(UTC)
    return {"qr_no": 1 if first else int(detail["qr_no"]) + 1, "qr_at": shown_at.isoformat()}


def _change(uow: UnitOfWork, device: Device, seen: Sighting) -> None:
    before = device.status
    reason = seen.reason or _reason(before, seen.status)
    now = datetime.now(UTC)
    device.status, device.status_changed_at = seen.status, now
    if seen.status is DeviceStatus.CONNECTED:
        device.connected_at = now
        device.error_streak = 0
    elif before is DeviceStatus.CONNECTED:
        device.connected_at = None
    detail = {key: value for key, value in device.status_detail.items() if key != "reason"}
    if seen.status is not DeviceStatus.SCAN_QR:
        detail = {key: value for key, value in detail.items() if key not in ("qr_no", "qr_at")}
    if seen.status is DeviceStatus.FAILED:
        detail["failures"] = int(detail.get("failures", 0)) + 1
    device.status_detail = {**detail, "reason": reason} if reason else detail
    kind = seen.status.value.lower()
    told = {"before": before.value} | ({"reason": reason} if reason else {})
    uow.session.add(DeviceEvent(tenant_id=device.tenant_id, device_id=device.id, kind=kind, detail=told))


def _reason(before: DeviceStatus, after: DeviceStatus) -> str | None:
    """Why, as far as the change itself tells: WAHA says FAILED for everything."""
    if after is DeviceStatus.FAILED:
        if before in (DeviceStatus.SCAN_QR, DeviceStatus.PASSKEY):
            return "code_expired"
        return "logged_out" if before is DeviceStatus.CONNECTED else "start_failed"
    if after is DeviceStatus.SCAN_QR and before is DeviceStatus.CONNECTED:
        return "logged_out"
    return "stopped" if after is DeviceStatus.DISCONNECTED else None


def _ours(status: ChannelStatus) -> DeviceStatus:
    return DeviceStatus(status.value)
