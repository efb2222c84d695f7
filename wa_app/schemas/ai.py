"""What is asked of a language model, and what it answers, in our words: no vendor is known here."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from wa_app.schemas.knowledge import Passage


@dataclass(frozen=True, slots=True)
class Turn:
    """One line of a talk. `system` text is not a turn: it is `ChatRequest.system`."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Grounding:
    """The question and what the tenant's documents say to it. The built-in `quote` provider answers from it alone."""

    question: str
    passages: tuple[Passage, ...] = ()
    language: str = "id"
    min_confidence: float = 0.0
    """Below this, 0 to 1, `quote` says that it does not know."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call of a model for one tenant."""

    feature: str
    """What it is for, as usage is booked: reply, tester, summary, suggestion, …"""
    system: str
    turns: tuple[Turn, ...]
    json_schema: dict[str, Any] | None = None
    """Ask for JSON of this schema; the gateway validates and lets the model repair it once."""
    max_output_tokens: int = 1024
    temperature: float | None = None
    grounding: Grounding | None = None
    provider_id: UUID | None = None
    """Only this provider, without failover (the tester compares two)."""
    deadline_s: float = 45.0
    """For the whole call, all tries together."""
    job_key: str | None = None
    """The same key is booked once, however often the job runs."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `cached_input` is part of `input`, `reasoning` part of `output`."""

    input: int = 0
    cached_input: int = 0
    output: int = 0
    reasoning: int = 0


class Finish(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One provider that was tried or passed over: `outcome` is `ok` or a stable word why not."""

    provider_id: UUID
    provider_name: str
    model: str
    outcome: str
    ms: float = 0.0


@dataclass(frozen=True, slots=True)
class ChatResult:
    """What came back, normalised over vendors."""

    text: str
    parsed: dict[str, Any] | None
    finish: Finish
    usage: Usage
    provider_id: UUID
    provider_name: str
    kind: str
    model: str
    cost_micros: int | None
    """Millionths of a US dollar; None where no price is known."""
    latency_ms: float
    attempts: tuple[Attempt, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Piece:
    """Some more of a streamed text."""

    text: str
