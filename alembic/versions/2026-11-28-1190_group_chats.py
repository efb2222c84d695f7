"""Groups as conversations: nobody's contact, named by the vendor's id; members as authors of their lines."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

WHOSE = "(contact_id IS NULL) <> (group_jid IS NULL)"
OF_TALKS = ("insights", "note_mentions", "conversation_notes", "conversation_drafts", "conversation_cases", "conversation_tags",
            "answer_turns", "messages")  # fmt: skip
KINDS = "identity_kind IN ('phone', 'lid', 'bsuid', 'username'{more})"


def _kinds(more: str) -> None:
    """The ledger takes another set of recipients; rows that are there are looked at without keeping writers out."""
    op.drop_constraint("ck_outbound_messages_identity_kind", "outbound_messages")
    op.execute(f"ALTER TABLE outbound_messages ADD CONSTRAINT ck_outbound_messages_identity_kind CHECK ({KINDS.format(more=more)}) NOT VALID")
    op.execute("ALTER TABLE outbound_messages VALIDATE CONSTRAINT ck_outbound_messages_identity_kind")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("conversations", sa.Column("group_jid", sa.String(), nullable=True))
    op.add_column("conversations", sa.Column("group_name", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("messages", sa.Column("author", postgresql.JSONB(), nullable=True))
    for table in ("conversations", "messages", "answer_turns"):
        op.alter_column(table, "contact_id", nullable=True)
    op.create_check_constraint(op.f("ck_conversations_whose"), "conversations", WHOSE)
    op.create_index("ix_conversations_group", "conversations", ["tenant_id", "device_id", "group_jid"], unique=True,
                    postgresql_where=sa.text("group_jid IS NOT NULL"))  # fmt: skip
    _kinds(", 'group'")


def downgrade() -> None:
    """Back to people alone: groups and what was said in them go."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Its owner sees all rows only while row-level security does not bind it.
    tables = ("message_media", *OF_TALKS, "conversations", "outbound_messages")
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    of = "conversation_id IN (SELECT id FROM conversations WHERE group_jid IS NOT NULL)"
    op.execute(f"DELETE FROM message_media WHERE message_id IN (SELECT id FROM messages WHERE {of})")
    for table in OF_TALKS:
        op.execute(f"DELETE FROM {table} WHERE {of}")
    op.execute("DELETE FROM conversations WHERE group_jid IS NOT NULL")
    op.execute("DELETE FROM outbound_messages WHERE identity_kind = 'group'")
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _kinds("")
    op.drop_index("ix_conversations_group", "conversations")
    op.drop_constraint("ck_conversations_whose", "conversations")
    for table in ("conversations", "messages", "answer_turns"):
        op.alter_column(table, "contact_id", nullable=False)
    op.drop_column("messages", "author")
    for column in ("group_name", "group_jid"):
        op.drop_column("conversations", column)
