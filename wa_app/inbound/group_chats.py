"""Groups that a number is in, where the tenant wants them: conversations without contacts, consent or opt-out words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from wa_app.channels.port import Identity, MessageEchoed, MessageReceived
from wa_app.db import TenantUnitOfWork
from wa_app.inbound import conversations, media
from wa_app.inbound.conversations import Stored
from wa_app.kit.ids import new_id
from wa_app.services.groups import listing

_CONVERSATION: Final = """
INSERT INTO conversations AS v (id, tenant_id, device_id, group_jid, group_name, chat_id, last_message_at, last_inbound_at)
SELECT $1::uuid, $2::uuid, $3::uuid, $4::text, coalesce((SELECT g ->> 'name' FROM group_lists l, jsonb_array_elements(l.groups) g
  WHERE l.tenant_id = $2 AND l.device_id = $3 AND g ->> 'id' = $4 LIMIT 1), ''), $4, $5::timestamptz, $6::timestamptz
ON CONFLICT (tenant_id, device_id, group_jid) WHERE group_jid IS NOT NULL DO UPDATE SET
  last_message_at = greatest(v.last_message_at, excluded.last_message_at),
  last_inbound_at = greatest(v.last_inbound_at, excluded.last_inbound_at),
  group_name = coalesce(nullif(excluded.group_name, ''), v.group_name)
RETURNING id, group_name = '' AS is_unnamed
"""
# Times of service are a customer's: a group that talks waits for nobody.
_HEARD: Final = """
UPDATE conversations SET unread = unread + 1, snoozed_until = NULL,
  status = CASE WHEN status IN ('snoozed', 'closed') THEN 'open' ELSE status END WHERE tenant_id = $1 AND id = $2
"""
_SEEN: Final = "UPDATE conversations SET unread = 0 WHERE tenant_id = $1 AND id = $2"
_OWN: Final = """
SELECT 1 FROM devices WHERE tenant_id = $1 AND deleted_at IS NULL AND (phone = ANY($2::text[]) OR split_part(lid, '@', 1) = ANY($2::text[]))
"""
# A message has the same id on every phone that is in the group.
_TAKEN: Final = """
SELECT 1 FROM devices d JOIN messages m ON m.tenant_id = $1 AND m.device_id = d.id AND m.provider_message_id = $3
WHERE d.tenant_id = $1 AND d.id <> $2 AND d.deleted_at IS NULL AND m.turn_id IS NOT NULL
"""


async def store(uow: TenantUnitOfWork, device_id: UUID, message: MessageReceived | MessageEchoed) -> Stored:
    """Store one message of a group, once; who wrote it stands in the line alone."""
    conn = await uow.driver()
    received, at = isinstance(message, MessageReceived), conversations.said_at(message)
    talk = await conn.fetchrow(
        _CONVERSATION, new_id(), uow.tenant_id, device_id, message.chat_id, at, at if received else None
    )
    conversation = talk["id"]
    author = author_of(message) if isinstance(message, MessageReceived) else None
    line = await conversations.put(conn, uow.tenant_id, conversation, device_id, message, at, author=author)
    if line is None:
        known = await conversations.known(conn, uow.tenant_id, device_id, message.message_id)
        return Stored(known, None, at, is_new=False, conversation_id=conversation)
    await conn.execute(_HEARD if received else _SEEN, uow.tenant_id, conversation)
    if received and message.media is not None:
        await media.expect(uow, line, device_id, message.media)
    if talk["is_unnamed"]:
        await listing.ask(uow, device_id)
    uow.publish("message", id=line, conversation_id=conversation, contact_id=None)
    return Stored(line, None, at, is_new=True, conversation_id=conversation)


def author_of(message: MessageReceived) -> str:
    """The member who wrote it, as JSON; `jid` is what the channel calls them when their message is quoted."""
    given: Mapping[str, str] = dict(map(conversations.stored_identity, message.sender))
    name = conversations.plain(message.sender_name or "")[:200]
    author: dict[str, Any] = {"name": name, "phone": given.get("phone"), "lid": given.get("lid"), "jid": message.author}
    return orjson.dumps(author).decode()


async def is_own(uow: TenantUnitOfWork, people: Sequence[Identity]) -> bool:
    """Whether another number of the tenant wrote it: what that one says, its own device tells."""
    values = [conversations.stored_identity(one)[1] for one in people]
    return await (await uow.driver()).fetchval(_OWN, uow.tenant_id, values) is not None


async def is_taken(uow: TenantUnitOfWork, device_id: UUID, message_id: str) -> bool:
    """Whether another number of the tenant, in the same group, is about to answer it."""
    return await (await uow.driver()).fetchval(_TAKEN, uow.tenant_id, device_id, message_id) is not None
