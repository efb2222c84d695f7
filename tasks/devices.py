"""The actors behind linked numbers."""

from uuid import UUID

from tasks.broker import actor
from wa_app.channels import registry
from wa_app.services import devices


@actor("device.provision", max_retries=0, time_limit=120_000)
async def device_provision(tenant_id: str, device_id: str) -> None:
    """Do at WAHA what the device's row wants. Never retried here: the want stays on the row, the probe wakes it."""
    await devices.provision(UUID(tenant_id), UUID(device_id), registry.channel)


@actor("device.probe", max_retries=0, time_limit=120_000, max_age=60_000)
async def device_probe(device_id: str | None = None, tenant_id: str | None = None) -> None:
    """Compare devices with their sessions: all of them (every 30 s), one, or one tenant's."""
    await devices.probe(
        registry.channel, UUID(device_id) if device_id else None, UUID(tenant_id) if tenant_id else None
    )
