"""Long work on conversations: files of them, deleting many."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from wa_app.models.merges import ChatJobKind
from wa_app.models.reports import JobStatus
from wa_app.schemas.conversations import ChatFilters

MAX_IDS = 1000
Ids = Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS)]


class ChatExport(BaseModel):
    """One conversation as a file: what was said, without notes."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["csv", "json"] = "csv"


class ChatsExport(ChatExport):
    """The conversations of a view and its filters."""

    filters: ChatFilters = Field(default_factory=ChatFilters)


class ChatsDelete(BaseModel):
    """Which conversations: by id or by filters, one of the two."""

    model_config = ConfigDict(extra="forbid")
    chat_ids: Ids | None = None
    filters: ChatFilters | None = None
    until: AwareDatetime | None = Field(None, description="With filters: conversations in which something newer was said stay. Now, when left out.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.chat_ids is None) == (self.filters is None):
            raise ValueError("give chat_ids or filters")
        return self


class Matching(BaseModel):
    """How many conversations matched filters at a moment."""

    n: int
    until: datetime


class ChatJobView(BaseModel):
    """How far the work is, and when a file is done a link to it that works for an hour."""

    id: UUID
    kind: ChatJobKind
    status: JobStatus
    total: int | None
    processed: int
    error_code: str | None
    created_at: datetime
    finished_at: datetime | None
    url: str | None = None
    expires_at: datetime | None = None
    file_name: str | None = None
    size: int | None = None
