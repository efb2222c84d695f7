"""Warming a number up: 14 stages, each with more messages a day. Pure functions of values and times.

A stage is stepped up at most once in a day of the tenant, only while the number is healthy and only when
the day before carried real traffic; a number in trouble steps back. Who calls this: the claim (the
cap of a stage) and the daily job of a number's health (the next stage).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

STAGES: Final = 14
DEFAULT_CURVE: Final = (20, 30, 45, 60, 80, 110, 150, 200, 270, 360, 470, 610, 790, 1_000)
"""Messages a day at each stage."""
MAX_PER_DAY: Final = 100_000
REAL_SHARE: Final = 0.5
"""A day is real traffic when it used at least this share of its stage's cap."""
HEALTHY: Final = 70
"""Score from which a number may advance."""
TROUBLED: Final = 40
"""Score below which it steps back."""


@dataclass(frozen=True, slots=True)
class Day:
    """What a finished day says about a number."""

    sent: int
    score: int | None
    """Health, 0-100; None when it was not measured: then nothing moves forward."""
    guarded: bool = False
    """Whether a guard was at work on it (slowed, halved, paused)."""


def curve_of(stored: object) -> tuple[int, ...]:
    """The curve in `devices.warmup_curve`; the default one unless it holds 14 rising whole numbers."""
    return tuple(stored) if isinstance(stored, list | tuple) and is_curve(stored) else DEFAULT_CURVE


def is_curve(values: Sequence[object]) -> bool:
    """14 whole numbers from 1 that never fall."""
    numbers = [one for one in values if isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= MAX_PER_DAY]
    return len(numbers) == len(values) == STAGES and numbers == sorted(numbers)


def cap(stage: int | None, curve: object = None) -> int | None:
    """Messages a day that a stage allows; None when the number is not warming up."""
    if stage is None:
        return None
    return curve_of(curve)[min(max(stage, 1), STAGES) - 1]


def due_stage(stage: int | None, since: datetime | None, now: datetime, zone: ZoneInfo, day: Day, curve: object = None) -> int | None:
    """The stage a number should be at now, given the last whole day at its present one.

    Args:
        stage: 1-14, None when the number is not warming up.
        since: when it last changed (`warmup_stage_at`); None: never.
        day: the last whole day of the tenant.

    Returns:
        The same stage when nothing is due: it changed today already, the day was not real traffic,
        or the health is in between; one lower when the number is in trouble; one higher when all is well.
        The last stage stays: taking a number out of warm-up is a person's decision.
    """
    if stage is None:
        return None
    stage = min(max(stage, 1), STAGES)
    if since is not None and _date(since, zone) >= _date(now, zone):
        return stage
    if day.guarded or (day.score is not None and day.score < TROUBLED):
        return max(1, stage - 1)
    if day.score is None or day.score < HEALTHY or day.sent < REAL_SHARE * (cap(stage, curve) or 0):
        return stage
    return min(STAGES, stage + 1)


def _date(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
