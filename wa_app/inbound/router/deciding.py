"""From a turn to a decision. Nothing is written here: the engine and the chat tester call the same function."""

from dataclasses import replace
from typing import Final

from wa_app.i18n import translate
from wa_app.inbound.router import steps
from wa_app.inbound.router.context import ActiveAgent, RouterContext
from wa_app.inbound.router.decision import Action, By, Decision
from wa_app.kit import zones
from wa_app.schemas.agents import AgentOutcome, AgentTask, Behaviour, Outcome
from wa_app.schemas.traces import Trace, TraceStep
from wa_app.sending.rendering import parse

_FREE: Final = (steps.consent, steps.human, steps.reading)
_ASKED: Final = (steps.rules, steps.flows, steps.agent)


async def look(context: RouterContext) -> Decision:
    """Everything but the agent's answer: cheap, may be done again whenever something changed."""
    trace, before = Trace(), None
    for step in _FREE:
        if (found := step(context, trace)) is not None:
            return _ended(found, trace)
    for ask in _ASKED:
        if (found := await ask(context, trace)) is None:
            continue
        if found.action is not Action.ASK or found.by is By.AGENT:
            return _ended(_joined(before, found, trace), trace)
        before = found
    return _ended(_joined(before, steps.silence(context, trace) if before is None else None, trace), trace)


def _joined(before: Decision | None, found: Decision | None, trace: Trace) -> Decision:
    """What rules say that do not end the matter, together with who ended it."""
    if before is None:
        assert found is not None
        return found
    has_answer = bool(before.text or before.file_id)
    if found is None or (found.action is Action.SILENT and has_answer):
        trace.add(TraceStep.ANSWER, "by_rule" if has_answer else "rule_silent")
        reason = "" if has_answer else "rule_silent"
        return replace(before, action=Action.ANSWER if has_answer else Action.SILENT, reason=reason)
    if found.action is Action.ASK:
        return replace(found, before=before)
    return _with(before, found)


def _with(before: Decision | None, found: Decision) -> Decision:
    """One answer of both."""
    if before is None:
        return found
    return replace(
        found, text="\n\n".join(text for text in (before.text, found.text) if text), file_id=before.file_id or found.file_id,
        rule_ids=before.rule_ids, rules=before.rules, handover=before.handover or found.handover,
        handover_reason=found.handover_reason or before.handover_reason,
    )  # fmt: skip


async def decide(context: RouterContext) -> Decision:
    """What is to be done about a turn, with the way to it.

    Raises what the agent's model raises when no answer can be had now (`Unavailable`, `LimitReached`).
    """
    decision = await look(context)
    return await ask(context, decision) if decision.action is Action.ASK else decision


async def ask(context: RouterContext, decision: Decision) -> Decision:
    """Let the agent answer what `look` left to it."""
    assert decision.agent is not None
    outcome = await context.parts.answer(task_of(context, decision))
    return finish(context, decision, outcome)


def task_of(context: RouterContext, decision: Decision) -> AgentTask:
    """What the agent is asked, for callers that stream its answer themselves (then call `finish`)."""
    assert decision.agent is not None
    agent_id, version, config = decision.agent
    return AgentTask(
        tenant_id=context.tenant_id, agent_id=agent_id, version=version, config=config,
        text=decision.question[: steps.MAX_QUESTION], history=context.history, summary=context.summary,
        business=context.business, now=_now(context), customer_name=context.customer_name, language=context.language,
        feature=context.feature, provider_id=context.provider_id, job_key=context.job_key,
    )  # fmt: skip


def _now(context: RouterContext) -> str:
    return f"{context.at.astimezone(zones.stored_zone(context.zone)):%A, %d %B %Y, %H:%M}"


def finish(context: RouterContext, decision: Decision, outcome: AgentOutcome) -> Decision:
    """The decision that follows from what the agent answered."""
    trace = Trace()
    trace.entries = [*decision.trace, *outcome.trace]
    text = outcome.answer.strip()
    handover = outcome.outcome is Outcome.HANDOVER
    common = replace(
        decision, outcome=outcome, handover=handover, handover_reason=outcome.handover_reason if handover else ""
    )
    if not text:
        reason = outcome.outcome.value
        trace.add(TraceStep.ANSWER, reason)
        silent = replace(common, action=Action.SILENT, reason=reason)
        if decision.before is not None and (decision.before.text or decision.before.file_id):
            return replace(_with(decision.before, silent), action=Action.ANSWER, reason="", trace=tuple(trace.entries))
        return replace(silent, trace=tuple(trace.entries))
    text = _with_apology(context, decision.agent, text, trace)
    trace.add(TraceStep.ANSWER, "by_agent", what=outcome.outcome.value)
    answered = replace(common, action=Action.ANSWER, text=text)
    return replace(_with(decision.before, answered), trace=tuple(trace.entries))


def _ended(decision: Decision, trace: Trace) -> Decision:
    return replace(decision, trace=tuple(trace.entries))


def _with_apology(context: RouterContext, agent: ActiveAgent | None, text: str, trace: Trace) -> str:
    """On every so-many-th message of a flood, the answer begins with an apology for the wait."""
    if agent is None:
        return text
    behaviour = agent[2].behaviour
    number = steps.floods(context, behaviour.flood_every, behaviour.flood_window_s)
    if not number:
        return text
    trace.add(TraceStep.ANSWER, "flood", number=number)
    return f"{_apology(context, behaviour)}\n\n{text}"


def _apology(context: RouterContext, behaviour: Behaviour) -> str:
    template = behaviour.flood_text.strip() or translate(context.language, "replies.flood")
    return parse(template).render(context.values, context.seed)


__all__ = ["ask", "decide", "finish", "look", "task_of"]
