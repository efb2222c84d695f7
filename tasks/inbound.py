"""The actor that works off stored webhooks."""

from uuid import UUID

from tasks.broker import actor
from wa_app.inbound.process import process_tenant


@actor("inbound.process", max_retries=0, time_limit=120_000, max_age=60_000)
async def inbound_process(tenant_id: str) -> None:
    """Process what is due for a tenant. Never retried: the sweep wakes it again."""
    await process_tenant(UUID(tenant_id))
