"""AI providers, their limits and what was used."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op
from wa_app.models import security

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("ai_providers", "ai_provider_keys", "ai_counters", "ai_settings", "ai_usage", "ai_usage_hours")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "ai_providers",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("base_url", sa.String(), server_default="", nullable=False),
        sa.Column("model", sa.String(), server_default="", nullable=False),
        sa.Column("key_masked", sa.String(), server_default="", nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("100"), nullable=False),
        sa.Column("weight", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("time_limit_s", sa.Integer(), server_default=sa.text("20"), nullable=False),
        sa.Column("daily_limit", sa.Integer(), nullable=True),
        sa.Column("monthly_limit", sa.Integer(), nullable=True),
        sa.Column("daily_tokens", sa.BigInteger(), nullable=True),
        sa.Column("monthly_tokens", sa.BigInteger(), nullable=True),
        sa.Column("daily_cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("monthly_cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("disabled_at", TIME, nullable=True),
        sa.Column("cool_until", TIME, nullable=True),
        sa.Column("cool_reason", sa.String(), server_default="", nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("open_until", TIME, nullable=True),
        sa.Column("probe_until", TIME, nullable=True),
        sa.Column("last_error", sa.String(), server_default="", nullable=False),
        sa.Column("last_error_at", TIME, nullable=True),
        sa.Column("last_ok_at", TIME, nullable=True),
        sa.Column("updated_at", TIME, nullable=True),
        sa.Column("deleted_at", TIME, nullable=True),
        sa.CheckConstraint("kind IN ('openai', 'gemini', 'anthropic', 'quote')", name=op.f("ck_ai_providers_kind")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_ai_providers_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_providers")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_ai_providers_tenant_id_id")),
    )
    op.create_index("ix_ai_providers_alive", "ai_providers", ["tenant_id", "priority"], postgresql_where=sa.text("deleted_at IS NULL"))
    op.create_table(
        "ai_provider_keys",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("cipher", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "provider_id"], ["ai_providers.tenant_id", "ai_providers.id"], name=op.f("fk_ai_provider_keys_tenant_id_provider_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_ai_provider_keys_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_provider_keys")),
        sa.UniqueConstraint("tenant_id", "provider_id", name=op.f("uq_ai_provider_keys_tenant_id_provider_id"), postgresql_nulls_not_distinct=True),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_ai_provider_keys_tenant_id_id")),
    )
    op.create_table(
        "ai_counters",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("requests", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("subject IN ('provider', 'budget', 'package')", name=op.f("ck_ai_counters_subject")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_ai_counters_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_counters")),
        sa.UniqueConstraint("subject_id", "subject", "period", name=op.f("uq_ai_counters_subject_id_subject_period")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_ai_counters_tenant_id_id")),
    )
    op.create_table(
        "ai_settings",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("rotation", sa.Text(), server_default=sa.text("'priority'"), nullable=False),
        sa.Column("source", sa.Text(), server_default=sa.text("'auto'"), nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("daily_requests", sa.Integer(), nullable=True),
        sa.Column("monthly_requests", sa.Integer(), nullable=True),
        sa.Column("daily_tokens", sa.BigInteger(), nullable=True),
        sa.Column("monthly_tokens", sa.BigInteger(), nullable=True),
        sa.Column("daily_cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("monthly_cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", TIME, nullable=True),
        sa.CheckConstraint("rotation IN ('priority', 'round_robin', 'weighted', 'random')", name=op.f("ck_ai_settings_rotation")),
        sa.CheckConstraint("source IN ('auto', 'own_first', 'platform_first')", name=op.f("ck_ai_settings_source")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_ai_settings_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_settings")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_ai_settings_tenant_id_id")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_ai_settings_tenant_id"), postgresql_nulls_not_distinct=True),
    )
    op.create_table(
        "ai_usage",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("feature", sa.String(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("provider_name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("job_key", sa.String(), nullable=True),
        sa.Column("is_own", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_estimated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("input_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reasoning_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_ms", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_ai_usage_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_usage")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_ai_usage_tenant_id_id")),
    )
    op.create_index(op.f("ix_ai_usage_provider_id_created_at"), "ai_usage", ["provider_id", "created_at"])
    op.create_index("ix_ai_usage_tenant_created", "ai_usage", ["tenant_id", "created_at"])
    op.create_index("uq_ai_usage_job", "ai_usage", ["tenant_id", "job_key"], unique=True, postgresql_where=sa.text("job_key IS NOT NULL"))
    op.create_table(
        "ai_usage_hours",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("hour", TIME, nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("feature", sa.String(), nullable=False),
        sa.Column("provider_name", sa.String(), server_default="", nullable=False),
        sa.Column("is_own", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("answered", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("latency_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_ai_usage_hours_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "hour", "provider_id", "feature", name=op.f("pk_ai_usage_hours")),
    )
    op.create_index(op.f("ix_ai_usage_hours_hour"), "ai_usage_hours", ["hour"])
    for table in TABLES:
        for statement in security.secure_tenant_table(table):
            op.execute(statement)
    op.execute("CREATE POLICY platform ON ai_providers FOR SELECT TO sapa_app USING (tenant_id IS NULL)")
    seed_platform()


def seed_platform() -> None:
    """The provider that everybody has. Row security is forced on the owner too, so it is lifted for a moment."""
    for table in ("ai_providers", "ai_settings"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("INSERT INTO ai_providers (name, kind, model, priority) VALUES ('Sapa', 'quote', 'quote', 1000)")
    op.execute("INSERT INTO ai_settings (tenant_id) VALUES (NULL)")
    for table in ("ai_providers", "ai_settings"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
