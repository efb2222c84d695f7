"""The actors behind knowledge: indexing documents, keeping vectors the same as passages."""

from uuid import UUID

from tasks.broker import actor
from wa_app.ai.knowledge.sync import sync
from wa_app.db import unit_of_work
from wa_app.kit.turns import Turns
from wa_app.schemas.principal import Principal
from wa_app.services import knowledge

DOCUMENTS = Turns(each=2)
"""Two documents of a tenant at a time: a long scan does not hold up a question typed by hand."""
VECTORS = Turns(each=1)


@actor("knowledge.index", max_retries=2, time_limit=3_600_000, max_age=3_600_000)
async def knowledge_index(tenant_id: str) -> None:
    """Index what is due of a tenant. Running it twice does no harm: each document's lease lets one in."""
    principal = Principal.system(UUID(tenant_id))
    with DOCUMENTS.take(tenant_id) as turn:
        if turn is None:
            return
        gave_way = await knowledge.run_due(principal)
    if gave_way:
        async with unit_of_work(principal) as uow:
            uow.enqueue("knowledge.index", tenant_id=principal.tenant_id)


@actor("knowledge.sync", max_retries=2, time_limit=3_600_000, max_age=3_600_000)
async def knowledge_sync(tenant_id: str) -> None:
    """Put and remove vectors until they are the same as the passages."""
    principal = Principal.system(UUID(tenant_id))
    with VECTORS.take(tenant_id) as turn:
        if turn is None:
            return
        await sync(principal)
        if turn.called_again():
            await sync(principal)
