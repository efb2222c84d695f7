"""Two contacts that turn out to be one person, because a phone and a LID came together."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.services.conversations import turns

_OWNERS = """
SELECT i.contact_id, c.deleted_at IS NOT NULL AS deleted, c.phone IS NOT NULL AS has_phone, i.kind, i.value
FROM unnest($2::text[], $3::text[]) AS u(kind, value)
JOIN contact_identities i ON i.tenant_id = $1 AND i.kind = u.kind AND i.value = u.value
JOIN contacts c ON c.tenant_id = $1 AND c.id = i.contact_id
"""


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
    for other in {row["contact_id"] for row in ranked[1:]}:
        await conn.execute(
            "UPDATE contact_identities SET contact_id = $3 WHERE tenant_id = $1 AND contact_id = $2",
            tenant_id, other, keep,
        )  # fmt: skip
        await turns.move(conn, tenant_id, other, keep)
        await conn.execute(
            "UPDATE outbound_messages SET contact_id = $3 WHERE tenant_id = $1 AND contact_id = $2", tenant_id, other, keep
        )
        await conn.execute(
            "UPDATE conversations v SET contact_id = $3 WHERE tenant_id = $1 AND contact_id = $2 AND NOT EXISTS "
            "(SELECT 1 FROM conversations w WHERE w.tenant_id = $1 AND w.contact_id = $3 AND w.device_id = v.device_id)",
            tenant_id, other, keep,
        )  # fmt: skip
        await conn.execute(
            "UPDATE messages m SET conversation_id = w.id, contact_id = $3 FROM conversations w "
            "WHERE m.tenant_id = $1 AND m.contact_id = $2 AND w.tenant_id = $1 AND w.contact_id = $3 "
            "AND w.device_id = m.device_id",
            tenant_id, other, keep,
        )  # fmt: skip
        await conn.execute(
            "INSERT INTO contact_tags (tenant_id, tag_id, contact_id) SELECT tenant_id, tag_id, $3 FROM contact_tags "
            "WHERE tenant_id = $1 AND contact_id = $2 ON CONFLICT DO NOTHING",
            tenant_id, other, keep,
        )  # fmt: skip
        # What the other said about being written to is this person's word: a later message is weighed against it.
        await conn.execute(
            "INSERT INTO consents (tenant_id, contact_id, kind, source, evidence, at, campaign_id, device_id) "
            "SELECT tenant_id, $3, kind, source, evidence, coalesce(at, created_at), campaign_id, device_id "
            "FROM consents WHERE tenant_id = $1 AND contact_id = $2",
            tenant_id, other, keep,
        )  # fmt: skip
        await conn.execute(
            "UPDATE contacts SET deleted_at = now(), phone = NULL WHERE tenant_id = $1 AND id = $2", tenant_id, other
        )
