"""The suppression list as people and programs use it: add, take off, look through.

The list holds hashes and masked values only, so it survives deletion and erasure of a contact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.kit import phones
from wa_app.models.people import Consent, ConsentKind, IdentityKind, SuppressionSource
from wa_app.schemas.blacklist import (
    BlacklistAdd,
    BlacklistAdded,
    BlacklistEntry,
    BlacklistFilter,
    BlacklistMany,
    RefusedNumber,
)
from wa_app.sending import suppression
from wa_app.sending.suppression import Alias, Stop
from wa_app.services import audit, identities
from wa_app.services.blacklist.blocking import Why, block_given

PAGE = 50


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
    await _know_campaign(uow, data.campaign_id)
    person = await _person(uow, data)
    stop = Stop(
        data.reason, data.scope, data.note[:500], data.campaign_id, uow.principal.user_id, _source(uow)
    )
    await suppression.add(uow, person.aliases, stop)
    if person.contact_id is not None:
        uow.session.add(Consent(
            tenant_id=uow.tenant_id, contact_id=person.contact_id, kind=ConsentKind.OPT_OUT,
            source=data.reason.value.lower(), evidence=data.note[:500],
        ))  # fmt: skip
        await uow.session.flush()
    audit.record(uow, "blacklist.add", "contact", person.contact_id, reason=data.reason.value, scope=data.scope.value)
    uow.publish("blacklist")
    return (await _read(uow, "s.hash = :hash", {"hash": person.aliases[0].hash}))[0]


async def add_many(uow: TenantUnitOfWork, data: BlacklistMany) -> BlacklistAdded:
    """Stop messages to many numbers, each over every alias. Numbers that cannot be read are told apart."""
    uow.require("blacklist.write")
    region = await _region(uow)
    key = await identities.tenant_key(uow)
    rows: dict[str, tuple[str, str, bytes]] = {}
    refused: list[RefusedNumber] = []
    for given in filter(str.strip, data.phones):
        phone, code = phones.check(given, region)
        if code is not None:
            refused.append(RefusedNumber(value=given.strip()[:60], code=code))
        else:
            rows[phone] = ("phone", phone, identities.identity_hash(key, "phone", phone))
    why = Why(data.reason, data.scope, _source(uow), data.note, created_by=uow.principal.user_id)
    done = await block_given(uow, list(rows.values()), why)
    audit.record(
        uow, "blacklist.add", "contact", None, reason=data.reason.value, scope=data.scope.value, entries=done.added
    )
    uow.publish("blacklist")
    return BlacklistAdded(added=done.added, changed=done.changed, already=done.already, refused=refused)


async def _know_campaign(uow: TenantUnitOfWork, campaign_id: UUID | None) -> None:
    """Opt-outs are counted for a campaign and may pause it, so it has to be this tenant's. Raises NotFound."""
    query = text("SELECT 1 FROM campaigns WHERE tenant_id = :t AND id = :c")
    if campaign_id is not None and (await uow.session.execute(query, {"t": uow.tenant_id, "c": campaign_id})).first() is None:
        raise NotFound


def _source(uow: TenantUnitOfWork) -> SuppressionSource:
    return SuppressionSource.API if uow.principal.kind == "api_key" else SuppressionSource.MANUAL


async def _region(uow: TenantUnitOfWork) -> str:
    region: str = (await uow.session.execute(text("SELECT region FROM tenants"))).scalar_one()
    return region


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
    return kind, identities.normal_value(kind, value, await _region(uow))


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
    uow.publish("blacklist")
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


_COLUMNS = """
    s.id, s.kind, s.masked AS value, s.scope, s.reason, s.source, s.note, s.campaign_id, s.created_by, s.created_at,
    g.name AS campaign_name, u.name AS created_by_name, p.contact_id, p.name AS contact_name
"""
_FROM = """
FROM suppressions s
LEFT JOIN campaigns g ON g.tenant_id = s.tenant_id AND g.id = s.campaign_id
LEFT JOIN users u ON u.id = s.created_by
LEFT JOIN LATERAL (
    SELECT c.id AS contact_id, c.name FROM contact_identities i
    JOIN contacts c ON c.tenant_id = i.tenant_id AND c.id = i.contact_id AND c.deleted_at IS NULL
    WHERE i.tenant_id = s.tenant_id AND i.hash = s.hash LIMIT 1) p ON true
"""


async def list_(
    uow: TenantUnitOfWork, where: BlacklistFilter | None = None, *, q: str = "", after: UUID | None = None,
    limit: int = PAGE,
) -> tuple[list[BlacklistEntry], bool, int]:  # fmt: skip
    """A page, newest first; whether more follow; how many there are. `q` is a whole phone number or LID."""
    uow.require("blacklist.read")
    where = where or BlacklistFilter(q=q)
    condition, values = await _condition(uow, where)
    query = text(f"SELECT count(*) FROM suppressions s WHERE {condition}")  # noqa: S608
    total = (await uow.session.execute(query, values)).scalar_one()
    if after is not None:
        condition, values = f"{condition} AND s.id < :after", values | {"after": after}
    rows = await _read(uow, condition, values, limit + 1)
    return rows[:limit], len(rows) > limit, total


async def _condition(uow: TenantUnitOfWork, where: BlacklistFilter) -> tuple[str, dict[str, Any]]:
    parts = ["s.tenant_id = :t"]
    values: dict[str, Any] = {"t": uow.tenant_id}
    if where.q.strip():
        parts.append("s.hash = ANY(CAST(:hashes AS bytea[]))")
        values["hashes"] = await _hashes_of_search(uow, where.q)
    for name in ("reason", "scope", "source"):
        if (value := getattr(where, name)) is not None:
            parts.append(f"s.{name} = :{name}")
            values[name] = value.value
    return " AND ".join(parts), values


async def _read(
    uow: TenantUnitOfWork, condition: str, values: dict[str, Any], limit: int = 1
) -> list[BlacklistEntry]:
    query = text(
        f"SELECT {_COLUMNS} {_FROM} WHERE s.tenant_id = :t AND {condition} ORDER BY s.id DESC LIMIT :limit"
    )
    rows = await uow.session.execute(query, {"t": uow.tenant_id, "limit": limit, **values})
    return [BlacklistEntry.model_validate(dict(row._mapping)) for row in rows]


async def _hashes_of_search(uow: TenantUnitOfWork, q: str) -> Sequence[bytes]:
    """What a search may mean: a phone as people write it, or the digits of a LID."""
    key, found = await identities.tenant_key(uow), []
    region = await _region(uow)
    for kind in (IdentityKind.PHONE, IdentityKind.LID):
        try:
            value = identities.normal_value(kind, q, region)
        except Invalid:
            continue
        found.append(identities.identity_hash(key, kind.value, value))
    return found
