"""The aliases a person is known by, and their keyed hash.

Suppression must outlive the contact and hold no phone (DESIGN §5), so it stores an HMAC
under a key of the tenant: equal within a tenant, meaningless outside it.
"""

import re
from functools import lru_cache
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.kit import phones, secrets
from wa_app.kit.identities import identity_hash as identity_hash
from wa_app.models.people import IdentityKind

_LID = re.compile(r"(\d{5,20})(?:@lid)?")
_OPEN = re.compile(r"[\w.\-:]{1,128}")


def new_key() -> str:
    """A fresh key for `Tenant.identity_key`, encrypted."""
    return secrets.encrypt(secrets.new_token())


async def tenant_key(uow: TenantUnitOfWork) -> bytes:
    """The tenant's key in the clear; keep it in this process only."""
    query = text("SELECT identity_key FROM tenants WHERE id = :tenant")
    cipher = (await uow.session.execute(query, {"tenant": uow.tenant_id})).scalar_one_or_none()
    if cipher is None:
        raise NotFound
    return _opened(cipher)


@lru_cache(maxsize=1024)
def _opened(cipher: str) -> bytes:
    return secrets.decrypt(cipher).encode()


def normal_value(kind: IdentityKind, value: str, region: str) -> str:
    """The one form in which an identity is stored. Raises Invalid on the field named like the kind."""
    if kind is IdentityKind.PHONE:
        phone, code = phones.check(value, region)
        if code is not None:
            raise Invalid(FieldError("phone", code))
        return phone
    hit = (_LID if kind is IdentityKind.LID else _OPEN).fullmatch(value.strip().removeprefix("@"))
    if hit is None:
        raise Invalid(FieldError(kind.value, "identity_invalid"))
    return hit[1] if kind is IdentityKind.LID else hit[0]


def masked(kind: IdentityKind, value: str) -> str:
    """For logs and lists of opted-out people."""
    return phones.mask(value) if kind is IdentityKind.PHONE else f"…{value[-3:]}"


async def find_contact(uow: TenantUnitOfWork, kind: IdentityKind, value: str) -> UUID | None:
    """Id of the contact, deleted or not, that has this identity (in its stored form)."""
    query = text("SELECT contact_id FROM contact_identities WHERE tenant_id = :t AND kind = :kind AND value = :value")
    found: UUID | None = (
        await uow.session.execute(query, {"t": uow.tenant_id, "kind": kind.value, "value": value})
    ).scalar_one_or_none()
    return found
