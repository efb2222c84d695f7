"""Files that came with messages: fetched while the channel still has them, kept, and read."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from wa_app.models.base import Leased, TenantRow, state_check, state_column, tenant_fk, tenant_keys, time_field
from wa_app.models.inbound import ReadingState

OPEN_STATES = "state IN ('waiting', 'fetching', 'reading')"


class MessageMedia(TenantRow, Leased, table=True):
    """The file of one message, and what is still to be done with it."""

    __tablename__ = "message_media"
    __table_args__ = (
        *tenant_keys(), tenant_fk("message_id", "messages"), tenant_fk("device_id", "devices"),
        tenant_fk("file_id", "files"), UniqueConstraint("tenant_id", "message_id"),
        state_check("state", ReadingState),
        Index("ix_message_media_due", "due_at", postgresql_where=text(OPEN_STATES)),
        Index("ix_message_media_file", "tenant_id", "file_id", postgresql_where=text("file_id IS NOT NULL")),
    )  # fmt: skip
    message_id: UUID
    device_id: UUID
    url: str | None = Field(default=None)
    """Where the channel says the file is; only its path is believed."""
    mime: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """What the channel calls it; the content decides once it is here."""
    name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    state: ReadingState = Field(
        default=ReadingState.WAITING, sa_column=state_column(ReadingState, ReadingState.WAITING)
    )
    reason: str | None = Field(default=None)
    """Why it was skipped or failed: a stable word with the text `reading.reason.<word>`."""
    file_id: UUID | None = Field(default=None)
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    due_at: datetime | None = time_field(sa_column_kwargs={"server_default": text("now()")})
