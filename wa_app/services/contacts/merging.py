"""Two contacts that a person says are one, and taking them apart again: each gets back what came from it."""

# ruff: noqa: S608 - queries are put together of parts of our own, values are bound

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, NotFound
from wa_app.kit.folding import contact_text
from wa_app.kit.ids import new_id
from wa_app.services import audit, entitlements
from wa_app.services.contacts import joining

_LOCK = """
SELECT v.id FROM conversations v WHERE v.tenant_id = $1 AND v.contact_id = ANY($2::uuid[]) ORDER BY v.id FOR UPDATE
"""
_PEOPLE = """
SELECT id, name, phone, city, attributes, search_text FROM contacts
WHERE tenant_id = $1 AND id = ANY($2::uuid[]) AND deleted_at IS NULL ORDER BY id
"""
_LEAVES = """
SELECT EXISTS (SELECT 1 FROM conversations v JOIN answer_turns t ON t.tenant_id = $1 AND t.conversation_id = v.id
    AND t.state = ANY($3::text[]) WHERE v.tenant_id = $1 AND v.contact_id = ANY($2::uuid[]))
  OR EXISTS (SELECT 1 FROM outbound_messages o WHERE o.tenant_id = $1 AND o.contact_id = ANY($2::uuid[]) AND o.state = 'sending')
"""
_TALKS = """
SELECT v.id, jsonb_build_object('last_message_at', v.last_message_at, 'last_inbound_at', v.last_inbound_at, 'status', v.status,
  'snoozed_until', v.snoozed_until, 'waiting_since', v.waiting_since, 'needs_human_at', v.needs_human_at, 'unread', v.unread,
  'needs_human_reason', v.needs_human_reason, 'needs_human_summary', v.needs_human_summary, 'assigned_to', v.assigned_to,
  'assigned_at', v.assigned_at, 'team_id', v.team_id, 'case', (SELECT jsonb_build_object('id', c.id, 'opened_at', c.opened_at)
    FROM conversation_cases c WHERE c.tenant_id = $1 AND c.conversation_id = v.id AND c.resolved_at IS NULL)) AS stood
FROM conversations v WHERE v.tenant_id = $1 AND v.contact_id = $2
"""
_KEEP = """
INSERT INTO contact_merges (id, tenant_id, kept_contact_id, merged_contact_id, before, created_by) VALUES ($1, $2, $3, $4, $5::jsonb, $6)
"""
_NAME = "UPDATE contacts SET name = $3, search_text = $4 WHERE tenant_id = $1 AND id = $2"
_LATEST = """
SELECT id, merged_contact_id, before FROM contact_merges
WHERE tenant_id = $1 AND kept_contact_id = $2 AND undone_at IS NULL ORDER BY id DESC LIMIT 1 FOR UPDATE
"""
_OF = "FROM contact_merge_moves w WHERE w.tenant_id = $1 AND w.merge_id = $2 AND w.kind = '{kind}'"
_ALL: Final = ("waiting", "deciding", "answering")
_LEAVING: Final = ("deciding", "answering")


def _back(table: str, kind: str, sets: str, more: str = "") -> str:
    return f"UPDATE {table} t SET {sets} {_OF.format(kind=kind)} AND t.tenant_id = $1 AND t.id = w.row_id {more}"


