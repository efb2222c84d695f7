"""Who waits longest, within one state of conversations: otherwise an index of that state alone looks as good before anything was counted."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _index(*columns: str) -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_conversations_longest", "conversations")
    op.create_index("ix_conversations_longest", "conversations", list(columns), postgresql_where=sa.text("waiting_since IS NOT NULL"))


def upgrade() -> None:
    _index("tenant_id", "status", "waiting_since", "id")


def downgrade() -> None:
    _index("tenant_id", "waiting_since", "id")
