"""Talks with an agent that nobody outside hears: what is asked, what came back, and cases kept to ask again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from wa_app.schemas.agents import AgentConfig, Insights
from wa_app.schemas.ai import Turn
from wa_app.schemas.knowledge import Passage
from wa_app.schemas.traces import TraceEntry

MAX_TEXT = 4000
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class TrialOutcome(StrEnum):
    """How a text was dealt with, in the order in which the router looks."""

    STOPPED = "stopped"
    """A word of stopping, or somebody who has stopped."""
    STARTED = "started"
    RULE = "rule"
    FLOW = "flow"
    AWAY = "away"
    """Nobody is there: the text for outside the working hours."""
    ANSWER = "answer"
    UNSURE = "unsure"
    HANDOVER = "handover"
    REFUSED = "refused"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class TrialAsk:
    """A customer's text to an agent that nobody outside hears. Nothing is sent, stored or counted for it."""

    tenant_id: UUID
    agent_id: UUID
    version: int
    """0 is the draft."""
    config: AgentConfig
    text: str
    history: tuple[Turn, ...] = ()
    device_id: UUID | None = None
    language: str = "id"
    attachment: str = ""
    """What was read from a picture or document that came along."""
    stopped: bool = False
    """Whether the customer has written a word of stopping before."""
    provider_id: UUID | None = None
    job_key: str | None = None


@dataclass(frozen=True, slots=True)
class TrialReply:
    """What the router decided. `answer` is empty when nothing would have been sent."""

    outcome: TrialOutcome
    answer: str
    mode: str = ""
    sources: tuple[Passage, ...] = ()
    found: tuple[Passage, ...] = ()
    """All that the documents had to say; `sources` are those that were used."""
    rule_id: UUID | None = None
    rule_name: str = ""
    has_file: bool = False
    confidence: float = 0.0
    handover_reason: str = ""
    insights: Insights | None = None
    trace: tuple[TraceEntry, ...] = ()
    tokens: int = 0
    cost_micros: int | None = None
    provider: str = ""
    model: str = ""
    ms: float = 0.0


Talker = Callable[[TrialAsk], Awaitable[TrialReply]]
"""Puts a text through the router; runs of test cases get it as an argument."""


class Expectation(BaseModel):
    """What a good answer looks like. Everything that is given must hold."""

    model_config = ConfigDict(extra="forbid")
    contains: list[Words] = Field(default_factory=list, max_length=10, description="Each stands in the answer.")
    avoids: list[Words] = Field(default_factory=list, max_length=10, description="None stands in the answer.")
    document_id: UUID | None = Field(None, description="A document among the sources.")
    rule_id: UUID | None = Field(None, description="The keyword rule that answers.")
    outcome: TrialOutcome | None = None


class SavedTurn(BaseModel):
    """A line of the talk before the text."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["user", "assistant"]
    text: str = Field(max_length=MAX_TEXT)


class TrialCreate(BaseModel):
    """A chat to be asked again: the talk before it stays as it was, so that only the answer can change."""

    model_config = ConfigDict(extra="forbid")
    agent_id: UUID | None = Field(None, description="Left out: the tenant's first agent.")
    name: str = Field("", max_length=120, description="Empty: the first words of the text.")
    text: str = Field(max_length=MAX_TEXT)
    history: list[SavedTurn] = Field(default_factory=list, max_length=20)
    attachment: str = Field("", max_length=20_000, description="Text read from a picture or document.")
    device_id: UUID | None = None
    language: Literal["id", "en"] = "id"
    expect: Expectation = Field(default_factory=Expectation)
    note: str = Field("", max_length=1000)


class TrialUpdate(BaseModel):
    """Fields left out stay."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = Field(None, max_length=120)
    expect: Expectation | None = None
    note: str | None = Field(None, max_length=1000)


class TrialView(BaseModel):
    """One test case."""

    id: UUID
    agent_id: UUID
    name: str
    text: str
    history: list[SavedTurn]
    attachment: str
    device_id: UUID | None
    language: str
    expect: Expectation
    note: str
    created_at: datetime
    updated_at: datetime | None


class Check(BaseModel):
    """One expectation and whether it held: `what` is contains, avoids, document, rule or outcome."""

    what: str
    wanted: str
    ok: bool


class Seen(BaseModel):
    """What a run saw of one case, kept so that the next run can be held against it."""

    outcome: TrialOutcome
    answer: str
    sources: list[dict[str, Any]] = Field(default_factory=list)
    """`document_id`, `name`, `page`."""
    rule: str = ""
    confidence: float = 0.0
    ms: float = 0.0
    tokens: int = 0
    cost_micros: int | None = None


class TrialStatus(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"
    """No answer came: the code says why."""


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class ResultView(BaseModel):
    """One case in a run, and what changed against the run before."""

    trial_id: UUID
    name: str
    text: str
    status: TrialStatus
    seen: Seen | None
    checks: list[Check]
    error_code: str = ""
    before: Seen | None = None
    changed: list[Literal["answer", "outcome", "sources", "rule", "status"]] = Field(default_factory=list)


class RunRequest(BaseModel):
    """Run all test cases of an agent."""

    model_config = ConfigDict(extra="forbid")
    agent_id: UUID | None = Field(None, description="Left out: the tenant's first agent.")
    version: int = Field(0, ge=0, description="0: the draft.")


class RunView(BaseModel):
    """A run of all test cases against one version. `compared_with` is the version of the run it is held against."""

    id: UUID
    agent_id: UUID
    version: int
    status: RunStatus
    total: int
    processed: int
    passed: int
    created_at: datetime
    finished_at: datetime | None
    compared_with: int | None = None
    results: list[ResultView] = Field(default_factory=list)
