"""The actor that works off stored webhooks."""

from uuid import UUID

from tasks.broker import actor
from wa_app.inbound.process import process_tenant
from wa_app.kit.turns import Turns

TURNS = Turns(each=2)
"""One tenant's flood of webhooks may hold two threads, and gives way every second."""


@actor("inbound.process", max_retries=0, time_limit=120_000, max_age=60_000, priority=-5)
async def inbound_process(tenant_id: str) -> None:
    """Process what is due for a tenant. Never retried: the sweep wakes it again."""
    with TURNS.take(tenant_id) as turn:
        if turn is not None:
            await process_tenant(UUID(tenant_id), turn.called_again)
