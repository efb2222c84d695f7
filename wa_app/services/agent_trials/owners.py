"""Whether what a test case names belongs to the tenant."""

from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.services import agents
from wa_app.services.agents.reading import find

_HAS = {
    "knowledge_documents": text("SELECT 1 FROM knowledge_documents WHERE tenant_id = :t AND id = :id"),
    "auto_replies": text("SELECT 1 FROM auto_replies WHERE tenant_id = :t AND id = :id"),
}


async def agent(uow: TenantUnitOfWork, agent_id: UUID | None) -> UUID:
    """The agent that is meant, without an id the tenant's first. Raises NotFound."""
    return await agents.default_id(uow) if agent_id is None else (await find(uow, agent_id)).id


async def has(uow: TenantUnitOfWork, table: str, row_id: UUID) -> bool:
    """Whether the tenant has such a document or rule."""
    return (await uow.session.execute(_HAS[table], {"t": uow.tenant_id, "id": row_id})).first() is not None
