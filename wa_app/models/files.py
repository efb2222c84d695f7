"""Files behind the file port: what people uploaded, and the bytes, each kept once per tenant."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint, text
from sqlmodel import Field

from wa_app.models.base import TenantRow, state_check, state_column, tenant_fk, tenant_keys, time_field


class PictureProblem(StrEnum):
    """Why a picture cannot be shown or sent as one."""

    BROKEN = "broken"
    TOO_MANY_PIXELS = "too_many_pixels"


class FileBlob(TenantRow, table=True):
    """Bytes behind the file port, kept once however often a tenant uploads them.

    It exists before its bytes do (`sha256` NULL while they come in), so bytes that a dying process
    left behind are found. The rows of `files` are its references; without any it is purged.
    """

    __tablename__ = "file_blobs"
    __table_args__ = (
        *tenant_keys(), UniqueConstraint("tenant_id", "sha256", name="uq_file_blobs_sha256"),
        state_check("problem", PictureProblem),
        Index("ix_file_blobs_unfinished", "created_at", postgresql_where=text("sha256 IS NULL")),
    )
    sha256: str | None = Field(default=None)
    size: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    storage_key: str
    thumb_key: str | None = Field(default=None)
    """Key of a small WebP of a picture, without its metadata."""
    jpeg_key: str | None = Field(default=None)
    """Key of the JPEG that leaves in the place of a PNG or WebP: WAHA does not convert pictures."""
    width: int | None = Field(default=None)
    height: int | None = Field(default=None)
    problem: PictureProblem | None = Field(
        default=None, sa_column=Column(state_column(PictureProblem).type, nullable=True)
    )


class File(TenantRow, table=True):
    """One upload. Its bytes live behind the file port under `storage_key`, a copy of its blob's."""

    __tablename__ = "files"
    __table_args__ = (
        *tenant_keys(), tenant_fk("blob_id", "file_blobs"), Index(None, "tenant_id", "sha256"),
        Index("ix_files_blob", "tenant_id", "blob_id"),
        Index("ix_files_released", "deleted_at",
              postgresql_where=text("deleted_at IS NOT NULL AND blob_id IS NOT NULL")),
    )  # fmt: skip
    name: str
    mime: str
    """Type by content, not by name."""
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str
    storage_key: str
    blob_id: UUID | None = Field(default=None)
    """NULL once a deleted file has let go of its bytes."""
    created_by: UUID | None = Field(default=None)
    deleted_at: datetime | None = time_field()
