"""Estimates: the pacing played forward, and how alike the messages are."""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from wa_app.sending import forecast as f
from wa_app.sending import variety
from wa_app.sending.pacing import Policy
from wa_app.sending.rendering import parse

ZONE = ZoneInfo("Asia/Jakarta")
MORNING = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
"""Friday, 09:00 in Jakarta."""


def policy(low: float = 10, high: float = 20, **more: object) -> Policy:
    return Policy.read({"delay_min_s": low, "delay_max_s": high, **more})


def played(people: int, *courses: f.Course, start: datetime = MORNING, **more: float) -> f.Forecast:
    return f.forecast(people, courses, start, ZONE, **more)


def hours(until: datetime | None, start: datetime = MORNING) -> float:
    assert until is not None
    return (until - start).total_seconds() / 3600


def test_gaps_alone_decide_and_the_truth_lies_between() -> None:
    found = played(480, f.Course(policy()))
    assert hours(found.early) < 2.0 < hours(found.late) < 2.4
    draw = Random(7)
    real = sum(draw.uniform(10, 20) for _ in range(480)) / 3600
    assert hours(found.early) < real < hours(found.late)


def test_two_devices_halve_it_and_share_equally() -> None:
    found = played(481, f.Course(policy()), f.Course(policy()))
    assert 0.9 < hours(found.early) < 1.05 < hours(found.late) < 1.3
    assert sorted(found.per_device) == [240, 241]


def test_weights_share_by_weight_among_equals() -> None:
    found = played(300, f.Course(policy(), weight=2), f.Course(policy(), weight=1))
    assert found.per_device == [200, 100]


def test_a_slow_device_gets_less() -> None:
    found = played(400, f.Course(policy(10, 10)), f.Course(policy(30, 30)))
    assert found.per_device == [300, 100]


def test_the_cap_of_a_day_moves_the_rest_to_the_next_days() -> None:
    found = played(250, f.Course(policy(1, 1, per_day=100), used_today=40))
    assert found.limits == ["per_day"]
    # 60 today, 100 tomorrow, 90 on the day after: just past that midnight.
    assert found.early is not None
    assert found.early.astimezone(ZONE).date().isoformat() == "2026-11-22"
    assert found.per_device == [250]


def test_quiet_hours_stop_the_clock() -> None:
    quiet = {"start": "10:00", "end": "08:00"}
    found = played(480, f.Course(policy(15, 15, quiet_hours=quiet)))
    # One hour today (09-10), the second hour tomorrow from 08.
    assert found.early is not None
    assert found.early.astimezone(ZONE) == datetime(2026, 11, 21, 9, 0, tzinfo=ZONE)
    assert "quiet_hours" in found.limits


@pytest.mark.parametrize(("cap", "expected"), [({"per_hour": 60}, 3.02), ({"per_minute": 2}, 2.0)])
def test_caps_of_hours_and_minutes_slow_it_down(cap: dict[str, int], expected: float) -> None:
    found = played(240, f.Course(policy(1, 1, **cap)))
    assert hours(found.early) == pytest.approx(expected, rel=0.01)


def test_a_cap_that_is_not_reached_holds_nothing_up() -> None:
    found = played(36, f.Course(policy(10, 10, per_hour=150)))
    assert found.limits == []
    assert hours(found.early) == pytest.approx(0.1, rel=0.01)


def test_a_warm_up_day_is_a_cap() -> None:
    found = played(45, f.Course(policy(1, 1).limited("none", 20)))
    assert found.early is not None
    assert (found.early.astimezone(ZONE).date() - MORNING.date()).days == 2


def test_pauses_between_packages_count() -> None:
    packages = {"package_size_min": 10, "package_size_max": 10, "package_pause_min_s": 90, "package_pause_max_s": 90}
    found = played(360, f.Course(policy(1, 1, **packages)))
    assert hours(found.early) == pytest.approx(1.0, rel=0.01)
    assert found.limits == ["packages"]


