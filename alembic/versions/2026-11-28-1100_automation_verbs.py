"""What roles may do with rules, knowledge, agents and AI providers."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

READING = ("rules.read", "knowledge.read", "agent.read")
WRITING = ("rules.write", "knowledge.write", "agent.write", "ocr.scan")
RUNNING = ("agent.publish", "ai_providers.read", "ai_providers.write")
ROLES = {
    "owner": READING + WRITING + RUNNING,
    "admin": READING + WRITING + RUNNING,
    "marketer": READING + WRITING,
    "sales": READING,
    "agent": READING,
}
"""Seeded roles and their copies, by key; a role that a tenant made itself keeps what it has."""
ALL = READING + WRITING + RUNNING


def upgrade() -> None:
    # Row security is forced, so it binds the owner too: it is let go for the statements that must see all tenants.
    op.execute("ALTER TABLE roles NO FORCE ROW LEVEL SECURITY")
    add = sa.text(
        "UPDATE roles SET verbs = (SELECT array_agg(DISTINCT v ORDER BY v) FROM unnest(verbs || CAST(:verbs AS text[])) v) "
        "WHERE key = :key"
    )
    for key, verbs in ROLES.items():
        op.get_bind().execute(add, {"key": key, "verbs": list(verbs)})
    op.execute("ALTER TABLE roles FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("ALTER TABLE roles NO FORCE ROW LEVEL SECURITY")
    op.get_bind().execute(
        sa.text("UPDATE roles SET verbs = ARRAY(SELECT v FROM unnest(verbs) v WHERE v <> ALL(CAST(:verbs AS text[])))"),
        {"verbs": list(ALL)},
    )
    op.execute("ALTER TABLE roles FORCE ROW LEVEL SECURITY")
