"""Documents, their passages and the words in them."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models.security import secure_tenant_table

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = (
    "knowledge_documents", "knowledge_pages", "knowledge_chunks", "knowledge_postings", "knowledge_spellings",
    "knowledge_indexes", "knowledge_removals",
)
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _documents()
    _index()
    _vectors()
    for table in TABLES:
        for statement in secure_tenant_table(table):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _documents() -> None:
    op.create_table(
        "knowledge_documents",
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("lease_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column('status', sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("search_text", sa.String(), server_default="", nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("mime", sa.String(), server_default="", nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pages", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ocr_pages", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("chunks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column('error_args', postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("read_at", TIME, nullable=True),
        sa.Column("indexed_at", TIME, nullable=True),
        sa.Column("cancel_asked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("updated_at", TIME, nullable=True),
        sa.Column("deleted_at", TIME, nullable=True),
        sa.CheckConstraint("kind IN ('file', 'pair', 'page')", name=op.f('ck_knowledge_documents_kind')),
        sa.CheckConstraint("status IN ('queued', 'reading', 'ocr', 'chunking', 'embedding', 'ready', 'failed')",
                           name=op.f('ck_knowledge_documents_status')),
        sa.ForeignKeyConstraint(["tenant_id", "file_id"], ["files.tenant_id", "files.id"],
                                name=op.f("fk_knowledge_documents_tenant_id_file_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_knowledge_documents_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_documents")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_knowledge_documents_tenant_id_id")),
    )
    op.create_index("ix_knowledge_documents_alive", "knowledge_documents", ["tenant_id", "kind", "id"],
                    postgresql_where=sa.text("deleted_at IS NULL"))
    op.create_index("ix_knowledge_documents_deleted", "knowledge_documents", ["deleted_at"],
                    postgresql_where=sa.text("deleted_at IS NOT NULL"))
    op.create_index("ix_knowledge_documents_due", "knowledge_documents", ["due_at"],
                    postgresql_where=sa.text("due_at IS NOT NULL AND deleted_at IS NULL"))
    op.create_index("uq_knowledge_documents_url", "knowledge_documents", ["tenant_id", "url"], unique=True,
                    postgresql_where=sa.text("deleted_at IS NULL AND url IS NOT NULL"))
    op.create_table(
        "knowledge_pages",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("heading", sa.String(), server_default="", nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("method", sa.String(), server_default="text", nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "document_id"], ["knowledge_documents.tenant_id", "knowledge_documents.id"],
                                name=op.f("fk_knowledge_pages_tenant_id_document_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_knowledge_pages_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_pages")),
        sa.UniqueConstraint("tenant_id", "document_id", "position", name=op.f("uq_knowledge_pages_tenant_id_document_id_position")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_knowledge_pages_tenant_id_id")),
    )


def _index() -> None:
    op.create_table(
        "knowledge_chunks",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("heading", sa.String(), server_default="", nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("start", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("words", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("model", sa.String(), server_default="", nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("collection", sa.String(), nullable=True),
        sa.Column("gone_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id", "document_id"], ["knowledge_documents.tenant_id", "knowledge_documents.id"],
                                name=op.f("fk_knowledge_chunks_tenant_id_document_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_knowledge_chunks_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_chunks")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_knowledge_chunks_tenant_id_id")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_knowledge_chunks_tenant_id_number")),
    )
    op.create_index("ix_knowledge_chunks_bare", "knowledge_chunks", ["tenant_id", "number"],
                    postgresql_where=sa.text("collection IS NULL AND gone_at IS NULL"))
    op.create_index("ix_knowledge_chunks_document", "knowledge_chunks", ["tenant_id", "document_id", "number"])
    op.create_index("ix_knowledge_chunks_gone", "knowledge_chunks", ["tenant_id", "gone_at"],
                    postgresql_where=sa.text("gone_at IS NOT NULL"))
    op.create_table(
        "knowledge_postings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "document_id"], ["knowledge_documents.tenant_id", "knowledge_documents.id"],
                                name=op.f("fk_knowledge_postings_tenant_id_document_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_knowledge_postings_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "term", "document_id", name=op.f("pk_knowledge_postings")),
    )
    op.create_index("ix_knowledge_postings_document", "knowledge_postings", ["tenant_id", "document_id"])
    op.create_table(
        "knowledge_spellings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_knowledge_spellings_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "key", "term", name=op.f("pk_knowledge_spellings")),
    )


def _vectors() -> None:
    op.create_table(
        "knowledge_indexes",
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("lease_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.String(), server_default="", nullable=False),
        sa.Column("collection", sa.String(), server_default="", nullable=False),
        sa.Column("next_number", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("chunks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("words", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("swept_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_knowledge_indexes_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_indexes")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_knowledge_indexes_tenant_id_id")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_knowledge_indexes_tenant_id")),
    )
    op.create_index("ix_knowledge_indexes_due", "knowledge_indexes", ["due_at"],
                    postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_table(
        "knowledge_removals",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("collection", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_knowledge_removals_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_removals")),
        sa.UniqueConstraint("tenant_id", "collection", name=op.f("uq_knowledge_removals_tenant_id_collection")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_knowledge_removals_tenant_id_id")),
    )
