"""What is done about the health of a number, and telling its people.

Each action is one transaction of its tenant: the device's row, a line in its diary with the figures, a
letter to everybody who may steer devices, a word to open pages. It happens only if the guard is still
what the decision was made from, so two clocks never act twice.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import structlog
from sqlalchemy import text

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import NIL, id_floor
from wa_app.kit.zones import stored_zone
from wa_app.schemas.principal import Principal, Verb
from wa_app.sending import health, ledger, pacing, warmup
from wa_app.sending.health import Guard, OptOuts
from wa_app.services.devices.measuring import CHUNK, RESTRICTED, Measured, limits_of, measure

log = structlog.get_logger(__name__)

MARK_EVERY_S: Final = 300
HOUR_S: Final = 3600
KEEP_DAYS: Final = 90
"""How long the history of a score is kept."""

_ACT = """
UPDATE devices SET guard = $4, guard_until = $5, guard_reason = $6, guard_detail = $7,
  guard_at = CASE WHEN guard = $4 THEN guard_at ELSE now() END,
  paused_until = CASE WHEN $8 THEN NULL ELSE paused_until END,
  pause_reason = CASE WHEN $8 THEN NULL ELSE pause_reason END
WHERE tenant_id = $1 AND id = $2 AND guard = $3 AND deleted_at IS NULL RETURNING name
"""
_EVENT = "INSERT INTO device_events (tenant_id, device_id, kind, detail) VALUES ($1, $2, $3, $4)"
_LETTERS = """
INSERT INTO guard_mails (tenant_id, user_id, device_id, campaign_id, detail)
SELECT m.tenant_id, u.id, $2, $3, $4 FROM memberships m
JOIN users u ON u.id = m.user_id JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
WHERE m.tenant_id = $1 AND u.disabled_at IS NULL AND $5 = ANY(r.verbs)
RETURNING id
"""
_BROADCASTS = text("""
SELECT c.tenant_id, c.id, c.name, c.started_at, c.guard_marks, now() AS now,
  (SELECT coalesce(sum(n.n), 0)::bigint FROM campaign_counters n WHERE n.tenant_id = c.tenant_id
     AND n.campaign_id = c.id AND n.state IN ('sent', 'delivered', 'read', 'played')) AS sent
FROM campaigns c
WHERE c.status = 'PROCESSING' AND c.deleted_at IS NULL AND c.started_at IS NOT NULL AND EXISTS (
  SELECT 1 FROM campaign_devices cd JOIN devices d ON d.tenant_id = cd.tenant_id AND d.id = cd.device_id
  WHERE cd.tenant_id = c.tenant_id AND cd.campaign_id = c.id AND d.protection)
""")
_STOPS = text("""
SELECT s.campaign_id, min(s.created_at) AS at FROM suppressions s
JOIN campaigns c ON c.tenant_id = s.tenant_id AND c.id = s.campaign_id
LEFT JOIN contact_identities i ON i.tenant_id = s.tenant_id AND i.hash = s.hash
WHERE s.id >= :floor AND s.campaign_id = ANY(CAST(:ids AS uuid[])) AND s.reason IN ('UNSUBSCRIBE', 'SPAM_REPORT')
GROUP BY s.campaign_id, coalesce(i.contact_id, s.id)
""")
_MARK = text("UPDATE campaigns SET guard_marks = CAST(:marks AS jsonb) WHERE tenant_id = :tenant AND id = :id")
_WARMING = text("""
SELECT d.tenant_id, d.id, d.warmup_stage, d.warmup_stage_at, d.warmup_curve, d.health_score, d.guard, t.time_zone,
  now() AS now, (SELECT array_agg(ARRAY[extract(epoch FROM u.starts_at)::bigint, u.used]) FROM device_usage u
    WHERE u.tenant_id = d.tenant_id AND u.device_id = d.id AND u.period = 'day'
      AND u.starts_at > now() - interval '3 days') AS days
