"""Planning a campaign of a million people, against the plain `INSERT … SELECT` of the same rows.

The floor copies the very rows that were planned into a table with the same columns and
indexes, as the owner and in one statement: no joins, no counters, no checkpoints, no
row-level security. Options: `n` (contacts, 1,000,000), `chunk` (contacts per transaction).
"""

import time
from typing import Any

from bench.harness import Bench, Result
from wa_app.kit.ids import new_id
from wa_app.schemas.campaigns import CampaignCreate, Target
from wa_app.schemas.principal import Principal

NEEDS = ("postgres", "redis")
BAR, MAX_SECONDS = 3.0, 60.0

_FILL = """
WITH made AS (
    INSERT INTO contacts (id, tenant_id, name, phone)
    SELECT uuidv7(), $1, 'Orang ' || n, '+62' || (81200000000 + n) FROM generate_series($2::bigint, $3::bigint) n
    RETURNING tenant_id, id, phone
)
INSERT INTO contact_identities (tenant_id, contact_id, kind, value, hash)
SELECT tenant_id, id, 'phone', phone, sha256(phone::bytea) FROM made
"""
_SUPPRESS = """
INSERT INTO suppressions (tenant_id, kind, hash, masked, reason)
SELECT tenant_id, kind, hash, 'x', 'MANUAL' FROM contact_identities WHERE tenant_id = $1 ORDER BY id LIMIT $2
"""


async def _fill(connection: Any, env: Bench, n: int) -> Principal:
    from wa_app.db import system_unit_of_work
    from wa_app.kit.secrets import encrypt, new_token
    from wa_app.models.identity import Tenant

    tenant = Tenant(name="Bench", identity_key=encrypt(new_token()))
    async with system_unit_of_work() as uow:
        uow.session.add(tenant)
    device = new_id()
    await connection.execute(
        "INSERT INTO devices (id, tenant_id, name, session, status, webhook_token_hash, webhook_token, hmac_key) "
        "VALUES ($1, $2, 'Bench', 'bench', 'CONNECTED', '\\x00', '-', '-')", device, tenant.id,
    )  # fmt: skip
    for first in range(1, n + 1, 100_000):
        await connection.execute(_FILL, tenant.id, first, min(first + 99_999, n))
    await connection.execute(_SUPPRESS, tenant.id, n // 100)
    await connection.execute("VACUUM ANALYZE contacts, contact_identities, suppressions")
    env.say(f"filled {n} contacts, {n // 100} of them suppressed")
    return Principal.system(tenant.id)


async def _floor(connection: Any) -> float:
    """Seconds of the plain copy, into a table of the same shape."""
    await connection.execute("CREATE TABLE plain_copy (LIKE outbound_messages INCLUDING ALL)")
    await connection.execute("CHECKPOINT")
    begin = time.perf_counter()
    await connection.execute("INSERT INTO plain_copy SELECT * FROM outbound_messages")
    took = time.perf_counter() - begin
    await connection.execute("DROP TABLE plain_copy")
    return took


async def _plan(principal: Principal, chunk: int) -> tuple[float, int]:
    from wa_app.db import unit_of_work
    from wa_app.sending import planning
    from wa_app.services import campaigns

    async with unit_of_work(principal) as uow:
        data = CampaignCreate(name="Bench", message_template="{Halo|Hai} {{name}}", target=Target(all=True))
        made = await campaigns.create(uow, data)
        await campaigns.start(uow, made.id)
    begin = time.perf_counter()
    inserted = await planning.plan(principal.tenant_id, made.id, chunk=chunk)
    took = time.perf_counter() - begin
    async with unit_of_work(principal) as uow:
        view = await campaigns.get(uow, made.id)
    if not view.counts.total == inserted == view.plan_total:
        raise AssertionError(f"{view.counts.total} booked, {inserted} inserted, {view.plan_total} wanted")
    return took, inserted


async def run(env: Bench) -> Result:
    import asyncpg

    from wa_app.sending.planning import CHUNK

    n, chunk = env.option("n", 1_000_000), env.option("chunk", CHUNK)
    connection = await asyncpg.connect(env.superuser_url, timeout=60)
    principal = await _fill(connection, env, n)
    await connection.execute("CHECKPOINT")
    seconds, inserted = await _plan(principal, chunk)
    env.say(f"planned {inserted} in {seconds:.1f} s")
    plain = await _floor(connection)
    await connection.close()
    ratio = seconds / plain
    figures = {
        "seconds": seconds, "baseline_seconds": plain, "rows": inserted, "rows_per_s": inserted / seconds,
        "chunk": chunk,
    }  # fmt: skip
    return Result("plan", ratio, figures, ratio <= BAR and seconds < MAX_SECONDS * n / 1_000_000)
