"""Conversations by how long somebody waits in them."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index("ix_conversations_longest", "conversations", ["tenant_id", "waiting_since", "id"],
                    postgresql_where=sa.text("waiting_since IS NOT NULL"))  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_conversations_longest", "conversations")
