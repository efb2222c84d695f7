"""When something comes again, over changes of the clock."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from wa_app.kit.recurrence import Rule

ZONES = [ZoneInfo(name) for name in (
    "Asia/Jakarta", "Asia/Jayapura", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo",
    "Africa/Casablanca", "Pacific/Apia",
)]  # fmt: skip
JAKARTA, BERLIN = ZONES[0], ZONES[2]


def times(rule: Rule, start: str, zone: ZoneInfo, count: int, until: date | None = None) -> list[str]:
    moment, found = datetime.fromisoformat(start).replace(tzinfo=zone).astimezone(UTC), []
    for _ in range(count):
        following = rule.next_after(moment, zone, until)
        if following is None:
            break
        moment = following
        found.append(moment.astimezone(zone).strftime("%Y-%m-%d %H:%M %z"))
    return found


def test_every_day_at_the_same_hour_of_the_wall() -> None:
    assert times(Rule("daily", time(9)), "2026-11-20 09:00", JAKARTA, 2) == [
        "2026-11-21 09:00 +0700",
        "2026-11-22 09:00 +0700",
    ]
    assert times(Rule("daily", time(9)), "2026-10-24 10:00", BERLIN, 2) == [
        "2026-10-25 09:00 +0100",
        "2026-10-26 09:00 +0100",
    ]


def test_a_skipped_hour_comes_when_the_skip_is_over_and_a_doubled_one_once() -> None:
    assert times(Rule("daily", time(2, 30)), "2027-03-27 03:00", BERLIN, 2) == [
        "2027-03-28 03:30 +0200",
        "2027-03-29 02:30 +0200",
    ]
    assert times(Rule("daily", time(2, 30)), "2026-10-24 03:00", BERLIN, 2) == [
        "2026-10-25 02:30 +0200",
        "2026-10-26 02:30 +0100",
    ]


def test_on_days_of_the_week() -> None:
    rule = Rule("weekly", time(8), (0, 4))
    assert times(rule, "2026-11-20 08:00", JAKARTA, 3) == [
        "2026-11-23 08:00 +0700",
        "2026-11-27 08:00 +0700",
        "2026-11-30 08:00 +0700",
    ]


def test_on_a_day_of_the_month_or_its_last() -> None:
    assert [one[:10] for one in times(Rule("monthly", time(8), month_day=31), "2027-01-31 09:00", JAKARTA, 4)] == [
        "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31",
    ]  # fmt: skip


def test_ends_with_its_last_day() -> None:
    assert len(times(Rule("daily", time(9)), "2026-11-20 10:00", JAKARTA, 9, until=date(2026, 11, 22))) == 2
