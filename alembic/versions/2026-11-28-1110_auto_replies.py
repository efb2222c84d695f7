"""Keyword rules and what they hit."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models.security import secure_tenant_table

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("auto_replies", "auto_reply_devices", "auto_reply_sets", "auto_reply_hits", "auto_reply_contacts")
TIME = sa.DateTime(timezone=True)


def _tenant(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
    ]


def _fk(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column], [f"{other}.tenant_id", f"{other}.id"], name=op.f(f"fk_{table}_tenant_id_{column}")
    )


def _rule_fk(table: str) -> list[sa.schema.SchemaItem]:
    return [
        *_tenant(table), sa.Column("auto_reply_id", sa.Uuid(), nullable=False), _fk(table, "auto_reply_id", "auto_replies")
    ]  # fmt: skip


def _states(column: str, *states: str) -> sa.CheckConstraint:
    allowed = ", ".join(f"'{state}'" for state in states)
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=op.f(f"ck_auto_replies_{column}"))


def _flag(name: str, default: bool) -> sa.Column:
    return sa.Column(name, sa.Boolean(), server_default=sa.text(str(default).lower()), nullable=False)


def _list(name: str) -> sa.Column:
    return sa.Column(name, postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _rules()
    _followers()
    for table in TABLES:
        for statement in secure_tenant_table(table):
            op.execute(statement)


def _rules() -> None:
    op.create_table(
        "auto_replies",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        *_tenant("auto_replies"),
        sa.Column("name", sa.String(), nullable=False), sa.Column("match_type", sa.Text(), nullable=False),
        _list("keywords"), sa.Column("response_text", sa.String(), server_default="", nullable=False),
        sa.Column("file_id", sa.Uuid()), sa.Column("priority", sa.Integer(), nullable=False), _flag("is_active", True),
        _list("windows"), sa.Column("from_date", sa.Date()), sa.Column("until_date", sa.Date()),
        sa.Column("limit_times", sa.Integer()),
        sa.Column("limit_period", sa.Text(), server_default="day", nullable=False),
        sa.Column("cooldown_s", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("delay", sa.Text(), server_default="person", nullable=False), _flag("hand_over", False),
        _flag("stops_here", True), sa.Column("search_text", sa.String(), server_default="", nullable=False),
        sa.Column("created_by", sa.Uuid()), sa.Column("updated_at", TIME), sa.Column("deleted_at", TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auto_replies")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_auto_replies_tenant_id_id")),
        _fk("auto_replies", "file_id", "files"),
        _states("match_type", "EXACT", "CONTAINS", "STARTS_WITH", "REGEX"),
        _states("limit_period", "hour", "day", "week", "month", "ever"), _states("delay", "at_once", "person"),
    )  # fmt: skip
    op.create_index(
        "ix_auto_replies_alive", "auto_replies", ["tenant_id", "priority", "id"],
        postgresql_where=sa.text("deleted_at IS NULL"),
    )  # fmt: skip
    op.create_index(
        "ix_auto_replies_gone", "auto_replies", ["deleted_at"], postgresql_where=sa.text("deleted_at IS NOT NULL")
    )


def _followers() -> None:
    op.create_table(
        "auto_reply_devices", *_rule_fk("auto_reply_devices"), sa.Column("device_id", sa.Uuid(), nullable=False),
        _fk("auto_reply_devices", "device_id", "devices"),
        sa.PrimaryKeyConstraint("tenant_id", "auto_reply_id", "device_id", name=op.f("pk_auto_reply_devices")),
    )  # fmt: skip
    op.create_index(
        op.f("ix_auto_reply_devices_tenant_id_device_id"), "auto_reply_devices", ["tenant_id", "device_id"]
    )
    op.create_table(
        "auto_reply_sets", *_tenant("auto_reply_sets"), sa.Column("stamp", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_auto_reply_sets")),
    )  # fmt: skip
    op.create_table(
        "auto_reply_hits", *_rule_fk("auto_reply_hits"), sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("hits", sa.Integer(), server_default=sa.text("0"), nullable=False), sa.Column("last_at", TIME),
        sa.PrimaryKeyConstraint("tenant_id", "auto_reply_id", "day", "shard", name=op.f("pk_auto_reply_hits")),
    )  # fmt: skip
    op.create_index(
        "ix_auto_reply_hits_old", "auto_reply_hits", ["day"], postgresql_where=sa.text("day > '1970-01-01'")
    )
    op.create_table(
        "auto_reply_contacts", *_rule_fk("auto_reply_contacts"), sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("period_at", TIME), sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("last_at", TIME),
        sa.PrimaryKeyConstraint("tenant_id", "auto_reply_id", "contact_id", name=op.f("pk_auto_reply_contacts")),
    )  # fmt: skip
    op.create_index("ix_auto_reply_contacts_old", "auto_reply_contacts", ["last_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in reversed(TABLES):
        op.drop_table(table)
