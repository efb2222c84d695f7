"""The suppression list as people and programs use it: add, take off, look through.

The list holds hashes and masked values only, so it survives deletion and erasure of a contact.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, text
from sqlmodel import col

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.models.people import (
    Consent,
    ConsentKind,
    IdentityKind,
    Suppression,
    SuppressionReason,
    SuppressionScope,
)
from wa_app.sending import suppression
from wa_app.sending.suppression import Alias, Stop
from wa_app.services import audit, identities


class IdentityInput(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: IdentityKind
    value: str


class BlacklistAdd(BaseModel):
    """Whom to add: exactly one of phone, contact_id and identity."""

    model_config = ConfigDict(extra="forbid")

    phone: str | None = None
    contact_id: UUID | None = None
    identity: IdentityInput | None = None
    reason: SuppressionReason = SuppressionReason.MANUAL
    scope: SuppressionScope = SuppressionScope.MARKETING
    note: str = ""
    campaign_id: UUID | None = None


class BlacklistEntry(BaseModel):
    """One suppressed identity; its value is shown masked and kept nowhere."""

    id: UUID
    kind: IdentityKind
    value: str
    scope: SuppressionScope
    reason: SuppressionReason
    note: str
    campaign_id: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Person:
    """What an addition means: a contact with all aliases, or a lone identity."""

    contact_id: UUID | None
    aliases: list[Alias]


async def add(uow: TenantUnitOfWork, data: BlacklistAdd) -> BlacklistEntry:
    """Stop messages to a person, over every alias we know. The first entry is the one that was named.

    What is claimed by a lane at this moment may still go out; after our commit nothing is.
    """
    uow.require("blacklist.write")
    person = await _person(uow, data)
    stop = Stop(data.reason, data.scope, data.note[:500], data.campaign_id, uow.principal.user_id)
    await suppression.add(uow, person.aliases, stop)
    if person.contact_id is not None:
        uow.session.add(Consent(
            tenant_id=uow.tenant_id, contact_id=person.contact_id, kind=ConsentKind.OPT_OUT,
            source=data.reason.value.lower(), evidence=data.note[:500],
        ))  # fmt: skip
        await uow.session.flush()
    audit.record(uow, "blacklist.add", "contact", person.contact_id, reason=data.reason.value, scope=data.scope.value)
    query = select(Suppression).where(col(Suppression.hash) == person.aliases[0].hash)
    return _entry((await uow.session.execute(query)).scalar_one())


async def _person(uow: TenantUnitOfWork, data: BlacklistAdd) -> _Person:
    if sum(one is not None for one in (data.phone, data.contact_id, data.identity)) != 1:
        raise Invalid(FieldError("phone", "blacklist_one_of"))
    if data.contact_id is not None:
        return await _of_contact(uow, data.contact_id, None)
    named = await _named(uow, data)
    contact_id = await identities.find_contact(uow, *named)
    first = await _alias(uow, *named)
    return _Person(None, [first]) if contact_id is None else await _of_contact(uow, contact_id, first)


async def _named(uow: TenantUnitOfWork, data: BlacklistAdd) -> tuple[IdentityKind, str]:
    kind = data.identity.kind if data.identity else IdentityKind.PHONE
    value = data.identity.value if data.identity else data.phone or ""
    region = (await uow.session.execute(text("SELECT region FROM tenants"))).scalar_one()
    return kind, identities.normal_value(kind, value, region)


async def _alias(uow: TenantUnitOfWork, kind: IdentityKind, value: str) -> Alias:
    key = await identities.tenant_key(uow)
    return Alias(kind, identities.identity_hash(key, kind.value, value), identities.masked(kind, value))


async def _of_contact(uow: TenantUnitOfWork, contact_id: UUID, first: Alias | None) -> _Person:
    """All aliases of a contact, under its lock; the named one, or its phone, first."""
    if not await suppression.lock_contact(uow, uow.tenant_id, contact_id):
        raise NotFound
    found = await suppression.aliases_of(uow, uow.tenant_id, contact_id, identities.masked)
    if not found:
        raise Invalid(FieldError("contact_id", "contact_has_no_identity"))
    if first is not None:
        found = [first, *(one for one in found if one.hash != first.hash)]
    return _Person(contact_id, found)


async def remove(uow: TenantUnitOfWork, key: str) -> int:
    """Take a person off the list: by the id of an entry, or by phone (then every alias of that person)."""
    uow.require("blacklist.write")
    try:
        hashes = await _hashes_of_entry(uow, UUID(key))
    except ValueError:
        hashes = [one.hash for one in (await _person(uow, BlacklistAdd(phone=key))).aliases]
    removed = await suppression.remove(uow, hashes)
    if not removed:
        raise NotFound
    audit.record(uow, "blacklist.remove", "suppression", None, entries=removed)
    return removed


async def _hashes_of_entry(uow: TenantUnitOfWork, entry_id: UUID) -> list[bytes]:
    """The entry's own hash and those of the other aliases of the same contact."""
    query = text(
        "SELECT DISTINCT COALESCE(o.hash, s.hash) AS hash FROM suppressions s "
        "LEFT JOIN contact_identities i ON i.tenant_id = s.tenant_id AND i.hash = s.hash "
        "LEFT JOIN contact_identities o ON o.tenant_id = i.tenant_id AND o.contact_id = i.contact_id "
        "WHERE s.tenant_id = :t AND s.id = :id"
    )
    return list((await uow.session.execute(query, {"t": uow.tenant_id, "id": entry_id})).scalars())


async def list_(
    uow: TenantUnitOfWork, *, q: str = "", after: UUID | None = None, limit: int = 50
) -> tuple[list[BlacklistEntry], bool, int]:
    """A page, newest first; whether more follow; how many there are. `q` is a whole phone number."""
    uow.require("blacklist.read")
    where = []
    if q:
        where.append(col(Suppression.hash) == await _hash_of_search(uow, q))
    total = (await uow.session.execute(select(func.count()).select_from(Suppression).where(*where))).scalar_one()
    query = select(Suppression).where(*where).order_by(col(Suppression.id).desc()).limit(limit + 1)
    if after is not None:
        query = query.where(col(Suppression.id) < after)
    rows = (await uow.session.execute(query)).scalars().all()
    return [_entry(row) for row in rows[:limit]], len(rows) > limit, total


async def _hash_of_search(uow: TenantUnitOfWork, q: str) -> bytes:
    try:
        kind, value = await _named(uow, BlacklistAdd(phone=q))
    except Invalid:
        return b""
    return (await _alias(uow, kind, value)).hash


def _entry(row: Suppression) -> BlacklistEntry:
    return BlacklistEntry(
        id=row.id, kind=row.kind, value=row.masked, scope=row.scope, reason=row.reason, note=row.note,
        campaign_id=row.campaign_id, created_at=row.created_at,
    )  # fmt: skip
