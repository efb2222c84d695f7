"""What happens by the clock."""

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Field, SQLModel

from wa_app.models.base import time_field


class ScheduledJob(SQLModel, table=True):
    """A recurring job of the platform. A tick is claimed by moving `next_at` (DESIGN §2)."""

    __tablename__ = "scheduled_jobs"
    name: str = Field(primary_key=True)
    every_s: int
    next_at: datetime | None = time_field(sa_column_kwargs={"server_default": text("now()")})
    last_run_at: datetime | None = time_field()
    last_error: str | None = Field(default=None)
    """Class of what its last run failed with, NULL when that went well."""
    last_ms: int | None = Field(default=None)
    """How long the last run took, in milliseconds."""
    last_ok_at: datetime | None = time_field()
    errors: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """Failed runs in a row."""
