"""The actors behind groups: asking for them, taking their members over."""

from uuid import UUID

from tasks.broker import actor
from wa_app.channels import registry
from wa_app.schemas.principal import Principal
from wa_app.services import groups


@actor("groups.fetch", max_retries=1, time_limit=180_000, max_age=600_000)
async def groups_fetch(tenant_id: str, device_id: str) -> None:
    """Ask a device for its groups. Twice does no harm."""
    await groups.fetch(Principal.system(UUID(tenant_id)), UUID(device_id), registry.channel)


@actor("groups.members", max_retries=1, time_limit=120_000, max_age=600_000)
async def groups_members(tenant_id: str, conversation_id: str) -> None:
    """Ask who is in a group, as somebody looks at it. Twice does no harm."""
    await groups.fetch_members(Principal.system(UUID(tenant_id)), UUID(conversation_id), registry.channel)


@actor("grab.run", max_retries=2, time_limit=3_600_000, max_age=86_400_000)
async def grab_run(tenant_id: str, grab_id: str) -> None:
    """Take groups over, or go on with it: the job's lease lets one worker in."""
    await groups.run(Principal.system(UUID(tenant_id)), UUID(grab_id), registry.channel)
