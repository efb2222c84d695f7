"""How a device may send: gaps, packages, caps, quiet hours, working days. Pure functions of values and times.

Gaps follow an absolute schedule: the next time is drawn from the last *planned* time, so a
late wake-up does not slow a device down. What the caps leave is said by `wa_app.sending.caps`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from random import Random
from typing import Any, Final, Literal, Self, get_args
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
TYPING_SHARE: Final = 0.8
"""Typing takes at most this much of the gap that follows, so that it never slows the schedule down."""
EVERY_DAY: Final = frozenset(range(7))

Guard = Literal["none", "slow", "half", "strangers", "all"]
"""What the health of a number asks for: slow = delays doubled, half = caps halved, strangers = nobody who
never wrote, all = nothing but answers."""


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
    """How fast a device may send (`devices.pacing`). `None` for a cap or a package means none."""

    delay_min_s: float = DEFAULT_DELAY_MIN_S
    delay_max_s: float = DEFAULT_DELAY_MAX_S
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    """Over a calendar day of the tenant."""
    strangers_per_day: int | None = None
    """Messages a day to contacts who never wrote to us."""
    package_size_min: int | None = None
    package_size_max: int | None = None
    package_pause_min_s: float = 0.0
    package_pause_max_s: float = 0.0
    """After a drawn number of messages the device rests for a drawn time."""
    quiet_hours: QuietHours | None = None
    working_days: frozenset[int] = EVERY_DAY
    """Days on which campaigns leave, 0 = Monday … 6 = Sunday, in the contact's zone."""
    typing: bool = True

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """The policy in `devices.pacing`; what is missing or makes no sense takes its default."""
        low = _seconds(stored.get("delay_min_s"), DEFAULT_DELAY_MIN_S)
        high = _seconds(stored.get("delay_max_s"), max(low, DEFAULT_DELAY_MAX_S))
        size, most = _size(stored.get("package_size_min")), _size(stored.get("package_size_max"))
        rest = _seconds(stored.get("package_pause_min_s"), 0.0)
        return cls(
            delay_min_s=low,
            delay_max_s=max(low, high),
            per_minute=_cap(stored.get("per_minute")),
            per_hour=_cap(stored.get("per_hour")),
            per_day=_cap(stored.get("per_day")),
            strangers_per_day=_cap(stored.get("strangers_per_day")),
            package_size_min=size if size is not None else most,
            package_size_max=max(size or 1, most or 1) if size is not None or most is not None else None,
            package_pause_min_s=rest,
            package_pause_max_s=max(rest, _seconds(stored.get("package_pause_max_s"), rest)),
            quiet_hours=_quiet(stored.get("quiet_hours")),
            working_days=_days(stored.get("working_days")),
            typing=stored.get("typing") is not False,
        )

    def slower(self, low: float | None, high: float | None) -> "Policy":
        """This policy with a campaign's delays where those are slower."""
        least = max(self.delay_min_s, low or 0.0)
        return replace(self, delay_min_s=least, delay_max_s=max(self.delay_max_s, high or 0.0, least))

    def limited(self, guard: Guard, stage_cap: int | None) -> "Policy":
        """This policy under the number's guard and the cap of its stage of warm-up (None: not warming up)."""
        day = min((cap for cap in (self.per_day, stage_cap) if cap is not None), default=None)
        made = replace(self, per_day=day)
        if guard == "slow":
            made = replace(made, delay_min_s=max(1.0, self.delay_min_s * 2), delay_max_s=max(2.0, self.delay_max_s * 2))
        if guard == "half":
            made = replace(
                made, per_minute=_half(self.per_minute), per_hour=_half(self.per_hour), per_day=_half(day),
                strangers_per_day=_half(self.strangers_per_day),
            )  # fmt: skip
        if guard == "strangers":
            made = replace(made, strangers_per_day=0)
        return made

    @property
    def caps(self) -> Mapping[str, int]:
        """The caps that are set, by period."""
        pairs = (("minute", self.per_minute), ("hour", self.per_hour), ("day", self.per_day))
        return {period: cap for period, cap in pairs if cap is not None}

    @property
    def has_delay(self) -> bool:
        return self.delay_max_s > 0

    @property
    def has_packages(self) -> bool:
        return self.package_size_max is not None and self.package_pause_max_s > 0

    @property
    def has_hours(self) -> bool:
        """Whether the time of day or the weekday matters."""
        return self.quiet_hours is not None or self.working_days != EVERY_DAY

    @property
    def window(self) -> int:
        """How many messages may be in flight at once."""
        return 1 if self.has_delay else MAX_WINDOW

    @property
    def longest_gap_s(self) -> float:
        """No planned wait between two messages is longer, caps and hours apart."""
        return self.delay_max_s + (self.package_pause_max_s if self.has_packages else 0.0)


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


