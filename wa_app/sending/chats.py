"""What leaves as a line of its conversation (ADR 0014).

Single messages get their line when they are planned, in the same transaction; its status is the ledger
row's, joined when the chat is read, so lanes and acks write nothing more. Campaigns write no lines at all:
a chat shows the ledger's rows beside its own.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from wa_app.kit.ids import new_id

_PERSON = """
  INSERT INTO conversations AS v (id, tenant_id, contact_id, device_id, chat_id, last_message_at)
  SELECT $3, $2, c.id, $4, '', CASE WHEN $12::timestamptz IS NULL THEN now() END FROM contacts c WHERE c.tenant_id = $2 AND c.id = $5
  ON CONFLICT (tenant_id, contact_id, device_id) DO UPDATE SET last_message_at = greatest(v.last_message_at, excluded.last_message_at)
  RETURNING id"""
_GROUP = """
  UPDATE conversations SET last_message_at = CASE WHEN $12::timestamptz IS NULL THEN greatest(last_message_at, now()) ELSE last_message_at END
  WHERE tenant_id = $2 AND id = $3 AND device_id = $4 AND group_jid IS NOT NULL AND $5::uuid IS NULL
  RETURNING id"""
_LINE = """
WITH talk AS ({talk})
INSERT INTO messages (id, tenant_id, conversation_id, device_id, contact_id, outbound_id, direction, sender, type, text,
  media, timestamp, extra, turn_id)
SELECT $1, $2, talk.id, $4, $5, $6, 'OUTBOUND', $7, CASE WHEN f.id IS NULL THEN 'text'
    WHEN split_part(f.mime, '/', 1) IN ('image', 'video', 'audio') THEN split_part(f.mime, '/', 1) ELSE 'document' END,
  $8, CASE WHEN f.id IS NULL THEN NULL ELSE jsonb_build_object('file_id', f.id, 'mime', f.mime, 'filename', f.name) END,
  coalesce($12::timestamptz, now()), CASE WHEN $10::text IS NULL THEN '{{}}'::jsonb ELSE jsonb_build_object('reply_to', $10::text) END, $11
FROM talk LEFT JOIN files f ON f.tenant_id = $2 AND f.id = $9
ON CONFLICT (tenant_id, outbound_id) WHERE outbound_id IS NOT NULL DO NOTHING RETURNING conversation_id
"""
_TO_PERSON, _TO_GROUP = _LINE.format(talk=_PERSON), _LINE.format(talk=_GROUP)


async def write_down(
    conn: Any, tenant_id: UUID, device_id: UUID, contact_id: UUID | None, outbound_id: UUID, *, sender: str, text: str,
    file_id: UUID | None, reply_to: str | None, turn_id: UUID | None, at: datetime | None = None,
    group_chat: UUID | None = None,
) -> tuple[UUID, UUID] | None:  # fmt: skip
    """The line of a planned single message; a person's conversation is made when there is none, a group's is `group_chat`.

    `at`: when it is said, if not now.

    Returns the ids of the conversation and the line; None for somebody who is no contact.
    """
    line = new_id()
    conversation = await conn.fetchval(
        _TO_PERSON if group_chat is None else _TO_GROUP, line, tenant_id, group_chat or new_id(), device_id, contact_id,
        outbound_id, sender, text, file_id, reply_to, turn_id, at,
    )  # fmt: skip
    return None if conversation is None else (conversation, line)


_TAKE_BACK = """
UPDATE outbound_messages m SET state = 'cancelled', error_code = $3, due_at = NULL
WHERE m.tenant_id = $1 AND m.id IN (
  SELECT id FROM outbound_messages WHERE tenant_id = $1 AND id = $2 AND state = 'planned' FOR UPDATE SKIP LOCKED)
RETURNING m.id
"""
_TAKE_BACK_ALL = """
UPDATE outbound_messages m SET state = 'cancelled', error_code = $4, due_at = NULL
WHERE m.tenant_id = $1 AND m.id IN (
  SELECT id FROM outbound_messages WHERE tenant_id = $1 AND contact_id = $2 AND ($3::uuid IS NULL OR preferred_device_id = $3)
    AND state = 'planned' AND campaign_id IS NULL AND sender IN ('rule', 'flow', 'agent') FOR UPDATE SKIP LOCKED)
RETURNING m.id
"""
_FORGET = "DELETE FROM messages WHERE tenant_id = $1 AND outbound_id = ANY($2::uuid[])"


async def take_back(conn: Any, tenant_id: UUID, outbound_id: UUID, why: str) -> bool:
    """Cancel a planned message that no lane has in its hands, with its line. False when it is too late.

    A row that a lane is just looking at is skipped, never waited for: the lane holds locks that we may want.
    """
    rows = await conn.fetch(_TAKE_BACK, tenant_id, outbound_id, why)
    await _forget(conn, tenant_id, rows)
    return bool(rows)


async def take_back_all(conn: Any, tenant_id: UUID, contact_id: UUID, device_id: UUID | None, why: str) -> int:
    """Cancel what machines have planned for a person, on one device or all."""
    rows = await conn.fetch(_TAKE_BACK_ALL, tenant_id, contact_id, device_id, why)
    await _forget(conn, tenant_id, rows)
    return len(rows)


async def _forget(conn: Any, tenant_id: UUID, rows: list[Mapping[str, Any]]) -> None:
    if rows:
        await conn.execute(_FORGET, tenant_id, [row["id"] for row in rows])
