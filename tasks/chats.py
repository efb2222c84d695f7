"""Actors of long work on conversations. Ids in; each goes on where a killed one stopped."""

from uuid import UUID

from tasks.broker import actor
from wa_app.services import chat_jobs


@actor("chats.work", max_retries=0, time_limit=3_600_000, max_age=86_400_000)
async def chats_work(tenant_id: str, job_id: str) -> None:
    """Write conversations to a file, or delete many. Never retried: the sweep wakes it again."""
    await chat_jobs.run(UUID(tenant_id), UUID(job_id))
