"""Put one prepared chunk into the tables, set-based, inside the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.services.imports.prepare import TAG_JOIN

# ruff: noqa: S608 - queries are put together of parts of our own, values are bound

_ROWS = """CREATE TEMP TABLE import_rows (
    row integer NOT NULL, phone text NOT NULL, hash bytea NOT NULL, name text, city text, search_text text,
    attributes jsonb, tags text, id uuid NOT NULL DEFAULT uuidv7()
) ON COMMIT DROP"""
_COLUMNS = ["row", "phone", "hash", "name", "city", "search_text", "attributes", "tags"]

_KNOWN = """CREATE TEMP TABLE import_known ON COMMIT DROP AS
SELECT r.row, r.id AS new_id, i.contact_id, c.deleted_at IS NOT NULL AS was_deleted
FROM import_rows r
JOIN contact_identities i ON i.tenant_id = '{tenant}' AND i.kind = 'phone' AND i.value = r.phone
JOIN contacts c ON c.tenant_id = i.tenant_id AND c.id = i.contact_id"""

_UNKNOWN = "NOT EXISTS (SELECT 1 FROM import_known k WHERE k.row = r.row)"

_CONTACTS = f"""INSERT INTO contacts (id, tenant_id, name, phone, city, attributes, source, search_text)
SELECT r.id, :t, r.name, r.phone, r.city, r.attributes, 'import', r.search_text FROM import_rows r WHERE {_UNKNOWN}"""

# In the order of the phones, so that two imports of the same people wait for each other instead of deadlocking.
_IDENTITIES = f"""INSERT INTO contact_identities (tenant_id, contact_id, kind, value, hash)
SELECT :t, r.id, 'phone', r.phone, r.hash FROM import_rows r WHERE {_UNKNOWN} ORDER BY r.phone COLLATE "C"
ON CONFLICT (tenant_id, kind, value) DO NOTHING"""

# Somebody else stored these numbers between our look and our insert: theirs stay.
_OVERTAKEN = f"""WITH lost AS (
    SELECT r.id FROM import_rows r WHERE {_UNKNOWN} AND NOT EXISTS (
        SELECT 1 FROM contact_identities i WHERE i.tenant_id = :t AND i.kind = 'phone' AND i.value = r.phone
        AND i.contact_id = r.id)),
gone AS (DELETE FROM contacts c USING lost WHERE c.tenant_id = :t AND c.id = lost.id)
DELETE FROM import_rows r USING lost WHERE r.id = lost.id"""

_REVIVE = """UPDATE contacts c SET deleted_at = NULL, source = 'import', name = r.name, city = r.city,
    attributes = r.attributes, search_text = r.search_text, phone = r.phone, updated_at = now()
FROM import_known k JOIN import_rows r ON r.row = k.row
WHERE c.tenant_id = :t AND c.id = k.contact_id AND k.was_deleted"""
_REVIVE_UNTAG = """DELETE FROM contact_tags ct USING import_known k
WHERE ct.tenant_id = :t AND ct.contact_id = k.contact_id AND k.was_deleted"""

_UPDATE = """UPDATE contacts c SET
    name = COALESCE(NULLIF(r.name, ''), c.name), city = COALESCE(NULLIF(r.city, ''), c.city),
    attributes = c.attributes || r.attributes, updated_at = now(),
    search_text = CASE WHEN r.name = '' THEN c.search_text || ' ' || lower(r.city)
                       ELSE r.search_text || ' ' || lower(c.city) END
FROM import_known k JOIN import_rows r ON r.row = k.row
WHERE c.tenant_id = :t AND c.id = k.contact_id AND NOT k.was_deleted
  AND (r.name NOT IN ('', c.name) OR r.city NOT IN ('', c.city)
       OR c.attributes || r.attributes IS DISTINCT FROM c.attributes)
RETURNING c.id"""

_FILL = """UPDATE contacts c SET
    name = COALESCE(NULLIF(c.name, ''), r.name), city = COALESCE(NULLIF(c.city, ''), r.city),
    attributes = r.attributes || c.attributes, updated_at = now(),
    search_text = CASE WHEN c.name = '' THEN r.search_text || ' ' || lower(c.city)
                       ELSE c.search_text || ' ' || lower(r.city) END
FROM import_known k JOIN import_rows r ON r.row = k.row
WHERE c.tenant_id = :t AND c.id = k.contact_id AND NOT k.was_deleted
  AND ((c.name = '' AND r.name <> '') OR (c.city = '' AND r.city <> '')
       OR r.attributes || c.attributes IS DISTINCT FROM c.attributes)
