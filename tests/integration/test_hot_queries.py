"""No hot query reads a big table from end to end.

Row-level security keeps most operators from an index (DESIGN §4), which no small table shows. So each
call of the registry runs on big tables as the role that runs it in life, and PostgreSQL's own count of
sequential reads must not move: this also sees inside functions and what a service asks by the way.
Plans of the statements are shown when one fails.
"""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import event, text
from sqlmodel import SQLModel

from tests.fixtures.rows import Graph, values_for
from tests.fixtures.services import Database, environment, make_database, worker_number
from tests.integration.hot_queries import HOT, SYSTEM, World
from wa_app import db
from wa_app.kit.secrets import encrypt, new_token
from wa_app.schemas.principal import Principal

TENANTS = 5
ROWS = 12_000
"""Rows of each big table in each tenant."""
BIG = (
    "contacts", "contact_identities", "contact_tags", "outbound_messages", "inbound_events", "messages",
    "conversations", "suppressions", "device_sends", "import_errors", "device_events", "audit_log", "files",
    "auto_reply_contacts", "auto_reply_hits", "ai_usage", "ai_usage_hours", "ai_counters", "ai_holds", "message_media", "ocr_scans",
)  # fmt: skip

# What makes a thousand rows of a table different from one another; `g` counts, `t` numbers the tenant.
SPREAD: dict[str, dict[str, str]] = {
    "contacts": {"name": "'Sari ' || g", "phone": "'+62812' || lpad(g::text, 6, '0') || t",
                 "search_text": "'sari ' || g || ' 0812' || lpad(g::text, 6, '0') || t"},
    "contact_identities": {"contact_id": "(SELECT ids[g] FROM many)", "value": "'+62812' || lpad(g::text, 6, '0') || t",
                           "hash": "sha256((t || 'h' || g)::bytea)"},
    "contact_tags": {"contact_id": "(SELECT ids[g] FROM many)"},
    "outbound_messages": {"contact_id": "(SELECT ids[g] FROM many)", "dedupe_key": "'k' || g", "kind": "'campaign'",
                          "campaign_id": "$campaigns", "device_id": "$devices", "identity_kind": "'phone'",
                          "identity_value": "'+62812' || lpad(g::text, 6, '0') || t",
                          "provider_message_id": "'x' || g", "sent_at": "now() - g * interval '1 s'",
                          "state": "CASE WHEN g % 50 = 0 THEN 'failed' WHEN g % 60 = 0 THEN 'planned' ELSE 'delivered' END"},
    "inbound_events": {"envelope_id": "'e' || g", "state": "CASE WHEN g % 100 = 0 THEN 'pending' ELSE 'done' END",
                       "due_at": "now() - g * interval '1 s'"},
    "conversations": {"contact_id": "(SELECT ids[g] FROM many)", "last_message_at": "now() - g * interval '1 s'",
                      "waiting_since": "CASE WHEN g % 10 = 0 THEN now() - g * interval '1 s' END"},
    "messages": {"provider_message_id": "'x' || g"},
    "auto_reply_contacts": {"contact_id": "(SELECT ids[g] FROM many)", "last_at": "now()", "period_at": "now()"},
    "auto_reply_hits": {"auto_reply_id": "$auto_replies", "day": "current_date - (g / 400)::integer", "shard": "g % 400"},
    "ai_usage": {"call_id": "uuidv7()", "job_key": "'j' || g", "created_at": "now() - g * interval '10 min'",
                 "outcome": "CASE WHEN g % 100 = 0 THEN 'upstream' ELSE 'ok' END"},
    "ai_usage_hours": {"hour": "date_trunc('hour', now()) - g * interval '1 h'"},
    "ai_counters": {"subject_id": "uuidv7()", "created_at": "now() - g * interval '1 min'"},
    "ai_holds": {"subject_id": "uuidv7()", "expires_at": "now() + g * interval '1 s'"},
    "message_media": {"message_id": "uuidv7()", "state": "CASE WHEN g % 200 = 0 THEN 'waiting' ELSE 'done' END", "due_at": "now()"},
    "ocr_scans": {"status": "CASE WHEN g % 200 = 0 THEN 'queued' ELSE 'done' END", "due_at": "now()",
                  "expires_at": "now() + g * interval '1 s'"},
    "suppressions": {"hash": "sha256((t || 's' || g)::bytea)"},
    "import_errors": {"row": "g"},
    "device_sends": {"total": "g", "strangers": "g / 2", "at": "now() - interval '3 h' + g * interval '1 s'",
                     "device_id": "$devices"},
}  # fmt: skip


async def fill(connection: asyncpg.Connection, name: str, graph: Graph, number: int) -> None:
    table: sa.Table = SQLModel.metadata.tables[name]
    prototype = values_for(table, graph)
    spread = {key: value for key, value in SPREAD.get(name, {}).items() if key in table.columns}
    values, columns = [], []
    many = list(graph.rows["many"].values()) if "many" in graph.rows else []
    terms = []
    for column in {**prototype, **spread}:
        columns.append(f'"{column}"')
        if column in spread and not spread[column].startswith("$"):
            terms.append(spread[column])
            continue
        if column == "id":
            terms.append("uuidv7()")
            continue
        value = graph.rows[spread[column][1:]]["id"] if column in spread else prototype[column]
        values.append(value)
        terms.append(f"${len(values)}::{_cast(table.columns[column])}")
    values.append(many)
    sql = (
        f"WITH many AS MATERIALIZED (SELECT ${len(values)}::uuid[] AS ids) INSERT INTO {name} ({', '.join(columns)}) "
        f"SELECT {', '.join(terms)} FROM generate_series(1, {ROWS}) g, (SELECT {number}::text AS t) n ON CONFLICT DO NOTHING"
    )
    await connection.execute(sql, *values)


