"""Keyword rules: what is asked of them, and what they decide."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RuleQuestion:
    """A text that came in. Without a contact (the tester) limits per contact are not looked at."""

    text: str
    device_id: UUID | None
    contact_id: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Considered:
    """A rule that was looked at: `why` is a stable word with the text `rules.why.<why>`."""

    id: UUID
    name: str
    matched: bool
    why: str
    keyword: str = ""
    """The keyword that fired, or the one that came nearest."""


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """The rule that fires: its text is a template (spintax, variables) not rendered yet."""

    id: UUID
    name: str
    keyword: str
    response_text: str
    file_id: UUID | None


@dataclass(frozen=True, slots=True)
class RuleDecision:
    """What the rules say to a text: the first that matches, by priority, and all that were looked at."""

    match: RuleMatch | None
    considered: tuple[Considered, ...]
