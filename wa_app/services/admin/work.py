"""What the database says is to be done: due rows, lanes, and whose they are."""

from typing import Any

from sqlalchemy import text

from wa_app.db import system_unit_of_work
from wa_app.schemas.admin import LaneLine, LedgerView, TenantLine
from wa_app.services.admin.door import Admin

SHOWN = 50
"""Lanes and tenants shown, the busiest first."""

# Each part uses a partial index or a table of platform size; none reads a ledger whole.
_FIGURES = text("""
WITH due AS (
  SELECT extract(epoch FROM now() - due_at) AS age FROM outbound_messages
  WHERE state = 'planned' AND campaign_id IS NULL AND due_at <= now()
), unknown AS (
  SELECT extract(epoch FROM now() - claimed_at) AS age FROM outbound_messages WHERE state = 'unknown'
)
SELECT
  (SELECT count(*) FROM due WHERE age < 10) AS now, (SELECT count(*) FROM due WHERE age >= 10 AND age < 60) AS s10,
  (SELECT count(*) FROM due WHERE age >= 60 AND age < 600) AS m1, (SELECT count(*) FROM due WHERE age >= 600) AS m10,
  (SELECT coalesce(max(age), 0) FROM due) AS oldest_reply_s,
  (SELECT count(*) FROM unknown) AS unknown, (SELECT coalesce(max(age), 0) FROM unknown) AS oldest_unknown_s,
  (SELECT count(*) FROM outbound_messages WHERE state = 'sending') AS sending,
  (SELECT count(*) FROM inbound_events WHERE state = 'pending') AS events_pending,
  (SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0) FROM inbound_events
    WHERE state = 'pending' AND due_at <= now()) AS oldest_event_s,
  (SELECT coalesce(sum(k.n), 0) FROM campaigns c
    JOIN campaign_counters k ON k.tenant_id = c.tenant_id AND k.campaign_id = c.id AND k.state = 'planned'
    WHERE c.status = 'PROCESSING') AS broadcast_waiting,
  (SELECT count(*) FROM devices WHERE lease_until > now()) AS lanes_working
""")
_LANES = text("""
SELECT d.id AS device_id, d.name AS device, t.name AS tenant, d.status,
  coalesce(d.lease_until > now(), false) AS working, d.lease_until, u.at AS last_sent_at, d.next_send_at,
  CASE WHEN d.paused_until > now() THEN d.pause_reason END AS pause_reason, d.paused_until,
  (SELECT count(*) FROM outbound_messages m
    WHERE m.tenant_id = d.tenant_id AND m.device_id = d.id AND m.state = 'sending') AS sending
FROM devices d JOIN tenants t ON t.id = d.tenant_id
LEFT JOIN LATERAL (SELECT max(starts_at) AS at FROM device_usage u
  WHERE u.tenant_id = d.tenant_id AND u.device_id = d.id AND u.period = 'minute' AND u.used > 0) u ON true
WHERE d.deleted_at IS NULL AND (d.lease_until > now() OR d.paused_until > now()
  OR d.next_send_at > now() - interval '15 minutes' OR d.woken_at > now() - interval '1 minute')
ORDER BY working DESC, d.next_send_at DESC NULLS LAST, d.id LIMIT :n
""")
_TENANTS = text("""
WITH waiting AS (
  SELECT tenant_id, count(*) AS events, 0 AS replies, 0 AS broadcast, 0 AS imports
  FROM inbound_events WHERE state = 'pending' GROUP BY 1
  UNION ALL
  SELECT tenant_id, 0, count(*), 0, 0 FROM outbound_messages
  WHERE state = 'planned' AND campaign_id IS NULL GROUP BY 1
  UNION ALL
  SELECT c.tenant_id, 0, 0, sum(k.n), 0 FROM campaigns c
  JOIN campaign_counters k ON k.tenant_id = c.tenant_id AND k.campaign_id = c.id AND k.state = 'planned'
  WHERE c.status = 'PROCESSING' GROUP BY 1
  UNION ALL
  SELECT tenant_id, 0, 0, 0, count(*) FROM import_jobs WHERE status IN ('queued', 'running') GROUP BY 1
)
SELECT w.tenant_id, t.name AS tenant, sum(w.events) AS events, sum(w.replies) AS replies,
  sum(w.broadcast) AS broadcast, sum(w.imports) AS imports
FROM waiting w JOIN tenants t ON t.id = w.tenant_id GROUP BY 1, 2
HAVING sum(w.events + w.replies + w.broadcast + w.imports) > 0
ORDER BY sum(w.events + w.replies + w.broadcast + w.imports) DESC LIMIT :n
""")
_AGES = ("now", "s10", "m1", "m10")


async def ledger(admin: Admin) -> LedgerView:
    """Due rows by age, lanes at work or at rest, and the tenants with the most waiting."""
    async with system_unit_of_work() as uow:
        figures: dict[str, Any] = dict((await uow.session.execute(_FIGURES)).mappings().one())
        lanes = (await uow.session.execute(_LANES, {"n": SHOWN})).mappings().all()
        tenants = (await uow.session.execute(_TENANTS, {"n": SHOWN})).mappings().all()
    due = {age: int(figures.pop(age)) for age in _AGES}
    return LedgerView(
        replies_due=due, lanes=[LaneLine(**row) for row in lanes], tenants=[TenantLine(**row) for row in tenants],
        **figures,
    )  # fmt: skip
