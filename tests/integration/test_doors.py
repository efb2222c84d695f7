"""The doors of the database: what a unit of work opens, and what becomes of connections that died in the pool."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tests.fixtures.services import Database
from wa_app import db
from wa_app.config import Settings
from wa_app.kit.ids import new_id
from wa_app.schemas.principal import Principal

_TENANT = "SELECT NULLIF(current_setting('app.tenant_id', true), '')"
_OPEN = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sapa-%' AND datname = current_database()"
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sapa-%' AND datname = current_database()"


@pytest.fixture(autouse=True)
async def pools(settings: Settings) -> AsyncIterator[None]:
    await db.dispose()
    yield
    await db.dispose()


async def _tenant_inside(tenant_id: UUID) -> str | None:
    async with db.unit_of_work(Principal.system(tenant_id)) as uow:
        conn = await uow.driver()
        assert conn.is_in_transaction()
        found: str | None = await conn.fetchval(_TENANT)
        return found


async def test_a_unit_of_work_is_in_its_tenant_and_leaves_nothing_behind() -> None:
    first, second = new_id(), new_id()
    assert await _tenant_inside(first) == str(first)
    assert await _tenant_inside(second) == str(second)
    async with db.app_engine().connect() as connection:
        assert (await connection.execute(text(_TENANT))).scalar_one() is None


async def test_connections_that_died_in_the_pool_are_not_handed_out(database: Database) -> None:
    await asyncio.gather(*(_tenant_inside(new_id()) for _ in range(db.POOL_SIZE)))
    admin = await asyncpg.connect(database.superuser)
    await admin.execute(_END)
    await admin.close()
    await asyncio.sleep(0.05)
    wanted = [new_id() for _ in range(3 * db.POOL_SIZE)]
    assert await asyncio.gather(*map(_tenant_inside, wanted)) == [str(one) for one in wanted]


async def test_a_connection_that_was_idle_for_long_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "IDLE_S", -1.0)
    tenant_id = new_id()
    assert await _tenant_inside(tenant_id) == str(tenant_id)
    assert await _tenant_inside(tenant_id) == str(tenant_id)


async def test_one_that_is_cancelled_while_it_begins_spoils_no_connection() -> None:
    """Cancelled at every step of its beginning: whoever comes next finds a connection in order."""
    for turns in range(12):
        task = asyncio.create_task(_tenant_inside(new_id()))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        wanted = new_id()
        assert await _tenant_inside(wanted) == str(wanted)


async def test_a_connection_in_use_when_the_pools_close_is_closed_when_it_comes_back(database: Database) -> None:
    admin = await asyncpg.connect(database.superuser)
    try:
        async with db.unit_of_work(Principal.system(new_id())) as uow:
            conn = await uow.driver()
            await db.dispose()
            assert await admin.fetchval(_OPEN) == 1
        assert conn.is_closed()
        assert await _tenant_inside(tenant_id := new_id()) == str(tenant_id)
    finally:
        await admin.close()


async def test_one_given_up_after_the_pools_closed_comes_back_without_an_error() -> None:
    async with db.app_engine().connect() as connection:
        await connection.execute(text("SELECT 1"))
        await db.dispose()
        await connection.invalidate()
    assert await _tenant_inside(tenant_id := new_id()) == str(tenant_id)


async def test_a_refused_statement_takes_everything_back() -> None:
    with pytest.raises(SQLAlchemyError):
        async with db.unit_of_work(Principal.system(new_id())) as uow:
            await uow.session.execute(text("SELECT 1 / 0"))
    assert await _tenant_inside(tenant_id := new_id()) == str(tenant_id)
