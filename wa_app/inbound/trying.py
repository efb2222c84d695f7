"""A talk with an agent that nobody outside hears: the same steps as for a customer, but nothing is sent, stored or counted.

The chat tester and the test cases come through here, so that what they show is what customers get.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from wa_app.ai.agent import engine
from wa_app.db import unit_of_work
from wa_app.errors import NotFound
from wa_app.inbound import router
from wa_app.kit.clock import utc_now
from wa_app.kit.opt_words import Meaning, WordList
from wa_app.schemas.agent_trials import TrialAsk, TrialOutcome, TrialReply
from wa_app.schemas.agents import AgentOutcome
from wa_app.schemas.ai import Piece
from wa_app.schemas.knowledge import Passage
from wa_app.schemas.principal import Principal
from wa_app.schemas.traces import Trace, TraceStep
from wa_app.services import opt_out

FEATURE: Final = "tester"
"""How usage is booked: apart from answers to customers."""
_TENANT = text("SELECT name, time_zone FROM tenants WHERE id = :t")


@dataclass(frozen=True, slots=True)
class _House:
    """What the router wants to know of the tenant."""

    name: str
    zone: str
    words: WordList
    replies: dict[Meaning, str]


async def talk(ask: TrialAsk) -> TrialReply:
    """The whole answer at once. Raises what the agent's model raises."""
    async for piece in stream(ask):
        if isinstance(piece, TrialReply):
            return piece
    raise AssertionError("a stream ends with its reply")


async def stream(ask: TrialAsk) -> AsyncGenerator[str | TrialReply, None]:
    """Pieces of the answer as the model writes them; the last item is the reply, whose text holds."""
    started = perf_counter()
    house = await _house(ask.tenant_id)
    if (meaning := house.words.meaning(ask.text)) is not None:
        yield _word(meaning, house, started)
        return
    context = _context(ask, house)
    decision, found = await router.look(context), list[Passage]()
    if decision.action is router.Action.ASK:
        outcome: AgentOutcome | None = None
        async for piece in engine.stream(router.task_of(context, decision), _listening(found)):
            if isinstance(piece, Piece):
                yield piece.text
            else:
                outcome = piece
        assert outcome is not None
        decision = router.finish(context, decision, outcome)
    yield _reply(decision, tuple(found), started)


def _listening(found: list[Passage]) -> engine.Tools:
    """The real tools, noting what the search found: the page shows it with its text."""
    tools = engine.real_tools()

    async def search(tenant_id: UUID, query: str, **more: Any) -> list[Passage]:
        passages = await tools.search(tenant_id, query, **more)
        found.extend(passages)
        return passages

    return replace(tools, search=search)


async def _house(tenant_id: UUID) -> _House:
    async with unit_of_work(Principal.system(tenant_id)) as uow:
        row = (await uow.session.execute(_TENANT, {"t": tenant_id})).one_or_none()
        if row is None:
            raise NotFound
        words, settings = await opt_out.words(uow)
    replies = {Meaning.STOP: settings.opt_out_reply, Meaning.START: settings.opt_in_reply}
    spoken = replies if settings.confirms else {}
    return _House(row.name, row.time_zone, words, spoken)


def _context(ask: TrialAsk, house: _House) -> router.RouterContext:
    media = ask.attachment.strip()
    heard = router.Heard(
        ask.text, kind="document" if media else "text", read_text=media, reading="done" if media else None
    )
    return router.RouterContext(
        tenant_id=ask.tenant_id, messages=(heard,), at=utc_now(), parts=router.real(ask.tenant_id),
        device_id=ask.device_id, stop="marketing" if ask.stopped else "", history=ask.history, business=house.name,
        language=ask.language, zone=house.zone, agent=(ask.agent_id, ask.version, ask.config), feature=FEATURE,
        provider_id=ask.provider_id, job_key=ask.job_key,
    )  # fmt: skip


def _word(meaning: Meaning, house: _House, started: float) -> TrialReply:
    """A word of stopping or starting never comes as far as the router."""
    trace = Trace()
    trace.add(TraceStep.CONSENT, f"word_{meaning.value}")
    answer = house.replies.get(meaning, "")
    outcome = TrialOutcome.STOPPED if meaning is Meaning.STOP else TrialOutcome.STARTED
    return TrialReply(outcome, answer, trace=tuple(trace.entries), ms=_since(started))


def _since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 1)


def _reply(decision: router.Decision, passages: tuple[Passage, ...], started: float) -> TrialReply:
    found = decision.outcome
    result = found.result if found else None
    match = decision.rules.match if decision.rules else None
    return TrialReply(
        outcome=_outcome(decision), answer=decision.text if decision.action is router.Action.ANSWER else "",
        mode=found.mode.value if found else "", sources=found.sources if found else (), found=passages,
        rule_id=match.id if match else None, rule_name=match.name if match else "",
        has_file=decision.file_id is not None, confidence=found.confidence if found else 0.0,
        handover_reason=decision.handover_reason, insights=found.insights if found else None, trace=decision.trace,
        tokens=result.usage.input + result.usage.output if result else 0,
        cost_micros=result.cost_micros if result else None, provider=result.provider_name if result else "",
        model=result.model if result else "", ms=_since(started),
    )  # fmt: skip


def _outcome(decision: router.Decision) -> TrialOutcome:
    if decision.is_away:
        return TrialOutcome.AWAY
    if decision.outcome is not None:
        return TrialOutcome(decision.outcome.outcome.value)
    if decision.action is not router.Action.ANSWER:
        return TrialOutcome.STOPPED if decision.reason == "stopped" else TrialOutcome.SILENT
    return TrialOutcome.RULE if decision.by is router.By.RULE else TrialOutcome.FLOW
