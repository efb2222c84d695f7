"""Contacts, the identities they are known by, tags, consent, suppression, imports."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Computed, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSVECTOR
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


class IdentityKind(StrEnum):
    PHONE = "phone"
    LID = "lid"
    BSUID = "bsuid"
    USERNAME = "username"


class Contact(TenantRow, table=True):
    """A person a tenant talks to, keyed by our own id, known by a set of identities."""

    __tablename__ = "contacts"
    __table_args__ = (
        *tenant_keys(),
        Index("ix_contacts_alive", "tenant_id", "id", postgresql_where=text("deleted_at IS NULL")),
        Index("ix_contacts_search", "search_vector", postgresql_using="gin"),
    )
    name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    phone: str | None = Field(default=None)
    """Primary phone in E.164, copied from its identity for lists and exports."""
    city: str = Field(default="", sa_column_kwargs={"server_default": ""})
    time_zone: str | None = Field(default=None)
    attributes: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    source: str = Field(default="manual", sa_column_kwargs={"server_default": "manual"})
    search_text: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Folded name and phone tokens; see `wa_app.services.contacts`."""
    search_vector: Any = Field(
        default=None, sa_column=Column(TSVECTOR, Computed("to_tsvector('simple', search_text)", persisted=True))
    )
    preferred_device_id: UUID | None = Field(default=None)
    last_inbound_at: datetime | None = time_field()
    last_outbound_at: datetime | None = time_field()
    last_replied_at: datetime | None = time_field()
    """When they last wrote within three days after a message of ours."""
    updated_at: datetime | None = time_field()
    deleted_at: datetime | None = time_field()


class ContactIdentity(TenantRow, table=True):
    """One alias of a contact. `hash` is its HMAC under the tenant's key."""

    __tablename__ = "contact_identities"
    __table_args__ = (
        *tenant_keys(), tenant_fk("contact_id", "contacts"), UniqueConstraint("tenant_id", "kind", "value"),
        Index(None, "tenant_id", "contact_id"), Index(None, "tenant_id", "hash"), state_check("kind", IdentityKind),
    )
    contact_id: UUID
    kind: IdentityKind = Field(sa_column=state_column(IdentityKind))
    value: str
    """Phone in E.164 with `+`; LID, BSUID and username as bare text."""
    hash: bytes = Field(sa_type=LargeBinary)


class Tag(TenantRow, table=True):
    """A label. `folded` keeps names unique without regard to case."""

    __tablename__ = "tags"
    __table_args__ = (*tenant_keys(), UniqueConstraint("tenant_id", "folded"))
    name: str
    folded: str
    color: str


class ContactTag(SQLModel, table=True):
    """A tag on a contact."""

    __tablename__ = "contact_tags"
    __table_args__ = (tenant_fk("contact_id", "contacts"), tenant_fk("tag_id", "tags"),
                      Index(None, "tenant_id", "contact_id"))
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    tag_id: UUID = Field(primary_key=True)
    contact_id: UUID = Field(primary_key=True)


class ConsentKind(StrEnum):
    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"


class Consent(TenantRow, table=True):
    """A yes or a no to being written to, and where it comes from. Append-only."""

    __tablename__ = "consents"
    __table_args__ = (
        *tenant_keys(), tenant_fk("contact_id", "contacts"), Index(None, "tenant_id", "contact_id"),
        state_check("kind", ConsentKind),
        Index("ix_consents_message", "tenant_id", "message_id", unique=True,
              postgresql_where=text("message_id IS NOT NULL")),
        Index("ix_consents_campaign", "tenant_id", "campaign_id", postgresql_where=text("campaign_id IS NOT NULL")),
    )
    contact_id: UUID
    kind: ConsentKind = Field(sa_column=state_column(ConsentKind))
    source: str
    evidence: str = Field(default="")
    at: datetime | None = time_field()
    """When the person said so, by the message's own time; NULL: when the row was written."""
    message_id: UUID | None = Field(default=None)
    """The message that said so: it is heeded once, however often its webhook comes."""
    campaign_id: UUID | None = Field(default=None)
    """The campaign that last reached the person before that."""
    device_id: UUID | None = Field(default=None)
    """The device that campaign message left from."""


