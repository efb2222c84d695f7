"""Who may be given a conversation: names only, for everybody who reads conversations."""

from typing import Final

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.conversations import Colleague, TeamName

MOST: Final = 200

_COLLEAGUES = """
SELECT u.id, u.name FROM memberships p
JOIN roles r ON r.tenant_id = p.tenant_id AND r.id = p.role_id AND r.verbs @> ARRAY['messages.send']
JOIN users u ON u.id = p.user_id
WHERE p.tenant_id = $1 ORDER BY lower(u.name), u.id LIMIT $2
"""
_TEAMS = "SELECT id, name FROM teams WHERE tenant_id = $1 ORDER BY folded LIMIT $2"


async def colleagues(uow: TenantUnitOfWork) -> list[Colleague]:
    """People of the tenant whose role may answer, by name."""
    uow.require("messages.read")
    conn = await uow.driver()
    return [Colleague(**dict(row)) for row in await conn.fetch(_COLLEAGUES, uow.tenant_id, MOST)]


async def team_names(uow: TenantUnitOfWork) -> list[TeamName]:
    """The tenant's teams, by name."""
    uow.require("messages.read")
    conn = await uow.driver()
    return [TeamName(**dict(row)) for row in await conn.fetch(_TEAMS, uow.tenant_id, MOST)]
