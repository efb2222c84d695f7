"""Files of keyword rules are import jobs too; what the words of a refusal need stands beside its code."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_constraint("ck_import_jobs_kind", "import_jobs")
    op.create_check_constraint(op.f("ck_import_jobs_kind"), "import_jobs", "kind IN ('contacts', 'blacklist', 'auto_replies')")
    op.add_column(
        "import_errors", sa.Column("args", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("import_errors", "args")
    op.execute("DELETE FROM import_errors WHERE job_id IN (SELECT id FROM import_jobs WHERE kind = 'auto_replies')")
    op.execute("DELETE FROM import_jobs WHERE kind = 'auto_replies'")
    op.drop_constraint("ck_import_jobs_kind", "import_jobs")
    op.create_check_constraint(op.f("ck_import_jobs_kind"), "import_jobs", "kind IN ('contacts', 'blacklist')")
