"""What is known of a campaign before it goes out."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class EmptyVariable(BaseModel):
    """A variable of the message that some people have no value for."""

    name: str
    contacts: int
    has_fallback: bool
    """Whether the text says what to write instead."""
    examples: list[str]
    """A few of the people, by name or number."""


class AudienceFacts(BaseModel):
    """What a look at the people of an audience shows, opted-out ones left out.

    Of a large audience an even sample is looked at (`is_sample`), and the figures are projected.
    """

    people: int
    looked_at: int
    is_sample: bool
    no_consent: int
    """Without a recorded opt-in."""
    strangers: int
    """Never wrote to us."""
    duplicates: int
    """Contacts that reach the same chat as another one, as far as numbers were looked up."""
    numbers_known: int
    numbers_missing: int
    """Of the known ones: not on WhatsApp."""
    empty: list[EmptyVariable] = Field(default_factory=list)


class DeviceShare(BaseModel):
    """What one device would send, and how it is."""

    device_id: UUID
    name: str
    messages: int
    health_score: int | None = None
    guard: str = "none"


class Estimate(BaseModel):
    """When the last message would leave. Both times None: not within a year."""

    early: datetime | None
    late: datetime | None
    devices: list[DeviceShare]
    limits: list[Literal["per_minute", "per_hour", "per_day", "packages", "quiet_hours", "working_days", "strangers"]]


class RiskReason(BaseModel):
    """One thing that makes a block more likely; `code` is a key `risk.<code>`."""

    code: str
    points: int
    args: dict[str, str | int] = Field(default_factory=dict)


class Risk(BaseModel):
    """How likely numbers are blocked for this campaign: a guide by rule of thumb, never a promise."""

    score: int = Field(ge=0, le=100)
    level: Literal["low", "medium", "high"]
    reasons: list[RiskReason]


class NumberJob(BaseModel):
    """Looking up numbers of an audience under way, or the last time it was."""

    id: UUID
    status: str
    processed: int
    total: int | None
    is_sample: bool


class LinkView(BaseModel):
    """An address in the message, and whether it answers."""

    url: str
    state: Literal["pending", "ok", "dead"]
    reason: str | None
