"""The actor that finds out what became of unknown messages."""

from uuid import UUID

from tasks.broker import actor
from wa_app.channels import registry
from wa_app.kit.turns import Turns
from wa_app.sending.reconcile import reconcile_device

TURNS = Turns(each=2, total=6)
"""It waits for WAHA, which may hang: it must not hold the threads that work off webhooks."""


@actor("reconcile.run", max_retries=0, time_limit=300_000, max_age=60_000)
async def reconcile_run(tenant_id: str, device_id: str) -> None:
    """Look up a device's unknown messages in their chats. Never retried: the sweep wakes it again."""
    with TURNS.take(tenant_id) as turn:
        if turn is not None:
            await reconcile_device(UUID(tenant_id), UUID(device_id), registry.channel)
