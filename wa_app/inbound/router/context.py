"""What a decision is made from, and the parts it asks. Everything is given: the router reads no table."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.agents import AgentConfig, AgentOutcome, AgentTask
from wa_app.schemas.ai import Turn
from wa_app.schemas.auto_replies import RuleDecision, RuleQuestion

ActiveAgent = tuple[UUID, int, AgentConfig]
"""Id, version (0: the draft) and configuration of the agent that answers on a device."""
AskRules = Callable[[RuleQuestion], Awaitable[RuleDecision]]
AskAgent = Callable[[UUID | None], Awaitable[ActiveAgent | None]]
CountHit = Callable[[TenantUnitOfWork, UUID, UUID, datetime], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of the customer, as the router sees it."""

    text: str
    kind: str = "text"
    """`MessageKind` of the channel: text, image, document, audio, …"""
    read_text: str = ""
    """What was read from its picture or document."""
    reading: str | None = None
    """NULL and done, failed, skipped: nothing more is to be waited for."""
    at: datetime | None = None
    id: UUID | None = None
    unread: str = ""
    """Why its picture or document was not read, a word with the text `reading.reason.<unread>`."""

    @property
    def is_being_read(self) -> bool:
        return self.reading is not None and self.reading not in ("done", "failed", "skipped")


@dataclass(frozen=True, slots=True)
class FlowMatch:
    """A flow that is running for this conversation, or that its words start."""

    id: UUID
    name: str
    text: str = ""
    file_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What the router asks: the real ones are put together in `router.parts`, tests and the tester bring their own."""

    rules: AskRules
    agent: AskAgent
    """The published agent of a device."""
    answer: Callable[[AgentTask], Awaitable[AgentOutcome]]
    count_hit: CountHit | None = None
    """Notes that a rule answers a contact, in the transaction of the answer; False: its limit was used up meanwhile."""
    learn: Callable[[TenantUnitOfWork, UUID, UUID, ActiveAgent, AgentOutcome], Awaitable[None]] | None = None
    """Keeps what an agent read from a conversation's message."""
    flows: "tuple[Callable[[RouterContext], Awaitable[FlowMatch | None]], ...]" = ()
    """Asked in order, before the agent; whoever has an answer takes the turn."""
    within: Callable[[TenantUnitOfWork], "tuple[AskRules, AskAgent]"] | None = None
    """`rules` and `agent` as they are asked inside a transaction that is open; None: as ever."""


@dataclass(frozen=True, slots=True)
class RouterContext:
    """A turn: the messages to be answered together, and all that is known of the talk.

    The tester fills `tenant_id, messages, at, parts`, the agent it tries and a `feature`; everything
    else has the value of a customer who writes for the first time.
    """

    tenant_id: UUID
    messages: tuple[Heard, ...]
    """Oldest first."""
    at: datetime
    parts: Parts
    device_id: UUID | None = None
    contact_id: UUID | None = None
    conversation_id: UUID | None = None
    stop: Literal["", "marketing", "all"] = ""
    """The widest stop on the person."""
    is_bot_active: bool = True
    human: str = ""
    """Why no machine answers while `is_bot_active` is False: `human`, `switched_off`, `handed_over`."""
    is_own_number: bool = False
    """Whether the writer is another number of the same tenant."""
    is_group: bool = False
    answers_groups: bool = False
    group_answers_per_h: int = 20
    """So many answers of ours a group gets within an hour at most; then `bot_answers_lately` counts an hour."""
    bot_answers_lately: int = 0
    """Answers of ours to this conversation within `LOOP_WINDOW_S`."""
    recent: tuple[datetime, ...] = ()
    """When the customer wrote before this turn, the latest `MAX_RECENT`."""
    history: tuple[Turn, ...] = ()
    summary: str = ""
    customer_name: str = ""
    business: str = ""
    language: str = "id"
    zone: str = "Asia/Jakarta"
    away_at: datetime | None = None
    """When the customer was last told that nobody is there."""
    values: Mapping[str, str] = field(default_factory=dict)
    """The contact's values for templates."""
    seed: bytes = b""
    """Decides spintax: the same turn always reads the same."""
    agent: ActiveAgent | None = None
    """The agent to use instead of the published one (the tester's draft)."""
    without: frozenset[str] = frozenset()
    """Parts that are left out: `rules`, `flows`, `agent`."""
    feature: str = "reply"
    provider_id: UUID | None = None
    job_key: str | None = None
    waited_for_reading: bool = False
    """True when media has been waited for long enough: it is answered without what stands in it."""
