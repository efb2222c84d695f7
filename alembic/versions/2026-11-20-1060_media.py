"""The media store and the queues in the open."""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel

from alembic import op
from wa_app.models.security import secure_tenant_table

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Row security is forced, so it binds the owner too: it is let go for the one statement that must see all tenants.
_FILL = (
    "ALTER TABLE files NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE file_blobs NO FORCE ROW LEVEL SECURITY",
    "INSERT INTO file_blobs (tenant_id, sha256, size, storage_key) "
    "SELECT DISTINCT ON (tenant_id, sha256) tenant_id, sha256, size, storage_key FROM files ORDER BY tenant_id, sha256, id",
    "UPDATE files f SET blob_id = b.id, storage_key = b.storage_key FROM file_blobs b "
    "WHERE b.tenant_id = f.tenant_id AND b.sha256 = f.sha256",
    "ALTER TABLE file_blobs FORCE ROW LEVEL SECURITY",
    "ALTER TABLE files FORCE ROW LEVEL SECURITY",
)


def upgrade() -> None:
    _add_blobs()
    op.add_column("scheduled_jobs", sa.Column("last_ms", sa.Integer(), nullable=True))
    op.add_column("scheduled_jobs", sa.Column("last_ok_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("scheduled_jobs", sa.Column("errors", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("import_jobs", sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_import_jobs_failed", "import_jobs", ["id"], postgresql_where=sa.text("status = 'failed'"))
    op.create_index("ix_inbound_events_failed", "inbound_events", ["id"], postgresql_where=sa.text("state = 'failed'"))


def _add_blobs() -> None:
    op.create_table(
        "file_blobs",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("size", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("storage_key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("thumb_key", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("jpeg_key", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.CheckConstraint("problem IN ('broken', 'too_many_pixels')", name="problem"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "sha256", name="uq_file_blobs_sha256"),
    )
    op.create_index("ix_file_blobs_unfinished", "file_blobs", ["created_at"], postgresql_where=sa.text("sha256 IS NULL"))
    for statement in secure_tenant_table("file_blobs"):
        op.execute(statement)
    op.add_column("files", sa.Column("blob_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_files_blob_id", "files", "file_blobs", ["tenant_id", "blob_id"], ["tenant_id", "id"])
    op.create_index("ix_files_blob", "files", ["tenant_id", "blob_id"])
    op.create_index(
        "ix_files_released", "files", ["deleted_at"],
        postgresql_where=sa.text("deleted_at IS NOT NULL AND blob_id IS NOT NULL"),
    )  # fmt: skip
    for statement in _FILL:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_inbound_events_failed", "inbound_events")
    op.drop_index("ix_import_jobs_failed", "import_jobs")
    op.drop_column("import_jobs", "dismissed_at")
    for column in ("errors", "last_ok_at", "last_ms"):
        op.drop_column("scheduled_jobs", column)
    op.drop_index("ix_files_released", "files")
    op.drop_index("ix_files_blob", "files")
    op.drop_constraint("fk_files_blob_id", "files")
    op.drop_column("files", "blob_id")
    op.drop_table("file_blobs")
