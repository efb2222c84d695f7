"""What was used of language models: bars, the newest calls, and how long the ledger is kept."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import id_floor
from wa_app.schemas.ai_providers import UsageBar, UsageCall, UsageView
from wa_app.schemas.principal import Verb

LEDGER_DAYS, HOURS_DAYS, COUNTER_DAYS = 90, 800, 400
"""How long single calls, hourly sums and used-up counters are kept."""
DAYS: Final = 30
CALLS: Final = 50
_OWN: Final = "tenant_id = CAST(:tenant AS uuid)"
_BARS: Final = """
    SELECT date_trunc(:unit, hour AT TIME ZONE :zone) AT TIME ZONE :zone AS at, provider_id, max(provider_name) AS provider_name,
      sum(answered)::int AS answered, sum(failed)::int AS failed, sum(tokens)::bigint AS tokens, sum(cost_micros)::bigint AS cost_micros
    FROM ai_usage_hours WHERE {where}
      AND hour >= (date_trunc('day', now() AT TIME ZONE :zone) - make_interval(days => :days)) AT TIME ZONE :zone
    GROUP BY 1, 2 ORDER BY 1, 3
"""
_TODAY: Final = """
    SELECT COALESCE(sum(answered), 0)::int AS answered, COALESCE(sum(failed), 0)::int AS failed, COALESCE(sum(cost_micros), 0)::bigint AS cost,
      count(DISTINCT tenant_id)::int AS tenants
    FROM ai_usage_hours WHERE {where} AND hour >= date_trunc('day', now() AT TIME ZONE :zone) AT TIME ZONE :zone
"""
_UNANSWERED: Final = """
    SELECT count(*)::int FROM (SELECT 1 FROM ai_usage WHERE {where} AND feature <> 'test'
      AND created_at >= date_trunc('day', now() AT TIME ZONE :zone) AT TIME ZONE :zone
      GROUP BY tenant_id, call_id HAVING bool_and(outcome NOT IN ('ok', 'cut'))) AS lost
"""
_CALLS: Final = """
    SELECT u.id, u.created_at AS at, u.feature, u.provider_name, u.model, u.outcome, u.input_tokens + u.output_tokens AS tokens,
      u.is_estimated, u.cost_micros, u.latency_ms AS ms, COALESCE((SELECT o.provider_name FROM ai_usage o
        WHERE o.tenant_id = u.tenant_id AND o.call_id = u.call_id AND o.outcome = 'ok' AND o.id > u.id
          AND o.created_at >= u.created_at AND o.created_at < u.created_at + interval '10 min' LIMIT 1), '') AS took_over
    FROM ai_usage u WHERE {where} {more} ORDER BY u.created_at DESC, u.id DESC LIMIT :limit
"""
_FAILED: Final = "AND u.outcome <> 'ok' AND u.created_at > now() - interval '7 days'"
_ZONE: Final = text("SELECT time_zone FROM tenants WHERE id = :t")


async def summary(uow: TenantUnitOfWork, *, limit: int = CALLS) -> UsageView:
    """The tenant's last 30 days by day and provider, and its newest calls."""
    uow.require(Verb.AI_PROVIDERS_READ)
    zone = (await uow.session.execute(_ZONE, {"t": uow.tenant_id})).scalar_one()
    return await read(uow.session, _OWN, zone, tenant=uow.tenant_id, unit="day", days=DAYS - 1, limit=min(limit, 200))


async def platform_summary(uow: SystemUnitOfWork, zone: str, *, limit: int = 20) -> UsageView:
    """Today by hour and provider over all tenants, and the newest failures with who took over."""
    return await read(uow.session, "NOT is_own", zone, unit="hour", days=0, limit=limit, more=_FAILED)


async def read(
    session: AsyncSession, where: str, zone: str, *, unit: str, days: int, limit: int, tenant: UUID | None = None,
    more: str = "",
) -> UsageView:  # fmt: skip
    """The parts of a summary; `where` is one of our own conditions."""
    values: dict[str, Any] = {"tenant": tenant, "zone": zone}

    async def ask(statement: str, **also: Any) -> Any:
        return await session.execute(text(statement.format(where=where, more=more)), values | also)

    bars = (await ask(_BARS, unit=unit, days=days)).mappings().all()
    today = (await ask(_TODAY)).one()
    calls = (await ask(_CALLS, limit=limit)).mappings().all()
    return UsageView(
        bars=[UsageBar(**one) for one in bars], calls=[UsageCall(**one) for one in calls], answered_today=today.answered,
        failed_today=today.failed, unanswered_today=(await ask(_UNANSWERED)).scalar_one(), cost_today_micros=today.cost,
        tenants_today=today.tenants,
    )  # fmt: skip


_FORGET_CALLS: Final = text("DELETE FROM ai_usage WHERE id IN (SELECT id FROM ai_usage WHERE id < :floor ORDER BY id LIMIT 5000)")
_FORGET_HOURS: Final = text("DELETE FROM ai_usage_hours WHERE hour < now() - make_interval(days => :days)")
_FORGET_COUNTERS: Final = text("DELETE FROM ai_counters WHERE created_at < now() - make_interval(days => :days)")


async def tidy(uow: SystemUnitOfWork) -> None:
    """Forget what is older than its time, in all tenants."""
    await uow.session.execute(_FORGET_CALLS, {"floor": id_floor(utc_now() - timedelta(days=LEDGER_DAYS))})
    await uow.session.execute(_FORGET_HOURS, {"days": HOURS_DAYS})
    await uow.session.execute(_FORGET_COUNTERS, {"days": COUNTER_DAYS})
