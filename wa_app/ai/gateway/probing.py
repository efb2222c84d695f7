"""Trying one provider out: a short real call, and the list of its models."""

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import Final
from uuid import UUID

from sqlalchemy import text

from wa_app.ai.gateway import booking, circuits, pricing, quotas
from wa_app.ai.gateway.call import estimated
from wa_app.ai.gateway.choosing import Candidate, Limits, endpoint_of
from wa_app.ai.gateway.clients import client_of
from wa_app.ai.gateway.faults import TIMEOUT
from wa_app.ai.gateway.quotas import Account
from wa_app.ai.gateway.shapes import Answer, Ask, Endpoint, Fault, Why
from wa_app.config import get_settings
from wa_app.db import SystemUnitOfWork, system_unit_of_work
from wa_app.errors import NotFound
from wa_app.kit.ids import new_id
from wa_app.models.ai import CounterOf
from wa_app.schemas.ai import Turn, Usage

QUESTION: Final = {"id": "Halo, apakah Anda siap membantu pelanggan?", "en": "Hello, are you ready to help customers?"}
SYSTEM: Final = "You are a shop assistant. Answer in one short sentence, in the language of the question."
MODELS_S: Final = 15.0
MAX_TOKENS: Final = 300
"""Enough for models that think before they speak."""
_FIND: Final = text("""
    SELECT p.*, k.cipher, k.fingerprint,
      to_char(now() AT TIME ZONE COALESCE((SELECT time_zone FROM tenants t WHERE t.id = p.tenant_id), :zone), 'YYYY-MM-DD') AS day
    FROM ai_providers p LEFT JOIN ai_provider_keys k ON k.provider_id = p.id
    WHERE p.id = :id AND p.tenant_id IS NOT DISTINCT FROM CAST(:tenant AS uuid) AND p.deleted_at IS NULL
""")
_ENABLE: Final = text("UPDATE ai_providers SET disabled_at = NULL, last_error = '' WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of it: an answer, or a fault."""

    ms: float
    answer: Answer | None
    usage: Usage
    cost_micros: int | None
    fault: Fault | None


async def find(owner: UUID | None, provider_id: UUID) -> tuple[Endpoint, Candidate]:
    """A provider of a tenant, or of the platform (None). Raises NotFound."""
    async with system_unit_of_work() as uow:
        values = {"id": provider_id, "tenant": owner, "zone": get_settings().time_zone}
        row = (await uow.session.execute(_FIND, values)).mappings().one_or_none()
    if row is None:
        raise NotFound
    endpoint = endpoint_of(row)
    return endpoint, Candidate(endpoint, Limits(), row["day"], owner, 1, "", needs_probe=True)


async def probe(owner: UUID | None, provider_id: UUID, payer: UUID, language: str) -> Probe:
    """Ask a provider something small, whatever its circuit says; a test that passes closes it and trusts the key again.

    The call is counted on the provider and booked on `payer`, the tenant of whoever tests.
    """
    endpoint, candidate = await find(owner, provider_id)
    await pricing.ready()
    ask = Ask(SYSTEM, (Turn("user", QUESTION["en" if language == "en" else "id"]),), None, MAX_TOKENS, feature="test")
    began = monotonic()
    answer: Answer | None = None
    fault: Fault | None = None
    try:
        async with client_of(endpoint) as adapter, asyncio.timeout(endpoint.time_limit_s):
            answer = await adapter.chat(ask)
    except Fault as error:
        fault = error
    except TimeoutError:
        fault = Fault(Why.UPSTREAM, TIMEOUT)
    ms = (monotonic() - began) * 1000
    usage = (answer.usage or estimated(ask, answer.text)) if answer else (fault.usage if fault else None) or Usage()
    model = answer.model if answer else endpoint.model
    cost = pricing.cost_micros(endpoint.kind, endpoint.base_url, model, usage) if usage.input else 0
    async with system_unit_of_work() as uow:
        await _note(uow, candidate, fault, usage, cost)
        outcome = booking.OK if fault is None else fault.why.value
        await booking.book(uow, booking.Entry(
            payer, new_id(), "test", endpoint, model, outcome, usage, cost, ms,
            is_estimated=answer is not None and answer.usage is None,
        ))  # fmt: skip
    return Probe(ms, answer, usage, cost, fault)


async def _note(uow: SystemUnitOfWork, candidate: Candidate, fault: Fault | None, usage: Usage, cost: int | None) -> None:
    if fault is not None:
        await circuits.note_fault(uow, candidate, fault, is_test=True)
        return
    await circuits.clear(uow, candidate.endpoint.id)
    await uow.session.execute(_ENABLE, {"id": candidate.endpoint.id})
    account = Account(CounterOf.PROVIDER, candidate.endpoint.id, candidate.tenant_id, candidate.day, candidate.limits)
    await quotas.count(uow, account, usage.input + usage.output, cost or 0)


async def models(endpoint: Endpoint) -> list[str]:
    """Names of the models that a provider offers to this key. Raises Fault."""
    try:
        async with client_of(endpoint) as adapter, asyncio.timeout(MODELS_S):
            return sorted(set(await adapter.models()))
    except TimeoutError as error:
        raise Fault(Why.UPSTREAM, TIMEOUT) from error
