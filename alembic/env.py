"""Runs migrations as the owner of the database (`DATABASE_URL`)."""

import asyncio

from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import wa_app.models  # noqa: F401  (fills the metadata)
from alembic import context
from wa_app.config import get_settings
from wa_app.db import async_url


def run(connection: Connection) -> None:
    """One transaction per migration; a lock that is not had in 5 s is given up."""
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, compare_type=True,
        compare_server_default=False, transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def online(url: str) -> None:
    engine = create_async_engine(async_url(url), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(online(context.config.get_main_option("sqlalchemy.url") or get_settings().database_url))
