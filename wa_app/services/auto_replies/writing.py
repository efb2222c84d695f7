"""Making, changing and putting away rules."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, delete, select

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork
from wa_app.errors import FieldError, Invalid, LimitReached
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import new_id
from wa_app.models.auto_replies import AutoReply, AutoReplyDevice
from wa_app.models.devices import Device
from wa_app.schemas.auto_replies import (
    MAX_NAME,
    MAX_RULES,
    AutoReplyCreate,
    AutoReplyUpdate,
    AutoReplyView,
    RuleOrder,
    WindowInput,
)
from wa_app.schemas.principal import Principal, Verb
from wa_app.services import audit, entitlements
from wa_app.services.auto_replies import reading
from wa_app.services.auto_replies.checking import validate
from wa_app.services.campaigns import checks

PLAIN: Final = (
    "keywords", "match_type", "response_text", "name", "file_id", "is_active", "from_date", "until_date", "limit_times",
    "limit_period", "cooldown_s", "delay", "hand_over", "stops_here",
)  # fmt: skip
MAY_BE_NONE: Final = frozenset({"file_id", "from_date", "until_date", "limit_times"})

_CHANGED = text(
    "INSERT INTO auto_reply_sets (tenant_id, stamp) VALUES (:t, :stamp) "
    "ON CONFLICT (tenant_id) DO UPDATE SET stamp = excluded.stamp"
)
_LAST = text("SELECT coalesce(max(priority), 0), count(*) FROM auto_replies WHERE tenant_id = :t AND deleted_at IS NULL")


async def create(uow: TenantUnitOfWork, data: AutoReplyCreate) -> AutoReplyView:
    """Make a rule; without a priority it is asked last. Raises Invalid by field, LimitReached."""
    uow.require(Verb.RULES_WRITE)
    return (await reading.views(uow, [await add(uow, data)]))[0]


async def add(uow: TenantUnitOfWork, data: AutoReplyCreate) -> AutoReply:
    """The same, for callers who make several."""
    await changed(uow)
    row = drawn_up(uow.principal, data, await _room(uow, 1))
    await validate(uow, row, data.device_ids, silent=data.keeps_silent)
    uow.session.add(row)
    await uow.session.flush()
    await _set_devices(uow, row.id, data.device_ids)
    audit.record(uow, "auto_reply.create", "auto_reply", row.id, name=row.name)
    return row


def drawn_up(principal: Principal, data: AutoReplyCreate, last: int) -> AutoReply:
    """A rule as a row that nobody keeps yet; without a priority it comes behind `last`."""
    return AutoReply(
        tenant_id=principal.tenant_id, created_by=principal.user_id, updated_at=utc_now(),
        priority=data.priority or last + 1, windows=_windows(data.windows), **{key: getattr(data, key) for key in PLAIN},
    )  # fmt: skip


async def update(uow: TenantUnitOfWork, rule_id: UUID, data: AutoReplyUpdate) -> AutoReplyView:
    """Change what is given. Raises NotFound, Invalid by field."""
    uow.require(Verb.RULES_WRITE)
    await changed(uow)
    row = await reading.find(uow, rule_id, lock=True)
    await change(uow, row, data)
    return (await reading.views(uow, [row]))[0]


async def change(uow: TenantUnitOfWork, row: AutoReply, data: AutoReplyUpdate) -> None:
    """The same on a row that is held."""
    given = data.model_fields_set
    silent = applied(row, data)
    with uow.session.no_autoflush:
        await validate(uow, row, data.device_ids, silent=silent)
    if data.device_ids is not None:
        await _set_devices(uow, row.id, data.device_ids)
    audit.record(uow, "auto_reply.update", "auto_reply", row.id, fields=sorted(given))
    await uow.session.flush()


def applied(row: AutoReply, data: AutoReplyUpdate) -> bool:
    """Write what is given into a row; whether it keeps silent now. Raises Invalid where nothing may not stand."""
    given = data.model_fields_set
    if empty := sorted(key for key in given - MAY_BE_NONE if getattr(data, key) is None):
        raise Invalid(*(FieldError(key, "value_missing") for key in empty), code="auto_reply_invalid")
    was_silent = not row.response_text and row.file_id is None
    for key in given.intersection(PLAIN):
        setattr(row, key, getattr(data, key))
    if data.priority is not None:
        row.priority = data.priority
    if data.windows is not None:
        row.windows = _windows(data.windows)
    row.updated_at = utc_now()
    says = "response_text" in given or "file_id" in given
    return data.keeps_silent if data.keeps_silent is not None else was_silent and not says


async def toggle(uow: TenantUnitOfWork, rule_ids: Sequence[UUID], active: bool | None = None) -> list[AutoReplyView]:
    """Switch rules on or off; without `active` each to the other side."""
    uow.require(Verb.RULES_WRITE)
    await changed(uow)
    rows = [await reading.find(uow, rule_id, lock=True) for rule_id in dict.fromkeys(rule_ids)]
    for row in rows:
        row.is_active, row.updated_at = not row.is_active if active is None else active, utc_now()
        audit.record(uow, "auto_reply.toggle", "auto_reply", row.id, active=row.is_active)
    await uow.session.flush()
    return await reading.views(uow, rows)


async def duplicate(uow: TenantUnitOfWork, rule_id: UUID) -> AutoReplyView:
    """A copy right behind the original, switched off. What is gone, a file or a device, is left out."""
    uow.require(Verb.RULES_WRITE)
    await changed(uow)
    await _room(uow, 1)
    source = await reading.find(uow, rule_id)
    copy = AutoReply(
        tenant_id=uow.tenant_id, created_by=uow.principal.user_id, updated_at=utc_now(), windows=source.windows,
        priority=source.priority, search_text=source.search_text, **{key: getattr(source, key) for key in PLAIN},
    )  # fmt: skip
    copy.name, copy.is_active = f"{source.name[: MAX_NAME - 6]} (2)", False
    if await checks.media_problem(uow, copy.file_id) is not None:
        copy.file_id = None
    bound = (await reading.devices_of(uow, [source.id])).get(source.id, [])
    alive = select(col(Device.id)).where(col(Device.id).in_(bound), col(Device.deleted_at).is_(None))
    kept = (await uow.session.execute(alive)).scalars().all()
    await validate(uow, copy, None, silent=not copy.response_text and copy.file_id is None)
    uow.session.add(copy)
    await uow.session.flush()
    await _set_devices(uow, copy.id, kept)
    await _place_behind(uow, copy.id, source.id)
    await uow.session.refresh(copy)
    return (await reading.views(uow, [copy]))[0]


async def remove(uow: TenantUnitOfWork, rule_ids: Sequence[UUID]) -> int:
    """Put rules away; undone by `restore` within 30 days."""
    uow.require(Verb.RULES_WRITE)
    await changed(uow)
    rows = [await reading.find(uow, rule_id, lock=True) for rule_id in dict.fromkeys(rule_ids)]
    for row in rows:
        row.deleted_at = utc_now()
        audit.record(uow, "auto_reply.delete", "auto_reply", row.id, name=row.name)
    await uow.session.flush()
    await entitlements.require(uow, "auto_replies", -len(rows))
    return len(rows)


async def restore(uow: TenantUnitOfWork, rule_ids: Sequence[UUID]) -> int:
    """Undo `remove`."""
    uow.require(Verb.RULES_WRITE)
    await changed(uow)
    query = select(AutoReply).where(col(AutoReply.id).in_(rule_ids), col(AutoReply.deleted_at).is_not(None))
    found = (await uow.session.execute(query.with_for_update())).scalars().all()
    await _room(uow, len(found))
    for row in found:
        row.deleted_at = None
    await uow.session.flush()
    return len(found)


async def reorder(uow: TenantUnitOfWork, order: RuleOrder) -> None:
    """Ask rules in this order; those that are not named follow as they stand. Raises NotFound for an unknown one."""
    uow.require(Verb.RULES_WRITE)
    await changed(uow)
    wanted = list(dict.fromkeys(order.ids))
    known = await _in_order(uow)
    if set(wanted) - set(known):
        await reading.find(uow, next(iter(set(wanted) - set(known))))
    await _number(uow, [*wanted, *(one for one in known if one not in set(wanted))])
    audit.record(uow, "auto_reply.reorder", "auto_reply", None, rules=len(wanted))


async def changed(uow: TenantUnitOfWork) -> None:
    """Mark the rules as changed, for all processes and open pages. Writers of one tenant wait for one another here."""
    await uow.session.execute(_CHANGED, {"t": uow.tenant_id, "stamp": new_id()})
    uow.publish("rules")


async def _room(uow: TenantUnitOfWork, n: int) -> int:
    """Book `n` more rules; the last priority in use."""
    await entitlements.require(uow, "auto_replies", n)
    last, count = (await uow.session.execute(_LAST, {"t": uow.tenant_id})).one()
    if count + n > MAX_RULES:
        raise LimitReached("auto_replies_too_many", limit=MAX_RULES)
    return int(last)


async def _in_order(uow: TenantUnitOfWork) -> list[UUID]:
    query = select(col(AutoReply.id)).where(col(AutoReply.deleted_at).is_(None))
    return list((await uow.session.execute(query.order_by(col(AutoReply.priority), col(AutoReply.id)))).scalars())


_NUMBER = text("""
    UPDATE auto_replies r SET priority = o.place FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS o (id, place)
    WHERE r.tenant_id = :t AND r.id = o.id AND r.priority <> o.place
