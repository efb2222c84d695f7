"""Keyword rules: what is asked of them, what they decide, and how people and programs write them."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.models.auto_replies import AnswerDelay, LimitPeriod, MatchType
from wa_app.schemas.clock_time import ClockTime
from wa_app.schemas.contacts import ImportView

MAX_RULES: Final = 500
MAX_KEYWORDS: Final = 50
MAX_ALL_KEYWORDS: Final = 5_000
MAX_ALL_PATTERNS: Final = 100
"""Keywords and patterns of a tenant together: each is asked at every message."""
MAX_KEYWORD: Final = 200
MAX_NAME: Final = 120
MAX_WINDOWS: Final = 14
MAX_COOLDOWN_S: Final = 30 * 86_400


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
    """Whether it is the one that fires."""
    why: str
    keyword: str = ""
    """The keyword that fired, or the one that came nearest."""


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """The rule that fires: its text is a template (spintax, variables) not rendered yet.

    Before the answer is planned, `auto_replies.count_hit` must have said yes in the same transaction.
    """

    id: UUID
    name: str
    keyword: str
    response_text: str
    file_id: UUID | None
    delay: str = AnswerDelay.PERSON.value
    """`at_once`, or `person`: the agent's own delays."""
    hand_over: bool = False
    """A person is to take over, after the answer if there is one."""
    stops_here: bool = True
    """False: flows and the agent are asked as if no rule had fired; what the rule says goes out as well."""

    @property
    def is_silent(self) -> bool:
        """Whether it is there to say nothing at all."""
        return not self.response_text and self.file_id is None


@dataclass(frozen=True, slots=True)
class RuleDecision:
    """What the rules say to a text: the first that matches, by priority, and all that were looked at."""

    match: RuleMatch | None
    considered: tuple[Considered, ...]


class WindowInput(BaseModel):
    """Hours of the week in the tenant's zone. An end at or before the start is on the next day; both 00:00 is all day."""

    model_config = ConfigDict(extra="forbid")

    days: list[Annotated[int, Field(ge=0, le=6)]] = Field(min_length=1, max_length=7)
    """0 is Monday."""
    start: ClockTime = time(0)
    end: ClockTime = time(0)


Keywords = Annotated[list[str], Field(max_length=1_000)]


class AutoReplyCreate(BaseModel):
    """A rule to make."""

    model_config = ConfigDict(extra="forbid")

    keywords: Keywords
    match_type: MatchType = MatchType.CONTAINS
    response_text: str = ""
    """Text with spintax and variables, as in broadcasts."""
    keeps_silent: bool = False
    """Say nothing: for `ok` and `thanks`, which need no answer. Text and file are left out then."""
    name: str = ""
    """Without one it is called after its first keyword."""
    file_id: UUID | None = None
    priority: int | None = Field(default=None, ge=1, le=1_000_000)
    """1 is asked first. Without one it is asked last; among equal numbers the older rule is asked first."""
    is_active: bool = True
    device_ids: list[UUID] = Field(default_factory=list, max_length=200)
    """Devices it answers on; none means all."""
    windows: list[WindowInput] = Field(default_factory=list, max_length=MAX_WINDOWS)
    """When it answers; none means always."""
    from_date: date | None = None
    until_date: date | None = None
    limit_times: int | None = Field(default=None, ge=1, le=1_000)
    """How often it answers one contact within `limit_period`."""
    limit_period: LimitPeriod = LimitPeriod.DAY
    cooldown_s: int = Field(default=0, ge=0, le=MAX_COOLDOWN_S)
    """Seconds before it answers the same contact again."""
    delay: AnswerDelay = AnswerDelay.PERSON
    hand_over: bool = False
    stops_here: bool = True


