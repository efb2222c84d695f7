"""initial"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")

    op.create_table('packages',
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('limits', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_packages'))
    )
    op.create_table('scheduled_jobs',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('every_s', sa.Integer(), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=True),
    sa.Column('last_run_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_scheduled_jobs'))
    )
    op.create_table('users',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('email', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('password_hash', sa.String(), nullable=False),
    sa.Column('language', sa.String(), server_default='id', nullable=False),
    sa.Column('is_platform_admin', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('password_changed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('email', name=op.f('uq_users_email'))
    )
    op.create_table('waha_servers',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('api_key', sa.String(), nullable=False),
    sa.Column('capacity', sa.Integer(), server_default=sa.text('50'), nullable=False),
    sa.Column('is_active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_waha_servers')),
    sa.UniqueConstraint('url', name=op.f('uq_waha_servers_url'))
    )
    op.create_table('password_resets',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('token_hash', sa.LargeBinary(), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_password_resets_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_password_resets')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_password_resets_token_hash'))
    )
    op.create_index('ix_password_resets_unsent', 'password_resets', ['created_at'], unique=False, postgresql_where=sa.text('token_hash IS NULL AND used_at IS NULL'))
    op.create_index(op.f('ix_password_resets_user_id'), 'password_resets', ['user_id'], unique=False)
    op.create_table('tenants',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('language', sa.String(), server_default='id', nullable=False),
    sa.Column('time_zone', sa.String(), server_default='Asia/Jakarta', nullable=False),
    sa.Column('region', sa.String(), server_default='ID', nullable=False),
    sa.Column('package_key', sa.String(), nullable=False),
    sa.Column('identity_key', sa.String(), nullable=False),
    sa.Column('settings', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['package_key'], ['packages.key'], name=op.f('fk_tenants_package_key')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tenants'))
    )
    op.create_table('api_keys',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('prefix', sa.String(), nullable=False),
    sa.Column('key_hash', sa.LargeBinary(), nullable=False),
    sa.Column('scopes', postgresql.ARRAY(sa.Text()), server_default='{}', nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_api_keys_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_keys')),
    sa.UniqueConstraint('key_hash', name=op.f('uq_api_keys_key_hash')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_api_keys_tenant_id_id'))
    )
    op.create_table('audit_log',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('verb', sa.String(), nullable=False),
    sa.Column('object_kind', sa.String(), nullable=False),
    sa.Column('object_id', sa.Uuid(), nullable=True),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('ip', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_audit_log_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_log')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_audit_log_tenant_id_id'))
    )
    op.create_table('contacts',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), server_default='', nullable=False),
    sa.Column('phone', sa.String(), nullable=True),
    sa.Column('city', sa.String(), server_default='', nullable=False),
    sa.Column('time_zone', sa.String(), nullable=True),
    sa.Column('attributes', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('source', sa.String(), server_default='manual', nullable=False),
    sa.Column('search_text', sa.String(), server_default='', nullable=False),
    sa.Column('search_vector', postgresql.TSVECTOR(), sa.Computed("to_tsvector('simple', search_text)", persisted=True), nullable=True),
    sa.Column('preferred_device_id', sa.Uuid(), nullable=True),
    sa.Column('last_inbound_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_outbound_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_contacts_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contacts')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_contacts_tenant_id_id'))
    )
    op.create_index('ix_contacts_alive', 'contacts', ['tenant_id', 'id'], unique=False, postgresql_where=sa.text('deleted_at IS NULL'))
    op.create_index('ix_contacts_search', 'contacts', ['search_vector'], unique=False, postgresql_using='gin')
    op.create_table('devices',
    sa.Column('lease_owner', sa.String(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_epoch', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('channel', sa.Text(), server_default=sa.text("'waha'"), nullable=False),
    sa.Column('waha_server_id', sa.Uuid(), nullable=True),
    sa.Column('session', sa.String(), nullable=False),
    sa.Column('status', sa.Text(), server_default=sa.text("'STARTING'"), nullable=False),
    sa.Column('status_changed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('status_detail', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('engine', sa.Text(), nullable=True),
    sa.Column('phone', sa.String(), nullable=True),
    sa.Column('lid', sa.String(), nullable=True),
    sa.Column('push_name', sa.String(), nullable=True),
    sa.Column('is_active_for_broadcast', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('pacing', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('weight', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('webhook_token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('webhook_token', sa.String(), nullable=False),
    sa.Column('hmac_key', sa.String(), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('connected_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('next_send_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('paused_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('pause_reason', sa.String(), nullable=True),
    sa.Column('error_streak', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('woken_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("channel IN ('waha', 'cloud')", name=op.f('ck_devices_channel')),
    sa.CheckConstraint("status IN ('STARTING', 'SCAN_QR', 'PASSKEY', 'CONNECTED', 'DISCONNECTED', 'FAILED')", name=op.f('ck_devices_status')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_devices_tenant_id')),
    sa.ForeignKeyConstraint(['waha_server_id'], ['waha_servers.id'], name=op.f('fk_devices_waha_server_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_devices')),
    sa.UniqueConstraint('session', name=op.f('uq_devices_session')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_devices_tenant_id_id')),
    sa.UniqueConstraint('webhook_token_hash', name=op.f('uq_devices_webhook_token_hash'))
    )
    op.create_index('ix_devices_alive', 'devices', ['tenant_id', 'id'], unique=False, postgresql_where=sa.text('deleted_at IS NULL'))
    op.create_table('files',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('mime', sa.String(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('storage_key', sa.String(), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_files_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_files')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_files_tenant_id_id'))
    )
    op.create_index(op.f('ix_files_tenant_id_sha256'), 'files', ['tenant_id', 'sha256'], unique=False)
    op.create_table('idempotency_keys',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('request_hash', sa.LargeBinary(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('response', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_idempotency_keys_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idempotency_keys')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_idempotency_keys_tenant_id_id')),
    sa.UniqueConstraint('tenant_id', 'key', name=op.f('uq_idempotency_keys_tenant_id_key'))
    )
    op.create_index(op.f('ix_idempotency_keys_expires_at'), 'idempotency_keys', ['expires_at'], unique=False)
    op.create_table('inbound_events',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('event', sa.String(), nullable=False),
    sa.Column('envelope_id', sa.String(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('state', sa.Text(), server_default=sa.text("'pending'"), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('error', sa.String(), nullable=True),
    sa.CheckConstraint("state IN ('pending', 'done', 'ignored', 'failed')", name=op.f('ck_inbound_events_state')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_inbound_events_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_inbound_events')),
    sa.UniqueConstraint('tenant_id', 'device_id', 'event', 'envelope_id', name=op.f('uq_inbound_events_tenant_id_device_id_event_envelope_id')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_inbound_events_tenant_id_id'))
    )
    op.create_index('ix_inbound_events_due', 'inbound_events', ['due_at', 'id'], unique=False, postgresql_where=sa.text("state = 'pending'"))
    op.create_index('ix_inbound_events_tenant_due', 'inbound_events', ['tenant_id', 'due_at', 'id'], unique=False, postgresql_where=sa.text("state = 'pending'"))
    op.create_table('outbound_messages',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), server_default=sa.text("'planned'"), nullable=False),
    sa.Column('priority', sa.SmallInteger(), server_default='5', nullable=False),
    sa.Column('dedupe_key', sa.String(), nullable=False),
    sa.Column('campaign_id', sa.Uuid(), nullable=True),
    sa.Column('contact_id', sa.Uuid(), nullable=True),
    sa.Column('identity_kind', sa.Text(), nullable=True),
    sa.Column('identity_value', sa.String(), server_default='', nullable=False),
    sa.Column('preferred_device_id', sa.Uuid(), nullable=True),
    sa.Column('device_id', sa.Uuid(), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('body', sa.String(), nullable=True),
    sa.Column('file_id', sa.Uuid(), nullable=True),
    sa.Column('reply_to', sa.String(), nullable=True),
    sa.Column('chat_id', sa.String(), nullable=True),
    sa.Column('provider_key', sa.String(), nullable=True),
    sa.Column('provider_message_id', sa.String(), nullable=True),
    sa.Column('content_hash', sa.LargeBinary(), nullable=True),
    sa.Column('attempt', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('lease_epoch', sa.Integer(), nullable=True),
    sa.Column('error_code', sa.String(), nullable=True),
    sa.Column('error_message', sa.String(), nullable=True),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('played_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.CheckConstraint("identity_kind IN ('phone', 'lid', 'bsuid', 'username')", name=op.f('ck_outbound_messages_identity_kind')),
    sa.CheckConstraint("kind IN ('campaign', 'manual', 'reply', 'api')", name=op.f('ck_outbound_messages_kind')),
    sa.CheckConstraint("state IN ('planned', 'sending', 'sent', 'delivered', 'read', 'played', 'held', 'failed', 'skipped', 'cancelled', 'unknown')", name=op.f('ck_outbound_messages_state')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_outbound_messages_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbound_messages')),
    sa.UniqueConstraint('tenant_id', 'dedupe_key', name=op.f('uq_outbound_messages_tenant_id_dedupe_key')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_outbound_messages_tenant_id_id'))
    )
    op.create_index('ix_outbound_campaign_log', 'outbound_messages', ['tenant_id', 'campaign_id', 'id'], unique=False)
    op.create_index('ix_outbound_campaign_planned', 'outbound_messages', ['tenant_id', 'campaign_id', 'id'], unique=False, postgresql_where=sa.text("state = 'planned' AND campaign_id IS NOT NULL"))
    op.create_index('ix_outbound_direct_planned', 'outbound_messages', ['tenant_id', 'preferred_device_id', 'priority', 'due_at'], unique=False, postgresql_where=sa.text("state = 'planned' AND campaign_id IS NULL"))
    op.create_index('ix_outbound_in_flight', 'outbound_messages', ['tenant_id', 'device_id', 'state', 'due_at'], unique=False, postgresql_where=sa.text("state IN ('sending', 'unknown')"))
    op.create_index('ix_outbound_provider_message', 'outbound_messages', ['tenant_id', 'device_id', 'provider_message_id'], unique=False, postgresql_where=sa.text('provider_message_id IS NOT NULL'))
    op.create_table('roles',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=True),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('verbs', postgresql.ARRAY(sa.Text()), server_default='{}', nullable=False),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_roles_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_roles')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_roles_tenant_id_id')),
    sa.UniqueConstraint('tenant_id', 'key', name=op.f('uq_roles_tenant_id_key'), postgresql_nulls_not_distinct=True)
    )
    op.create_table('suppressions',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('masked', sa.String(), nullable=False),
    sa.Column('scope', sa.Text(), server_default=sa.text("'marketing'"), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('note', sa.String(), server_default='', nullable=False),
    sa.Column('campaign_id', sa.Uuid(), nullable=True),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.CheckConstraint("kind IN ('phone', 'lid', 'bsuid', 'username')", name=op.f('ck_suppressions_kind')),
    sa.CheckConstraint("reason IN ('UNSUBSCRIBE', 'SPAM_REPORT', 'MANUAL', 'BOUNCE')", name=op.f('ck_suppressions_reason')),
    sa.CheckConstraint("scope IN ('marketing', 'all')", name=op.f('ck_suppressions_scope')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_suppressions_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_suppressions')),
    sa.UniqueConstraint('tenant_id', 'hash', name=op.f('uq_suppressions_tenant_id_hash')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_suppressions_tenant_id_id'))
    )
    op.create_table('tags',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('folded', sa.String(), nullable=False),
    sa.Column('color', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_tags_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tags')),
    sa.UniqueConstraint('tenant_id', 'folded', name=op.f('uq_tags_tenant_id_folded')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_tags_tenant_id_id'))
    )
    op.create_table('usage_counters',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('period', sa.String(), nullable=False),
    sa.Column('used', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_usage_counters_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_usage_counters')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_usage_counters_tenant_id_id')),
    sa.UniqueConstraint('tenant_id', 'key', 'period', name=op.f('uq_usage_counters_tenant_id_key_period'))
    )
    op.create_table('user_sessions',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ip', sa.String(), nullable=False),
    sa.Column('user_agent', sa.String(), nullable=False),
    sa.CheckConstraint("kind IN ('browser', 'api')", name=op.f('ck_user_sessions_kind')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_user_sessions_tenant_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_user_sessions_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_user_sessions')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_user_sessions_tenant_id_id')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_user_sessions_token_hash'))
    )
    op.create_index(op.f('ix_user_sessions_user_id'), 'user_sessions', ['user_id'], unique=False)
    op.create_table('campaigns',
    sa.Column('lease_owner', sa.String(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_epoch', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('message_template', sa.String(), server_default='', nullable=False),
    sa.Column('file_id', sa.Uuid(), nullable=True),
    sa.Column('target', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('status', sa.Text(), server_default=sa.text("'DRAFT'"), nullable=False),
    sa.Column('delay_min_s', sa.Integer(), nullable=True),
    sa.Column('delay_max_s', sa.Integer(), nullable=True),
    sa.Column('scheduled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('planned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('plan_cursor', sa.Uuid(), nullable=True),
    sa.Column('plan_total', sa.Integer(), nullable=True),
    sa.Column('pause_reason', sa.String(), nullable=True),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("status IN ('DRAFT', 'PENDING', 'PROCESSING', 'PAUSED', 'COMPLETED', 'CANCELLED')", name=op.f('ck_campaigns_status')),
    sa.ForeignKeyConstraint(['tenant_id', 'file_id'], ['files.tenant_id', 'files.id'], name=op.f('fk_campaigns_tenant_id_file_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_campaigns_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaigns')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_campaigns_tenant_id_id'))
    )
    op.create_index('ix_campaigns_open', 'campaigns', ['status'], unique=False, postgresql_where=sa.text("status IN ('PENDING', 'PROCESSING')"))
    op.create_table('consents',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('contact_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('evidence', sa.String(), nullable=False),
    sa.CheckConstraint("kind IN ('opt_in', 'opt_out')", name=op.f('ck_consents_kind')),
    sa.ForeignKeyConstraint(['tenant_id', 'contact_id'], ['contacts.tenant_id', 'contacts.id'], name=op.f('fk_consents_tenant_id_contact_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_consents_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consents')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_consents_tenant_id_id'))
    )
    op.create_index(op.f('ix_consents_tenant_id_contact_id'), 'consents', ['tenant_id', 'contact_id'], unique=False)
    op.create_table('contact_identities',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('contact_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('value', sa.String(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.CheckConstraint("kind IN ('phone', 'lid', 'bsuid', 'username')", name=op.f('ck_contact_identities_kind')),
    sa.ForeignKeyConstraint(['tenant_id', 'contact_id'], ['contacts.tenant_id', 'contacts.id'], name=op.f('fk_contact_identities_tenant_id_contact_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_contact_identities_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contact_identities')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_contact_identities_tenant_id_id')),
    sa.UniqueConstraint('tenant_id', 'kind', 'value', name=op.f('uq_contact_identities_tenant_id_kind_value'))
    )
    op.create_index(op.f('ix_contact_identities_tenant_id_contact_id'), 'contact_identities', ['tenant_id', 'contact_id'], unique=False)
    op.create_index(op.f('ix_contact_identities_tenant_id_hash'), 'contact_identities', ['tenant_id', 'hash'], unique=False)
    op.create_table('contact_tags',
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('tag_id', sa.Uuid(), nullable=False),
    sa.Column('contact_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'contact_id'], ['contacts.tenant_id', 'contacts.id'], name=op.f('fk_contact_tags_tenant_id_contact_id')),
    sa.ForeignKeyConstraint(['tenant_id', 'tag_id'], ['tags.tenant_id', 'tags.id'], name=op.f('fk_contact_tags_tenant_id_tag_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_contact_tags_tenant_id')),
    sa.PrimaryKeyConstraint('tenant_id', 'tag_id', 'contact_id', name=op.f('pk_contact_tags'))
    )
    op.create_index(op.f('ix_contact_tags_tenant_id_contact_id'), 'contact_tags', ['tenant_id', 'contact_id'], unique=False)
    op.create_table('conversations',
    sa.Column('lease_owner', sa.String(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_epoch', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('contact_id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('chat_id', sa.String(), nullable=False),
    sa.Column('is_bot_active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('unread', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_message_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_inbound_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'contact_id'], ['contacts.tenant_id', 'contacts.id'], name=op.f('fk_conversations_tenant_id_contact_id')),
    sa.ForeignKeyConstraint(['tenant_id', 'device_id'], ['devices.tenant_id', 'devices.id'], name=op.f('fk_conversations_tenant_id_device_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_conversations_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_conversations')),
    sa.UniqueConstraint('tenant_id', 'contact_id', 'device_id', name=op.f('uq_conversations_tenant_id_contact_id_device_id')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_conversations_tenant_id_id'))
    )
    op.create_index(op.f('ix_conversations_tenant_id_last_message_at'), 'conversations', ['tenant_id', 'last_message_at'], unique=False)
    op.create_table('device_events',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'device_id'], ['devices.tenant_id', 'devices.id'], name=op.f('fk_device_events_tenant_id_device_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_device_events_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_device_events')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_device_events_tenant_id_id'))
    )
    op.create_index(op.f('ix_device_events_tenant_id_device_id_id'), 'device_events', ['tenant_id', 'device_id', 'id'], unique=False)
    op.create_table('device_usage',
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('period', sa.String(), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'device_id'], ['devices.tenant_id', 'devices.id'], name=op.f('fk_device_usage_tenant_id_device_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_device_usage_tenant_id')),
    sa.PrimaryKeyConstraint('tenant_id', 'device_id', 'period', 'starts_at', name=op.f('pk_device_usage'))
    )
    op.create_table('import_jobs',
    sa.Column('lease_owner', sa.String(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_epoch', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('file_id', sa.Uuid(), nullable=False),
    sa.Column('file_name', sa.String(), nullable=False),
    sa.Column('status', sa.Text(), server_default=sa.text("'queued'"), nullable=False),
    sa.Column('dry_run', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('mapping', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('options', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('total', sa.Integer(), nullable=True),
    sa.Column('processed', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('created', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('updated', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('skipped', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('failed', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('checkpoint', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('error_code', sa.String(), nullable=True),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f('ck_import_jobs_status')),
    sa.ForeignKeyConstraint(['tenant_id', 'file_id'], ['files.tenant_id', 'files.id'], name=op.f('fk_import_jobs_tenant_id_file_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_import_jobs_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_jobs')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_import_jobs_tenant_id_id'))
    )
    op.create_index('ix_import_jobs_open', 'import_jobs', ['created_at'], unique=False, postgresql_where=sa.text("status IN ('queued', 'running')"))
    op.create_table('memberships',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('role_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'role_id'], ['roles.tenant_id', 'roles.id'], name=op.f('fk_memberships_tenant_id_role_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_memberships_tenant_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_memberships_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_memberships')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_memberships_tenant_id_id')),
    sa.UniqueConstraint('tenant_id', 'user_id', name=op.f('uq_memberships_tenant_id_user_id'))
    )
    op.create_index(op.f('ix_memberships_user_id'), 'memberships', ['user_id'], unique=False)
    op.create_table('campaign_counters',
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('campaign_id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('n', sa.BigInteger(), server_default='0', nullable=False),
    sa.CheckConstraint("state IN ('planned', 'sending', 'sent', 'delivered', 'read', 'played', 'held', 'failed', 'skipped', 'cancelled', 'unknown')", name=op.f('ck_campaign_counters_state')),
    sa.ForeignKeyConstraint(['tenant_id', 'campaign_id'], ['campaigns.tenant_id', 'campaigns.id'], name=op.f('fk_campaign_counters_tenant_id_campaign_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_campaign_counters_tenant_id')),
    sa.PrimaryKeyConstraint('tenant_id', 'campaign_id', 'device_id', 'state', name=op.f('pk_campaign_counters'))
    )
    op.create_table('campaign_devices',
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('campaign_id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('weight', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'campaign_id'], ['campaigns.tenant_id', 'campaigns.id'], name=op.f('fk_campaign_devices_tenant_id_campaign_id')),
    sa.ForeignKeyConstraint(['tenant_id', 'device_id'], ['devices.tenant_id', 'devices.id'], name=op.f('fk_campaign_devices_tenant_id_device_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_campaign_devices_tenant_id')),
    sa.PrimaryKeyConstraint('tenant_id', 'campaign_id', 'device_id', name=op.f('pk_campaign_devices'))
    )
    op.create_index(op.f('ix_campaign_devices_tenant_id_device_id'), 'campaign_devices', ['tenant_id', 'device_id'], unique=False)
    op.create_table('import_errors',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('row', sa.Integer(), nullable=False),
    sa.Column('column', sa.String(), nullable=False),
    sa.Column('value', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'job_id'], ['import_jobs.tenant_id', 'import_jobs.id'], name=op.f('fk_import_errors_tenant_id_job_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_import_errors_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_errors')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_import_errors_tenant_id_id'))
    )
    op.create_index(op.f('ix_import_errors_tenant_id_job_id_row'), 'import_errors', ['tenant_id', 'job_id', 'row'], unique=False)
    op.create_table('messages',
    sa.Column('id', sa.Uuid(), server_default=sa.text('uuidv7()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('conversation_id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('contact_id', sa.Uuid(), nullable=False),
    sa.Column('outbound_id', sa.Uuid(), nullable=True),
    sa.Column('direction', sa.Text(), nullable=False),
    sa.Column('sender', sa.Text(), nullable=False),
    sa.Column('type', sa.String(), server_default='text', nullable=False),
    sa.Column('text', sa.String(), server_default='', nullable=False),
    sa.Column('media', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('status', sa.String(), nullable=True),
    sa.Column('provider_message_id', sa.String(), nullable=True),
    sa.Column('timestamp', sa.DateTime(timezone=True), nullable=True),
    sa.Column('extra', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.CheckConstraint("direction IN ('INBOUND', 'OUTBOUND')", name=op.f('ck_messages_direction')),
    sa.CheckConstraint("sender IN ('contact', 'human', 'rule', 'flow', 'agent', 'campaign')", name=op.f('ck_messages_sender')),
    sa.ForeignKeyConstraint(['tenant_id', 'conversation_id'], ['conversations.tenant_id', 'conversations.id'], name=op.f('fk_messages_tenant_id_conversation_id')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_messages_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_messages')),
    sa.UniqueConstraint('tenant_id', 'device_id', 'provider_message_id', name=op.f('uq_messages_tenant_id_device_id_provider_message_id')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_messages_tenant_id_id'))
    )
    op.create_index(op.f('ix_messages_tenant_id_conversation_id_timestamp'), 'messages', ['tenant_id', 'conversation_id', 'timestamp'], unique=False)



def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")

    op.drop_index(op.f('ix_messages_tenant_id_conversation_id_timestamp'), table_name='messages')
    op.drop_table('messages')
    op.drop_index(op.f('ix_import_errors_tenant_id_job_id_row'), table_name='import_errors')
    op.drop_table('import_errors')
    op.drop_index(op.f('ix_campaign_devices_tenant_id_device_id'), table_name='campaign_devices')
    op.drop_table('campaign_devices')
    op.drop_table('campaign_counters')
    op.drop_index(op.f('ix_memberships_user_id'), table_name='memberships')
    op.drop_table('memberships')
    op.drop_index('ix_import_jobs_open', table_name='import_jobs', postgresql_where=sa.text("status IN ('queued', 'running')"))
    op.drop_table('import_jobs')
    op.drop_table('device_usage')
    op.drop_index(op.f('ix_device_events_tenant_id_device_id_id'), table_name='device_events')
    op.drop_table('device_events')
    op.drop_index(op.f('ix_conversations_tenant_id_last_message_at'), table_name='conversations')
    op.drop_table('conversations')
    op.drop_index(op.f('ix_contact_tags_tenant_id_contact_id'), table_name='contact_tags')
    op.drop_table('contact_tags')
    op.drop_index(op.f('ix_contact_identities_tenant_id_hash'), table_name='contact_identities')
    op.drop_index(op.f('ix_contact_identities_tenant_id_contact_id'), table_name='contact_identities')
    op.drop_table('contact_identities')
    op.drop_index(op.f('ix_consents_tenant_id_contact_id'), table_name='consents')
    op.drop_table('consents')
    op.drop_index('ix_campaigns_open', table_name='campaigns', postgresql_where=sa.text("status IN ('PENDING', 'PROCESSING')"))
    op.drop_table('campaigns')
    op.drop_index(op.f('ix_user_sessions_user_id'), table_name='user_sessions')
    op.drop_table('user_sessions')
    op.drop_table('usage_counters')
    op.drop_table('tags')
    op.drop_table('suppressions')
    op.drop_table('roles')
    op.drop_index('ix_outbound_provider_message', table_name='outbound_messages', postgresql_where=sa.text('provider_message_id IS NOT NULL'))
    op.drop_index('ix_outbound_in_flight', table_name='outbound_messages', postgresql_where=sa.text("state IN ('sending', 'unknown')"))
    op.drop_index('ix_outbound_direct_planned', table_name='outbound_messages', postgresql_where=sa.text("state = 'planned' AND campaign_id IS NULL"))
    op.drop_index('ix_outbound_campaign_planned', table_name='outbound_messages', postgresql_where=sa.text("state = 'planned' AND campaign_id IS NOT NULL"))
    op.drop_index('ix_outbound_campaign_log', table_name='outbound_messages')
    op.drop_table('outbound_messages')
    op.drop_index('ix_inbound_events_tenant_due', table_name='inbound_events', postgresql_where=sa.text("state = 'pending'"))
    op.drop_index('ix_inbound_events_due', table_name='inbound_events', postgresql_where=sa.text("state = 'pending'"))
    op.drop_table('inbound_events')
    op.drop_index(op.f('ix_idempotency_keys_expires_at'), table_name='idempotency_keys')
    op.drop_table('idempotency_keys')
    op.drop_index(op.f('ix_files_tenant_id_sha256'), table_name='files')
    op.drop_table('files')
    op.drop_index('ix_devices_alive', table_name='devices', postgresql_where=sa.text('deleted_at IS NULL'))
    op.drop_table('devices')
    op.drop_index('ix_contacts_search', table_name='contacts', postgresql_using='gin')
    op.drop_index('ix_contacts_alive', table_name='contacts', postgresql_where=sa.text('deleted_at IS NULL'))
    op.drop_table('contacts')
    op.drop_table('audit_log')
    op.drop_table('api_keys')
    op.drop_table('tenants')
    op.drop_index(op.f('ix_password_resets_user_id'), table_name='password_resets')
    op.drop_table('password_resets')
    op.drop_table('waha_servers')
    op.drop_table('users')
    op.drop_table('scheduled_jobs')
    op.drop_table('packages')

