"""Who is not to be written to. STOP binds the person: every alias of a contact at once.

Adding takes the contact's row FOR UPDATE. A lane claims a row under a weaker lock on the
same contact and then looks here, so nothing is claimed after a STOP has committed (DESIGN §6).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from wa_app.db import TenantUnitOfWork, UnitOfWork
from wa_app.models.people import (
    IdentityKind,
    Suppression,
    SuppressionReason,
    SuppressionScope,
    SuppressionSource,
)


@dataclass(frozen=True, slots=True)
class Alias:
    """One identity as the list keeps it: its keyed hash and a masked form, never the value."""

    kind: IdentityKind
    hash: bytes
    masked: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Why and how far. An entry is never weakened by a later stop: see `add`."""

    reason: SuppressionReason
    scope: SuppressionScope = SuppressionScope.MARKETING
    note: str = ""
    campaign_id: UUID | None = None
    created_by: UUID | None = None
    source: SuppressionSource = SuppressionSource.MANUAL


async def lock_contact(uow: UnitOfWork, tenant_id: UUID, contact_id: UUID) -> bool:
    """Wait for claims on this person to end and keep new ones out until we commit."""
    query = text("SELECT 1 FROM contacts WHERE tenant_id = :t AND id = :id FOR UPDATE")
    return (await uow.session.execute(query, {"t": tenant_id, "id": contact_id})).scalar_one_or_none() is not None


async def aliases_of(uow: UnitOfWork, tenant_id: UUID, contact_id: UUID, mask: Callable[[IdentityKind, str], str]) -> list[Alias]:
    """Every identity of a contact as the list keeps it, its phone first."""
    query = text(
        "SELECT kind, value, hash FROM contact_identities WHERE tenant_id = :t AND contact_id = :c "
        "ORDER BY kind = 'phone' DESC, id"
    )
    rows = await uow.session.execute(query, {"t": tenant_id, "c": contact_id})
    return [Alias(IdentityKind(row.kind), row.hash, mask(IdentityKind(row.kind), row.value)) for row in rows]


_STRONGER = text(
    "CASE WHEN suppressions.reason = 'UNSUBSCRIBE' THEN excluded.reason ELSE suppressions.reason END"
)
"""A person may undo their own UNSUBSCRIBE by a word, so a decision of the tenant takes its place."""


async def add(uow: TenantUnitOfWork, aliases: Sequence[Alias], stop: Stop) -> list[UUID]:
    """Put aliases on the list, or strengthen what is there: the wider scope, the firmer reason, the first campaign.

    Returns the ids of the entries.
    """
    rows = [
        {
            "tenant_id": uow.tenant_id, "kind": one.kind, "hash": one.hash, "masked": one.masked,
            "scope": stop.scope, "reason": stop.reason, "note": stop.note, "campaign_id": stop.campaign_id,
            "created_by": stop.created_by, "source": stop.source,
        }
        for one in sorted(aliases, key=lambda alias: alias.hash)
    ]  # fmt: skip
    if not rows:
        return []
    statement = insert(Suppression).values(rows)
    # 'all' sorts before 'marketing', so a plain LEAST keeps the wider of the two.
    wider = func.least(text("suppressions.scope"), statement.excluded.scope)
    first = func.coalesce(text("suppressions.campaign_id"), statement.excluded.campaign_id)
    upsert = statement.on_conflict_do_update(
        index_elements=["tenant_id", "hash"], set_={"scope": wider, "reason": _STRONGER, "campaign_id": first}
    ).returning(col(Suppression.id))
    return list((await uow.session.execute(upsert)).scalars())


async def remove(uow: TenantUnitOfWork, hashes: Sequence[bytes]) -> int:
    """Take aliases off the list. Returns how many were on it."""
    statement = delete(Suppression).where(col(Suppression.hash).in_(hashes)).returning(col(Suppression.id))
    return len((await uow.session.execute(statement)).scalars().all())


async def remove_unsubscribed(uow: TenantUnitOfWork, contact_id: UUID) -> int:
    """Lift what a person asked for with their own words: scope marketing, reason UNSUBSCRIBE, on every alias.

    What the tenant decided (by hand, for spam, for bounces) and scope `all` stay. Returns how many were lifted.
    """
    query = text(
        "DELETE FROM suppressions s USING contact_identities i WHERE i.tenant_id = :t AND i.contact_id = :c "
        "AND s.tenant_id = :t AND s.hash = i.hash AND s.scope = 'marketing' AND s.reason = 'UNSUBSCRIBE' RETURNING s.id"
    )
    return len((await uow.session.execute(query, {"t": uow.tenant_id, "c": contact_id})).all())


async def scope_of_contact(uow: UnitOfWork, tenant_id: UUID, contact_id: UUID) -> SuppressionScope | None:
    """The widest stop on any alias of a contact, None when there is none."""
    query = text(
        "SELECT min(s.scope) FROM contact_identities i "
        "JOIN suppressions s ON s.tenant_id = i.tenant_id AND s.hash = i.hash "
        "WHERE i.tenant_id = :t AND i.contact_id = :id"
    )
    found = (await uow.session.execute(query, {"t": tenant_id, "id": contact_id})).scalar_one_or_none()
    return SuppressionScope(found) if found else None


async def scope_of_hash(uow: UnitOfWork, tenant_id: UUID, hash_: bytes) -> SuppressionScope | None:
    """The stop on one identity, for people who are not contacts."""
    query = select(col(Suppression.scope)).where(
        col(Suppression.tenant_id) == tenant_id, col(Suppression.hash) == hash_
    )
    found: SuppressionScope | None = (await uow.session.execute(query)).scalar_one_or_none()
    return found
