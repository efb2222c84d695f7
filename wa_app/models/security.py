"""SQL that puts a table under the tenant's guard, for use in migrations.

Row-level security is forced, so it binds the owner too. `sapa_app` sees one tenant per
transaction; `sapa_system` sees all, by policy and not by BYPASSRLS (DESIGN §4).
"""

APP = "sapa_app"
SYSTEM = "sapa_system"
TENANT = "NULLIF(current_setting('app.tenant_id', true), '')::uuid"

APPEND_ONLY = frozenset({"audit_log", "consents", "device_events", "device_health", "link_clicks"})
"""Tables whose rows the application may add and read, never change."""


def secure(table: str, using: str, *, write: bool = True) -> list[str]:
    """Statements that let `sapa_app` at the rows for which `using` holds, and `sapa_system` at all."""
    verbs = "SELECT, INSERT, UPDATE, DELETE" if write and table not in APPEND_ONLY else "SELECT, INSERT"
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} TO {APP} USING ({using}) WITH CHECK ({using})",
        f"CREATE POLICY system ON {table} TO {SYSTEM} USING (true) WITH CHECK (true)",
        f"GRANT {verbs if write else 'SELECT'} ON {table} TO {APP}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM}",
    ]


def secure_tenant_table(table: str) -> list[str]:
    """The usual case: a table with `tenant_id`."""
    return secure(table, f"tenant_id = {TENANT}")


def grant_platform_table(table: str, *, readable: bool) -> list[str]:
    """A table of the platform: `sapa_system` keeps it, tenants may read it or not see it."""
    grants = [f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM}"]
    return [*grants, f"GRANT SELECT ON {table} TO {APP}"] if readable else grants
