"""What a campaign's report shows, and the jobs around it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.models.outbound import CampaignStatus, MessageState
from wa_app.models.reports import JobKind, JobStatus


class JobView(BaseModel):
    """A long job about a campaign. `url` gives the file to anybody until `expires_at`."""

    id: UUID
    campaign_id: UUID
    kind: JobKind
    status: JobStatus
    total: int | None
    processed: int
    options: dict[str, Any] = Field(default_factory=dict)
    result: dict[str, Any] = Field(default_factory=dict)
    error_code: str | None
    created_at: datetime
    finished_at: datetime | None
    file_name: str | None = None
    size: int | None = None
    url: str | None = None
    expires_at: datetime | None = None


class ExportRequest(BaseModel):
    """A file to be made: every row as CSV, or the report as PDF."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["csv", "pdf"]
    language: Literal["id", "en"] | None = None
    """Language of the file; the caller's own when left out."""
    status: list[MessageState] = Field(default_factory=list, max_length=12)
    """Only rows in these states (CSV)."""


class Reason(BaseModel):
    """Rows that ended alike for one reason. `may_retry`: sending again can help, and does no harm."""

    state: Literal["failed", "skipped", "unknown"]
    code: str
    n: int
    may_retry: bool = False


class DeviceFigures(BaseModel):
    """What one device did in a campaign. `arrived` of `taken` were accepted by WhatsApp."""

    device_id: UUID
    name: str
    taken: int
    arrived: int
    delivered: int
    read: int
    failed: int
    unknown: int


class Hour(BaseModel):
    """Messages by the hour in which they left, arrived and were read, on the tenant's wall."""

    at: datetime
    """Start of the hour, in UTC."""
    sent: int = 0
    delivered: int = 0
    read: int = 0
    replied: int = 0


class VariantFigures(BaseModel):
    """One way to write the message, and how it fared."""

    name: str
    sent: int
    read: int
    replied: int = 0


class Funnel(BaseModel):
    """People at each step; each is a part of the one before."""

    planned: int
    sent: int
    delivered: int
    read: int
    replied: int
    clicked: int | None = None
    """People who opened a link; None when links are not tracked."""


class Compared(BaseModel):
    """The campaign before this one."""

    id: UUID
    name: str
    finished_at: datetime | None
    sent: int
    delivered_share: float | None
    read_share: float | None
    replied_share: float | None


class Report(BaseModel):
    """How a campaign went. Figures by the hour, replies and variants are as of `as_of`."""

    id: UUID
    name: str
    status: CampaignStatus
    started_at: datetime | None
    finished_at: datetime | None
    time_zone: str
    total: int
    funnel: Funnel
    skipped: int
    failed: int
    unknown: int
    cancelled: int
    waiting: int
    opted_out: int
    seconds: int | None
    """From the first message to the last one so far."""
    per_minute: float | None
    median_read_s: int | None
    """Half of the readers had read it this many seconds after it left."""
    devices: list[DeviceFigures]
    reasons: list[Reason]
    hours: list[Hour]
    variants: list[VariantFigures]
    previous: Compared | None
    resend_of: UUID | None
    resends: list[UUID]
    """Campaigns that wrote again to those who did not read this one."""
    as_of: datetime | None
    is_fresh: bool
    """False while newer figures are being counted."""
