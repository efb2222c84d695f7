"""`/api/v1/agent/trials`: chats kept as test cases, and runs of them against a draft or a version."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from wa_app.api.deps import Uow
from wa_app.api.paging import Page
from wa_app.api.routing import router
from wa_app.schemas.agent_trials import RunRequest, RunView, TrialCreate, TrialUpdate, TrialView
from wa_app.services import agent_trials

routes = router("/agent/trials", "agent")


@routes.get("")
async def list_trials(
    uow: Uow, agent_id: Annotated[UUID | None, Query(description="Left out: the tenant's first agent.")] = None
) -> Page[TrialView]:
    """Test cases of an agent, oldest first."""
    items = await agent_trials.list_(uow, agent_id)
    return Page(items=items, next_cursor=None, total=len(items))


@routes.post("", status_code=201)
async def create(uow: Uow, body: TrialCreate) -> TrialView:
    """Keep a chat as a test case."""
    return await agent_trials.create(uow, body)


@routes.post("/run", status_code=202)
async def run(uow: Uow, body: RunRequest) -> RunView:
    """Ask all cases of the draft or of a version; poll the run for what it saw."""
    return await agent_trials.request(uow, body)


@routes.get("/runs/{trial_run_id}")
async def show_run(uow: Uow, trial_run_id: UUID) -> RunView:
    """A run: its cases with what they saw, which expectations held, and what changed against the run before."""
    return await agent_trials.get_run(uow, trial_run_id)


@routes.post("/runs/{trial_run_id}/cancel")
async def cancel(uow: Uow, trial_run_id: UUID) -> RunView:
    """Stop a run; what it saw stays."""
    return await agent_trials.cancel(uow, trial_run_id)


@routes.get("/{trial_id}")
async def show(uow: Uow, trial_id: UUID) -> TrialView:
    """One test case."""
    return await agent_trials.get(uow, trial_id)


@routes.patch("/{trial_id}")
async def update(uow: Uow, trial_id: UUID, body: TrialUpdate) -> TrialView:
    """Change the name, the note or what is expected."""
    return await agent_trials.update(uow, trial_id, body)


@routes.delete("/{trial_id}", status_code=204)
async def delete(uow: Uow, trial_id: UUID) -> None:
    """Take a case away."""
    await agent_trials.remove(uow, trial_id)
