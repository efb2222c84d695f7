"""Home in numbers, from counters and bounded index ranges only."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.kit.ids import id_floor
from wa_app.models.outbound import MessageState
from wa_app.schemas.overview import BroadcastLine, DeviceLine, Job, Overview

MAX_BROADCASTS = 5
MAX_DEVICES = 8
MAX_JOBS = 5

# Contacts in the order of their key: a bare EXISTS makes the planner read the table from its start, past
# every other tenant's rows, when this tenant is a large part of it.
_STEPS = text("""
    SELECT EXISTS (SELECT 1 FROM devices WHERE tenant_id = :t AND deleted_at IS NULL AND status = 'CONNECTED') AS device,
           (SELECT id FROM contacts WHERE tenant_id = :t AND deleted_at IS NULL ORDER BY id LIMIT 1) IS NOT NULL
               AS contacts,
           EXISTS (SELECT 1 FROM campaigns WHERE tenant_id = :t AND deleted_at IS NULL AND started_at IS NOT NULL)
               AS broadcast,
           EXISTS (SELECT 1 FROM knowledge_documents WHERE tenant_id = :t AND deleted_at IS NULL) AS knowledge,
           date_trunc('day', now(), (SELECT time_zone FROM tenants WHERE id = :t)) AS day
""")

_SENT = text("""
    SELECT coalesce(sum(used), 0) FROM device_usage
    WHERE tenant_id = :t AND period = 'day' AND starts_at > now() - interval '1 day'
""")

# Ids are UUIDv7: those made since midnight are a range of the key (tenant_id, id).
_INCOMING = text("""
    SELECT count(*) FROM messages WHERE tenant_id = :t AND id >= :floor AND direction = 'INBOUND'
""")

_STATES_TODAY = text("""
    SELECT k.state, sum(k.n) AS n
    FROM campaigns c JOIN campaign_counters k ON k.tenant_id = c.tenant_id AND k.campaign_id = c.id
    WHERE c.tenant_id = :t AND c.deleted_at IS NULL AND (c.started_at >= :day OR c.status = 'PROCESSING')
    GROUP BY k.state
""")

_BROADCASTS = text("""
    SELECT id, name, status, pause_reason, scheduled_at FROM campaigns
    WHERE tenant_id = :t AND deleted_at IS NULL AND status IN ('PENDING', 'PROCESSING', 'PAUSED')
    ORDER BY status = 'PROCESSING' DESC, id DESC LIMIT :n
""")

_COUNTS = text("""
    SELECT campaign_id, state, sum(n) AS n FROM campaign_counters
    WHERE tenant_id = :t AND campaign_id = ANY(:ids) GROUP BY campaign_id, state
""")

_DEVICES = text("""
    SELECT d.id, d.name, d.phone, d.status, d.status_changed_at, (d.pacing->>'per_day')::int AS cap, d.guard,
           coalesce((SELECT sum(u.used) FROM device_usage u WHERE u.tenant_id = d.tenant_id AND u.device_id = d.id
                     AND u.period = 'day' AND u.starts_at > now() - interval '1 day'), 0) AS used
    FROM devices d WHERE d.tenant_id = :t AND d.deleted_at IS NULL
    ORDER BY d.status = 'CONNECTED', d.guard = 'none', d.id LIMIT :n
""")

_IMPORTS = text("""
    SELECT id, file_name, processed, total, kind FROM import_jobs
    WHERE tenant_id = :t AND status IN ('queued', 'running') AND NOT dry_run ORDER BY id DESC LIMIT :n
""")

_GRABS = text("""
    SELECT id, groups->0->>'name' AS name, processed, total FROM group_grabs
    WHERE tenant_id = :t AND status IN ('queued', 'running') ORDER BY id DESC LIMIT :n
""")


_IMPORT_KINDS = {"contacts": "import", "blacklist": "blacklist", "auto_replies": "rules"}


async def get_overview(uow: TenantUnitOfWork) -> Overview:
    """Everything Home shows. Raises Forbidden without `campaigns.read`."""
    uow.require("campaigns.read")
    tenant = {"t": uow.tenant_id}
    steps = (await uow.session.execute(_STEPS, tenant)).one()
    states = {row.state: row.n for row in await uow.session.execute(_STATES_TODAY, tenant | {"day": steps.day})}
    incoming = await uow.session.scalar(_INCOMING, tenant | {"floor": id_floor(steps.day)})
    sent = await uow.session.scalar(_SENT, tenant)
    return Overview(
        has_device=steps.device,
        has_contacts=steps.contacts,
        has_broadcast=steps.broadcast,
        has_knowledge=steps.knowledge,
        sent=int(sent or 0),
        read_percent=_read_percent(states),
        incoming=int(incoming or 0),
        failed=int(states.get("failed", 0)),
        broadcasts=await _broadcasts(uow),
        devices=await _devices(uow),
    )


def _read_percent(states: dict[str, Any]) -> float | None:
    read = int(states.get("read", 0)) + int(states.get("played", 0))
    gone = read + int(states.get("sent", 0)) + int(states.get("delivered", 0))
    return round(read * 100 / gone, 1) if gone else None


async def list_jobs(uow: TenantUnitOfWork) -> list[Job]:
    """Imports, groups being taken over and broadcasts under way, newest first. Raises Forbidden without `campaigns.read`."""
    uow.require("campaigns.read")
    imports = await uow.session.execute(_IMPORTS, {"t": uow.tenant_id, "n": MAX_JOBS})
    jobs = [Job(_IMPORT_KINDS[row.kind], row.id, row.file_name, row.processed, row.total) for row in imports]
    grabs = await uow.session.execute(_GRABS, {"t": uow.tenant_id, "n": MAX_JOBS})
    jobs += [Job("grab", row.id, row.name or "", row.processed, row.total or None) for row in grabs]
    running = [line for line in await _broadcasts(uow) if line.status == "PROCESSING"]
    return jobs + [Job("campaign", line.id, line.name, line.done, line.total) for line in running]


async def _broadcasts(uow: TenantUnitOfWork) -> list[BroadcastLine]:
    rows = (await uow.session.execute(_BROADCASTS, {"t": uow.tenant_id, "n": MAX_BROADCASTS})).all()
    found = await uow.session.execute(_COUNTS, {"t": uow.tenant_id, "ids": [row.id for row in rows]})
    counts: dict[UUID, dict[str, int]] = {row.id: {state.value: 0 for state in MessageState} for row in rows}
    for row in found:
        counts[row.campaign_id][row.state] = int(row.n)
    return [
        BroadcastLine(row.id, row.name, row.status, counts[row.id], row.pause_reason, row.scheduled_at) for row in rows
    ]


async def _devices(uow: TenantUnitOfWork) -> list[DeviceLine]:
    rows = await uow.session.execute(_DEVICES, {"t": uow.tenant_id, "n": MAX_DEVICES})
    return [
        DeviceLine(row.id, row.name, row.phone, row.status, row.status_changed_at, int(row.used), row.cap, row.guard) for row in rows
    ]
