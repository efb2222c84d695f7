"""How healthy a number is, and what is to be done about it. Pure functions of figures and times.

The score starts at 100; each sign of trouble takes points, none below where it is normal, all of them from
where WhatsApp is known to act. Signs are counted over a rolling day. A rate counts only once there are
enough messages behind it, so that one failure among three is no alarm.

| sign | counted | fine up to | worst from | points | from how many |
|---|---|---|---|---|---|
| opt_outs | who asked to stop, of messages that left | 1 % | 5 % | 50 | 50 |
| failures | messages refused, of those tried | 3 % | 20 % | 40 | 20 |
| unknown | messages without an answer, of those tried | 2 % | 15 % | 10 | 20 |
| refused | answers 401 and 403 | 0 | 3 | 30 | - |
| restricted | answers "463", or WhatsApp's own time lock | 0 | 2 | 65 | - |
| strangers | people written to for the first time who are silent | 30 | 300 | 15 | - |
| silence | messages that left for one person who answers | 50 | 500 | 15 | 100 |
| flaps | times the link was lost | 1 | 6 | 20 | - |

The guard follows the score in steps: below 70 delays are doubled, below 55 caps are halved, below 40
strangers are left alone, below 25 only answers leave. It tightens at once and loosens one step at a time:
not before the step has lasted its time, and not before the score is `MARGIN` above the step's threshold.
WhatsApp's own limits (time lock, quota of new chats) mean "no strangers" until they end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

Level = Literal["none", "slow", "half", "strangers", "all"]
LEVELS: Final[tuple[Level, ...]] = ("none", "slow", "half", "strangers", "all")

WINDOW: Final = timedelta(hours=24)
MARGIN: Final = 8
"""How far above a step's threshold the score must be before the guard leaves it."""
THRESHOLDS: Final[Mapping[Level, int]] = {"slow": 70, "half": 55, "strangers": 40, "all": 25}
"""A score below this asks for the level."""
HOLD: Final[Mapping[Level, timedelta]] = {
    "slow": timedelta(minutes=30), "half": timedelta(hours=1), "strangers": timedelta(hours=3), "all": timedelta(hours=6),
}  # fmt: skip
"""How long a level lasts at least."""
LIMIT_LASTS: Final = timedelta(hours=24)
"""A limit of WhatsApp's whose end it does not tell is believed for this long."""
MIN_JUDGED: Final = 10
"""Below so many messages in the window, and without any other sign, there is no score."""
OPT_OUT_LIMIT: Final = 3.0
"""Percent of a broadcast's last hour that may ask to stop before the broadcast is paused."""
OPT_OUT_MIN_SENT: Final = 50
OPT_OUT_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened on a number within the window."""

    sent: int = 0
    """Messages of broadcasts that left."""
    failed: int = 0
    unknown: int = 0
    refused: int = 0
    restricted: int = 0
    opt_outs: int = 0
    replies: int = 0
    """People who wrote."""
    strangers: int = 0
    """People written to for the first time who have not answered."""
    flaps: int = 0


@dataclass(frozen=True, slots=True)
class Sign:
    """One reason for a score: what was measured, up to where that is fine, the points it took of how many.

    `value` is a percentage for opt_outs, failures and unknown, messages per answer for silence, else a count.
    """

    sign: str
    value: float
    points: int
    of: int
    fine: float

    def view(self) -> dict[str, Any]:
        return {"sign": self.sign, "value": self.value, "points": self.points, "of": self.of, "fine": self.fine}


@dataclass(frozen=True, slots=True)
class Assessment:
    """A score and why; None when there is too little to judge by."""

    score: int | None
    signs: tuple[Sign, ...] = ()
    """Those that took points first, the heaviest first."""


@dataclass(frozen=True, slots=True)
class _Rule:
    sign: str
    fine: float
    worst: float
    weight: int
    measure: Callable[[Figures], float | None]
    """None: too few to judge by."""


def _rate(part: int, whole: int, least: int) -> float | None:
    return 100 * min(part, whole) / whole if whole >= least else None


def _silence(figures: Figures) -> float | None:
    return figures.sent / max(1, figures.replies) if figures.sent >= 100 else None


# Each rate has a denominator of its own, so that one bad sign never thins another out.
_RULES: Final = (
    _Rule("opt_outs", 1, 5, 50, lambda f: _rate(f.opt_outs, f.sent, 50)),
    _Rule("failures", 3, 20, 40, lambda f: _rate(f.failed, f.sent + f.failed, 20)),
    _Rule("unknown", 2, 15, 10, lambda f: _rate(f.unknown, f.sent + f.unknown, 20)),
    _Rule("refused", 0, 3, 30, lambda f: f.refused),
    _Rule("restricted", 0, 2, 65, lambda f: f.restricted),
    _Rule("strangers", 30, 300, 15, lambda f: f.strangers),
    _Rule("silence", 50, 500, 15, _silence),
    _Rule("flaps", 1, 6, 20, lambda f: f.flaps),
)
SIGNS: Final = tuple(rule.sign for rule in _RULES)


def assess(figures: Figures) -> Assessment:
    """The score of these figures, 0 to 100; worse figures never give a better one.

    >>> assess(Figures(sent=200, failed=20, replies=30)).score
    86
    """
    signs = []
    for rule in _RULES:
        value = rule.measure(figures)
        if value is not None:
            share = min(1.0, max(0.0, (value - rule.fine) / (rule.worst - rule.fine)))
            signs.append(Sign(rule.sign, round(value, 1), round(rule.weight * share), rule.weight, rule.fine))
    lost = sum(one.points for one in signs)
    if lost == 0 and figures.sent + figures.failed + figures.unknown < MIN_JUDGED:
        return Assessment(None)
    return Assessment(max(0, 100 - lost), tuple(sorted(signs, key=lambda one: -one.points)))


@dataclass(frozen=True, slots=True)
class Limits:
    """WhatsApp's own limits on new chats, as the server told them last."""

    restricted_until: datetime | None = None
    """New chats are refused until then."""
    quota_until: datetime | None = None
    """The quota of new chats is used up until then."""


