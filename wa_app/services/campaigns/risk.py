"""How likely a campaign gets its numbers blocked: a sum of what people who were blocked had in common. Pure.

WhatsApp publishes no rule. The weights follow the advice of the vendor's own page on blocks
(write to people who wrote, vary the text, no link in a first message, a way out, small steps with a new number).
It is a guide: a low score promises nothing, and the words beside it matter more than the number.
"""

from dataclasses import dataclass
from typing import Final, Literal

from wa_app.schemas.preflight import Risk, RiskReason

MEDIUM: Final = 30
HIGH: Final = 60
NEW_DAYS: Final = 14
"""A number linked less long ago counts as new."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What the gauge looks at."""

    people: int
    strangers: int
    no_consent: int
    people_per_text: int
    has_link: bool
    has_footer: bool
    gap_s: float
    """Seconds between two messages of one device, on average."""
    per_device: int
    """Most messages a single device would send."""
    newest_days: int | None
    """Days since the newest of the devices was linked."""
    warming: bool
    missing_share: float
    """Share of the looked-up numbers that are not on WhatsApp."""
    worst_score: int | None
    """Lowest health score among the devices."""


def gauge(seen: Picture) -> Risk:
    """Points of every reason, the heaviest first, and their sum up to 100."""
    if seen.people <= 0:
        return Risk(score=0, level="low", reasons=[])
    strangers = seen.strangers / seen.people
    found = [
        _strangers(strangers), _consent(seen), _variety(seen), _link(seen, strangers), _footer(seen),
        _new_number(seen), _speed(seen), _missing(seen), _health(seen),
    ]  # fmt: skip
    reasons = sorted((one for one in found if one and one.points > 0), key=lambda one: -one.points)
    score = min(100, sum(one.points for one in reasons))
    return Risk(score=score, level=_level(score), reasons=reasons)


def _level(score: int) -> Literal["low", "medium", "high"]:
    return "high" if score >= HIGH else "medium" if score >= MEDIUM else "low"


def _strangers(share: float) -> RiskReason | None:
    if share < 0.1:
        return None
    return RiskReason(code="strangers", points=round(25 * share), args={"percent": round(share * 100)})


def _consent(seen: Picture) -> RiskReason | None:
    share = seen.no_consent / seen.people
    return RiskReason(code="consent", points=round(10 * share), args={"percent": round(share * 100)})


def _variety(seen: Picture) -> RiskReason | None:
    """Identical texts matter by their number, not by their share."""
    same = seen.people_per_text
    points = 20 if same >= 500 else 15 if same >= 100 else 8 if same >= 20 else 0
    return RiskReason(code="variety", points=points, args={"n": same})


def _link(seen: Picture, strangers: float) -> RiskReason | None:
    if not seen.has_link:
        return None
    return RiskReason(code="link", points=round(4 + 11 * strangers), args={})


def _footer(seen: Picture) -> RiskReason | None:
    return None if seen.has_footer else RiskReason(code="footer", points=10, args={})


def _new_number(seen: Picture) -> RiskReason | None:
    if seen.newest_days is None or seen.newest_days >= NEW_DAYS or seen.per_device < 20:
        return None
    return RiskReason(code="new_number", points=8 if seen.warming else 18, args={"days": seen.newest_days})


def _speed(seen: Picture) -> RiskReason | None:
    points = 20 if seen.gap_s < 2 else 12 if seen.gap_s < 8 else 5 if seen.gap_s < 15 else 0
    return RiskReason(code="speed", points=points, args={"seconds": round(seen.gap_s)})


def _missing(seen: Picture) -> RiskReason | None:
    points = min(15, round(60 * seen.missing_share)) if seen.missing_share >= 0.03 else 0
    return RiskReason(code="missing", points=points, args={"percent": round(seen.missing_share * 100)})


def _health(seen: Picture) -> RiskReason | None:
    if seen.worst_score is None or seen.worst_score >= 70:
        return None
    return RiskReason(code="health", points=round((70 - seen.worst_score) / 3.5), args={"score": seen.worst_score})
