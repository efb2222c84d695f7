"""How a tenant's calls are spread, its budget, and what is used of it."""

from collections.abc import Mapping
from typing import Any, Final, get_args
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from wa_app.ai.gateway.choosing import package_limits
from wa_app.db import TenantUnitOfWork
from wa_app.kit.clock import utc_now
from wa_app.models.ai import AiSettings, CounterOf, Rotation, Source
from wa_app.schemas.ai_providers import AiSettingsUpdate, AiSettingsView, Meter
from wa_app.schemas.principal import Verb
from wa_app.services import audit

METERS: Final = tuple(get_args(Meter.model_fields["key"].annotation))
_READ: Final = text("""
    SELECT s.*, p.limits, (date_trunc('day', now() AT TIME ZONE t.time_zone) + interval '1 day') AT TIME ZONE t.time_zone AS day_ends_at,
      (date_trunc('month', now() AT TIME ZONE t.time_zone) + interval '1 month') AT TIME ZONE t.time_zone AS month_ends_at,
      to_char(now() AT TIME ZONE t.time_zone, 'YYYY-MM-DD') AS day
    FROM tenants t JOIN packages p ON p.key = t.package_key LEFT JOIN ai_settings s ON s.tenant_id = t.id WHERE t.id = :t
""")
_COUNTERS: Final = text("""
    SELECT subject, period, requests, tokens, cost_micros FROM ai_counters
    WHERE subject_id = :t AND subject IN ('budget', 'package') AND period IN (:day, :month)
""")
_MAKE: Final = text("INSERT INTO ai_settings (tenant_id) VALUES (:t) ON CONFLICT (tenant_id) DO NOTHING")


async def get_settings_view(uow: TenantUnitOfWork) -> AiSettingsView:
    """Rotation, source, budget and package with what is used of them."""
    uow.require(Verb.AI_PROVIDERS_READ)
    row = (await uow.session.execute(_READ, {"t": uow.tenant_id})).mappings().one()
    values = {"t": uow.tenant_id, "day": row["day"], "month": row["day"][:7]}
    counters = {(one.subject, one.period): one for one in await uow.session.execute(_COUNTERS, values)}
    package = package_limits(row["limits"])
    allowed = {key: getattr(package, key) for key in METERS}
    return AiSettingsView(
        rotation=row["rotation"] or Rotation.PRIORITY, source=row["source"] or Source.AUTO,
        budget=[_meter(key, row[key], CounterOf.BUDGET, row, counters) for key in METERS],
        package=[_meter(key, limit, CounterOf.PACKAGE, row, counters) for key, limit in allowed.items() if limit is not None],
        own_limit=row["limits"].get("ai_providers"),
    )  # fmt: skip


def _meter(key: str, limit: int | None, subject: CounterOf, row: Mapping[Any, Any], counters: dict[Any, Any]) -> Meter:
    is_daily = key.startswith("daily")
    counter = counters.get((subject.value, row["day"] if is_daily else row["day"][:7]))
    used = getattr(counter, key.partition("_")[2], 0) if counter is not None else 0
    return Meter(key=key, used=used, limit=limit, resets_at=row["day_ends_at" if is_daily else "month_ends_at"])


async def change_settings(uow: TenantUnitOfWork, data: AiSettingsUpdate) -> AiSettingsView:
    """Change what is given; null takes a limit away."""
    uow.require(Verb.AI_PROVIDERS_WRITE)
    await write(uow.session, uow.tenant_id, data)
    audit.record(uow, "ai_settings.update", "ai_settings", None, fields=sorted(data.model_fields_set))
    return await get_settings_view(uow)


async def write(session: AsyncSession, owner: UUID | None, data: AiSettingsUpdate) -> None:
    """Write the given fields into the owner's row, which is made when it is missing."""
    await session.execute(_MAKE, {"t": owner})
    owned = col(AiSettings.tenant_id).is_(None) if owner is None else col(AiSettings.tenant_id) == owner
    row = (await session.execute(select(AiSettings).where(owned).with_for_update())).scalar_one()
    for key in data.model_fields_set:
        value = getattr(data, key)
        if value is not None or key in METERS:
            setattr(row, key, value)
    row.updated_at = utc_now()
    await session.flush()
