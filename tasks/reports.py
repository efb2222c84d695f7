"""Actors of the pre-flight and of reports. Ids in; each goes on where a killed one stopped."""

from uuid import UUID

from tasks.broker import actor
from wa_app.channels import registry
from wa_app.services.campaigns import addresses, lookups, snapshots
from wa_app.services.reports import exporting


@actor("links.check", max_retries=0, time_limit=300_000, max_age=60_000)
async def links_check(tenant_id: str) -> None:
    """Ask the addresses that stand in a tenant's messages. Never retried: the sweep wakes it again."""
    await addresses.check(UUID(tenant_id))


@actor("numbers.check", max_retries=0, time_limit=120_000, max_age=60_000)
async def numbers_check(tenant_id: str, job_id: str) -> None:
    """Look up numbers of an audience for a while. Never retried: the sweep wakes it again."""
    await lookups.run(UUID(tenant_id), UUID(job_id), registry.channel)


@actor("report.compute", max_retries=0, time_limit=600_000, max_age=120_000)
async def report_compute(tenant_id: str, campaign_id: str) -> None:
    """Count a large campaign's figures anew. Never retried: the sweep asks again while somebody wants them."""
    await snapshots.compute(UUID(tenant_id), UUID(campaign_id))


@actor("report.export", max_retries=0, time_limit=3_600_000, max_age=86_400_000)
async def report_export(tenant_id: str, job_id: str) -> None:
    """Write a report to a file, or go on with it. Never retried: the sweep wakes it again."""
    await exporting.run(UUID(tenant_id), UUID(job_id))
