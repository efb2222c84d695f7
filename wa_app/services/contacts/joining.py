"""Two contacts that turn out to be one person, because a phone and a LID came together, or because somebody says so."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.services.conversations import pouring, turns

_OWNERS = """
SELECT i.contact_id, c.deleted_at IS NOT NULL AS deleted, c.phone IS NOT NULL AS has_phone, i.kind, i.value
FROM unnest($2::text[], $3::text[]) AS u(kind, value)
JOIN contact_identities i ON i.tenant_id = $1 AND i.kind = u.kind AND i.value = u.value
JOIN contacts c ON c.tenant_id = $1 AND c.id = i.contact_id
"""
_IDENTITIES = pouring.recorded(
    "identity", "UPDATE contact_identities SET contact_id = $4 WHERE tenant_id = $1 AND contact_id = $3", "old.contact_id"
)
_LEDGER = pouring.recorded(
    "outbound", "UPDATE outbound_messages SET contact_id = $4 WHERE tenant_id = $1 AND contact_id = $3", "old.contact_id"
)
# On a device where only the other was talked to, the talk itself goes over.
_WHOLE = pouring.recorded(
    "conversation", "UPDATE conversations v SET contact_id = $4 WHERE v.tenant_id = $1 AND v.contact_id = $3 AND NOT EXISTS "
    "(SELECT 1 FROM conversations w WHERE w.tenant_id = $1 AND w.contact_id = $4 AND w.device_id = v.device_id)", "old.contact_id",
)  # fmt: skip
_THEIR_LINES = """
UPDATE messages m SET contact_id = $3 FROM conversations v
WHERE v.tenant_id = $1 AND v.contact_id = $3 AND m.tenant_id = $1 AND m.conversation_id = v.id AND m.contact_id = $2
"""
_PAIRS = """
SELECT v.id AS old, w.id AS new FROM conversations v
JOIN conversations w ON w.tenant_id = $1 AND w.contact_id = $3 AND w.device_id = v.device_id
WHERE v.tenant_id = $1 AND v.contact_id = $2 ORDER BY v.id
"""
_TAGS = pouring.recorded(
    "contact_tag", "INSERT INTO contact_tags (tenant_id, tag_id, contact_id) SELECT tenant_id, tag_id, $4::uuid FROM contact_tags "
    "WHERE tenant_id = $1 AND contact_id = $3 ON CONFLICT DO NOTHING", "$4::uuid", "new.tag_id",
)  # fmt: skip
# What the other said about being written to is this person's word: a later message is weighed against it.
_CONSENTS = """
INSERT INTO consents (tenant_id, contact_id, kind, source, evidence, at, campaign_id, device_id)
SELECT tenant_id, $3, kind, source, evidence, coalesce(at, created_at), campaign_id, device_id
FROM consents WHERE tenant_id = $1 AND contact_id = $2
"""
_GONE = "UPDATE contacts SET deleted_at = now(), phone = NULL WHERE tenant_id = $1 AND id = $2"


async def join_owners(uow: TenantUnitOfWork, pairs: Sequence[tuple[str, str]]) -> Sequence[Any]:
    """Who has these identities `(kind, value)`, in stored form. Several contacts are joined into one first.

    Rows of `contact_id, deleted, has_phone, kind, value`: none when the identities are new.
    """
    conn = await uow.driver()
    kinds, values = [kind for kind, _ in pairs], [value for _, value in pairs]
    rows: Sequence[Any] = await conn.fetch(_OWNERS, uow.tenant_id, kinds, values)
    owners = {row["contact_id"]: row for row in rows}
    if len(owners) > 1:
        await _join(conn, uow.tenant_id, list(owners.values()))
        rows = await conn.fetch(_OWNERS, uow.tenant_id, kinds, values)
    return rows


async def _join(conn: Any, tenant_id: UUID, owners: Sequence[Any]) -> None:
    """Two contacts are one person: the one with a phone, else the older, takes the identities and talks."""
    ranked = sorted(owners, key=lambda row: (row["deleted"], not row["has_phone"], row["contact_id"]))
    keep = ranked[0]["contact_id"]
    for other in sorted({row["contact_id"] for row in ranked[1:]}):
        await join(conn, tenant_id, other, keep)


async def join(conn: Any, tenant_id: UUID, other: UUID, keep: UUID, merge_id: UUID | None = None) -> None:
    """`keep` takes the identities, talks, tags and ledger of `other`, which is deleted.

    With `merge_id` every row that moves is remembered under that merging.
    """
    await conn.execute(_IDENTITIES, tenant_id, merge_id, other, keep)
    await turns.move(conn, tenant_id, other, keep)
    await conn.execute(_LEDGER, tenant_id, merge_id, other, keep)
    await conn.execute(_WHOLE, tenant_id, merge_id, other, keep)
    await conn.execute(_THEIR_LINES, tenant_id, other, keep)
    for pair in await conn.fetch(_PAIRS, tenant_id, other, keep):
        await pouring.pour(conn, tenant_id, pair["old"], pair["new"], keep, merge_id)
    await conn.execute(_TAGS, tenant_id, merge_id, other, keep)
    await conn.execute(_CONSENTS, tenant_id, other, keep)
    await conn.execute(_GONE, tenant_id, other)
