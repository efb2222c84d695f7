"""When something comes again, on a wall clock: every day, on days of the week, on a day of the month."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Every = Literal["daily", "weekly", "monthly"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule on local time. `weekdays` (0 is Monday) count for weekly rules, `month_day` for monthly ones.

    A month without the day (31 in June) has it on its last day.
    """

    every: Every
    at: time
    weekdays: tuple[int, ...] = ()
    month_day: int = 1

    def next_after(self, moment: datetime, zone: ZoneInfo, until: date | None = None) -> datetime | None:
        """The first time after `moment`, in UTC; None when it would lie behind the day `until`.

        Each local day has at most one: an hour that the clock skips is taken when the skip is over, an hour
        that comes twice the first time.
        """
        for day in self._days(moment.astimezone(zone).date()):
            if until is not None and day > until:
                return None
            found = datetime.combine(day, self.at, zone).astimezone(UTC)
            if found > moment:
                return found
        return None

    def _days(self, start: date) -> Iterator[date]:
        """Days of the rule from the one before `start` on: a skipped hour may push a time into the next day."""
        day = start - timedelta(days=1)
        # A month and a bit holds at least two of every kind of day.
        for _ in range(70):
            if self._is_on(day):
                yield day
            day += timedelta(days=1)

    def _is_on(self, day: date) -> bool:
        match self.every:
            case "daily":
                return True
            case "weekly":
                return day.weekday() in self.weekdays
            case "monthly":
                return day.day == min(self.month_day, monthrange(day.year, day.month)[1])
