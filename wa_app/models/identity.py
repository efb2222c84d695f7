"""Tenants, people, what they may do, and how they are recognised."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from wa_app.models.base import (
    Row,
    TenantRow,
    json_column,
    state_check,
    state_column,
    tenant_fk,
    tenant_keys,
    time_field,
)


class Package(SQLModel, table=True):
    """What a tenant may use. A limit that is absent means unlimited."""

    __tablename__ = "packages"
    key: str = Field(primary_key=True)
    name: str
    limits: dict[str, int] = Field(default_factory=dict, sa_column=json_column())


class Tenant(Row, table=True):
    """A business or an agency's client: the border of all data."""

    __tablename__ = "tenants"
    name: str
    language: str = Field(default="id", sa_column_kwargs={"server_default": "id"})
    time_zone: str = Field(default="Asia/Jakarta", sa_column_kwargs={"server_default": "Asia/Jakarta"})
    region: str = Field(default="ID", sa_column_kwargs={"server_default": "ID"})
    """ISO 3166 country that a bare phone number is read in."""
    package_key: str = Field(default="unlimited", foreign_key="packages.key")
    identity_key: str
    """Fernet ciphertext of the key under which identities are hashed for the suppression list."""
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    deleted_at: datetime | None = time_field()


class User(Row, table=True):
    """A person. Seen by a tenant only through a membership."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("email"),)
    email: str
    """Lower case."""
    name: str
    password_hash: str
    language: str = Field(default="id", sa_column_kwargs={"server_default": "id"})
    is_platform_admin: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    password_changed_at: datetime | None = time_field()
    disabled_at: datetime | None = time_field()


class Role(Row, table=True):
    """A named set of verbs. Rows without a tenant are the templates copied at sign-up."""

    __tablename__ = "roles"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "key", postgresql_nulls_not_distinct=True),
    )
    tenant_id: UUID | None = Field(default=None, foreign_key="tenants.id")
    key: str
    name: str
    verbs: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}"))


class Membership(TenantRow, table=True):
    """A user in a tenant, with one role there."""

    __tablename__ = "memberships"
    __table_args__ = (*tenant_keys(), tenant_fk("role_id", "roles"), UniqueConstraint("tenant_id", "user_id"),
                      Index(None, "user_id"))
    user_id: UUID = Field(foreign_key="users.id")
    role_id: UUID


class SessionKind(StrEnum):
    BROWSER = "browser"
    API = "api"


class UserSession(TenantRow, table=True):
    """A sign-in: a browser's cookie or a program's refresh token. Only the hash is kept."""

    __tablename__ = "user_sessions"
    __table_args__ = (*tenant_keys(), UniqueConstraint("token_hash"), Index(None, "user_id"),
                      state_check("kind", SessionKind))
    user_id: UUID = Field(foreign_key="users.id")
    kind: SessionKind = Field(default=SessionKind.BROWSER, sa_column=state_column(SessionKind))
    token_hash: bytes = Field(sa_type=LargeBinary)
    expires_at: datetime | None = time_field()
    last_seen_at: datetime | None = time_field()
    revoked_at: datetime | None = time_field()
    ip: str = Field(default="")
    user_agent: str = Field(default="")


class PasswordReset(Row, table=True):
    """A wish for a new password. The token is made when the mail is written, so that it never
    lies in a queue; only its hash is kept, and it works once. A wish for an unknown address is kept
    without a person, so that asking costs the same. Only `sapa_system` reads this table."""

    __tablename__ = "password_resets"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index("ix_password_resets_unsent", "created_at",
              postgresql_where=text("token_hash IS NULL AND used_at IS NULL")),
    )
    user_id: UUID | None = Field(sa_column=Column(Uuid, ForeignKey("users.id"), nullable=True, index=True))
    token_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    expires_at: datetime | None = time_field()
    used_at: datetime | None = time_field()


class ApiKey(TenantRow, table=True):
    """A program's key (`sapa_live_…`): SHA-256 at rest, with scopes and an expiry."""

    __tablename__ = "api_keys"
    __table_args__ = (*tenant_keys(), UniqueConstraint("key_hash"))
    name: str
    prefix: str
    key_hash: bytes = Field(sa_type=LargeBinary)
    scopes: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}"))
    created_by: UUID | None = Field(default=None)
    expires_at: datetime | None = time_field()
    last_used_at: datetime | None = time_field()
    revoked_at: datetime | None = time_field()


class IdempotencyKey(TenantRow, table=True):
    """The first answer to a POST, given again for the same key and body within 24 hours."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (*tenant_keys(), UniqueConstraint("tenant_id", "key"), Index(None, "expires_at"))
    key: str
    request_hash: bytes = Field(sa_type=LargeBinary)
    status: int | None = Field(default=None)
    response: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    expires_at: datetime | None = time_field()


class AuditEntry(TenantRow, table=True):
    """One privileged verb, by whom, on what. Append-only."""

    __tablename__ = "audit_log"
    __table_args__ = (*tenant_keys(),)
    user_id: UUID | None = Field(default=None)
    verb: str
    object_kind: str = Field(default="")
    object_id: UUID | None = Field(default=None)
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    ip: str = Field(default="")


class UsageCounter(TenantRow, table=True):
    """How much of a limit is used in a period (`total`, `2026-11`, `2026-11-20`)."""

    __tablename__ = "usage_counters"
    __table_args__ = (*tenant_keys(), UniqueConstraint("tenant_id", "key", "period"))
    key: str
    period: str
    used: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
