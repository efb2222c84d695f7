"""When somebody is there: the weekly hours of an agent in the tenant's zone."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from wa_app.schemas.agents import OpenHours

DAYS_BACK = 8
"""A week and the night before it: beyond that, hours repeat."""


def is_open(hours: Sequence[OpenHours], at: datetime, zone: ZoneInfo) -> bool:
    """Whether `at` falls into one of the hours; without any it is always open."""
    return not hours or any(start <= at < end for start, end in _spans(hours, at, zone))


def closed_since(hours: Sequence[OpenHours], at: datetime, zone: ZoneInfo) -> datetime:
    """When the absence that `at` falls into began."""
    ends = [end for _, end in _spans(hours, at, zone) if end <= at]
    return max(ends, default=at - timedelta(days=DAYS_BACK))


def _spans(hours: Sequence[OpenHours], at: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """Every opening of the last week up to the day after `at`."""
    today = at.astimezone(zone).date()
    spans = []
    for back in range(-1, DAYS_BACK):
        day = today - timedelta(days=back)
        for one in hours:
            if one.day != day.weekday():
                continue
            start, end = time.fromisoformat(one.start), time.fromisoformat(one.end)
            last = day + timedelta(days=1) if end <= start else day
            spans.append((datetime.combine(day, start, zone), datetime.combine(last, end, zone)))
    return spans
