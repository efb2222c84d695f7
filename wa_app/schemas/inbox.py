"""What a team keeps beside conversations, and what it knows of a customer."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from wa_app.schemas.conversations import ChatSend, ChatTag


class NoteView(BaseModel):
    """A private note."""

    id: UUID
    text: str
    author_id: UUID | None
    author_name: str | None
    mentions: list[UUID]
    created_at: datetime


class NoteCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=10_000)
    mentions: list[UUID] = Field(default_factory=list, max_length=20, description="Members who are told.")


class Draft(BaseModel):
    """What a person has begun to write."""

    text: str = ""
    file_id: UUID | None = None
    reply_to: UUID | None = None
    updated_at: datetime | None = None


class DraftChange(BaseModel):
    """What is in the composer; nothing at all forgets it."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field("", max_length=65_536)
    file_id: UUID | None = None
    reply_to: UUID | None = None
    seen: AwareDatetime | None = Field(None, description="`updated_at` of the draft that this one replaces, null for none; 409 when another is there. Left out, it replaces any.")


class Standing(BaseModel):
    """Whether one may write to a customer."""

    shut: str | None
    """Why one may not, as an error's code."""
    window_ends_at: datetime | None
    """When one may no more, as the official API has it; None where nothing ends."""
    now: datetime
    """The time by the server's clock: that of a browser may be wrong."""


class TypingChange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    typing: bool = True


class Scheduled(BaseModel):
    """A message that a person wrote for later."""

    id: UUID
    """Of its row in the ledger."""
    text: str
    file_id: UUID | None
    due_at: datetime
    author_name: str | None


class ChatSchedule(ChatSend):
    """A message for later."""

    at: AwareDatetime


class ChatHit(BaseModel):
    """A message that was found by its words."""

    message_id: UUID
    conversation_id: UUID
    contact_name: str
    phone: str | None
    text: str
    """Around the first word that was found."""
    sender: str
    type: str
    at: datetime


class ChatStart(BaseModel):
    """Whom to write to: exactly one of contact and phone."""

    model_config = ConfigDict(extra="forbid")
    contact_id: UUID | None = None
    phone: str | None = Field(None, max_length=40)
    device_id: UUID


class AssignChange(BaseModel):
    """Whose it is; what is not given stays, null takes it away."""

    model_config = ConfigDict(extra="forbid")
    user_id: UUID | None = None
    team_id: UUID | None = None


class SnoozeChange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    until: AwareDatetime


class PriorityChange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    priority: Literal["none", "low", "high", "urgent"]


class TagsChange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    tag_ids: list[UUID] = Field(max_length=50)


class BlockChange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    note: str = Field("", max_length=500)


class CampaignReceived(BaseModel):
    """A broadcast that reached the customer."""

    campaign_id: UUID
    name: str
    status: str
    sent_at: datetime


class InsightView(BaseModel):
    """What was read from the customer's words of one turn."""

    intent: str
    sentiment: str
    product: str
    urgency: str
    tags: list[str]
    at: datetime


class OtherChat(BaseModel):
    """Another conversation with the same person."""

    id: UUID
    device_id: UUID
    device_name: str
    status: str
    last_message_at: datetime | None


class CaseView(BaseModel):
    """Times of service of one case."""

    opened_at: datetime
    answered_at: datetime | None
    resolved_at: datetime | None


class MergeView(BaseModel):
    """A contact that a person merged into this one; the latest can be taken apart."""

    contact_id: UUID
    name: str
    at: datetime


class ChatMerge(BaseModel):
    """The other conversation."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    with_: UUID = Field(alias="with")


class ChatCustomer(BaseModel):
    """What is known of the person in a conversation."""

    contact_id: UUID
    """Of a group: the conversation's own id, as in `ChatView.contact`."""
    is_group: bool = False
    name: str
    phone: str | None
    city: str
    attributes: dict[str, object]
    tags: list[ChatTag]
    consent: Literal["opt_in", "opt_out"] | None
    consent_at: datetime | None
    suppressed: Literal["marketing", "all"] | None
    campaigns: list[CampaignReceived]
    insights: list[InsightView]
    chats: list[OtherChat]
    cases: list[CaseView]
    merged: list[MergeView] = Field(default_factory=list)
    """Contacts that were merged into this one by hand, the latest first."""
    created_at: datetime
