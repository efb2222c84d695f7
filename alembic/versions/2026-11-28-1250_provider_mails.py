"""Letters about refused keys of language models."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op
from wa_app.models import security

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLE = "ai_provider_mails"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False), sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("tried_at", TIME, nullable=True), sa.Column("sent_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{TABLE}_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )  # fmt: skip
    op.create_index(f"ix_{TABLE}_unsent", TABLE, ["created_at"], postgresql_where=sa.text("sent_at IS NULL"))
    for statement in security.grant_platform_table(TABLE, readable=False):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table(TABLE)
