"""Recurring times in any zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wa_app.kit.recurrence import Rule

ZONES = [ZoneInfo(name) for name in (
    "Asia/Jakarta", "Asia/Jayapura", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo",
    "Africa/Casablanca", "Pacific/Apia",
)]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES, ids=str)
@given(
    moment=st.integers(1_230_768_000, 1_956_528_000).map(lambda s: datetime.fromtimestamp(s, UTC)), at=st.times(),
    weekdays=st.sets(st.integers(0, 6), min_size=1), day=st.integers(1, 31), every=st.sampled_from(["daily", "weekly", "monthly"]),
)  # fmt: skip
def test_always_ahead_and_at_most_once_a_day(zone, moment, at, weekdays, day, every) -> None:  # type: ignore[no-untyped-def]
    rule = Rule(every, at.replace(second=0, microsecond=0), tuple(sorted(weekdays)), day)
    first = rule.next_after(moment, zone)
    assert first is not None
    second = rule.next_after(first, zone)
    assert second is not None
    assert moment < first < second
    assert second - first > timedelta(hours=20)
    assert first - moment <= timedelta(days={"daily": 2, "weekly": 8, "monthly": 33}[every])