FROM devices d JOIN tenants t ON t.id = d.tenant_id
WHERE d.warmup_stage IS NOT NULL AND d.deleted_at IS NULL AND d.status = 'CONNECTED'
""")
_STAGE = """
UPDATE devices SET warmup_stage = $4, warmup_stage_at = now()
WHERE tenant_id = $1 AND id = $2 AND warmup_stage = $3 RETURNING id
"""
_UNSENT = text(
    "SELECT id FROM guard_mails WHERE sent_at IS NULL AND created_at BETWEEN now() - interval '1 day' AND "
    "now() - interval '1 min' AND (tried_at IS NULL OR tried_at < now() - interval '1 min') LIMIT 200"
)
_TIDY = (
    "DELETE FROM device_health WHERE id IN (SELECT id FROM device_health WHERE id < :floor LIMIT 20000)",
    "DELETE FROM guard_mails WHERE id IN (SELECT id FROM guard_mails WHERE id < :floor LIMIT 20000)",
)


async def watch_over() -> None:
    """Measure every number and act on it; pause broadcasts that too many leave; warm up. For the clock."""
    after = NIL
    while True:
        async with system_unit_of_work() as uow:
            measured = await measure(uow, after)
        for one in measured:
            await _guard(one)
        if len(measured) < CHUNK:
            break
        after = measured[-1].row.id
    await _watch_broadcasts()
    await _warm_up()
    await wake_unsent()


async def _guard(one: Measured) -> None:
    """Decide about one number, and act when something changes."""
    row = one.row
    limits = limits_of(row)
    current = Guard(row.guard, row.guard_until, row.guard_reason or "")
    if not row.protection:
        after = Guard()
    else:
        after = health.decide(current, health.demanded(one.assessment, limits), one.assessment.score, row.now)
    # A 463 rests the whole device at first. With the guard on, only strangers have to wait.
    covered = row.pause_reason == RESTRICTED and health.rank(after.level) >= health.rank("strangers")
    if after == current and not covered:
        return
    async with unit_of_work(Principal.system(row.tenant_id)) as uow:
        await act(uow, row.id, current, after, _figures(one, after), lift_pause=covered)


def _figures(one: Measured, guard: Guard) -> dict[str, Any]:
    """What the diary and the letter say: the score, and the sign behind the action in numbers."""
    detail: dict[str, Any] = {"score": one.assessment.score}
    for sign in one.assessment.signs:
        if sign.sign == guard.reason:
            detail |= {"value": sign.value, "fine": sign.fine}
    return detail


async def act(
    uow: TenantUnitOfWork, device_id: UUID, before: Guard, after: Guard, figures: Mapping[str, Any], *,
    lift_pause: bool = False,
) -> bool:
    """Put a number under another guard. False when somebody else did, or it was deleted."""
    conn = await uow.driver()
    told = {
        **figures, "before": before.level, "level": after.level, "reason": after.reason,
        "until": after.until.isoformat() if after.until else None,
    }  # fmt: skip
    detail = orjson.dumps(told).decode()
    name = await conn.fetchval(
        _ACT, uow.tenant_id, device_id, before.level, after.level, after.until, after.reason or None, detail, lift_pause
    )
    if name is None:
        return False
    if after.level != before.level:
        await conn.execute(_EVENT, uow.tenant_id, device_id, "guard", detail)
        # Each tightening is told; of the way back only its end.
        if after.level == "none" or health.rank(after.level) > health.rank(before.level):
            await _write_letters(uow, told | {"name": name}, device_id=device_id)
        log.warning("guard.acted", device_id=str(device_id), before=before.level, level=after.level, reason=after.reason)
    if lift_pause or health.rank(after.level) < health.rank(before.level):
        uow.enqueue("lane.run", tenant_id=uow.tenant_id, device_id=device_id)
    uow.publish("device", id=device_id, guard=after.level)
    return True


async def _write_letters(
    uow: TenantUnitOfWork, detail: Mapping[str, Any], *, device_id: UUID | None = None, campaign_id: UUID | None = None
) -> None:
    """One letter for everybody who may steer devices."""
    conn = await uow.driver()
    rows = await conn.fetch(
        _LETTERS, uow.tenant_id, device_id, campaign_id, orjson.dumps(detail).decode(), Verb.DEVICES_WRITE.value
    )
    for row in rows:
        uow.enqueue("mail.send", letter="guard", id=row["id"])


async def _watch_broadcasts() -> None:
    """Pause broadcasts of which too many people ask to stop within an hour."""
    async with system_unit_of_work() as uow:
        found = (await uow.session.execute(_BROADCASTS)).all()
        if not found:
            return
        floor = id_floor(found[0].now - timedelta(seconds=HOUR_S))
        stops: dict[UUID, list[float]] = {}
        for row in await uow.session.execute(_STOPS, {"floor": floor, "ids": [one.id for one in found]}):
            stops.setdefault(row.campaign_id, []).append(row.at.timestamp())
        over = [pair for one in found if (pair := await _count(uow, one, stops.get(one.id, []))) is not None]
    for one, hour in over:
        async with unit_of_work(Principal.system(one.tenant_id)) as tenant:
            await _pause_broadcast(tenant, one, hour)


async def _count(uow: SystemUnitOfWork, one: Any, stops: list[float]) -> tuple[Any, OptOuts] | None:
    """A broadcast's last hour when it is too bad to go on; keeps its marks."""
    now = one.now.timestamp()
    marks: list[list[float]] = one.guard_marks or [[one.started_at.timestamp(), 0]]
    older = [mark for mark in marks if mark[0] <= now - HOUR_S]
    start = older[-1] if older else marks[0]
    begin = max(start[0], now - HOUR_S)
    hour = OptOuts(int(one.sent - start[1]), sum(at >= begin for at in stops))
    if hour.is_too_many:
        return one, hour
    if now - marks[-1][0] >= MARK_EVERY_S or not one.guard_marks:
        kept = [*older[-1:], *(mark for mark in marks if mark[0] > now - HOUR_S), [now, one.sent]]
        await uow.session.execute(
            _MARK, {"marks": orjson.dumps(kept).decode(), "tenant": one.tenant_id, "id": one.id}
        )
    return None


