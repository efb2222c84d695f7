"""Looking up the numbers of an audience before a campaign, under the devices' cap, in the background.

Asking about a million numbers would take weeks and get the devices noticed, so of a large audience
an even sample is asked, drawn by chance, and the answer says so. What is already known is not asked.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.channels.port import Channel
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import Conflict
from wa_app.kit.clock import boot_clock
from wa_app.models.outbound import Campaign
from wa_app.models.reports import JobKind, JobStatus
from wa_app.schemas.campaigns import Target
from wa_app.schemas.reports import JobView
from wa_app.sending import audience, numbers
from wa_app.services import entitlements
from wa_app.services.campaigns import jobs, reading

SAMPLE = 200
"""Numbers asked at most for one audience: enough to tell 5 % from 10 %, little enough for a day's cap."""
SLICE_S = 25.0
ASK_S = 10.0
TRIED = "tried"
PAUSE = timedelta(seconds=20)
"""How long to wait when the cap of the minute is used up."""

_SIZE = """
    SELECT count(*) FROM contacts c WHERE {where} AND c.phone IS NOT NULL AND c.last_inbound_at IS NULL
"""
# The draw depends on the job's id alone, so a run that goes on after a crash sees the same people.
_NEXT = """
    SELECT s.id, s.phone, i.hash, n.hash IS NOT NULL AS is_known, n.is_there FROM (
        SELECT c.id, c.phone FROM contacts c
        WHERE {where} AND c.phone IS NOT NULL AND c.last_inbound_at IS NULL
        ORDER BY md5(c.id::text || CAST(:salt AS text)) LIMIT :n
    ) s
    JOIN contact_identities i ON i.tenant_id = :tenant AND i.kind = 'phone' AND i.value = s.phone
    LEFT JOIN number_checks n ON n.tenant_id = :tenant AND n.hash = i.hash
        AND n.checked_at > now() - interval '{days} days'
    ORDER BY s.id
"""
_DEVICES = text("""
    SELECT d.id, d.session, d.waha_server_id FROM devices d
    WHERE d.tenant_id = :t AND d.deleted_at IS NULL AND d.status = 'CONNECTED' AND d.waha_server_id IS NOT NULL
      AND (d.paused_until IS NULL OR d.paused_until <= now())
    ORDER BY d.id
""")

ChannelOf = Callable[[UUID], Awaitable[Channel]]


@dataclass(frozen=True, slots=True)
class _Person:
    phone: str
    hash: bytes

    @property
    def mark(self) -> str:
        """What the job's row remembers of a number that gave no answer."""
        return self.hash[:6].hex()


async def request(uow: TenantUnitOfWork, campaign_id: UUID) -> JobView:
    """Begin to look up the strangers of a campaign's audience. Conflict without a connected device."""
    uow.require("campaigns.write")
    await reading.find(uow, campaign_id)
    await entitlements.require(uow, "number_lookups")
    if not (await uow.session.execute(_DEVICES, {"t": uow.tenant_id})).first():
        raise Conflict("no_device")
    return await jobs.request(uow, campaign_id, JobKind.NUMBERS)


async def run(tenant_id: UUID, job_id: UUID, channel_of: ChannelOf) -> None:
    """One slice of a job; it lets go when the devices' cap is used up and is woken later."""
    async with jobs.held(tenant_id, job_id) as mine:
        if mine is not None:
            await _slice(mine, channel_of)


async def _slice(mine: jobs.Run, channel_of: ChannelOf) -> None:
    left, ends_at, turn = await _survey(mine), boot_clock() + SLICE_S, 0
    while left:
        if boot_clock() > ends_at:
            return await mine.later(timedelta(0))
        device = await _device(mine, turn)
        if device is None:
            return await mine.later(PAUSE)
        turn += 1
        person = left.pop()
        verdict = await numbers.ask(await channel_of(device.waha_server_id), device.session, person.phone, ASK_S)
        async with unit_of_work(mine.principal) as uow:
            if verdict is not None:
                await numbers.remember(await uow.driver(), uow.tenant_id, {person.hash: verdict})
            await _count(mine, uow, person, verdict)
    async with unit_of_work(mine.principal) as uow:
        await mine.end(uow, JobStatus.DONE)


async def _survey(mine: jobs.Run) -> list[_Person]:
    """The people of the draw that are still to be asked; notes the totals at the first look."""
    async with unit_of_work(mine.principal) as uow:
        campaign = await reading.find(uow, mine.job.campaign_id)
        rows = await _people(uow, campaign, mine.job.id)
        known = [row for row in rows if row.is_known]
        result = dict(mine.job.result)
        if not result:
            size = await _size(uow, campaign)
            result = {"strangers": size, "is_sample": size > SAMPLE}
        # Counted anew from what is known, so that a crash between answer and count loses nothing.
        result |= {"there": sum(row.is_there for row in known), "missing": sum(not row.is_there for row in known)}
        mine.job.result, mine.job.total = result, len(rows)
        mine.job.processed = len(known) + len(result.get(TRIED, ()))
        await mine.step(uow, result=result, total=len(rows), processed=mine.job.processed)
    tried = set(mine.job.result.get(TRIED, ()))
    left = [_Person(row.phone, bytes(row.hash)) for row in rows if not row.is_known]
    return [one for one in left if one.mark not in tried]


async def _people(uow: TenantUnitOfWork, campaign: Campaign, job_id: UUID) -> list[Any]:
    target = Target.model_validate(campaign.target)
    if target.is_empty:
        return []
    where, values = await audience.condition(uow, uow.tenant_id, target)
    query = text(_NEXT.format(where=where, days=numbers.FRESH_DAYS))
    values |= {"salt": str(job_id), "n": SAMPLE, "tenant": uow.tenant_id}
    return list((await uow.session.execute(query, values)).all())


async def _size(uow: TenantUnitOfWork, campaign: Campaign) -> int:
    where, values = await audience.condition(uow, uow.tenant_id, Target.model_validate(campaign.target))
    return int((await uow.session.execute(text(_SIZE.format(where=where)), values)).scalar_one())


async def _device(mine: jobs.Run, turn: int) -> Any | None:
    """A connected device that may still ask, taking turns; its question is booked. None: wait."""
    async with unit_of_work(mine.principal) as uow:
        found = (await uow.session.execute(_DEVICES, {"t": uow.tenant_id})).all()
        conn = await uow.driver()
        for at in range(len(found)):
            device = found[(turn + at) % len(found)]
            if await numbers.spend(conn, uow.tenant_id, device.id):
                return device
    return None


async def _count(
    mine: jobs.Run, uow: TenantUnitOfWork, person: _Person, verdict: numbers.Verdict | None
) -> None:
    result = dict(mine.job.result)
    if verdict is None:
        # Asked once: a number nobody answers for must not keep the job going for ever.
        result[TRIED] = [*result.get(TRIED, ()), person.mark]
    else:
        key = "there" if verdict.is_there else "missing"
        result[key] = int(result.get(key, 0)) + 1
    mine.job.result = result
    mine.job.processed += 1
    await mine.step(uow, result=mine.job.result, processed=mine.job.processed)
