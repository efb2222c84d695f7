"""`/api/v1/teams`: people who share conversations."""

from uuid import UUID

from wa_app.api.deps import Uow
from wa_app.api.paging import Page
from wa_app.api.routing import router
from wa_app.schemas.teams import TeamCreate, TeamUpdate, TeamView
from wa_app.services import teams

routes = router("/teams", "teams")


@routes.get("")
async def list_teams(uow: Uow) -> Page[TeamView]:
    """All teams by name, with their people and how much they have to do."""
    items = await teams.list_(uow)
    return Page(items=items, total=len(items))


@routes.post("", status_code=201)
async def create(uow: Uow, body: TeamCreate) -> TeamView:
    """Make a team."""
    return await teams.create(uow, body.name, body.user_ids)


@routes.get("/{team_id}")
async def show(uow: Uow, team_id: UUID) -> TeamView:
    """One team."""
    return await teams.get(uow, team_id)


@routes.patch("/{team_id}")
async def update(uow: Uow, team_id: UUID, body: TeamUpdate) -> TeamView:
    """Another name, or exactly these people; what is not given stays."""
    if body.name is not None:
        await teams.rename(uow, team_id, body.name)
    if body.user_ids is not None:
        await teams.set_members(uow, team_id, body.user_ids)
    return await teams.get(uow, team_id)


@routes.delete("/{team_id}", status_code=204)
async def delete(uow: Uow, team_id: UUID) -> None:
    """Delete a team; its conversations belong to none then, and its people stay."""
    await teams.remove(uow, team_id)
