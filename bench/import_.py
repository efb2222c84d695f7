"""A million contacts from a CSV, end to end, over the least that could put the same rows there.

The baseline reads the file with polars, COPYs it into an unlogged staging table and inserts it, set-based,
into the same indexed tables as their owner would: no checks, no chunks, no progress. Both run on the same
server, one after the other, into two tenants; `--set n=100000` makes it smaller. `--set profile=1` also says
where the time of the inserts goes: the same inserts again with one index of theirs taken away, and rolled back.
"""

import asyncio
import io
import random
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from bench.harness import Bench, Result

NAME = "import"
NEEDS = ("postgres", "redis")
BAR, ROWS_PER_S = 4.0, 20_000
CITIES = ("Bandung", "Malang", "Sleman", "Denpasar", "Surabaya", "Medan", "Makassar", "Bogor")
FIRST = ("Siti", "Bambang", "Ni Made", "Yohanes", "Dewi", "Agus", "Ratna", "Putu", "Rizky", "Maria")
LAST = ("Rahmawati", "Sutejo", "Ayu", "Tarigan", "Lestari", "Wijaya", "Wulandari", "Saputra", "Hidayat")


def write_file(path: Path, rows: int) -> None:
    """Rows as a shop's cash desk writes them: numbers in five dresses, 1 in 500 wrong, 1 in 200 twice."""
    rng = random.Random(7)
    dresses = ("0{}", "62{}", "+62{}", "0{0[0]}{0[1]}{0[2]}-{rest}", "{}")
    with path.open("w", encoding="utf-8") as file:
        file.write("nama,hp,kota,total\n")
        for n in range(rows):
            digits = f"81{(n if n % 200 else max(n - 50, 0)):09}"
            phone = dresses[n % 5].format(digits, rest=digits[3:]) if n % 500 != 499 else "0812-00"
            name = f"{rng.choice(FIRST)} {rng.choice(LAST)} {n}"
            file.write(f"{name},{phone},{rng.choice(CITIES)},{rng.randrange(1000) * 500}\n")


async def make_tenant(connection: Any) -> UUID:
    from wa_app.services import identities

    query = "INSERT INTO tenants (name, package_key, identity_key) VALUES ('bench', 'unlimited', $1) RETURNING id"
    tenant: UUID = await connection.fetchval(query, identities.new_key())
    return tenant


BARE = (
    """INSERT INTO contacts (id, tenant_id, name, phone, city, attributes, source, search_text)
    SELECT id, '{t}', name, phone, city, jsonb_build_object('total', total), 'import',
           lower(name) || ' ' || phone || ' ' || lower(city) FROM bare_staging""",
    """INSERT INTO contact_identities (tenant_id, contact_id, kind, value, hash)
    SELECT '{t}', id, 'phone', phone, sha256(phone::bytea) FROM bare_staging""",
)
STAGING = """CREATE UNLOGGED TABLE bare_staging (name text, phone text, city text, total text,
    id uuid NOT NULL DEFAULT uuidv7())"""


INDEXES = ("ix_contacts_search", "ix_contacts_alive", "ix_contact_identities_tenant_id_contact_id",
           "ix_contact_identities_tenant_id_hash")  # fmt: skip


async def profile(connection: Any, path: Path) -> dict[str, float]:
    """Seconds of the least that is possible with all indexes, and with all but one; nothing of it is kept."""
    found = {}
    for index in ("", *INDEXES):
        transaction = connection.transaction()
        await transaction.start()
        if index:
            await connection.execute(f"DROP INDEX {index}")
        seconds, _ = await bare(connection, await make_tenant(connection), path)
        await transaction.rollback()
        found[f"without_{index}_s" if index else "with_all_s"] = round(seconds, 2)
    return found


