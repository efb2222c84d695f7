"""What broadcasts are made of besides the campaign itself: variants, message templates, series."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, SmallInteger, UniqueConstraint, text
from sqlmodel import Field

from wa_app.models.base import TenantRow, json_column, state_check, state_column, tenant_fk, tenant_keys, time_field


class CampaignVariant(TenantRow, table=True):
    """One of two to five ways to write a campaign. Position 0 is "A" and says what the campaign itself says."""

    __tablename__ = "campaign_variants"
    __table_args__ = (
        *tenant_keys(), tenant_fk("campaign_id", "campaigns"), tenant_fk("file_id", "files"),
        UniqueConstraint("tenant_id", "campaign_id", "position"),
    )  # fmt: skip
    campaign_id: UUID
    position: int = Field(sa_column=Column(SmallInteger, nullable=False))
    name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    message_template: str = Field(default="", sa_column_kwargs={"server_default": ""})
    file_id: UUID | None = Field(default=None)
    share: int = Field(sa_column=Column(SmallInteger, nullable=False))
    """Percent of the recipients; all variants of a campaign add up to 100."""


class MessageTemplate(TenantRow, table=True):
    """A text kept for later broadcasts. Not the templates that Meta approves, which belong to an account there."""

    __tablename__ = "message_templates"
    __table_args__ = (
        *tenant_keys(), tenant_fk("file_id", "files"),
        Index("ix_message_templates_alive", "tenant_id", "id", postgresql_where=text("deleted_at IS NULL")),
    )  # fmt: skip
    name: str
    body: str
    file_id: UUID | None = Field(default=None)
    category: str = Field(default="", sa_column_kwargs={"server_default": ""})
    labels: list[str] = Field(default_factory=list, sa_column=json_column("[]"))
    language: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Language of the text (`id`, `en`), empty when nobody said."""
    search_text: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Name, category, labels and body, folded."""
    created_by: UUID | None = Field(default=None)
    updated_at: datetime | None = time_field()
    deleted_at: datetime | None = time_field()


class SeriesStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class CampaignSeries(TenantRow, table=True):
    """A campaign that comes again. Each run is a campaign of its own with `series_id` and `series_run`;
    run 1 is the one a person wrote, later ones are copies of it."""

    __tablename__ = "campaign_series"
    __table_args__ = (
        *tenant_keys(), state_check("status", SeriesStatus),
        Index("ix_campaign_series_due", "next_at", postgresql_where=text("status = 'active'")),
    )  # fmt: skip
    rule: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """`wa_app.kit.recurrence.Rule` as JSON."""
    status: SeriesStatus = Field(
        default=SeriesStatus.ACTIVE, sa_column=state_column(SeriesStatus, SeriesStatus.ACTIVE)
    )
    next_at: datetime | None = time_field()
    runs: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    """Runs made so far, the first included."""
    max_runs: int | None = Field(default=None)
    until: date | None = Field(default=None)
    """Last day on the tenant's calendar."""
    last_error: str | None = Field(default=None)
    """Why the last run did not come to be: a key `error.<code>`."""
    last_error_at: datetime | None = time_field()
    created_by: UUID | None = Field(default=None)
    updated_at: datetime | None = time_field()
