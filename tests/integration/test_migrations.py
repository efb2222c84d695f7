"""Migrations go up, down and up again, and say the same as the models."""

import asyncio
import os
import subprocess
import sys

import asyncpg
import pytest

from tests.fixtures import services
from wa_app.config import ROOT
from wa_app.embedded import roles


@pytest.fixture(scope="module")
def empty_database() -> str:
    """A database with roles and nothing else; gone with the server."""
    server = services.service("postgres")
    name = f"sapa_migrations_{services.worker_number()}"
    asyncio.run(_fresh(server, name))
    url = services.with_database(server, name)
    asyncio.run(roles.ensure(url, services.SECRET))
    return url


async def _fresh(server: str, name: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


def alembic(url: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *words], cwd=ROOT, env={**os.environ, "DATABASE_URL": url},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"alembic {words}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


async def objects(url: str) -> dict[str, set[str]]:
    """Everything that migrations make, by kind."""
    connection = await asyncpg.connect(url)
    queries = {
        "tables": "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
        "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "constraints": "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint "
                       "WHERE connamespace = 'public'::regnamespace",
        "policies": "SELECT tablename || ' ' || policyname FROM pg_policies",
        "functions": "SELECT p.oid::regprocedure || ' ' || coalesce(proacl::text, '') FROM pg_proc p "
                     "WHERE pronamespace = 'public'::regnamespace",
        "grants": "SELECT table_name || ' ' || grantee || ' ' || privilege_type FROM information_schema.role_table_grants "
                  "WHERE grantee IN ('sapa_app', 'sapa_system')",
    }  # fmt: skip
    found = {kind: {row[0] for row in await connection.fetch(query)} for kind, query in queries.items()}
    await connection.close()
    return found


def test_up_down_up_ends_where_it_began(empty_database: str) -> None:
    alembic(empty_database, "upgrade", "head")
    first = asyncio.run(objects(empty_database))
    assert len(first["tables"]) > 20
    assert first["policies"]
    alembic(empty_database, "downgrade", "base")
    left = asyncio.run(objects(empty_database))
    assert left["tables"] <= {"alembic_version"}
    assert not left["policies"] | left["functions"]
    alembic(empty_database, "upgrade", "head")
    assert asyncio.run(objects(empty_database)) == first


def test_models_and_migrations_do_not_differ(empty_database: str) -> None:
    alembic(empty_database, "upgrade", "head")
    assert "No new upgrade operations detected" in alembic(empty_database, "check")


def test_no_package_hides_alembic() -> None:
    assert not list((ROOT / "alembic").rglob("__init__.py"))
