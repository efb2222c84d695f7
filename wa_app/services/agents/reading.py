"""Agents as they are shown: rows with what is live and what is not published yet."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlmodel import col

from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.models.agents import Agent, AgentVersion
from wa_app.schemas.agent_views import AgentView, LiveVersion, VersionView
from wa_app.schemas.agents import AgentConfig
from wa_app.services.agents.choosing import by_device
from wa_app.services.agents.comparing import diff

PAGE, MAX_PAGE = 50, 200


async def list_(
    uow: TenantUnitOfWork, *, q: str = "", after: UUID | None = None, limit: int = PAGE
) -> tuple[list[AgentView], UUID | None, int]:
    """A page of agents, oldest first (the first is the tenant's default): items, where the next begins, how many."""
    uow.require("agent.read")
    where: list[ColumnElement[bool]] = [col(Agent.deleted_at).is_(None)]
    if q.strip():
        where.append(func.lower(col(Agent.name)).contains(q.strip().lower(), autoescape=True))
    size = min(limit, MAX_PAGE)
    query = select(Agent).where(*where).order_by(col(Agent.id)).limit(size + 1)
    if after is not None:
        query = query.where(col(Agent.id) > after)
    rows = (await uow.session.execute(query)).scalars().all()
    total = (await uow.session.execute(select(func.count()).select_from(Agent).where(*where))).scalar_one()
    return await views(uow, rows[:size]), rows[size - 1].id if len(rows) > size else None, total


async def get(uow: TenantUnitOfWork, agent_id: UUID) -> AgentView:
    """One agent."""
    uow.require("agent.read")
    return (await views(uow, [await find(uow, agent_id)]))[0]


async def default(uow: TenantUnitOfWork) -> AgentView:
    """The tenant's first agent. NotFound("agent_missing") where there is none yet."""
    return await get(uow, await default_id(uow))


async def default_id(uow: TenantUnitOfWork) -> UUID:
    """Id of the tenant's first agent."""
    uow.require("agent.read")
    query = select(col(Agent.id)).where(col(Agent.deleted_at).is_(None)).order_by(col(Agent.id)).limit(1)
    found: UUID | None = (await uow.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound("agent_missing")
    return found


async def config_of(uow: TenantUnitOfWork, agent_id: UUID, version: int | None = None) -> tuple[int, AgentConfig]:
    """A version's number and configuration; None: the live one, else the draft. 0 is the draft."""
    uow.require("agent.read")
    agent = await find(uow, agent_id)
    number = (agent.live_version or 0) if version is None else version
    if number == 0:
        return 0, AgentConfig.model_validate(agent.draft)
    return number, AgentConfig.model_validate((await find_version(uow, agent_id, number)).config)


async def find(uow: TenantUnitOfWork, agent_id: UUID, *, lock: bool = False) -> Agent:
    """The living row, or NotFound."""
    query = select(Agent).where(col(Agent.id) == agent_id, col(Agent.deleted_at).is_(None))
    # A row that this session read before is read again under the lock: what others published meanwhile counts.
    query = query.with_for_update().execution_options(populate_existing=True) if lock else query
    found = (await uow.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


async def find_version(uow: TenantUnitOfWork, agent_id: UUID, number: int) -> AgentVersion:
    """One published version, or NotFound("agent_version_unknown")."""
    query = select(AgentVersion).where(col(AgentVersion.agent_id) == agent_id, col(AgentVersion.number) == number)
    found = (await uow.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound("agent_version_unknown", version=number)
    return found


_NAMES = text("SELECT id, name FROM users WHERE id = ANY(:ids)")


async def versions(
    uow: TenantUnitOfWork, agent_id: UUID, *, before: int | None = None, limit: int = PAGE
) -> list[VersionView]:
    """Published versions, newest first, each with what it changed."""
    uow.require("agent.read")
    agent = await find(uow, agent_id)
    query = select(AgentVersion).where(col(AgentVersion.agent_id) == agent_id)
    if before is not None:
        query = query.where(col(AgentVersion.number) < before)
    size = min(limit, MAX_PAGE)
    rows = (await uow.session.execute(query.order_by(col(AgentVersion.number).desc()).limit(size + 1))).scalars().all()
    people = {row.published_by for row in rows} - {None}
    names = {row.id: row.name for row in await uow.session.execute(_NAMES, {"ids": list(people)})} if people else {}
    return [
        _version(row, rows[n + 1] if n + 1 < len(rows) else None, agent, names) for n, row in enumerate(rows[:size])
    ]


def _version(row: AgentVersion, previous: AgentVersion | None, agent: Agent, names: dict[UUID, str]) -> VersionView:
    config = AgentConfig.model_validate(row.config)
    before = AgentConfig.model_validate(previous.config) if previous else None
    return VersionView(
        number=row.number, note=row.note, restored_from=row.restored_from, published_at=row.created_at,
        published_by=row.published_by, published_by_name=names.get(row.published_by, "") if row.published_by else "",
        is_live=row.number == agent.live_version, changes=diff(before, config), config=config,
    )  # fmt: skip


_LIVE = text("""
    SELECT v.agent_id, v.number, v.note, v.created_at, v.config FROM agent_versions v
    JOIN agents a ON a.tenant_id = v.tenant_id AND a.id = v.agent_id AND a.live_version = v.number
    WHERE v.tenant_id = :t AND v.agent_id = ANY(:ids)
""")


async def views(uow: TenantUnitOfWork, rows: Sequence[Agent]) -> list[AgentView]:
    """Rows as they are shown."""
    ids = [row.id for row in rows]
    live = {row.agent_id: row for row in await uow.session.execute(_LIVE, {"t": uow.tenant_id, "ids": ids})} if ids else {}
    devices = await by_device(uow) if ids else []
    result = []
    for row in rows:
        draft, version = AgentConfig.model_validate(row.draft), live.get(row.id)
        published = AgentConfig.model_validate(version.config) if version else None
        result.append(AgentView(
            id=row.id, name=row.name, is_active=row.is_active, draft=draft, revision=row.revision,
            live=LiveVersion(number=version.number, note=version.note, published_at=version.created_at) if version else None,
            unpublished=diff(published, draft), answers_on=[one.device_id for one in devices if one.agent_id == row.id],
            created_at=row.created_at, updated_at=row.updated_at,
        ))  # fmt: skip
    return result
