"""The groups of a device: kept, and asked for again when they are old or on wish."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text
from sqlmodel import col, select

from wa_app.channels.port import Channel, ChannelError, DeviceTrouble, Group, GroupMember, NotSent, RetryLater
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import Conflict, NotFound
from wa_app.kit.folding import fold
from wa_app.models.devices import Device, DeviceStatus
from wa_app.models.groups import GroupList, GroupListStatus
from wa_app.schemas.groups import GroupListView, GroupView
from wa_app.schemas.principal import Principal

log = structlog.get_logger(__name__)

FRESH_S: Final = 3600
"""How long a list is believed before a look at it asks again."""
AGAIN_S: Final = 30
"""A wish for a fresh list within this time gets the one there is: WhatsApp limits how often one asks."""
LOST_S: Final = 120
"""A list that has been loading for longer was lost with its worker."""
MAX_TRIES: Final = 5
MAX_SHOWN: Final = 500
MAX_GROUPS: Final = 5000

ChannelOf = Callable[[UUID], Awaitable[Channel]]

_ASK = text("""
INSERT INTO group_lists (tenant_id, device_id, status, requested_at) VALUES (:t, :d, 'loading', now())
ON CONFLICT (tenant_id, device_id) DO UPDATE SET status = 'loading', requested_at = now(), attempts = 0, error_code = NULL
WHERE group_lists.status <> 'loading' OR group_lists.requested_at < now() - make_interval(secs => :lost)
RETURNING id
""")
_IS_OLD = text("""
SELECT CASE WHEN status = 'loading' THEN requested_at < now() - make_interval(secs => :lost)
  WHEN CAST(:wished AS boolean) THEN requested_at < now() - make_interval(secs => :again)
  ELSE status = 'ready' AND fetched_at < now() - make_interval(secs => :fresh) END
FROM group_lists WHERE tenant_id = :t AND device_id = :d
""")
_STORE = """
UPDATE group_lists SET status = 'ready', groups = $3, fetched_at = now(), error_code = NULL, attempts = 0
WHERE tenant_id = $1 AND device_id = $2
"""
_NAME = """
UPDATE conversations v SET group_name = g ->> 'name'
FROM group_lists l, jsonb_array_elements(l.groups) g
WHERE l.tenant_id = $1 AND l.device_id = $2 AND v.tenant_id = $1 AND v.device_id = $2 AND v.group_jid = g ->> 'id'
  AND v.group_name <> g ->> 'name' RETURNING v.id
"""
_TROUBLE = text("""
UPDATE group_lists SET attempts = attempts + 1, requested_at = now(),
  status = CASE WHEN CAST(:retry AS boolean) AND attempts + 1 < :most THEN 'loading' ELSE 'failed' END,
  error_code = :code
WHERE tenant_id = :t AND device_id = :d RETURNING status
""")


async def list_(
    uow: TenantUnitOfWork, device_id: UUID, *, q: str = "", refresh: bool = False, limit: int = MAX_SHOWN
) -> GroupListView:
    """A device's groups by name, those whose name holds all words of `q`. Asks for them when that is due.

    Raises NotFound, Conflict("grab_device_away") when there is no list yet and the device is not connected.
    """
    uow.require("contacts.import")
    device = await find_device(uow, device_id)
    row = await _row(uow, device_id)
    if await _is_due(uow, device, row, refresh):
        await _ask(uow, device_id)
        row = await _row(uow, device_id)
    if row is None:
        raise Conflict("grab_device_away")
    return _view(row, q, limit)


async def ask(uow: TenantUnitOfWork, device_id: UUID) -> None:
    """Have the groups listed, as the name of one is wanted; a list asked for lately is not asked for again."""
    device, row = await uow.session.get(Device, device_id), await _row(uow, device_id)
    if device is not None and await _is_due(uow, device, row, wished=True):
        await _ask(uow, device_id)


async def _ask(uow: TenantUnitOfWork, device_id: UUID) -> None:
    values = {"t": uow.tenant_id, "d": device_id, "lost": LOST_S}
    if (await uow.session.execute(_ASK, values)).scalar_one_or_none() is not None:
        uow.enqueue("groups.fetch", tenant_id=uow.tenant_id, device_id=device_id)


async def find_device(uow: TenantUnitOfWork, device_id: UUID) -> Device:
    """A device of ours. Raises NotFound."""
    device = await uow.session.get(Device, device_id)
    if device is None or device.deleted_at is not None:
        raise NotFound
    return device


async def _row(uow: TenantUnitOfWork, device_id: UUID) -> GroupList | None:
    query = select(GroupList).where(col(GroupList.device_id) == device_id).execution_options(populate_existing=True)
    found: GroupList | None = (await uow.session.execute(query)).scalar_one_or_none()
    return found


async def _is_due(uow: TenantUnitOfWork, device: Device, row: GroupList | None, wished: bool) -> bool:
    if device.status != DeviceStatus.CONNECTED:
        return False
    if row is None:
        return True
    values = {
        "t": uow.tenant_id, "d": device.id, "lost": LOST_S, "again": AGAIN_S, "fresh": FRESH_S, "wished": wished,
    }  # fmt: skip
    return bool((await uow.session.execute(_IS_OLD, values)).scalar_one_or_none())


def _view(row: GroupList, q: str, limit: int) -> GroupListView:
    wanted = fold(q).split()
    found = [group for group in row.groups if all(word in fold(group["name"]) for word in wanted)]
    return GroupListView(
        device_id=row.device_id, status=row.status, error_code=row.error_code, requested_at=row.requested_at,
        fetched_at=row.fetched_at, total=len(found), items=[GroupView(**group) for group in found[:limit]],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """How a device's session is reached."""

    server_id: UUID
    session: str
    phone: str | None


