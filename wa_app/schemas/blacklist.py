"""Who is not to be written to, as it crosses to pages, API and workers."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.models.people import IdentityKind, SuppressionReason, SuppressionScope, SuppressionSource

MAX_NUMBERS = 1000
Note = Annotated[str, Field(max_length=2000)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class IdentityInput(_Input):
    kind: IdentityKind
    value: str


class BlacklistAdd(_Input):
    """Whom to add: exactly one of phone, contact_id and identity."""

    phone: str | None = None
    contact_id: UUID | None = None
    identity: IdentityInput | None = None
    reason: SuppressionReason = SuppressionReason.MANUAL
    scope: SuppressionScope = SuppressionScope.MARKETING
    note: str = ""
    campaign_id: UUID | None = None


class BlacklistMany(_Input):
    """Many numbers at once, as they were pasted."""

    phones: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=MAX_NUMBERS)]
    reason: SuppressionReason = SuppressionReason.MANUAL
    scope: SuppressionScope = SuppressionScope.MARKETING
    note: Note = ""


class RefusedNumber(BaseModel):
    """A number that could not be read, and why."""

    value: str
    code: str


class BlacklistAdded(BaseModel):
    """What became of many numbers."""

    added: int
    changed: int
    """Entries that reach further now."""
    already: int
    refused: list[RefusedNumber] = []


class BlacklistImport(_Input):
    """A file of people not to write to. Without `column` the one with the numbers is found by its content."""

    file_id: UUID
    column: Annotated[str, Field(max_length=200)] = ""
    reason: SuppressionReason = SuppressionReason.MANUAL
    """Of rows whose own column `reason` says nothing else."""
    scope: SuppressionScope = SuppressionScope.MARKETING
    note: Note = ""
    region: Annotated[str, Field(max_length=2)] = ""
    dry_run: bool = False
    sheet: str | None = None
    encoding: str | None = None
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    has_header: bool | None = None


class BlacklistFilter(_Input):
    """Which entries. `q` is a whole phone number or a LID, as only hashes are kept."""

    q: Annotated[str, Field(max_length=200)] = ""
    reason: SuppressionReason | None = None
    scope: SuppressionScope | None = None
    source: SuppressionSource | None = None


class BlacklistEntry(BaseModel):
    """One suppressed identity; its value is shown masked and kept nowhere."""

    id: UUID
    kind: IdentityKind
    value: str
    scope: SuppressionScope
    reason: SuppressionReason
    source: SuppressionSource
    note: str
    campaign_id: UUID | None
    campaign_name: str | None = None
    created_by: UUID | None
    created_by_name: str | None = None
    contact_id: UUID | None = None
    """The contact who has this identity now, if any."""
    contact_name: str | None = None
    created_at: datetime


class Unreachable(BaseModel):
    """Somebody to whom no message can go any more: not on WhatsApp, or without a usable id."""

    contact_id: UUID
    name: str
    value: str
    at: datetime
