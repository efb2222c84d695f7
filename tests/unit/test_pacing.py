"""Pacing holds its promises for any policy: no cap is passed, nothing is wasted, nobody starves, no bursts."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from tests.fixtures.pacing import Device, most_within
from wa_app.sending import pacing
from wa_app.sending.pacing import Policy, QuietHours

JAKARTA = ZoneInfo("Asia/Jakarta")
START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def simulate(policy: Policy, seconds: float, seed: int, lag_s: float = 0.5) -> list[datetime]:
    """Sends of a device that always has work, woken up to `lag_s` late, as the lane would do it."""
    device = Device(policy, JAKARTA, seed, START)
    draw = Random(seed)
    while device.now < START + timedelta(seconds=seconds):
        device.run_once(10**9)
        device.now += timedelta(seconds=draw.uniform(0.01, lag_s))
    return device.left


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
        assert most_within(sent, MINUTE) <= policy.per_minute
    if policy.per_hour is not None:
        assert most_within(sent, HOUR) <= policy.per_hour
    if policy.per_day is not None:
        days = Counter(at.astimezone(JAKARTA).date() for at in sent)
        assert max(days.values()) <= policy.per_day
    assert sent, "a device with work must send"
    slowest = max(
        policy.delay_max_s + 8, 62 if policy.per_minute else 0, 3_602 if policy.per_hour else 0,
        86_400 if policy.per_day else 0,
    )  # fmt: skip
    gaps = [(b - a).total_seconds() for a, b in pairwise(sent)]
    assert max(gaps, default=0) <= slowest


@pytest.mark.parametrize("period", ["minute", "hour"])
@pytest.mark.parametrize("cap", [1, 2, 7, 20])
@pytest.mark.parametrize("delay_s", [0, 0.5])
def test_caps_are_used_to_the_full(period: str, cap: int, delay_s: float) -> None:
    """A cap of one a minute means every minute, not every 75 s."""
    policy = Policy(delay_min_s=delay_s, delay_max_s=delay_s, **{f"per_{period}": cap})
    length = {"minute": 60, "hour": 3600}[period]
    sent = simulate(policy, 20 * length, seed=1, lag_s=0.05)
    assert len(sent) >= 0.99 * 20 * cap
    assert most_within(sent, timedelta(seconds=length)) == cap


@pytest.mark.parametrize(("low", "high"), [(5, 20), (10, 10), (1, 3), (30, 60)])
def test_a_late_wake_up_does_not_slow_the_schedule(low: float, high: float) -> None:
    sent = simulate(Policy(delay_min_s=low, delay_max_s=high), 2_000 * (low + high) / 2, seed=3)
    gaps = [(b - a).total_seconds() for a, b in pairwise(sent)]
    assert abs(sum(gaps) / len(gaps) / ((low + high) / 2) - 1) < 0.02


def test_after_a_long_pause_there_is_no_burst() -> None:
    policy = Policy(delay_min_s=5, delay_max_s=20)
    due = pacing.next_send(policy, START - timedelta(hours=3), START, Random(1))
    assert START + timedelta(seconds=5) <= due <= START + timedelta(seconds=20)


def test_packages_are_followed_by_a_pause() -> None:
    policy = Policy(
        delay_min_s=1, delay_max_s=1, typing=False, package_size_min=5, package_size_max=8,
        package_pause_min_s=100, package_pause_max_s=200,
    )  # fmt: skip
    sent = simulate(policy, 6 * 3600, seed=5, lag_s=0.05)
    gaps = [(b - a).total_seconds() for a, b in pairwise(sent)]
    rests = [n for n, gap in enumerate(gaps) if gap > 50]
    assert {b - a for a, b in pairwise(rests)} == {5, 6, 7, 8}
    assert all(100 <= gaps[n] <= 202 for n in rests)
    assert all(gap <= 1.2 for gap in gaps if gap < 50)


def test_zero_delay_opens_the_window() -> None:
    policy = Policy.read({"delay_min_s": 0, "delay_max_s": 0})
    assert policy.window == pacing.MAX_WINDOW
    assert Policy().window == 1
    assert policy.slower(3, None) == Policy(delay_min_s=3, delay_max_s=3)
    assert pacing.typing_s(policy, "x" * 500) == 0


def test_typing_follows_the_text_and_leaves_room_for_the_gap() -> None:
    policy = Policy(delay_min_s=5, delay_max_s=20)
    assert pacing.typing_s(policy, "ya") < pacing.typing_s(policy, "Baik kak, kami kirim") < 3
    assert pacing.typing_s(policy, "x" * 500) == pacing.TYPING_MAX_S
    assert pacing.typing_s(policy, "x" * 500, gap_s=2) == 1.6
    assert pacing.typing_s(Policy(typing=False), "x" * 500) == 0


def test_the_slower_of_campaign_and_device_applies() -> None:
    device = Policy(delay_min_s=5, delay_max_s=20, per_hour=9)
    assert device.slower(1, 2) == device
    assert device.slower(30, 60) == Policy(delay_min_s=30, delay_max_s=60, per_hour=9)
    assert device.slower(10, None).delay_max_s == 20


def test_a_guard_and_the_warm_up_only_ever_slow_down() -> None:
    device = Policy(delay_min_s=5, delay_max_s=20, per_minute=3, per_day=100, strangers_per_day=9)
    assert device.limited("none", None) == device
    assert device.limited("none", 20).per_day == 20
    assert device.limited("none", 500).per_day == 100
    assert (device.limited("slow", None).delay_min_s, device.limited("slow", None).delay_max_s) == (10, 40)
    half = device.limited("half", 20)
    assert (half.per_minute, half.per_day, half.strangers_per_day) == (1, 10, 4)
    assert device.limited("strangers", None).strangers_per_day == 0
    assert Policy(delay_min_s=0, delay_max_s=0).limited("slow", None).has_delay


@pytest.mark.parametrize(
    "stored",
    [
        {}, {"delay_min_s": "x"}, {"delay_min_s": True, "per_minute": "7"}, {"quiet_hours": {"start": "9"}}, {"typing": 1},
        {"delay_min_s": float("nan")}, {"working_days": []}, {"working_days": "x"}, {"working_days": [9, True]},
        {"package_size_min": "x"}, {"package_pause_max_s": None}, {"strangers_per_day": 1.5},
    ],
)  # fmt: skip
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
    assert pacing.opens_at(policy, now, JAKARTA) == expected


@pytest.mark.parametrize(
    ("stored", "local", "opens"),
    [
        # 2026-11-20 is a Friday.
        ({"working_days": [0, 1, 2, 3, 4]}, "2026-11-20T23:00", None),
        ({"working_days": [0, 1, 2, 3, 4]}, "2026-11-21T10:00", "2026-11-23T00:00"),
        ({"working_days": [0], "quiet_hours": {"start": "21:00", "end": "07:00"}}, "2026-11-20T10:00", "2026-11-23T07:00"),
        ({"working_days": [4], "quiet_hours": {"start": "21:00", "end": "07:00"}}, "2026-11-20T22:00", "2026-11-27T07:00"),
        ({"working_days": [4], "quiet_hours": {"start": "00:00", "end": "12:00"}}, "2026-11-20T13:00", None),
    ],
)
def test_working_days_and_quiet_hours_together(stored: dict[str, object], local: str, opens: str | None) -> None:
    now = datetime.fromisoformat(local).replace(tzinfo=JAKARTA).astimezone(UTC)
    expected = datetime.fromisoformat(opens).replace(tzinfo=JAKARTA) if opens else None
    assert pacing.opens_at(Policy.read(stored), now, JAKARTA) == expected