# $3 is the contact that was kept, $4 the one that gets its own back.
_RETURNS: Final = (
    _back("contact_identities", "identity", "contact_id = $4", "AND t.contact_id = $3"),
    _back("outbound_messages", "outbound", "contact_id = $4", "AND t.contact_id = $3"),
    _back("conversations", "conversation", "contact_id = $4", "AND t.contact_id = $3"),
    f"UPDATE messages t SET contact_id = $4 {_OF.format(kind='conversation')} AND t.tenant_id = $1 AND t.conversation_id = w.row_id "
    "AND t.contact_id = $3",
    f"UPDATE answer_turns t SET contact_id = $4 {_OF.format(kind='conversation')} AND t.tenant_id = $1 AND t.conversation_id = w.row_id "
    "AND t.contact_id = $3",
    _back("messages", "message", "conversation_id = w.from_id, contact_id = $4", "AND t.contact_id = $3"),
    f"UPDATE insights t SET conversation_id = w.from_id {_OF.format(kind='message')} AND t.tenant_id = $1 AND t.message_id = w.row_id "
    "AND $3::uuid <> $4::uuid",
    _back("answer_turns", "turn", "conversation_id = w.from_id, contact_id = $4", "AND t.contact_id = $3"),
    _back("conversation_notes", "note", "conversation_id = w.from_id", "AND $3::uuid <> $4::uuid"),
    _back("note_mentions", "mention", "conversation_id = w.from_id", "AND $3::uuid <> $4::uuid"),
    _back("conversation_cases", "case", "conversation_id = w.from_id", "AND t.resolved_at IS NOT NULL AND $3::uuid <> $4::uuid"),
    _back("conversation_cases", "case", "conversation_id = w.from_id", "AND t.resolved_at IS NULL AND $3::uuid <> $4::uuid AND NOT EXISTS "
          "(SELECT 1 FROM conversation_cases o WHERE o.tenant_id = $1 AND o.conversation_id = w.from_id AND o.resolved_at IS NULL)"),
    _back("conversation_drafts", "draft", "conversation_id = w.from_id", "AND $3::uuid <> $4::uuid AND NOT EXISTS (SELECT 1 FROM "
          "conversation_drafts o WHERE o.tenant_id = $1 AND o.conversation_id = w.from_id AND o.user_id = t.user_id)"),
    f"DELETE FROM contact_tags t USING contact_merge_moves w WHERE {_OF.format(kind='contact_tag').split('WHERE ', 1)[1]} "
    "AND t.tenant_id = $1 AND t.tag_id = w.row_id AND t.contact_id = $3 AND $3::uuid <> $4::uuid",
    f"DELETE FROM conversation_tags t USING contact_merge_moves w WHERE {_OF.format(kind='tag').split('WHERE ', 1)[1]} "
    "AND t.tenant_id = $1 AND t.tag_id = w.row_id AND t.conversation_id = w.from_id AND $3::uuid <> $4::uuid",
)  # fmt: skip
_STANDS = """
UPDATE conversations v SET status = CASE WHEN v.status = 'closed' THEN r.status ELSE v.status END, snoozed_until = r.snoozed_until,
  waiting_since = r.waiting_since, needs_human_at = r.needs_human_at, needs_human_reason = r.needs_human_reason,
  needs_human_summary = coalesce(r.needs_human_summary, ''), assigned_to = u.id, team_id = g.id, unread = 0,
  assigned_at = CASE WHEN u.id IS NOT NULL THEN r.assigned_at END,
  last_inbound_at = r.last_inbound_at, last_message_at = coalesce((SELECT max(m.timestamp) FROM messages m
    WHERE m.tenant_id = $1 AND m.conversation_id = v.id AND m.timestamp <= now()), r.last_message_at)
FROM jsonb_populate_record(NULL::conversations, $3::jsonb) r
LEFT JOIN memberships p ON p.tenant_id = $1 AND p.user_id = r.assigned_to LEFT JOIN users u ON u.id = p.user_id
LEFT JOIN teams g ON g.tenant_id = $1 AND g.id = r.team_id
WHERE v.tenant_id = $1 AND v.id = $2 AND v.contact_id = $4
"""
_CASE = """
UPDATE conversation_cases c SET opened_at = $3, resolved_at = NULL WHERE c.tenant_id = $1 AND c.id = $2 AND NOT EXISTS (
  SELECT 1 FROM conversation_cases o WHERE o.tenant_id = $1 AND o.conversation_id = c.conversation_id AND o.resolved_at IS NULL)
"""
_RECOUNT = """
UPDATE conversations v SET last_message_at = coalesce((SELECT max(m.timestamp) FROM messages m
    WHERE m.tenant_id = $1 AND m.conversation_id = v.id AND m.timestamp <= now()), v.last_message_at),
  scheduled_at = (SELECT min(m.timestamp) FROM messages m JOIN outbound_messages o ON o.tenant_id = $1 AND o.id = m.outbound_id
    WHERE m.tenant_id = $1 AND m.conversation_id = v.id AND m.timestamp > now() AND o.state = 'planned')
WHERE v.tenant_id = $1 AND v.contact_id = ANY($2::uuid[]) AND v.last_message_at IS NOT NULL
"""
_REVIVE = "UPDATE contacts SET deleted_at = NULL, phone = $3 WHERE tenant_id = $1 AND id = $2"
_HAS_PHONE = "SELECT 1 FROM contact_identities WHERE tenant_id = $1 AND contact_id = $2 AND kind = 'phone' AND value = $3"
_UNDONE = "UPDATE contact_merges SET undone_at = now(), undone_by = $3 WHERE tenant_id = $1 AND id = $2"


