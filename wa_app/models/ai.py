"""Providers of language models, their limits, and the ledger of what was used."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from wa_app.models.base import Row, TenantRow, state_check, state_column, tenant_fk, tenant_keys, time_field


class ProviderKind(StrEnum):
    """How a provider is spoken to."""

    OPENAI = "openai"
    """Whatever speaks OpenAI's chat completions: OpenAI, Groq, DeepSeek, Ollama, OpenRouter, …"""
    GEMINI = "gemini"
    ANTHROPIC = "anthropic"
    QUOTE = "quote"
    """Ours: answers with the words of the tenant's documents, without a network."""


class Rotation(StrEnum):
    """Who is asked first when several could answer."""

    PRIORITY = "priority"
    ROUND_ROBIN = "round_robin"
    WEIGHTED = "weighted"
    RANDOM = "random"


class Source(StrEnum):
    """Whose providers answer for a tenant."""

    AUTO = "auto"
    """Its own when it has switched any on, else the platform's; never one for the other."""
    OWN_FIRST = "own_first"
    """Its own, then the platform's."""
    PLATFORM_FIRST = "platform_first"


def _big(nullable: bool = True) -> Column[int]:
    return Column(BigInteger, nullable=nullable, server_default=None if nullable else text("0"))


class AiProvider(Row, table=True):
    """A model behind a key. Rows without a tenant are the platform's: tenants see them, but never their keys.

    `cool_until` is a pause that the vendor asked for, or that its refusal means. `open_until` is the circuit
    breaker's: once it has passed, one call tries (`probe_until`), the others still pass by.
    """

    __tablename__ = "ai_providers"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"), state_check("kind", ProviderKind),
        Index("ix_ai_providers_alive", "tenant_id", "priority", postgresql_where=text("deleted_at IS NULL")),
    )  # fmt: skip
    tenant_id: UUID | None = Field(default=None, foreign_key="tenants.id")
    name: str
    kind: ProviderKind = Field(sa_column=state_column(ProviderKind))
    base_url: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Empty: the vendor's own address."""
    model: str = Field(default="", sa_column_kwargs={"server_default": ""})
    key_masked: str = Field(default="", sa_column_kwargs={"server_default": ""})
    priority: int = Field(default=100, sa_column_kwargs={"server_default": text("100")})
    weight: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    is_active: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    time_limit_s: int = Field(default=20, sa_column_kwargs={"server_default": text("20")})
    """What one try may take, in seconds; for a stream: until its first words."""
    daily_limit: int | None = Field(default=None)
    monthly_limit: int | None = Field(default=None)
    daily_tokens: int | None = Field(default=None, sa_column=_big())
    monthly_tokens: int | None = Field(default=None, sa_column=_big())
    daily_cost_micros: int | None = Field(default=None, sa_column=_big())
    monthly_cost_micros: int | None = Field(default=None, sa_column=_big())
    disabled_at: datetime | None = time_field()
    """Switched off by us because the vendor refuses the key; a new key or a test that passes switches it on."""
    cool_until: datetime | None = time_field()
    cool_reason: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """`throttle`, `exhausted` or `config`."""
    failures: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """Times in a row that it did not answer."""
    open_until: datetime | None = time_field()
    probe_until: datetime | None = time_field()
    last_error: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Class of the last failure, with the vendor's status: `upstream 503`."""
    last_error_at: datetime | None = time_field()
    last_ok_at: datetime | None = time_field()
    updated_at: datetime | None = time_field()
    deleted_at: datetime | None = time_field()


class AiProviderKey(Row, table=True):
    """The key of a provider, encrypted. A table of its own: no policy lets a tenant at the platform's rows."""

    __tablename__ = "ai_provider_keys"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "provider_id", postgresql_nulls_not_distinct=True),
        tenant_fk("provider_id", "ai_providers"),
    )  # fmt: skip
    tenant_id: UUID | None = Field(default=None, foreign_key="tenants.id")
    provider_id: UUID
    cipher: str
    fingerprint: str
    """HMAC of the key: the same key behind several models is known without decrypting it."""


class ProviderMail(Row, table=True):
    """A letter about a key that was refused: one per refusal and person, written once. Only `sapa_system` reads this table."""

    __tablename__ = "ai_provider_mails"
    __table_args__ = (Index("ix_ai_provider_mails_unsent", "created_at", postgresql_where=text("sent_at IS NULL")),)
    provider_id: UUID
    user_id: UUID = Field(foreign_key="users.id")
    tried_at: datetime | None = time_field()
    sent_at: datetime | None = time_field()


class CounterOf(StrEnum):
    PROVIDER = "provider"
    BUDGET = "budget"
    """All calls of a tenant."""
    PACKAGE = "package"
    """Calls of a tenant that the platform's providers answered."""


