"""Vectors of texts from one provider and one model: vectors of two models cannot be compared, so nobody stands in."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from uuid import UUID

from wa_app.ai.gateway import call as calls
from wa_app.ai.gateway.clients import client_of
from wa_app.ai.gateway.faults import TIMEOUT
from wa_app.ai.gateway.shapes import Answer, Fault, Vectors, Why
from wa_app.errors import Unavailable
from wa_app.schemas.ai import ChatRequest, Finish, Turn, Usage


async def embed(
    tenant_id: UUID, texts: Sequence[str], *, provider_id: UUID, dimensions: int | None = None, for_query: bool = False,
    deadline_s: float = 30.0, feature: str = "embedding", job_key: str | None = None,
) -> list[list[float]]:  # fmt: skip
    """Embeddings in the order of the texts, booked as a call. Raises as `chat` does; there is no failover."""
    turns = tuple(Turn("user", text) for text in texts)
    request = ChatRequest(feature, "", turns, max_output_tokens=0, provider_id=provider_id, deadline_s=deadline_s,
                          job_key=job_key)  # fmt: skip
    call = await calls.begin(tenant_id, request)
    try:
        admitted = await calls.admit(call, call.choice.candidates[0])
        if admitted is None:
            raise call.nobody()
        found = await _vectors(call, admitted, list(texts), dimensions, for_query)
        usage = None if found.tokens is None else Usage(input=found.tokens)
        answer = Answer("", Finish.STOP, usage, admitted.candidate.endpoint.model)
        await calls.surely(calls.answered(call, admitted, answer))
        return found.vectors
    finally:
        if call.budget is not None:
            await calls.surely(calls.ended(call))


async def _vectors(
    call: calls.Call, admitted: calls.Admitted, texts: list[str], dimensions: int | None, for_query: bool
) -> Vectors:
    try:
        async with client_of(admitted.candidate.endpoint) as adapter:
            async with asyncio.timeout(max(0.0, call.ends_at - monotonic())):
                return await adapter.embed(texts, dimensions, for_query=for_query)
    except (Fault, TimeoutError) as error:
        fault = error if isinstance(error, Fault) else Fault(Why.UPSTREAM, TIMEOUT)
        await calls.surely(calls.failed(call, admitted, fault))
        raise Unavailable(calls.CODES.get(fault.why, "ai_unavailable")) from error
    except BaseException:
        await calls.surely(calls.abandon(admitted))
        raise
