"""What a tenant does with its devices. Talking to WAHA is left to `device.provision`, by a want on the row."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import func, select, text

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.kit import secrets
from wa_app.kit.ids import new_id
from wa_app.models.devices import Device, DeviceEvent, DeviceStatus
from wa_app.schemas.devices import DeviceEventView, DeviceUpdate, DeviceView, HealthSign, PacingUpdate
from wa_app.schemas.presets import PRESETS
from wa_app.schemas.principal import Verb
from wa_app.sending import warmup
from wa_app.services import audit, entitlements
from wa_app.services.devices import protecting

MAX_LISTED = 500
KEPT = ("at", "failures", "webhooks")
LIMITS = (
    "restricted", "restricted_until", "restriction", "new_chats_left", "quota_total", "quota_used", "quota_ends",
    "quota_state", "limits_at",
)  # fmt: skip
"""WhatsApp's limits on new chats, as `status._limits` writes them: a new session does not lift them."""
_SENT_TODAY = text(
    "SELECT u.device_id, sum(u.used)::int, sum(u.strangers)::int FROM device_usage u JOIN tenants t ON t.id = u.tenant_id "
    "WHERE u.tenant_id = :tenant AND u.period = 'day' "
    "AND u.starts_at >= date_trunc('day', now() AT TIME ZONE t.time_zone) AT TIME ZONE t.time_zone "
    "GROUP BY u.device_id"
)
table: Any = Device.__table__  # type: ignore[attr-defined]


async def create(uow: TenantUnitOfWork, name: str, engine: str | None = None) -> DeviceView:
    """Start linking a number: the session appears within seconds, on a server of that `engine` where there is one."""
    uow.require(Verb.DEVICES_WRITE)
    await entitlements.require(uow, "devices")
    token, device_id = secrets.new_token(), new_id()
    device = Device(
        id=device_id,
        tenant_id=uow.tenant_id,
        name=_clean_name(name),
        session=f"sapa_{device_id.hex}",
        webhook_token=secrets.encrypt(token),
        webhook_token_hash=secrets.digest(token),
        hmac_key=secrets.encrypt(secrets.new_token()),
        engine=engine,
        status_changed_at=datetime.now(UTC),
    )
    uow.session.add(device)
    await uow.session.flush()
    audit.record(uow, "devices.create", "device", device.id, name=device.name)
    want(uow, device, "link")
    return view(device)


async def list_devices(
    uow: TenantUnitOfWork, *, after: UUID | None = None, limit: int = MAX_LISTED, q: str = ""
) -> list[DeviceView]:
    """The tenant's devices, oldest first; `q` looks in name and phone."""
    uow.require(Verb.DEVICES_READ)
    query = select(Device).where(table.c.tenant_id == uow.tenant_id, table.c.deleted_at.is_(None))
    if after is not None:
        query = query.where(table.c.id > after)
    if q:
        query = query.where(
            func.strpos(func.lower(table.c.name), q.lower()).__gt__(0)
            | func.strpos(func.coalesce(table.c.phone, ""), q).__gt__(0)
        )
    found = (await uow.session.execute(query.order_by(table.c.id).limit(limit))).scalars().all()
    sent = await _sent_today(uow)
    return [view(device, sent.get(device.id, (0, 0))) for device in found]


async def get(uow: TenantUnitOfWork, device_id: UUID) -> DeviceView:
    """One device. Raises NotFound."""
    uow.require(Verb.DEVICES_READ)
    device = await load(uow, device_id)
    return view(device, (await _sent_today(uow)).get(device.id, (0, 0)))


