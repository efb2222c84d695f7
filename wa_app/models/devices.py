"""WAHA servers, linked numbers and what happened to them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from wa_app.models.base import (
    Leased,
    Row,
    TenantRow,
    json_column,
    state_check,
    state_column,
    tenant_fk,
    tenant_keys,
    time_field,
)


class WahaServer(Row, table=True):
    """A WAHA server of the platform and how many sessions it may carry. Not a tenant table."""

    __tablename__ = "waha_servers"
    __table_args__ = (UniqueConstraint("url"),)
    name: str
    url: str
    api_key: str
    """Fernet ciphertext."""
    capacity: int = Field(default=50, sa_column_kwargs={"server_default": text("50")})
    is_active: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})


class DeviceChannel(StrEnum):
    WAHA = "waha"
    CLOUD = "cloud"


class DeviceStatus(StrEnum):
    STARTING = "STARTING"
    SCAN_QR = "SCAN_QR"
    PASSKEY = "PASSKEY"
    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    FAILED = "FAILED"


class GuardLevel(StrEnum):
    """What the guard does to a number, the mildest first."""

    NONE = "none"
    SLOW = "slow"
    """Delays are doubled."""
    HALF = "half"
    """Caps are halved."""
    STRANGERS = "strangers"
    """Nothing to people who never wrote."""
    ALL = "all"
    """Nothing but answers."""


class Device(TenantRow, Leased, table=True):
    """A linked number. Its lane, the only sender, holds the lease."""

    __tablename__ = "devices"
    __table_args__ = (
        *tenant_keys(), UniqueConstraint("webhook_token_hash"), UniqueConstraint("session"),
        state_check("channel", DeviceChannel), state_check("status", DeviceStatus),
        state_check("guard", GuardLevel),
        Index("ix_devices_alive", "tenant_id", "id", postgresql_where=text("deleted_at IS NULL")),
    )
    name: str
    channel: DeviceChannel = Field(
        default=DeviceChannel.WAHA, sa_column=state_column(DeviceChannel, DeviceChannel.WAHA)
    )
    waha_server_id: UUID | None = Field(default=None, foreign_key="waha_servers.id")
    session: str
    """Name of the session at the vendor; unique over the platform."""
    status: DeviceStatus = Field(
        default=DeviceStatus.STARTING, sa_column=state_column(DeviceStatus, DeviceStatus.STARTING)
    )
    status_changed_at: datetime | None = time_field()
    status_detail: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    engine: str | None = Field(default=None, sa_column=Column(Text))
    phone: str | None = Field(default=None)
    lid: str | None = Field(default=None)
    push_name: str | None = Field(default=None)
    is_active_for_broadcast: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    pacing: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """`wa_app.sending.pacing.Policy` as JSON."""
    weight: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    webhook_token_hash: bytes = Field(sa_type=LargeBinary)
    webhook_token: str
    """Fernet ciphertext of the token in the webhook's path."""
    hmac_key: str
    """Fernet ciphertext of the key that signs this device's webhooks."""
    last_seen_at: datetime | None = time_field()
    connected_at: datetime | None = time_field()
    next_send_at: datetime | None = time_field()
    """Earliest time of the next send, from the drawn schedule of gaps."""
    paused_until: datetime | None = time_field()
    pause_reason: str | None = Field(default=None)
    error_streak: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    package_left: int | None = Field(default=None)
    """Messages left in the open package; NULL: the next one is drawn."""
    rest_until: datetime | None = time_field()
    """The sweep need not wake the lane for campaigns before this; at most a minute ahead."""
    warmup_stage: int | None = Field(default=None)
    """1-14; NULL: not warming up (`wa_app.sending.warmup`)."""
    warmup_stage_at: datetime | None = time_field()
    warmup_curve: list[int] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """Messages a day at each stage; NULL: the default curve."""
    woken_at: datetime | None = time_field()
    """When the sweep last sent this device's lane a message."""
    health_score: int | None = Field(default=None)
    """0 to 100 (`wa_app.sending.health`); NULL until there is enough to judge by."""
    health_at: datetime | None = time_field()
    health_signs: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column("[]"))
    """Why the score is what it is: `[{sign, value, fine, points, of}]`, the heaviest first."""
    protection: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    """Whether the guard may act."""
    guard: GuardLevel = Field(default=GuardLevel.NONE, sa_column=state_column(GuardLevel, GuardLevel.NONE))
    guard_at: datetime | None = time_field()
    guard_until: datetime | None = time_field()
    """Earliest time at which the guard lets go one step."""
    guard_reason: str | None = Field(default=None)
    """The sign that made it act."""
    guard_detail: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """The figures behind it."""
    deleted_at: datetime | None = time_field()


class DeviceEvent(TenantRow, table=True):
    """A change of status, or an action a guard took, with its reason."""

    __tablename__ = "device_events"
    __table_args__ = (*tenant_keys(), tenant_fk("device_id", "devices"), Index(None, "tenant_id", "device_id", "id"))
    device_id: UUID
    kind: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())


class DeviceUsage(SQLModel, table=True):
    """Messages of a device on one day of the tenant: for its caps by the day and its page."""

    __tablename__ = "device_usage"
    __table_args__ = (tenant_fk("device_id", "devices"),)
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    device_id: UUID = Field(primary_key=True)
    period: str = Field(primary_key=True)
    """`day`."""
    starts_at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    used: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    strangers: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """Those of `used` that went to contacts who never wrote."""


class DeviceSend(SQLModel, table=True):
    """One claim of a lane, kept for a day: how many messages had left by when.

    `total` counts all messages of the device so far, this claim's included, so the time of the n-th last
    message is one look at the key. `at` never falls as `total` rises.
    """

    __tablename__ = "device_sends"
    __table_args__ = (tenant_fk("device_id", "devices"), Index("ix_device_sends_at", "at", postgresql_using="brin"))
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    device_id: UUID = Field(primary_key=True)
    total: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    strangers: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Messages to contacts who never wrote so far, this claim's included."""
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class DeviceHealth(TenantRow, table=True):
    """The score of a device at a moment, and the totals it was counted from."""

    __tablename__ = "device_health"
    __table_args__ = (
        *tenant_keys(), tenant_fk("device_id", "devices"), state_check("guard", GuardLevel),
        Index(None, "tenant_id", "device_id", "created_at"),
    )
    device_id: UUID
    score: int | None = Field(default=None)
    guard: GuardLevel = Field(default=GuardLevel.NONE, sa_column=state_column(GuardLevel, GuardLevel.NONE))
    signs: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column("[]"))
    marks: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """Campaign → its totals on this device then: what a window is subtracted from."""


class GuardMail(TenantRow, table=True):
    """A letter about something the guard did: one per action and person, written once."""

    __tablename__ = "guard_mails"
    __table_args__ = (
        *tenant_keys(), ForeignKeyConstraint(["user_id"], ["users.id"]), tenant_fk("device_id", "devices"),
        tenant_fk("campaign_id", "campaigns"),
        Index("ix_guard_mails_unsent", "created_at", postgresql_where=text("sent_at IS NULL")),
    )
    user_id: UUID
    device_id: UUID | None = Field(default=None)
    campaign_id: UUID | None = Field(default=None)
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    tried_at: datetime | None = time_field()
    sent_at: datetime | None = time_field()
