"""The shared inbox: states of conversations, teams, tags, notes, drafts, quick replies, times of service, search."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op
from wa_app.models import security

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("teams", "team_members", "conversation_tags", "conversation_notes", "note_mentions", "conversation_drafts",
          "quick_replies", "conversation_cases")  # fmt: skip
TIME = sa.DateTime(timezone=True)
SEARCHED = "to_tsvector('simple', left(text, 60000) || ' ' || left(coalesce(reading ->> 'text', ''), 60000))"
COLUMNS = ("status", "priority", "assigned_to", "assigned_at", "team_id", "snoozed_until", "waiting_since", "scheduled_at")
OPEN = "status = 'open'"
LISTED = {
    "mine": (f"assigned_to IS NOT NULL AND {OPEN}", "assigned_to"),
    "team": (f"team_id IS NOT NULL AND {OPEN}", "team_id"),
    "unassigned": (f"assigned_to IS NULL AND {OPEN}",),
    "bot": (f"is_bot_active AND {OPEN}",),
    "waits": (f"needs_human_at IS NOT NULL AND {OPEN}",),
    "unread": (f"unread > 0 AND {OPEN}",),
}


def _id(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=null)


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, TIME, nullable=True)


def _words(name: str, default: str | None = "") -> sa.Column[str]:
    return sa.Column(name, sa.String(), server_default=None if default is None else sa.text(f"'{default}'"), nullable=False)


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], name=op.f(f"fk_{table}_tenant_id_{column}")
    )


def _user(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["users.id"], name=op.f(f"fk_{table}_{column}"))


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id"))


def _row(name: str, *columns: sa.schema.SchemaItem) -> None:
    """A tenant's table with the usual keys."""
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        _id("tenant_id"), *columns, _tenant(name),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f(f"uq_{name}_tenant_id_id")),
    )  # fmt: skip


def _pairs(name: str, first: str, second: str, *keys: sa.schema.SchemaItem) -> None:
    op.create_table(
        name, _id("tenant_id"), _id(first), _id(second), _tenant(name), *keys,
        sa.PrimaryKeyConstraint("tenant_id", first, second, name=op.f(f"pk_{name}")),
    )  # fmt: skip
    op.create_index(op.f(f"ix_{name}_tenant_id_{second}"), name, ["tenant_id", second])


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _row("teams", _words("name", None), _words("folded", None),
         sa.UniqueConstraint("tenant_id", "folded", name=op.f("uq_teams_tenant_id_folded")))  # fmt: skip
    _pairs("team_members", "team_id", "user_id", _fk("team_members", "team_id", "teams"), _user("team_members", "user_id"))
    _conversations()
    _pairs("conversation_tags", "tag_id", "conversation_id", _fk("conversation_tags", "tag_id", "tags"),
           _fk("conversation_tags", "conversation_id", "conversations"))  # fmt: skip
    _notes()
    _kept()
    for table in TABLES:
        for statement in security.secure_tenant_table(table):
            op.execute(statement)
    op.execute(f"ALTER TABLE messages ADD COLUMN search_vector tsvector GENERATED ALWAYS AS ({SEARCHED}) STORED")
    op.create_index("ix_messages_search", "messages", ["search_vector"], postgresql_using="gin")
    op.create_index("ix_messages_latest", "messages", ["tenant_id", "timestamp", "id"])
    security.install_search(op.get_bind())


def _conversations() -> None:
    op.add_column("conversations", sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False))
    op.add_column("conversations", sa.Column("priority", sa.Text(), server_default=sa.text("'none'"), nullable=False))
    for column in (_id("assigned_to", null=True), _time("assigned_at"), _id("team_id", null=True), _time("snoozed_until"),
                   _time("waiting_since"), _time("scheduled_at")):  # fmt: skip
        op.add_column("conversations", column)
    op.create_foreign_key(op.f("fk_conversations_assigned_to"), "conversations", "users", ["assigned_to"], ["id"])
    op.create_foreign_key(op.f("fk_conversations_tenant_id_team_id"), "conversations", "teams", ["tenant_id", "team_id"], ["tenant_id", "id"])
    op.create_check_constraint(op.f("ck_conversations_status"), "conversations", "status IN ('open', 'snoozed', 'closed', 'archived')")
    op.create_check_constraint(op.f("ck_conversations_priority"), "conversations", "priority IN ('none', 'low', 'high', 'urgent')")
    op.execute("UPDATE conversations SET waiting_since = needs_human_at WHERE needs_human_at IS NOT NULL")
    for name, (where, *first) in LISTED.items():
        op.create_index(f"ix_conversations_{name}", "conversations", ["tenant_id", *first, "last_message_at", "id"],
                        postgresql_where=sa.text(where))  # fmt: skip
    for name in ("status", "device_id"):
        op.create_index(f"ix_conversations_{name.removesuffix('_id')}", "conversations", ["tenant_id", name, "last_message_at", "id"])
    op.create_index("ix_conversations_snoozed", "conversations", ["snoozed_until"], postgresql_where=sa.text("status = 'snoozed'"))
    op.create_index("ix_conversations_scheduled", "conversations", ["scheduled_at"],
                    postgresql_where=sa.text("scheduled_at IS NOT NULL"))  # fmt: skip
    op.create_index("ix_conversations_assigned_at", "conversations", ["tenant_id", "assigned_to", "assigned_at"],
                    postgresql_where=sa.text("assigned_to IS NOT NULL"))  # fmt: skip


