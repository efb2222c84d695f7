"""Campaigns and the ledger: everything that leaves is a row in `outbound_messages`."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, LargeBinary, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

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


class CampaignStatus(StrEnum):
    DRAFT = "DRAFT"
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class WinnerBy(StrEnum):
    READ = "read"
    REPLY = "reply"


class Campaign(TenantRow, Leased, table=True):
    """A broadcast. PENDING covers both "scheduled" and "being planned"."""

    __tablename__ = "campaigns"
    __table_args__ = (
        *tenant_keys(), tenant_fk("file_id", "files"), tenant_fk("resend_of", "campaigns"),
        tenant_fk("template_id", "message_templates"), tenant_fk("series_id", "campaign_series"),
        UniqueConstraint("tenant_id", "series_id", "series_run"),
        state_check("status", CampaignStatus), state_check("winner_by", WinnerBy),
        Index("ix_campaigns_open", "status", postgresql_where=text("status IN ('PENDING', 'PROCESSING')")),
        Index("ix_campaigns_recent", "finished_at", postgresql_where=text("started_at IS NOT NULL")),
    )
    name: str
    message_template: str = Field(default="", sa_column_kwargs={"server_default": ""})
    file_id: UUID | None = Field(default=None)
    target: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """`wa_app.schemas.campaigns.Target`."""
    status: CampaignStatus = Field(
        default=CampaignStatus.DRAFT, sa_column=state_column(CampaignStatus, CampaignStatus.DRAFT)
    )
    footer: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """Whether the tenant's opt-out line is put under every message."""
    delay_min_s: int | None = Field(default=None)
    delay_max_s: int | None = Field(default=None)
    scheduled_at: datetime | None = time_field()
    started_at: datetime | None = time_field()
    planned_at: datetime | None = time_field()
    """When the last recipient was planned; NULL while planning is still to be done."""
    finished_at: datetime | None = time_field()
    expires_at: datetime | None = time_field()
    plan_cursor: UUID | None = Field(default=None)
    """Last contact that was planned: the checkpoint."""
    plan_total: int | None = Field(default=None)
    """Size of the audience when planning began, for its progress."""
    frozen_at: datetime | None = time_field()
    """When the members of a frozen target were written down (`campaign_members`)."""
    pause_reason: str | None = Field(default=None)
    variant_count: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """Rows in `campaign_variants`; 0 for a campaign with one text, which is `message_template`."""
    test_percent: int | None = Field(default=None, sa_column=Column(SmallInteger))
    """Part of the audience that gets the variants first; the rest is held for the winner. NULL: no test."""
    test_hours: int = Field(default=4, sa_column=Column(SmallInteger, nullable=False, server_default="4"))
    winner_by: WinnerBy = Field(default=WinnerBy.READ, sa_column=state_column(WinnerBy, WinnerBy.READ))
    test_ends_at: datetime | None = time_field()
    """When the winner is chosen: known once the last message of the test has left."""
    winner: int | None = Field(default=None, sa_column=Column(SmallInteger))
    winner_at: datetime | None = time_field()
    winner_how: str | None = Field(default=None)
    """`rule` or `person`."""
    track_links: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    template_id: UUID | None = Field(default=None)
    """The message template its text was taken from."""
    repeat: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    """How the campaign comes again, until it starts and becomes the first run of a series."""
    series_id: UUID | None = Field(default=None)
    series_run: int | None = Field(default=None)
    resend_of: UUID | None = Field(default=None)
    """The campaign whose silent readers this one writes to again."""
    pause_detail: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """The figures behind a guard's pause, for its text."""
    guard_marks: list[Any] = Field(default_factory=list, sa_column=json_column("[]"))
    """`[[time, messages that had left]]` of the last hour, oldest first."""
    created_by: UUID | None = Field(default=None)
    updated_at: datetime | None = time_field()
    deleted_at: datetime | None = time_field()


class CampaignDevice(SQLModel, table=True):
    """A device that may take rows of a campaign."""

    __tablename__ = "campaign_devices"
    __table_args__ = (tenant_fk("campaign_id", "campaigns"), tenant_fk("device_id", "devices"),
                      Index(None, "tenant_id", "device_id"))
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    campaign_id: UUID = Field(primary_key=True)
    device_id: UUID = Field(primary_key=True)
    weight: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})


class MessageState(StrEnum):
    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    HELD = "held"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class CampaignCounter(SQLModel, table=True):
    """Rows of a campaign by device and state, kept in the transaction that moves the rows.

    A total is the sum over devices; the rows of one device may be negative (a lane books
    what it takes from `planned` under its own device, so lanes never wait for one another).
    """

    __tablename__ = "campaign_counters"
    __table_args__ = (tenant_fk("campaign_id", "campaigns"), state_check("state", MessageState))
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    campaign_id: UUID = Field(primary_key=True)
    device_id: UUID = Field(primary_key=True)
    """The nil UUID where no device is involved."""
    state: MessageState = Field(sa_column=Column(state_column(MessageState).type, primary_key=True))
    n: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    at: datetime | None = time_field()
    """When it last moved: whether a lane is at work is seen here."""


class OutboundKind(StrEnum):
    CAMPAIGN = "campaign"
    MANUAL = "manual"
    REPLY = "reply"
    API = "api"


class RecipientKind(StrEnum):
    """By what a message finds its way: an identity of a person, or the vendor's id of a group."""

    PHONE = "phone"
    LID = "lid"
    BSUID = "bsuid"
    USERNAME = "username"
    GROUP = "group"


