"""Files behind the file port."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field

from wa_app.models.base import TenantRow, tenant_keys, time_field


class File(TenantRow, table=True):
    """One stored file; its bytes live behind the file port under `storage_key`."""

    __tablename__ = "files"
    __table_args__ = (*tenant_keys(), Index(None, "tenant_id", "sha256"))
    name: str
    mime: str
    """Type by content, not by name."""
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str
    storage_key: str
    created_by: UUID | None = Field(default=None)
    deleted_at: datetime | None = time_field()
