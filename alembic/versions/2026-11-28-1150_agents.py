"""Agents, their versions and what they learned from chats."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models.security import secure_tenant_table

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("agents", "agent_versions", "insights")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _agents()
    _versions()
    _insights()
    for table in TABLES:
        for statement in secure_tenant_table(table):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _own(table: str) -> list[sa.Column | sa.Constraint]:
    """The columns and keys every tenant table has."""
    return [
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
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
    return sa.Column(name, postgresql.JSONB(), server_default=sa.text(f"'{default}'::jsonb"), nullable=False)


def _words(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.String(), server_default="", nullable=False) for name in names]


def _agents() -> None:
    op.create_table(
        "agents", *_own("agents"),
        sa.Column("name", sa.String(), nullable=False),
        _json("draft", "{}"),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("live_version", sa.Integer(), nullable=True),
        sa.Column("last_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("updated_at", TIME, nullable=True),
        sa.Column("deleted_at", TIME, nullable=True),
    )
    op.create_index("ix_agents_alive", "agents", ["tenant_id", "id"], postgresql_where=sa.text("deleted_at IS NULL"))


def _versions() -> None:
    op.create_table(
        "agent_versions", *_own("agent_versions"),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        _json("config", "{}"),
        *_words("note"),
        sa.Column("restored_from", sa.Integer(), nullable=True),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        _tenant_fk("agent_versions", "agent_id", "agents"),
        sa.UniqueConstraint("tenant_id", "agent_id", "number", name=op.f("uq_agent_versions_tenant_id_agent_id_number")),
    )


def _insights() -> None:
    op.create_table(
        "insights", *_own("insights"),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        *_words("mode", "intent"),
        sa.Column("sentiment", sa.Text(), server_default=sa.text("'neutral'"), nullable=False),
        *_words("product"),
        sa.Column("urgency", sa.Text(), server_default=sa.text("'low'"), nullable=False),
        _json("tags", "[]"),
        sa.CheckConstraint("sentiment IN ('positive', 'neutral', 'negative')", name=op.f("ck_insights_sentiment")),
        sa.CheckConstraint("urgency IN ('low', 'medium', 'high')", name=op.f("ck_insights_urgency")),
        _tenant_fk("insights", "conversation_id", "conversations"),
        sa.UniqueConstraint("tenant_id", "message_id", name=op.f("uq_insights_tenant_id_message_id")),
    )
    op.create_index(op.f("ix_insights_tenant_id_conversation_id_id"), "insights", ["tenant_id", "conversation_id", "id"])
