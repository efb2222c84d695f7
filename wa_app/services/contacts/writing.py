"""Making and changing one contact."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import text
from sqlmodel import col, delete

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.kit import phones
from wa_app.kit.clock import utc_now
from wa_app.kit.folding import contact_text
from wa_app.models.identity import Tenant
from wa_app.models.people import Contact, ContactIdentity, ContactTag, IdentityKind
from wa_app.schemas.contacts import ContactCreate, ContactUpdate, ContactView
from wa_app.services import entitlements, identities, tags
from wa_app.services.contacts.listing import get

Identity = tuple[IdentityKind, str]


async def create(uow: TenantUnitOfWork, data: ContactCreate, *, source: str = "manual") -> tuple[ContactView, bool]:
    """A new contact and True; with `upsert` the one that has the identity, changed, and False.

    Raises Invalid, Conflict("contact_exists"), Conflict("contact_identities_differ"), LimitReached.
    """
    uow.require("contacts.write")
    wanted = await _identities(uow, data.phone, data.lid)
    if not wanted:
        raise Invalid(FieldError("phone", "phone_missing"))
    _check_zone(data.time_zone)
    owners = {await identities.find_contact(uow, kind, value) for kind, value in wanted} - {None}
    if len(owners) > 1:
        raise Conflict("contact_identities_differ")
    if not owners:
        return await _insert(uow, data, wanted, source), True
    known = await uow.session.get(Contact, owners.pop(), with_for_update=True)
    if known is None:
        raise NotFound
    if known.deleted_at is not None:
        return await _revive(uow, known, data, wanted, source), True
    if not data.upsert:
        raise Conflict("contact_exists", contact_id=str(known.id))
    return await _merge(uow, known, data, wanted), False


async def update(uow: TenantUnitOfWork, contact_id: UUID, data: ContactUpdate) -> ContactView:
    """Change the fields that are given. A new phone must be nobody else's."""
    uow.require("contacts.write")
    contact = await _living(uow, contact_id)
    given = data.model_fields_set
    _check_zone(data.time_zone)
    if "phone" in given:
        await _change_phone(uow, contact, data.phone)
    for field in ("name", "city", "time_zone"):
        if field in given and (field == "time_zone" or getattr(data, field) is not None):
            setattr(contact, field, getattr(data, field))
    if data.attributes is not None:
        merged = {**contact.attributes, **data.attributes}
        contact.attributes = {key: value for key, value in merged.items() if value is not None}
    if data.tags is not None:
        await _replace_tags(uow, contact.id, data.tags)
    _touch(contact)
    await uow.session.flush()
    return await get(uow, contact_id)


async def validate_phone(uow: TenantUnitOfWork, phone: str, region: str = "") -> dict[str, Any]:
    """`{valid, phone, display, region, code}` without storing anything."""
    uow.require("contacts.read")
    read, code = phones.check(phone, await tenant_region(uow, region))
    return {
        "valid": code is None,
        "phone": read or None,
        "display": phones.display(read) if read else None,
        "region": phones.region_of(read) if read else None,
        "code": code,
    }


async def tenant_region(uow: TenantUnitOfWork, region: str = "") -> str:
    """The region asked for, else the tenant's own. Raises Invalid for one that does not exist."""
    if region and not phones.is_region(region.upper()):
        raise Invalid(FieldError("region", "region_unknown"))
    if region:
        return region.upper()
    tenant = await uow.session.get(Tenant, uow.tenant_id)
    return tenant.region if tenant else phones.DEFAULT_REGION


async def _identities(uow: TenantUnitOfWork, phone: str | None, lid: str | None) -> list[Identity]:
    wanted: list[Identity] = []
    if phone and phone.strip():
        region = await tenant_region(uow)
        wanted.append((IdentityKind.PHONE, identities.normal_value(IdentityKind.PHONE, phone, region)))
    if lid and lid.strip():
        wanted.append((IdentityKind.LID, identities.normal_value(IdentityKind.LID, lid, "")))
    return wanted


def _check_zone(zone: str | None) -> None:
    if zone and zone not in available_timezones():
        raise Invalid(FieldError("time_zone", "time_zone_unknown"))


async def _insert(uow: TenantUnitOfWork, data: ContactCreate, wanted: list[Identity], source: str) -> ContactView:
    await entitlements.require(uow, "contacts")
    contact = Contact(tenant_id=uow.tenant_id, source=source)
    uow.session.add(contact)
    return await _fill(uow, contact, data, wanted)


async def _revive(
    uow: TenantUnitOfWork, contact: Contact, data: ContactCreate, wanted: list[Identity], source: str
) -> ContactView:
    await entitlements.require(uow, "contacts")
    contact.deleted_at, contact.source = None, source
    await _replace_tags(uow, contact.id, [])
    return await _fill(uow, contact, data, wanted)


