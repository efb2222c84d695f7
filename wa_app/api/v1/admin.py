"""`/api/v1/admin`: how the machinery runs, for platform admins. Everybody else is refused."""

from typing import Annotated

from fastapi import Depends

from wa_app.api.deps import CurrentPrincipal
from wa_app.api.routing import router
from wa_app.schemas.admin import Changed, DeadLetters, JobLine, LedgerView, Picked, QueuesView
from wa_app.services import admin
from wa_app.services.admin import Admin

routes = router("/admin", "admin")


async def _admin(principal: CurrentPrincipal) -> Admin:
    return await admin.enter(principal)


CurrentAdmin = Annotated[Admin, Depends(_admin)]


@routes.get("/queues")
async def queues(who: CurrentAdmin) -> QueuesView:
    """The queues of the workers: waiting, delayed, in work, age, rate."""
    return await admin.queues(who)


@routes.get("/ledger")
async def ledger(who: CurrentAdmin) -> LedgerView:
    """Due rows by age, lanes, and the tenants with the most waiting."""
    return await admin.ledger(who)


@routes.get("/jobs")
async def jobs(who: CurrentAdmin) -> list[JobLine]:
    """The scheduler's jobs with their last runs."""
    return await admin.jobs(who)


@routes.post("/jobs/{name}/run", status_code=202)
async def run_job(name: str, who: CurrentAdmin) -> None:
    """Let a job run now."""
    await admin.run_now(who, name)


@routes.get("/dead-letters")
async def dead_letters(who: CurrentAdmin) -> DeadLetters:
    """Work that was given up, newest first, with the reason."""
    return await admin.dead_letters(who)


@routes.post("/dead-letters/retry")
async def retry(data: Picked, who: CurrentAdmin) -> Changed:
    """Try one again, or all of a source."""
    return Changed(n=await admin.retry(who, data.source, data.id))


@routes.post("/dead-letters/drop")
async def drop(data: Picked, who: CurrentAdmin) -> Changed:
    """Put one out of sight for good, or all of a source."""
    return Changed(n=await admin.drop(who, data.source, data.id))
