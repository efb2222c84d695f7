"""Somebody who is signed in calls every handler with the ids of another tenant, on a bare websocket.

In each tab one of the other tenant's ids goes into every handler that takes arguments, then every handler
without arguments runs, so that what was "selected" or "opened" by the foreign id is acted upon. Afterwards the other
tenant's rows are what they were, and nothing that was heard holds a word of them.
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
from wa_app.kit.secrets import digest, new_token
from wa_app.schemas.principal import ALL_VERBS

assert wa_app.models
pytestmark = pytest.mark.browser

TABLES = (
    "contacts", "tags", "campaigns", "devices", "files", "import_jobs", "outbound_messages", "suppressions", "roles",
    "memberships", "users", "api_keys", "user_sessions", "conversations", "group_grabs",
)  # fmt: skip
"""Tables whose ids a page may hand to a handler."""
SETTLED = {
    "import_jobs": "status = 'done'", "outbound_messages": "state = 'failed'", "inbound_events": "state = 'done'",
    "group_grabs": "status = 'done'", "group_lists": "status = 'ready'",
    "campaign_jobs": "status = 'done'", "link_checks": "state = 'ok'",
}  # fmt: skip
"""States that no worker touches by itself, so that a change is a handler's."""
OF_WORKERS = frozenset({"device_events", "usage_counters", "device_usage"})
COLUMNS = {"devices": "id, name, is_active_for_broadcast, pacing, deleted_at"}
"""Of a table that probes write to: what only a person changes."""
ANSWERED_S = 900
"""How long a tab may take to work off one call of every handler; fifteen tabs do it at once."""
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
    found = {}
    for name, table in SQLModel.metadata.tables.items():
        if "tenant_id" in table.columns and name not in OF_WORKERS:
            what = f"({COLUMNS[name]})::text" if name in COLUMNS else "r::text"
            query = f"SELECT {what} FROM {name} r WHERE tenant_id = $1 ORDER BY 1"
            found[name] = [row[0] for row in await connection.fetch(query.replace("SELECT (", "SELECT row("), graph.tenant_id)]
    return found


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
    apart(_every_handler_with_foreign_ids(app))


async def _every_handler_with_foreign_ids(app: RunningApp) -> None:
    connection = await asyncpg.connect(app.superuser_url)
    try:
        tables = dict(SQLModel.metadata.tables)
        mine, theirs = await Graph.make(connection, tables), await Graph.make(connection, tables)
        await connection.execute("UPDATE roles SET verbs = $1 WHERE tenant_id = $2", sorted(ALL_VERBS), mine.tenant_id)
        for name, state in SETTLED.items():
            await connection.execute(f"UPDATE {name} SET {state} WHERE tenant_id = $1", theirs.tenant_id)
        before = await rows_of(connection, theirs)
        assert before["contacts"]
        cookies = {table: await signed_in(connection, mine) for table in TABLES}
        for table, told in zip(TABLES, await asyncio.gather(*(
            tab(app, cookies[table], str(theirs.rows[table]["id"]), mine.rows["tenants"]["name"]) for table in TABLES
        )), strict=True):  # fmt: skip
            assert not [word for word in words_of(theirs) if word in told], f"an id of {table} showed another tenant's row"
        assert await rows_of(connection, theirs) == before
    finally:
        await connection.close()
