"""Walks every table: each one that holds a tenant's rows is guarded, whoever added it.

Nothing here names a table's columns: a table that is added tomorrow is tested tomorrow.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

import wa_app.models
from tests.fixtures.rows import Graph, insert, parents, values_for
from tests.fixtures.services import Database
from wa_app.models.security import APPEND_ONLY

assert wa_app.models

TABLES: dict[str, sa.Table] = dict(SQLModel.metadata.tables)
TENANT_TABLES = sorted(name for name, table in TABLES.items() if "tenant_id" in table.columns)
PLATFORM_TABLES = frozenset({"packages", "waha_servers", "scheduled_jobs", "password_resets", "ai_provider_mails"})
"""Reviewed: tables without a tenant. `tenants` and `users` have policies of their own shape."""
NULLABLE_TENANT = frozenset({"roles", "ai_providers", "ai_provider_keys", "ai_counters", "ai_holds", "ai_settings"})
"""Reviewed: tables that also hold rows of the platform (ADR 0003, 0017)."""
LINKS_OUT = frozenset({"users", "packages", "tenants", "waha_servers"})
"""Tables a tenant's row may point at by a plain foreign key: they are not a tenant's."""


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.superuser)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def two(database: Database) -> tuple[Graph, Graph]:
    """Two tenants with one row in every table each, put there by the superuser, whom no policy binds."""
    connection = await asyncpg.connect(database.superuser)
    try:
        return await Graph.make(connection, TABLES), await Graph.make(connection, TABLES)
    finally:
        await connection.close()


def test_every_table_is_a_tenants_or_reviewed() -> None:
    assert set(TABLES) - set(TENANT_TABLES) - {"tenants", "users"} == PLATFORM_TABLES


async def test_models_and_database_name_the_same_tables(owner: asyncpg.Connection) -> None:
    found = await owner.fetch("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') "
                              "AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'")
    assert {row["relname"] for row in found} == set(TABLES)


@pytest.mark.parametrize("name", [*TENANT_TABLES, "tenants", "users"])
async def test_row_security_is_forced_with_both_policies(owner: asyncpg.Connection, name: str) -> None:
    state = await owner.fetchrow("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = $1::regclass", name)
    assert tuple(state) == (True, True)
    rows = await owner.fetch("SELECT policyname, roles::text[] AS roles, qual, with_check, cmd FROM pg_policies "
                             "WHERE tablename = $1", name)
    policies = {row["policyname"]: row for row in rows}
    assert policies["tenant"]["roles"] == ["sapa_app"]
    assert policies["system"]["roles"] == ["sapa_system"]
    assert "app.tenant_id" in policies["tenant"]["qual"]
    assert policies["tenant"]["qual"] == policies["tenant"]["with_check"]
    extra = {key: row for key, row in policies.items() if key not in ("tenant", "system")}
    assert all(row["cmd"] == "SELECT" and "tenant_id IS NULL" in row["qual"] for row in extra.values())
    assert not extra or name in NULLABLE_TENANT


@pytest.mark.parametrize("name", TENANT_TABLES)
def test_keys_lead_with_the_tenant(name: str) -> None:
    table = TABLES[name]
    keys = [tuple(key.columns.keys()) for key in table.constraints if isinstance(key, sa.UniqueConstraint)]
    primary = tuple(table.primary_key.columns.keys())
    assert ("tenant_id", "id") in keys or primary[0] == "tenant_id"
    assert not table.c.tenant_id.nullable or name in NULLABLE_TENANT


@pytest.mark.parametrize("name", TENANT_TABLES)
def test_foreign_keys_between_tenant_tables_are_composite(name: str) -> None:
    for key in TABLES[name].foreign_key_constraints:
        if key.referred_table.name not in LINKS_OUT:
            assert key.column_keys[0] == "tenant_id", f"{name}.{key.column_keys} would let a tenant point at another's row"
            assert next(iter(key.elements)).column.name == "tenant_id"
        assert (key.ondelete or "NO ACTION").upper() in ("NO ACTION", "RESTRICT"), "no cascade across nouns"


async def test_no_enum_types_and_no_plain_timestamps(owner: asyncpg.Connection) -> None:
    assert await owner.fetch("SELECT typname FROM pg_type WHERE typtype = 'e'") == []
    naive = await owner.fetch("SELECT table_name, column_name FROM information_schema.columns "
                              "WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'")
    assert naive == []


async def test_roles_are_narrow(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch("SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication "
                             "FROM pg_roles WHERE rolname LIKE 'sapa%'")
    narrow = {row["rolname"]: tuple(row)[1:] for row in rows if row["rolname"] != "sapa"}
    assert narrow == {"sapa_app": (False,) * 5, "sapa_system": (False,) * 5}
    assert not next(row for row in rows if row["rolname"] == "sapa")["rolsuper"]
    owned = await owner.fetchval("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relowner IN "
                                 "(SELECT oid FROM pg_roles WHERE rolname IN ('sapa_app', 'sapa_system'))")
    assert owned == 0


async def test_search_functions_are_fixed_and_closed(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch("SELECT proname, proconfig, proacl::text AS acl, pg_get_userbyid(proowner) AS owner, prosrc "
                             "FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef")
    assert rows
    for row in rows:
        assert row["owner"] == "sapa_system", row["proname"]
        assert any(setting.startswith("search_path=pg_catalog") for setting in row["proconfig"]), row["proname"]
        assert not any(entry.startswith("=") for entry in row["acl"].strip("{}").split(",")), f"{row['proname']} is open to all"
        assert "current_setting('app.tenant_id'" in row["prosrc"], row["proname"]


@pytest.fixture
async def as_a(database: Database, two: tuple[Graph, Graph]) -> AsyncIterator[asyncpg.Connection]:
    """A connection of `sapa_app` inside a transaction of tenant A."""
    connection = await asyncpg.connect(database.app)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT set_config('app.tenant_id', $1, true)", str(two[0].tenant_id))
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.mark.parametrize("name", TENANT_TABLES)
async def test_tenant_sees_and_changes_its_own_rows_only(
    as_a: asyncpg.Connection, two: tuple[Graph, Graph], name: str
) -> None:
    a, b = two
    seen = {row["tenant_id"] for row in await as_a.fetch(f"SELECT DISTINCT tenant_id FROM {name}")}
    assert seen - {None} == {a.tenant_id}
    assert None not in seen or name in NULLABLE_TENANT
    if name in APPEND_ONLY:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await as_a.execute(f"DELETE FROM {name} WHERE tenant_id = $1", b.tenant_id)
        return
    assert await as_a.execute(f"UPDATE {name} SET tenant_id = tenant_id WHERE tenant_id = $1", b.tenant_id) == "UPDATE 0"
    assert await as_a.execute(f"DELETE FROM {name} WHERE tenant_id = $1", b.tenant_id) == "DELETE 0"


@pytest.mark.parametrize("name", TENANT_TABLES)
async def test_tenant_cannot_write_into_another(as_a: asyncpg.Connection, two: tuple[Graph, Graph], name: str) -> None:
    a, b = two
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with as_a.transaction():
            await insert(as_a, TABLES[name], values_for(TABLES[name], b))
    if name in APPEND_ONLY:
        return
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ForeignKeyViolationError)):
        async with as_a.transaction():
            await as_a.execute(f"UPDATE {name} SET tenant_id = $1 WHERE tenant_id = $2", b.tenant_id, a.tenant_id)


@pytest.mark.parametrize("name", [name for name in TENANT_TABLES if parents(TABLES[name], LINKS_OUT)])
async def test_tenant_cannot_point_at_anothers_row(as_a: asyncpg.Connection, two: tuple[Graph, Graph], name: str) -> None:
    a, b = two
    for column, parent in parents(TABLES[name], LINKS_OUT):
        stranger = b.rows[parent]["id"]
        point = (
            insert(as_a, TABLES[name], values_for(TABLES[name], a) | {column: stranger})
            if name in APPEND_ONLY
            else as_a.execute(f"UPDATE {name} SET {column} = $1", stranger)
        )
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            async with as_a.transaction():
                await point


@pytest.mark.parametrize("name", [*TENANT_TABLES, "tenants", "users"])
async def test_without_a_tenant_nothing_is_visible(database: Database, two: tuple[Graph, Graph], name: str) -> None:
    connection = await asyncpg.connect(database.app)
    try:
        platform = "tenant_id IS NOT NULL" if name in NULLABLE_TENANT else "true"
        assert await connection.fetchval(f"SELECT count(*) FROM {name} WHERE {platform}") == 0
    finally:
        await connection.close()


async def test_tenant_sees_itself_and_its_people_only(as_a: asyncpg.Connection, two: tuple[Graph, Graph]) -> None:
    a, _ = two
    assert [row["id"] for row in await as_a.fetch("SELECT id FROM tenants")] == [a.tenant_id]
    assert [row["id"] for row in await as_a.fetch("SELECT id FROM users")] == [a.rows["users"]["id"]]


@pytest.mark.parametrize("name", sorted(PLATFORM_TABLES))
async def test_platform_tables_are_read_only_or_hidden(as_a: asyncpg.Connection, name: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with as_a.transaction():
            await as_a.execute(f"DELETE FROM {name}")


async def test_setting_does_not_leak_through_the_pool(database: Database, two: tuple[Graph, Graph]) -> None:
    connection = await asyncpg.connect(database.app)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('app.tenant_id', $1, true)", str(two[0].tenant_id))
            assert await connection.fetchval("SELECT count(*) FROM contacts") == 1
        assert await connection.fetchval("SELECT count(*) FROM contacts") == 0
    finally:
        await connection.close()


async def test_system_sees_all_tenants(database: Database, two: tuple[Graph, Graph]) -> None:
    connection = await asyncpg.connect(database.system)
    try:
        for name in TENANT_TABLES:
            found = {row["tenant_id"] for row in await connection.fetch(f"SELECT DISTINCT tenant_id FROM {name}")}
            assert {graph.tenant_id for graph in two} <= found, name
    finally:
        await connection.close()
