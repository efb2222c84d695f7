"""The roles every tenant starts with: what the first migration writes and sign-up copies."""

from wa_app.schemas.principal import ALL_VERBS, Verb

_PEOPLE = frozenset({
    Verb.CONTACTS_READ, Verb.CONTACTS_WRITE, Verb.MESSAGES_READ, Verb.MESSAGES_SEND, Verb.FILES_READ,
    Verb.FILES_WRITE, Verb.DEVICES_READ, Verb.CAMPAIGNS_READ, Verb.RULES_READ, Verb.KNOWLEDGE_READ, Verb.AGENT_READ,
})  # fmt: skip
_MARKETING = _PEOPLE | {
    Verb.CONTACTS_DELETE, Verb.CONTACTS_IMPORT, Verb.CONTACTS_EXPORT, Verb.CAMPAIGNS_WRITE, Verb.CAMPAIGNS_SEND,
    Verb.BLACKLIST_READ, Verb.BLACKLIST_WRITE, Verb.SETTINGS_READ, Verb.TEAM_READ,
    Verb.RULES_WRITE, Verb.KNOWLEDGE_WRITE, Verb.AGENT_WRITE, Verb.OCR_SCAN,
}  # fmt: skip

SEEDED_ROLES: dict[str, tuple[str, frozenset[str]]] = {
    "owner": ("Owner", ALL_VERBS),
    "admin": ("Admin", ALL_VERBS - {Verb.DEVICES_PROTECTION}),
    "marketer": ("Marketer", frozenset(_MARKETING)),
    "sales": ("Sales", frozenset(_PEOPLE | {Verb.CONTACTS_IMPORT})),
    "agent": ("Agent", frozenset(_PEOPLE)),
}
"""Templates of roles: key → (name, verbs). A verb added after the first release needs a migration
that gives it to templates and copies; a test compares rows and code."""