async def line_of(principal: Principal, device_id: UUID) -> Line | None:
    """The way to a device, None when it is gone or has none."""
    async with unit_of_work(principal) as uow:
        device = await uow.session.get(Device, device_id)
        if device is None or device.deleted_at is not None or device.waha_server_id is None:
            return None
        return Line(device.waha_server_id, device.session, device.phone)


async def fetch(principal: Principal, device_id: UUID, channel_of: ChannelOf) -> None:
    """Ask the server for a device's groups and keep them. No transaction is open meanwhile."""
    line = await line_of(principal, device_id)
    try:
        if line is None:
            raise DeviceTrouble("no line")
        channel = await channel_of(line.server_id)
        groups = await channel.groups(line.session)
    except ChannelError as error:
        await _trouble(principal, device_id, error)
        return
    kept = [_kept(group) for group in sorted(groups, key=lambda one: (fold(one.name), one.id))[:MAX_GROUPS]]
    async with unit_of_work(principal) as uow:
        conn = await uow.driver()
        await conn.execute(_STORE, principal.tenant_id, device_id, orjson.dumps(kept).decode())
        for row in await conn.fetch(_NAME, principal.tenant_id, device_id):
            uow.publish("conversation", id=row["id"])
        uow.publish("groups", device_id=device_id, status="ready")


def _kept(group: Group) -> dict[str, Any]:
    return {"id": group.id, "name": group.name.replace("\x00", "")[:200], "size": group.size}


def code_of(error: ChannelError) -> str:
    """Why a question was not answered, in our words."""
    if isinstance(error, RetryLater):
        return "rate_limited"
    return "device_away" if isinstance(error, DeviceTrouble | NotSent) else "refused"


async def _trouble(principal: Principal, device_id: UUID, error: ChannelError) -> None:
    """Try again after a while where that helps, else say what is wrong."""
    code, retry = code_of(error), isinstance(error, RetryLater)
    log.warning("groups.not_listed", device_id=str(device_id), error=error.code)
    async with unit_of_work(principal) as uow:
        values = {"t": uow.tenant_id, "d": device_id, "retry": retry, "most": MAX_TRIES, "code": code}
        status = (await uow.session.execute(_TROUBLE, values)).scalar_one_or_none()
        if status == GroupListStatus.LOADING and isinstance(error, RetryLater):
            wait_ms = int(min(error.retry_after_s, 60.0) * 1000)
            uow.enqueue("groups.fetch", delay_ms=wait_ms, tenant_id=uow.tenant_id, device_id=device_id)
        uow.publish("groups", device_id=device_id, status=status)


async def members_of(channel: Channel, line: Line, group_id: str) -> Sequence[GroupMember]:
    """The members of a group; none when the device has left it."""
    try:
        return await channel.group_members(line.session, group_id)
    except DeviceTrouble:
        session = await channel.get_session(line.session)
        if session is None or session.status is not DeviceStatus.CONNECTED:
            raise
        return []
