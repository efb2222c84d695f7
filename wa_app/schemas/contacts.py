"""Contacts, tags and imports as they cross to pages, the API and tasks."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from wa_app.models.people import ConsentKind, IdentityKind, ImportKind, ImportStatus

TAG_COLORS = ("indigo", "terra", "teal", "ochre", "plum", "olive", "rose", "sea", "mist", "red", "orange")
"""The only tag colours, measured for contrast in both themes; the theme knows them as `--k-<name>`."""

MAX_ATTRIBUTES = 100
OnDuplicate = Literal["skip", "update", "fill"]


def _clean(value: str) -> str:
    return value.replace("\x00", "").strip()


def _clean_attributes(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) > MAX_ATTRIBUTES:
        raise ValueError("too many attributes")
    return {_clean(key)[:60]: _clean(v)[:2000] if isinstance(v, str) else v for key, v in value.items() if _clean(key)}


Words = Annotated[str, AfterValidator(_clean)]
TagName = Annotated[str, Field(max_length=50), AfterValidator(_clean)]
Scalar = str | int | float | bool | None
Attributes = Annotated[dict[str, Scalar], AfterValidator(_clean_attributes)]


class Input(BaseModel):
    """An input refuses fields it does not know, so that a typing mistake is not silence."""

    model_config = ConfigDict(extra="forbid")


class TagView(BaseModel):
    id: UUID
    name: str
    color: str
    contacts: int | None = None
    """How many contacts have it; only in the list of tags."""


class IdentityView(BaseModel):
    kind: IdentityKind
    value: str


class ConsentView(BaseModel):
    kind: ConsentKind
    source: str
    evidence: str
    created_at: datetime


class ContactView(BaseModel):
    id: UUID
    phone: str | None
    name: str
    city: str
    identities: list[IdentityView]
    tags: list[TagView]
    attributes: dict[str, Any]
    source: str
    time_zone: str | None
    created_at: datetime
    updated_at: datetime | None
    last_inbound_at: datetime | None
    last_outbound_at: datetime | None


class ContactCreate(Input):
    phone: Annotated[str, Field(max_length=100)] | None = None
    lid: Annotated[str, Field(max_length=40)] | None = None
    name: Annotated[Words, Field(max_length=200)] = ""
    city: Annotated[Words, Field(max_length=100)] = ""
    tags: Annotated[list[TagName], Field(max_length=50)] = []
    attributes: Attributes = {}
    time_zone: Annotated[str, Field(max_length=60)] | None = None
    upsert: bool = False


class ContactUpdate(Input):
    """Fields that are absent stay; `tags` replaces them all; an attribute of null is removed."""

    phone: Annotated[str, Field(max_length=100)] | None = None
    name: Annotated[Words, Field(max_length=200)] | None = None
    city: Annotated[Words, Field(max_length=100)] | None = None
    tags: Annotated[list[TagName], Field(max_length=50)] | None = None
    attributes: Attributes | None = None
    time_zone: Annotated[str, Field(max_length=60)] | None = None


class ContactFilter(Input):
    """What a list, a bulk action or an export covers."""

    q: Annotated[str, Field(max_length=200)] = ""
    tags: Annotated[list[UUID], Field(max_length=50)] = []
    """Contacts with any of these tags."""
    source: Annotated[str, Field(max_length=40)] = ""
    segment_id: UUID | None = None
    """Contacts in this segment as it is now."""


class Selection(Input):
    """Contacts by id, or all that a filter covers."""

    ids: Annotated[list[UUID], Field(max_length=1000)] = []
    filter: ContactFilter | None = None


class TagCreate(Input):
    name: Annotated[TagName, Field(min_length=1)]
    color: str = ""


class TagUpdate(Input):
    name: Annotated[TagName, Field(min_length=1)] | None = None
    color: str | None = None


class ImportRequest(Input):
    """A file to import. An empty mapping is guessed; `tags` go on every contact of the batch."""

    file_id: UUID
    mapping: Annotated[dict[str, str], Field(max_length=200)] = {}
    tags: Annotated[list[TagName], Field(max_length=20)] = []
    on_duplicate: OnDuplicate = "skip"
    region: Annotated[str, Field(max_length=2)] = ""
    dry_run: bool = False
    consent: bool = False
    sheet: str | None = None
    encoding: str | None = None
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    has_header: bool | None = None


class ImportView(BaseModel):
    id: UUID
    kind: ImportKind
    """What the rows become: contacts, entries of the blacklist, or keyword rules."""
    file_id: UUID
    file_name: str
    status: ImportStatus
    dry_run: bool
    total: int | None
    processed: int
    created: int
    updated: int
    skipped: int
    failed: int
    duplicates: int
    """Rows whose number stands further up in the same file (part of `skipped`)."""
    warnings: int
    """Values that were left out of contacts that came in all the same."""
    error_code: str | None
    error_args: dict[str, Any]
    status_url: str
    """Where to ask how far it is."""
    errors_url: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ColumnView(BaseModel):
    """One column of an uploaded file: what it is called, what it holds, where it goes."""

    name: str
    target: str
    """`phone, name, city, tags, email, lid, ignore, attribute:<key>` or `attribute:<key>:<type>`."""
    examples: list[str]
    filled: int


class SampleView(BaseModel):
    """One row as it would come in; `code` when it would not."""

    row: int
    name: str
    raw_phone: str
    phone: str
    city: str
    tags: list[str]
    code: str = ""


class AnalysisView(BaseModel):
    """What was found in a file before anything is written."""

    kind: Literal["csv", "xlsx"]
    encoding: str
    delimiter: str
    sheets: list[str]
    sheet: str
    has_header: bool
    columns: list[ColumnView]


class PreviewView(BaseModel):
    """Consequences of an import, counted over the first `rows` rows; `is_whole` when that is the file."""

    rows: int
    is_whole: bool
    new: int
    existing: int
    duplicates: int
    failed: int
    warnings: int
    new_tags: list[str]
    columns: dict[str, int]
    """Readable values by column name."""
    samples: list[SampleView]
    errors: list[SampleView]
