"""What stands around an agent on its page: numbers, documents, models, and what it did today."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.kit.ids import id_floor
from wa_app.schemas.agent_views import AgentView

MAX_SHOWN = 200

_DEVICES = text("""
    SELECT id, name, phone, status FROM devices WHERE tenant_id = :t AND deleted_at IS NULL ORDER BY id LIMIT :n
""")
# What is being read or has failed comes first: the rest of a long list is looked up on its own page.
_DOCUMENTS = text("""
    SELECT id, name, kind, status, chunks, done, total FROM knowledge_documents
    WHERE tenant_id = :t AND deleted_at IS NULL ORDER BY status = 'ready', id DESC LIMIT :n
""")
_PROVIDERS = text("""
    SELECT id, name, model FROM ai_providers WHERE is_active AND deleted_at IS NULL
    ORDER BY tenant_id NULLS LAST, priority, id LIMIT 50
""")
_DAY = text("SELECT date_trunc('day', now(), time_zone) FROM tenants WHERE id = :t")
# Ids are UUIDv7: turns since midnight are a range of the key (tenant_id, id).
_TODAY = text("""
    SELECT agent_id, count(*) FILTER (WHERE state = 'answered') AS answered,
           count(*) FILTER (WHERE decision ->> 'handover' = 'true') AS handed_over
    FROM answer_turns WHERE tenant_id = :t AND id >= :floor AND agent_id IS NOT NULL GROUP BY agent_id
""")
_LAST = text("SELECT coalesce(max(number), 0) FROM agent_versions WHERE tenant_id = :t AND agent_id = :a")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Plain rows for the page."""

    devices: list[dict[str, Any]]
    documents: list[dict[str, Any]]
    providers: list[list[str]]
    answered: int
    handed_over: int
    last_version: int


async def of(uow: TenantUnitOfWork, view: AgentView) -> Surroundings:
    """Everything but the agent itself. Raises Forbidden without `agent.read`."""
    uow.require("agent.read")
    answered, handed_over = (await today(uow)).get(view.id, (0, 0))
    last = await uow.session.scalar(_LAST, {"t": uow.tenant_id, "a": view.id})
    return Surroundings(
        await _devices(uow), await _documents(uow), await _providers(uow), answered, handed_over, int(last or 0)
    )


async def today(uow: TenantUnitOfWork) -> dict[UUID, tuple[int, int]]:
    """Agent → answers since midnight, and how many talks it handed over."""
    uow.require("agent.read")
    day = await uow.session.scalar(_DAY, {"t": uow.tenant_id})
    if day is None:
        return {}
    rows = await uow.session.execute(_TODAY, {"t": uow.tenant_id, "floor": id_floor(day)})
    return {row.agent_id: (row.answered, row.handed_over) for row in rows}


async def device_names(uow: TenantUnitOfWork) -> dict[UUID, str]:
    """Names of the tenant's numbers."""
    uow.require("agent.read")
    rows = await uow.session.execute(_DEVICES, {"t": uow.tenant_id, "n": MAX_SHOWN})
    return {row.id: row.name for row in rows}


async def _devices(uow: TenantUnitOfWork) -> list[dict[str, Any]]:
    rows = await uow.session.execute(_DEVICES, {"t": uow.tenant_id, "n": MAX_SHOWN})
    return [{"id": str(row.id), "name": row.name, "phone": row.phone or "", "status": row.status} for row in rows]


async def _documents(uow: TenantUnitOfWork) -> list[dict[str, Any]]:
    rows = await uow.session.execute(_DOCUMENTS, {"t": uow.tenant_id, "n": MAX_SHOWN})
    return [
        {"id": str(row.id), "name": row.name, "kind": row.kind, "status": row.status, "chunks": row.chunks,
         "done": row.done, "total": row.total}
        for row in rows
    ]  # fmt: skip


async def _providers(uow: TenantUnitOfWork) -> list[list[str]]:
    rows = await uow.session.execute(_PROVIDERS)
    return [[str(row.id), row.name if row.model in ("", row.name) else f"{row.name} · {row.model}"] for row in rows]
