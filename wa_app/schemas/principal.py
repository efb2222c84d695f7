"""Who is acting, for which tenant, with which verbs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self
from uuid import UUID


class Verb(StrEnum):
    """Everything a role may be allowed to do. Verbs are code, roles are rows."""

    CONTACTS_READ = "contacts.read"
    CONTACTS_WRITE = "contacts.write"
    CONTACTS_DELETE = "contacts.delete"
    CONTACTS_IMPORT = "contacts.import"
    CONTACTS_EXPORT = "contacts.export"
    DEVICES_READ = "devices.read"
    DEVICES_WRITE = "devices.write"
    DEVICES_PROTECTION = "devices.protection"
    CAMPAIGNS_READ = "campaigns.read"
    CAMPAIGNS_WRITE = "campaigns.write"
    CAMPAIGNS_SEND = "campaigns.send"
    MESSAGES_READ = "messages.read"
    MESSAGES_SEND = "messages.send"
    BLACKLIST_READ = "blacklist.read"
    BLACKLIST_WRITE = "blacklist.write"
    FILES_READ = "files.read"
    FILES_WRITE = "files.write"
    TEAM_READ = "team.read"
    TEAM_WRITE = "team.write"
    SETTINGS_READ = "settings.read"
    SETTINGS_WRITE = "settings.write"
    AUDIT_READ = "audit.read"
    RULES_READ = "rules.read"
    RULES_WRITE = "rules.write"
    KNOWLEDGE_READ = "knowledge.read"
    KNOWLEDGE_WRITE = "knowledge.write"
    AGENT_READ = "agent.read"
    AGENT_WRITE = "agent.write"
    AGENT_PUBLISH = "agent.publish"
    AI_PROVIDERS_READ = "ai_providers.read"
    AI_PROVIDERS_WRITE = "ai_providers.write"
    OCR_SCAN = "ocr.scan"


ALL_VERBS: frozenset[str] = frozenset(Verb)


@dataclass(frozen=True, slots=True)
class Principal:
    """One actor inside one tenant. `kind` tells people, programs and our own workers apart."""

    tenant_id: UUID
    user_id: UUID | None
    verbs: frozenset[str]
    kind: Literal["user", "api_key", "system"] = "user"
    language: str = "id"
    session_id: UUID | None = None
    """The sign-in behind a person; None for programs and workers."""

    @classmethod
    def system(cls, tenant_id: UUID) -> Self:
        """Our own workers acting for a tenant: every verb, no person."""
        return cls(tenant_id, None, ALL_VERBS, "system")

    def may(self, verb: str) -> bool:
        return verb in self.verbs
