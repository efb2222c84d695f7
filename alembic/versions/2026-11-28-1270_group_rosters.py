"""Who is in the groups that are conversations, as WhatsApp told last."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models.security import secure_tenant_table

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "group_rosters",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'loading'"), nullable=False),
        sa.Column("members", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('loading', 'ready', 'failed')", name=op.f("ck_group_rosters_status")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_group_rosters_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"],
            name=op.f("fk_group_rosters_tenant_id_conversation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_rosters")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_group_rosters_tenant_id_id")),
        sa.UniqueConstraint("tenant_id", "conversation_id", name=op.f("uq_group_rosters_tenant_id_conversation_id")),
    )  # fmt: skip
    op.create_index("ix_group_rosters_loading", "group_rosters", ["requested_at"], postgresql_where=sa.text("status = 'loading'"))
    op.create_index("ix_group_rosters_old", "group_rosters", ["requested_at"])
    for statement in secure_tenant_table("group_rosters"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("group_rosters")
