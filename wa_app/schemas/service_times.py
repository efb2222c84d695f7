"""Times of service: how long customers wait for people."""

from uuid import UUID

from pydantic import BaseModel


class Span(BaseModel):
    """How long something took, in seconds; None when it has not happened."""

    cases: int
    median_s: float | None = None
    p90_s: float | None = None
    within_target: int
    """How many of them were in time; 0 without a target."""


class PersonTimes(BaseModel):
    """Cases that one person answered first, and that they closed."""

    user_id: UUID
    name: str
    first_response: Span
    resolution: Span


class TeamTimes(BaseModel):
    """Cases of conversations that are with one team now."""

    team_id: UUID
    name: str
    first_response: Span
    resolution: Span


class ServiceTimes(BaseModel):
    """Figures of the cases that were opened in the last days. A case goes from a customer's first message to its closing."""

    days: int
    cases: int
    first_response_target_min: int
    resolution_target_min: int
    first_response: Span
    resolution: Span
    unanswered: int
    """Open cases that no person has answered."""
    unanswered_late: int
    unresolved: int
    unresolved_late: int
    people: list[PersonTimes]
    """Of everybody for who may see the team, else one's own."""
    teams: list[TeamTimes]
    """Of every team with a case, for who may see the team."""
