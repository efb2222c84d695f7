"""What arrives: raw events, conversations and their messages."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Computed, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlmodel import Field

from wa_app.models.base import (
    Leased,
    TenantRow,
    json_column,
    state_check,
    state_column,
    tenant_fk,
    tenant_keys,
    time_field,
)


class EventState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    IGNORED = "ignored"
    FAILED = "failed"


class InboundEvent(TenantRow, table=True):
    """A webhook as it came. The body is bytes: jsonb refuses NUL (DESIGN §6)."""

    __tablename__ = "inbound_events"
    __table_args__ = (
        *tenant_keys(), UniqueConstraint("tenant_id", "device_id", "event", "envelope_id"),
        state_check("state", EventState),
        Index("ix_inbound_events_due", "due_at", "id", postgresql_where=text("state = 'pending'")),
        Index("ix_inbound_events_failed", "id", postgresql_where=text("state = 'failed'")),
        Index("ix_inbound_events_tenant_due", "tenant_id", "due_at", "id", postgresql_where=text("state = 'pending'")),
    )
    device_id: UUID
    event: str
    envelope_id: str
    """The vendor's id of the event, else a digest of the body."""
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    state: EventState = Field(default=EventState.PENDING, sa_column=state_column(EventState, EventState.PENDING))
    due_at: datetime | None = time_field(sa_column_kwargs={"server_default": text("now()")})
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    error: str | None = Field(default=None)


class ChatStatus(StrEnum):
    OPEN = "open"
    SNOOZED = "snoozed"
    """Out of sight until `snoozed_until`, or until the customer writes."""
    CLOSED = "closed"
    """Done, until the customer writes."""
    ARCHIVED = "archived"
    """Out of sight until a person brings it back."""


class ChatPriority(StrEnum):
    NONE = "none"
    LOW = "low"
    HIGH = "high"
    URGENT = "urgent"


def _listed(name: str, where: str, *columns: str) -> Index:
    """An index that a view of the inbox is read from, the latest first."""
    return Index(f"ix_conversations_{name}", "tenant_id", *columns, "last_message_at", "id", postgresql_where=text(where))


