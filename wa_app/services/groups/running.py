"""One run of a grab: list each group, then look every member up and store them, batch by batch.

Calls go out with no transaction open; each group and each batch is one transaction that moves the
checkpoint under the job's lease. When WhatsApp says "too fast", or the device is away, the run lets
go and the row says when it goes on.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import text

from wa_app import leases
from wa_app.channels.port import Channel, ChannelError, DeviceTrouble, GroupMember, NotSent, RetryLater
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError
from wa_app.kit.ids import new_id
from wa_app.models.groups import GroupGrab
from wa_app.schemas.principal import Principal
from wa_app.services.groups.listing import ChannelOf, Line, code_of, line_of, members_of
from wa_app.services.groups.merging import Found, Merged, merge

# ruff: noqa: S608 - queries are put together of parts of our own, values are bound

log = structlog.get_logger(__name__)

BATCH: Final = 50
"""Members that are looked up and stored at a time."""
ABREAST: Final = 4
"""Look-ups under way at the same time."""
MAX_TRIES: Final = 20
"""Failed calls in a row after which the job gives up; it may be resumed."""
AWAY_WAIT_S: Final = 30.0
MAX_WAIT_S: Final = 900.0
_SHORT_WAIT_S: Final = 60.0

_BEGIN = text("""
UPDATE group_grabs SET status = 'running', started_at = coalesce(started_at, now()), waiting_code = NULL
WHERE tenant_id = :t AND id = :id RETURNING groups, groups_done, options, device_id
""")
_IS_DUE = text("""
SELECT 1 FROM group_grabs WHERE tenant_id = :t AND id = :id AND status IN ('queued', 'running') AND due_at <= now()
FOR UPDATE
""")
_MINE = "tenant_id = :t AND id = :id AND status = 'running' AND lease_epoch = :epoch"
_MEMBERS = """
INSERT INTO group_grab_members AS m (id, tenant_id, grab_id, member_id, phone, lid, group_names)
SELECT u.id, $1, $2, u.member_id, u.phone, u.lid, ARRAY[$3::text]
FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[]) AS u(id, member_id, phone, lid)
ON CONFLICT (tenant_id, grab_id, member_id) DO UPDATE SET phone = coalesce(m.phone, excluded.phone),
  lid = coalesce(m.lid, excluded.lid), group_names = m.group_names || excluded.group_names
RETURNING (old.id IS NULL) AS is_new
"""
_LISTED = text(f"""
UPDATE group_grabs SET groups_done = groups_done + 1, total = total + :new, skipped = skipped + :skipped, attempts = 0,
  waiting_code = NULL
WHERE {_MINE} AND groups_done = :place RETURNING id
""")
_NEXT = text("""
SELECT id, phone, lid, group_names FROM group_grab_members
WHERE tenant_id = :t AND grab_id = :id AND NOT is_done ORDER BY id LIMIT :n
""")
_STORED = text("UPDATE group_grab_members SET is_done = true WHERE tenant_id = :t AND id = ANY(:ids)")
_STEP = text(f"""
UPDATE group_grabs SET processed = processed + :n, created = created + :created, known = known + :known,
  without_phone = without_phone + :without, skipped = skipped + :skipped, attempts = 0, waiting_code = NULL
WHERE {_MINE} RETURNING id
""")
_WAIT = text(f"""
UPDATE group_grabs SET waiting_code = :code, attempts = attempts + 1, lease_until = NULL, lease_owner = NULL,
  due_at = now() + make_interval(secs => least(:wait * 2 ^ least(attempts, 4), :most))
