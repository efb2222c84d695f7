"""When a campaign will be over: its devices' pacing played forward in time. Pure.

Day by day each device contributes what its gaps, caps, pauses, quiet hours and working days let
through; the day on which nothing is left is walked in small steps. Played twice, with gaps as
short and as long as chance may make them, it gives a range rather than a promise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from math import sqrt
from typing import Final
from zoneinfo import ZoneInfo

from wa_app.sending import pacing
from wa_app.sending.pacing import Policy

HORIZON_DAYS: Final = 366
"""Beyond this the answer is "more than a year"."""
STEP_S: Final = 60
QUICKEST_S: Final = 0.1
"""Seconds a message takes at least on a device without a delay: the server's own time."""
REPLIES: Final = 0.1
"""Share of a device's time that replies may take before the campaign's rows."""
SPREAD: Final = 2.0
"""Standard deviations between the middle and either end of the range."""


@dataclass(frozen=True, slots=True)
class Course:
    """One device: how fast it may send, and what it has used up today."""

    policy: Policy
    """As it is in force: warm-up, guard and the campaign's own delays included."""
    weight: int = 1
    used_today: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """Between `early` and `late` the last message leaves; None: not within a year."""

    early: datetime | None
    late: datetime | None
    per_device: list[int]
    """Messages of each device, in the order given."""
    limits: list[str] = field(default_factory=list)
    """What holds it up: `per_day, quiet_hours, working_days, packages, strangers`."""


def forecast(
    people: int, courses: Sequence[Course], start: datetime, zone: ZoneInfo, *, strangers: float = 0.0
) -> Forecast:
    """Play a campaign of `people` messages on these devices from `start`.

    Args:
        zone: the tenant's, for days, quiet hours and working days.
        strangers: share of the people who never wrote to us, for the devices' budget of strangers.
    """
    if not courses or people <= 0:
        return Forecast(None, None, [0] * len(courses))
    each = max(1.0, people / len(courses))
    quick = _Play(courses, zone, strangers, -SPREAD / sqrt(each), 0.0)
    slow = _Play(courses, zone, strangers, SPREAD / sqrt(each), REPLIES)
    early, late = quick.run(people, start), slow.run(people, start)
    return Forecast(early, late, _whole(slow.sent, people if late else None), sorted(slow.limits))


