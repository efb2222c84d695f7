"""The demo's week of health: a steady number, one that Sapa slowed for a while, one that warms up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import id_floor

DAYS = 7
STEP = timedelta(minutes=90)
DIP_FROM, DIP_TO = timedelta(hours=52), timedelta(hours=45)
"""When the second number was in trouble, counted back from now."""
STAGE = 6

_SAMPLE = text(
    "INSERT INTO device_health (id, tenant_id, device_id, score, guard, created_at) "
    "VALUES (:id, :t, :d, :score, :guard, :at)"
)
_EVENT = text(
    "INSERT INTO device_events (id, tenant_id, device_id, kind, detail, created_at) "
    "VALUES (:id, :t, :d, :kind, CAST(:detail AS jsonb), :at)"
)
_STAGE = text("UPDATE devices SET warmup_stage = :n, warmup_stage_at = now() WHERE tenant_id = :t AND id = :d")


async def seed_health(uow: TenantUnitOfWork, numbers: Sequence[UUID]) -> None:
    """Give the demo's numbers a week behind them, once."""
    found = await uow.session.execute(text("SELECT EXISTS (SELECT 1 FROM device_health WHERE score IS NOT NULL)"))
    if found.scalar_one() or len(numbers) < 3:
        return
    draw, now = Random(1928), utc_now()
    for place, device in enumerate(numbers[:3]):
        for step in range(int(timedelta(days=DAYS) / STEP), 0, -1):
            ago = step * STEP
            score, guard = _score(place, ago, draw)
            await uow.session.execute(_SAMPLE, _row(uow, device, now - ago, draw) | {"score": score, "guard": guard})
    slowed = {"before": "none", "level": "slow", "reason": "opt_outs", "value": 3.4, "fine": 1, "score": 63}
    eased = {"before": "slow", "level": "none", "reason": "", "score": 84}
    await _note(uow, numbers[1], now - DIP_FROM, draw, "guard", slowed)
    await _note(uow, numbers[1], now - DIP_TO, draw, "guard", eased)
    for stage in range(1, STAGE + 1):
        detail = {"was": stage - 1 or None, "now": stage, "by": "person" if stage == 1 else "health"}
        await _note(uow, numbers[2], now - timedelta(days=STAGE - stage, minutes=20), draw, "warmup", detail)
    await uow.session.execute(_STAGE, {"n": STAGE, "t": uow.tenant_id, "d": numbers[2]})


def _score(place: int, ago: timedelta, draw: Random) -> tuple[int, str]:
    """The score of a number so long ago, and what the guard did then."""
    if place == 1 and DIP_TO < ago <= DIP_FROM:
        return 63 + round(14 * (DIP_FROM - ago) / (DIP_FROM - DIP_TO)), "slow"
    if place == 1 and DIP_FROM < ago <= DIP_FROM + timedelta(hours=6):
        return 78 + draw.randint(-3, 3), "none"
    return (96, 93, 90)[place] + draw.randint(-3, 3), "none"


async def _note(
    uow: TenantUnitOfWork, device: UUID, at: datetime, draw: Random, kind: str, detail: dict[str, Any]
) -> None:
    told = {"kind": kind, "detail": orjson.dumps(detail).decode()}
    await uow.session.execute(_EVENT, _row(uow, device, at, draw) | told)


def _row(uow: TenantUnitOfWork, device: UUID, at: datetime, draw: Random) -> dict[str, Any]:
    """Keys of a row made then: lists are read in the order of ids."""
    return {"id": UUID(int=id_floor(at).int | draw.getrandbits(60)), "t": uow.tenant_id, "d": device, "at": at}
