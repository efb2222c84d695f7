"""Conversations, their messages, and how automatic answers behave in all of them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.schemas.traces import TraceEntry


class AnswerSettings(BaseModel):
    """What holds for all automatic answers of a tenant."""

    hand_back_after_h: int = Field(12, ge=0, le=720)
    """Hours without an answer by a person after which the machine answers again; 0: never by itself."""
    rule_delay_min_s: int = Field(2, ge=0, le=3600)
    rule_delay_max_s: int = Field(5, ge=0, le=3600)
    """How long a keyword rule waits, so that it feels like a person's."""
    auto_assign: bool = False
    """Whether a conversation that needs a person is given to one who is there."""
    first_response_target_min: int = Field(30, ge=0, le=10_080)
    """Minutes within which a person should answer; 0: no target."""
    resolution_target_min: int = Field(1440, ge=0, le=100_000)
    """Minutes within which a conversation should be closed; 0: no target."""
    groups: bool = False
    """Whether groups are conversations too, answered by keyword rules; else what is said in them is not kept."""
    group_answers_per_h: int = Field(20, ge=1, le=1000)
    """Automatic answers that one group gets within an hour at most."""


class AnswerSettingsChange(BaseModel):
    """Changes; what is not given stays."""

    model_config = ConfigDict(extra="forbid")
    hand_back_after_h: int | None = Field(None, ge=0, le=720)
    rule_delay_min_s: int | None = Field(None, ge=0, le=3600)
    rule_delay_max_s: int | None = Field(None, ge=0, le=3600)
    auto_assign: bool | None = None
    first_response_target_min: int | None = Field(None, ge=0, le=10_080)
    resolution_target_min: int | None = Field(None, ge=0, le=100_000)
    groups: bool | None = None
    group_answers_per_h: int | None = Field(None, ge=1, le=1000)


ChatFolder = Literal[
    "all", "mine", "unassigned", "bot", "needs_human", "unread", "mentions", "closed", "snoozed", "archived"
]


ChatSort = Literal["newest", "waiting"]


class ChatFilters(BaseModel):
    """Which conversations a list shows."""

    model_config = ConfigDict(extra="forbid")
    view: ChatFolder = "all"
    """All but the last four are of open conversations; `all` with words looks everywhere."""
    q: str = Field("", max_length=200)
    """Words of the contact: name, number, place."""
    device_id: UUID | None = None
    tag_id: UUID | None = None
    team_id: UUID | None = None
    assigned_to: UUID | None = None
    unread: bool = False
    active_h: int | None = Field(None, ge=1, le=720)
    """Only those in which something was said within so many hours."""
    sort: ChatSort = "newest"
    """`waiting`: who has waited longest for a person comes first, behind them the latest."""


class Colleague(BaseModel):
    """Somebody who may answer conversations, and so may be given one."""

    id: UUID
    name: str


class TeamName(BaseModel):
    id: UUID
    name: str


class ChatCounts(BaseModel):
    """How many conversations each view has; what is more than 1000 is told as 1001."""

    all: int
    mine: int
    unassigned: int
    bot: int
    needs_human: int
    closed: int
    snoozed: int
    archived: int
    unread: int
    mentions: int
    """Notes that name the person who asks, in conversations they have not opened since."""
    waiting: int = 0
    """What waits for the person who asks: theirs and unread, or in need of somebody and not another one's."""


class ChatTag(BaseModel):
    id: UUID
    name: str
    color: str


class ChatContact(BaseModel):
    """With whom one talks: a contact, or a group by its name; the id is then the conversation's own."""

    id: UUID
    name: str
    phone: str | None


class PendingAnswer(BaseModel):
    """An answer that waits to leave: it can be cancelled, or sent at once."""

    id: UUID
    state: Literal["waiting", "deciding", "answering"]
    due_at: datetime | None
    by: str | None
    """rule, flow or agent, as soon as it is known."""
    text: str
    """What will be said, as soon as it is decided."""
    messages: int


class ChatView(BaseModel):
    """A conversation: one contact, or one group, on one device."""

    id: UUID
    contact: ChatContact
    is_group: bool = False
    device_id: UUID
    is_bot_active: bool
    bot_off_reason: str | None
    bot_resumes_at: datetime | None
    assigned_to: UUID | None = None
    unread: int
    last_message_at: datetime | None
    last_inbound_at: datetime | None
    needs_human_at: datetime | None
    needs_human_reason: str | None
    needs_human_summary: str
    pending: PendingAnswer | None = None
    assignee_name: str | None = None
    team_id: UUID | None = None
    team_name: str | None = None
    priority: Literal["none", "low", "high", "urgent"] = "none"
    status: Literal["open", "snoozed", "closed", "archived"] = "open"
    snoozed_until: datetime | None = None
    scheduled_at: datetime | None = None
    """When the next message leaves that was written for later."""
    tags: list[ChatTag] = Field(default_factory=list)
    last_text: str | None = None
    """The newest message of the chat itself, shortened; what campaigns sent is not among them."""
    last_type: str | None = None
    last_sender: str | None = None
    last_from: Literal["contact", "human", "bot"] | None = None
    device_name: str = ""
    draft: str | None = None
    """What the person who asks has begun to write here, shortened; "" for a file without words, None for nothing."""
    waiting_since: datetime | None = None
    """Since when the customer has waited for a person."""
    late: bool = False
    """Whether they have waited longer than the tenant's target."""
    opened_at: datetime | None = None
    """Since when the present case has been open; None: all are closed."""
    overdue: bool = False
    """Whether that is longer ago than the tenant's target for closing."""


class ChatMedia(BaseModel):
    """A file of a message: ours by `file_id`, else what the channel told of it."""

    file_id: UUID | None = None
    mime: str | None = None
    filename: str | None = None
    error: str | None = None


class ChatMember(BaseModel):
    """The member of a group who wrote a line."""

    name: str
    phone: str | None


class ChatMessage(BaseModel):
    """One line of a chat."""

    id: UUID
    direction: Literal["INBOUND", "OUTBOUND"]
    type: str
    text: str
    media: ChatMedia | None
    status: str | None
    sender: Literal["contact", "human", "rule", "flow", "agent", "campaign"]
    error_code: str | None
    outbound_id: UUID | None
    campaign_id: UUID | None
    trace: list[TraceEntry] | None
    """Why this answer, or why none: of answers by machines, and of what a customer wrote."""
    turn_id: UUID | None
    turn_state: str | None
    extra: dict[str, Any]
    timestamp: datetime
    reading_state: str | None = None
    reading: str | None = None
    """What stands in the picture or document, once it was read."""
    reading_reason: str | None = None
    """Why it was not read."""
    quoted: str | None = None
    """The text of the message that this one answers, where we have it."""
    author_name: str | None = None
    """Which person of the tenant wrote it."""
    member: ChatMember | None = None
    """Who of a group wrote it; they need not be contacts."""


class ChatSend(BaseModel):
    """What a person answers: a text, a file, or both."""

    model_config = ConfigDict(extra="forbid")
    text: str | None = Field(None, max_length=65_536)
    file_id: UUID | None = None
    reply_to: UUID | None = Field(None, description="A message of the same chat.")


class BotSwitch(BaseModel):
    model_config = ConfigDict(extra="forbid")
    active: bool
