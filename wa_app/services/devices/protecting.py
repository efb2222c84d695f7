"""Whether the guard may act on a number, and how its work and WhatsApp's limits are shown."""

from datetime import UTC, datetime

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Forbidden, Invalid
from wa_app.models.devices import Device, DeviceEvent, GuardLevel
from wa_app.schemas.devices import GuardView, LimitsView
from wa_app.schemas.principal import Verb
from wa_app.services import audit


def switch(uow: TenantUnitOfWork, device: Device, on: bool, confirm: str | None) -> None:
    """Turn protection on, which is free, or off, which only a person with the owner's verb may, by the device's name.

    Off lets the number run in full at once. Raises Forbidden (`protection_owner_only`) and Invalid on `confirm`.
    """
    if not on:
        if uow.principal.kind == "api_key" or not uow.principal.may(Verb.DEVICES_PROTECTION):
            raise Forbidden("protection_owner_only")
        if (confirm or "").strip().casefold() != device.name.casefold():
            raise Invalid(FieldError("confirm", "protection_unconfirmed"))
        device.guard, device.guard_at = GuardLevel.NONE, datetime.now(UTC)
        device.guard_until = device.guard_reason = None
        device.guard_detail = {}
    device.protection = on
    audit.record(
        uow, "devices.protection", "device", device.id, on=on, name=device.name, score=device.health_score
    )
    detail = {"on": on, "score": device.health_score}
    uow.session.add(DeviceEvent(tenant_id=device.tenant_id, device_id=device.id, kind="protection", detail=detail))
    uow.enqueue("lane.run", tenant_id=device.tenant_id, device_id=device.id)


def guard_view(device: Device) -> GuardView:
    """What the guard does to the number now."""
    return GuardView(
        level=device.guard.value, since=device.guard_at, until=device.guard_until, reason=device.guard_reason,
        detail=device.guard_detail,
    )  # fmt: skip


def limits_view(device: Device) -> LimitsView:
    """WhatsApp's own limits; one whose end has passed is over."""
    detail, now = device.status_detail, datetime.now(UTC)
    until, ends = _time(detail.get("restricted_until")), _time(detail.get("quota_ends"))
    over = until is not None and until <= now
    fresh = ends is not None and ends <= now
    return LimitsView(
        restricted=False if over else detail.get("restricted"),
        restricted_until=None if over else until,
        restriction=None if over else detail.get("restriction"),
        quota_total=detail.get("quota_total"),
        quota_used=None if fresh else detail.get("quota_used"),
        quota_left=None if fresh else detail.get("new_chats_left"),
        quota_ends=None if fresh else ends,
        told_at=_time(detail.get("limits_at")),
    )


def _time(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None