RETURNING c.id"""

# Everybody this chunk touched: new, revived and, unless existing ones are skipped, known.
_TOUCHED = f"""SELECT r.row, r.id AS contact_id, r.tags FROM import_rows r WHERE {_UNKNOWN}
UNION ALL SELECT k.row, k.contact_id, r.tags FROM import_known k JOIN import_rows r ON r.row = k.row
WHERE k.was_deleted OR :with_known"""

_TAG = f"""INSERT INTO contact_tags (tenant_id, tag_id, contact_id)
SELECT DISTINCT :t, g.id, x.contact_id FROM ({_TOUCHED}) x
CROSS JOIN LATERAL string_to_table(x.tags, '{TAG_JOIN}') AS w(folded)
JOIN tags g ON g.tenant_id = :t AND g.folded = w.folded
WHERE x.tags <> '' ON CONFLICT DO NOTHING RETURNING contact_id"""
_TAG_ALL = f"""INSERT INTO contact_tags (tenant_id, tag_id, contact_id)
SELECT :t, g.id, x.contact_id FROM ({_TOUCHED}) x CROSS JOIN unnest(CAST(:batch AS uuid[])) AS g(id)
ON CONFLICT DO NOTHING RETURNING contact_id"""
_CONSENT = f"""INSERT INTO consents (tenant_id, contact_id, kind, source, evidence)
SELECT :t, x.contact_id, 'opt_in', 'import', :evidence FROM ({_TOUCHED}) x"""


@dataclass(frozen=True)
class Merged:
    """Contacts that one chunk made, changed and left alone."""

    created: int
    updated: int
    skipped: int


@dataclass(frozen=True)
class Rules:
    """What a job does besides adding people."""

    on_duplicate: str
    batch_tags: Sequence[UUID] = ()
    file_has_tags: bool = False
    consent: str = ""
    """Evidence to store with a consent; empty for none."""


async def driver(uow: TenantUnitOfWork) -> Any:
    """The asyncpg connection under this transaction, for COPY."""
    connection = await uow.session.connection()
    return (await connection.get_raw_connection()).driver_connection


async def stage(uow: TenantUnitOfWork, chunk: Path) -> None:
    """Fill `import_rows` from a chunk file and find out who is known already."""
    await uow.session.execute(text("SET LOCAL work_mem = '32MB'"))
    # Dropped at commit, but a savepoint or a second chunk in one transaction would meet them again.
    await uow.session.execute(text("DROP TABLE IF EXISTS import_rows, import_known"))
    await uow.session.execute(text(_ROWS))
    await (await driver(uow)).copy_to_table(
        "import_rows", source=chunk, columns=_COLUMNS, format="csv", force_not_null=_COLUMNS
    )
    await uow.session.execute(text(_KNOWN.format(tenant=uow.tenant_id)))


async def counts(uow: TenantUnitOfWork) -> tuple[int, int]:
    """Of the staged chunk: how many would be new (or revived), how many are known."""
    query = text("SELECT (SELECT count(*) FROM import_rows), (SELECT count(*) FROM import_known WHERE NOT was_deleted)")
    rows, known = (await uow.session.execute(query)).one()
    return rows - known, known


async def merge(uow: TenantUnitOfWork, rules: Rules) -> Merged:
    """Move the staged chunk into the tables."""
    session, tenant = uow.session, {"t": uow.tenant_id}
    new, known = await counts(uow)
    revived = (await session.execute(text(_REVIVE), tenant)).rowcount  # type: ignore[attr-defined]
    if revived:
        await session.execute(text(_REVIVE_UNTAG), tenant)
    fresh = new - revived
    await session.execute(text(_CONTACTS), tenant)
    stored = (await session.execute(text(_IDENTITIES), tenant)).rowcount  # type: ignore[attr-defined]
    if stored < fresh:
        await session.execute(text(_OVERTAKEN), tenant)
    updated = await _change_known(uow, rules) if known else set()
    updated |= await _tag(uow, rules)
    if rules.consent:
        values = tenant | {"with_known": rules.on_duplicate != "skip", "evidence": rules.consent}
        await session.execute(text(_CONSENT), values)
    changed = len(updated)
    return Merged(stored + revived, changed, known - changed + fresh - stored)


async def _change_known(uow: TenantUnitOfWork, rules: Rules) -> set[UUID]:
    statement = {"update": _UPDATE, "fill": _FILL}.get(rules.on_duplicate)
    if statement is None:
        return set()
    return set((await uow.session.execute(text(statement), {"t": uow.tenant_id})).scalars())


async def _tag(uow: TenantUnitOfWork, rules: Rules) -> set[UUID]:
    """Put the tags on. Returns the known contacts that got one they did not have."""
    with_known = rules.on_duplicate != "skip"
    values = {"t": uow.tenant_id, "with_known": with_known}
    touched: set[UUID] = set()
    if rules.file_has_tags:
        touched |= set((await uow.session.execute(text(_TAG), values)).scalars())
    if rules.batch_tags:
        batch = values | {"batch": list(rules.batch_tags)}
        touched |= set((await uow.session.execute(text(_TAG_ALL), batch)).scalars())
    if not touched or not with_known:
        return set()
    known = text("SELECT contact_id FROM import_known WHERE NOT was_deleted")
    return touched & set((await uow.session.execute(known)).scalars())
