"""Actors of campaigns. Ids in; all go on where a killed one stopped."""

from uuid import UUID

from tasks.broker import actor
from wa_app import queues
from wa_app.db import redis_client
from wa_app.kit.turns import Turns
from wa_app.sending import planning
from wa_app.services import campaigns
from wa_app.services.campaigns import variants

PLAN_LIMIT_MS = 3_600_000
"""Planning is a loop of short transactions; the limit only ends what hangs."""
SLICE_S = 3.0
"""How long a planner goes on before other tenants' messages have the thread."""
AGAIN_MS = 1_000
PLANS = Turns(each=1, total=4)
SETTLES = Turns(each=1, total=2)


@actor("campaign.plan", max_retries=3, time_limit=PLAN_LIMIT_MS)
async def campaign_plan(tenant_id: str, campaign_id: str) -> None:
    """Plan a slice of a campaign's recipients; it comes again until all are planned, or it is paused or cancelled."""
    with PLANS.take(tenant_id) as turn:
        if turn is not None:
            await planning.plan(UUID(tenant_id), UUID(campaign_id), slice_s=SLICE_S)
            return
    again = queues.Job("campaign.plan", {"tenant_id": tenant_id, "campaign_id": campaign_id}, AGAIN_MS)
    await queues.send(redis_client(), [again])


@actor("campaign.freeze", max_retries=3, time_limit=PLAN_LIMIT_MS)
async def campaign_freeze(tenant_id: str, campaign_id: str) -> None:
    """Write down the people of a scheduled campaign whose audience is frozen."""
    await planning.freeze_due(UUID(tenant_id), UUID(campaign_id))


@actor("campaign.settle", max_retries=3, time_limit=PLAN_LIMIT_MS)
async def campaign_settle(tenant_id: str, campaign_id: str) -> None:
    """Cancel the rows that a cancelled campaign still has waiting. Turned away, the sweep wakes it again."""
    with SETTLES.take(tenant_id) as turn:
        if turn is not None:
            await campaigns.settle(UUID(tenant_id), UUID(campaign_id))


@actor("campaign.release", max_retries=3, time_limit=PLAN_LIMIT_MS)
async def campaign_release(tenant_id: str, campaign_id: str) -> None:
    """Give the winning text to the recipients who waited for it."""
    await variants.release(UUID(tenant_id), UUID(campaign_id))
