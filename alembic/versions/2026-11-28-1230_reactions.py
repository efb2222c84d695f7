"""Reactions to broadcasts; insights may follow their messages into another conversation."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models import security

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("outbound_messages", sa.Column("reactions", postgresql.JSONB(), nullable=True))
    # Their words stay as they were written: which conversation they belong to is all that may change.
    op.execute(f"GRANT UPDATE (conversation_id) ON insights TO {security.APP}")


def downgrade() -> None:
    op.execute(f"REVOKE UPDATE (conversation_id) ON insights FROM {security.APP}")
    op.drop_column("outbound_messages", "reactions")
