"""The person in a conversation: what is known, whether one may write, beginning a talk, blocking."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.models.people import IdentityKind, SuppressionReason, SuppressionScope
from wa_app.schemas.blacklist import BlacklistAdd
from wa_app.schemas.contacts import ContactCreate
from wa_app.schemas.conversations import ChatTag, ChatView
from wa_app.schemas.inbox import CampaignReceived, CaseView, ChatCustomer, InsightView, MergeView, OtherChat, Standing
from wa_app.sending import suppression
from wa_app.services import audit, blacklist, contacts, identities, tags
from wa_app.services.conversations import chats, lines, window

_STATE = f"""
SELECT d.status, d.deleted_at IS NOT NULL AS gone, v.contact_id, v.group_jid, s.ends, s.ends <= now() AS is_over, now() AS now
FROM conversations v JOIN devices d ON d.tenant_id = v.tenant_id AND d.id = v.device_id
CROSS JOIN LATERAL (SELECT {window.ENDS} AS ends) s
WHERE v.tenant_id = $1 AND v.id = $2
"""  # noqa: S608
_PERSON = "SELECT name, phone, city, attributes, created_at FROM contacts WHERE tenant_id = $1 AND id = $2"
_GROUP = "SELECT group_jid, group_name, created_at FROM conversations WHERE tenant_id = $1 AND id = $2"
_CONSENT = "SELECT kind, coalesce(at, created_at) AS at FROM consents WHERE tenant_id = $1 AND contact_id = $2 ORDER BY id DESC LIMIT 1"
_CAMPAIGNS = """
SELECT o.campaign_id, c.name, o.state AS status, o.sent_at FROM outbound_messages o
JOIN campaigns c ON c.tenant_id = o.tenant_id AND c.id = o.campaign_id
WHERE o.tenant_id = $1 AND o.contact_id = $2 AND o.sent_at IS NOT NULL AND o.campaign_id IS NOT NULL
ORDER BY o.sent_at DESC LIMIT 20
"""
_INSIGHTS = """
SELECT intent, sentiment, product, urgency, tags, created_at AS at FROM insights
WHERE tenant_id = $1 AND conversation_id = $2 ORDER BY id DESC LIMIT 10
"""
_OTHERS = """
SELECT v.id, v.device_id, d.name AS device_name, v.status, v.last_message_at FROM conversations v
JOIN devices d ON d.tenant_id = v.tenant_id AND d.id = v.device_id
WHERE v.tenant_id = $1 AND v.contact_id = $2 AND v.id <> $3 ORDER BY v.last_message_at DESC NULLS LAST LIMIT 20
"""
_MERGED = """
SELECT m.merged_contact_id AS contact_id, c.name, m.created_at AS at FROM contact_merges m
JOIN contacts c ON c.tenant_id = m.tenant_id AND c.id = m.merged_contact_id
WHERE m.tenant_id = $1 AND m.kept_contact_id = $2 AND m.undone_at IS NULL ORDER BY m.id DESC LIMIT 20
"""
_CASES = """
SELECT opened_at, answered_at, resolved_at FROM conversation_cases
WHERE tenant_id = $1 AND conversation_id = $2 AND opened_at IS NOT NULL ORDER BY id DESC LIMIT 10
"""
_OPEN = """
INSERT INTO conversations AS v (id, tenant_id, contact_id, device_id, chat_id)
SELECT $1, $2, c.id, d.id, '' FROM contacts c, devices d
WHERE c.tenant_id = $2 AND c.id = $3 AND c.deleted_at IS NULL AND d.tenant_id = $2 AND d.id = $4 AND d.deleted_at IS NULL
ON CONFLICT (tenant_id, contact_id, device_id) DO UPDATE SET chat_id = v.chat_id RETURNING id
"""


async def start(
    uow: TenantUnitOfWork, *, device_id: UUID, contact_id: UUID | None = None, phone: str | None = None
) -> ChatView:
    """The conversation with somebody on a device; it is made when there is none, and listed from its first message on.

    Raises Invalid for a phone that is none, NotFound for a contact or a device that is not ours.
    """
    uow.require("messages.send")
    if (contact_id is None) == (not (phone or "").strip()):
        raise Invalid(FieldError("phone", "message_one_recipient"))
    conn = await uow.driver()
    query = "SELECT 1 FROM devices WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL"
    if await conn.fetchval(query, uow.tenant_id, device_id) is None:
        raise NotFound
    person = contact_id or await _person(uow, phone or "")
    found = await conn.fetchval(_OPEN, new_id(), uow.tenant_id, person, device_id)
    if found is None:
        raise NotFound
    return await chats.get(uow, found)


async def _person(uow: TenantUnitOfWork, phone: str) -> UUID:
    region = (await uow.session.execute(text("SELECT region FROM tenants"))).scalar_one()
    value = identities.normal_value(IdentityKind.PHONE, phone, region)
    if (known := await identities.find_contact(uow, IdentityKind.PHONE, value)) is not None:
        return known
    view, _ = await contacts.create(uow, ContactCreate(phone=value, upsert=True))
    return view.id


async def writable(uow: TenantUnitOfWork, conversation_id: UUID) -> str | None:
    """Why one may not write here, as an error's code; None when one may. Raises NotFound."""
    return (await standing(uow, conversation_id)).shut


