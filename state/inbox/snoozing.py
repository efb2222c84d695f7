"""Until when a conversation is put away: the words people say, on the tenant's clock."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

HOUR, EVENING, MORNING, MONDAY = "hour", "evening", "tomorrow", "monday"
PRESETS: Final = (HOUR, EVENING, MORNING, MONDAY)
MORNING_H: Final = 9
EVENING_H: Final = 18


def until(preset: str, zone: str, now: datetime) -> datetime | None:
    """When it comes back. An evening that has begun is tomorrow's. None for a word that is none of ours."""
    here = now.astimezone(ZoneInfo(zone))
    if preset == HOUR:
        return now + timedelta(hours=1)
    if preset == EVENING:
        return _at(here, 0 if here.hour < EVENING_H else 1, EVENING_H)
    if preset == MORNING:
        return _at(here, 1, MORNING_H)
    if preset == MONDAY:
        return _at(here, 7 - here.weekday(), MORNING_H)
    return None


def _at(here: datetime, days: int, hour: int) -> datetime:
    day = here.date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, tzinfo=here.tzinfo).astimezone(UTC)
