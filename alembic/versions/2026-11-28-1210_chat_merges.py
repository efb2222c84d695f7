"""Merging of two contacts by hand, which can be undone; long work on conversations (files, deleting many)."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models import security

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("contact_merges", "contact_merge_moves", "chat_jobs")
TIME = sa.DateTime(timezone=True)
MOVES = ("identity", "outbound", "conversation", "message", "note", "mention", "draft", "case", "turn", "tag", "contact_tag")


def _row(name: str, *columns: sa.schema.SchemaItem) -> None:
    """A tenant's table with the usual keys."""
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False), *columns,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{name}_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f(f"uq_{name}_tenant_id_id")),
    )  # fmt: skip


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], name=op.f(f"fk_{table}_tenant_id_{column}")
    )


def _states(table: str, column: str, *states: str) -> sa.CheckConstraint:
    allowed = ", ".join(f"'{state}'" for state in states)
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=op.f(f"ck_{table}_{column}"))


def _id(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=null)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False)


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, TIME, nullable=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _row("contact_merges", _id("kept_contact_id"), _id("merged_contact_id"), _json("before"), _id("created_by", null=True),
         _time("undone_at"), _id("undone_by", null=True), _fk("contact_merges", "kept_contact_id", "contacts"),
         _fk("contact_merges", "merged_contact_id", "contacts"))  # fmt: skip
    op.create_index(op.f("ix_contact_merges_tenant_id_kept_contact_id_id"), "contact_merges", ["tenant_id", "kept_contact_id", "id"])
    op.create_index(op.f("ix_contact_merges_tenant_id_merged_contact_id"), "contact_merges", ["tenant_id", "merged_contact_id"])
    op.create_table(
        "contact_merge_moves", _id("tenant_id"), _id("merge_id"), sa.Column("kind", sa.Text(), nullable=False), _id("row_id"),
        _id("from_id"), _fk("contact_merge_moves", "merge_id", "contact_merges"), _states("contact_merge_moves", "kind", *MOVES),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_contact_merge_moves_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "merge_id", "kind", "row_id", "from_id", name=op.f("pk_contact_merge_moves")),
    )  # fmt: skip
    _jobs()
    for table in TABLES:
        for statement in security.secure_tenant_table(table):
            op.execute(statement)


def _jobs() -> None:
    _row(
        "chat_jobs",
        sa.Column("lease_owner", sa.String(), nullable=True), _time("lease_until"),
        sa.Column("lease_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'queued'"), nullable=False), _json("options"), _json("result"),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("processed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", TIME, server_default=sa.text("now()"), nullable=False), _id("file_id", null=True),
        sa.Column("error_code", sa.String(), nullable=True), _id("created_by", null=True), _time("started_at"), _time("finished_at"),
        _fk("chat_jobs", "file_id", "files"), _states("chat_jobs", "kind", "csv", "json", "delete"),
        _states("chat_jobs", "status", "queued", "running", "done", "failed", "cancelled"),
    )  # fmt: skip
    op.create_index("ix_chat_jobs_open", "chat_jobs", ["due_at"], postgresql_where=sa.text("status IN ('queued', 'running')"))


def downgrade() -> None:
    for table in ("chat_jobs", "contact_merge_moves", "contact_merges"):
        op.drop_table(table)
