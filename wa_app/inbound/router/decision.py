"""What the router decides."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from wa_app.inbound.router.context import ActiveAgent
from wa_app.schemas.agents import AgentOutcome, Behaviour
from wa_app.schemas.auto_replies import RuleDecision
from wa_app.schemas.traces import TraceEntry


class Action(StrEnum):
    ANSWER = "answer"
    """`text` or `file_id` is to be sent; with `handover`, a person goes on after it."""
    SILENT = "silent"
    """Nothing is sent; `reason` says why, `handover` whether a person should look."""
    WAIT = "wait"
    """A picture or document is still being read."""
    ASK = "ask"
    """The agent is to be asked (only `look` answers this; `decide` asks it)."""


class By(StrEnum):
    """Who answers, as `messages.sender` knows them."""

    RULE = "rule"
    FLOW = "flow"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision with the way to it."""

    action: Action
    by: By | None = None
    text: str = ""
    file_id: UUID | None = None
    reason: str = ""
    """A stable word: why it is silent, or what for it waits."""
    handover: bool = False
    handover_reason: str = ""
    question: str = ""
    """What was answered: the customer's words, with what was read from media."""
    rule_ids: tuple[UUID, ...] = ()
    rules: RuleDecision | None = None
    quotes: UUID | None = None
    """The message that it answers, where others may be meant: in a group."""
    agent: ActiveAgent | None = None
    """Who answers, or by whose manners a rule's answer leaves."""
    outcome: AgentOutcome | None = None
    is_away: bool = False
    """The text says that nobody is there; it is sent once per absence."""
    at_once: bool = False
    """It need not look as if a person had typed it."""
    before: "Decision | None" = None
    """What rules that do not end the matter say as well: it stands before the text."""
    trace: tuple[TraceEntry, ...] = field(default=())

    @property
    def behaviour(self) -> Behaviour:
        """How the answer leaves."""
        return self.agent[2].behaviour if self.agent is not None else Behaviour.model_validate({})
