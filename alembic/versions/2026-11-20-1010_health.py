"""The health of a number and what was done about it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from wa_app.models.security import secure_tenant_table

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

LEVELS = "guard IN ('none', 'slow', 'half', 'strangers', 'all')"
PROTECTION = "devices.protection"
TABLES = ("device_health", "guard_mails")


def _time(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _json(name: str, default: str) -> sa.Column:
    return sa.Column(name, postgresql.JSONB(), nullable=False, server_default=sa.text(f"'{default}'::jsonb"))


def _row() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False, server_default=sa.text("uuidv7()")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
    ]


def _keys(table: str) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("tenant_id", "id", name=f"uq_{table}_tenant_id_id"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=f"fk_{table}_tenant_id"),
    ]


def _points_at(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{other}.tenant_id", f"{other}.id"])


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for column in (
        sa.Column("health_score", sa.Integer(), nullable=True), _time("health_at"), _json("health_signs", "[]"),
        sa.Column("protection", sa.Boolean(), nullable=False, server_default=sa.text("true")),
        sa.Column("guard", sa.Text(), nullable=False, server_default=sa.text("'none'")),
        _time("guard_at"), _time("guard_until"), sa.Column("guard_reason", sa.String(), nullable=True),
        _json("guard_detail", "{}"),
    ):  # fmt: skip
        op.add_column("devices", column)
    op.create_check_constraint("guard", "devices", LEVELS)
    op.add_column("campaigns", _json("pause_detail", "{}"))
    op.add_column("campaigns", _json("guard_marks", "[]"))
    op.create_index(
        "ix_campaigns_recent", "campaigns", ["finished_at"], postgresql_where=sa.text("started_at IS NOT NULL")
    )
    op.create_table(
        "device_health", *_row(), sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("guard", sa.Text(), nullable=False, server_default=sa.text("'none'")),
        _json("signs", "[]"), _json("marks", "{}"), *_keys("device_health"),
        _points_at("device_health", "device_id", "devices"), sa.CheckConstraint(LEVELS, name="guard"),
    )  # fmt: skip
    op.create_index("ix_device_health_tenant_id_device_id_created_at", "device_health", ["tenant_id", "device_id", "created_at"])
    op.create_table(
        "guard_mails", *_row(), sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True), sa.Column("campaign_id", sa.Uuid(), nullable=True),
        _json("detail", "{}"), _time("tried_at"), _time("sent_at"), *_keys("guard_mails"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]), _points_at("guard_mails", "device_id", "devices"),
        _points_at("guard_mails", "campaign_id", "campaigns"),
    )  # fmt: skip
    op.create_index(
        "ix_guard_mails_unsent", "guard_mails", ["created_at"], postgresql_where=sa.text("sent_at IS NULL")
    )
    for table in TABLES:
        for statement in secure_tenant_table(table):
            op.execute(statement)
    # Owners of before this release get the new verb; the templates of a fresh install have it.
    _roles(f"UPDATE roles SET verbs = verbs || '{PROTECTION}'::text WHERE key = 'owner' "
           f"AND NOT '{PROTECTION}' = ANY(verbs)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _roles(f"UPDATE roles SET verbs = array_remove(verbs, '{PROTECTION}')")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_index("ix_campaigns_recent", "campaigns")
    op.drop_column("campaigns", "guard_marks")
    op.drop_column("campaigns", "pause_detail")
    op.drop_constraint("guard", "devices", type_="check")
    for column in (
        "guard_detail", "guard_reason", "guard_until", "guard_at", "guard", "protection", "health_signs", "health_at",
        "health_score",
    ):  # fmt: skip
        op.drop_column("devices", column)


def _roles(statement: str) -> None:
    """The table forces row security on its owner too, so it is lifted for a moment."""
    op.execute("ALTER TABLE roles NO FORCE ROW LEVEL SECURITY")
    op.execute(statement)
    op.execute("ALTER TABLE roles FORCE ROW LEVEL SECURITY")