def _cast(column: sa.Column[Any]) -> str:
    return str(column.type.compile(dialect=sa.dialects.postgresql.dialect()))


@pytest.fixture(scope="module")
def made(settings: object) -> Database:
    """A database of its own, as the tables of the others should stay small."""
    return make_database(f"sapa_hot_{worker_number()}")


@pytest.fixture(scope="module")
async def world(made: Database) -> AsyncIterator[tuple[World, Database]]:
    """Big tables of several tenants; the settings point at them for this module."""
    connection = await asyncpg.connect(made.superuser)
    tables, graphs = dict(SQLModel.metadata.tables), []
    try:
        # Referential checks are tested elsewhere; here they would cost minutes.
        await connection.execute("SET session_replication_role = replica")
        for number in range(TENANTS):
            graph = await Graph.make(connection, tables)
            await connection.execute("UPDATE tenants SET identity_key = $1 WHERE id = $2", encrypt(new_token()), graph.tenant_id)
            graphs.append(graph)
            await fill(connection, "contacts", graph, number)
            ids = await connection.fetch("SELECT id FROM contacts WHERE tenant_id = $1 ORDER BY id LIMIT $2", graph.tenant_id, ROWS)
            graph.rows["many"] = {str(n): one["id"] for n, one in enumerate(ids)}
            for name in BIG[1:]:
                await fill(connection, name, graph, number)
            await connection.execute("UPDATE campaigns SET status = 'PROCESSING' WHERE tenant_id = $1", graph.tenant_id)
            await connection.execute("UPDATE devices SET status = 'CONNECTED' WHERE tenant_id = $1", graph.tenant_id)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    mine = graphs[2]
    there = World(
        mine.tenant_id, {name: row["id"] for name, row in mine.rows.items() if "id" in row},
        list(mine.rows["many"].values()),
    )  # fmt: skip
    await db.dispose()
    with environment(DATABASE_URL=made.owner, DATABASE_APP_URL=made.app, DATABASE_SYSTEM_URL=made.system):
        yield there, made
        await db.dispose()


async def sequential_reads(made: Database) -> dict[str, int]:
    connection = await asyncpg.connect(made.superuser)
    try:
        rows = await connection.fetch("SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE relname = ANY($1)", list(BIG))
        return {row["relname"]: row["seq_tup_read"] for row in rows}
    finally:
        await connection.close()


class Plans:
    """Plans of what SQLAlchemy sends, kept for the message of a failed test."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def explain(self, connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH", "UPDATE")) and "EXPLAIN" not in statement and "set_config" not in statement:
            cursor.execute(f"EXPLAIN {statement}", parameters)
            self.found.append("\n".join(line[0] for line in cursor.fetchall()))


async def run(made: Database, work: Any, plans: Plans, engine: Any) -> dict[str, int]:
    before = await sequential_reads(made)
    event.listen(engine.sync_engine, "before_cursor_execute", plans.explain)
    try:
        await work()
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", plans.explain)
    after = await sequential_reads(made)
    return {name: after[name] - before[name] for name in after if after[name] > before[name]}


FLUSH = text("SELECT pg_stat_force_next_flush()")


@pytest.mark.parametrize("name", HOT)
async def test_tenant_call_reads_no_big_table_whole(world: tuple[World, Database], name: str) -> None:
    there, made = world
    plans = Plans()

    async def work() -> None:
        async with db.unit_of_work(Principal.system(there.tenant_id)) as uow:
            await HOT[name](uow, there)
            await uow.session.execute(FLUSH)

    read = await run(made, work, plans, db.app_engine())
    assert not read, f"{name} read {read} rows one after another\n" + "\n\n".join(plans.found)
    bad = [plan for plan in plans.found if any(f"Seq Scan on {table}" in plan for table in BIG)]
    assert not bad, "\n\n".join(bad)


@pytest.mark.parametrize("name", SYSTEM)
async def test_system_call_reads_no_big_table_whole(world: tuple[World, Database], name: str) -> None:
    there, made = world
    plans = Plans()

    async def work() -> None:
        async with db.system_unit_of_work() as uow:
            await SYSTEM[name](uow, there)
            await uow.session.execute(FLUSH)

    read = await run(made, work, plans, db.system_engine())
    assert not read, f"{name} read {read} rows one after another\n" + "\n\n".join(plans.found)


async def test_the_test_sees_a_sequential_scan(world: tuple[World, Database]) -> None:
    _, made = world
    plans = Plans()

    async def work() -> None:
        async with db.system_unit_of_work() as uow:
            await uow.session.execute(text("SELECT count(*) FROM contacts WHERE name LIKE '%zz%'"))
            await uow.session.execute(FLUSH)

    read = await run(made, work, plans, db.system_engine())
    assert read["contacts"] >= ROWS
    assert "Seq Scan on contacts" in plans.found[0]
