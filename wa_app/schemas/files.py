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
