"""Somebody who is signed in calls every handler with the id of another tenant's rows, on a bare websocket.

All rows of the other tenant have the same id, so that one call tries it as a contact, a campaign, a device and whatever
else there is. It goes into every handler that takes arguments, then every handler without arguments runs, so that what was
"selected" or "opened" by the foreign id is acted upon. Afterwards the other tenant's rows are what they were, and
nothing that was heard holds a word of them.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlmodel import SQLModel

import wa_app.models
from state.base import AppState
from tests.browser.test_sockets import QUIET_S, Client, apart, handlers
from tests.fixtures.app import RunningApp
from tests.fixtures.rows import Graph, insert, values_for
from wa_app.kit.ids import new_id
from wa_app.kit.secrets import digest, new_token
from wa_app.schemas.principal import ALL_VERBS

assert wa_app.models
pytestmark = pytest.mark.browser

ANSWERED_S = 300
"""How long a tab may take to work off one call of every handler."""
ENDS_SIGN_IN = ("sign_out", "end_", "log_out", "revoke", "change_password", "delete_account")
"""Handlers that would end the caller's own session; their ids are tried over the API (test_routes)."""


async def signed_in(connection: asyncpg.Connection, graph: Graph) -> str:
    """A browser's cookie of the graph's own person."""
    token, table = new_token(), SQLModel.metadata.tables["user_sessions"]
    await insert(connection, table, values_for(table, graph) | {
        "kind": "browser", "token_hash": digest(token), "expires_at": datetime.now(UTC) + timedelta(hours=1),
    })  # fmt: skip
    return f"sapa_session={token}"


async def rows_of(connection: asyncpg.Connection, graph: Graph) -> dict[str, list[str]]:
    """All rows of a tenant, as text, by table."""
    return {
        name: [row[0] for row in await connection.fetch(f"SELECT r::text FROM {name} r WHERE tenant_id = $1 ORDER BY 1", graph.tenant_id)]
        for name, table in SQLModel.metadata.tables.items() if "tenant_id" in table.columns
    }  # fmt: skip


def words_of(graph: Graph) -> set[str]:
    """Texts that stand in this tenant's rows and nowhere else."""
    return {
        value for name, row in graph.rows.items() if name not in ("packages", "waha_servers", "scheduled_jobs")
        for value in row.values() if isinstance(value, str) and len(value) == 33 and value.startswith("x")
    }  # fmt: skip


async def try_everything(client: Client, foreign: str) -> None:
    known = [(name, words) for name, words in handlers() if not name.rsplit(".", 1)[1].startswith(ENDS_SIGN_IN)]
    for name, words in sorted(known, key=lambda one: not one[1]):
        payload: dict[str, Any] = dict.fromkeys(words, foreign)
        await client.call(name, **payload)


async def tab(app: RunningApp, cookie: str, foreign: str, own_name: str) -> str:
    """All that one tab hears while it tries an id everywhere."""
    client = Client(cookie)
    await client.open(app.base_url)
    await try_everything(client, foreign)
    await asyncio.sleep(QUIET_S)
    told = client.words()
    client.heard.clear()
    # Behind everything else in the tab's own order: when it is answered, all has been tried.
    await client.call(f"{AppState.get_full_name()}.on_load")
    for _ in range(ANSWERED_S):
        if own_name in client.words():
            break
        await asyncio.sleep(1)
    assert own_name in client.words(), "the control: still signed in"
    told += client.words()
    await client.socket.disconnect()
    return told


def test_foreign_ids_change_and_show_nothing(app: RunningApp) -> None:
    # The clock's sweeps work for every tenant. Without them workers do only what the handlers ask, which counts as theirs.
    with app.clock_stopped():
        apart(_every_handler_with_foreign_ids(app))


async def _every_handler_with_foreign_ids(app: RunningApp) -> None:
    connection = await asyncpg.connect(app.superuser_url)
    try:
        await app.idle()
        tables, one_id = dict(SQLModel.metadata.tables), new_id()
        mine, theirs = await Graph.make(connection, tables), await Graph.make(connection, tables, one_id)
        await connection.execute("UPDATE roles SET verbs = $1 WHERE tenant_id = $2", sorted(ALL_VERBS), mine.tenant_id)
        before = await rows_of(connection, theirs)
        assert all(before.values())
        told = await tab(app, await signed_in(connection, mine), str(one_id), mine.rows["tenants"]["name"])
        assert not [word for word in words_of(theirs) if word in told]
        await app.idle()
        assert await rows_of(connection, theirs) == before
    finally:
        await connection.close()
