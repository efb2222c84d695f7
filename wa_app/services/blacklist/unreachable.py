"""People to whom no message can go any more: offered for the list as BOUNCE, never put there unasked."""

from typing import Final

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.models.people import SuppressionReason, SuppressionScope, SuppressionSource
from wa_app.schemas.blacklist import BlacklistAdded, Unreachable
from wa_app.services import audit, identities
from wa_app.services.blacklist.blocking import Why, block_given

LOOKED_AT: Final = 5_000
"""Failed rows that are looked at, the newest; the next look finds the rest."""

# Somebody who wrote to us since can be reached after all.
_FOUND = text(f"""
SELECT DISTINCT ON (r.contact_id) r.contact_id, c.name, r.identity_kind, r.identity_value, r.at
FROM (
    SELECT o.contact_id, o.identity_kind, o.identity_value, coalesce(o.claimed_at, o.created_at) AS at
    FROM outbound_messages o
    WHERE o.tenant_id = :t AND o.state = 'failed' AND o.error_code = 'contact_unusable' AND o.contact_id IS NOT NULL
    ORDER BY o.id DESC LIMIT {LOOKED_AT}) r
JOIN contacts c ON c.tenant_id = :t AND c.id = r.contact_id AND c.deleted_at IS NULL
JOIN contact_identities i ON i.tenant_id = :t AND i.kind = r.identity_kind AND i.value = r.identity_value
WHERE (c.last_inbound_at IS NULL OR c.last_inbound_at < r.at)
  AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.tenant_id = :t AND s.hash = i.hash)
ORDER BY r.contact_id, r.at DESC
""")  # noqa: S608


async def unreachable(uow: TenantUnitOfWork) -> list[Unreachable]:
    """Whom WhatsApp does not know, by the newest failures, without those on the list already."""
    uow.require("blacklist.read")
    rows = await uow.session.execute(_FOUND, {"t": uow.tenant_id})
    return [
        Unreachable(contact_id=row.contact_id, name=row.name, value=row.identity_value, at=row.at) for row in rows
    ]


async def add_unreachable(uow: TenantUnitOfWork) -> BlacklistAdded:
    """Put all of them on the list."""
    uow.require("blacklist.write")
    key = await identities.tenant_key(uow)
    found = (await uow.session.execute(_FOUND, {"t": uow.tenant_id})).all()
    rows = [
        (row.identity_kind, row.identity_value, identities.identity_hash(key, row.identity_kind, row.identity_value))
        for row in found
    ]
    why = Why(
        SuppressionReason.BOUNCE, SuppressionScope.MARKETING, SuppressionSource.DELIVERY,
        created_by=uow.principal.user_id,
    )  # fmt: skip
    done = await block_given(uow, rows, why)
    audit.record(uow, "blacklist.add", "contact", None, reason="BOUNCE", scope="marketing", entries=done.added)
    uow.publish("blacklist")
    return BlacklistAdded(added=done.added, changed=done.changed, already=done.already)
