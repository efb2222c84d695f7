"""Times that people choose: a word of `snoozing`, or a day and an hour on the tenant's clock."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from state.inbox import snoozing
from wa_app.errors import FieldError, Invalid


def moment_of(chosen: str, zone: str, now: datetime) -> datetime:
    """When that is. Raises Invalid `time_not_ahead` for what is no time.

    >>> moment_of("2026-12-01T09:30", "Asia/Jakarta", datetime(2026, 11, 28, tzinfo=UTC)).isoformat()
    '2026-12-01T02:30:00+00:00'
    """
    found = snoozing.until(chosen, zone, now)
    if found is not None:
        return found
    try:
        given = datetime.fromisoformat(chosen[:32])
    except ValueError:
        raise Invalid(FieldError("at", "time_not_ahead")) from None
    return (given if given.tzinfo else given.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def start_of_day(chosen: str, zone: str) -> datetime | None:
    """The first moment of a day such as `2026-11-28`; None for what is no day.

    >>> start_of_day("2026-11-28", "Asia/Jakarta").isoformat()
    '2026-11-27T17:00:00+00:00'
    """
    try:
        day = date.fromisoformat(chosen[:10])
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