def test_strangers_have_a_budget_of_their_own() -> None:
    found = played(40, f.Course(policy(1, 1, strangers_per_day=10)), strangers=0.5)
    assert found.limits == ["strangers"]
    assert found.early is not None
    assert (found.early.astimezone(ZONE).date() - MORNING.date()).days == 1


def test_days_off_are_left_out() -> None:
    found = played(100, f.Course(policy(36, 36, working_days=[0, 1, 2, 3])))
    # It is Friday: the hour of work is done on Monday.
    assert found.early is not None
    assert found.early.astimezone(ZONE).isoformat().startswith("2026-11-23T01:00")


def test_more_than_a_year_is_said_as_such() -> None:
    found = played(1_000_000, f.Course(policy(20, 40, per_day=100)))
    assert (found.early, found.late) == (None, None)


def test_nobody_and_no_device() -> None:
    assert played(0, f.Course(policy())).per_device == [0]
    assert played(10).late is None


def test_never_fails_on_any_policy() -> None:
    draw = Random(3)
    for _ in range(200):
        stored = {
            "delay_min_s": draw.choice([0, 0.5, 20, 3600]), "delay_max_s": draw.choice([0, 5, 3600]),
            "per_minute": draw.choice([None, 0, 1, 50]), "per_hour": draw.choice([None, 0, 7]),
            "per_day": draw.choice([None, 0, 20, 1000]), "strangers_per_day": draw.choice([None, 0, 30]),
            "working_days": draw.choice([None, [], [6], [0, 1, 2, 3, 4]]), "package_size_max": draw.choice([None, 1, 30]),
            "package_pause_max_s": draw.choice([0, 600]),
            "quiet_hours": draw.choice([None, {"start": "21:00", "end": "07:00"}, {"start": "00:00", "end": "23:59"}]),
        }  # fmt: skip
        people = draw.choice([1, 17, 4000])
        found = played(people, f.Course(Policy.read(stored)), f.Course(policy()), start=MORNING + timedelta(hours=draw.random() * 24), strangers=draw.random())
        assert found.late is None or (found.early is not None and found.early <= found.late)
        assert found.late is None or sum(found.per_device) == people


def draws(template: str, people: list[dict[str, str]], rounds: int = 400) -> float:
    """How many read the same text as the first one, by trying."""
    parsed, same = parse(template), 0
    for n in range(rounds):
        texts = [parsed.render(values, f"{n}:{at}".encode()) for at, values in enumerate(people)]
        same += sum(one == texts[n % len(texts)] for one in texts)
    return same / rounds


@pytest.mark.parametrize("template", [
    "halo", "{a|b}", "{a|b|c} {x|y}", "{9::a|b}", "{a|{b|c|d}}", "{{name}} {a|b}", "[name]", "{{first_name|Kak}} {a|b}",
])  # fmt: skip
def test_people_per_text_is_what_trying_shows(template: str) -> None:
    draw = Random(11)
    people = [{"name": draw.choice("ABCDEFGH"), "first_name": draw.choice(["", "Sari", "Budi"])} for _ in range(60)]
    expected = variety.people_per_text([(1.0, parse(template))], len(people), people)
    assert draws(template, people) == pytest.approx(expected, rel=0.25, abs=1.0)


def test_variables_without_a_fallback_are_named() -> None:
    assert variety.empty_variables(parse("{{name}} [city|Anda] {{name|Kak}} {{promo|hemat}}")) == {
        "name": False, "city": True, "promo": True,
    }  # fmt: skip


def test_conditions_ask_but_do_not_write() -> None:
    template = parse('{{#if city = "Malang"}}{Hai|Halo} {{name|Kak}}{{else}}Hai{{/if}}')
    assert variety.empty_variables(template) == {"name": True}
    assert variety.chance_of_same_choices(template.parsed.nodes) == 1.0


def test_variants_share_the_people() -> None:
    texts = [(0.5, parse("halo")), (0.5, parse("{a|b} hai"))]
    assert variety.people_per_text(texts, 401, []) == 1 + round(400 * (0.25 + 0.125))
