"""One call of one tenant: what it may use, what is reserved for it, what is booked after it."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, TypeVar
from uuid import UUID

from wa_app.ai.gateway import booking, circuits, pricing, quotas
from wa_app.ai.gateway.booking import Entry
from wa_app.ai.gateway.choosing import Candidate, Choice, Limits, choose
from wa_app.ai.gateway.quotas import Account, Hold
from wa_app.ai.gateway.shapes import Answer, Ask, Fault, Why
from wa_app.ai.gateway.vendors import vendor_of
from wa_app.config import get_settings
from wa_app.db import system_unit_of_work
from wa_app.errors import AppError, LimitReached, Unavailable
from wa_app.kit.ids import new_id
from wa_app.models.ai import CounterOf, ProviderKind
from wa_app.schemas.ai import Attempt, ChatRequest, ChatResult, Usage

T = TypeVar("T")
FINAL: Final = frozenset({Why.CONTEXT, Why.REQUEST, Why.BLOCKED})
"""Asking somebody else the same thing would not help, or would go round a refusal."""
CODES: Final = {Why.CONTEXT: "ai_context_too_long", Why.REQUEST: "ai_request_refused", Why.BLOCKED: "ai_blocked"}
LIVE: Final = "ai"
"""Kind of what is published to a tenant's open pages."""


@dataclass(slots=True)
class Call:
    """State of a call. `begin` makes one; it must be `ended` whatever happens."""

    tenant_id: UUID
    request: ChatRequest
    choice: Choice
    ask: Ask
    ends_at: float
    id: UUID = field(default_factory=new_id)
    attempts: list[Attempt] = field(default_factory=list)
    budget: Hold | None = None
    package_full: bool = False
    started_at: float = field(default_factory=monotonic)

    @property
    def left_s(self) -> float:
        """What is left of the time for the whole call."""
        return self.ends_at - monotonic()

    def has_time(self, candidate: Candidate) -> bool:
        """Quoting takes no time to speak of, so it may always answer."""
        return is_local(candidate) or self.left_s > 0.05

    def passed_over(self, candidate: Candidate, outcome: str) -> None:
        self.attempts.append(_attempt(candidate, outcome, 0.0))

    def nobody(self) -> AppError:
        """Why there is no answer."""
        if self.package_full and all(one.outcome in ("package", "limit") for one in self.attempts):
            return LimitReached("ai_budget_reached")
        return Unavailable("ai_unavailable")


@dataclass(slots=True)
class Admitted:
    """A candidate that may be asked now, and what is reserved for it."""

    candidate: Candidate
    holds: list[Hold]
    since: float = field(default_factory=monotonic)

    @property
    def ms(self) -> float:
        return (monotonic() - self.since) * 1000


def is_local(candidate: Candidate) -> bool:
    return candidate.endpoint.kind is ProviderKind.QUOTE


async def begin(tenant_id: UUID, request: ChatRequest) -> Call:
    """Choose who may answer, and reserve on the tenant's budget. Raises LimitReached, NotFound."""
    ask = Ask(request.system, request.turns, request.json_schema, request.max_output_tokens, request.temperature,
              request.grounding, request.feature)  # fmt: skip
    ends_at = monotonic() + request.deadline_s
    async with system_unit_of_work() as uow:
        choice = await choose(uow, tenant_id, get_settings().time_zone, request.provider_id)
        call = Call(tenant_id, request, choice, ask, ends_at)
        if any(vendor_of(one.endpoint.kind, one.endpoint.base_url).prices for one in choice.candidates):
            await pricing.ready()
        account = Account(CounterOf.BUDGET, tenant_id, tenant_id, choice.day, choice.budget)
        tokens = max((_tokens(ask, one) for one in choice.candidates), default=0)
        cost = max((_cost(ask, one, choice.budget) for one in choice.candidates), default=0)
        call.budget = await quotas.reserve(uow, account, tokens, cost, for_s=request.deadline_s)
    if call.budget is None:
        raise LimitReached("ai_budget_reached")
    return call


async def admit(call: Call, candidate: Candidate) -> Admitted | None:
    """Reserve what a candidate needs; None, with the reason among the attempts, when it may not be asked."""
    if not candidate.outcome and not call.has_time(candidate):
        call.passed_over(candidate, "deadline")
        return None
    if candidate.outcome:
        call.passed_over(candidate, candidate.outcome)
        return None
    async with system_unit_of_work() as uow:
        holds, outcome = await _reserve(uow, call, candidate)
        if not outcome and candidate.needs_probe and not await circuits.claim_probe(uow, candidate):
            outcome = "open"
        if outcome:
            for hold in holds:
                await quotas.release(uow, hold)
    if outcome:
        call.package_full |= outcome == "package"
        call.passed_over(candidate, outcome)
        return None
    return Admitted(candidate, holds)


