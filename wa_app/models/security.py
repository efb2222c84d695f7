"""SQL that puts a table under the tenant's guard, for use in migrations.

Row-level security is forced, so it binds the owner too. `sapa_app` sees one tenant per
transaction; `sapa_system` sees all, by policy and not by BYPASSRLS (DESIGN §4).
"""

from pathlib import Path

from sqlalchemy import Connection

APP = "sapa_app"
SYSTEM = "sapa_system"
TENANT = "NULLIF(current_setting('app.tenant_id', true), '')::uuid"

APPEND_ONLY = frozenset({
    "agent_versions", "ai_usage", "audit_log", "consents", "device_events", "device_health", "insights", "link_clicks",
})  # fmt: skip
"""Tables whose rows the application may add and read, never change. (Of an insight, its conversation: two may become one.)"""


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


SEARCH = Path(__file__).with_name("search.sql")


def drop_search(connection: Connection) -> None:
    """Remove every SECURITY DEFINER function; the owner of the schema may, whoever owns them."""
    for function in _definers(connection):
        connection.exec_driver_sql(f"DROP FUNCTION {function}")


def install_search(connection: Connection) -> None:
    """Make the functions of `search.sql` anew, as the file is now.

    A migration that comes with a change of that file calls this; so does the first one. The
    bodies are not checked: the file may name tables and columns that later migrations add.
    """
    drop_search(connection)
    connection.exec_driver_sql("SET LOCAL check_function_bodies = off")
    for body in SEARCH.read_text().split("$$;")[:-1]:
        connection.exec_driver_sql(f"{body}$$")
    connection.exec_driver_sql(f"GRANT CREATE ON SCHEMA public TO {SYSTEM}")
    for function in _definers(connection):
        # Rights first: after the change of owner we could no longer take them from PUBLIC.
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {function} TO {APP}")
        connection.exec_driver_sql(f"ALTER FUNCTION {function} OWNER TO {SYSTEM}")
    connection.exec_driver_sql(f"REVOKE CREATE ON SCHEMA public FROM {SYSTEM}")
    connection.exec_driver_sql("SET LOCAL check_function_bodies = on")


def _definers(connection: Connection) -> list[str]:
    rows = connection.exec_driver_sql(
        "SELECT p.oid::regprocedure::text FROM pg_proc p "
        "WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef ORDER BY 1"
    )
    return [name for (name,) in rows]
