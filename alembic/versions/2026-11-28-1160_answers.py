"""Turns of a conversation and the answers to them."""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models.security import secure_tenant_table

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_OPEN = "state IN ('waiting', 'deciding', 'answering')"


def upgrade() -> None:
    _add_turns()
    text_type = sqlmodel.sql.sqltypes.AutoString()
    for name in ("bot_resumes_at", "human_at", "needs_human_at", "away_at", "summary_at"):
        op.add_column("conversations", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name in ("bot_off_reason", "needs_human_reason"):
        op.add_column("conversations", sa.Column(name, text_type, nullable=True))
    for name in ("needs_human_summary", "summary"):
        op.add_column("conversations", sa.Column(name, text_type, server_default="", nullable=False))
    op.create_index(
        "ix_conversations_resume", "conversations", ["bot_resumes_at"],
        postgresql_where=sa.text("bot_resumes_at IS NOT NULL"),
    )
    op.create_index(
        "ix_conversations_needs_human", "conversations", ["tenant_id", "needs_human_at"],
        postgresql_where=sa.text("needs_human_at IS NOT NULL"),
    )
    op.add_column("messages", sa.Column("turn_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_messages_outbound", "messages", ["tenant_id", "outbound_id"], unique=True,
        postgresql_where=sa.text("outbound_id IS NOT NULL"),
    )
    op.create_index(
        "ix_messages_turn", "messages", ["tenant_id", "turn_id"], postgresql_where=sa.text("turn_id IS NOT NULL")
    )
    op.add_column("outbound_messages", sa.Column("sender", text_type, nullable=True))
    op.add_column("outbound_messages", sa.Column("manner", postgresql.JSONB(), nullable=True))


def _add_turns() -> None:
    text_type = sqlmodel.sql.sqltypes.AutoString()
    op.create_table(
        "answer_turns",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("first_message_id", sa.Uuid(), nullable=False),
        sa.Column("last_message_id", sa.Uuid(), nullable=False),
        sa.Column("messages", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("woken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_messages", sa.Integer(), nullable=True),
        sa.Column("decision", postgresql.JSONB(), nullable=True),
        sa.Column("trace", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("agent_version", sa.Integer(), nullable=True),
        sa.Column("rule_id", sa.Uuid(), nullable=True),
        sa.Column("outbound_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("reason", text_type, nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'deciding', 'answering', 'answered', 'silent', 'cancelled', 'failed')", name="state"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "id"),
    )
    op.create_index(
        "ix_answer_turns_open", "answer_turns", ["tenant_id", "conversation_id"], unique=True,
        postgresql_where=sa.text(_OPEN),
    )
    op.create_index("ix_answer_turns_wake", "answer_turns", ["wake_at"], postgresql_where=sa.text("wake_at IS NOT NULL"))
    op.create_index("ix_answer_turns_leaving", "answer_turns", ["id"], postgresql_where=sa.text("state = 'answering'"))
    op.create_index("ix_answer_turns_conversation", "answer_turns", ["tenant_id", "conversation_id", "id"])
    op.create_index(
        "ix_answer_turns_outbound", "answer_turns", ["tenant_id", "outbound_id"],
        postgresql_where=sa.text("outbound_id IS NOT NULL"),
    )
    for statement in secure_tenant_table("answer_turns"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_column("outbound_messages", "manner")
    op.drop_column("outbound_messages", "sender")
    op.drop_index("ix_messages_turn", "messages")
    op.drop_index("ix_messages_outbound", "messages")
    op.drop_column("messages", "turn_id")
    op.drop_index("ix_conversations_needs_human", "conversations")
    op.drop_index("ix_conversations_resume", "conversations")
    for name in (
        "summary", "needs_human_summary", "needs_human_reason", "bot_off_reason", "summary_at", "away_at",
        "needs_human_at", "human_at", "bot_resumes_at",
    ):
        op.drop_column("conversations", name)
    op.drop_table("answer_turns")
