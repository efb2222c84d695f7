"""What a team keeps beside conversations: teams, tags, notes, drafts, quick replies, times of service."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from wa_app.models.base import TenantRow, tenant_fk, tenant_keys, time_field


class Team(TenantRow, table=True):
    """People who share conversations. `folded` keeps names unique without regard to case."""

    __tablename__ = "teams"
    __table_args__ = (*tenant_keys(), UniqueConstraint("tenant_id", "folded"))
    name: str
    folded: str


class TeamMember(SQLModel, table=True):
    """A person in a team."""

    __tablename__ = "team_members"
    __table_args__ = (tenant_fk("team_id", "teams"), Index(None, "tenant_id", "user_id"))
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    team_id: UUID = Field(primary_key=True)
    user_id: UUID = Field(primary_key=True, foreign_key="users.id")


class ConversationTag(SQLModel, table=True):
    """A tag on a conversation; the tags are those of contacts."""

    __tablename__ = "conversation_tags"
    __table_args__ = (tenant_fk("conversation_id", "conversations"), tenant_fk("tag_id", "tags"),
                      Index(None, "tenant_id", "conversation_id"))
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    tag_id: UUID = Field(primary_key=True)
    conversation_id: UUID = Field(primary_key=True)


class ConversationNote(TenantRow, table=True):
    """What people of the tenant tell one another; it never leaves."""

    __tablename__ = "conversation_notes"
    __table_args__ = (
        *tenant_keys(), tenant_fk("conversation_id", "conversations"),
        Index(None, "tenant_id", "conversation_id", "created_at"),
    )
    conversation_id: UUID
    author_id: UUID | None = Field(default=None, foreign_key="users.id")
    """None: written by a program."""
    text: str


class NoteMention(TenantRow, table=True):
    """A person who is named in a note."""

    __tablename__ = "note_mentions"
    __table_args__ = (
        *tenant_keys(), tenant_fk("note_id", "conversation_notes"), tenant_fk("conversation_id", "conversations"),
        UniqueConstraint("tenant_id", "note_id", "user_id"),
        Index("ix_note_mentions_unseen", "tenant_id", "user_id", "id", postgresql_where=text("seen_at IS NULL")),
        Index(None, "tenant_id", "conversation_id"),
    )
    note_id: UUID
    conversation_id: UUID
    user_id: UUID = Field(foreign_key="users.id")
    seen_at: datetime | None = time_field()
    """When the person opened the conversation."""


class ConversationDraft(TenantRow, table=True):
    """What a person has begun to write and not sent. Its file and the message it answers may be gone by then."""

    __tablename__ = "conversation_drafts"
    __table_args__ = (
        *tenant_keys(), tenant_fk("conversation_id", "conversations"),
        UniqueConstraint("tenant_id", "user_id", "conversation_id"), Index(None, "tenant_id", "conversation_id"),
    )
    conversation_id: UUID
    user_id: UUID = Field(foreign_key="users.id")
    text: str = Field(default="", sa_column_kwargs={"server_default": ""})
    attachment_id: UUID | None = Field(default=None)
    reply_to: UUID | None = Field(default=None)
    updated_at: datetime | None = time_field()


class QuickReply(TenantRow, table=True):
    """A text by a word after `/`: the tenant's, or one person's own."""

    __tablename__ = "quick_replies"
    __table_args__ = (
        *tenant_keys(), tenant_fk("file_id", "files"),
        UniqueConstraint("tenant_id", "user_id", "shortcut", postgresql_nulls_not_distinct=True),
    )
    user_id: UUID | None = Field(default=None, foreign_key="users.id")
    """Whose own it is; None: everybody's."""
    shortcut: str
    title: str = Field(default="", sa_column_kwargs={"server_default": ""})
    body: str = Field(default="", sa_column_kwargs={"server_default": ""})
    category: str = Field(default="", sa_column_kwargs={"server_default": ""})
    file_id: UUID | None = Field(default=None)
    created_by: UUID | None = Field(default=None)
    updated_at: datetime | None = time_field()


class ConversationCase(TenantRow, table=True):
    """From a customer's first message until the conversation is closed: what times of service are measured by.

    A conversation has at most one that is open.
    """

    __tablename__ = "conversation_cases"
    __table_args__ = (
        *tenant_keys(), tenant_fk("conversation_id", "conversations"),
        Index("ix_conversation_cases_open", "tenant_id", "conversation_id", unique=True,
              postgresql_where=text("resolved_at IS NULL")),
        Index(None, "tenant_id", "opened_at"), Index(None, "tenant_id", "conversation_id", "id"),
    )
    conversation_id: UUID
    opened_at: datetime | None = time_field()
    answered_at: datetime | None = time_field()
    """When a person first answered."""
    answered_by: UUID | None = Field(default=None)
    resolved_at: datetime | None = time_field()
    resolved_by: UUID | None = Field(default=None)
