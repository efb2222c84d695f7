"""Agents: how one is configured, what it is asked, and what it answers."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.schemas.ai import ChatResult, Turn
from wa_app.schemas.knowledge import Passage
from wa_app.schemas.traces import TraceEntry


class Mode(StrEnum):
    """What a talk is about; each has instructions of its own."""

    FAQ = "faq"
    ORDER = "order"
    COMPLAINT = "complaint"


class Unsure(StrEnum):
    """What an agent does when the documents do not say it."""

    SAY_SO = "say_so"
    HAND_OVER = "hand_over"
    STAY_SILENT = "stay_silent"


class ModeConfig(BaseModel):
    """Whether an agent does this, and the tenant's own instructions for it."""

    model_config = ConfigDict(extra="forbid")
    is_on: bool = True
    instructions: str = Field("", max_length=2000)


class Facts(BaseModel):
    """What is always true of the business; given to the model beside the documents."""

    model_config = ConfigDict(extra="forbid")
    hours: str = Field("", max_length=500)
    address: str = Field("", max_length=500)
    payment: str = Field("", max_length=500)
    other: str = Field("", max_length=2000)


class OpenHours(BaseModel):
    """Hours of one weekday in the tenant's zone, `HH:MM`; `end` before `start` runs over midnight."""

    model_config = ConfigDict(extra="forbid")
    day: int = Field(ge=0, le=6, description="0 is Monday.")
    start: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    end: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class Behaviour(BaseModel):
    """How answers leave, so that they feel like a person's (DESIGN §6)."""

    model_config = ConfigDict(extra="forbid")
    delay_min_s: int = Field(180, ge=0, le=86_400)
    delay_max_s: int = Field(420, ge=0, le=86_400)
    seen: bool = True
    typing: bool = True
    flood_every: int = Field(
        10, ge=0, le=1000, description="Apologise on every so-many-th message of a flood; 0: never."
    )
    flood_window_s: int = Field(600, ge=10, le=86_400)
    flood_text: str = Field(
        "", max_length=1000, description="Spintax; empty: a text of ours in the customer's language."
    )
    hours: list[OpenHours] = Field(default_factory=list, description="Empty: always open.")
    away_text: str = Field(
        "", max_length=1000, description="Sent once per absence; empty: the agent answers at all hours."
    )


class AgentConfig(BaseModel):
    """One version of an agent. A draft is edited freely; a published version never changes."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field("", max_length=80)
    persona: str = Field("", max_length=4000)
    preset: Literal["", "service", "sales"] = ""
    language: Literal["auto", "id", "en"] = "auto"
    tone: Literal["warm", "neutral", "formal"] = "warm"
    emoji: Literal["none", "some", "many"] = "some"
    length: Literal["short", "medium", "long"] = "short"
    facts: Facts = Field(default_factory=Facts)
    modes: dict[Mode, ModeConfig] = Field(default_factory=lambda: {mode: ModeConfig() for mode in Mode})
    document_ids: list[UUID] | None = Field(None, description="null: all documents of the tenant.")
    device_ids: list[UUID] | None = Field(None, description="Numbers it answers on; null: all.")
    min_confidence: float = Field(0.5, ge=0, le=1)
    unsure: Unsure = Unsure.SAY_SO
    unsure_text: str = Field("", max_length=1000)
    forbidden_topics: list[str] = Field(default_factory=list, max_length=50)
    provider_id: UUID | None = Field(None, description="null: the gateway chooses.")
    behaviour: Behaviour = Field(default_factory=Behaviour)


class Insights(BaseModel):
    """What was read from the customer's words. Empty strings and lists mean: nothing was said of it."""

    model_config = ConfigDict(extra="forbid")
    intent: str = ""
    sentiment: Literal["positive", "neutral", "negative"] = "neutral"
    product: str = ""
    urgency: Literal["low", "medium", "high"] = "low"
    tags: list[str] = Field(default_factory=list)


class AgentAnswer(BaseModel):
    """The structured answer of a model (its JSON schema goes with the request); `quote` fills it too."""

    model_config = ConfigDict(extra="forbid")
    answer: str
    mode: Mode = Mode.FAQ
    sources: list[int] = Field(default_factory=list, description="Numbers of the passages used, from 1.")
    confidence: float = Field(0.0, ge=0, le=1)
    handover: bool = False
    handover_reason: str = ""
    insights: Insights = Field(default_factory=Insights)


@dataclass(frozen=True, slots=True)
class AgentTask:
    """What an agent is asked: the customer's newest words (several messages joined), and the talk before them."""

    tenant_id: UUID
    agent_id: UUID
    version: int
    """0 is the draft."""
    config: AgentConfig
    text: str
    history: tuple[Turn, ...] = ()
    """The last 10 messages, oldest first, without `text`."""
    summary: str = ""
    """Rolling summary of what came before the history."""
    business: str = ""
    now: str = ""
    """Day and time where the business is, for "are you open today?"."""
    customer_name: str = ""
    language: str = "id"
    """The customer's language as far as known, else the tenant's."""
    feature: str = "reply"
    provider_id: UUID | None = None
    job_key: str | None = None


class Outcome(StrEnum):
    ANSWER = "answer"
    UNSURE = "unsure"
    """Says that it does not know."""
    HANDOVER = "handover"
    """A person must go on; `answer` may hold a line that says so."""
    SILENT = "silent"
    REFUSED = "refused"
    """Forbidden topic, or an attempt to change its instructions."""


@dataclass(frozen=True, slots=True)
class AgentOutcome:
    """What an agent decided. `answer` is empty when nothing is to be sent."""

    outcome: Outcome
    answer: str
    mode: Mode = Mode.FAQ
    sources: tuple[Passage, ...] = ()
    confidence: float = 0.0
    handover_reason: str = ""
    insights: Insights = field(default_factory=Insights)
    trace: tuple[TraceEntry, ...] = ()
    result: ChatResult | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Words a person may begin with. `text` is empty when the agent does not know; the sources may still help."""

    text: str
    outcome: Outcome
    confidence: float
    reason: str = ""
    """Why it is not simply an answer: a word with the text `handover.reason.<reason>`."""
    sources: tuple[Passage, ...] = ()
    """What it rests on; without words of its own, what came nearest."""
    insights: Insights = field(default_factory=Insights)
    result: ChatResult | None = None
