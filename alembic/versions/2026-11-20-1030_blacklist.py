"""Words that stop and start, the footer, groups that were taken over."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models.security import secure_tenant_table

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


NEW_TABLES = ("group_lists", "group_grabs", "group_grab_members")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _columns()
    _tables()
    for table in NEW_TABLES:
        for statement in secure_tenant_table(table):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(NEW_TABLES):
        op.drop_table(table)
    op.drop_index("ix_outbound_unusable", "outbound_messages")
    op.drop_column("campaigns", "footer")
    op.drop_constraint("ck_import_jobs_kind", "import_jobs")
    op.drop_column("import_jobs", "kind")
    op.drop_index("ix_suppressions_campaign", "suppressions")
    op.drop_constraint("ck_suppressions_source", "suppressions")
    op.drop_column("suppressions", "source")
    op.drop_index("ix_consents_campaign", "consents")
    op.drop_index("ix_consents_message", "consents")
    for column in ("device_id", "campaign_id", "message_id", "at"):
        op.drop_column("consents", column)


def _columns() -> None:
    op.add_column("consents", sa.Column("at", sa.DateTime(timezone=True), nullable=True))
    for column in ("message_id", "campaign_id", "device_id"):
        op.add_column("consents", sa.Column(column, sa.Uuid(), nullable=True))
    op.create_index("ix_consents_message", "consents", ["tenant_id", "message_id"], unique=True,
                    postgresql_where=sa.text("message_id IS NOT NULL"))
    op.create_index("ix_consents_campaign", "consents", ["tenant_id", "campaign_id"],
                    postgresql_where=sa.text("campaign_id IS NOT NULL"))
    op.add_column("suppressions", sa.Column("source", sa.Text(), server_default="manual", nullable=False))
    op.create_check_constraint(op.f("ck_suppressions_source"), "suppressions",
                               "source IN ('manual', 'api', 'import', 'word', 'delivery')")
    op.create_index("ix_suppressions_campaign", "suppressions", ["tenant_id", "campaign_id"],
                    postgresql_where=sa.text("campaign_id IS NOT NULL"))
    op.add_column("import_jobs", sa.Column("kind", sa.Text(), server_default="contacts", nullable=False))
    op.create_check_constraint(op.f("ck_import_jobs_kind"), "import_jobs", "kind IN ('contacts', 'blacklist')")
    op.add_column("campaigns", sa.Column("footer", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index("ix_outbound_unusable", "outbound_messages", ["tenant_id", "id"],
                    postgresql_where=sa.text("state = 'failed' AND error_code = 'contact_unusable'"))


def _own(table: str) -> list[sa.Column | sa.Constraint]:
    """The columns and keys every tenant table has."""
    return [
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f(f"uq_{table}_tenant_id_id")),
    ]


def _tenant_fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], name=op.f(f"fk_{table}_tenant_id_{column}")
    )


def _json(name: str, default: str) -> sa.Column:
    return sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text(f"'{default}'::jsonb"),
                     nullable=False)


def _time(name: str, default: str | None = None) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True,
                     server_default=sa.text(default) if default else None)


def _number(name: str) -> sa.Column:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)


def _tables() -> None:
    op.create_table(
        "group_lists", *_own("group_lists"),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="loading", nullable=False),
        _json("groups", "[]"),
        sa.Column("error_code", sa.String(), nullable=True),
        _number("attempts"), _time("requested_at"), _time("fetched_at"),
        sa.CheckConstraint("status IN ('loading', 'ready', 'failed')", name=op.f("ck_group_lists_status")),
        _tenant_fk("group_lists", "device_id", "devices"),
        sa.UniqueConstraint("tenant_id", "device_id", name=op.f("uq_group_lists_tenant_id_device_id")),
    )
    op.create_index("ix_group_lists_loading", "group_lists", ["requested_at"],
                    postgresql_where=sa.text("status = 'loading'"))
    op.create_table(
        "group_grabs", *_own("group_grabs"),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        _json("groups", "[]"), _number("groups_done"), _json("options", "{}"),
        *(_number(name) for name in ("total", "processed", "created", "known", "without_phone", "skipped")),
        sa.Column("waiting_code", sa.String(), nullable=True),
        _number("attempts"), _time("due_at", "now()"),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        _time("started_at"), _time("finished_at"),
        sa.Column("lease_owner", sa.String(), nullable=True), _time("lease_until"), _number("lease_epoch"),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_group_grabs_status")
        ),
        _tenant_fk("group_grabs", "device_id", "devices"),
    )
    op.create_index("ix_group_grabs_open", "group_grabs", ["due_at"],
                    postgresql_where=sa.text("status IN ('queued', 'running')"))
    op.create_table(
        "group_grab_members", *_own("group_grab_members"),
        sa.Column("grab_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("lid", sa.String(), nullable=True),
        sa.Column("group_names", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("is_done", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _tenant_fk("group_grab_members", "grab_id", "group_grabs"),
        sa.UniqueConstraint("tenant_id", "grab_id", "member_id",
                            name=op.f("uq_group_grab_members_tenant_id_grab_id_member_id")),
    )
    op.create_index("ix_group_grab_members_waiting", "group_grab_members", ["tenant_id", "grab_id", "id"],
                    postgresql_where=sa.text("NOT is_done"))
