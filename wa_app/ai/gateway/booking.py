"""The ledger: each try of each provider is a row, and the hour's sums go with it."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text

from wa_app.ai.gateway.shapes import Endpoint
from wa_app.db import SystemUnitOfWork
from wa_app.schemas.ai import Usage

OK: Final = "ok"
_BOOK: Final = text("""
    INSERT INTO ai_usage (tenant_id, call_id, feature, provider_id, provider_name, kind, model, outcome, job_key, is_own,
      is_estimated, input_tokens, cached_tokens, output_tokens, reasoning_tokens, cost_micros, latency_ms, first_ms)
    VALUES (:tenant, :call, :feature, :provider, :name, :kind, :model, :outcome, :job, :own, :estimated, :input, :cached,
      :output, :reasoning, :cost, :ms, :first)
    ON CONFLICT (tenant_id, job_key) WHERE job_key IS NOT NULL DO NOTHING RETURNING 1
""")
_SUM: Final = text("""
    INSERT INTO ai_usage_hours AS h (tenant_id, hour, provider_id, feature, provider_name, is_own, answered, failed,
      tokens, cost_micros, latency_ms)
    VALUES (:tenant, date_trunc('hour', now()), :provider, :feature, :name, :own, :answered, :failed, :tokens, :cost, :ms)
    ON CONFLICT (tenant_id, hour, provider_id, feature) DO UPDATE SET answered = h.answered + excluded.answered,
      failed = h.failed + excluded.failed, tokens = h.tokens + excluded.tokens,
      cost_micros = h.cost_micros + excluded.cost_micros, latency_ms = h.latency_ms + excluded.latency_ms,
      provider_name = excluded.provider_name
""")
_FORGET: Final = text("""
    DELETE FROM ai_usage WHERE id IN (SELECT id FROM ai_usage WHERE id < :before ORDER BY id LIMIT 5000)
""")


@dataclass(frozen=True, slots=True)
class Entry:
    """One try as it is booked."""

    tenant_id: UUID
    call_id: UUID
    feature: str
    endpoint: Endpoint
    model: str
    outcome: str
    usage: Usage
    cost_micros: int | None
    ms: float
    job_key: str | None = None
    is_estimated: bool = False
    first_ms: float | None = None


async def book(uow: SystemUnitOfWork, entry: Entry) -> bool:
    """Write a try down; False when its job had been booked before, and nothing was written."""
    endpoint, usage = entry.endpoint, entry.usage
    shared = {"tenant": entry.tenant_id, "provider": endpoint.id, "name": endpoint.name, "feature": entry.feature,
              "own": endpoint.is_own}  # fmt: skip
    values = shared | {
        "call": entry.call_id, "kind": endpoint.kind.value, "model": entry.model, "outcome": entry.outcome,
        "job": entry.job_key, "estimated": entry.is_estimated, "input": usage.input, "cached": usage.cached_input,
        "output": usage.output, "reasoning": usage.reasoning, "cost": entry.cost_micros, "ms": round(entry.ms),
        "first": None if entry.first_ms is None else round(entry.first_ms),
    }  # fmt: skip
    if (await uow.session.execute(_BOOK, values)).scalar_one_or_none() is None:
        return False
    answered = entry.outcome == OK
    await uow.session.execute(_SUM, shared | {
        "answered": int(answered), "failed": int(not answered), "tokens": usage.input + usage.output,
        "cost": entry.cost_micros or 0, "ms": round(entry.ms) if answered else 0,
    })  # fmt: skip
    return True
