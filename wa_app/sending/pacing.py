"""When a device may send next: gaps, caps and quiet hours. Pure functions of values and times.

Gaps follow an absolute schedule: the next time is drawn from the last *planned* time, so a
late wake-up does not slow a device down. Caps look back over a sliding window made of small
buckets (`device_usage`), the oldest counted whole, so no window of that length ever holds
more than the cap.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from random import Random
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

MAX_WINDOW: Final = 16
"""Messages in flight at once when a device has no delay (DESIGN §6)."""
DEFAULT_DELAY_MIN_S: Final = 5.0
DEFAULT_DELAY_MAX_S: Final = 20.0
MAX_DELAY_S: Final = 3_600.0
LATE_S: Final = 1.0
"""A gap may come out this much shorter than its minimum, to make up for a late wake-up."""
TYPING_CHARS_PER_S: Final = 14.0
TYPING_MAX_S: Final = 6.0

BUCKETS: Final[Mapping[str, tuple[int, int]]] = {"minute": (66, 5), "hour": (3_606, 120)}
"""Period → its length and the length of one bucket, in seconds. A day is the tenant's calendar day.

Six seconds more than the period itself: what is booked now leaves up to `TYPING_MAX_S` later.
"""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end` nothing of a campaign leaves; may span midnight."""

    start: time
    end: time

    def until(self, local: datetime) -> datetime | None:
        """End of the quiet time that `local` falls into, None when it does not."""
        now = local.time().replace(tzinfo=None)
        if self.start == self.end:
            return None
        over_midnight = self.start > self.end
        inside = (now >= self.start or now < self.end) if over_midnight else self.start <= now < self.end
        if not inside:
            return None
        day = local.date() + timedelta(days=1 if over_midnight and now >= self.start else 0)
        return datetime.combine(day, self.end, local.tzinfo)


@dataclass(frozen=True, slots=True)
class Policy:
    """How fast a device may send. `None` for a cap means none."""

    delay_min_s: float = DEFAULT_DELAY_MIN_S
    delay_max_s: float = DEFAULT_DELAY_MAX_S
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    quiet_hours: QuietHours | None = None
    typing: bool = True

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """The policy in `devices.pacing`; what is missing or makes no sense takes its default."""
        low = _seconds(stored.get("delay_min_s"), DEFAULT_DELAY_MIN_S)
        high = _seconds(stored.get("delay_max_s"), max(low, DEFAULT_DELAY_MAX_S))
        return cls(
            delay_min_s=low,
            delay_max_s=max(low, high),
            per_minute=_cap(stored.get("per_minute")),
            per_hour=_cap(stored.get("per_hour")),
            per_day=_cap(stored.get("per_day")),
            quiet_hours=_quiet(stored.get("quiet_hours")),
            typing=stored.get("typing") is not False,
        )

    def slower(self, low: float | None, high: float | None) -> "Policy":
        """This policy with a campaign's delays where those are slower."""
        least = max(self.delay_min_s, low or 0.0)
        return replace(self, delay_min_s=least, delay_max_s=max(self.delay_max_s, high or 0.0, least))

    @property
    def caps(self) -> Mapping[str, int]:
        """The caps that are set, by period."""
        pairs = (("minute", self.per_minute), ("hour", self.per_hour), ("day", self.per_day))
        return {period: cap for period, cap in pairs if cap is not None}

    @property
    def has_delay(self) -> bool:
        return self.delay_max_s > 0

    @property
    def window(self) -> int:
        """How many messages may be in flight at once."""
        return 1 if self.has_delay else MAX_WINDOW


def next_send(policy: Policy, planned: datetime | None, now: datetime, draw: Random) -> datetime:
    """Earliest time of the send after the one that was planned for `planned` and leaves `now`.

    After a pause longer than the largest gap the schedule starts afresh: there are no bursts.
    """
    if not policy.has_delay:
        return now
    gap = timedelta(seconds=draw.uniform(policy.delay_min_s, policy.delay_max_s))
    behind = timedelta(seconds=policy.delay_max_s)
    base = planned if planned is not None and now - behind <= planned <= now else now
    floor = now + timedelta(seconds=max(0.0, policy.delay_min_s - LATE_S))
    return max(base + gap, floor)


def allowance(policy: Policy, used: Mapping[str, int]) -> int:
    """How many messages the caps and the window leave for now."""
    left = [cap - used.get(period, 0) for period, cap in policy.caps.items()]
    return max(0, min([policy.window, *left]))


def capped_wait_s(policy: Policy, used: Mapping[str, int], now: datetime, zone: ZoneInfo) -> float:
    """How long to wait, in seconds, when `allowance` is 0: to the next bucket of the longest full period."""
    full = [period for period, cap in policy.caps.items() if used.get(period, 0) >= cap]
    if "day" in full:
        return max(1.0, (day_start(now, zone) + timedelta(days=1) - now).total_seconds())
    waits = [seconds_to_next_bucket(period, now) for period in full]
    return max(waits, default=1.0)


def seconds_to_next_bucket(period: str, now: datetime) -> float:
    size = BUCKETS[period][1]
    return size - now.timestamp() % size


def bucket_start(period: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Start of the bucket that a message sent now is booked in."""
    if period == "day":
        return day_start(now, zone)
    size = BUCKETS[period][1]
    return now - timedelta(seconds=now.timestamp() % size)


def window_start(period: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Buckets that start after this moment count against the cap."""
    if period == "day":
        return day_start(now, zone) - timedelta(seconds=1)
    length, size = BUCKETS[period]
    return now - timedelta(seconds=length + size)


def day_start(now: datetime, zone: ZoneInfo) -> datetime:
    """Midnight of the tenant's day, in UTC arithmetic (a day of 23 or 25 hours is one day)."""
    local = now.astimezone(zone)
    return datetime.combine(local.date(), time(0), zone).astimezone(now.tzinfo)


def quiet_until(policy: Policy, now: datetime, zone: ZoneInfo) -> datetime | None:
    """End of the quiet hours that now falls into in this zone, None outside them."""
    if policy.quiet_hours is None:
        return None
    end = policy.quiet_hours.until(now.astimezone(zone))
    return None if end is None else end.astimezone(now.tzinfo)


def typing_s(policy: Policy, text: str) -> float:
    """How long "typing…" is shown before a text of this length; 0 when it is not."""
    if not policy.typing or not policy.has_delay:
        return 0.0
    return min(TYPING_MAX_S, 1.0 + len(text) / TYPING_CHARS_PER_S, policy.delay_max_s)


def _seconds(value: object, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return min(MAX_DELAY_S, max(0.0, float(value)))


def _cap(value: object) -> int | None:
    return None if isinstance(value, bool) or not isinstance(value, int) else max(0, value)


def _quiet(value: object) -> QuietHours | None:
    if not isinstance(value, Mapping):
        return None
    try:
        return QuietHours(time.fromisoformat(str(value.get("start"))), time.fromisoformat(str(value.get("end"))))
    except ValueError:
        return None
