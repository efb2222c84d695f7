"""What the clock finds to do: the database remembers all work, a lost message to a worker only delays it.

Each sweep is one cheap statement over partial indexes, run as `sapa_system`, that wakes the
actor of a row that is due. Doing nothing twice is the actor's business.
"""

from uuid import UUID

from sqlalchemy import text

from wa_app.db import SystemUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.schemas.principal import Principal
from wa_app.sending import caps, ledger

WAKE_AGAIN_S = 3
"""A lane that was woken and has not come is woken again after this."""

_LANES = text("""
UPDATE devices d SET woken_at = now()
WHERE d.id IN (
  SELECT d.id FROM devices d
  WHERE d.status = 'CONNECTED' AND d.deleted_at IS NULL
    AND (d.lease_until IS NULL OR d.lease_until < now())
    AND (d.woken_at IS NULL OR d.woken_at < now() - make_interval(secs => :again) OR d.woken_at < d.next_send_at)
    AND (d.paused_until IS NULL OR d.paused_until <= now() OR d.pause_reason = 'account_restricted')
    AND (EXISTS (SELECT 1 FROM outbound_messages m
           WHERE m.tenant_id = d.tenant_id AND m.preferred_device_id = d.id AND m.campaign_id IS NULL
             AND m.state = 'planned' AND (m.due_at IS NULL OR m.due_at <= now())
             AND (m.priority = 0 OR d.next_send_at IS NULL OR d.next_send_at <= now()))
      OR (d.is_active_for_broadcast AND (d.next_send_at IS NULL OR d.next_send_at <= now())
        AND (d.paused_until IS NULL OR d.paused_until <= now())
        AND (d.rest_until IS NULL OR d.rest_until <= now())
        AND EXISTS (SELECT 1 FROM campaign_devices cd
           JOIN campaigns c ON c.tenant_id = cd.tenant_id AND c.id = cd.campaign_id
           WHERE cd.tenant_id = d.tenant_id AND cd.device_id = d.id AND c.status = 'PROCESSING'
             AND c.deleted_at IS NULL
             AND EXISTS (SELECT 1 FROM outbound_messages m WHERE m.tenant_id = c.tenant_id
               AND m.campaign_id = c.id AND m.state = 'planned' AND (m.due_at IS NULL OR m.due_at <= now())))))
  ORDER BY d.woken_at NULLS FIRST LIMIT 500 FOR UPDATE OF d SKIP LOCKED)
RETURNING d.tenant_id, d.id, EXISTS (
  SELECT 1 FROM outbound_messages m WHERE m.tenant_id = d.tenant_id AND m.preferred_device_id = d.id
    AND m.campaign_id IS NULL AND m.state = 'planned' AND m.priority = 0 AND (m.due_at IS NULL OR m.due_at <= now())
) AS has_reply
""")
# One step of the index per tenant, however many events a tenant has: a flood of one must not hide another.
_EVENTS = text("""
WITH RECURSIVE tenants AS (
  (SELECT tenant_id FROM inbound_events WHERE state = 'pending' ORDER BY tenant_id LIMIT 1)
  UNION ALL
  SELECT (SELECT e.tenant_id FROM inbound_events e WHERE e.state = 'pending' AND e.tenant_id > t.tenant_id
          ORDER BY e.tenant_id LIMIT 1)
  FROM tenants t WHERE t.tenant_id IS NOT NULL
)
SELECT t.tenant_id FROM tenants t WHERE t.tenant_id IS NOT NULL AND EXISTS (
  SELECT 1 FROM inbound_events e WHERE e.tenant_id = t.tenant_id AND e.state = 'pending'
    AND e.due_at <= now() - interval '0.2 s')
""")
_ORPHANS = text("""
SELECT DISTINCT d.tenant_id, d.id FROM outbound_messages m
JOIN devices d ON d.tenant_id = m.tenant_id AND d.id = m.device_id
WHERE m.state = 'sending' AND (d.lease_until IS NULL OR d.lease_until < now() OR m.lease_epoch <> d.lease_epoch)
  AND m.claimed_at < now() - interval '5 s'
""")
_UNKNOWN = text("""
SELECT DISTINCT m.tenant_id, m.device_id FROM outbound_messages m WHERE m.state = 'unknown' AND m.due_at <= now()
""")
_EXPIRED = text("""
SELECT c.tenant_id, c.id FROM campaigns c
WHERE c.status IN ('PROCESSING', 'PAUSED') AND c.expires_at <= now() AND EXISTS (
  SELECT 1 FROM outbound_messages m WHERE m.tenant_id = c.tenant_id AND m.campaign_id = c.id AND m.state = 'planned')
""")
_EXPIRED_DIRECT = text("""
UPDATE outbound_messages SET state = 'skipped', error_code = 'expired', due_at = NULL
WHERE id IN (SELECT id FROM outbound_messages WHERE state = 'planned' AND campaign_id IS NULL
  AND expires_at <= now() LIMIT 5000 FOR UPDATE SKIP LOCKED)
""")
_TIDY = (
    "DELETE FROM device_usage WHERE (period IN ('minute', 'check_minute') AND starts_at < now() - interval '10 min') "
    "OR (period = 'hour' AND starts_at < now() - interval '3 h') OR starts_at < now() - interval '40 days'",
    "DELETE FROM inbound_events WHERE id IN (SELECT id FROM inbound_events WHERE state IN ('done', 'ignored') "
    "AND created_at < now() - interval '3 days' LIMIT 20000)",
    "DELETE FROM inbound_events WHERE id IN (SELECT id FROM inbound_events WHERE state = 'failed' "
    "AND created_at < now() - interval '30 days' LIMIT 20000)",
    "DELETE FROM idempotency_keys WHERE expires_at < now()",
)


