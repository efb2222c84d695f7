"""Put every tenant table under its policy, and grant the rest.

Tables are taken from the catalogue, so that no table of the first release can be
forgotten. Later migrations call `wa_app.models.security` for the tables they add.
"""

from collections.abc import Sequence

from sqlalchemy import text

from alembic import op
from wa_app.models import security
from wa_app.schemas.roles import SEEDED_ROLES

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

PLATFORM_READABLE = ("packages", "waha_servers")
PLATFORM_HIDDEN = ("password_resets", "scheduled_jobs")
TENANT_OF_USER = (
    f"EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = users.id AND m.tenant_id = {security.TENANT})"
)


def tenant_tables() -> list[str]:
    rows = op.get_bind().execute(text(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attname = 'tenant_id' "
        "ORDER BY c.relname"
    ))
    return [name for (name,) in rows]


def statements() -> list[str]:
    found = [f"GRANT USAGE ON SCHEMA public TO {security.APP}, {security.SYSTEM}"]
    for table in tenant_tables():
        found += security.secure_tenant_table(table)
    found.append("CREATE POLICY platform ON roles FOR SELECT TO sapa_app USING (tenant_id IS NULL)")
    found += security.secure("tenants", f"id = {security.TENANT}")
    found += security.secure("users", TENANT_OF_USER, write=False)
    found.append("GRANT UPDATE (name, language, password_hash, password_changed_at) ON users TO sapa_app")
    for table in PLATFORM_READABLE:
        found += security.grant_platform_table(table, readable=table == "packages")
    for table in PLATFORM_HIDDEN:
        found += security.grant_platform_table(table, readable=False)
    return found


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in statements():
        op.execute(statement)
    security.install_search(op.get_bind())
    op.execute("INSERT INTO packages (key, name) VALUES ('unlimited', 'Unlimited')")
    seed_roles()


def seed_roles() -> None:
    """Templates that sign-up copies. The table forces row security on its owner too, so it is lifted for a moment."""
    op.execute("ALTER TABLE roles NO FORCE ROW LEVEL SECURITY")
    for key, (name, verbs) in SEEDED_ROLES.items():
        op.get_bind().execute(
            text("INSERT INTO roles (key, name, verbs) VALUES (:key, :name, :verbs)"),
            {"key": key, "name": name, "verbs": sorted(verbs)},
        )
    op.execute("ALTER TABLE roles FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DELETE FROM packages WHERE key = 'unlimited' AND NOT EXISTS (SELECT 1 FROM tenants)")
    op.execute("ALTER TABLE roles NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM roles WHERE tenant_id IS NULL")
    security.drop_search(op.get_bind())
    for table in [*tenant_tables(), "tenants", "users"]:
        op.execute(f"DROP POLICY IF EXISTS tenant ON {table}")
        op.execute(f"DROP POLICY IF EXISTS system ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"REVOKE ALL ON {table} FROM {security.APP}, {security.SYSTEM}")
    op.execute("DROP POLICY IF EXISTS platform ON roles")
    for table in (*PLATFORM_READABLE, *PLATFORM_HIDDEN):
        op.execute(f"REVOKE ALL ON {table} FROM {security.APP}, {security.SYSTEM}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {security.APP}, {security.SYSTEM}")
