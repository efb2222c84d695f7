"""A chat with an agent as programs have it: what a contact would be answered, and why."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.schemas.agents import Insights, Outcome, Suggestion
from wa_app.schemas.ai import ChatResult, Turn
from wa_app.schemas.knowledge import Passage
from wa_app.schemas.traces import TraceEntry

MAX_TEXT = 65_536
MAX_HISTORY = 50


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChatLine(_Input):
    """One line of the talk so far."""

    role: Literal["user", "assistant"]
    text: Annotated[str, Field(max_length=MAX_TEXT)]

    def turn(self) -> Turn:
        return Turn(self.role, self.text)


class AgentChat(_Input):
    """What a contact writes, and to whom. Without `agent_id`: to the tenant's first agent."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    history: Annotated[list[ChatLine], Field(max_length=MAX_HISTORY)] = []
    draft: bool = Field(False, description="Ask the draft instead of the version that answers customers.")
    agent_id: UUID | None = None
    device_id: UUID | None = Field(None, description="The number written to: rules may be for some numbers only.")
    rules: bool = Field(True, description="Let keyword rules answer first, as they would a contact.")


class ChatSource(BaseModel):
    """A passage that the answer rests on."""

    document_id: UUID
    document_name: str
    page: int | None
    text: str
    score: float

    @classmethod
    def of(cls, passage: Passage) -> Self:
        return cls(
            document_id=passage.document_id, document_name=passage.document_name, page=passage.page, text=passage.text, score=passage.score
        )


class ChatUsage(BaseModel):
    """What the model took. Costs in millionths of a US dollar, null where no price is known."""

    provider: str
    kind: str
    model: str
    input: int
    cached_input: int
    output: int
    cost_micros: int | None
    latency_ms: float

    @classmethod
    def of(cls, result: ChatResult) -> Self:
        used = result.usage
        return cls(
            provider=result.provider_name, kind=result.kind, model=result.model, input=used.input, cached_input=used.cached_input,
            output=used.output, cost_micros=result.cost_micros, latency_ms=round(result.latency_ms, 1),
        )  # fmt: skip


class AgentChatAnswer(BaseModel):
    """What would be sent: an empty answer means nothing. Nothing was sent or kept."""

    answer: str
    by: Literal["rule", "flow", "agent"] | None
    sources: list[ChatSource]
    confidence: float
    handover: bool
    handover_reason: str
    insights: Insights
    trace: list[TraceEntry]
    usage: ChatUsage | None
    agent_id: UUID | None
    version: int | None = Field(description="0 is the draft.")


class ChatSuggestion(BaseModel):
    """Words for a person to begin with. Nothing was sent."""

    text: str
    """Empty when the agent does not know; the sources may still help."""
    outcome: Outcome
    confidence: float
    reason: str
    """Why it is not simply an answer: low_confidence, ungrounded, complaint, order, customer_wish, forbidden_topic, …"""
    sources: list[ChatSource]
    insights: Insights
    usage: ChatUsage | None

    @classmethod
    def of(cls, made: Suggestion) -> Self:
        return cls(
            text=made.text, outcome=made.outcome, confidence=made.confidence, reason=made.reason,
            sources=[ChatSource.of(one) for one in made.sources], insights=made.insights,
            usage=ChatUsage.of(made.result) if made.result else None,
        )  # fmt: skip


class ChatSummary(BaseModel):
    """A conversation in a few sentences."""

    text: str
