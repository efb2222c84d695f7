"""The draft: make an agent, change it, copy it, put it away."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork
from wa_app.errors import Conflict, NotFound
from wa_app.i18n import DEFAULT_LANGUAGE
from wa_app.kit.clock import utc_now
from wa_app.models.agents import Agent
from wa_app.schemas.agent_views import AgentCreate, AgentUpdate, AgentView
from wa_app.schemas.agents import AgentConfig
from wa_app.services import audit, entitlements
from wa_app.services.agents import checking, presets
from wa_app.services.agents.reading import find, find_version, views

UNDO_DAYS: Final = 30
MAX_NAME: Final = 80
_LANGUAGE = text("SELECT language FROM tenants WHERE id = :t")


async def create(uow: TenantUnitOfWork, data: AgentCreate) -> AgentView:
    """A new agent with a draft and nothing published. Raises Invalid by field, LimitReached."""
    uow.require("agent.write")
    language = data.language or (await uow.session.execute(_LANGUAGE, {"t": uow.tenant_id})).scalar_one_or_none()
    start = presets.config(data.preset, language or DEFAULT_LANGUAGE)
    config = checking.parse(checking.merged(start.model_dump(mode="json"), data.config))
    await checking.check_rows(uow, config)
    return await _add(uow, config, "agent.create")


async def update(uow: TenantUnitOfWork, agent_id: UUID, data: AgentUpdate) -> AgentView:
    """Change the draft, or switch the agent on or off.

    Raises Invalid by field, and Conflict("agent_changed_elsewhere") when somebody saved since `data.revision`.
    """
    uow.require("agent.write")
    if data.is_active is not None:
        uow.require("agent.publish")
    agent = await find(uow, agent_id, lock=True)
    if data.revision is not None and data.revision != agent.revision:
        raise Conflict("agent_changed_elsewhere", revision=agent.revision)
    before = AgentConfig.model_validate(agent.draft)
    config = checking.parse(checking.merged(agent.draft, data.config)) if data.config else before
    await checking.check_rows(uow, config, before)
    if config != before:
        _write(uow, agent, config)
    if data.is_active is not None and data.is_active != agent.is_active:
        agent.is_active = data.is_active
        audit.record(uow, "agent.switch_on" if data.is_active else "agent.switch_off", "agent", agent_id, name=agent.name)
    return await _saved(uow, agent, "changed")


async def reset_draft(uow: TenantUnitOfWork, agent_id: UUID, version: int) -> AgentView:
    """Put a published version into the draft; what answers does not change."""
    uow.require("agent.write")
    agent = await find(uow, agent_id, lock=True)
    _write(uow, agent, AgentConfig.model_validate((await find_version(uow, agent_id, version)).config))
    return await _saved(uow, agent, "changed")


async def duplicate(uow: TenantUnitOfWork, agent_id: UUID) -> AgentView:
    """A copy of the draft to change; nothing of it is published, so it answers nobody."""
    uow.require("agent.write")
    source = AgentConfig.model_validate((await find(uow, agent_id)).draft)
    return await _add(uow, source.model_copy(update={"name": f"{source.name[: MAX_NAME - 6]} (2)".strip()}), "agent.create")


async def remove(uow: TenantUnitOfWork, agent_ids: Sequence[UUID]) -> int:
    """Put agents away; they stop answering at once. Undone by `restore` within 30 days."""
    uow.require("agent.publish")
    for agent_id in dict.fromkeys(agent_ids):
        agent = await find(uow, agent_id, lock=True)
        agent.deleted_at = utc_now()
        await entitlements.require(uow, "agents", -1)
        audit.record(uow, "agent.delete", "agent", agent_id, name=agent.name)
        uow.publish("agent", id=str(agent_id), what="deleted")
    await uow.session.flush()
    return len(agent_ids)


async def restore(uow: TenantUnitOfWork, agent_ids: Sequence[UUID]) -> int:
    """Undo `remove`. What was live before answers again."""
    uow.require("agent.publish")
    query = select(Agent).where(
        col(Agent.id).in_(agent_ids), col(Agent.deleted_at) > utc_now() - timedelta(days=UNDO_DAYS)
    )
    found = (await uow.session.execute(query.with_for_update())).scalars().all()
    if not found:
        raise NotFound
    for agent in found:
        await entitlements.require(uow, "agents", 1)
        agent.deleted_at = None
        audit.record(uow, "agent.restore", "agent", agent.id, name=agent.name)
        uow.publish("agent", id=str(agent.id), what="created")
    await uow.session.flush()
    return len(found)


_GONE = text("SELECT id FROM agents WHERE deleted_at < now() - interval '30 days' LIMIT 200")
_VERSIONS = text("DELETE FROM agent_versions v USING agents a WHERE a.id = ANY(:ids) AND v.tenant_id = a.tenant_id AND v.agent_id = a.id")
_AGENTS = text("DELETE FROM agents WHERE id = ANY(:ids)")


async def purge(uow: SystemUnitOfWork) -> int:
    """Delete for good what was put away more than 30 days ago, in all tenants."""
    ids = [row.id for row in await uow.session.execute(_GONE)]
    if ids:
        await uow.session.execute(_VERSIONS, {"ids": ids})
        await uow.session.execute(_AGENTS, {"ids": ids})
    return len(ids)


async def _add(uow: TenantUnitOfWork, config: AgentConfig, verb: str) -> AgentView:
    await entitlements.require(uow, "agents", 1)
    agent = Agent(
        tenant_id=uow.tenant_id, name=config.name, draft=config.model_dump(mode="json"),
        created_by=uow.principal.user_id, updated_by=uow.principal.user_id, updated_at=utc_now(),
    )  # fmt: skip
    uow.session.add(agent)
    await uow.session.flush()
    audit.record(uow, verb, "agent", agent.id, name=agent.name)
    return await _saved(uow, agent, "created")


def _write(uow: TenantUnitOfWork, agent: Agent, config: AgentConfig) -> None:
    agent.draft, agent.name = config.model_dump(mode="json"), config.name
    agent.revision += 1
    agent.updated_at, agent.updated_by = utc_now(), uow.principal.user_id


async def _saved(uow: TenantUnitOfWork, agent: Agent, what: str) -> AgentView:
    await uow.session.flush()
    uow.publish("agent", id=str(agent.id), what=what)
    return (await views(uow, [agent]))[0]
