"""`POST /api/v1/agent/chat`: what a contact would be answered. Goes the way of real messages, without sending or keeping anything."""

from sqlalchemy import text

from wa_app.api.deps import CurrentPrincipal
from wa_app.api.routing import router
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import NotFound
from wa_app.inbound import router as answers
from wa_app.inbound.router import ActiveAgent, Decision, Heard, RouterContext
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import new_id
from wa_app.schemas.agent_chat import AgentChat, AgentChatAnswer, ChatSource, ChatUsage
from wa_app.schemas.agents import Insights
from wa_app.schemas.principal import Principal
from wa_app.services import agents

routes = router("/agent", "agents")
_TENANT = text("SELECT name, language, time_zone FROM tenants WHERE id = :t")
_DEVICE = text("SELECT EXISTS (SELECT 1 FROM devices WHERE tenant_id = :t AND id = :id AND deleted_at IS NULL)")


@routes.post("/chat")
async def chat(principal: CurrentPrincipal, body: AgentChat) -> AgentChatAnswer:
    """Rules first, then the agent, as a contact would have it; with the way to the answer. 503 while no model can be had."""
    decision = await answers.decide(await _context(principal, body))
    return _shown(decision)


async def _context(principal: Principal, body: AgentChat) -> RouterContext:
    async with unit_of_work(principal) as uow:
        uow.require("agent.write")
        agent = await _agent(uow, body)
        if body.device_id is not None and not (await uow.session.execute(_DEVICE, {"t": uow.tenant_id, "id": body.device_id})).scalar_one():
            raise NotFound
        tenant = (await uow.session.execute(_TENANT, {"t": uow.tenant_id})).one()
    return RouterContext(
        principal.tenant_id, (Heard(body.text),), at=utc_now(), parts=answers.real(principal.tenant_id), device_id=body.device_id,
        history=tuple(line.turn() for line in body.history[-10:]), business=tenant.name, language=tenant.language, zone=tenant.time_zone,
        agent=agent, without=frozenset() if body.rules else frozenset({"rules"}), feature="tester", seed=new_id().bytes,
    )  # fmt: skip


async def _agent(uow: TenantUnitOfWork, body: AgentChat) -> ActiveAgent:
    agent_id = body.agent_id or await agents.default_id(uow)
    version, config = await agents.config_of(uow, agent_id, 0 if body.draft else None)
    return agent_id, version, config


def _shown(decision: Decision) -> AgentChatAnswer:
    outcome = decision.outcome
    return AgentChatAnswer(
        answer=decision.text, by=decision.by.value if decision.by else None, sources=[ChatSource.of(one) for one in outcome.sources] if outcome else [],
        confidence=outcome.confidence if outcome else 0.0, handover=decision.handover, handover_reason=decision.handover_reason,
        insights=outcome.insights if outcome else Insights(), trace=list(decision.trace),
        usage=ChatUsage.of(outcome.result) if outcome and outcome.result else None,
        agent_id=decision.agent[0] if decision.agent and outcome else None, version=decision.agent[1] if decision.agent and outcome else None,
    )  # fmt: skip
