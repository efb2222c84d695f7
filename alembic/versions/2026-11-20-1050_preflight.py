"""Numbers that were looked up, and reports."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models import security

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("number_checks", "link_checks", "campaign_jobs", "campaign_reports")
TIME = sa.DateTime(timezone=True)


def _row(*columns: sa.schema.SchemaItem, name: str) -> None:
    """A tenant's table with the usual keys."""
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{name}_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f(f"uq_{name}_tenant_id_id")),
    )


def _states(table: str, column: str, *states: str) -> sa.CheckConstraint:
    allowed = ", ".join(f"'{state}'" for state in states)
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=op.f(f"ck_{table}_{column}"))


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _row(
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("is_there", sa.Boolean(), nullable=False),
        sa.Column("chat_id", sa.String(), nullable=True),
        sa.Column("checked_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.UniqueConstraint("tenant_id", "hash", name=op.f("uq_number_checks_tenant_id_hash")),
        name="number_checks",
    )
    _row(
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("asked_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("checked_at", TIME, nullable=True),
        sa.UniqueConstraint("tenant_id", "hash", name=op.f("uq_link_checks_tenant_id_hash")),
        _states("link_checks", "state", "pending", "ok", "dead"),
        name="link_checks",
    )
    op.create_index("ix_link_checks_pending", "link_checks", ["asked_at"],
                    postgresql_where=sa.text("state = 'pending'"))
    _jobs()
    _reports()
    op.add_column("campaigns", sa.Column("resend_of", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_campaigns_tenant_id_resend_of"), "campaigns", "campaigns",
                          ["tenant_id", "resend_of"], ["tenant_id", "id"])
    op.create_index("ix_outbound_campaign_reasons", "outbound_messages",
                    ["tenant_id", "campaign_id", "state", "error_code"],
                    postgresql_where=sa.text("error_code IS NOT NULL AND campaign_id IS NOT NULL"))
    for table in TABLES:
        for statement in security.secure_tenant_table(table):
            op.execute(statement)


def _jobs() -> None:
    _row(
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("lease_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("options", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("result", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("processed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("checkpoint", sa.Uuid(), nullable=True),
        sa.Column("due_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id", "campaign_id"], ["campaigns.tenant_id", "campaigns.id"],
                                name=op.f("fk_campaign_jobs_tenant_id_campaign_id")),
        sa.ForeignKeyConstraint(["tenant_id", "file_id"], ["files.tenant_id", "files.id"],
                                name=op.f("fk_campaign_jobs_tenant_id_file_id")),
        _states("campaign_jobs", "kind", "numbers", "csv", "pdf"),
        _states("campaign_jobs", "status", "queued", "running", "done", "failed", "cancelled"),
        name="campaign_jobs",
    )
    op.create_index(op.f("ix_campaign_jobs_tenant_id_campaign_id_id"), "campaign_jobs",
                    ["tenant_id", "campaign_id", "id"])
    op.create_index("ix_campaign_jobs_open", "campaign_jobs", ["due_at"],
                    postgresql_where=sa.text("status IN ('queued', 'running')"))


def _reports() -> None:
    op.create_table(
        "campaign_reports",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("data", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("computed_at", TIME, nullable=True),
        sa.Column("seconds", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("wanted_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id", "campaign_id"], ["campaigns.tenant_id", "campaigns.id"],
                                name=op.f("fk_campaign_reports_tenant_id_campaign_id")),
        sa.PrimaryKeyConstraint("tenant_id", "campaign_id", name=op.f("pk_campaign_reports")),
    )
    op.create_index("ix_campaign_reports_wanted", "campaign_reports", ["wanted_at"],
                    postgresql_where=sa.text("wanted_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_outbound_campaign_reasons", table_name="outbound_messages")
    op.drop_constraint(op.f("fk_campaigns_tenant_id_resend_of"), "campaigns", type_="foreignkey")
    op.drop_column("campaigns", "resend_of")
    for table in reversed(TABLES):
        op.drop_table(table)