class SuppressionScope(StrEnum):
    MARKETING = "marketing"
    ALL = "all"


class SuppressionReason(StrEnum):
    UNSUBSCRIBE = "UNSUBSCRIBE"
    SPAM_REPORT = "SPAM_REPORT"
    MANUAL = "MANUAL"
    BOUNCE = "BOUNCE"


class SuppressionSource(StrEnum):
    """How an entry came onto the list."""

    MANUAL = "manual"
    API = "api"
    IMPORT = "import"
    WORD = "word"
    DELIVERY = "delivery"


class Suppression(TenantRow, table=True):
    """An identity that is not to be written to. Holds no phone, so that it survives erasure."""

    __tablename__ = "suppressions"
    __table_args__ = (
        *tenant_keys(), UniqueConstraint("tenant_id", "hash"), state_check("kind", IdentityKind),
        state_check("scope", SuppressionScope), state_check("reason", SuppressionReason),
        state_check("source", SuppressionSource),
        Index("ix_suppressions_campaign", "tenant_id", "campaign_id", postgresql_where=text("campaign_id IS NOT NULL")),
    )
    kind: IdentityKind = Field(sa_column=state_column(IdentityKind))
    hash: bytes = Field(sa_type=LargeBinary)
    masked: str
    scope: SuppressionScope = Field(
        default=SuppressionScope.MARKETING, sa_column=state_column(SuppressionScope, SuppressionScope.MARKETING)
    )
    reason: SuppressionReason = Field(sa_column=state_column(SuppressionReason))
    source: SuppressionSource = Field(
        default=SuppressionSource.MANUAL, sa_column=state_column(SuppressionSource, SuppressionSource.MANUAL)
    )
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})
    campaign_id: UUID | None = Field(default=None)
    created_by: UUID | None = Field(default=None)


class ImportStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ImportKind(StrEnum):
    """What the rows of a file become."""

    CONTACTS = "contacts"
    BLACKLIST = "blacklist"
    AUTO_REPLIES = "auto_replies"


class ImportJob(TenantRow, Leased, table=True):
    """One file of contacts, of people not to write to, or of keyword rules, on its way in, with its checkpoint."""

    __tablename__ = "import_jobs"
    __table_args__ = (
        *tenant_keys(), tenant_fk("file_id", "files"), state_check("status", ImportStatus),
        state_check("kind", ImportKind),
        Index("ix_import_jobs_open", "created_at", postgresql_where=text("status IN ('queued', 'running')")),
        Index("ix_import_jobs_failed", "id", postgresql_where=text("status = 'failed'")),
    )
    file_id: UUID
    file_name: str
    kind: ImportKind = Field(
        default=ImportKind.CONTACTS, sa_column=state_column(ImportKind, ImportKind.CONTACTS)
    )
    status: ImportStatus = Field(
        default=ImportStatus.QUEUED, sa_column=state_column(ImportStatus, ImportStatus.QUEUED)
    )
    dry_run: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    mapping: dict[str, str] = Field(default_factory=dict, sa_column=json_column())
    """Column of the file → field (`phone, name, city, tags, attribute:<key>, ignore`)."""
    options: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    total: int | None = Field(default=None)
    processed: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    created: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    updated: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    skipped: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    failed: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    checkpoint: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """Chunks of the file that are behind us, one bit each. Rules come in row by row: there `processed` is the checkpoint."""
    error_code: str | None = Field(default=None)
    created_by: UUID | None = Field(default=None)
    started_at: datetime | None = time_field()
    finished_at: datetime | None = time_field()
    dismissed_at: datetime | None = time_field()
    """When a platform admin put a failed import out of sight."""


class ImportRowError(TenantRow, table=True):
    """One value that was refused, for the error file."""

    __tablename__ = "import_errors"
    __table_args__ = (
        *tenant_keys(), Index(None, "tenant_id", "job_id", "row"),
        ForeignKeyConstraint(["tenant_id", "job_id"], ["import_jobs.tenant_id", "import_jobs.id"]),
    )
    job_id: UUID
    row: int
    column: str
    value: str
    reason: str
    args: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """What the words of the reason need, such as a limit."""
