"""Variants, message templates, short links, repetition."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from wa_app.models.security import secure_tenant_table

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("message_templates", "campaign_series", "campaign_variants", "links", "link_clicks")
CAMPAIGN_COLUMNS = (
    "variant_count", "test_percent", "test_hours", "winner_by", "test_ends_at", "winner", "winner_at", "winner_how",
    "track_links", "template_id", "repeat", "series_id", "series_run",
)  # fmt: skip
LEDGER_INDEXES = ("ix_outbound_campaign_held", "ix_outbound_campaign_variant", "ix_outbound_link")


def _base() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
    ]


def _keys(table: str) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f(f"uq_{table}_tenant_id_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
    ]


def _fk(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column], [f"{other}.tenant_id", f"{other}.id"], name=op.f(f"fk_{table}_tenant_id_{column}")
    )


def _text(name: str, default: str | None = None, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(), server_default=default, nullable=null)


def _time(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _make_templates_and_series()
    _widen_campaigns()
    _make_variants_and_links()
    _widen_ledger()
    for table in TABLES:
        for statement in secure_tenant_table(table):
            op.execute(statement)


def _make_templates_and_series() -> None:
    op.create_table(
        "message_templates", *_base(), _text("name"), _text("body"), sa.Column("file_id", sa.Uuid()),
        _text("category", ""), sa.Column("labels", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        _text("language", ""), _text("search_text", ""), sa.Column("created_by", sa.Uuid()), _time("updated_at"),
        _time("deleted_at"), *_keys("message_templates"), _fk("message_templates", "file_id", "files"),
    )  # fmt: skip
    op.create_index(
        "ix_message_templates_alive", "message_templates", ["tenant_id", "id"],
        postgresql_where=sa.text("deleted_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "campaign_series", *_base(),
        sa.Column("rule", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False), _time("next_at"),
        sa.Column("runs", sa.Integer(), server_default=sa.text("1"), nullable=False), sa.Column("max_runs", sa.Integer()),
        sa.Column("until", sa.Date()), _text("last_error", null=True), _time("last_error_at"),
        sa.Column("created_by", sa.Uuid()), _time("updated_at"), *_keys("campaign_series"),
        sa.CheckConstraint("status IN ('active', 'paused', 'ended')", name=op.f("ck_campaign_series_status")),
    )  # fmt: skip
    op.create_index(
        "ix_campaign_series_due", "campaign_series", ["next_at"], postgresql_where=sa.text("status = 'active'")
    )


def _widen_campaigns() -> None:
    small = sa.SmallInteger()
    for column in (
        sa.Column("variant_count", small, server_default="0", nullable=False), sa.Column("test_percent", small),
        sa.Column("test_hours", small, server_default="4", nullable=False),
        sa.Column("winner_by", sa.Text(), server_default="read", nullable=False), _time("test_ends_at"),
        sa.Column("winner", small), _time("winner_at"), _text("winner_how", null=True),
        sa.Column("track_links", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("template_id", sa.Uuid()), sa.Column("repeat", postgresql.JSONB()),
        sa.Column("series_id", sa.Uuid()), sa.Column("series_run", sa.Integer()),
    ):  # fmt: skip
        op.add_column("campaigns", column)
    op.create_check_constraint(op.f("ck_campaigns_winner_by"), "campaigns", "winner_by IN ('read', 'reply')")
    op.create_unique_constraint(
        op.f("uq_campaigns_tenant_id_series_id_series_run"), "campaigns", ["tenant_id", "series_id", "series_run"]
    )
    for column, other in (("template_id", "message_templates"), ("series_id", "campaign_series")):
        op.create_foreign_key(
            op.f(f"fk_campaigns_tenant_id_{column}"), "campaigns", other, ["tenant_id", column], ["tenant_id", "id"]
        )


def _make_variants_and_links() -> None:
    op.create_table(
        "campaign_variants", *_base(), sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False), _text("name", ""), _text("message_template", ""),
        sa.Column("file_id", sa.Uuid()), sa.Column("share", sa.SmallInteger(), nullable=False),
        *_keys("campaign_variants"), _fk("campaign_variants", "campaign_id", "campaigns"),
        _fk("campaign_variants", "file_id", "files"),
        sa.UniqueConstraint(
            "tenant_id", "campaign_id", "position", name=op.f("uq_campaign_variants_tenant_id_campaign_id_position")
        ),
    )  # fmt: skip
    op.create_table(
        "links", *_base(), sa.Column("campaign_id", sa.Uuid()), _text("code"), _text("url"),
        sa.Column("url_hash", sa.LargeBinary(), nullable=False), *_keys("links"),
        _fk("links", "campaign_id", "campaigns"), sa.UniqueConstraint("code", name=op.f("uq_links_code")),
        sa.UniqueConstraint(
            "tenant_id", "campaign_id", "url_hash", name=op.f("uq_links_tenant_id_campaign_id_url_hash")
        ),
    )  # fmt: skip
    op.create_table(
        "link_clicks", *_base(), sa.Column("link_id", sa.Uuid(), nullable=False), sa.Column("campaign_id", sa.Uuid()),
        sa.Column("outbound_id", sa.Uuid()), sa.Column("contact_id", sa.Uuid()), sa.Column("variant", sa.Integer()),
        sa.Column("visitor", sa.LargeBinary(), nullable=False),
        sa.Column("is_bot", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        *_keys("link_clicks"), _fk("link_clicks", "link_id", "links"),
    )  # fmt: skip
    op.create_index(
        "ix_link_clicks_people", "link_clicks", ["tenant_id", "campaign_id", "contact_id", "created_at"],
        postgresql_where=sa.text("NOT is_bot"),
    )  # fmt: skip
    op.create_index(
        "ix_link_clicks_contact", "link_clicks", ["tenant_id", "contact_id", "created_at"],
        postgresql_where=sa.text("NOT is_bot AND contact_id IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        op.f("ix_link_clicks_tenant_id_link_id_created_at"), "link_clicks", ["tenant_id", "link_id", "created_at"]
    )


def _widen_ledger() -> None:
    op.add_column("outbound_messages", sa.Column("variant", sa.SmallInteger()))
    op.add_column("outbound_messages", _text("link_token", null=True))
    wheres = ("state = 'held' AND campaign_id IS NOT NULL", "variant IS NOT NULL", "link_token IS NOT NULL")
    columns = (["id"], ["variant", "state"], ["link_token"])
    for name, where, more in zip(LEDGER_INDEXES, wheres, columns, strict=True):
        op.create_index(
            name, "outbound_messages", ["tenant_id", "campaign_id", *more], postgresql_where=sa.text(where)
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name in LEDGER_INDEXES:
        op.drop_index(name, table_name="outbound_messages")
    op.drop_column("outbound_messages", "link_token")
    op.drop_column("outbound_messages", "variant")
    for table in ("link_clicks", "links", "campaign_variants"):
        op.drop_table(table)
    for column in CAMPAIGN_COLUMNS:
        op.drop_column("campaigns", column)
    op.drop_table("campaign_series")
    op.drop_table("message_templates")
