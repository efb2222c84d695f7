"""Saved audiences, members of frozen ones, and what rules about activity read."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models import security

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("segments", "campaign_members")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "segments",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("description", sa.String(), server_default="", nullable=False),
        sa.Column("rules", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.Column("counted_at", TIME, nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("updated_at", TIME, nullable=True),
        sa.Column("deleted_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_segments_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_segments_tenant_id_id")),
    )
    op.create_index("uq_segments_alive", "segments", ["tenant_id", "folded"], unique=True,
                    postgresql_where=sa.text("deleted_at IS NULL"))
    op.create_table(
        "campaign_members",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_campaign_members_tenant_id")),
        sa.ForeignKeyConstraint(["tenant_id", "campaign_id"], ["campaigns.tenant_id", "campaigns.id"],
                                name=op.f("fk_campaign_members_tenant_id_campaign_id")),
        sa.PrimaryKeyConstraint("tenant_id", "campaign_id", "contact_id", name=op.f("pk_campaign_members")),
    )
    op.add_column("campaigns", sa.Column("frozen_at", TIME, nullable=True))
    op.add_column("contacts", sa.Column("last_replied_at", TIME, nullable=True))
    op.create_index("ix_outbound_contact_sent", "outbound_messages", ["tenant_id", "contact_id", "sent_at"],
                    postgresql_include=["campaign_id", "delivered_at", "read_at"],
                    postgresql_where=sa.text("sent_at IS NOT NULL AND contact_id IS NOT NULL"))
    for table in TABLES:
        for statement in security.secure_tenant_table(table):
            op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_outbound_contact_sent", table_name="outbound_messages")
    op.drop_column("contacts", "last_replied_at")
    op.drop_column("campaigns", "frozen_at")
    for table in reversed(TABLES):
        op.drop_table(table)