async def list_events(
    uow: TenantUnitOfWork, device_id: UUID, limit: int = 20, *, before: UUID | None = None, since: UUID | None = None,
    kinds: Collection[str] = (),
) -> list[DeviceEventView]:
    """What happened to a device, newest first: before one event, from an id on, of some kinds only."""
    uow.require(Verb.DEVICES_READ)
    await load(uow, device_id)
    events: Any = DeviceEvent.__table__  # type: ignore[attr-defined]
    query = (
        select(events.c.id, events.c.kind, events.c.detail, events.c.created_at)
        .where(events.c.tenant_id == uow.tenant_id, events.c.device_id == device_id)
        .order_by(events.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(events.c.id < before)
    if since is not None:
        query = query.where(events.c.id >= since)
    if kinds:
        query = query.where(events.c.kind.in_(kinds))
    return [DeviceEventView(**row._mapping) for row in await uow.session.execute(query)]


async def update(uow: TenantUnitOfWork, device_id: UUID, changes: DeviceUpdate) -> DeviceView:
    """Change name, part in broadcasts, tempo, warm-up or protection.

    Raises Forbidden (`protection_owner_only`) and Invalid (`protection_unconfirmed`), see `protecting.switch`.
    """
    uow.require(Verb.DEVICES_WRITE)
    device = await load(uow, device_id, lock=True)
    if changes.protection is not None and changes.protection is not device.protection:
        protecting.switch(uow, device, changes.protection, changes.confirm)
    if changes.name is not None:
        device.name = _clean_name(changes.name)
    if changes.is_active_for_broadcast is not None:
        device.is_active_for_broadcast = changes.is_active_for_broadcast
    if changes.weight is not None:
        device.weight = changes.weight
    if changes.pacing is not None:
        device.pacing = merged_pacing(device.pacing, changes.pacing)
        # What was drawn under the old tempo is drawn anew; the wait for the next send is cut to the new one.
        device.package_left = None
    _warm_up(uow, device, changes)
    device.rest_until = None
    audit.record(uow, "devices.update", "device", device.id, **changes.model_dump(mode="json", exclude_unset=True, exclude={"confirm"}))
    uow.publish("device", id=device.id)
    return view(device)


def _warm_up(uow: TenantUnitOfWork, device: Device, changes: DeviceUpdate) -> None:
    if "warmup_curve" in changes.model_fields_set:
        device.warmup_curve = changes.warmup_curve
    if "warmup_stage" in changes.model_fields_set and changes.warmup_stage != device.warmup_stage:
        note(uow, device, "warmup", was=device.warmup_stage, now=changes.warmup_stage, by="person")
        device.warmup_stage, device.warmup_stage_at = changes.warmup_stage, datetime.now(UTC)


async def toggle(uow: TenantUnitOfWork, device_id: UUID) -> DeviceView:
    """Let a device take part in broadcasts, or not any more."""
    uow.require(Verb.DEVICES_WRITE)
    device = await load(uow, device_id, lock=True)
    device.is_active_for_broadcast = not device.is_active_for_broadcast
    audit.record(uow, "devices.toggle", "device", device.id, on=device.is_active_for_broadcast)
    uow.publish("device", id=device.id)
    return view(device)


async def link(uow: TenantUnitOfWork, device_id: UUID) -> DeviceView:
    """Ask for a fresh QR code for a number that is not linked. Raises Conflict when it is."""
    uow.require(Verb.DEVICES_WRITE)
    device = await load(uow, device_id, lock=True)
    if device.status is DeviceStatus.CONNECTED:
        raise Conflict("device_already_linked")
    if device.status is not DeviceStatus.SCAN_QR:
        _begin(uow, device, "link")
    return view(device)


async def restart(uow: TenantUnitOfWork, device_id: UUID) -> DeviceView:
    """Start the session anew; a linked number stays linked, another gets a fresh QR code."""
    uow.require(Verb.DEVICES_WRITE)
    device = await load(uow, device_id, lock=True)
    audit.record(uow, "devices.restart", "device", device.id)
    _begin(uow, device, "link" if device.status is DeviceStatus.FAILED else "restart")
    return view(device)


async def disconnect(uow: TenantUnitOfWork, device_id: UUID) -> DeviceView:
    """Unlink the number; the device and its history stay."""
    uow.require(Verb.DEVICES_WRITE)
    device = await load(uow, device_id, lock=True)
    audit.record(uow, "devices.disconnect", "device", device.id)
    device.status, device.status_changed_at = DeviceStatus.DISCONNECTED, datetime.now(UTC)
    device.status_detail = {**_kept(device), "reason": "by_user"}
    device.connected_at = None
    note(uow, device, "disconnected_by_user")
    want(uow, device, "logout")
    return view(device)


async def delete(uow: TenantUnitOfWork, device_id: UUID) -> None:
    """Unlink the number and put the device away; its messages stay."""
    uow.require(Verb.DEVICES_WRITE)
    device = await load(uow, device_id, lock=True)
    audit.record(uow, "devices.delete", "device", device.id, name=device.name)
    device.deleted_at = device.status_changed_at = datetime.now(UTC)
    device.status, device.connected_at = DeviceStatus.DISCONNECTED, None
    want(uow, device, "delete")


def sync(uow: TenantUnitOfWork) -> None:
    """Ask WAHA now how this tenant's sessions are."""
    uow.require(Verb.DEVICES_READ)
    uow.enqueue("device.probe", tenant_id=uow.tenant_id)


async def load(uow: TenantUnitOfWork, device_id: UUID, *, lock: bool = False) -> Device:
    """The row of a device that is not deleted. Raises NotFound."""
    query = select(Device).where(
        table.c.tenant_id == uow.tenant_id, table.c.id == device_id, table.c.deleted_at.is_(None)
    )
    found = (await uow.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound("device_not_found")
    return found


def want(uow: TenantUnitOfWork, device: Device, what: str) -> None:
    """Leave a want on the row and wake its actor. The probe wakes it again while the want stands."""
    wanted = {"what": what, "id": new_id().hex}
    device.status_detail = {**device.status_detail, "want": wanted}
    uow.enqueue("device.provision", tenant_id=device.tenant_id, device_id=device.id)
    uow.publish("device", id=device.id)


def note(uow: TenantUnitOfWork, device: Device, kind: str, **detail: Any) -> None:
    """Write the device's diary."""
    uow.session.add(DeviceEvent(tenant_id=device.tenant_id, device_id=device.id, kind=kind, detail=detail))


def _begin(uow: TenantUnitOfWork, device: Device, what: str) -> None:
    device.status, device.status_changed_at = DeviceStatus.STARTING, datetime.now(UTC)
    device.status_detail = _kept(device)
    want(uow, device, what)


def _kept(device: Device) -> dict[str, Any]:
    """What of the detail outlives a change of status: last event's time, failed tries, where webhooks go, limits."""
    return {key: device.status_detail[key] for key in (*KEPT, *LIMITS) if key in device.status_detail}


def _clean_name(name: str) -> str:
    clean = " ".join(name.replace("\x00", "").split())
    if not clean:
        raise Invalid(FieldError("name", "device_name_missing"))
    if len(clean) > 60:
        raise Invalid(FieldError("name", "device_name_too_long", {"limit": 60}))
    return clean


_REQUIRED = ("delay_min_s", "delay_max_s", "typing", "preset")
_CROSSED = {"delay_max_s": "pacing_delays_crossed"}


def merged_pacing(stored: dict[str, Any], changes: PacingUpdate) -> dict[str, Any]:
    """The stored tempo with the given changes. Raises Invalid on the field whose minimum would be above it.

    A ready-made preset replaces all that is stored; a change beside one makes it `custom`.
    """
    given = {
        key: value for key, value in changes.model_dump(mode="json", exclude_unset=True).items()
        if value is not None or key not in _REQUIRED
    }  # fmt: skip
    preset = given.pop("preset", None)
    merged = {**PRESETS.get(preset or "", stored), **given}
    if preset in PRESETS:
        merged["preset"] = preset if all(PRESETS[preset].get(key) == value for key, value in given.items()) else "custom"
    elif preset is not None or (merged != stored and "preset" in stored):
        merged["preset"] = "custom"
    try:
        PacingUpdate.model_validate(merged)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        raise Invalid(FieldError(f"pacing.{field}", _CROSSED.get(field, "pacing_range_crossed"))) from None
    return merged


async def _sent_today(uow: TenantUnitOfWork) -> dict[UUID, tuple[int, int]]:
    """Messages of each device today, and those to strangers."""
    rows = await uow.session.execute(_SENT_TODAY, {"tenant": uow.tenant_id})
    return {row[0]: (row[1], row[2]) for row in rows}


def view(device: Device, today: tuple[int, int] = (0, 0)) -> DeviceView:
    """A device as the outside sees it. `today`: messages sent, and those of them to strangers."""
    detail = device.status_detail
    return DeviceView(
        id=device.id,
        name=device.name,
        channel=device.channel.value,
        session=device.session,
        status=device.status.value,
        reason=detail.get("trouble") or detail.get("reason"),
        passkey_code=detail.get("passkey_code"),
        phone=device.phone,
        push_name=device.push_name,
        engine=device.engine,
        is_active_for_broadcast=device.is_active_for_broadcast,
        pacing=device.pacing,
        last_seen_at=device.last_seen_at,
        connected_at=device.connected_at,
        status_changed_at=device.status_changed_at,
        paused_until=device.paused_until,
        pause_reason=device.pause_reason,
        sent_today=today[0],
        strangers_today=today[1],
        health_score=device.health_score,
        health_at=device.health_at,
        health_signs=[HealthSign(**sign) for sign in device.health_signs],
        protection=device.protection,
        guard=protecting.guard_view(device),
        limits=protecting.limits_view(device),
        weight=device.weight,
        warmup_stage=device.warmup_stage,
        warmup_stage_at=device.warmup_stage_at,
        warmup_curve=list(warmup.curve_of(device.warmup_curve)),
        created_at=device.created_at,
    )
