"""What a tenant's agents may answer from, and what is found in it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_QUESTION = 500
MAX_ANSWER = 4000
MAX_PAIRS = 500
MAX_URL = 2000


def _clean(value: str) -> str:
    return value.replace("\x00", "").strip()


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that fits a question. `score` is 0 to 1, comparable between questions."""

    chunk_id: UUID
    document_id: UUID
    document_name: str
    page: int | None
    heading: str
    text: str
    score: float


class PassageView(BaseModel):
    """A passage as programs and pages see it."""

    chunk_id: UUID
    document_id: UUID
    document_name: str
    page: int | None
    heading: str
    text: str
    score: float


class Progress(BaseModel):
    """How far a stage is: pages read, or vectors made. `total` 0: not known yet."""

    done: int = 0
    total: int = 0


class DocumentView(BaseModel):
    """One document, website page or typed question."""

    id: UUID
    kind: Literal["file", "pair", "page"]
    name: str
    status: Literal["queued", "reading", "ocr", "chunking", "embedding", "ready", "failed"]
    progress: Progress
    chunks: int
    """Passages that searches find now; an older index answers until a new one takes its place."""
    error: str | None
    """A stable code; its text is `error.<code>`. Beside `ready` it says why a re-index did not work."""
    error_args: dict[str, Any]
    mime: str
    size: int
    pages: int
    ocr_pages: int
    url: str | None
    answer: str | None
    created_at: datetime
    updated_at: datetime | None
    indexed_at: datetime | None


class PageView(BaseModel):
    """Text read from one page."""

    page: int
    heading: str
    method: str
    text: str


class ChunkView(BaseModel):
    """One passage of a document, and where it begins in the text of its page."""

    id: UUID
    page: int | None
    heading: str
    text: str
    start: int


class PreviewView(BaseModel):
    """What was read from a document and how it was cut."""

    document: DocumentView
    pages: list[PageView]
    chunks: list[ChunkView]
    next_page: int | None = None
    """Position the next pages begin at."""


class OverviewView(BaseModel):
    """Can it answer today?"""

    ready: int = 0
    working: int = 0
    failed: int = 0
    pairs: int = 0
    passages: int = 0
    vectors_wait: bool = False
    """The vector server is away: found by words alone until it is back."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PairInput(Strict):
    """A question and its answer."""

    question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION), AfterValidator(_clean)]
    answer: Annotated[str, Field(min_length=1, max_length=MAX_ANSWER), AfterValidator(_clean)]


class PairsCreate(Strict):
    """Several at once."""

    pairs: list[PairInput] = Field(min_length=1, max_length=MAX_PAIRS)


class UrlCreate(Strict):
    """A page of a website."""

    url: Annotated[str, Field(min_length=1, max_length=MAX_URL), AfterValidator(_clean)]


class SearchRequest(Strict):
    """A question to the documents."""

    query: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_clean)]
    limit: int = Field(5, ge=1, le=50)
    document_ids: list[UUID] | None = Field(None, max_length=500)


class SearchView(BaseModel):
    """What was found, best first."""

    items: list[PassageView]
    by_meaning: bool = True
    corrected: dict[str, str] = Field(default_factory=dict)
    ms: float = 0.0
