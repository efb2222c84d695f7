"""Actors of campaigns. Ids in; both go on where a killed one stopped."""

from uuid import UUID

from tasks.broker import actor
from wa_app.sending import planning
from wa_app.services import campaigns

PLAN_LIMIT_MS = 3_600_000
"""Planning is a loop of short transactions; the limit only ends what hangs."""


@actor("campaign.plan", max_retries=3, time_limit=PLAN_LIMIT_MS)
async def campaign_plan(tenant_id: str, campaign_id: str) -> None:
    """Plan the recipients of a campaign to the end, or until it is paused or cancelled."""
    await planning.plan(UUID(tenant_id), UUID(campaign_id))


@actor("campaign.settle", max_retries=3, time_limit=PLAN_LIMIT_MS)
async def campaign_settle(tenant_id: str, campaign_id: str) -> None:
    """Cancel the rows that a cancelled campaign still has waiting."""
    await campaigns.settle(UUID(tenant_id), UUID(campaign_id))
