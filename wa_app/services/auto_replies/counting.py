"""How often rules fired: counted without a row that everybody waits for, and never more often than allowed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork
from wa_app.kit.clock import utc_now
from wa_app.kit.periods import period_start
from wa_app.kit.zones import zone
from wa_app.schemas.auto_replies import RuleHits
from wa_app.schemas.principal import Verb

SHARDS: Final = 16
WEEK: Final = 7
KEPT_DAYS: Final = 40
"""Days that are kept apart; older ones become one row."""

_RULE = (
    "SELECT r.limit_times, r.limit_period, r.cooldown_s, t.time_zone FROM auto_replies r "
    "JOIN tenants t ON t.id = r.tenant_id WHERE r.tenant_id = $1 AND r.id = $2 AND r.deleted_at IS NULL"
)
# One statement: of fifty at once, those that come too late find the row full when they get its lock.
_CLAIM = text("""
    INSERT INTO auto_reply_contacts AS c (tenant_id, auto_reply_id, contact_id, period_at, times, last_at)
    VALUES (:t, :id, :contact, :period, 1, :at)
    ON CONFLICT (tenant_id, auto_reply_id, contact_id) DO UPDATE SET
      times = CASE WHEN c.period_at < excluded.period_at THEN 1 ELSE c.times + 1 END,
      period_at = greatest(c.period_at, excluded.period_at), last_at = greatest(c.last_at, excluded.last_at)
    WHERE (CAST(:most AS integer) IS NULL OR c.period_at < excluded.period_at OR c.times < CAST(:most AS integer))
      AND (CAST(:cooldown AS integer) = 0 OR c.last_at + make_interval(secs => CAST(:cooldown AS integer)) <= excluded.last_at)
    RETURNING times
""")
_COUNT = """
    INSERT INTO auto_reply_hits AS h (tenant_id, auto_reply_id, day, shard, hits, last_at)
    VALUES ($1, $2, $3, $4, 1, $5)
    ON CONFLICT (tenant_id, auto_reply_id, day, shard) DO UPDATE
    SET hits = h.hits + 1, last_at = greatest(h.last_at, excluded.last_at)
"""


async def count_hit(uow: TenantUnitOfWork, rule_id: UUID, contact_id: UUID | None, at: datetime) -> bool:
    """Count that a rule fires for a contact. False means that it must not: others used its limit up meanwhile.

    Call it in the transaction that plans the answer; what it counts is taken back with that transaction.
    A rule that has been deleted since it was chosen does not fire either.
    """
    conn = await uow.driver()
    rule = await conn.fetchrow(_RULE, uow.tenant_id, rule_id)
    if rule is None:
        return False
    local = zone(rule["time_zone"])
    if contact_id is not None and (rule["limit_times"] is not None or rule["cooldown_s"]):
        claim = {
            "t": uow.tenant_id, "id": rule_id, "at": at, "contact": contact_id, "most": rule["limit_times"],
            "cooldown": rule["cooldown_s"], "period": period_start(rule["limit_period"], at, local),
        }  # fmt: skip
        if (await uow.session.execute(_CLAIM, claim)).scalar_one_or_none() is None:
            return False
    shard = contact_id.int % SHARDS if contact_id is not None else 0
    await conn.execute(_COUNT, uow.tenant_id, rule_id, at.astimezone(local).date(), shard, at)
    return True


_FIGURES = text("""
    SELECT auto_reply_id, CASE WHEN day >= :since THEN day END AS on_day, sum(hits)::bigint AS hits, max(last_at) AS last_at
    FROM auto_reply_hits WHERE tenant_id = :t AND auto_reply_id = ANY(CAST(:ids AS uuid[])) GROUP BY 1, 2
""")


async def figures(uow: TenantUnitOfWork, rule_ids: Sequence[UUID], local: ZoneInfo) -> Mapping[UUID, RuleHits]:
    """What the list shows of each rule: total, the last seven days, the last time."""
    uow.require(Verb.RULES_READ)
    since = utc_now().astimezone(local).date() - timedelta(days=WEEK - 1)
    found = {rule_id: RuleHits() for rule_id in rule_ids}
    values = {"t": uow.tenant_id, "ids": list(rule_ids), "since": since}
    for row in await uow.session.execute(_FIGURES, values) if rule_ids else ():
        _add(found[row.auto_reply_id], row.hits, row.on_day, since, row.last_at)
    return found


def _add(figure: RuleHits, hits: int, day: date | None, since: date, last_at: datetime | None) -> None:
    figure.total += hits
    if last_at is not None and (figure.last_at is None or last_at > figure.last_at):
        figure.last_at = last_at
    if day is not None:
        figure.week += hits
        # A message that was sent just after midnight by another clock counts today.
        figure.days[min((day - since).days, WEEK - 1)] += hits


_FOLD = text(f"""
    WITH old AS (
        DELETE FROM auto_reply_hits WHERE day > '1970-01-01' AND day < current_date - {KEPT_DAYS}
        RETURNING tenant_id, auto_reply_id, hits, last_at)
    INSERT INTO auto_reply_hits AS h (tenant_id, auto_reply_id, day, shard, hits, last_at)
    SELECT tenant_id, auto_reply_id, '1970-01-01', 0, sum(hits), max(last_at) FROM old GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (tenant_id, auto_reply_id, day, shard) DO UPDATE
    SET hits = h.hits + excluded.hits, last_at = greatest(h.last_at, excluded.last_at)
""")  # noqa: S608 - a number of our own
_FORGET = text("""
    DELETE FROM auto_reply_contacts c USING auto_replies r
    WHERE c.tenant_id = r.tenant_id AND c.auto_reply_id = r.id AND r.limit_period <> 'ever'
      AND c.last_at < now() - interval '62 days'
""")


async def tidy(uow: SystemUnitOfWork) -> None:
    """Fold old days into one row a rule; forget whom a rule answered once no limit can ask for it any more."""
    await uow.session.execute(_FOLD)
    await uow.session.execute(_FORGET)
