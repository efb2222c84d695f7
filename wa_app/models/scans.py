"""Files that somebody wants read at once, by the API or the chat tester; forgotten within the hour."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from wa_app.models.base import Leased, TenantRow, json_column, state_check, state_column, tenant_keys, time_field


class ScanStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class OcrScan(TenantRow, Leased, table=True):
    """One file to read and what came of it. Its bytes lie under `storage_key` until it is read."""

    __tablename__ = "ocr_scans"
    __table_args__ = (
        *tenant_keys(), state_check("status", ScanStatus),
        Index("ix_ocr_scans_due", "due_at", postgresql_where=text("status IN ('queued', 'running')")),
        Index("ix_ocr_scans_expires", "expires_at"),
    )  # fmt: skip
    name: str
    size: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    storage_key: str
    status: ScanStatus = Field(default=ScanStatus.QUEUED, sa_column=state_column(ScanStatus, ScanStatus.QUEUED))
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    error_code: str | None = Field(default=None)
    error_args: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    due_at: datetime | None = time_field(sa_column_kwargs={"server_default": text("now()")})
    """NULL while the bytes come in."""
    expires_at: datetime | None = time_field(sa_column_kwargs={"server_default": text("now() + interval '1 hour'")})
    created_by: UUID | None = Field(default=None)