async def _pause_broadcast(uow: TenantUnitOfWork, one: Any, hour: OptOuts) -> None:
    figures = {"value": hour.percent, "limit": health.OPT_OUT_LIMIT, "n": hour.opt_outs, "sent": hour.sent}
    if not await ledger.pause_campaign(uow, one.id, "opt_out_rate", figures):
        return
    # Who goes on in spite of it starts a new hour.
    fresh = orjson.dumps([[one.now.timestamp(), one.sent]]).decode()
    await uow.session.execute(_MARK, {"marks": fresh, "tenant": uow.tenant_id, "id": one.id})
    await _write_letters(uow, {**figures, "name": one.name, "reason": "opt_out_rate"}, campaign_id=one.id)
    log.warning("guard.paused_campaign", campaign_id=str(one.id), percent=hour.percent, sent=hour.sent)


async def _warm_up() -> None:
    """Move numbers that warm up one stage on, or back, once in a day of their tenant."""
    async with system_unit_of_work() as uow:
        found = (await uow.session.execute(_WARMING)).all()
    for row in found:
        zone = stored_zone(row.time_zone)
        curve = row.warmup_curve
        day = warmup.Day(_sent_yesterday(row, zone), row.health_score, row.guard != "none")
        stage = warmup.due_stage(row.warmup_stage, row.warmup_stage_at, row.now, zone, day, curve)
        if stage is not None and stage != row.warmup_stage:
            async with unit_of_work(Principal.system(row.tenant_id)) as tenant:
                await _to_stage(tenant, row, stage, warmup.cap(stage, curve) or 0)


def _sent_yesterday(row: Any, zone: ZoneInfo) -> int:
    today = pacing.day_start(row.now, zone).timestamp()
    past = sorted((at, used) for at, used in row.days or [] if at < today)
    return int(past[-1][1]) if past and past[-1][0] >= today - 25 * HOUR_S else 0


async def _to_stage(uow: TenantUnitOfWork, row: Any, stage: int, cap: int) -> None:
    conn = await uow.driver()
    if await conn.fetchval(_STAGE, uow.tenant_id, row.id, row.warmup_stage, stage) is None:
        return
    detail = {"was": row.warmup_stage, "now": stage, "by": "health", "cap": cap, "score": row.health_score}
    await conn.execute(_EVENT, uow.tenant_id, row.id, "warmup", orjson.dumps(detail).decode())
    uow.enqueue("lane.run", tenant_id=uow.tenant_id, device_id=row.id)
    uow.publish("device", id=row.id)


async def wake_unsent() -> int:
    """Ask again for letters whose message was lost or whose mail server was away; how many."""
    async with system_unit_of_work() as uow:
        ids = list((await uow.session.execute(_UNSENT)).scalars())
        for one in ids:
            uow.enqueue("mail.send", letter="guard", id=one)
    return len(ids)


async def tidy() -> None:
    """Forget scores and letters that nobody will ask for again."""
    floor = id_floor(utc_now() - timedelta(days=KEEP_DAYS))
    for statement in _TIDY:
        async with system_unit_of_work() as uow:
            await uow.session.execute(text(statement), {"floor": floor})
