"""Putting many identities on the list at once, set-based, inside the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.models.people import SuppressionReason, SuppressionScope, SuppressionSource

# ruff: noqa: S608 - queries are put together of parts of our own, values are bound

MASKED: Final = (
    "CASE WHEN {kind} <> 'phone' THEN '…' || right({value}, 3) "
    "WHEN length({value}) >= 11 THEN left({value}, 5) || '…' || right({value}, 3) ELSE '…' || right({value}, 2) END"
)
"""`identities.masked` in SQL."""
_TABLE = """CREATE TEMP TABLE block_rows (
    kind text NOT NULL, value text NOT NULL, hash bytea NOT NULL, reason text NOT NULL, note text NOT NULL,
    contact_id uuid, is_alias boolean NOT NULL DEFAULT false
) ON COMMIT DROP"""
_GIVEN = """INSERT INTO block_rows (kind, value, hash, reason, note)
SELECT u.kind, u.value, u.hash, CAST(:reason AS text), CAST(:note AS text)
FROM unnest(CAST(:kinds AS text[]), CAST(:values AS text[]), CAST(:hashes AS bytea[])) AS u(kind, value, hash)"""
# Rows of a contacts import (services/imports): columns other than the number are attributes there.
_IMPORTED = """INSERT INTO block_rows (kind, value, hash, reason, note)
SELECT 'phone', r.phone, r.hash,
  CASE WHEN upper(trim(r.attributes->>'reason')) = ANY(CAST(:reasons AS text[]))
    THEN upper(trim(r.attributes->>'reason')) ELSE CAST(:reason AS text) END,
  left(coalesce(nullif(r.attributes->>'note', ''), CAST(:note AS text)), 500)
FROM import_rows r"""
_OWNERS = """UPDATE block_rows b SET contact_id = i.contact_id FROM contact_identities i
WHERE i.tenant_id = :t AND i.kind = b.kind AND i.value = b.value"""
# In the order of the ids, as claims lock their contacts.
_LOCK = """SELECT count(*) FROM (
    SELECT c.id FROM contacts c WHERE c.tenant_id = :t AND c.id IN (SELECT contact_id FROM block_rows)
    ORDER BY c.id FOR UPDATE) locked"""
_ALIASES = """INSERT INTO block_rows (kind, value, hash, reason, note, contact_id, is_alias)
SELECT DISTINCT ON (i.hash) i.kind, i.value, i.hash, b.reason, b.note, b.contact_id, true
FROM block_rows b JOIN contact_identities i ON i.tenant_id = :t AND i.contact_id = b.contact_id
WHERE NOT EXISTS (SELECT 1 FROM block_rows o WHERE o.hash = i.hash)"""
_COUNT = """SELECT count(*) FILTER (WHERE s.id IS NULL) AS added,
  count(*) FILTER (WHERE s.scope = 'marketing' AND :scope = 'all') AS changed,
  count(*) AS rows
FROM (SELECT DISTINCT hash FROM block_rows WHERE NOT is_alias) b
LEFT JOIN suppressions s ON s.tenant_id = :t AND s.hash = b.hash"""
_CONSENTS = """INSERT INTO consents (tenant_id, contact_id, kind, source, evidence)
SELECT DISTINCT ON (b.contact_id) :t, b.contact_id, 'opt_out', lower(b.reason), CAST(:evidence AS text)
FROM block_rows b LEFT JOIN suppressions s ON s.tenant_id = :t AND s.hash = b.hash
WHERE b.contact_id IS NOT NULL AND NOT b.is_alias AND s.id IS NULL"""
_ADD = f"""INSERT INTO suppressions (tenant_id, kind, hash, masked, scope, reason, note, source, created_by)
SELECT DISTINCT ON (b.hash) :t, b.kind, b.hash, {MASKED.format(kind="b.kind", value="b.value")}, :scope, b.reason,
  b.note, :source, :by
FROM block_rows b ORDER BY b.hash
ON CONFLICT (tenant_id, hash) DO UPDATE SET scope = least(suppressions.scope, excluded.scope),
  reason = CASE WHEN suppressions.reason = 'UNSUBSCRIBE' THEN excluded.reason ELSE suppressions.reason END"""


@dataclass(frozen=True, slots=True)
class Why:
    """What is written on the entries."""

    reason: SuppressionReason
    scope: SuppressionScope
    source: SuppressionSource
    note: str = ""
    evidence: str = ""
    """Kept with the consent rows: the file an import came from."""
    created_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Of the identities that were given: new on the list, reaching further now, there already."""

    added: int
    changed: int
    already: int


async def block_given(uow: TenantUnitOfWork, rows: Sequence[tuple[str, str, bytes]], why: Why) -> Blocked:
    """Add identities `(kind, value, hash)` in their stored form, with every alias of the people who have them."""
    await _fresh(uow)
    values = {
        "kinds": [row[0] for row in rows], "values": [row[1] for row in rows], "hashes": [row[2] for row in rows],
        "reason": why.reason.value, "note": why.note[:500],
    }  # fmt: skip
    await uow.session.execute(text(_GIVEN), values)
    return await _block(uow, why)


async def block_imported(uow: TenantUnitOfWork, why: Why) -> Blocked:
    """Add the numbers of a staged chunk (`imports.merge.stage`)."""
    await _fresh(uow)
    values = {"reason": why.reason.value, "note": why.note[:500], "reasons": [one.value for one in SuppressionReason]}
    await uow.session.execute(text(_IMPORTED), values)
    return await _block(uow, why)


async def count_imported(uow: TenantUnitOfWork, why: Why) -> Blocked:
    """What `block_imported` would do."""
    await _fresh(uow)
    values: dict[str, Any] = {"reason": why.reason.value, "note": "", "reasons": []}
    await uow.session.execute(text(_IMPORTED), values)
    return await _counted(uow, why)


async def _fresh(uow: TenantUnitOfWork) -> None:
    await uow.session.execute(text("DROP TABLE IF EXISTS block_rows"))
    await uow.session.execute(text(_TABLE))


async def _block(uow: TenantUnitOfWork, why: Why) -> Blocked:
    tenant: dict[str, Any] = {"t": uow.tenant_id}
    await uow.session.execute(text(_OWNERS), tenant)
    await uow.session.execute(text(_LOCK), tenant)
    await uow.session.execute(text(_ALIASES), tenant)
    found = await _counted(uow, why)
    await uow.session.execute(text(_CONSENTS), tenant | {"evidence": why.evidence[:500] or why.note[:500]})
    values = {"scope": why.scope.value, "source": why.source.value, "by": why.created_by}
    await uow.session.execute(text(_ADD), tenant | values)
    return found


async def _counted(uow: TenantUnitOfWork, why: Why) -> Blocked:
    row = (await uow.session.execute(text(_COUNT), {"t": uow.tenant_id, "scope": why.scope.value})).one()
    return Blocked(row.added, row.changed, row.rows - row.added - row.changed)