class AiCounter(Row, table=True):
    """What a provider or a tenant has used in a day (`2026-11-28`) or month (`2026-11`) of its own calendar."""

    __tablename__ = "ai_counters"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"), UniqueConstraint("subject_id", "subject", "period"),
        state_check("subject", CounterOf), Index("ix_ai_counters_old", "created_at"),
    )  # fmt: skip
    tenant_id: UUID | None = Field(default=None, foreign_key="tenants.id")
    subject: CounterOf = Field(sa_column=state_column(CounterOf))
    subject_id: UUID
    """The provider, or the tenant."""
    period: str
    requests: int = Field(default=0, sa_column=_big(nullable=False))
    tokens: int = Field(default=0, sa_column=_big(nullable=False))
    cost_micros: int = Field(default=0, sa_column=_big(nullable=False))


class AiHold(Row, table=True):
    """What a call that is going on has reserved on a counter. It goes when the call is settled; of a call that was
    killed a sweep gives it back after `expires_at`."""

    __tablename__ = "ai_holds"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"), state_check("subject", CounterOf), Index("ix_ai_holds_expires", "expires_at"),
    )  # fmt: skip
    tenant_id: UUID | None = Field(default=None, foreign_key="tenants.id")
    subject: CounterOf = Field(sa_column=state_column(CounterOf))
    subject_id: UUID
    day: str
    """The day on whose counter, and on whose month's, it stands."""
    tokens: int = Field(default=0, sa_column=_big(nullable=False))
    cost_micros: int = Field(default=0, sa_column=_big(nullable=False))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))


class AiSettings(Row, table=True):
    """How a tenant, or the platform (no tenant), spreads its calls, and how much it wants to use at most."""

    __tablename__ = "ai_settings"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"), UniqueConstraint("tenant_id", postgresql_nulls_not_distinct=True),
        state_check("rotation", Rotation), state_check("source", Source),
    )  # fmt: skip
    tenant_id: UUID | None = Field(default=None, foreign_key="tenants.id")
    rotation: Rotation = Field(default=Rotation.PRIORITY, sa_column=state_column(Rotation, Rotation.PRIORITY))
    source: Source = Field(default=Source.AUTO, sa_column=state_column(Source, Source.AUTO))
    turn: int = Field(default=0, sa_column=_big(nullable=False))
    """Counts calls, for round robin."""
    daily_requests: int | None = Field(default=None)
    monthly_requests: int | None = Field(default=None)
    daily_tokens: int | None = Field(default=None, sa_column=_big())
    monthly_tokens: int | None = Field(default=None, sa_column=_big())
    daily_cost_micros: int | None = Field(default=None, sa_column=_big())
    monthly_cost_micros: int | None = Field(default=None, sa_column=_big())
    updated_at: datetime | None = time_field()


class AiUsage(TenantRow, table=True):
    """One try of one provider. Append-only; the words themselves are not kept.

    No foreign key to providers: the ledger outlives them.
    """

    __tablename__ = "ai_usage"
    __table_args__ = (
        *tenant_keys(),
        Index("uq_ai_usage_job", "tenant_id", "job_key", unique=True, postgresql_where=text("job_key IS NOT NULL")),
        Index(None, "provider_id", "created_at"), Index("ix_ai_usage_tenant_created", "tenant_id", "created_at"),
        Index("ix_ai_usage_platform", "created_at", "id", postgresql_where=text("NOT is_own")),
        Index("ix_ai_usage_failed", "created_at", "id", postgresql_where=text("NOT is_own AND outcome <> 'ok'")),
    )  # fmt: skip
    call_id: UUID
    feature: str
    provider_id: UUID
    provider_name: str
    kind: str
    model: str
    outcome: str
    """`ok`, or the class of the failure."""
    job_key: str | None = Field(default=None)
    is_own: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """Answered under the tenant's own key."""
    is_estimated: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """The vendor did not say how many tokens it took: counted by us."""
    input_tokens: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    cached_tokens: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    output_tokens: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    reasoning_tokens: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    cost_micros: int | None = Field(default=None, sa_column=_big())
    latency_ms: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    first_ms: int | None = Field(default=None)
    """Of a stream: until its first words."""


class AiUsageHour(SQLModel, table=True):
    """The ledger summed up by hour: what bars are drawn from, kept when the ledger's rows are gone."""

    __tablename__ = "ai_usage_hours"
    __table_args__ = (Index(None, "hour"),)
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    hour: datetime = Field(sa_type=DateTime(timezone=True), primary_key=True)
    provider_id: UUID = Field(primary_key=True)
    feature: str = Field(primary_key=True)
    provider_name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    is_own: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    answered: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    failed: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    tokens: int = Field(default=0, sa_column=_big(nullable=False))
    cost_micros: int = Field(default=0, sa_column=_big(nullable=False))
    latency_ms: int = Field(default=0, sa_column=_big(nullable=False))
    """Sum over the answered ones."""
