"""Until when a conversation is put away, by the tenant's clock."""

from datetime import UTC, datetime

import pytest

from state.inbox.snoozing import until

FRIDAY = datetime(2026, 11, 27, 3, 30, tzinfo=UTC)
"""10:30 in Jakarta, 12:30 in Jayapura."""


@pytest.mark.parametrize(
    ("preset", "now", "expected"),
    [
        ("hour", FRIDAY, datetime(2026, 11, 27, 4, 30, tzinfo=UTC)),
        ("evening", FRIDAY, datetime(2026, 11, 27, 11, 0, tzinfo=UTC)),
        ("evening", datetime(2026, 11, 27, 11, 0, tzinfo=UTC), datetime(2026, 11, 28, 11, 0, tzinfo=UTC)),
        ("tomorrow", FRIDAY, datetime(2026, 11, 28, 2, 0, tzinfo=UTC)),
        ("monday", FRIDAY, datetime(2026, 11, 30, 2, 0, tzinfo=UTC)),
        ("monday", datetime(2026, 11, 30, 3, 0, tzinfo=UTC), datetime(2026, 12, 7, 2, 0, tzinfo=UTC)),
    ],
)
def test_comes_back_when_people_mean(preset: str, now: datetime, expected: datetime) -> None:
    assert until(preset, "Asia/Jakarta", now) == expected


def test_the_clock_is_the_tenants() -> None:
    assert until("evening", "Asia/Jayapura", FRIDAY) == datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
    # Where the clock goes back in the night between, nine is nine.
    assert until("tomorrow", "Europe/Berlin", datetime(2026, 10, 24, 12, 0, tzinfo=UTC)) == datetime(2026, 10, 25, 8, 0, tzinfo=UTC)


def test_a_word_that_is_none_puts_nothing_away() -> None:
    assert until("x", "Asia/Jakarta", FRIDAY) is None
