"""WhatsApp groups of a device, and jobs that take their members over as contacts."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

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


class GroupListStatus(StrEnum):
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


class GroupList(TenantRow, table=True):
    """The groups of one device as they were last asked for: asking often meets WhatsApp's limits."""

    __tablename__ = "group_lists"
    __table_args__ = (
        *tenant_keys(), tenant_fk("device_id", "devices"), UniqueConstraint("tenant_id", "device_id"),
        state_check("status", GroupListStatus),
        Index("ix_group_lists_loading", "requested_at", postgresql_where=text("status = 'loading'")),
    )
    device_id: UUID
    status: GroupListStatus = Field(
        default=GroupListStatus.LOADING, sa_column=state_column(GroupListStatus, GroupListStatus.LOADING)
    )
    groups: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column("[]"))
    """`[{id, name, size}]` by name; `id` is the vendor's and opaque."""
    error_code: str | None = Field(default=None)
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    requested_at: datetime | None = time_field()
    fetched_at: datetime | None = time_field()


class GroupRoster(TenantRow, table=True):
    """Who is in a group that is a conversation, as WhatsApp told last; looked up when somebody wants to see it."""

    __tablename__ = "group_rosters"
    __table_args__ = (
        *tenant_keys(), tenant_fk("conversation_id", "conversations"), UniqueConstraint("tenant_id", "conversation_id"),
        state_check("status", GroupListStatus),
        Index("ix_group_rosters_loading", "requested_at", postgresql_where=text("status = 'loading'")),
        Index("ix_group_rosters_old", "requested_at"),
    )  # fmt: skip
    conversation_id: UUID
    status: GroupListStatus = Field(
        default=GroupListStatus.LOADING, sa_column=state_column(GroupListStatus, GroupListStatus.LOADING)
    )
    members: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column("[]"))
    """`[{id, phone, lid, admin, self}]`; `id` is the vendor's and opaque, `self` is the device."""
    error_code: str | None = Field(default=None)
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    requested_at: datetime | None = time_field()
    fetched_at: datetime | None = time_field()


class GrabStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class GroupGrab(TenantRow, Leased, table=True):
    """Taking over the members of some groups. First every group is listed, then every member is looked up and stored.

    `groups_done` and the state of each member are the checkpoint: a run that dies is resumed there.
    """

    __tablename__ = "group_grabs"
    __table_args__ = (
        *tenant_keys(), tenant_fk("device_id", "devices"), state_check("status", GrabStatus),
        Index("ix_group_grabs_open", "due_at", postgresql_where=text("status IN ('queued', 'running')")),
    )
    device_id: UUID
    status: GrabStatus = Field(default=GrabStatus.QUEUED, sa_column=state_column(GrabStatus, GrabStatus.QUEUED))
    groups: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column("[]"))
    """`[{id, name, size}]`, in the order in which they are listed."""
    groups_done: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    options: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """`{tags: [name], tag_by_group: bool, skip_admins: bool}`."""
    total: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """Different people found so far."""
    processed: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    created: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    known: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """People who were contacts already; they get the tags."""
    without_phone: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """People of whom WhatsApp tells only the hidden id (part of created and known)."""
    skipped: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """The device itself, admins where not wanted, entries without any identity."""
    waiting_code: str | None = Field(default=None)
    """Why the job waits until `due_at`: `rate_limited`, `device_away`."""
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """Failed calls since the last step forward."""
    due_at: datetime | None = time_field(sa_column_kwargs={"server_default": text("now()")})
    error_code: str | None = Field(default=None)
    created_by: UUID | None = Field(default=None)
    started_at: datetime | None = time_field()
    finished_at: datetime | None = time_field()


class GroupGrabMember(TenantRow, table=True):
    """One person found by a grab, once, whatever the number of groups."""

    __tablename__ = "group_grab_members"
    __table_args__ = (
        *tenant_keys(), UniqueConstraint("tenant_id", "grab_id", "member_id"),
        ForeignKeyConstraint(["tenant_id", "grab_id"], ["group_grabs.tenant_id", "group_grabs.id"]),
        Index("ix_group_grab_members_waiting", "tenant_id", "grab_id", "id", postgresql_where=text("NOT is_done")),
    )
    grab_id: UUID
    member_id: str
    """The vendor's id of the person in the group."""
    phone: str | None = Field(default=None)
    lid: str | None = Field(default=None)
    group_names: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    is_done: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