def package(policy: Policy, left: int | None, draw: Random) -> int | None:
    """Messages left in the package; draws the next one when none is open. None without packages."""
    if not policy.has_packages or policy.package_size_max is None:
        return None
    if left is not None and 0 < left <= policy.package_size_max:
        return left
    return draw.randint(min(policy.package_size_min or 1, policy.package_size_max), policy.package_size_max)


def package_pause(policy: Policy, draw: Random) -> timedelta:
    """How long the device rests after a package."""
    return timedelta(seconds=draw.uniform(policy.package_pause_min_s, policy.package_pause_max_s))


def day_start(now: datetime, zone: ZoneInfo) -> datetime:
    """Midnight of the tenant's day, in UTC arithmetic (a day of 23 or 25 hours is one day)."""
    local = now.astimezone(zone)
    return datetime.combine(local.date(), time(0), zone).astimezone(now.tzinfo)


def next_day(now: datetime, zone: ZoneInfo) -> datetime:
    """Midnight after `now` in the tenant's zone."""
    local = now.astimezone(zone)
    return datetime.combine(local.date() + timedelta(days=1), time(0), zone).astimezone(now.tzinfo)


def quiet_until(policy: Policy, now: datetime, zone: ZoneInfo) -> datetime | None:
    """End of the quiet hours that now falls into in this zone, None outside them."""
    if policy.quiet_hours is None:
        return None
    end = policy.quiet_hours.until(now.astimezone(zone))
    return None if end is None else end.astimezone(now.tzinfo)


def opens_at(policy: Policy, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When people in this zone may be written to again; None: now. Quiet hours and working days together."""
    if not policy.has_hours:
        return None
    at = now
    # A week of closed days with a quiet night before each: more steps are not possible.
    for _ in range(16):
        if at.astimezone(zone).weekday() not in policy.working_days:
            at = next_day(at, zone)
        elif (end := quiet_until(policy, at, zone)) is not None and end > at:
            at = end
        else:
            break
    return None if at == now else at


def typing_s(policy: Policy, text: str, gap_s: float | None = None) -> float:
    """How long "typing…" is shown before a text of this length; 0 when it is not.

    Args:
        gap_s: the wait that follows this message, if one was drawn.
    """
    if not policy.typing or not policy.has_delay:
        return 0.0
    most = policy.delay_max_s if gap_s is None else gap_s * TYPING_SHARE
    return max(0.0, min(TYPING_MAX_S, 1.0 + len(text) / TYPING_CHARS_PER_S, most))


def guard_of(value: object) -> Guard:
    """The guard in a device's row; an unknown word protects least, as the row's CHECK knows the words."""
    return value if value in get_args(Guard) else "none"  # type: ignore[return-value]


def _seconds(value: object, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return default
    return min(MAX_DELAY_S, max(0.0, float(value)))


def _cap(value: object) -> int | None:
    return None if isinstance(value, bool) or not isinstance(value, int) else max(0, value)


def _size(value: object) -> int | None:
    return None if isinstance(value, bool) or not isinstance(value, int) else max(1, value)


def _half(cap: int | None) -> int | None:
    return None if cap is None else max(1, cap // 2) if cap else 0


def _days(value: object) -> frozenset[int]:
    if not isinstance(value, list | tuple):
        return EVERY_DAY
    days = frozenset(one for one in value if isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= 6)
    return days or EVERY_DAY


def _quiet(value: object) -> QuietHours | None:
    if not isinstance(value, Mapping):
        return None
    try:
        return QuietHours(time.fromisoformat(str(value.get("start"))), time.fromisoformat(str(value.get("end"))))
    except ValueError:
        return None
