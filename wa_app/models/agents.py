"""AI agents, the versions that were published of them, and what they read from chats."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from wa_app.models.base import TenantRow, json_column, state_check, state_column, tenant_fk, tenant_keys, time_field


class Sentiment(StrEnum):
    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


class Urgency(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Agent(TenantRow, table=True):
    """An agent: a draft that people edit, and the version that answers customers."""

    __tablename__ = "agents"
    __table_args__ = (
        *tenant_keys(), Index("ix_agents_alive", "tenant_id", "id", postgresql_where=text("deleted_at IS NULL")),
    )  # fmt: skip
    name: str
    """The draft's name, for lists."""
    draft: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """`wa_app.schemas.agents.AgentConfig`."""
    revision: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    """Counts the draft's changes, so that a page that saw an older one does not overwrite a newer."""
    live_version: int | None = Field(default=None)
    """Number of the version that answers; NULL before the first publishing."""
    last_version: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """Highest number given out. Publishing locks this row, so numbers have no gaps and no doubles."""
    is_active: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    created_by: UUID | None = Field(default=None)
    updated_by: UUID | None = Field(default=None)
    updated_at: datetime | None = time_field()
    deleted_at: datetime | None = time_field()


class AgentVersion(TenantRow, table=True):
    """What was published, when and by whom. Append-only: an old version comes back as a new one."""

    __tablename__ = "agent_versions"
    __table_args__ = (
        *tenant_keys(), tenant_fk("agent_id", "agents"), UniqueConstraint("tenant_id", "agent_id", "number"),
    )  # fmt: skip
    agent_id: UUID
    number: int
    config: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})
    restored_from: int | None = Field(default=None)
    """The version this one repeats, when somebody rolled back."""
    published_by: UUID | None = Field(default=None)


class Insight(TenantRow, table=True):
    """What was read from the customer's words of one turn. Append-only, one row per message.

    No foreign key to messages: as other ledgers, it outlives them.
    """

    __tablename__ = "insights"
    __table_args__ = (
        *tenant_keys(), tenant_fk("conversation_id", "conversations"), UniqueConstraint("tenant_id", "message_id"),
        Index(None, "tenant_id", "conversation_id", "id"), state_check("sentiment", Sentiment), state_check("urgency", Urgency),
    )  # fmt: skip
    conversation_id: UUID
    message_id: UUID
    """The newest message of the turn."""
    agent_id: UUID | None = Field(default=None)
    version: int | None = Field(default=None)
    mode: str = Field(default="", sa_column_kwargs={"server_default": ""})
    intent: str = Field(default="", sa_column_kwargs={"server_default": ""})
    sentiment: Sentiment = Field(default=Sentiment.NEUTRAL, sa_column=state_column(Sentiment, Sentiment.NEUTRAL))
    product: str = Field(default="", sa_column_kwargs={"server_default": ""})
    urgency: Urgency = Field(default=Urgency.LOW, sa_column=state_column(Urgency, Urgency.LOW))
    tags: list[str] = Field(default_factory=list, sa_column=json_column("[]"))
