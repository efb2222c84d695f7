"""Chats of the tester that are kept as test cases."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models import security

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("agent_trials", "agent_trial_runs", "agent_trial_results")
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


def _json(name: str, default: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(), server_default=sa.text(f"'{default}'::jsonb"), nullable=False)


def _words(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.String(), server_default=sa.text(f"'{default}'"), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], name=op.f(f"fk_{table}_tenant_id_{column}")
    )


def _states(table: str, *states: str) -> sa.CheckConstraint:
    allowed = ", ".join(f"'{state}'" for state in states)
    return sa.CheckConstraint(f"status IN ({allowed})", name=op.f(f"ck_{table}_status"))


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _row(
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        _json("history", "[]"), _words("attachment"),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        _words("language", "id"), _json("expect", "{}"), _words("note"),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("updated_at", TIME, nullable=True),
        sa.Column("deleted_at", TIME, nullable=True),
        _fk("agent_trials", "agent_id", "agents"), _fk("agent_trials", "device_id", "devices"),
        name="agent_trials",
    )  # fmt: skip
    op.create_index("ix_agent_trials_agent", "agent_trials", ["tenant_id", "agent_id", "id"],
                    postgresql_where=sa.text("deleted_at IS NULL"))  # fmt: skip
    _runs()
    _row(
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("trial_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        _json("seen", "{}"), _json("checks", "[]"), _words("error_code"),
        _fk("agent_trial_results", "run_id", "agent_trial_runs"), _fk("agent_trial_results", "trial_id", "agent_trials"),
        sa.UniqueConstraint("tenant_id", "run_id", "trial_id", name=op.f("uq_agent_trial_results_tenant_id_run_id_trial_id")),
        _states("agent_trial_results", "passed", "failed", "broken"),
        name="agent_trial_results",
    )  # fmt: skip
    for table in TABLES:
        for statement in security.secure_tenant_table(table):
            op.execute(statement)


def _runs() -> None:
    _row(
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        _number("lease_epoch"),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _json("config", "{}"),
        sa.Column("status", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        _json("trial_ids", "[]"),
        sa.Column("before_id", sa.Uuid(), nullable=True),
        _number("total"), _number("processed"), _number("passed"),
        sa.Column("due_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        _fk("agent_trial_runs", "agent_id", "agents"), _fk("agent_trial_runs", "before_id", "agent_trial_runs"),
        _states("agent_trial_runs", "queued", "running", "done", "cancelled"),
        name="agent_trial_runs",
    )  # fmt: skip
    op.create_index(op.f("ix_agent_trial_runs_tenant_id_agent_id_id"), "agent_trial_runs", ["tenant_id", "agent_id", "id"])
    op.create_index("ix_agent_trial_runs_open", "agent_trial_runs", ["due_at"],
                    postgresql_where=sa.text("status IN ('queued', 'running')"))  # fmt: skip


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