async def merge(uow: TenantUnitOfWork, first: UUID, second: UUID) -> UUID:
    """Make one person of two contacts. The one with a number stays, else `first`. Returns who stays.

    Raises NotFound, Conflict `same_person`, `answer_leaves` while a machine's answer or a message is on its way.
    """
    uow.require("contacts.write")
    if first == second:
        raise Conflict("same_person")
    conn, both = await uow.driver(), [first, second]
    await conn.fetch(_LOCK, uow.tenant_id, both)
    people = {row["id"]: row for row in await conn.fetch(_PEOPLE, uow.tenant_id, both)}
    if len(people) < len(both):
        raise NotFound
    if await conn.fetchval(_LEAVES, uow.tenant_id, both, list(_LEAVING)):
        raise Conflict("answer_leaves")
    keep, other = (first, second) if people[first]["phone"] or not people[second]["phone"] else (second, first)
    merge_id = await _remember(uow, people[keep], people[other])
    await joining.join(conn, uow.tenant_id, other, keep, merge_id)
    await entitlements.require(uow, "contacts", -1)
    audit.record(uow, "contact.merge", "contact", keep, merged=str(other))
    uow.publish("contact", id=keep)
    return keep


async def _remember(uow: TenantUnitOfWork, kept: Mapping[str, Any], merged: Mapping[str, Any]) -> UUID:
    """Write down how it was; a contact without a name takes the other's."""
    conn, merge_id = await uow.driver(), new_id()
    talks = {str(row["id"]): _plain(row["stood"]) for row in await conn.fetch(_TALKS, uow.tenant_id, merged["id"])}
    before: dict[str, Any] = {"phone": merged["phone"], "talks": talks}
    if not kept["name"] and merged["name"]:
        before["named"] = merged["name"]
        await _rename(uow, kept, merged["name"])
    await conn.execute(
        _KEEP, merge_id, uow.tenant_id, kept["id"], merged["id"], orjson.dumps(before).decode(), uow.principal.user_id
    )
    return merge_id


async def _rename(uow: TenantUnitOfWork, person: Mapping[str, Any], name: str) -> None:
    conn, more = await uow.driver(), _plain(person["attributes"]) or {}
    words = contact_text(name, person["phone"], person["city"], str(more.get("email", "")))
    await conn.execute(_NAME, uow.tenant_id, person["id"], name, words)


async def unmerge(uow: TenantUnitOfWork, contact_id: UUID) -> UUID:
    """Undo the latest merging into a contact. What was said since stays with it. Returns the contact that is there again.

    Raises NotFound, Conflict `not_merged`, `answer_leaves` while an answer waits or leaves.
    """
    uow.require("contacts.write")
    conn = await uow.driver()
    await conn.fetch(_LOCK, uow.tenant_id, [contact_id])
    people = await conn.fetch(_PEOPLE, uow.tenant_id, [contact_id])
    if not people:
        raise NotFound
    found = await conn.fetchrow(_LATEST, uow.tenant_id, contact_id)
    if found is None:
        raise Conflict("not_merged")
    if await conn.fetchval(_LEAVES, uow.tenant_id, [contact_id], list(_ALL)):
        raise Conflict("answer_leaves")
    other, before = found["merged_contact_id"], _plain(found["before"])
    await entitlements.require(uow, "contacts")
    for query in _RETURNS:
        await conn.execute(query, uow.tenant_id, found["id"], contact_id, other)
    await _restore(uow, other, before)
    if before.get("named") and before["named"] == people[0]["name"]:
        await _rename(uow, people[0], "")
    await conn.execute(_RECOUNT, uow.tenant_id, [contact_id, other])
    await conn.execute(_UNDONE, uow.tenant_id, found["id"], uow.principal.user_id)
    audit.record(uow, "contact.unmerge", "contact", contact_id, returned=str(other))
    uow.publish("contact", id=contact_id)
    return UUID(str(other))


async def _restore(uow: TenantUnitOfWork, contact_id: UUID, before: Mapping[str, Any]) -> None:
    """The contact itself, and its conversations as they stood."""
    conn, phone = await uow.driver(), before.get("phone")
    if phone and await conn.fetchval(_HAS_PHONE, uow.tenant_id, contact_id, phone) is None:
        phone = None
    await conn.execute(_REVIVE, uow.tenant_id, contact_id, phone)
    for talk, stood in (before.get("talks") or {}).items():
        await conn.execute(_STANDS, uow.tenant_id, UUID(talk), orjson.dumps(stood).decode(), contact_id)
        if stood.get("case"):
            case = stood["case"]
            await conn.execute(_CASE, uow.tenant_id, UUID(case["id"]), _time(case["opened_at"]))


def _time(given: str | None) -> datetime | None:
    return datetime.fromisoformat(given) if given else None


def _plain(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str | bytes) else value
