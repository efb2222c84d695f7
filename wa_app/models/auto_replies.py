"""Keyword rules: what they say, on which devices, how often they fired and for whom."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from wa_app.models.base import TenantRow, json_column, state_check, state_column, tenant_fk, tenant_keys, time_field


class MatchType(StrEnum):
    EXACT = "EXACT"
    CONTAINS = "CONTAINS"
    STARTS_WITH = "STARTS_WITH"
    REGEX = "REGEX"


class LimitPeriod(StrEnum):
    """On the tenant's calendar; `ever` never starts anew."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    EVER = "ever"


class AnswerDelay(StrEnum):
    AT_ONCE = "at_once"
    PERSON = "person"
    """As long as a person would take: the agent's delays."""


class AutoReply(TenantRow, table=True):
    """A keyword rule. Among those that match a text, the one with the smallest `priority` fires."""

    __tablename__ = "auto_replies"
    __table_args__ = (
        *tenant_keys(), tenant_fk("file_id", "files"), state_check("match_type", MatchType),
        state_check("limit_period", LimitPeriod), state_check("delay", AnswerDelay),
        Index("ix_auto_replies_alive", "tenant_id", "priority", "id", postgresql_where=text("deleted_at IS NULL")),
        Index("ix_auto_replies_gone", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )  # fmt: skip
    name: str
    match_type: MatchType = Field(sa_column=state_column(MatchType))
    keywords: list[str] = Field(default_factory=list, sa_column=json_column("[]"))
    """As people wrote them; for REGEX these are patterns."""
    response_text: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """A template. Without text and file the rule keeps silent."""
    file_id: UUID | None = Field(default=None)
    priority: int
    """1 is asked first; several may share a number, then the older one is."""
    is_active: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    windows: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column("[]"))
    """`wa_app.kit.weekly.Window` as JSON, in the tenant's zone; none means always."""
    from_date: date | None = Field(default=None)
    until_date: date | None = Field(default=None)
    """First and last day on the tenant's calendar."""
    limit_times: int | None = Field(default=None)
    """How often it may fire for one contact within `limit_period`, None for any number."""
    limit_period: LimitPeriod = Field(
        default=LimitPeriod.DAY, sa_column=state_column(LimitPeriod, LimitPeriod.DAY)
    )
    cooldown_s: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """Seconds that must pass before it fires for the same contact again."""
    delay: AnswerDelay = Field(
        default=AnswerDelay.PERSON, sa_column=state_column(AnswerDelay, AnswerDelay.PERSON)
    )
    hand_over: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """Whether a person takes over after it."""
    stops_here: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    """Whether flows and the agent are left out once it has fired."""
    search_text: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Name, keywords and text, folded."""
    created_by: UUID | None = Field(default=None)
    updated_at: datetime | None = time_field()
    deleted_at: datetime | None = time_field()


class AutoReplyDevice(SQLModel, table=True):
    """A device a rule is bound to. A rule without any answers on all."""

    __tablename__ = "auto_reply_devices"
    __table_args__ = (
        tenant_fk("auto_reply_id", "auto_replies"), tenant_fk("device_id", "devices"),
        Index(None, "tenant_id", "device_id"),
    )  # fmt: skip
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    auto_reply_id: UUID = Field(primary_key=True)
    device_id: UUID = Field(primary_key=True)


class AutoReplySet(SQLModel, table=True):
    """All rules of a tenant as one thing: its stamp changes with every change of a rule.

    Processes keep the rules compiled by stamp. It is no counter, because a number could come
    again after a rollback and then mean other rules.
    """

    __tablename__ = "auto_reply_sets"
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    stamp: UUID


class AutoReplyHits(SQLModel, table=True):
    """How often a rule fired on a day of the tenant's calendar.

    A day's number is the sum over `shard`: workers draw one, so they seldom wait for one
    another at one row. Day 1970-01-01 holds all days that are no longer kept apart.
    """

    __tablename__ = "auto_reply_hits"
    __table_args__ = (
        tenant_fk("auto_reply_id", "auto_replies"),
        Index("ix_auto_reply_hits_old", "day", postgresql_where=text("day > '1970-01-01'")),
    )
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    auto_reply_id: UUID = Field(primary_key=True)
    day: date = Field(primary_key=True)
    shard: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    hits: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    last_at: datetime | None = time_field()


class AutoReplyContact(SQLModel, table=True):
    """How often a rule with a limit fired for one contact. No foreign key to contacts: it may outlive them."""

    __tablename__ = "auto_reply_contacts"
    __table_args__ = (
        tenant_fk("auto_reply_id", "auto_replies"),
        Index("ix_auto_reply_contacts_old", "last_at"),
    )
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    auto_reply_id: UUID = Field(primary_key=True)
    contact_id: UUID = Field(primary_key=True)
    period_at: datetime | None = time_field()
    """When the period of `times` began."""
    times: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    last_at: datetime | None = time_field()

