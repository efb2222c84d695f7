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


class AnswerSettingsChange(BaseModel):
    """Changes; what is not given stays."""

    model_config = ConfigDict(extra="forbid")
    hand_back_after_h: int | None = Field(None, ge=0, le=720)
    rule_delay_min_s: int | None = Field(None, ge=0, le=3600)
    rule_delay_max_s: int | None = Field(None, ge=0, le=3600)


class ChatContact(BaseModel):
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
    """A conversation: one contact on one device."""

    id: UUID
    contact: ChatContact
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
    device_name: str = ""
    last_text: str | None = None
    """The newest message of the chat itself, shortened; what campaigns sent is not among them."""
    last_type: str | None = None
    last_sender: str | None = None
    pending: PendingAnswer | None = None


class ChatMedia(BaseModel):
    """A file of a message: ours by `file_id`, else what the channel told of it."""

    file_id: UUID | None = None
    mime: str | None = None
    filename: str | None = None
    error: str | None = None


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
    quoted: str | None = None
    """The text of the message that this one answers, where we have it."""


class ChatSend(BaseModel):
    """What a person answers: a text, a file, or both."""

    model_config = ConfigDict(extra="forbid")
    text: str | None = Field(None, max_length=65_536)
    file_id: UUID | None = None
    reply_to: UUID | None = Field(None, description="A message of the same chat.")


class BotSwitch(BaseModel):
    model_config = ConfigDict(extra="forbid")
    active: bool
