"""Which agent answers on a number.

The most specific wins: an agent that names the number goes before one that is for all numbers; of two that
name it, the one that names fewer; of two that are alike, the older. Only agents that are switched on and have
a published version count. So no two agents ever answer the same message, however they are configured.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.agent_views import DeviceAgent
from wa_app.schemas.agents import AgentConfig


@dataclass(frozen=True, slots=True)
class Candidate:
    """A live version and the numbers it is for; None: all."""

    agent_id: UUID
    version: int
    device_ids: frozenset[UUID] | None


_LIVE = """
    SELECT a.id, v.number, v.config FROM agents a
    JOIN agent_versions v ON v.tenant_id = a.tenant_id AND v.agent_id = a.id AND v.number = a.live_version
    WHERE a.tenant_id = $1 AND a.deleted_at IS NULL AND a.is_active ORDER BY a.id
"""
_DEVICES = text("SELECT id, name FROM devices WHERE tenant_id = :t AND deleted_at IS NULL ORDER BY id")


def choose(candidates: Iterable[Candidate], device_id: UUID | None) -> list[Candidate]:
    """Those that cover a number, the one that answers first. Without a number (the tester): as for one nobody names."""
    covering = [one for one in candidates if one.device_ids is None or device_id in one.device_ids]
    return sorted(covering, key=lambda one: (_breadth(one), one.agent_id))


def _breadth(one: Candidate) -> float:
    return float("inf") if one.device_ids is None else len(one.device_ids)


async def active(uow: TenantUnitOfWork, device_id: UUID | None) -> tuple[UUID, int, AgentConfig] | None:
    """The agent that answers on a number: its id, the live version's number and configuration. None: nobody does."""
    rows = await (await uow.driver()).fetch(_LIVE, uow.tenant_id)
    configs = {row["id"]: AgentConfig.model_validate(row["config"]) for row in rows}
    found = choose((_candidate(row["id"], row["number"], configs[row["id"]]) for row in rows), device_id)
    return (found[0].agent_id, found[0].version, configs[found[0].agent_id]) if found else None


async def by_device(uow: TenantUnitOfWork) -> list[DeviceAgent]:
    """Each number of the tenant with the agent that answers on it and those that give way."""
    uow.require("agent.read")
    live = [_candidate(row["id"], row["number"], AgentConfig.model_validate(row["config"]))
            for row in await (await uow.driver()).fetch(_LIVE, uow.tenant_id)]  # fmt: skip
    result = []
    for row in await uow.session.execute(_DEVICES, {"t": uow.tenant_id}):
        covering = [one.agent_id for one in choose(live, row.id)]
        result.append(DeviceAgent(
            device_id=row.id, device_name=row.name, agent_id=covering[0] if covering else None, also=covering[1:],
        ))  # fmt: skip
    return result


def _candidate(agent_id: UUID, version: int, config: AgentConfig) -> Candidate:
    named = None if config.device_ids is None else frozenset(config.device_ids)
    return Candidate(agent_id, version, named)