async def _reserve(uow: Any, call: Call, candidate: Candidate) -> tuple[list[Hold], str]:
    tokens = _tokens(call.ask, candidate)
    own = Account(CounterOf.PROVIDER, candidate.endpoint.id, candidate.tenant_id, candidate.day, candidate.limits)
    accounts = [(own, "limit")]
    if not candidate.endpoint.is_own and not is_local(candidate):
        # What costs the platform counts against the package.
        package = Account(CounterOf.PACKAGE, call.tenant_id, call.tenant_id, call.choice.day, call.choice.package)
        accounts.insert(0, (package, "package"))
    holds: list[Hold] = []
    for account, outcome in accounts:
        cost = _cost(call.ask, candidate, account.limits)
        hold = await quotas.reserve(uow, account, tokens, cost, for_s=call.request.deadline_s)
        if hold is None:
            return holds, outcome
        holds.append(hold)
    return holds, ""


async def failed(call: Call, admitted: Admitted, fault: Fault) -> None:
    """Give back what was reserved, remember the failure, book the try."""
    call.attempts.append(_attempt(admitted.candidate, fault.why.value, admitted.ms))
    usage = fault.usage or Usage()
    cost = _price(admitted.candidate, usage)
    async with system_unit_of_work() as uow:
        for hold in admitted.holds:
            if fault.usage is None:
                await quotas.release(uow, hold)
            else:
                await quotas.settle(uow, hold, usage.input + usage.output, cost or 0)
        await circuits.note_fault(uow, admitted.candidate, fault)
        endpoint = admitted.candidate.endpoint
        await booking.book(uow, Entry(
            call.tenant_id, call.id, call.request.feature, endpoint, endpoint.model, fault.why.value, usage, cost,
            admitted.ms,
        ))  # fmt: skip
        uow.publish_for(call.tenant_id, LIVE, outcome=fault.why.value)


async def answered(
    call: Call, admitted: Admitted, answer: Answer, *, outcome: str = booking.OK, first_ms: float | None = None
) -> ChatResult:
    """Settle on what it took, book it, and put the result together."""
    usage, is_estimated = answer.usage, answer.usage is None
    if usage is None:
        usage = estimated(call.ask, answer.text)
    cost = _price(admitted.candidate, usage, answer.model)
    endpoint, ms = admitted.candidate.endpoint, admitted.ms
    call.attempts.append(_attempt(admitted.candidate, outcome, ms))
    entry = Entry(
        call.tenant_id, call.id, call.request.feature, endpoint, answer.model, outcome, usage, cost, ms,
        call.request.job_key, is_estimated, first_ms,
    )  # fmt: skip
    async with system_unit_of_work() as uow:
        is_new = await booking.book(uow, entry)
        if call.budget is not None and is_new:
            await quotas.settle(uow, call.budget, usage.input + usage.output, cost or 0)
        elif call.budget is not None:
            # The same job again: the vendor's counters know both calls, the tenant pays for one.
            await quotas.release(uow, call.budget)
        for hold in admitted.holds:
            await quotas.settle(uow, hold, usage.input + usage.output, cost or 0)
        await circuits.note_answer(uow, admitted.candidate)
        uow.publish_for(call.tenant_id, LIVE, outcome=outcome)
    call.budget = None
    return ChatResult(
        text=answer.text, parsed=answer.parsed, finish=answer.finish, usage=usage, provider_id=endpoint.id,
        provider_name=endpoint.name, kind=endpoint.kind.value, model=answer.model, cost_micros=cost,
        latency_ms=round((monotonic() - call.started_at) * 1000, 1), attempts=tuple(call.attempts),
    )  # fmt: skip


async def abandon(admitted: Admitted) -> None:
    """Our own trouble, or nobody waits any more, before anything came: give back what was reserved."""
    async with system_unit_of_work() as uow:
        for hold in admitted.holds:
            await quotas.release(uow, hold)


async def ended(call: Call) -> None:
    """Nothing was answered: the tenant's budget gets its reservation back."""
    hold, call.budget = call.budget, None
    if hold is not None:
        async with system_unit_of_work() as uow:
            await quotas.release(uow, hold)


async def surely(work: Coroutine[Any, Any, T]) -> T:
    """Finish booking even when the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def estimated(ask: Ask, text: str) -> Usage:
    """Tokens as we count them, where the vendor does not say."""
    said = [turn.text for turn in ask.turns]
    return Usage(input=pricing.tokens_in(ask.system, *said), output=pricing.tokens_in(text))


def _tokens(ask: Ask, candidate: Candidate) -> int:
    """The most that a call can take."""
    if is_local(candidate):
        return 0
    return estimated(ask, "").input + ask.max_output_tokens


def _cost(ask: Ask, candidate: Candidate, limits: Limits) -> int:
    """The most that a call can cost; only reckoned where somebody set a limit on it."""
    if limits.daily_cost_micros is None and limits.monthly_cost_micros is None:
        return 0
    return _price(candidate, Usage(input=estimated(ask, "").input, output=ask.max_output_tokens)) or 0


def _price(candidate: Candidate, usage: Usage, model: str = "") -> int | None:
    endpoint = candidate.endpoint
    if not usage.input and not usage.output:
        return 0
    return pricing.cost_micros(endpoint.kind, endpoint.base_url, model or endpoint.model, usage)


def _attempt(candidate: Candidate, outcome: str, ms: float) -> Attempt:
    endpoint = candidate.endpoint
    return Attempt(endpoint.id, endpoint.name, endpoint.model, outcome, round(ms, 1))
