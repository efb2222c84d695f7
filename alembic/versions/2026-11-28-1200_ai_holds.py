"""Reservations of AI calls as rows, so that killed ones are given back; indexes of the platform's usage; words cut anew."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op
from wa_app.models import security

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "ai_holds",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.CheckConstraint("subject IN ('provider', 'budget', 'package')", name=op.f("ck_ai_holds_subject")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_ai_holds_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_holds")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_ai_holds_tenant_id_id")),
    )
    op.create_index("ix_ai_holds_expires", "ai_holds", ["expires_at"])
    for statement in security.secure_tenant_table("ai_holds"):
        op.execute(statement)
    op.create_index("ix_ai_counters_old", "ai_counters", ["created_at"])
    op.create_index("ix_ai_usage_platform", "ai_usage", ["created_at", "id"], postgresql_where=sa.text("NOT is_own"))
    op.create_index("ix_ai_usage_failed", "ai_usage", ["created_at", "id"], postgresql_where=sa.text("NOT is_own AND outcome <> 'ok'"))
    index_anew()


def index_anew() -> None:
    """Words are cut in another way since: documents are indexed again, while the old index answers. Their text stays as it was read."""
    op.execute("ALTER TABLE knowledge_documents NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE knowledge_documents SET status = 'queued', attempts = 0, due_at = now(), error_code = NULL, error_args = '{}', "
        "cancel_asked = false, done = 0, total = 0, lease_epoch = lease_epoch + 1, lease_owner = NULL, lease_until = NULL "
        "WHERE status = 'ready'"
    )
    op.execute("ALTER TABLE knowledge_documents FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, index in (("ai_usage", "ix_ai_usage_failed"), ("ai_usage", "ix_ai_usage_platform"), ("ai_counters", "ix_ai_counters_old")):
        op.drop_index(index, table)
    op.drop_table("ai_holds")
