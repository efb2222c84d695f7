"""The actor behind the lanes."""

from uuid import UUID

from tasks.broker import actor
from wa_app.channels import registry
from wa_app.config import get_settings
from wa_app.sending import files, lanes


@actor("lane.run", max_retries=0, time_limit=300_000, max_age=120_000)
async def lane_run(tenant_id: str, device_id: str) -> None:
    """Work one slice of a device's lane. Never retried: the sweep wakes the lane again."""
    await _slice(tenant_id, device_id)


@actor("lane.reply", max_retries=0, time_limit=300_000, max_age=120_000, priority=-10)
async def lane_reply(tenant_id: str, device_id: str) -> None:
    """The same for a device with a reply to send: a queue of its own, before every broadcast that waits."""
    await _slice(tenant_id, device_id)


async def _slice(tenant_id: str, device_id: str) -> None:
    wait_s = get_settings().reconcile_wait_s
    await lanes.run_lane(UUID(tenant_id), UUID(device_id), registry.channel, files.loader, wait_s)