async def wake_lanes() -> None:
    """Devices that may send now, have something to send, and whose lease is free."""
    async with system_unit_of_work() as uow:
        for row in await uow.session.execute(_LANES, {"again": WAKE_AGAIN_S}):
            actor = "lane.reply" if row.has_reply else "lane.run"
            uow.enqueue(actor, tenant_id=row.tenant_id, device_id=row.id)


async def wake_inbound() -> None:
    """Tenants with stored events that are due."""
    async with system_unit_of_work() as uow:
        for row in await uow.session.execute(_EVENTS):
            uow.enqueue("inbound.process", tenant_id=row.tenant_id)


async def give_up_orphans(wait_s: float) -> None:
    """Rows of lanes whose lease has run out become unknown, also when no lane comes to see them."""
    async with system_unit_of_work() as uow:
        found = [(row.tenant_id, row.id) for row in await uow.session.execute(_ORPHANS)]
    for tenant_id, device_id in found:
        async with unit_of_work(Principal.system(tenant_id)) as tenant:
            conn = await tenant.driver()
            # The lease row is locked, so that a lane that takes it now waits and sees what was written.
            epoch = await conn.fetchval(
                "SELECT CASE WHEN lease_until >= now() THEN lease_epoch END FROM devices "
                "WHERE tenant_id = $1 AND id = $2 FOR SHARE", tenant_id, device_id,
            )  # fmt: skip
            orphans = await ledger.give_up_orphans(conn, tenant_id, device_id, epoch, wait_s)
            if orphans:
                await caps.lost(conn, tenant_id, device_id, orphans)


async def wake_reconcile() -> None:
    """Devices with unknown rows that have waited for their echo long enough."""
    async with system_unit_of_work() as uow:
        for row in await uow.session.execute(_UNKNOWN):
            uow.enqueue("reconcile.run", tenant_id=row.tenant_id, device_id=row.device_id)


async def expire() -> None:
    """Skip rows whose time has passed, also where no lane comes to see them."""
    async with system_unit_of_work() as uow:
        await uow.session.execute(_EXPIRED_DIRECT)
        expired = [(row.tenant_id, row.id) for row in await uow.session.execute(_EXPIRED)]
    for tenant_id, campaign_id in expired:
        await _expire(tenant_id, campaign_id)


async def _expire(tenant_id: UUID, campaign_id: UUID) -> None:
    while True:
        async with unit_of_work(Principal.system(tenant_id)) as tenant:
            if await ledger.expire_planned(tenant, campaign_id) < ledger.CHUNK:
                return


async def tidy() -> None:
    """Remove what nobody will ask for again."""
    for statement in _TIDY:
        async with system_unit_of_work() as uow:
            await _run(uow, statement)


async def _run(uow: SystemUnitOfWork, statement: str) -> None:
    await uow.session.execute(text(statement))