class Conversation(TenantRow, Leased, table=True):
    """One contact, or one WhatsApp group, on one device."""

    __tablename__ = "conversations"
    __table_args__ = (
        *tenant_keys(), tenant_fk("contact_id", "contacts"), tenant_fk("device_id", "devices"),
        UniqueConstraint("tenant_id", "contact_id", "device_id"),
        CheckConstraint("(contact_id IS NULL) <> (group_jid IS NULL)", name="whose"),
        Index("ix_conversations_group", "tenant_id", "device_id", "group_jid", unique=True, postgresql_where=text("group_jid IS NOT NULL")),
        Index(None, "tenant_id", "last_message_at"),
        Index("ix_conversations_resume", "bot_resumes_at", postgresql_where=text("bot_resumes_at IS NOT NULL")),
        Index("ix_conversations_needs_human", "tenant_id", "needs_human_at",
              postgresql_where=text("needs_human_at IS NOT NULL")),
        tenant_fk("team_id", "teams"), state_check("status", ChatStatus), state_check("priority", ChatPriority),
        Index("ix_conversations_status", "tenant_id", "status", "last_message_at", "id"),
        Index("ix_conversations_device", "tenant_id", "device_id", "last_message_at", "id"),
        _listed("mine", "assigned_to IS NOT NULL AND status = 'open'", "assigned_to"),
        _listed("team", "team_id IS NOT NULL AND status = 'open'", "team_id"),
        _listed("unassigned", "assigned_to IS NULL AND status = 'open'"),
        _listed("bot", "is_bot_active AND status = 'open'"),
        _listed("waits", "needs_human_at IS NOT NULL AND status = 'open'"),
        _listed("unread", "unread > 0 AND status = 'open'"),
        Index("ix_conversations_longest", "tenant_id", "status", "waiting_since", "id", postgresql_where=text("waiting_since IS NOT NULL")),
        Index("ix_conversations_snoozed", "snoozed_until", postgresql_where=text("status = 'snoozed'")),
        Index("ix_conversations_scheduled", "scheduled_at", postgresql_where=text("scheduled_at IS NOT NULL")),
        Index("ix_conversations_assigned_at", "tenant_id", "assigned_to", "assigned_at",
              postgresql_where=text("assigned_to IS NOT NULL")),
    )
    contact_id: UUID | None = Field(default=None)
    device_id: UUID
    group_jid: str | None = Field(default=None)
    """Vendor's id of a group; then it is nobody's conversation."""
    group_name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    chat_id: str
    """Vendor's chat the last message came with: answers go there."""
    is_bot_active: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    unread: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    last_message_at: datetime | None = time_field()
    last_inbound_at: datetime | None = time_field()
    bot_off_reason: str | None = Field(default=None)
    """Why no machine answers: `human`, `switched_off`, `handed_over`."""
    bot_resumes_at: datetime | None = time_field()
    """When the machine answers again by itself; NULL: when a person says so."""
    human_at: datetime | None = time_field()
    """When a person of the tenant last answered."""
    needs_human_at: datetime | None = time_field()
    needs_human_reason: str | None = Field(default=None)
    needs_human_summary: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """What the person who goes on should know."""
    away_at: datetime | None = time_field()
    """When the customer was last told that nobody is there."""
    summary: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Rolling summary of the talk up to `summary_at`."""
    summary_at: datetime | None = time_field()
    status: ChatStatus = Field(default=ChatStatus.OPEN, sa_column=state_column(ChatStatus, ChatStatus.OPEN))
    priority: ChatPriority = Field(default=ChatPriority.NONE, sa_column=state_column(ChatPriority, ChatPriority.NONE))
    assigned_to: UUID | None = Field(default=None, foreign_key="users.id")
    assigned_at: datetime | None = time_field()
    team_id: UUID | None = Field(default=None)
    snoozed_until: datetime | None = time_field()
    waiting_since: datetime | None = time_field()
    """Since when the customer has waited for an answer of a person; NULL: for none."""
    scheduled_at: datetime | None = time_field()
    """When the next message leaves that a person wrote for later."""


class Direction(StrEnum):
    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class Sender(StrEnum):
    CONTACT = "contact"
    HUMAN = "human"
    RULE = "rule"
    FLOW = "flow"
    AGENT = "agent"
    CAMPAIGN = "campaign"


class ReadingState(StrEnum):
    """How far the picture or document of a message is. A message without any has NULL."""

    WAITING = "waiting"
    FETCHING = "fetching"
    READING = "reading"
    DONE = "done"
    SKIPPED = "skipped"
    """Kept, and nothing of it is text to us."""
    FAILED = "failed"


SEARCHED = "to_tsvector('simple', left(text, 60000) || ' ' || left(coalesce(reading ->> 'text', ''), 60000))"
"""What a message is found by: its words, and those that were read in its picture or document."""


class Message(TenantRow, table=True):
    """One line of a conversation."""

    __tablename__ = "messages"
    __table_args__ = (
        *tenant_keys(), tenant_fk("conversation_id", "conversations"),
        UniqueConstraint("tenant_id", "device_id", "provider_message_id"),
        Index(None, "tenant_id", "conversation_id", "timestamp"),
        Index("ix_messages_outbound", "tenant_id", "outbound_id", unique=True,
              postgresql_where=text("outbound_id IS NOT NULL")),
        Index("ix_messages_turn", "tenant_id", "turn_id", postgresql_where=text("turn_id IS NOT NULL")),
        state_check("direction", Direction), state_check("sender", Sender),
        state_check("reading_state", ReadingState),
        Index("ix_messages_latest", "tenant_id", "timestamp", "id"),
        Index("ix_messages_search", "search_vector", postgresql_using="gin"),
    )
    conversation_id: UUID
    device_id: UUID
    contact_id: UUID | None = Field(default=None)
    """None: of a group."""
    author: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    """Which member of a group wrote it: `{name, phone, lid, jid}`; they are no contacts."""
    outbound_id: UUID | None = Field(default=None)
    direction: Direction = Field(sa_column=state_column(Direction))
    sender: Sender = Field(sa_column=state_column(Sender))
    type: str = Field(default="text", sa_column_kwargs={"server_default": "text"})
    text: str = Field(default="", sa_column_kwargs={"server_default": ""})
    media: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    status: str | None = Field(default=None)
    provider_message_id: str | None = Field(default=None)
    timestamp: datetime | None = time_field()
    extra: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    reading_state: ReadingState | None = Field(
        default=None, sa_column=Column(state_column(ReadingState).type, nullable=True)
    )
    reading: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    """What was read: `{text, method, pages, lines, is_cut, ms}`, or `{reason}` why it was not."""
    turn_id: UUID | None = Field(default=None)
    """The turn that a customer's message belongs to, or that an answer came from: its trace is there."""
    search_vector: Any = Field(default=None, sa_column=Column(TSVECTOR, Computed(SEARCHED, persisted=True)))
