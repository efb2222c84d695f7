"""Asking: provider after provider until one answers, within one time limit."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from time import monotonic
from typing import Final
from uuid import UUID

from wa_app.ai.gateway import call as calls
from wa_app.ai.gateway import jsons
from wa_app.ai.gateway.call import Admitted, Call
from wa_app.ai.gateway.circuits import BAD_JSON
from wa_app.ai.gateway.clients import client_of
from wa_app.ai.gateway.faults import TIMEOUT
from wa_app.ai.gateway.shapes import Adapter, Answer, Ask, Fault, Why
from wa_app.errors import Unavailable
from wa_app.schemas.ai import ChatRequest, ChatResult, Finish, Piece, Turn, Usage

PAUSE_S: Final = 0.25
"""Before the one more try of a provider that failed quickly."""
CUT: Final = "cut"
"""Outcome of a stream that ended before its end; what was said until then is booked."""


async def chat(tenant_id: UUID, request: ChatRequest) -> ChatResult:
    """Ask, and give back the answer of the first provider that has one.

    Raises Unavailable("ai_unavailable"), LimitReached("ai_budget_reached"), NotFound for a foreign provider, and
    Unavailable("ai_context_too_long" | "ai_request_refused" | "ai_blocked") for what no other provider would mend.
    """
    call = await calls.begin(tenant_id, request)
    try:
        for candidate in call.choice.candidates:
            admitted = await calls.admit(call, candidate)
            if admitted is None:
                continue
            answer = await _try(call, admitted)
            if answer is not None:
                return await calls.surely(calls.answered(call, admitted, answer))
        raise call.nobody()
    finally:
        if call.budget is not None:
            await calls.surely(calls.ended(call))


async def _try(call: Call, admitted: Admitted) -> Answer | None:
    """The answer of one provider, None when the next one is to be asked."""
    try:
        async with client_of(admitted.candidate.endpoint) as adapter:
            return await _asked(call, admitted, adapter)
    except Fault as fault:
        await calls.surely(calls.failed(call, admitted, fault))
        if fault.why in calls.FINAL:
            raise Unavailable(calls.CODES[fault.why]) from fault
        return None
    except BaseException:
        await calls.surely(calls.abandon(admitted))
        raise


async def _asked(call: Call, admitted: Admitted, adapter: Adapter) -> Answer:
    ends_at = _end_of_try(call, admitted)
    answer = await _within(adapter, call.ask, ends_at)
    if call.ask.json_schema is None or answer.parsed is not None or answer.finish is Finish.BLOCKED:
        return answer
    return await in_form(call.ask, answer, adapter, ends_at)


def _end_of_try(call: Call, admitted: Admitted) -> float:
    if calls.is_local(admitted.candidate):
        return monotonic() + 5.0
    return min(call.ends_at, monotonic() + admitted.candidate.endpoint.time_limit_s)


async def _within(adapter: Adapter, ask: Ask, ends_at: float) -> Answer:
    """Ask; once more after a failure that came quickly and may have passed."""
    try:
        return await _once(adapter, ask, ends_at)
    except Fault as fault:
        if not fault.retry or ends_at - monotonic() < 2 * PAUSE_S:
            raise
    await asyncio.sleep(PAUSE_S)
    return await _once(adapter, ask, ends_at)


async def _once(adapter: Adapter, ask: Ask, ends_at: float) -> Answer:
    try:
        async with asyncio.timeout(max(0.0, ends_at - monotonic())):
            return await adapter.chat(ask)
    except TimeoutError as error:
        raise Fault(Why.UPSTREAM, TIMEOUT) from error


async def in_form(ask: Ask, answer: Answer, adapter: Adapter, ends_at: float) -> Answer:
    """The answer with its JSON read; a model that got it wrong may mend it once."""
    assert ask.json_schema is not None
    try:
        return replace(answer, parsed=jsons.read(answer.text, ask.json_schema))
    except jsons.NotAsAsked as error:
        problem = str(error)
    first = answer.usage or calls.estimated(ask, answer.text)
    turns = (*ask.turns, Turn("assistant", answer.text[:20_000]), Turn("user", jsons.repair(problem)))
    again = replace(ask, turns=turns)
    if ends_at - monotonic() < PAUSE_S:
        raise Fault(Why.UPSTREAM, BAD_JSON, usage=first)
    mended = await _once(adapter, again, ends_at)
    usage = _sum(first, mended.usage or calls.estimated(again, mended.text))
    try:
        return replace(mended, parsed=jsons.read(mended.text, ask.json_schema), usage=usage)
    except jsons.NotAsAsked as error:
        raise Fault(Why.UPSTREAM, BAD_JSON, usage=usage) from error


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.input + other.input, one.cached_input + other.cached_input, one.output + other.output,
                 one.reasoning + other.reasoning)  # fmt: skip


async def stream(tenant_id: UUID, request: ChatRequest) -> AsyncGenerator[Piece | ChatResult]:
    """As `chat`, piece by piece; the last item is the result. Another provider takes over only before the first piece.

    A stream that breaks off later raises Unavailable("ai_stream_cut"). What was said until then is booked, also
    when the caller stops listening.
    """
    call = await calls.begin(tenant_id, request)
    try:
        for candidate in call.choice.candidates:
            admitted = await calls.admit(call, candidate)
            if admitted is None:
                continue
            async with aclosing(_streamed(call, admitted)) as items:
                async for item in items:
                    yield item
                    if isinstance(item, ChatResult):
                        return
        raise call.nobody()
    finally:
        if call.budget is not None:
            await calls.surely(calls.ended(call))


async def _streamed(call: Call, admitted: Admitted) -> AsyncGenerator[Piece | ChatResult]:
    """Pieces and the result of one provider; ends without a result when the next one is to be asked."""
    said: list[str] = []
    first_ms: float | None = None
    is_settled = False
    try:
        async with client_of(admitted.candidate.endpoint) as adapter:
            answer: Answer | None = None
            async with aclosing(_pieces(call, admitted, adapter)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Answer):
                        answer = piece
                        break
                    if not said:
                        first_ms = admitted.ms
                    said.append(piece)
                    yield Piece(piece)
            if answer is None:
                raise Fault(Why.UPSTREAM, CUT)
            if call.ask.json_schema is not None and answer.parsed is None and answer.finish is not Finish.BLOCKED:
                answer = await in_form(call.ask, answer, adapter, _end_of_try(call, admitted))
        is_settled = True
        yield await calls.surely(calls.answered(call, admitted, answer, first_ms=first_ms))
    except Fault as fault:
        is_settled = True
        if said:
            await calls.surely(_cut(call, admitted, said, first_ms, fault))
            raise Unavailable("ai_stream_cut") from fault
        await calls.surely(calls.failed(call, admitted, fault))
        if fault.why in calls.FINAL:
            raise Unavailable(calls.CODES[fault.why]) from fault
    finally:
        if not is_settled:
            # Nobody listens any more, or our own trouble: what was said is booked, the rest given back.
            await calls.surely(_cut(call, admitted, said, first_ms) if said else calls.abandon(admitted))


async def _pieces(call: Call, admitted: Admitted, adapter: Adapter) -> AsyncGenerator[str | Answer]:
    """The adapter's pieces, each within its time: the first within the provider's limit, all within the call's."""
    has_begun, tries = False, 0
    while True:
        tries += 1
        try:
            async with aclosing(adapter.stream(call.ask)) as pieces:
                async for piece in _timed(pieces, call, admitted):
                    has_begun = True
                    yield piece
            return
        except Fault as fault:
            if has_begun or not fault.retry or tries > 1 or call.left_s < 2 * PAUSE_S:
                raise
        await asyncio.sleep(PAUSE_S)


async def _timed(
    pieces: AsyncIterator[str | Answer], call: Call, admitted: Admitted
) -> AsyncIterator[str | Answer]:
    ends_at = _end_of_try(call, admitted)
    while True:
        try:
            async with asyncio.timeout(max(0.0, ends_at - monotonic())):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise Fault(Why.UPSTREAM, TIMEOUT) from error
        yield piece
        ends_at = max(ends_at, call.ends_at)


async def _cut(
    call: Call, admitted: Admitted, said: list[str], first_ms: float | None, fault: Fault | None = None
) -> None:
    """Book a stream that broke off, counting its tokens ourselves."""
    usage = fault.usage if fault is not None else None
    answer = Answer("".join(said), Finish.LENGTH, usage, admitted.candidate.endpoint.model)
    await calls.answered(call, admitted, answer, outcome=CUT, first_ms=first_ms)
