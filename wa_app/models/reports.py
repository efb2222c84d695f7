"""What is looked up before a campaign (numbers, links), long jobs about one, and its report's figures."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, LargeBinary, UniqueConstraint, func, text
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


class NumberCheck(TenantRow, table=True):
    """What WhatsApp said about one identity, known by its keyed hash so that it outlives the contact."""

    __tablename__ = "number_checks"
    __table_args__ = (*tenant_keys(), UniqueConstraint("tenant_id", "hash"))
    hash: bytes = Field(sa_type=LargeBinary)
    is_there: bool
    chat_id: str | None = Field(default=None)
    """Vendor's chat: it need not be the dialled digits (Brazil's ninth digit). Two contacts with one chat are one person."""
    checked_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()})


class LinkState(StrEnum):
    PENDING = "pending"
    OK = "ok"
    DEAD = "dead"


class LinkCheck(TenantRow, table=True):
    """Whether an address that stands in a message answers."""

    __tablename__ = "link_checks"
    __table_args__ = (
        *tenant_keys(), UniqueConstraint("tenant_id", "hash"), state_check("state", LinkState),
        Index("ix_link_checks_pending", "asked_at", postgresql_where=text("state = 'pending'")),
    )
    hash: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of the address."""
    url: str
    state: LinkState = Field(default=LinkState.PENDING, sa_column=state_column(LinkState, LinkState.PENDING))
    reason: str | None = Field(default=None)
    """Why it is dead: `not_found, refused, private, timeout, tls, status_<n>`."""
    asked_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()})
    checked_at: datetime | None = time_field()


class JobKind(StrEnum):
    NUMBERS = "numbers"
    CSV = "csv"
    PDF = "pdf"


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CampaignJob(TenantRow, Leased, table=True):
    """Long work about one campaign: looking its numbers up, or writing its report to a file."""

    __tablename__ = "campaign_jobs"
    __table_args__ = (
        *tenant_keys(), tenant_fk("campaign_id", "campaigns"), tenant_fk("file_id", "files"),
        state_check("kind", JobKind), state_check("status", JobStatus),
        Index(None, "tenant_id", "campaign_id", "id"),
        Index("ix_campaign_jobs_open", "due_at", postgresql_where=text("status IN ('queued', 'running')")),
    )
    campaign_id: UUID
    kind: JobKind = Field(sa_column=state_column(JobKind))
    status: JobStatus = Field(default=JobStatus.QUEUED, sa_column=state_column(JobStatus, JobStatus.QUEUED))
    options: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """`language`, `states` of an export."""
    result: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    total: int | None = Field(default=None)
    processed: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    checkpoint: UUID | None = Field(default=None)
    """Last row that is behind us."""
    due_at: datetime = Field(
        default_factory=now, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}
    )
    """When a worker is to look at it next."""
    file_id: UUID | None = Field(default=None)
    error_code: str | None = Field(default=None)
    created_by: UUID | None = Field(default=None)
    started_at: datetime | None = time_field()
    finished_at: datetime | None = time_field()


class CampaignReport(SQLModel, table=True):
    """Figures of a campaign that cost a look at every row, as they were at `computed_at`."""

    __tablename__ = "campaign_reports"
    __table_args__ = (
        tenant_fk("campaign_id", "campaigns"),
        Index("ix_campaign_reports_wanted", "wanted_at", postgresql_where=text("wanted_at IS NOT NULL")),
    )
    tenant_id: UUID = Field(primary_key=True)
    campaign_id: UUID = Field(primary_key=True)
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(json_column().type, nullable=False,
                                                                        server_default=text("'{}'::jsonb")))
    computed_at: datetime | None = time_field()
    seconds: float = Field(default=0.0, sa_column_kwargs={"server_default": text("0")})
    """How long computing took, so that it is not done more often than it is worth."""
    wanted_at: datetime | None = time_field()
    """Somebody looks at the report and its figures are old."""
