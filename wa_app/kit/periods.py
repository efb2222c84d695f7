"""When the hour, day, week or month of a moment began on a wall clock."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Where a period begins that never starts anew."""


def period_start(period: str, at: datetime, zone: ZoneInfo) -> datetime:
    """The beginning in UTC of the `hour`, `day`, `week` (from Monday) or `month` around `at`; of `ever`, 1970.

    >>> str(period_start("day", datetime(2026, 11, 27, 18, tzinfo=UTC), ZoneInfo("Asia/Jakarta")))
    '2026-11-27 17:00:00+00:00'
    """
    if period == "ever":
        return BEGINNING
    local = at.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    if period != "hour":
        local = local.replace(hour=0, fold=0)
    if period == "week":
        local -= timedelta(days=local.weekday())
    if period == "month":
        local = local.replace(day=1)
    return local.astimezone(UTC)