def read_limits(detail: Mapping[str, Any], now: datetime) -> Limits:
    """The limits in `devices.status_detail` that hold now; one whose end has passed is over."""
    return Limits(
        _limit_end(detail.get("restricted") is True, detail.get("restricted_until"), detail.get("limits_at"), now),
        _limit_end(detail.get("new_chats_left") == 0, detail.get("quota_ends"), detail.get("limits_at"), now),
    )


def _limit_end(holds: bool, told: object, seen: object, now: datetime) -> datetime | None:
    if not holds:
        return None
    if isinstance(told, str):
        end = datetime.fromisoformat(told)
    else:
        end = (datetime.fromisoformat(seen) if isinstance(seen, str) else now) + LIMIT_LASTS
    return end if end > now else None


@dataclass(frozen=True, slots=True)
class Guard:
    """What is done to a number, why, and until when at least."""

    level: Level = "none"
    until: datetime | None = None
    reason: str = ""


def demanded(assessment: Assessment, limits: Limits) -> Guard:
    """What the score and WhatsApp's limits ask for now."""
    score = assessment.score
    level: Level = "none"
    for one, threshold in THRESHOLDS.items():
        if score is not None and score < threshold:
            level = one
    worst = assessment.signs[0].sign if assessment.signs and level != "none" else ""
    ends = [(end, why) for end, why in ((limits.restricted_until, "restricted"), (limits.quota_until, "quota")) if end]
    if not ends:
        return Guard(level, None, worst)
    until, why = max(ends)
    if rank(level) < rank("strangers"):
        return Guard("strangers", until, why)
    return Guard(level, until if level == "strangers" else None, worst)


def decide(current: Guard, wanted: Guard, score: int | None, now: datetime) -> Guard:
    """The guard from now on; `current` itself when nothing changes.

    Tightens at once. Loosens one step at a time: the step's time is over, and the score is well above
    its threshold (or there is nothing left to judge by). A step that is asked for again lasts longer
    only when WhatsApp's own limit does.
    """
    if rank(wanted.level) > rank(current.level):
        return Guard(wanted.level, _later(wanted.until, now + HOLD[wanted.level]), wanted.reason)
    if rank(wanted.level) == rank(current.level):
        if wanted.until is not None and (current.until is None or wanted.until > current.until):
            return Guard(current.level, wanted.until, wanted.reason)
        return current
    if current.until is not None and now < current.until:
        return current
    if score is not None and score < THRESHOLDS[current.level] + MARGIN:
        return current
    lower = LEVELS[rank(current.level) - 1]
    if lower == "none":
        return Guard()
    return Guard(lower, now + HOLD[lower], wanted.reason if wanted.level == lower else current.reason)


def rank(level: Level) -> int:
    return LEVELS.index(level)


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None or one < other else one


@dataclass(frozen=True, slots=True)
class OptOuts:
    """A broadcast's last hour."""

    sent: int
    opt_outs: int

    @property
    def percent(self) -> float:
        return round(100 * self.opt_outs / self.sent, 1) if self.sent else 0.0

    @property
    def is_too_many(self) -> bool:
        """Whether the broadcast must stop: enough messages, enough people, and a rate over the limit."""
        return self.sent >= OPT_OUT_MIN_SENT and self.opt_outs >= OPT_OUT_MIN and self.percent > OPT_OUT_LIMIT