def _notes() -> None:
    _row("conversation_notes", _id("conversation_id"), _id("author_id", null=True), _words("text", None),
         _fk("conversation_notes", "conversation_id", "conversations"), _user("conversation_notes", "author_id"))  # fmt: skip
    op.create_index(op.f("ix_conversation_notes_tenant_id_conversation_id_created_at"), "conversation_notes",
                    ["tenant_id", "conversation_id", "created_at"])  # fmt: skip
    _row("note_mentions", _id("note_id"), _id("conversation_id"), _id("user_id"), _time("seen_at"),
         _fk("note_mentions", "note_id", "conversation_notes"), _fk("note_mentions", "conversation_id", "conversations"),
         _user("note_mentions", "user_id"),
         sa.UniqueConstraint("tenant_id", "note_id", "user_id", name=op.f("uq_note_mentions_tenant_id_note_id_user_id")))  # fmt: skip
    op.create_index("ix_note_mentions_unseen", "note_mentions", ["tenant_id", "user_id", "id"], postgresql_where=sa.text("seen_at IS NULL"))
    op.create_index(op.f("ix_note_mentions_tenant_id_conversation_id"), "note_mentions", ["tenant_id", "conversation_id"])


def _kept() -> None:
    """Drafts, quick replies, times of service."""
    _row("conversation_drafts", _id("conversation_id"), _id("user_id"), _words("text"), _id("attachment_id", null=True),
         _id("reply_to", null=True), _time("updated_at"),
         _fk("conversation_drafts", "conversation_id", "conversations"), _user("conversation_drafts", "user_id"),
         sa.UniqueConstraint("tenant_id", "user_id", "conversation_id",
                             name=op.f("uq_conversation_drafts_tenant_id_user_id_conversation_id")))  # fmt: skip
    op.create_index(op.f("ix_conversation_drafts_tenant_id_conversation_id"), "conversation_drafts", ["tenant_id", "conversation_id"])
    _row("quick_replies", _id("user_id", null=True), _words("shortcut", None), _words("title"), _words("body"), _words("category"),
         _id("file_id", null=True), _id("created_by", null=True), _time("updated_at"),
         _fk("quick_replies", "file_id", "files"), _user("quick_replies", "user_id"),
         sa.UniqueConstraint("tenant_id", "user_id", "shortcut", name=op.f("uq_quick_replies_tenant_id_user_id_shortcut"),
                             postgresql_nulls_not_distinct=True))  # fmt: skip
    _row("conversation_cases", _id("conversation_id"), _time("opened_at"), _time("answered_at"), _id("answered_by", null=True),
         _time("resolved_at"), _id("resolved_by", null=True),
         _fk("conversation_cases", "conversation_id", "conversations"))  # fmt: skip
    op.create_index("ix_conversation_cases_open", "conversation_cases", ["tenant_id", "conversation_id"], unique=True,
                    postgresql_where=sa.text("resolved_at IS NULL"))  # fmt: skip
    op.create_index(op.f("ix_conversation_cases_tenant_id_opened_at"), "conversation_cases", ["tenant_id", "opened_at"])
    op.create_index(op.f("ix_conversation_cases_tenant_id_conversation_id_id"), "conversation_cases", ["tenant_id", "conversation_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_messages_latest", "messages")
    op.drop_column("messages", "search_vector")
    for table in ("conversation_cases", "quick_replies", "conversation_drafts", "note_mentions", "conversation_notes", "conversation_tags"):
        op.drop_table(table)
    for column in COLUMNS:
        op.drop_column("conversations", column)
    for name in ("bot", "waits", "unread", "unassigned"):
        op.execute(f"DROP INDEX IF EXISTS ix_conversations_{name}")
    op.drop_index("ix_conversations_device", "conversations")
    op.drop_table("team_members")
    op.drop_table("teams")
