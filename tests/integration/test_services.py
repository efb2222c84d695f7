"""The servers of the tests are the real ones and the roles are narrow."""

import asyncpg
import pytest
import redis.asyncio

from tests.fixtures.services import Database


async def test_database_is_postgres_18_and_each_role_logs_in(database: Database) -> None:
    for url, role in ((database.owner, "sapa"), (database.app, "sapa_app"), (database.system, "sapa_system")):
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT current_user") == role
        assert await connection.fetchval("SHOW server_version_num") >= "180000"
        row = await connection.fetchrow("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert tuple(row) == (False, False)
        await connection.close()


async def test_database_refuses_a_wrong_password(database: Database) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(database.app.replace("sapa_app:", "sapa_app:x"))


async def test_redis_keeps_what_it_is_given(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.set("sapa:test", "1")
        assert await client.get("sapa:test") == b"1"
        assert (await client.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
