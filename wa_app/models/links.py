"""Short links of a tenant, and who opened them."""

from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from wa_app.models.base import TenantRow, tenant_fk, tenant_keys


class Link(TenantRow, table=True):
    """An address behind `/link/{code}…`. Its code is unique over all tenants: the door knows no tenant yet."""

    __tablename__ = "links"
    __table_args__ = (
        *tenant_keys(), tenant_fk("campaign_id", "campaigns"), UniqueConstraint("code"),
        UniqueConstraint("tenant_id", "campaign_id", "url_hash"),
    )  # fmt: skip
    campaign_id: UUID | None = Field(default=None)
    code: str
    url: str
    """http or https, checked when it was stored (`wa_app.sending.links.safe_url`)."""
    url_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Addresses may be longer than an index takes."""


class LinkClick(TenantRow, table=True):
    """One opening of a link, append-only. `outbound_id` and `contact_id` are known for personal links."""

    __tablename__ = "link_clicks"
    __table_args__ = (
        *tenant_keys(), tenant_fk("link_id", "links"),
        Index("ix_link_clicks_people", "tenant_id", "campaign_id", "contact_id", "created_at",
              postgresql_where=text("NOT is_bot")),
        Index("ix_link_clicks_contact", "tenant_id", "contact_id", "created_at",
              postgresql_where=text("NOT is_bot AND contact_id IS NOT NULL")),
        Index(None, "tenant_id", "link_id", "created_at"),
    )  # fmt: skip
    link_id: UUID
    campaign_id: UUID | None = Field(default=None)
    outbound_id: UUID | None = Field(default=None)
    contact_id: UUID | None = Field(default=None)
    variant: int | None = Field(default=None)
    visitor: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Keyed hash of the truncated address and the browser: tells visitors apart, names nobody."""
    is_bot: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """A preview or a crawler: kept for support, counted nowhere."""
