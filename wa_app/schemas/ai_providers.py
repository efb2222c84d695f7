"""AI providers, their limits and what was used, as they cross to pages and API. Keys cross inwards only."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.models.ai import ProviderKind, Rotation, Source

MAX_PRIORITY = 10_000
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Micros = Annotated[int, Field(ge=1, le=10**15)]
State = Literal["active", "standby", "always", "cooling", "open", "limit", "disabled", "off"]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Limits(_Input):
    """Limits of a day and a month; null is without."""

    daily_limit: Count | None = Field(None, description="Requests a day.")
    monthly_limit: Count | None = Field(None, description="Requests a month.")
    daily_tokens: Count | None = None
    monthly_tokens: Count | None = None
    daily_cost_micros: Micros | None = Field(None, description="Millionths of a US dollar.")
    monthly_cost_micros: Micros | None = None


class ProviderCreate(Limits):
    """A provider to add. `api_key` is never shown again."""

    name: str = Field(max_length=80)
    kind: ProviderKind
    base_url: str = Field("", max_length=500, description="Empty: the vendor's own address.")
    api_key: str = Field("", max_length=500)
    model: str = Field("", max_length=200)
    priority: int = Field(100, ge=0, le=MAX_PRIORITY, description="The lowest is asked first.")
    weight: int = Field(1, ge=1, le=100, description="Its share under weighted rotation.")
    time_limit_s: int = Field(20, ge=1, le=120)
    is_active: bool = True


class ProviderUpdate(Limits):
    """What to change; absent fields stay, and so does the key."""

    name: str | None = Field(None, max_length=80)
    base_url: str | None = Field(None, max_length=500)
    api_key: str | None = Field(None, max_length=500)
    model: str | None = Field(None, max_length=200)
    priority: int | None = Field(None, ge=0, le=MAX_PRIORITY)
    weight: int | None = Field(None, ge=1, le=100)
    time_limit_s: int | None = Field(None, ge=1, le=120)
    is_active: bool | None = None


class Order(_Input):
    """All providers in the order they are to be asked."""

    ids: list[UUID] = Field(max_length=200)


class ProviderView(BaseModel):
    """A provider as its owner sees it."""

    id: UUID
    name: str
    kind: ProviderKind
    vendor: str
    base_url: str
    model: str
    api_key_masked: str
    priority: int
    weight: int
    time_limit_s: int
    is_active: bool
    state: State
    state_until: datetime | None
    """When a pause, a circuit or a limit ends."""
    state_reason: str
    daily_limit: int | None
    monthly_limit: int | None
    daily_tokens: int | None
    monthly_tokens: int | None
    daily_cost_micros: int | None
    monthly_cost_micros: int | None
    used_today: int
    used_month: int
    tokens_today: int
    tokens_month: int
    cost_today_micros: int
    cost_month_micros: int
    day_ends_at: datetime
    month_ends_at: datetime
    p95_ms: int | None
    """Of today's answers."""
    failed_today: int
    last_error: str
    last_error_at: datetime | None
    last_ok_at: datetime | None
    created_at: datetime


class ProviderList(BaseModel):
    items: list[ProviderView]
    next_cursor: str | None = None
    total: int


class ProviderTest(BaseModel):
    """What came of a test call."""

    ok: bool
    ms: int
    text: str = ""
    model: str = ""
    tokens: int = 0
    cost_micros: int | None = None
    error: str = ""
    """Class of the failure: a key `ai.why.<error>` in the catalogues."""
    detail: str = ""
    """The vendor's status and words, without the key."""


class ProviderModels(BaseModel):
    items: list[str]


class Choosable(BaseModel):
    """A provider that a tenant may name for a call: its own and the platform's, without anything private."""

    id: UUID
    name: str
    kind: ProviderKind
    model: str
    is_own: bool


class AiSettingsUpdate(_Input):
    """How calls are spread, and the budget; absent fields stay, null takes a limit away."""

    rotation: Rotation | None = None
    source: Source | None = None
    daily_requests: Count | None = None
    monthly_requests: Count | None = None
    daily_tokens: Count | None = None
    monthly_tokens: Count | None = None
    daily_cost_micros: Micros | None = None
    monthly_cost_micros: Micros | None = None


class Meter(BaseModel):
    """How much of a limit is used. `limit` is null where there is none."""

    key: Literal["daily_requests", "monthly_requests", "daily_tokens", "monthly_tokens", "daily_cost_micros", "monthly_cost_micros"]
    used: int
    limit: int | None
    resets_at: datetime


class AiSettingsView(BaseModel):
    """How calls are spread, and the budget with what is used of it."""

    rotation: Rotation
    source: Source
    budget: list[Meter]
    package: list[Meter]
    """Limits of the package on what the platform's providers answer; empty where it has none."""
    own_limit: int | None
    """How many providers of its own the package lets a tenant have; null: as many as it likes."""


class UsageBar(BaseModel):
    """One day or hour of one provider."""

    at: datetime
    provider_id: UUID
    provider_name: str
    answered: int
    failed: int
    tokens: int
    cost_micros: int


class UsageCall(BaseModel):
    """One try in the ledger. `took_over` is who answered after a failure."""

    id: UUID
    at: datetime
    feature: str
    provider_name: str
    model: str
    outcome: str
    tokens: int
    is_estimated: bool
    cost_micros: int | None
    ms: int
    took_over: str = ""


class UsageView(BaseModel):
    """What was used, and the newest calls."""

    bars: list[UsageBar]
    calls: list[UsageCall]
    answered_today: int
    failed_today: int
    unanswered_today: int
    """Calls that nobody answered."""
    cost_today_micros: int
    tenants_today: int = 0
    """Tenants that called; the platform's view only."""
