"""What a person or program asks of taking groups over: start, watch, cancel, go on."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.models.devices import DeviceStatus
from wa_app.models.groups import GrabStatus, GroupGrab, GroupList
from wa_app.schemas.groups import GrabRequest, GrabView, GroupView
from wa_app.services import audit
from wa_app.services.groups import members
from wa_app.services.groups.listing import LOST_S, find_device

OPEN: Final = (GrabStatus.QUEUED, GrabStatus.RUNNING)
KEEP_MEMBERS_DAYS: Final = 7
"""How long what was found, and is not stored yet, is kept for a job that failed or was cancelled."""

_SET = "UPDATE group_grabs SET {} WHERE tenant_id = :t AND id = :id"
_CANCEL = text(_SET.format("status = 'cancelled', finished_at = now(), waiting_code = NULL"))
_RESUME = text(_SET.format(
    "status = 'queued', due_at = now(), finished_at = NULL, error_code = NULL, waiting_code = NULL, attempts = 0"
))  # fmt: skip


async def request(uow: TenantUnitOfWork, data: GrabRequest) -> GrabView:
    """Queue the taking over of some groups. The groups must stand in the device's list.

    Raises NotFound, Invalid on `group_ids`, Conflict `grab_device_away`, `grab_running`.
    """
    uow.require("contacts.import")
    device = await find_device(uow, data.device_id)
    groups = await _groups(uow, data)
    if device.status != DeviceStatus.CONNECTED:
        raise Conflict("grab_device_away")
    await _refuse_second(uow, device.id)
    grab = GroupGrab(
        tenant_id=uow.tenant_id, device_id=device.id, groups=groups, created_by=uow.principal.user_id,
        options=data.model_dump(include={"tags", "tag_by_group", "skip_admins"}),
    )  # fmt: skip
    uow.session.add(grab)
    await uow.session.flush()
    audit.record(uow, "contacts.grab", "grab", grab.id, groups=[group["name"] for group in groups][:20])
    return _woken(uow, grab)


def _woken(uow: TenantUnitOfWork, grab: GroupGrab) -> GrabView:
    uow.enqueue("grab.run", tenant_id=uow.tenant_id, grab_id=grab.id)
    uow.publish("grab", id=grab.id, status=grab.status)
    return view(grab)


async def get(uow: TenantUnitOfWork, grab_id: UUID) -> GrabView:
    return view(await _grab(uow, grab_id))


async def recent(uow: TenantUnitOfWork, *, limit: int = 10) -> list[GrabView]:
    """The newest jobs, so that a running one is found again."""
    uow.require("contacts.import")
    query = select(GroupGrab).order_by(col(GroupGrab.id).desc()).limit(limit)
    return [view(grab) for grab in (await uow.session.execute(query)).scalars()]


async def cancel(uow: TenantUnitOfWork, grab_id: UUID) -> GrabView:
    """Stop a job. Who was stored stays; a running one stops before its next batch."""
    grab = await _grab(uow, grab_id, lock=True)
    if grab.status not in OPEN:
        raise Conflict("grab_not_running", status=grab.status)
    await uow.session.execute(_CANCEL, {"t": uow.tenant_id, "id": grab_id})
    await uow.session.refresh(grab)
    uow.publish("grab", id=grab_id, status=grab.status)
    return view(grab)


async def resume(uow: TenantUnitOfWork, grab_id: UUID) -> GrabView:
    """Go on with a job that failed or was cancelled, where it stopped."""
    grab = await _grab(uow, grab_id, lock=True)
    if grab.status not in (GrabStatus.FAILED, GrabStatus.CANCELLED):
        raise Conflict("grab_not_stopped", status=grab.status)
    await _refuse_second(uow, grab.device_id)
    await uow.session.execute(_RESUME, {"t": uow.tenant_id, "id": grab_id})
    await uow.session.refresh(grab)
    return _woken(uow, grab)


async def wake(uow: SystemUnitOfWork) -> int:
    """Send open jobs that nobody works on, and lists that were lost, to the workers again (for the sweep)."""
    grabs = await uow.session.execute(text(
        "SELECT tenant_id, id FROM group_grabs WHERE status IN ('queued', 'running') AND due_at <= now() "
        "AND created_at < now() - interval '5 seconds' AND (lease_until IS NULL OR lease_until < now()) LIMIT 100"
    ))  # fmt: skip
    lists = await uow.session.execute(text(
        "UPDATE group_lists SET requested_at = now() WHERE status = 'loading' "
        "AND requested_at < now() - make_interval(secs => :lost) RETURNING tenant_id, device_id"
    ), {"lost": LOST_S})  # fmt: skip
    found = await members.wake(uow)
    for tenant_id, grab_id in grabs.all():
        uow.enqueue("grab.run", tenant_id=tenant_id, grab_id=grab_id)
        found += 1
    for tenant_id, device_id in lists.all():
        uow.enqueue("groups.fetch", tenant_id=tenant_id, device_id=device_id)
        found += 1
    return found


async def tidy(uow: SystemUnitOfWork) -> int:
    """Forget people who were found and never stored, some days after their job ended."""
    await members.tidy(uow)
    query = text(
        "DELETE FROM group_grab_members m USING group_grabs g WHERE g.tenant_id = m.tenant_id AND g.id = m.grab_id "
        "AND g.status IN ('done', 'failed', 'cancelled') AND g.finished_at < now() - make_interval(days => :days) "
        "RETURNING 1"
    )
    return len((await uow.session.execute(query, {"days": KEEP_MEMBERS_DAYS})).all())


def view(grab: GroupGrab) -> GrabView:
    fields: dict[str, Any] = grab.model_dump(include=set(GrabView.model_fields) - {"groups"})
    return GrabView(**fields, **grab.options, groups=[GroupView(**group) for group in grab.groups])


async def _groups(uow: TenantUnitOfWork, data: GrabRequest) -> list[dict[str, Any]]:
    query = select(GroupList).where(col(GroupList.device_id) == data.device_id)
    row = (await uow.session.execute(query)).scalar_one_or_none()
    known = {group["id"]: group for group in row.groups} if row else {}
    wanted = list(dict.fromkeys(data.group_ids))
    if any(one not in known for one in wanted):
        raise Invalid(FieldError("group_ids", "group_unknown"))
    return [known[one] for one in wanted]


async def _refuse_second(uow: TenantUnitOfWork, device_id: UUID) -> None:
    """One job at a time on a device: two would only meet WhatsApp's limits sooner. Starters queue up on the device."""
    await uow.session.execute(
        text("SELECT 1 FROM devices WHERE tenant_id = :t AND id = :d FOR NO KEY UPDATE"),
        {"t": uow.tenant_id, "d": device_id},
    )
    query = select(col(GroupGrab.id)).where(col(GroupGrab.device_id) == device_id, col(GroupGrab.status).in_(OPEN))
    if (await uow.session.execute(query.limit(1))).scalar_one_or_none() is not None:
        raise Conflict("grab_running")


async def _grab(uow: TenantUnitOfWork, grab_id: UUID, *, lock: bool = False) -> GroupGrab:
    grab = await uow.session.get(GroupGrab, grab_id, with_for_update=lock)
    if grab is None:
        raise NotFound
    uow.require("contacts.import")
    return grab
