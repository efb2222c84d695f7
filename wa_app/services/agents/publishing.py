"""Versions: what answers customers is never edited, only replaced by the next number."""

from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, Invalid
from wa_app.models.agents import Agent, AgentVersion
from wa_app.schemas.agent_views import AgentPublish, AgentRollback, AgentView
from wa_app.schemas.agents import AgentConfig
from wa_app.services import audit
from wa_app.services.agents import checking
from wa_app.services.agents.reading import find, find_version, views


async def publish(uow: TenantUnitOfWork, agent_id: UUID, data: AgentPublish) -> AgentView:
    """Let the draft answer from now on, under the next number.

    Raises Invalid when it is not ready, Conflict("agent_nothing_to_publish") when it is what answers already,
    Conflict("agent_changed_elsewhere") when somebody saved since `data.revision`.
    """
    uow.require("agent.publish")
    agent = await find(uow, agent_id, lock=True)
    if data.revision is not None and data.revision != agent.revision:
        raise Conflict("agent_changed_elsewhere", revision=agent.revision)
    config = checking.parse(agent.draft)
    if lacking := checking.unready(config):
        raise Invalid(*lacking, code="agent_not_ready")
    if agent.live_version is not None:
        live = await find_version(uow, agent_id, agent.live_version)
        if AgentConfig.model_validate(live.config) == config:
            raise Conflict("agent_nothing_to_publish", version=live.number)
    return await _release(uow, agent, config, data.note)


async def roll_back(uow: TenantUnitOfWork, agent_id: UUID, data: AgentRollback) -> AgentView:
    """Publish an old version again, under the next number. The draft stays as it is, to be mended.

    Raises NotFound("agent_version_unknown"), Conflict("agent_version_is_live").
    """
    uow.require("agent.publish")
    agent = await find(uow, agent_id, lock=True)
    if data.version == agent.live_version:
        raise Conflict("agent_version_is_live", version=data.version)
    old = await find_version(uow, agent_id, data.version)
    return await _release(uow, agent, AgentConfig.model_validate(old.config), data.note, restored_from=old.number)


async def _release(
    uow: TenantUnitOfWork, agent: Agent, config: AgentConfig, note: str, *, restored_from: int | None = None
) -> AgentView:
    number = agent.last_version + 1
    uow.session.add(AgentVersion(
        tenant_id=uow.tenant_id, agent_id=agent.id, number=number, config=config.model_dump(mode="json"),
        note=note.replace("\x00", "").strip(), restored_from=restored_from, published_by=uow.principal.user_id,
    ))  # fmt: skip
    agent.last_version = agent.live_version = number
    await uow.session.flush()
    verb = "agent.publish" if restored_from is None else "agent.rollback"
    audit.record(uow, verb, "agent", agent.id, name=agent.name, version=number, restored_from=restored_from)
    uow.publish("agent", id=str(agent.id), what="published")
    return (await views(uow, [agent]))[0]