class AutoReplyUpdate(BaseModel):
    """Changes; what is not set stays. Null takes away the file, a date or the limit, and is refused elsewhere."""

    model_config = ConfigDict(extra="forbid")

    keywords: Keywords | None = None
    match_type: MatchType | None = None
    response_text: str | None = None
    keeps_silent: bool | None = None
    name: str | None = None
    file_id: UUID | None = None
    priority: int | None = Field(default=None, ge=1, le=1_000_000)
    is_active: bool | None = None
    device_ids: list[UUID] | None = Field(default=None, max_length=200)
    windows: list[WindowInput] | None = Field(default=None, max_length=MAX_WINDOWS)
    from_date: date | None = None
    until_date: date | None = None
    limit_times: int | None = Field(default=None, ge=1, le=1_000)
    limit_period: LimitPeriod | None = None
    cooldown_s: int | None = Field(default=None, ge=0, le=MAX_COOLDOWN_S)
    delay: AnswerDelay | None = None
    hand_over: bool | None = None
    stops_here: bool | None = None


class RuleHits(BaseModel):
    """How often a rule fired, on the tenant's calendar."""

    total: int = 0
    week: int = 0
    """The last seven days, today included."""
    days: list[int] = Field(default_factory=lambda: [0] * 7)
    """The same by day, today last."""
    last_at: datetime | None = None


class AutoReplyView(BaseModel):
    """A rule as it is shown."""

    id: UUID
    name: str
    match_type: MatchType
    keywords: list[str]
    response_text: str
    keeps_silent: bool
    file_id: UUID | None
    file_name: str | None = None
    priority: int
    is_active: bool
    device_ids: list[UUID]
    windows: list[WindowInput]
    from_date: date | None
    until_date: date | None
    limit_times: int | None
    limit_period: LimitPeriod
    cooldown_s: int
    delay: AnswerDelay
    hand_over: bool
    stops_here: bool
    variants: int
    """Ways its text can be written."""
    hits: RuleHits
    created_at: datetime
    updated_at: datetime | None


class RuleFilter(BaseModel):
    """Which rules a list shows."""

    q: str = Field(default="", max_length=200)
    is_active: bool | None = None
    match_type: MatchType | None = None
    device_id: UUID | None = None
    """Rules that answer on this device."""


class RuleTest(BaseModel):
    """A text to try on the rules."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=65_536)
    device_id: UUID | None = None


class RuleWhy(BaseModel):
    """A rule that was looked at, and why it fires or does not."""

    id: UUID
    name: str
    matched: bool
    why: str
    keyword: str = ""


class RuleTestResult(BaseModel):
    """The rule that fires, if any, and what was found about each."""

    matched: AutoReplyView | None
    keyword: str = ""
    """The keyword it fires for."""
    considered: list[RuleWhy]


class RuleOrder(BaseModel):
    """Rules in the order they are to be asked in; those that are not named follow as they stand."""

    model_config = ConfigDict(extra="forbid")

    ids: list[UUID] = Field(min_length=1, max_length=MAX_RULES)


class RuleImport(BaseModel):
    """A file with rules: one that was uploaded, or its content."""

    model_config = ConfigDict(extra="forbid")

    file_id: UUID | None = None
    content: str | None = Field(default=None, max_length=4_000_000)
    format: Literal["csv", "json"] | None = None
    """Without it the first sign of the content tells."""
    dry_run: bool = False
    on_duplicate: Literal["skip", "update", "add"] = "skip"
    """What to do with a row whose name a rule has already."""


class ImportProblem(BaseModel):
    """A row that was refused, and why."""

    row: int
    """As a spreadsheet counts: the head is row 1. In JSON the first rule is 1."""
    field: str
    code: str
    args: dict[str, Any] = Field(default_factory=dict)
    message: str = ""
    value: str = ""
    """What stands in the cell, as far as it could be read."""


class RuleImportJob(ImportView):
    """A large file that a worker brings in: how far it is, and what it could not take so far."""

    names: list[str]
    """The first 20 rules that were or would be made or changed."""
    problems: list[ImportProblem]
    """The first 200; all of them at `errors_url` when it is over."""


class RuleImportResult(BaseModel):
    """What an import did, or with `dry_run` would do."""

    total: int
    created: int
    updated: int
    skipped: int
    failed: int
    problems: list[ImportProblem]
    """The first 200."""
    names: list[str]
    """The first 20 rules that were or would be made or changed."""