async def bare(connection: Any, tenant: UUID, path: Path) -> tuple[float, int]:
    """Seconds and contacts of the least that is possible (numbers made equal by one regular expression)."""
    import polars as pl

    await connection.execute(STAGING)
    await connection.execute(f"SET app.tenant_id = '{tenant}'")
    began = time.perf_counter()
    frame = pl.read_csv(path, infer_schema=False)
    digits = pl.col("hp").str.replace_all(r"\D", "").str.replace(r"^(62|0)", "")
    frame = (
        frame.with_columns(phone=pl.lit("+62") + digits)
        .unique("phone", keep="first")
        .filter(pl.col("phone").str.len_chars() > 11)
    )
    buffer = io.BytesIO()
    frame.select("nama", "phone", "kota", "total").write_csv(buffer, include_header=False)
    buffer.seek(0)
    columns = ["name", "phone", "city", "total"]
    await connection.copy_to_table("bare_staging", source=buffer, columns=columns, format="csv")
    async with connection.transaction():
        for statement in BARE:
            await connection.execute(statement.format(t=tenant))
    seconds = time.perf_counter() - began
    await connection.execute("DROP TABLE bare_staging")
    return seconds, frame.height


async def ours(tenant: UUID, path: Path) -> tuple[float, dict[str, int]]:
    """Seconds and counts of an import through the product's own door."""
    from wa_app.db import dispose, unit_of_work
    from wa_app.files import file_store
    from wa_app.models.files import File
    from wa_app.schemas.contacts import ImportRequest
    from wa_app.schemas.principal import Principal
    from wa_app.services import imports

    me = Principal.system(tenant)

    async def chunks() -> Any:
        with path.open("rb") as source:
            while block := source.read(2**20):
                yield block

    stored = await file_store().put(f"{tenant}/bench", chunks())
    async with unit_of_work(me) as uow:
        file = File(
            tenant_id=tenant, name=path.name, mime="text/csv", size=stored.size, sha256=stored.sha256,
            storage_key=f"{tenant}/bench",
        )  # fmt: skip
        uow.session.add(file)
    began = time.perf_counter()
    async with unit_of_work(me) as uow:
        job = await imports.request(uow, ImportRequest(file_id=file.id))
    slept = asyncio.create_task(_longest_block())
    await imports.run(me, job.id)
    seconds = time.perf_counter() - began
    slept.cancel()
    async with unit_of_work(me) as uow:
        done = await imports.get(uow, job.id)
        stored_rows = (await uow.session.execute(text("SELECT count(*) FROM contacts"))).scalar_one()
    await dispose()
    if done.status != "done":
        raise RuntimeError(f"the import ended as {done.status}: {done.error_code}")
    found = {"created": done.created, "failed": done.failed, "duplicates": done.duplicates, "stored": stored_rows}
    return seconds, found | {"loop_block_ms": round(BLOCK[0] * 1000)}


BLOCK = [0.0]


async def _longest_block() -> None:
    """How long the event loop was ever kept from turning."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        BLOCK[0] = max(BLOCK[0], time.perf_counter() - began - 0.01)


async def run(env: Bench) -> Result:
    """Run both and compare."""
    import asyncpg

    rows = env.option("n", 1_000_000)
    path = env.data / "contacts.csv"
    write_file(path, rows)
    env.say(f"{rows} rows, {path.stat().st_size / 2**20:.0f} MB")
    # The baseline may skip row-level security: it is the least that is possible.
    connection = await asyncpg.connect(env.superuser_url)
    try:
        first, second = await make_tenant(connection), await make_tenant(connection)
        bare_s, bare_rows = await bare(connection, first, path)
        shares = await profile(connection, path) if env.option("profile", 0) else {}
        env.say(f"bare: {bare_s:.1f} s for {bare_rows} contacts")
        await connection.execute("CHECKPOINT")
        ours_s, found = await ours(second, path)
        env.say(f"ours: {ours_s:.1f} s for {found['created']} contacts")
    finally:
        await connection.close()
    ratio, rate = ours_s / bare_s, rows / ours_s
    lost = bare_rows - found["stored"]
    figures = {
        "rows_per_s": rate, "seconds": ours_s, "baseline_seconds": bare_s, "rows": rows, "lost": lost, **found, **shares,
    }  # fmt: skip
    return Result(NAME, ratio, figures, ratio <= BAR and rate >= ROWS_PER_S and lost == 0)
