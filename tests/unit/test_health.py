"""The score of a number: bounded, monotone, explained; the guard: tightens at once, loosens by rule."""

from datetime import UTC, datetime, timedelta

import pytest

from wa_app.sending import health
from wa_app.sending.health import Figures, Guard, Limits, OptOuts, assess, decide, demanded

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def test_nothing_sent_is_not_judged_and_a_good_day_is_a_hundred() -> None:
    assert assess(Figures()).score is None
    assert assess(Figures(sent=3, failed=1)).score is None
    assert assess(Figures(sent=400, failed=4, replies=30, opt_outs=2, flaps=1)).score == 100


@pytest.mark.parametrize(
    ("figures", "heaviest", "level"),
    [
        (Figures(sent=300, failed=60, replies=9), "failures", "slow"),
        (Figures(sent=100, opt_outs=8, replies=9), "opt_outs", "half"),
        (Figures(sent=100, failed=40, replies=9, flaps=7), "failures", "half"),
        (Figures(sent=100, replies=9, restricted=2), "restricted", "strangers"),
        (Figures(sent=100, replies=9, restricted=2, refused=3), "restricted", "all"),
    ],
)
def test_thresholds_ask_for_steps(figures: Figures, heaviest: str, level: str) -> None:
    found = assess(figures)
    assert found.signs[0].sign == heaviest
    wanted = demanded(found, Limits())
    assert (wanted.level, wanted.reason) == (level, heaviest)


def test_a_time_lock_leaves_strangers_alone_until_it_ends() -> None:
    end = NOW + timedelta(hours=50)
    limits = health.read_limits({"restricted": True, "restricted_until": end.isoformat()}, NOW)
    wanted = demanded(assess(Figures()), limits)
    assert wanted == Guard("strangers", end, "restricted")
    held = decide(Guard(), wanted, None, NOW)
    assert (held.level, held.until) == ("strangers", end)
    assert decide(held, Guard(), None, end - timedelta(minutes=1)) is held
    assert decide(held, Guard(), None, end + timedelta(minutes=1)).level == "half"


@pytest.mark.parametrize(
    ("detail", "restricted", "quota"),
    [
        ({}, None, None),
        ({"restricted": False, "restricted_until": "2026-12-01T00:00:00+00:00"}, None, None),
        ({"restricted": True, "restricted_until": "2026-11-19T00:00:00+00:00"}, None, None),
        ({"restricted": True, "limits_at": "2026-11-20T08:00:00+00:00"}, NOW + timedelta(hours=23), None),
        ({"restricted": True, "limits_at": "2026-11-18T08:00:00+00:00"}, None, None),
        ({"new_chats_left": 0, "quota_ends": "2026-11-20T12:00:00+00:00"}, None, NOW + timedelta(hours=3)),
        ({"new_chats_left": 1, "quota_ends": "2026-11-20T12:00:00+00:00"}, None, None),
    ],
)
def test_limits_hold_as_long_as_told(detail: dict[str, object], restricted: datetime, quota: datetime) -> None:
    assert health.read_limits(detail, NOW) == Limits(restricted, quota)


def test_no_flapping_around_a_threshold() -> None:
    guard, changes = Guard(), 0
    for minute in range(24 * 60):
        now, score = NOW + timedelta(minutes=minute), 69 if minute % 2 else 72
        wanted = Guard("slow", None, "failures") if score < 70 else Guard()
        after = decide(guard, wanted, score, now)
        changes += after.level != guard.level
        guard = after
    assert (changes, guard.level) == (1, "slow")


@pytest.mark.parametrize(
    ("sent", "stops", "too_many"), [(49, 20, False), (60, 2, False), (100, 3, False), (100, 4, True), (79, 3, True)]
)
def test_a_broadcast_stops_over_the_limit(sent: int, stops: int, too_many: bool) -> None:
    assert OptOuts(sent, stops).is_too_many is too_many
