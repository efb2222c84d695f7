"""Media that customers send, and what was read from it."""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op
from wa_app.models.security import secure_tenant_table

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_STATES = "('waiting', 'fetching', 'reading', 'done', 'skipped', 'failed')"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("messages", sa.Column("reading_state", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("reading", JSONB(astext_type=sa.Text()), nullable=True))
    # Not looked through: every row that is there has NULL.
    op.execute(
        f"ALTER TABLE messages ADD CONSTRAINT ck_messages_reading_state CHECK (reading_state IN {_STATES}) NOT VALID"
    )
    op.execute("ALTER TABLE messages VALIDATE CONSTRAINT ck_messages_reading_state")
    _add_media()
    _add_scans()
    for table in ("message_media", "ocr_scans"):
        for statement in secure_tenant_table(table):
            op.execute(statement)


def _common() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("lease_owner", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
    ]


def _add_media() -> None:
    op.create_table(
        "message_media",
        *_common(),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("url", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("mime", sqlmodel.sql.sqltypes.AutoString(), server_default="", nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(f"state IN {_STATES}", name="state"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "message_id"], ["messages.tenant_id", "messages.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "device_id"], ["devices.tenant_id", "devices.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "file_id"], ["files.tenant_id", "files.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "message_id"),
    )
    op.create_index(
        "ix_message_media_due", "message_media", ["due_at"],
        postgresql_where=sa.text("state IN ('waiting', 'fetching', 'reading')"),
    )  # fmt: skip
    op.create_index(
        "ix_message_media_file", "message_media", ["tenant_id", "file_id"],
        postgresql_where=sa.text("file_id IS NOT NULL"),
    )  # fmt: skip


def _add_scans() -> None:
    op.create_table(
        "ocr_scans",
        *_common(),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("storage_key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("result", JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("error_args", JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), server_default=sa.text("now() + interval '1 hour'"), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("status IN ('queued', 'running', 'done', 'failed')", name="status"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "id"),
    )
    op.create_index(
        "ix_ocr_scans_due", "ocr_scans", ["due_at"], postgresql_where=sa.text("status IN ('queued', 'running')")
    )
    op.create_index("ix_ocr_scans_expires", "ocr_scans", ["expires_at"])


def downgrade() -> None:
    op.drop_table("ocr_scans")
    op.drop_table("message_media")
    op.execute("ALTER TABLE messages DROP CONSTRAINT ck_messages_reading_state")
    op.drop_column("messages", "reading")
    op.drop_column("messages", "reading_state")
