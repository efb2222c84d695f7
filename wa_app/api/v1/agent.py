"""`/api/v1/agent` (the tenant's first agent) and `/api/v1/agents` (all of them): draft, versions, publishing."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from wa_app.api.deps import Uow
from wa_app.api.paging import ListingDep, Page, pack
from wa_app.api.routing import router
from wa_app.schemas.agent_views import (
    AgentCreate,
    AgentPublish,
    AgentRollback,
    AgentUpdate,
    AgentView,
    DeviceAgent,
    VersionView,
)
from wa_app.services import agents

routes = router("/agents", "agents")
default_routes = router("/agent", "agents")

Before = Annotated[int | None, Query(ge=1, description="Versions with a smaller number.")]
Limit = Annotated[int, Query(ge=1, le=200)]


@routes.get("")
async def list_agents(uow: Uow, listing: ListingDep) -> Page[AgentView]:
    """The tenant's agents, oldest first; the first is the one `/agent` speaks of."""
    items, after, total = await agents.list_(uow, q=listing.q, after=listing.after_id, limit=listing.limit)
    return Page(items=items, next_cursor=pack(after) if after else None, total=total)


@routes.post("", status_code=201)
async def create(uow: Uow, body: AgentCreate) -> AgentView:
    """A new agent from a preset. It answers nobody before it is published."""
    return await agents.create(uow, body)


@routes.get("/devices")
async def by_device(uow: Uow) -> list[DeviceAgent]:
    """Which agent answers on which number. The one that names a number most narrowly wins."""
    return await agents.by_device(uow)


@routes.get("/{agent_id}")
async def show(uow: Uow, agent_id: UUID) -> AgentView:
    """One agent: its draft, what is live, and how they differ."""
    return await agents.get(uow, agent_id)


@routes.patch("/{agent_id}")
async def update(uow: Uow, agent_id: UUID, body: AgentUpdate) -> AgentView:
    """Change the draft, or switch the agent on or off."""
    return await agents.update(uow, agent_id, body)


@routes.delete("/{agent_id}", status_code=204)
async def delete(uow: Uow, agent_id: UUID) -> None:
    """Put it away; it stops answering at once and can be brought back for 30 days."""
    await agents.remove(uow, [agent_id])


@routes.post("/{agent_id}/restore")
async def restore(uow: Uow, agent_id: UUID) -> AgentView:
    """Bring it back."""
    await agents.restore(uow, [agent_id])
    return await agents.get(uow, agent_id)


@routes.post("/{agent_id}/duplicate", status_code=201)
async def duplicate(uow: Uow, agent_id: UUID) -> AgentView:
    """A copy of the draft."""
    return await agents.duplicate(uow, agent_id)


@routes.post("/{agent_id}/publish")
async def publish(uow: Uow, agent_id: UUID, body: AgentPublish) -> AgentView:
    """Let the draft answer customers from now on."""
    return await agents.publish(uow, agent_id, body)


@routes.post("/{agent_id}/rollback")
async def roll_back(uow: Uow, agent_id: UUID, body: AgentRollback) -> AgentView:
    """Publish an old version again, under a new number. The draft stays."""
    return await agents.roll_back(uow, agent_id, body)


@routes.get("/{agent_id}/versions")
async def list_versions(uow: Uow, agent_id: UUID, before: Before = None, limit: Limit = 50) -> list[VersionView]:
    """Published versions, newest first, with what each changed."""
    return await agents.versions(uow, agent_id, before=before, limit=limit)


@default_routes.get("")
async def show_default(uow: Uow) -> AgentView:
    """The tenant's first agent."""
    return await agents.default(uow)


@default_routes.patch("")
async def update_default(uow: Uow, body: AgentUpdate) -> AgentView:
    """Change the draft of the tenant's first agent."""
    return await agents.update(uow, await agents.default_id(uow), body)


@default_routes.post("/publish")
async def publish_default(uow: Uow, body: AgentPublish) -> AgentView:
    """Let the first agent's draft answer customers from now on."""
    return await agents.publish(uow, await agents.default_id(uow), body)


@default_routes.post("/rollback")
async def roll_back_default(uow: Uow, body: AgentRollback) -> AgentView:
    """Publish an old version of the first agent again."""
    return await agents.roll_back(uow, await agents.default_id(uow), body)


@default_routes.get("/versions")
async def list_default_versions(uow: Uow, before: Before = None, limit: Limit = 50) -> list[VersionView]:
    """Published versions of the first agent."""
    return await agents.versions(uow, await agents.default_id(uow), before=before, limit=limit)
