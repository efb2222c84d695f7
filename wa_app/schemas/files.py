"""Files as they are shown."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class FileView(BaseModel):
    """One file and a link to its content that works until `expires_at`."""

    id: UUID
    name: str
    mime: str
    size: int
    sha256: str
    url: str
    expires_at: datetime
    created_at: datetime
    kind: str = "document"
    """How it leaves: `image, video, audio, document`."""
    width: int | None = None
    height: int | None = None
    thumb_url: str | None = None
    """A small picture, for pictures."""
    problem: str | None = None
    """Why a picture cannot be sent as one: `broken`, `too_many_pixels`."""


class MediaView(FileView):
    """A file of the library, with the number of campaigns that carry it."""

    used_by: int = 0
    used_elsewhere: bool = False
    """Whether a template, a rule, the knowledge or anything else needs it."""
