"""What crosses the border about accounts: people, businesses, sign-ins, members, keys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

Secret = Annotated[str, Field(min_length=1, max_length=1000)]
Email = Annotated[str, Field(min_length=1, max_length=254)]


class SignUp(BaseModel):
    """A new person and their business."""

    email: Email
    password: Secret
    name: str = Field(max_length=100)
    business_name: str = Field(max_length=100)
    language: str = Field(default="id", pattern="^(id|en)$")


class UserView(BaseModel):
    """A person, as they see themselves."""

    id: UUID
    email: str
    name: str
    language: str
    is_platform_admin: bool


class TenantView(BaseModel):
    """A business, as its members see it."""

    id: UUID
    name: str
    timezone: str
    language: str


class SubscriptionView(BaseModel):
    """What the business has booked."""

    package: str
    status: str


class AccountView(BaseModel):
    """Who is calling: a person in a business, or a key (`user` is null)."""

    user: UserView | None
    tenant: TenantView
    role: str | None
    verbs: list[str]
    subscription: SubscriptionView


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a sign-in comes from, for the list of sign-ins and the audit log."""

    ip: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class SessionView:
    """One of a person's sign-ins."""

    id: UUID
    kind: str
    tenant_name: str
    ip: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime | None
    is_current: bool


@dataclass(frozen=True, slots=True)
class MemberView:
    """A person in a tenant."""

    user_id: UUID
    name: str
    email: str
    role_id: UUID
    role_key: str
    is_self: bool


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role of a tenant; `may_grant` says whether the caller may give it to somebody."""

    id: UUID
    key: str
    name: str
    may_grant: bool


@dataclass(frozen=True, slots=True)
class ApiKeyView:
    """A program's key, masked: the whole key is shown once, when it is made."""

    id: UUID
    name: str
    masked: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    is_expired: bool


@dataclass(frozen=True, slots=True)
class BusinessView:
    """What a tenant may change about itself."""

    name: str
    time_zone: str
    language: str