@dataclass(slots=True)
class _Play:
    courses: Sequence[Course]
    zone: ZoneInfo
    strangers: float
    deviation: float
    """Standard deviations by which the mean gap is off."""
    replies: float
    sent: list[float] = field(default_factory=list)
    limits: set[str] = field(default_factory=set)
    """What held a day up that was used to its end, or the last one until it was over."""
    felt: set[str] = field(default_factory=set)

    def run(self, people: int, start: datetime) -> datetime | None:
        self.sent = [0.0] * len(self.courses)
        left, begin = float(people), start.astimezone(self.zone)
        for day in range(HORIZON_DAYS):
            midnight = datetime.combine(begin.date() + timedelta(days=1), time(0), self.zone)
            used = [course.used_today if day == 0 else 0 for course in self.courses]
            share = self._day(begin, midnight, used)
            if sum(share) >= left:
                return self._last_day(begin, left, used).astimezone(start.tzinfo)
            left -= sum(share)
            self._add(share)
            self.limits |= self.felt
            begin = midnight
        return None

    def _last_day(self, begin: datetime, left: float, used: list[int]) -> datetime:
        """Walk the day on which the last message leaves."""
        at, before = begin, [0.0] * len(self.courses)
        while True:
            step = at + timedelta(seconds=STEP_S)
            share = self._day(begin, step, used)
            if sum(share) >= left:
                self.limits |= self.felt
                grown = sum(share) - sum(before)
                part = (left - sum(before)) / grown if grown else 1.0
                self._add([old + (new - old) * part for old, new in zip(before, share, strict=True)])
                return at + (step - at) * part
            at, before = step, share

    def _add(self, share: Sequence[float]) -> None:
        self.sent = [old + new for old, new in zip(self.sent, share, strict=True)]

    def _day(self, begin: datetime, end: datetime, used: Sequence[int]) -> list[float]:
        """What each device gets through between two moments of one day."""
        fastest, self.felt = self._heaviest(), set()
        return [
            self._through(course, begin, end, used[at]) * course.weight / fastest[at]
            for at, course in enumerate(self.courses)
        ]

    def _heaviest(self) -> list[int]:
        """For each device the largest weight among those with its pacing: lanes keep to their shares."""
        most: dict[Policy, int] = {}
        for course in self.courses:
            most[course.policy] = max(most.get(course.policy, 1), course.weight)
        return [most[course.policy] for course in self.courses]

    def _through(self, course: Course, begin: datetime, end: datetime, used: int) -> float:
        open_s = self._open_s(course.policy, begin, end)
        rate = (1 - self.replies) / self._gap_s(course.policy)
        n = open_s * rate
        caps = [("per_minute", course.policy.per_minute, 60), ("per_hour", course.policy.per_hour, 3600)]
        for name, cap, seconds in caps:
            if cap is None:
                continue
            # A window's messages leave as fast as the gaps let them, then the device waits for the next window.
            whole, rest = divmod(open_s, seconds)
            most = whole * min(cap, seconds * rate) + min(cap, rest * rate)
            if most < n:
                n = most
                self.felt.add(name)
        if course.policy.per_day is not None and n > max(0, course.policy.per_day - used):
            n = max(0.0, course.policy.per_day - used)
            self.felt.add("per_day")
        budget = course.policy.strangers_per_day
        if budget is not None and self.strangers > 0 and n * self.strangers > budget:
            n = budget / self.strangers
            self.felt.add("strangers")
        return n

    def _gap_s(self, policy: Policy) -> float:
        mean = (policy.delay_min_s + policy.delay_max_s) / 2
        sigma = (policy.delay_max_s - policy.delay_min_s) / sqrt(12)
        gap = max(QUICKEST_S, policy.delay_min_s, mean + sigma * self.deviation)
        if policy.has_packages and policy.package_size_max is not None:
            self.felt.add("packages")
            size = ((policy.package_size_min or 1) + policy.package_size_max) / 2
            gap += (policy.package_pause_min_s + policy.package_pause_max_s) / 2 / size
        return gap

    def _open_s(self, policy: Policy, begin: datetime, end: datetime) -> float:
        """Seconds between two moments of a day in which the device may send."""
        if begin.weekday() not in policy.working_days:
            self.felt.add("working_days")
            return 0.0
        total, at = 0.0, begin
        while at < end:
            quiet = pacing.quiet_until(policy, at, self.zone)
            if quiet is not None:
                self.felt.add("quiet_hours")
                at = min(end, max(quiet, at + timedelta(seconds=1)))
                continue
            nxt = min(end, _next_quiet(policy, at, self.zone) or end)
            total += (nxt - at).total_seconds()
            at = nxt
        return total


def _next_quiet(policy: Policy, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours begin next, for a moment outside them."""
    if policy.quiet_hours is None or policy.quiet_hours.start == policy.quiet_hours.end:
        return None
    local = now.astimezone(zone)
    begin = datetime.combine(local.date(), policy.quiet_hours.start, zone)
    return begin if begin > local else begin + timedelta(days=1)


def _whole(shares: Sequence[float], people: int | None) -> list[int]:
    """Shares as whole numbers whose sum is `people`."""
    rounded = [int(one) for one in shares]
    if people is None or not rounded:
        return rounded
    for at in sorted(range(len(shares)), key=lambda i: int(shares[i]) - shares[i])[: max(0, people - sum(rounded))]:
        rounded[at] += 1
    rounded[0] += people - sum(rounded)
    return rounded
