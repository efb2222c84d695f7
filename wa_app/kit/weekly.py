"""Hours of the week on a wall clock: `Monday to Friday, 17.00 to 08.00`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

EVERY_DAY = tuple(range(7))


@dataclass(frozen=True, slots=True)
class Window:
    """Days (0 is Monday) and hours. An end at or before the start is on the next day; equal ones mean the whole day."""

    days: tuple[int, ...] = EVERY_DAY
    start: time = time(0)
    end: time = time(0)

    def holds(self, local: datetime) -> bool:
        """Whether a moment on the wall clock lies in it.

        >>> night = Window((4,), time(22), time(6))
        >>> night.holds(datetime(2026, 11, 28, 5, 59)), night.holds(datetime(2026, 11, 27, 5, 59))
        (True, False)
        """
        today, clock = local.weekday(), local.time()
        if self.start < self.end:
            return today in self.days and self.start <= clock < self.end
        before = (local - timedelta(days=1)).weekday()
        if self.start == self.end == time(0):
            return today in self.days
        return (today in self.days and clock >= self.start) or (before in self.days and clock < self.end)


def within(windows: Sequence[Window], local: datetime) -> bool:
    """Whether a moment lies in one of the windows; without any it always does."""
    return not windows or any(window.holds(local) for window in windows)
