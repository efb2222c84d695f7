"""The tempo of a number as a form: texts in fields, what they mean a day, and back. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from wa_app.errors import FieldError, Invalid
from wa_app.schemas.devices import PacingUpdate
from wa_app.schemas.presets import PRESETS
from wa_app.sending import pacing

Form = dict[str, str]

NUMBERS: Mapping[str, tuple[float, float, bool]] = {
    "delay_min_s": (0, 3600, False), "delay_max_s": (0, 3600, False), "per_minute": (1, 10_000, True),
    "per_hour": (1, 100_000, True), "per_day": (1, 1_000_000, True), "strangers_per_day": (0, 1_000_000, True),
    "package_size_min": (1, 10_000, True), "package_size_max": (1, 10_000, True),
    "package_pause_min_s": (0, 3600, False), "package_pause_max_s": (0, 3600, False),
}  # fmt: skip
"""Field → least, most, whole numbers only."""
DEFAULTS = {"delay_min_s": pacing.DEFAULT_DELAY_MIN_S, "delay_max_s": pacing.DEFAULT_DELAY_MAX_S}
ALL_DAYS = "0123456"
CROSSED = {"delay": "pacing_delays_crossed"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a tempo comes to: messages a day and an hour; None: nothing holds it back."""

    day: int | None
    hour: int | None
    strangers: int | None


def to_form(stored: Mapping[str, Any]) -> Form:
    """The stored tempo as texts; no cap is an empty field."""
    values = {key: stored.get(key, DEFAULTS.get(key)) for key in NUMBERS}
    quiet = stored.get("quiet_hours") or {}
    days = stored.get("working_days")
    return {
        **{key: "" if value is None else f"{value:g}" for key, value in values.items()},
        "quiet_start": quiet.get("start", ""), "quiet_end": quiet.get("end", ""),
        "days": ALL_DAYS if days is None else "".join(str(day) for day in sorted(days)),
        "typing": "" if stored.get("typing") is False else "1",
    }  # fmt: skip


def from_form(form: Mapping[str, str]) -> PacingUpdate:
    """The tempo in a form. Raises Invalid with every field that makes no sense."""
    problems: list[FieldError] = []
    values: dict[str, Any] = {"typing": bool(form.get("typing"))}
    for key, (low, high, whole) in NUMBERS.items():
        try:
            values[key] = _number(form.get(key, ""), low, high, whole=whole, default=DEFAULTS.get(key))
        except ValueError:
            problems.append(FieldError(key, "pacing_number", {"min": int(low), "max": int(high)}))
    for what in ("delay", "package_size", "package_pause"):
        problems += _crossed(values, what)
    values["quiet_hours"] = _quiet(form, problems)
    days = sorted({int(day) for day in form.get("days", ALL_DAYS) if day in ALL_DAYS})
    if not days:
        problems.append(FieldError("days", "pacing_days"))
    values["working_days"] = None if len(days) == 7 else days
    if problems:
        raise Invalid(*problems)
    values["preset"] = preset_of(values)
    return PacingUpdate(**{key: value for key, value in values.items() if key != "preset" or value != "custom"})


def preset_of(values: Mapping[str, Any]) -> str:
    """The preset these values are, else `custom`."""
    policy = pacing.Policy.read(values)
    return next((name for name, preset in PRESETS.items() if pacing.Policy.read(preset) == policy), "custom")


def meaning(update: PacingUpdate) -> Meaning:
    """About how many messages leave under a tempo, if there are enough of them."""
    policy = pacing.Policy.read(update.model_dump(mode="json"))
    seconds = (policy.delay_min_s + policy.delay_max_s) / 2
    if policy.has_packages and policy.package_size_max:
        size = ((policy.package_size_min or 1) + policy.package_size_max) / 2
        seconds += (policy.package_pause_min_s + policy.package_pause_max_s) / 2 / size
    rates = [3600 / seconds] if seconds > 0 else []
    rates += [float(policy.per_minute * 60)] if policy.per_minute else []
    rates += [float(policy.per_hour)] if policy.per_hour else []
    hour = min(rates) if rates else None
    days = ([hour * _open_hours(update)] if hour is not None else []) + ([float(policy.per_day)] if policy.per_day else [])
    return Meaning(_rounded(min(days)) if days else None, _rounded(hour) if hour is not None else None,
                   policy.strangers_per_day)  # fmt: skip


def _rounded(value: float) -> int:
    """A figure that is only about right shows no more digits than it has."""
    return round(value) if value < 100 else round(value / 10) * 10


def _open_hours(update: PacingUpdate) -> float:
    if update.quiet_hours is None:
        return 24.0
    start, end = update.quiet_hours.start, update.quiet_hours.end
    closed = ((end.hour * 60 + end.minute) - (start.hour * 60 + start.minute)) % (24 * 60)
    return 24 - closed / 60


def _crossed(values: Mapping[str, Any], what: str) -> list[FieldError]:
    ends = [key for key in values if key.startswith(f"{what}_m")]
    low, high = (values.get(key) for key in sorted(ends, key=lambda key: "_max" in key)) if len(ends) == 2 else (None, None)
    if low is None or high is None or low <= high:
        return []
    return [FieldError(ends[-1], CROSSED.get(what, "pacing_range_crossed"))]


def _quiet(form: Mapping[str, str], problems: list[FieldError]) -> dict[str, str] | None:
    start, end = form.get("quiet_start", ""), form.get("quiet_end", "")
    if not start and not end:
        return None
    try:
        time.fromisoformat(start), time.fromisoformat(end)
    except ValueError:
        problems.append(FieldError("quiet_end", "pacing_time"))
        return None
    return {"start": start, "end": end}


def _number(text: str, low: float, high: float, *, whole: bool, default: float | None) -> float | int | None:
    """Raises ValueError for what is no number within the bounds."""
    if not text.strip():
        return default
    number = float(text.replace(",", "."))
    if not low <= number <= high or (whole and number != int(number)):
        raise ValueError(text)
    return int(number) if whole else number
