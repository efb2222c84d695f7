"""Two contacts that a person said are one: what came from where, so that it can be taken apart again; and long work on conversations."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Index, func, text
from sqlmodel import Field, SQLModel

from wa_app.models.base import (
    Leased,
    TenantRow,
    json_column,
    now,
    state_check,
    state_column,
    tenant_fk,
    tenant_keys,
    time_field,
)
from wa_app.models.reports import JobStatus


class ContactMerge(TenantRow, table=True):
    """One merging by hand. What WhatsApp itself tells to be one person is joined without such a row, for good."""

    __tablename__ = "contact_merges"
    __table_args__ = (
        *tenant_keys(), tenant_fk("kept_contact_id", "contacts"), tenant_fk("merged_contact_id", "contacts"),
        Index(None, "tenant_id", "kept_contact_id", "id"),
        Index(None, "tenant_id", "merged_contact_id"),
    )
    kept_contact_id: UUID
    merged_contact_id: UUID
    before: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """The merged contact's number, and how its emptied conversations stood."""
    created_by: UUID | None = Field(default=None)
    undone_at: datetime | None = time_field()
    undone_by: UUID | None = Field(default=None)


class MoveKind(StrEnum):
    IDENTITY = "identity"
    OUTBOUND = "outbound"
    CONVERSATION = "conversation"
    MESSAGE = "message"
    NOTE = "note"
    MENTION = "mention"
    DRAFT = "draft"
    CASE = "case"
    TURN = "turn"
    TAG = "tag"
    """A conversation's, that the other brought."""
    CONTACT_TAG = "contact_tag"


class ContactMergeMove(SQLModel, table=True):
    """A row that a merging moved, and the contact or conversation it came from."""

    __tablename__ = "contact_merge_moves"
    __table_args__ = (tenant_fk("merge_id", "contact_merges"), state_check("kind", MoveKind))
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    merge_id: UUID = Field(primary_key=True)
    kind: MoveKind = Field(sa_column=state_column(MoveKind, primary_key=True))
    row_id: UUID = Field(primary_key=True)
    from_id: UUID = Field(primary_key=True)


class ChatJobKind(StrEnum):
    CSV = "csv"
    JSON = "json"
    DELETE = "delete"


class ChatJob(TenantRow, Leased, table=True):
    """Long work on conversations: writing them to a file, or deleting many."""

    __tablename__ = "chat_jobs"
    __table_args__ = (
        *tenant_keys(), tenant_fk("file_id", "files"), state_check("kind", ChatJobKind), state_check("status", JobStatus),
        Index("ix_chat_jobs_open", "due_at", postgresql_where=text("status IN ('queued', 'running')")),
    )
    kind: ChatJobKind = Field(sa_column=state_column(ChatJobKind))
    status: JobStatus = Field(default=JobStatus.QUEUED, sa_column=state_column(JobStatus, JobStatus.QUEUED))
    options: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """`filters` or `ids`: which conversations; `user_id`: whose views."""
    result: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    total: int | None = Field(default=None)
    processed: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    due_at: datetime = Field(
        default_factory=now, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}
    )
    """When a worker is to look at it next."""
    file_id: UUID | None = Field(default=None)
    error_code: str | None = Field(default=None)
    created_by: UUID | None = Field(default=None)
    started_at: datetime | None = time_field()
    finished_at: datetime | None = time_field()