""")


async def _number(uow: TenantUnitOfWork, ids: Sequence[UUID]) -> None:
    await uow.session.execute(_NUMBER, {"t": uow.tenant_id, "ids": list(ids)})


async def _place_behind(uow: TenantUnitOfWork, rule_id: UUID, other: UUID) -> None:
    order = [one for one in await _in_order(uow) if one != rule_id]
    order.insert(order.index(other) + 1, rule_id)
    await _number(uow, order)


async def _set_devices(uow: TenantUnitOfWork, rule_id: UUID, device_ids: Sequence[UUID]) -> None:
    await uow.session.execute(delete(AutoReplyDevice).where(col(AutoReplyDevice.auto_reply_id) == rule_id))
    for device_id in sorted(set(device_ids)):
        uow.session.add(AutoReplyDevice(tenant_id=uow.tenant_id, auto_reply_id=rule_id, device_id=device_id))
    await uow.session.flush()


def _windows(given: Sequence[WindowInput]) -> list[dict[str, Any]]:
    return [
        {"days": sorted(set(one.days)), "start": one.start.strftime("%H:%M"), "end": one.end.strftime("%H:%M")}
        for one in given
    ]


_GONE = text("SELECT tenant_id, id FROM auto_replies WHERE deleted_at < now() - interval '30 days' LIMIT 1000")
_PURGE = tuple(
    text(f"DELETE FROM {table} WHERE {column} = ANY(CAST(:ids AS uuid[]))")  # noqa: S608 - names of our own
    for table, column in (
        ("auto_reply_devices", "auto_reply_id"),
        ("auto_reply_hits", "auto_reply_id"),
        ("auto_reply_contacts", "auto_reply_id"),
        ("auto_replies", "id"),
    )
)


async def purge(uow: SystemUnitOfWork) -> int:
    """Delete for good what was put away more than 30 days ago, in all tenants."""
    ids = [row.id for row in await uow.session.execute(_GONE)]
    for statement in _PURGE if ids else ():
        await uow.session.execute(statement, {"ids": ids})
    return len(ids)

