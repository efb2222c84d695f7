"""The score of a number over time, for its page."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import id_floor
from wa_app.schemas.devices import HealthHistory, HealthPoint
from wa_app.schemas.principal import Verb
from wa_app.services.devices import verbs

POINTS: Final = 300
"""About as many points a line is drawn with, however long it is."""
ACTIONS: Final = ("guard", "paused", "warmup", "protection", "restricted", "unrestricted")
"""Kinds of events that are actions, or make the guard act."""
MAX_ACTIONS: Final = 100

_LINE = text("""
SELECT date_bin(make_interval(secs => :step), h.created_at, TIMESTAMPTZ '2026-01-01') AS at, min(h.score) AS score,
  max(array_position(ARRAY['none', 'slow', 'half', 'strangers', 'all'], h.guard)) AS guard
FROM device_health h
WHERE h.tenant_id = :tenant AND h.device_id = :device AND h.created_at >= :since
GROUP BY 1 ORDER BY 1
""")
_GUARDS: Final = ("none", "slow", "half", "strangers", "all")


async def health_history(uow: TenantUnitOfWork, device_id: UUID, days: int = 7) -> HealthHistory:
    """The score and its reasons now, the line of the last `days`, and what was done. Raises NotFound."""
    uow.require(Verb.DEVICES_READ)
    device = await verbs.get(uow, device_id)
    since = utc_now() - timedelta(days=days)
    values = {
        "tenant": uow.tenant_id, "device": device_id, "since": since, "step": float(max(60, days * 86_400 // POINTS)),
    }  # fmt: skip
    rows = await uow.session.execute(_LINE, values)
    return HealthHistory(
        score=device.health_score, signs=device.health_signs, guard=device.guard, protection=device.protection,
        points=[HealthPoint(at=row.at, score=row.score, guard=_GUARDS[row.guard - 1]) for row in rows],
        actions=await verbs.list_events(uow, device_id, MAX_ACTIONS, since=id_floor(since), kinds=ACTIONS),
    )  # fmt: skip