class OutboundMessage(TenantRow, table=True):
    """The ledger. One row is one message to one identity, sent at most once per attempt.

    `planned → sending → sent → delivered → read (→ played)`, or held, failed, skipped,
    cancelled, unknown (DESIGN §6). It carries no foreign key to contacts: a ledger
    outlives them.
    """

    __tablename__ = "outbound_messages"
    __table_args__ = (
        *tenant_keys(), UniqueConstraint("tenant_id", "dedupe_key"),
        state_check("kind", OutboundKind), state_check("state", MessageState),
        state_check("identity_kind", RecipientKind),
        Index("ix_outbound_campaign_pick", "tenant_id", "campaign_id", "preferred_device_id", "zone", "stranger", "id",
              postgresql_where=text("state = 'planned' AND campaign_id IS NOT NULL")),
        Index("ix_outbound_campaign_planned", "tenant_id", "campaign_id", "id",
              postgresql_where=text("state = 'planned' AND campaign_id IS NOT NULL")),
        Index("ix_outbound_direct_planned", "tenant_id", "preferred_device_id", "priority", "due_at",
              postgresql_where=text("state = 'planned' AND campaign_id IS NULL")),
        Index("ix_outbound_in_flight", "tenant_id", "device_id", "state", "due_at",
              postgresql_where=text("state IN ('sending', 'unknown')")),
        Index("ix_outbound_contact", "tenant_id", "contact_id", "id"),
        Index("ix_outbound_campaign_log", "tenant_id", "campaign_id", "id"),
        Index("ix_outbound_campaign_held", "tenant_id", "campaign_id", "id",
              postgresql_where=text("state = 'held' AND campaign_id IS NOT NULL")),
        Index("ix_outbound_campaign_variant", "tenant_id", "campaign_id", "variant", "state",
              postgresql_where=text("variant IS NOT NULL")),
        Index("ix_outbound_link", "tenant_id", "campaign_id", "link_token",
              postgresql_where=text("link_token IS NOT NULL")),
        Index("ix_outbound_contact_sent", "tenant_id", "contact_id", "sent_at", postgresql_include=["campaign_id", "delivered_at", "read_at"],
              postgresql_where=text("sent_at IS NOT NULL AND contact_id IS NOT NULL")),
        Index("ix_outbound_provider_message", "tenant_id", "device_id", "provider_message_id",
              postgresql_where=text("provider_message_id IS NOT NULL")),
        Index("ix_outbound_campaign_reasons", "tenant_id", "campaign_id", "state", "error_code",
              postgresql_where=text("error_code IS NOT NULL AND campaign_id IS NOT NULL")),
        Index("ix_outbound_unusable", "tenant_id", "id",
              postgresql_where=text("state = 'failed' AND error_code = 'contact_unusable'")),
    )
    kind: OutboundKind = Field(sa_column=state_column(OutboundKind))
    state: MessageState = Field(
        default=MessageState.PLANNED, sa_column=state_column(MessageState, MessageState.PLANNED)
    )
    priority: int = Field(default=5, sa_column=Column(SmallInteger, nullable=False, server_default="5"))
    """0 reply or manual, 5 campaign, 9 drip: lower leaves first."""
    dedupe_key: str
    campaign_id: UUID | None = Field(default=None)
    contact_id: UUID | None = Field(default=None)
    identity_kind: RecipientKind | None = Field(
        default=None, sa_column=Column(state_column(RecipientKind).type, nullable=True)
    )
    identity_value: str = Field(default="", sa_column_kwargs={"server_default": ""})
    preferred_device_id: UUID | None = Field(default=None)
    """A single message's device; of a campaign's row, the device that last spoke with the contact, if it takes part."""
    zone: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """The contact's time zone where it is not the tenant's: lanes pick by it (quiet hours)."""
    stranger: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """Whether the contact had never written when this was planned: lanes pick by it (budget)."""
    device_id: UUID | None = Field(default=None)
    """The device whose lane took it."""
    due_at: datetime | None = time_field()
    expires_at: datetime | None = time_field()
    body: str | None = Field(default=None)
    """Text as it leaves: rendered and frozen when a lane takes the row."""
    file_id: UUID | None = Field(default=None)
    variant: int | None = Field(default=None, sa_column=Column(SmallInteger))
    """Position of the campaign's variant, set at planning or with the winner."""
    link_token: str | None = Field(default=None)
    """What makes the short links in its text personal."""
    reply_to: str | None = Field(default=None)
    chat_id: str | None = Field(default=None)
    """Vendor's chat it went to; opaque above the channel."""
    provider_key: str | None = Field(default=None)
    """Id made before sending, where the engine takes one."""
    provider_message_id: str | None = Field(default=None)
    content_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    attempt: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    lease_epoch: int | None = Field(default=None)
    """Epoch of the lane that took it."""
    error_code: str | None = Field(default=None)
    error_message: str | None = Field(default=None)
    claimed_at: datetime | None = time_field()
    sent_at: datetime | None = time_field()
    delivered_at: datetime | None = time_field()
    read_at: datetime | None = time_field()
    played_at: datetime | None = time_field()
    created_by: UUID | None = Field(default=None)
    sender: str | None = Field(default=None)
    """Who wrote it: rule, flow, agent, human; NULL for campaigns. A stop of scope `marketing` binds the first three."""
    manner: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    reactions: dict[str, str] | None = Field(default=None, sa_column=Column(JSONB))
    """Of a broadcast's row: what each who reacted chose. Lines of conversations keep theirs themselves."""
    """How it leaves: `{chat, seen: [message ids], typing, turn, quoted: {own, author}}`."""
