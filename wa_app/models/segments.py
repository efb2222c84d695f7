"""Saved audiences, and the members a campaign wrote down."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from wa_app.models.base import TenantRow, json_column, tenant_fk, tenant_keys, time_field


class Segment(TenantRow, table=True):
    """A saved filter. Never purged: a campaign that used it must stay explicable."""

    __tablename__ = "segments"
    __table_args__ = (
        *tenant_keys(),
        Index("uq_segments_alive", "tenant_id", "folded", unique=True, postgresql_where=text("deleted_at IS NULL")),
    )
    name: str
    folded: str
    description: str = Field(default="", sa_column_kwargs={"server_default": ""})
    rules: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """`wa_app.schemas.segments.Rules`."""
    count: int | None = Field(default=None)
    """Contacts in it at `counted_at`."""
    counted_at: datetime | None = time_field()
    created_by: UUID | None = Field(default=None)
    updated_at: datetime | None = time_field()
    deleted_at: datetime | None = time_field()


class CampaignMember(SQLModel, table=True):
    """One contact of a frozen audience. No foreign key to contacts: as the ledger, it outlives them."""

    __tablename__ = "campaign_members"
    __table_args__ = (tenant_fk("campaign_id", "campaigns"),)
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    campaign_id: UUID = Field(primary_key=True)
    contact_id: UUID = Field(primary_key=True)
