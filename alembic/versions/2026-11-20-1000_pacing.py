"""Pacing that is exact: a log of sends, strangers, packages, zones, warm-up."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models.security import secure_tenant_table

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

PLANNED = sa.text("state = 'planned' AND campaign_id IS NOT NULL")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _log_of_sends()
    time = sa.DateTime(timezone=True)
    for column in (
        sa.Column("package_left", sa.Integer()), sa.Column("rest_until", time), sa.Column("warmup_stage", sa.Integer()),
        sa.Column("warmup_stage_at", time), sa.Column("warmup_curve", postgresql.JSONB(astext_type=sa.Text())),
    ):  # fmt: skip
        op.add_column("devices", column)
    op.add_column("device_usage", sa.Column("strangers", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("campaign_counters", sa.Column("at", time))
    op.add_column("outbound_messages", sa.Column("zone", sa.String(), server_default="", nullable=False))
    op.add_column("outbound_messages", sa.Column("stranger", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "ix_outbound_campaign_pick", "outbound_messages",
        ["tenant_id", "campaign_id", "preferred_device_id", "zone", "stranger", "id"], postgresql_where=PLANNED,
    )  # fmt: skip
    op.create_index("ix_outbound_contact", "outbound_messages", ["tenant_id", "contact_id", "id"])


def _log_of_sends() -> None:
    op.create_table(
        "device_sends",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("total", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("strangers", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_device_sends_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "device_id"], ["devices.tenant_id", "devices.id"],
            name=op.f("fk_device_sends_tenant_id_device_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "device_id", "total", name=op.f("pk_device_sends")),
    )  # fmt: skip
    op.create_index("ix_device_sends_at", "device_sends", ["at"], postgresql_using="brin")
    for statement in secure_tenant_table("device_sends"):
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_outbound_contact", "outbound_messages")
    op.drop_index("ix_outbound_campaign_pick", "outbound_messages")
    op.drop_column("outbound_messages", "stranger")
    op.drop_column("outbound_messages", "zone")
    op.drop_column("campaign_counters", "at")
    op.drop_column("device_usage", "strangers")
    for column in ("warmup_curve", "warmup_stage_at", "warmup_stage", "rest_until", "package_left"):
        op.drop_column("devices", column)
    op.drop_table("device_sends")