async def standing(uow: TenantUnitOfWork, conversation_id: UUID) -> Standing:
    """Whether one may write here, and until when. Raises NotFound."""
    uow.require("messages.read")
    conn = await uow.driver()
    row = await conn.fetchrow(_STATE, uow.tenant_id, conversation_id)
    if row is None:
        raise NotFound
    ends = None if row["is_over"] else row["ends"]
    return Standing(shut=await _shut(uow, row), window_ends_at=ends, now=row["now"])


async def _shut(uow: TenantUnitOfWork, row: Mapping[str, Any]) -> str | None:
    is_group = row["group_jid"] is not None
    if not is_group and await suppression.scope_of_contact(uow, uow.tenant_id, row["contact_id"]) == SuppressionScope.ALL:
        return "recipient_suppressed"
    if row["gone"]:
        return "device_gone"
    if row["is_over"]:
        return "window_closed"
    return None if row["status"] == "CONNECTED" else "device_down"


async def customer(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatCustomer:
    """What is known of the person. Raises NotFound."""
    uow.require("messages.read")
    uow.require("contacts.read")
    chat = await chats.chat_of(uow, conversation_id)
    conn = await uow.driver()
    if chat.contact_id is None:
        return await _group(conn, uow.tenant_id, conversation_id)
    person = await conn.fetchrow(_PERSON, uow.tenant_id, chat.contact_id)
    consent = await conn.fetchrow(_CONSENT, uow.tenant_id, chat.contact_id)
    tagged = (await tags.of_contacts(uow, [chat.contact_id])).get(chat.contact_id, [])
    return ChatCustomer(
        contact_id=chat.contact_id, name=person["name"], phone=person["phone"], city=person["city"],
        attributes=lines.plain(person["attributes"]) or {}, created_at=person["created_at"],
        tags=[ChatTag(id=one.id, name=one.name, color=one.color) for one in tagged],
        consent=consent["kind"] if consent else None, consent_at=consent["at"] if consent else None,
        suppressed=await suppression.scope_of_contact(uow, uow.tenant_id, chat.contact_id),
        campaigns=[CampaignReceived(**row) for row in await conn.fetch(_CAMPAIGNS, uow.tenant_id, chat.contact_id)],
        insights=[_insight(row) for row in await conn.fetch(_INSIGHTS, uow.tenant_id, conversation_id)],
        chats=[OtherChat(**row) for row in await conn.fetch(_OTHERS, uow.tenant_id, chat.contact_id, conversation_id)],
        merged=[MergeView(**row) for row in await conn.fetch(_MERGED, uow.tenant_id, chat.contact_id)],
        cases=[CaseView(**row) for row in await conn.fetch(_CASES, uow.tenant_id, conversation_id)],
    )  # fmt: skip


async def _group(conn: Any, tenant_id: UUID, conversation_id: UUID) -> ChatCustomer:
    """A group is nobody: its name, and nothing that is kept of people."""
    row = await conn.fetchrow(_GROUP, tenant_id, conversation_id)
    return ChatCustomer(
        contact_id=conversation_id, is_group=True, name=chats.title_of(row["group_jid"], row["group_name"]), phone=None, city="",
        attributes={}, tags=[], consent=None, consent_at=None, suppressed=None, campaigns=[], insights=[], chats=[], cases=[],
        created_at=row["created_at"],
    )  # fmt: skip


async def person_of(uow: TenantUnitOfWork, conversation_id: UUID) -> UUID:
    """The contact one talks with. Raises NotFound, Conflict `chat_is_group`."""
    chat = await chats.chat_of(uow, conversation_id)
    if chat.contact_id is None:
        raise Conflict("chat_is_group")
    return chat.contact_id


def _insight(row: Mapping[str, Any]) -> InsightView:
    return InsightView(**{**dict(row), "tags": [str(one) for one in lines.plain(row["tags"]) or ()]})


async def block(uow: TenantUnitOfWork, conversation_id: UUID, note: str = "") -> ChatView:
    """Nobody writes to this person any more, people neither. Raises NotFound, Conflict `chat_is_group`."""
    person = await person_of(uow, conversation_id)
    await blacklist.add(uow, BlacklistAdd(
        contact_id=person, reason=SuppressionReason.MANUAL, scope=SuppressionScope.ALL, note=note[:500],
    ))  # fmt: skip
    return await _told(uow, conversation_id, "block")


async def unblock(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatView:
    """Take the person off the list, over every alias; who is not on it stays off. Raises NotFound, Conflict `chat_is_group`."""
    uow.require("blacklist.write")
    person = await person_of(uow, conversation_id)
    aliases = await suppression.aliases_of(uow, uow.tenant_id, person, identities.masked)
    await suppression.remove(uow, [one.hash for one in aliases])
    uow.publish("blacklist")
    return await _told(uow, conversation_id, "unblock")


async def _told(uow: TenantUnitOfWork, conversation_id: UUID, verb: str) -> ChatView:
    audit.record(uow, f"conversation.{verb}", "conversation", conversation_id)
    uow.publish("conversation", id=conversation_id)
    return await chats.get(uow, conversation_id)
