"""The real parts of the router, in one place: rules, flows, the published agent and its answer."""

from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import UUID

from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.inbound.router.context import ActiveAgent, Parts
from wa_app.schemas.agents import AgentOutcome, AgentTask
from wa_app.schemas.auto_replies import RuleDecision, RuleQuestion
from wa_app.schemas.principal import Principal


def real(tenant_id: UUID) -> Parts:
    """The tenant's own rules, flows and agents. Each question is a short transaction; none is open while a model is asked."""
    principal = Principal.system(tenant_id)

    async def rules(question: RuleQuestion) -> RuleDecision:
        module = _module("wa_app.services.auto_replies")
        if module is None:
            return RuleDecision(None, ())
        async with unit_of_work(principal) as uow:
            decided: RuleDecision = await module.decide(uow, question)
        return decided

    async def agent(device_id: UUID | None) -> ActiveAgent | None:
        module = _module("wa_app.services.agents")
        if module is None:
            return None
        async with unit_of_work(principal) as uow:
            found: ActiveAgent | None = await module.active(uow, device_id)
        return found

    async def answer(task: AgentTask) -> AgentOutcome:
        outcome: AgentOutcome = await import_module("wa_app.ai.agent").answer(task)
        return outcome

    return Parts(rules, agent, answer, _count_hit, _learn)


async def _count_hit(uow: TenantUnitOfWork, rule_id: UUID, contact_id: UUID, at: datetime) -> bool:
    counted: bool = await import_module("wa_app.services.auto_replies").count_hit(uow, rule_id, contact_id, at)
    return counted


async def _learn(
    uow: TenantUnitOfWork, conversation_id: UUID, message_id: UUID, agent: ActiveAgent, outcome: AgentOutcome
) -> None:
    await import_module("wa_app.services.agents").insights.record(
        uow, conversation_id, message_id, outcome.insights, agent_id=agent[0], version=agent[1], mode=outcome.mode.value
    )


def _module(name: str) -> Any:
    """A part of this installation, None while it is not there."""
    return import_module(name) if find_spec(name) is not None else None