WHERE {_MINE} AND attempts < :tries RETURNING extract(epoch FROM due_at - now()) AS wait_s
""")
_FINISH = text(f"""
UPDATE group_grabs SET status = :status, error_code = :code, waiting_code = NULL, finished_at = now(), lease_until = NULL
WHERE {_MINE} RETURNING id
""")
_FORGET = text("DELETE FROM group_grab_members WHERE tenant_id = :t AND grab_id = :id")


class LeaseLost(Exception):
    """Somebody else works on the job, or it was cancelled."""


@dataclass(frozen=True, slots=True)
class _Run:
    principal: Principal
    grab_id: UUID
    epoch: int
    groups: list[dict[str, Any]]
    done: int
    options: dict[str, Any]
    channel: Channel
    line: Line

    @property
    def mine(self) -> dict[str, Any]:
        return {"t": self.principal.tenant_id, "id": self.grab_id, "epoch": self.epoch}


async def run(principal: Principal, grab_id: UUID, channel_of: ChannelOf) -> None:
    """Work on a job until it is over, must wait, or is no longer ours. Does nothing while it is not due."""
    taken = await _take(principal, grab_id)
    if taken is None:
        return
    epoch, row = taken
    mine = {"t": principal.tenant_id, "id": grab_id, "epoch": epoch}
    line = await line_of(principal, row.device_id)
    if line is None:
        await _finish(principal, mine, "failed", "device_away")
        return
    this = _Run(
        principal, grab_id, epoch, row.groups, row.groups_done, row.options, await channel_of(line.server_id), line
    )
    try:
        async with leases.beating(principal, GroupGrab, grab_id, epoch):
            await _work(this)
        await _finish(principal, mine, "done", None)
    except LeaseLost:
        log.info("grab.stopped", grab=str(grab_id))
    except ChannelError as error:
        await _wait(this, error)
    except AppError as error:
        await _finish(principal, mine, "failed", error.code)


async def _take(principal: Principal, grab_id: UUID) -> tuple[int, Any] | None:
    async with unit_of_work(principal) as uow:
        values = {"t": principal.tenant_id, "id": grab_id}
        if (await uow.session.execute(_IS_DUE, values)).scalar_one_or_none() is None:
            return None
        epoch = await leases.take(uow, GroupGrab, principal.tenant_id, grab_id, leases.new_owner())
        if epoch is None:
            return None
        row = (await uow.session.execute(_BEGIN, values)).one()
        uow.publish("grab", id=grab_id, status="running")
        return epoch, row


async def _work(this: _Run) -> None:
    own = await _own_ids(this)
    for place in range(this.done, len(this.groups)):
        await _list_group(this, place, own)
    more = True
    while more:
        more = await _store_some(this)


async def _own_ids(this: _Run) -> frozenset[str]:
    """What the device itself is called: it is a member of every group of its own."""
    me = await this.channel.me(this.line.session)
    found = [this.line.phone, *((me.phone, me.lid, me.chat_id) if me else ())]
    return frozenset(one for one in found if one)


async def _list_group(this: _Run, place: int, own: frozenset[str]) -> None:
    """Find the members of one group and write them down, once."""
    group = this.groups[place]
    listed = await members_of(this.channel, this.line, group["id"])
    wanted: dict[str, GroupMember] = {}
    for member in listed:
        is_self = bool(own & {member.id, member.phone or "", member.lid or ""})
        unwanted = is_self or (this.options["skip_admins"] and member.is_admin)
        if not unwanted and (member.phone or member.lid):
            wanted[member.id] = member
    rows = sorted(wanted.values(), key=lambda member: member.id)
    async with unit_of_work(this.principal) as uow:
        conn = await uow.driver()
        made = await conn.fetch(
            _MEMBERS, uow.tenant_id, this.grab_id, group["name"], [new_id() for _ in rows], [one.id for one in rows],
            [one.phone for one in rows], [one.lid and one.lid.removesuffix("@lid") for one in rows],
        )  # fmt: skip
        values = this.mine | {
            "new": sum(row["is_new"] for row in made), "skipped": len(listed) - len(rows), "place": place,
        }  # fmt: skip
        if (await uow.session.execute(_LISTED, values)).scalar_one_or_none() is None:
            raise LeaseLost
        uow.publish("grab", id=this.grab_id, status="running")


async def _store_some(this: _Run) -> bool:
    """Look the next members up and store them. False when none are left."""
    async with unit_of_work(this.principal) as uow:
        rows = (await uow.session.execute(_NEXT, this.mine | {"n": BATCH})).all()
    if not rows:
        return False
    found = [Found(row.id, row.phone, row.lid, tuple(row.group_names)) for row in rows]
    looked, trouble = await _look_up(this, found)
    if looked:
        async with unit_of_work(this.principal) as uow:
            done = await merge(uow, looked, this.options["tags"], by_group=this.options["tag_by_group"])
            await _step(uow, this, looked, done)
    if trouble is not None:
        raise trouble
    return True


async def _look_up(this: _Run, found: Sequence[Found]) -> tuple[list[Found], ChannelError | None]:
    """Find phones behind hidden ids. What was answered before a refusal is kept; the rest waits."""
    gate, refusals = asyncio.Semaphore(ABREAST), list[ChannelError]()

    async def one(member: Found) -> Found | None:
        if member.phone or not member.lid:
            return member
        async with gate:
            if refusals:
                return None
            try:
                pair = await this.channel.phone_of(this.line.session, f"{member.lid}@lid")
            except ChannelError as error:
                refusals.append(error)
                return None
        return replace(member, phone=pair.phone)

    answers = await asyncio.gather(*map(one, found))
    return [member for member in answers if member is not None], next(iter(refusals), None)


async def _step(uow: TenantUnitOfWork, this: _Run, looked: Sequence[Found], done: Merged) -> None:
    """Move the checkpoint in the batch's own transaction, or lose the batch."""
    await uow.session.execute(_STORED, {"t": uow.tenant_id, "ids": [one.id for one in looked]})
    values = this.mine | {
        "n": len(looked), "created": done.created, "known": done.known, "without": done.without_phone,
        "skipped": done.skipped,
    }  # fmt: skip
    if (await uow.session.execute(_STEP, values)).scalar_one_or_none() is None:
        raise LeaseLost
    uow.publish("grab", id=this.grab_id, status="running")


async def _wait(this: _Run, error: ChannelError) -> None:
    """Let go until the server will answer again; give up after many tries in a row."""
    log.warning("grab.waits", grab=str(this.grab_id), error=error.code)
    if not isinstance(error, RetryLater | DeviceTrouble | NotSent):
        await _finish(this.principal, this.mine, "failed", code_of(error))
        return
    wait = error.retry_after_s if isinstance(error, RetryLater) else AWAY_WAIT_S
    async with unit_of_work(this.principal) as uow:
        values = this.mine | {"code": code_of(error), "wait": float(wait), "most": MAX_WAIT_S, "tries": MAX_TRIES}
        wait_s = (await uow.session.execute(_WAIT, values)).scalar_one_or_none()
        if wait_s is not None:
            uow.publish("grab", id=this.grab_id, status="running", waiting=code_of(error))
            if wait_s <= _SHORT_WAIT_S:
                # A little late: a message that comes early finds nothing due.
                delay_ms = min(int(wait_s * 1000) + 200, 60_000)
                uow.enqueue("grab.run", delay_ms=delay_ms, tenant_id=uow.tenant_id, grab_id=this.grab_id)
            return
    await _finish(this.principal, this.mine, "failed", code_of(error))


async def _finish(principal: Principal, mine: dict[str, Any], status: str, code: str | None) -> None:
    async with unit_of_work(principal) as uow:
        done = (await uow.session.execute(_FINISH, mine | {"status": status, "code": code})).scalar_one_or_none()
        if done is not None and status == "done":
            await uow.session.execute(_FORGET, mine)
        uow.publish("grab", id=mine["id"], status=status)
        uow.publish("contact")
