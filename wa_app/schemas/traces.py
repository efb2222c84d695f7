"""Why an answer is what it is: what each step of a decision found, in order."""

from datetime import UTC, datetime
from enum import StrEnum
from time import perf_counter

from pydantic import BaseModel, ConfigDict, Field


class TraceStep(StrEnum):
    """The places a decision passes (DESIGN §6); texts are `trace.<step>` in the catalogues."""

    CONSENT = "consent"
    """May this person be answered by a machine at all?"""
    HUMAN = "human"
    READING = "reading"
    """What was read from pictures and documents."""
    RULES = "rules"
    FLOW = "flow"
    KNOWLEDGE = "knowledge"
    MODEL = "model"
    """The call of a language model."""
    INSIGHTS = "insights"
    ANSWER = "answer"


class TraceEntry(BaseModel):
    """One step. `outcome` is a stable word with the text `trace.<step>.<outcome>`; `detail` fills its placeholders.

    `detail` holds small plain values, ids as strings; nothing secret, and no text of other tenants.
    """

    model_config = ConfigDict(extra="forbid")
    step: TraceStep
    outcome: str
    detail: dict[str, object] = Field(default_factory=dict)
    ms: float = 0.0

    @property
    def key(self) -> str:
        """Its text in the catalogues."""
        return f"trace.{self.step.value}.{self.outcome}"


class Trace:
    """Collects entries and takes the time of each.

    >>> trace = Trace()
    >>> trace.add(TraceStep.RULES, "none", considered=3)
    >>> trace.entries[0].outcome
    'none'
    """

    def __init__(self) -> None:
        self.entries: list[TraceEntry] = []
        self.started_at = datetime.now(UTC)
        self._mark = perf_counter()

    def add(self, step: TraceStep, outcome: str, **detail: object) -> None:
        """Note what a step found; its time runs from the entry before."""
        now = perf_counter()
        self.entries.append(
            TraceEntry(step=step, outcome=outcome, detail=detail, ms=round((now - self._mark) * 1000, 1))
        )
        self._mark = now
