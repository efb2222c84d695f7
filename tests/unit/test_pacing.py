"""Pacing holds its promises for any policy: no cap is passed, nobody starves, no bursts after a pause."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from wa_app.sending import pacing
from wa_app.sending.pacing import Policy, QuietHours

JAKARTA = ZoneInfo("Asia/Jakarta")
START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def simulate(policy: Policy, seconds: float, seed: int, lag_s: float = 0.5) -> list[datetime]:
    """Sends of a device that always has work, woken up to `lag_s` late, as the lane would do it."""
    draw, now, due = Random(seed), START, None
    buckets: Counter[tuple[str, datetime]] = Counter()
    sent: list[datetime] = []
    while now < START + timedelta(seconds=seconds):
        used = _used(buckets, now)
        room = pacing.allowance(policy, used)
        if not room:
            now += timedelta(seconds=pacing.capped_wait_s(policy, used, now, JAKARTA))
            continue
        sent += [now] * room
        for period in used:
            buckets[(period, pacing.bucket_start(period, now, JAKARTA))] += room
        due = pacing.next_send(policy, due, now, draw)
        now = due + timedelta(seconds=draw.uniform(0.01, lag_s))
    return sent


def _used(buckets: Counter[tuple[str, datetime]], now: datetime) -> dict[str, int]:
    used = {"minute": 0, "hour": 0, "day": 0}
    starts = {period: pacing.window_start(period, now, JAKARTA) for period in used}
    for (period, at), n in list(buckets.items()):
        if at > starts[period]:
            used[period] += n
        else:
            del buckets[(period, at)]
    return used


def most_within(sent: list[datetime], window: timedelta) -> int:
    most, first = 0, 0
    for last in range(len(sent)):
        while sent[last] - sent[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


def policies() -> list[Policy]:
    draw = Random(7)
    made = [Policy(delay_min_s=0, delay_max_s=0, per_minute=30), Policy(delay_min_s=0, delay_max_s=0, per_minute=1)]
    for _ in range(25):
        low = draw.choice([0, 0, 1, 5])
        made.append(
            Policy(
                delay_min_s=low, delay_max_s=low + draw.choice([0, 1, 15]),
                per_minute=draw.choice([None, 1, 7, 20, 100]), per_hour=draw.choice([None, 40, 90, 500]),
                per_day=draw.choice([None, 150, 1000]),
            )
        )  # fmt: skip
    return [policy for policy in made if policy.has_delay or policy.caps]


@pytest.mark.parametrize("policy", policies(), ids=str)
def test_caps_hold_in_every_sliding_window_and_nobody_starves(policy: Policy) -> None:
    sent = simulate(policy, 2.2 * 3600, seed=policy.per_minute or 1)
    if policy.per_minute is not None:
        assert most_within(sent, timedelta(minutes=1)) <= policy.per_minute
    if policy.per_hour is not None:
        assert most_within(sent, timedelta(hours=1)) <= policy.per_hour
    if policy.per_day is not None:
        days = Counter(at.astimezone(JAKARTA).date() for at in sent)
        assert max(days.values()) <= policy.per_day
    assert sent, "a device with work must send"
    # The oldest bucket counts until it has left the period whole, and is looked at again at a bucket's border.
    minute, hour = (length + 2 * size for length, size in (pacing.BUCKETS["minute"], pacing.BUCKETS["hour"]))
    slowest = max(
        policy.delay_max_s + 2, minute if policy.per_minute else 0, hour if policy.per_hour else 0,
        86_400 if policy.per_day else 0,
    )  # fmt: skip
    gaps = [(b - a).total_seconds() for a, b in pairwise(sent)]
    assert max(gaps, default=0) <= slowest


@pytest.mark.parametrize(("low", "high"), [(5, 20), (10, 10), (1, 3), (30, 60)])
def test_a_late_wake_up_does_not_slow_the_schedule(low: float, high: float) -> None:
    sent = simulate(Policy(delay_min_s=low, delay_max_s=high), 2_000 * (low + high) / 2, seed=3)
    gaps = [(b - a).total_seconds() for a, b in pairwise(sent)]
    assert abs(sum(gaps) / len(gaps) / ((low + high) / 2) - 1) < 0.02
    assert min(gaps) >= low - pacing.LATE_S - 0.5


def test_after_a_long_pause_there_is_no_burst() -> None:
    policy = Policy(delay_min_s=5, delay_max_s=20)
    due = pacing.next_send(policy, START - timedelta(hours=3), START, Random(1))
    assert START + timedelta(seconds=5) <= due <= START + timedelta(seconds=20)


def test_zero_delay_opens_the_window() -> None:
    policy = Policy.read({"delay_min_s": 0, "delay_max_s": 0})
    assert policy.window == pacing.MAX_WINDOW
    assert Policy().window == 1
    assert policy.slower(3, None) == Policy(delay_min_s=3, delay_max_s=3)
    assert pacing.typing_s(policy, "x" * 500) == 0


def test_the_slower_of_campaign_and_device_applies() -> None:
    device = Policy(delay_min_s=5, delay_max_s=20, per_hour=9)
    assert device.slower(1, 2) == device
    assert device.slower(30, 60) == Policy(delay_min_s=30, delay_max_s=60, per_hour=9)
    assert device.slower(10, None).delay_max_s == 20


@pytest.mark.parametrize(
    "stored",
    [{}, {"delay_min_s": "x"}, {"delay_min_s": True, "per_minute": "7"}, {"quiet_hours": {"start": "9"}}, {"typing": 1}],
)
def test_odd_settings_fall_back_to_defaults(stored: dict[str, object]) -> None:
    assert Policy.read(stored) == Policy()


@pytest.mark.parametrize(
    ("hours", "local", "end"),
    [
        (("21:00", "07:00"), "2026-11-20T22:30", "2026-11-21T07:00"),
        (("21:00", "07:00"), "2026-11-20T06:59", "2026-11-20T07:00"),
        (("21:00", "07:00"), "2026-11-20T07:00", None),
        (("12:00", "13:00"), "2026-11-20T12:30", "2026-11-20T13:00"),
        (("12:00", "13:00"), "2026-11-20T13:00", None),
        (("08:00", "08:00"), "2026-11-20T08:00", None),
    ],
)
def test_quiet_hours_in_the_tenants_zone(hours: tuple[str, str], local: str, end: str | None) -> None:
    policy = Policy.read({"quiet_hours": {"start": hours[0], "end": hours[1]}})
    assert isinstance(policy.quiet_hours, QuietHours)
    now = datetime.fromisoformat(local).replace(tzinfo=JAKARTA).astimezone(UTC)
    until = pacing.quiet_until(policy, now, JAKARTA)
    expected = datetime.fromisoformat(end).replace(tzinfo=JAKARTA) if end else None
    assert until == expected