async def _fill(uow: TenantUnitOfWork, contact: Contact, data: ContactCreate, wanted: list[Identity]) -> ContactView:
    contact.name, contact.city, contact.time_zone = data.name, data.city, data.time_zone
    contact.attributes = {key: value for key, value in data.attributes.items() if value is not None}
    await _add_identities(uow, contact, wanted)
    await _add_tags(uow, contact.id, data.tags)
    return await get(uow, contact.id)


async def _merge(uow: TenantUnitOfWork, contact: Contact, data: ContactCreate, wanted: list[Identity]) -> ContactView:
    """Upsert: what is given replaces, what is empty stays, tags are added."""
    contact.name = data.name or contact.name
    contact.city = data.city or contact.city
    contact.time_zone = data.time_zone or contact.time_zone
    merged = {**contact.attributes, **data.attributes}
    contact.attributes = {key: value for key, value in merged.items() if value is not None}
    await _add_identities(uow, contact, wanted)
    await _add_tags(uow, contact.id, data.tags)
    return await get(uow, contact.id)


async def _add_identities(uow: TenantUnitOfWork, contact: Contact, wanted: Sequence[Identity]) -> None:
    """Store identities that are new. One that somebody took meanwhile raises Conflict."""
    for kind, value in wanted:
        if kind is IdentityKind.PHONE:
            contact.phone = value
    _touch(contact)
    await uow.session.flush()
    key = await identities.tenant_key(uow)
    for kind, value in wanted:
        await _claim(uow, contact.id, kind, value, identities.identity_hash(key, kind, value))


async def _claim(uow: TenantUnitOfWork, contact_id: UUID, kind: IdentityKind, value: str, digest: bytes) -> None:
    query = text(
        "INSERT INTO contact_identities AS i (tenant_id, contact_id, kind, value, hash) VALUES (:t, :c, :k, :v, :h) "
        "ON CONFLICT (tenant_id, kind, value) DO UPDATE SET hash = i.hash RETURNING contact_id"
    )
    values = {"t": uow.tenant_id, "c": contact_id, "k": kind.value, "v": value, "h": digest}
    owner = (await uow.session.execute(query, values)).scalar_one()
    if owner != contact_id:
        raise Conflict("contact_exists", contact_id=str(owner))


async def _change_phone(uow: TenantUnitOfWork, contact: Contact, phone: str | None) -> None:
    wanted = await _identities(uow, phone, None)
    new = wanted[0][1] if wanted else None
    if new == contact.phone:
        return
    if new:
        await _take_from_deleted(uow, new)
    await uow.session.execute(
        delete(ContactIdentity).where(
            col(ContactIdentity.contact_id) == contact.id, col(ContactIdentity.kind) == IdentityKind.PHONE
        )
    )
    contact.phone = new
    await _add_identities(uow, contact, wanted)


async def _take_from_deleted(uow: TenantUnitOfWork, phone: str) -> None:
    """A number that only a deleted contact has becomes free."""
    owner = await identities.find_contact(uow, IdentityKind.PHONE, phone)
    other = await uow.session.get(Contact, owner) if owner else None
    if other is None:
        return
    if other.deleted_at is None:
        raise Conflict("contact_exists", contact_id=str(other.id))
    other.phone = None
    await uow.session.execute(
        delete(ContactIdentity).where(
            col(ContactIdentity.kind) == IdentityKind.PHONE, col(ContactIdentity.value) == phone
        )
    )


async def _living(uow: TenantUnitOfWork, contact_id: UUID) -> Contact:
    contact = await uow.session.get(Contact, contact_id, with_for_update=True)
    if contact is None or contact.deleted_at is not None:
        raise NotFound
    return contact


async def _replace_tags(uow: TenantUnitOfWork, contact_id: UUID, names: list[str]) -> None:
    await uow.session.execute(
        delete(ContactTag).where(col(ContactTag.tenant_id) == uow.tenant_id, col(ContactTag.contact_id) == contact_id)
    )
    await _add_tags(uow, contact_id, names)


async def _add_tags(uow: TenantUnitOfWork, contact_id: UUID, names: list[str]) -> None:
    ids = await tags.ensure(uow, names)
    query = text("INSERT INTO contact_tags (tenant_id, tag_id, contact_id) VALUES (:t, :g, :c) ON CONFLICT DO NOTHING")
    for tag_id in ids.values():
        await uow.session.execute(query, {"t": uow.tenant_id, "g": tag_id, "c": contact_id})


def _touch(contact: Contact) -> None:
    contact.search_text = contact_text(
        contact.name, contact.phone, contact.city, str(contact.attributes.get("email", ""))
    )
    contact.updated_at = utc_now()
