"""The real parts of the router, in one place: rules, flows, the published agent and its answer."""

from datetime import datetime
from uuid import UUID

from wa_app.ai import agent as engine
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.inbound.router.context import ActiveAgent, AskAgent, AskRules, Parts
from wa_app.schemas.agents import AgentOutcome, AgentTask
from wa_app.schemas.auto_replies import RuleDecision, RuleQuestion
from wa_app.schemas.principal import Principal
from wa_app.services import agents, auto_replies


def real(tenant_id: UUID) -> Parts:
    """The tenant's own rules, flows and agents. Each question is a short transaction; none is open while a model is asked."""
    principal = Principal.system(tenant_id)

    async def rules(question: RuleQuestion) -> RuleDecision:
        async with unit_of_work(principal) as uow:
            return await auto_replies.decide(uow, question)

    async def agent(device_id: UUID | None) -> ActiveAgent | None:
        async with unit_of_work(principal) as uow:
            return await agents.active(uow, device_id)

    async def answer(task: AgentTask) -> AgentOutcome:
        return await engine.answer(task)

    return Parts(rules, agent, answer, _count_hit, _learn, within=_within)


def _within(uow: TenantUnitOfWork) -> tuple[AskRules, AskAgent]:
    async def rules(question: RuleQuestion) -> RuleDecision:
        return await auto_replies.decide(uow, question)

    async def agent(device_id: UUID | None) -> ActiveAgent | None:
        return await agents.active(uow, device_id)

    return rules, agent


async def _count_hit(uow: TenantUnitOfWork, rule_id: UUID, contact_id: UUID, at: datetime) -> bool:
    return await auto_replies.count_hit(uow, rule_id, contact_id, at)


async def _learn(
    uow: TenantUnitOfWork, conversation_id: UUID, message_id: UUID, agent: ActiveAgent, outcome: AgentOutcome
) -> None:
    await agents.insights.record(
        uow, conversation_id, message_id, outcome.insights, agent_id=agent[0], version=agent[1], mode=outcome.mode.value
    )
