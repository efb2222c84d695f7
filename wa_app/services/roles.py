"""The five roles every tenant starts with. Roles are rows; these are what the rows are made from."""

from uuid import UUID

from wa_app.models.identity import Role
from wa_app.schemas.principal import ALL_VERBS, Verb

_READ = frozenset(verb for verb in Verb if verb.value.endswith(".read"))
_PEOPLE = frozenset({Verb.CONTACTS_READ, Verb.CONTACTS_WRITE, Verb.MESSAGES_READ, Verb.MESSAGES_SEND, Verb.FILES_READ,
                     Verb.FILES_WRITE, Verb.DEVICES_READ, Verb.CAMPAIGNS_READ})
_MARKETING = _PEOPLE | {
    Verb.CONTACTS_DELETE, Verb.CONTACTS_IMPORT, Verb.CONTACTS_EXPORT, Verb.CAMPAIGNS_WRITE, Verb.CAMPAIGNS_SEND,
    Verb.BLACKLIST_READ, Verb.BLACKLIST_WRITE, Verb.SETTINGS_READ,
}

SEEDED: dict[str, tuple[str, frozenset[str]]] = {
    "owner": ("Owner", ALL_VERBS),
    "admin": ("Admin", ALL_VERBS - {Verb.AUDIT_READ} | _READ),
    "marketer": ("Marketer", frozenset(_MARKETING)),
    "sales": ("Sales", frozenset(_PEOPLE | {Verb.CONTACTS_IMPORT})),
    "agent": ("Agent", frozenset(_PEOPLE)),
}


def tenant_roles(tenant_id: UUID) -> list[Role]:
    """Fresh rows of the seeded roles for a new tenant."""
    return [
        Role(tenant_id=tenant_id, key=key, name=name, verbs=sorted(verbs)) for key, (name, verbs) in SEEDED.items()
    ]
