"""What crosses the border beside the campaign itself: variants, repetition, links, message templates."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.kit.recurrence import Rule
from wa_app.models.broadcasts import SeriesStatus
from wa_app.schemas.clock_time import ClockTime

MIN_VARIANTS, MAX_VARIANTS = 2, 5
MAX_TEST_HOURS = 72
Verdict = Literal["none", "too_few", "unclear", "likely", "clear"]
"""How sure the best variant is the best: `none` has nothing to compare, `likely` p < 0.2, `clear` p < 0.05."""


def letter(position: int) -> str:
    """`A` for position 0."""
    return chr(ord("A") + position)


class VariantInput(BaseModel):
    """One way to write a campaign; the first is the campaign's own text."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=60)
    message_template: str = ""
    file_id: UUID | None = None
    share: int = Field(ge=1, le=99)
    """Percent of the recipients; together 100."""


class VariantView(VariantInput):
    model_config = ConfigDict(extra="ignore")

    position: int
    letter: str


class TestPhase(BaseModel):
    """Try the variants on a part of the audience first; the rest waits for the winner."""

    model_config = ConfigDict(extra="forbid")
    __test__ = False

    percent: int = Field(ge=1, le=90)
    hours: int = Field(default=4, ge=1, le=MAX_TEST_HOURS)
    """How long after the last message of the test the winner is chosen."""


class VariantFigures(BaseModel):
    """How one variant is doing. `arrived` counts messages that WhatsApp took."""

    position: int
    letter: str
    name: str
    share: int
    planned: int = 0
    arrived: int = 0
    read: int = 0
    replied: int = 0
    clicked: int = 0
    failed: int = 0
    read_rate: float = 0.0
    reply_rate: float = 0.0
    click_rate: float = 0.0
    is_winner: bool = False


class VariantReport(BaseModel):
    """Variants side by side, and what may be said about them."""

    items: list[VariantFigures]
    winner_by: Literal["read", "reply"]
    best: str | None
    """Letter of the variant that is ahead, None without data or between equals."""
    verdict: Verdict
    p_value: float | None
    held: int
    """Recipients that wait for the winner."""
    test_ends_at: datetime | None
    winner: str | None
    winner_at: datetime | None
    winner_how: Literal["rule", "person"] | None


class Repeat(BaseModel):
    """How a campaign comes again, on the tenant's wall clock. Each run counts its audience anew."""

    model_config = ConfigDict(extra="forbid")

    every: Literal["daily", "weekly", "monthly"]
    at: ClockTime
    weekdays: list[int] = Field(default_factory=list, max_length=7)
    """0 is Monday; for `weekly`."""
    month_day: int = Field(default=1, ge=1, le=31)
    """For `monthly`; a shorter month has it on its last day."""
    until: date | None = None
    max_runs: int | None = Field(default=None, ge=2, le=1000)

    @property
    def rule(self) -> Rule:
        return Rule(self.every, self.at.replace(second=0, microsecond=0), tuple(self.weekdays), self.month_day)


class SeriesView(BaseModel):
    """A campaign that comes again."""

    id: UUID
    status: SeriesStatus
    repeat: Repeat
    next_at: datetime | None
    runs: int
    last_error: str | None
    last_error_at: datetime | None


class LinkFigures(BaseModel):
    """One address of a campaign. `people` counts recipients (for links without a token: visitors)."""

    id: UUID
    url: str
    short_url: str
    clicks: int
    people: int
    last_at: datetime | None


class Clicker(BaseModel):
    """A recipient who opened links of a campaign."""

    contact_id: UUID
    name: str
    phone: str | None
    clicks: int
    links: int
    first_at: datetime
    last_at: datetime


class MessageTemplateCreate(BaseModel):
    """A text to keep."""

    model_config = ConfigDict(extra="forbid")

    name: str
    body: str = ""
    file_id: UUID | None = None
    category: str = Field(default="", max_length=40)
    labels: list[str] = Field(default_factory=list, max_length=10)
    language: Literal["", "id", "en"] = ""


class MessageTemplateUpdate(BaseModel):
    """Changes; what is not set stays."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    body: str | None = None
    file_id: UUID | None = None
    category: str | None = Field(default=None, max_length=40)
    labels: list[str] | None = Field(default=None, max_length=10)
    language: Literal["", "id", "en"] | None = None


class MessageTemplateView(BaseModel):
    """A kept text; `used` counts the broadcasts it was taken for."""

    id: UUID
    name: str
    body: str
    file_id: UUID | None
    category: str
    labels: list[str]
    language: str
    used: int
    last_used_at: datetime | None
    variants: int
    """Ways the text can be written."""
    created_at: datetime
    updated_at: datetime | None
