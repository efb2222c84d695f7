"""No schedule of arrivals, caps, restarts and clock jumps makes a lane exceed a cap or starve.

The decisions are the real ones (`pacing`, `caps`); the lane's loop and its log are played by `Device`.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.pacing import Device, most_within
from wa_app.sending import pacing, warmup
from wa_app.sending.pacing import Policy

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
ZONES = st.sampled_from([ZoneInfo(name) for name in ("Asia/Jakarta", "Asia/Jayapura", "America/New_York", "UTC")])
MAYBE = {"minute": st.none() | st.integers(1, 40), "hour": st.none() | st.integers(1, 300)}


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    low = draw(st.sampled_from([0, 0, 0.2, 1, 5, 20]))
    high = low + draw(st.sampled_from([0, 0.5, 15]))
    size = draw(st.none() | st.integers(1, 20))
    return Policy(
        delay_min_s=low, delay_max_s=high, per_minute=draw(MAYBE["minute"]), per_hour=draw(MAYBE["hour"]),
        per_day=draw(st.none() | st.integers(1, 400)), typing=draw(st.booleans()),
        package_size_min=size, package_size_max=None if size is None else size + draw(st.integers(0, 10)),
        package_pause_min_s=1, package_pause_max_s=draw(st.sampled_from([1, 30, 600])),
    )  # fmt: skip


MIDNIGHT = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
"""In Jakarta."""
BEGINS = st.just(START) | st.integers(-90, -1).map(lambda seconds: MIDNIGHT + timedelta(seconds=seconds))
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.integers(1, 120)),
        st.tuples(st.just("sleep"), st.floats(0, 4_000)),
        st.tuples(st.just("crash"), st.just(0)),
        st.tuples(st.just("clock"), st.floats(-7_200, 7_200)),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


def play(device: Device, events: list[tuple[str, float]]) -> int:
    """Between two events the lane works as long as it finds something to do, at most 60 claims."""
    arrived = 0
    for what, value in events:
        if what == "arrive":
            arrived += int(value)
        elif what == "sleep":
            device.wait(value)
        elif what == "clock":
            device.now += timedelta(seconds=value)
            # A clock that is set forward lets its own time pass; one that is set back takes none of it away.
            device.real += timedelta(seconds=max(0.0, value))
        for claim in range(60):
            if len(device.left) >= arrived:
                break
            device.run_once(arrived, crash=what == "crash" and claim == 0)
    return arrived


def within_caps(device: Device, times: list[datetime]) -> None:
    policy = device.policy
    if policy.per_minute is not None:
        assert most_within(times, timedelta(minutes=1)) <= policy.per_minute
    if policy.per_hour is not None:
        assert most_within(times, timedelta(hours=1)) <= policy.per_hour


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies(), EVENTS, ZONES, st.integers(0, 2**32), st.sampled_from([0.0, 0.05, 2.0]), BEGINS)
def test_no_schedule_makes_a_device_pass_a_cap(
    policy: Policy, events: list[tuple[str, float]], zone: ZoneInfo, seed: int, latency_s: float, begin: datetime
) -> None:
    device = Device(policy, zone, seed, begin, latency_s=latency_s)
    play(device, events)
    within_caps(device, device.really)
    if policy.per_day is not None and all(what != "clock" for what, _ in events):
        days = Counter(at.astimezone(zone).date() for at in device.left)
        assert max(days.values(), default=0) <= policy.per_day


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies(), EVENTS, ZONES, st.integers(0, 2**32))
def test_no_schedule_makes_a_device_starve(
    policy: Policy, events: list[tuple[str, float]], zone: ZoneInfo, seed: int
) -> None:
    """Whatever happened: one more message leaves within what the caps and gaps ask for, and never later."""
    device = Device(policy, zone, seed, START)
    arrived = max(play(device, events), len(device.left) + 1)
    sent, began = len(device.left), device.real
    for _ in range(200):
        device.run_once(arrived)
        if len(device.left) > sent:
            break
    waited = (device.real - began).total_seconds()
    most = policy.longest_gap_s + 2 * pacing.TYPING_MAX_S + 60
    most += 3_600 if policy.per_hour is not None else 60 if policy.per_minute is not None else 0
    # Set back over midnight, the clock may come to a day that is full once more.
    most += 27 * 3_600 if policy.per_day is not None else 0
    assert len(device.left) > sent
    assert waited <= most


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 60), st.sampled_from([0.0, 0.5]), st.booleans(), st.integers(0, 2**32))
def test_a_cap_is_used_to_the_full(cap: int, delay_s: float, typing: bool, seed: int) -> None:
    policy = Policy(delay_min_s=delay_s, delay_max_s=delay_s, per_minute=cap, typing=typing)
    device = Device(policy, ZoneInfo("UTC"), seed, START)
    while device.now < START + timedelta(minutes=30):
        device.run_once(10**9)
    assert len(device.left) >= 0.99 * 30 * cap


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(
    st.sampled_from([*Policy.__dataclass_fields__, "preset", "x"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(), st.text()),
))  # fmt: skip
def test_any_stored_tempo_is_read(stored: dict[str, object]) -> None:
    policy = Policy.read(stored)
    assert 0 <= policy.delay_min_s <= policy.delay_max_s <= pacing.MAX_DELAY_S
    assert policy.working_days <= pacing.EVERY_DAY
    assert policy.working_days
    assert not policy.has_packages or 1 <= (policy.package_size_min or 1) <= (policy.package_size_max or 1)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 5), st.floats(0, 30), st.sampled_from([0.0, 0.5, 3]), st.integers(0, 2**32))
def test_a_message_at_midnight_counts_on_the_day_it_leaves(cap: int, before_s: float, delay_s: float, seed: int) -> None:
    zone, begin = ZoneInfo("Asia/Jakarta"), MIDNIGHT - timedelta(seconds=before_s)
    device = Device(Policy(delay_min_s=delay_s, delay_max_s=delay_s, per_day=cap), zone, seed, begin, latency_s=0.5)
    while device.now < MIDNIGHT + timedelta(minutes=5):
        device.run_once(10**9)
    days = Counter(at.astimezone(zone).date() for at in device.left)
    assert max(days.values()) == cap


TIMES = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.integers(0, 59))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TIMES, TIMES, st.sets(st.integers(0, 6), min_size=1), st.floats(0, 400 * 86_400), ZONES)
def test_hours_always_open_again(start: str, end: str, days: set[int], offset: float, zone: ZoneInfo) -> None:
    policy = Policy.read({"quiet_hours": {"start": start, "end": end}, "working_days": sorted(days)})
    now = START + timedelta(seconds=offset)
    opens = pacing.opens_at(policy, now, zone)
    if opens is None:
        assert now.astimezone(zone).weekday() in days
        assert pacing.quiet_until(policy, now, zone) is None
    else:
        assert now < opens <= now + timedelta(days=15, hours=2)
        assert pacing.opens_at(policy, opens, zone) is None


DAYS = st.builds(warmup.Day, st.integers(0, 2_000), st.none() | st.integers(0, 100), st.booleans())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 14), st.lists(st.tuples(DAYS, st.integers(0, 40)), max_size=60))
def test_warm_up_moves_one_stage_a_day_at_most(stage: int, days: list[tuple[warmup.Day, int]]) -> None:
    zone, now, since = ZoneInfo("Asia/Jakarta"), START, None
    for day, hours in days:
        now += timedelta(hours=hours)
        new = warmup.due_stage(stage, since, now, zone, day)
        assert new is not None
        assert 1 <= new <= 14
        assert abs(new - stage) <= 1
        if since is not None and since.astimezone(zone).date() == now.astimezone(zone).date():
            assert new == stage
        if new > stage:
            assert day.score is not None
            assert day.score >= warmup.HEALTHY
            assert not day.guarded
            assert day.sent >= warmup.cap(stage) * warmup.REAL_SHARE  # type: ignore[operator]
        if new != stage:
            stage, since = new, now
