"""The lines of a chat: its own messages, and what campaigns sent on its device, in one order (ADR 0014).

Lines of single messages take their status from the ledger's row; rows of campaigns are read from the ledger itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from wa_app.schemas.ai import Turn
from wa_app.schemas.conversations import ChatMedia, ChatMember, ChatMessage
from wa_app.schemas.traces import TraceEntry

LEFT: Final = ("sent", "delivered", "read", "played", "unknown")
MEMORY: Final = 10
"""Messages that an agent is told word by word."""

# Each side walks its index backwards from the cursor and stops after a page.
_LINES = """
SELECT * FROM (
  SELECT m.id, m.timestamp AS at, m.direction, m.sender, m.type, m.text, m.media, coalesce(o.state, m.status) AS status,
    o.error_code, m.outbound_id, NULL::uuid AS campaign_id, m.turn_id, t.trace, t.state AS turn_state, m.extra,
    m.reading_state, m.reading ->> 'text' AS reading, m.reading ->> 'reason' AS reading_reason, CASE WHEN m.extra ? 'reply_to' THEN coalesce(
      (SELECT q.text FROM messages q WHERE q.tenant_id = $1 AND q.device_id = $4 AND q.provider_message_id = m.extra ->> 'reply_to'),
      (SELECT q.body FROM outbound_messages q
       WHERE q.tenant_id = $1 AND q.device_id = $4 AND q.provider_message_id = m.extra ->> 'reply_to')) END AS quoted,
    u.name AS author_name, m.author
  FROM (
    SELECT * FROM messages WHERE tenant_id = $1 AND conversation_id = $2 AND timestamp IS NOT NULL
      AND (outbound_id IS NULL OR timestamp <= now())
      AND ($5::timestamptz IS NULL OR (timestamp, id) < ($5, $6)) ORDER BY timestamp DESC, id DESC LIMIT $7
  ) m
  LEFT JOIN outbound_messages o ON o.tenant_id = $1 AND o.id = m.outbound_id
  LEFT JOIN answer_turns t ON t.tenant_id = $1 AND t.id = m.turn_id
  LEFT JOIN users u ON u.id = o.created_by AND m.sender = 'human'
  UNION ALL
  SELECT c.id, c.sent_at, 'OUTBOUND', 'campaign', CASE WHEN f.id IS NULL THEN 'text'
      WHEN split_part(f.mime, '/', 1) IN ('image', 'video', 'audio') THEN split_part(f.mime, '/', 1) ELSE 'document' END,
    coalesce(c.body, ''), CASE WHEN f.id IS NULL THEN NULL
      ELSE jsonb_build_object('file_id', f.id, 'mime', f.mime, 'filename', f.name) END,
    c.state, c.error_code, c.id, c.campaign_id, NULL, NULL, NULL,
    CASE WHEN c.reactions IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('reactions', c.reactions) END, NULL, NULL, NULL, NULL, NULL, NULL
  FROM (
    SELECT * FROM outbound_messages WHERE tenant_id = $1 AND contact_id = $3 AND device_id = $4 AND sent_at IS NOT NULL
      AND campaign_id IS NOT NULL AND ($5::timestamptz IS NULL OR (sent_at, id) < ($5, $6))
    ORDER BY sent_at DESC, id DESC LIMIT $7
  ) c
  LEFT JOIN files f ON f.tenant_id = $1 AND f.id = c.file_id
  UNION ALL
  SELECT n.id, n.created_at, 'OUTBOUND', 'human', 'note', n.text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    '{}'::jsonb, NULL, NULL, NULL, NULL, u.name, NULL
  FROM (
    SELECT * FROM conversation_notes WHERE $8 AND tenant_id = $1 AND conversation_id = $2
      AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6)) ORDER BY created_at DESC, id DESC LIMIT $7
  ) n
  LEFT JOIN users u ON u.id = n.author_id
) lines ORDER BY at DESC, id DESC LIMIT $7
"""

# The same indexes walked forwards: the lines after a place, the nearest first.
_AFTER = _LINES.replace("< ($5, $6)", "> ($5, $6)").replace(" DESC", " ASC")


@dataclass(frozen=True, slots=True)
class Chat:
    """Where lines are looked for."""

    tenant_id: UUID
    conversation_id: UUID
    contact_id: UUID | None
    """None: of a group."""
    device_id: UUID
    group_jid: str | None = None


async def fetch(
    conn: Any, chat: Chat, limit: int, before: tuple[datetime, UUID] | None = None, *, notes: bool = False
) -> list[Mapping[str, Any]]:
    """Rows of a chat, newest first, before a line; what is written for later is not among them.

    `notes` are for the eyes of the tenant's people only: no model and no export is ever given them.
    """
    at, line = before or (None, None)
    rows: list[Mapping[str, Any]] = await conn.fetch(
        _LINES, chat.tenant_id, chat.conversation_id, chat.contact_id, chat.device_id, at, line, limit, notes
    )
    return rows


async def fetch_after(conn: Any, chat: Chat, limit: int, after: tuple[datetime, UUID], *, notes: bool = False) -> list[Mapping[str, Any]]:
    """Rows of a chat behind a line, oldest first."""
    rows: list[Mapping[str, Any]] = await conn.fetch(
        _AFTER, chat.tenant_id, chat.conversation_id, chat.contact_id, chat.device_id, *after, limit, notes
    )
    return rows


def view(row: Mapping[str, Any]) -> ChatMessage:
    """A row as pages and programs see it."""
    media = row["media"]
    return ChatMessage(
        id=row["id"], direction=row["direction"], type=row["type"], text=row["text"],
        media=_media(media) if media else None, status=row["status"], sender=row["sender"], error_code=row["error_code"],
        outbound_id=row["outbound_id"], campaign_id=row["campaign_id"],
        trace=[TraceEntry.model_validate(one) for one in plain(row["trace"])] if row["trace"] else None,
        turn_id=row["turn_id"], turn_state=row["turn_state"], extra=plain(row["extra"]) or {}, timestamp=row["at"],
        reading_state=row["reading_state"], reading=row["reading"], reading_reason=row["reading_reason"], quoted=row["quoted"], author_name=row["author_name"],
        member=_member(row["author"]),
    )  # fmt: skip


def _member(stored: Any) -> ChatMember | None:
    kept = plain(stored)
    return ChatMember(name=kept.get("name") or "", phone=kept.get("phone")) if kept else None


def _media(stored: Any) -> ChatMedia:
    kept = plain(stored)
    return ChatMedia.model_validate({key: kept.get(key) for key in ChatMedia.model_fields})


def plain(value: Any) -> Any:
    """JSON as the driver gave it: decoded, unless it came out of an expression of text."""
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def as_turns(rows: Sequence[Mapping[str, Any]], but: UUID | None = None) -> tuple[Turn, ...]:
    """What was said, oldest first, as a talk between a customer and us; messages of turn `but` are left out.

    Several lines of one side in a row are one turn: not every model takes two.
    """
    said: list[Turn] = []
    for row in reversed(rows):
        text = spoken(row)
        if not text or (but is not None and row["turn_id"] == but and row["direction"] == "INBOUND"):
            continue
        if (member := _member(row.get("author"))) is not None and member.name:
            text = f"{member.name}: {text}"
        role = "user" if row["direction"] == "INBOUND" else "assistant"
        if said and said[-1].role == role:
            said[-1] = Turn(said[-1].role, f"{said[-1].text}\n{text}")
        else:
            said.append(Turn("user" if role == "user" else "assistant", text))
    return tuple(said)


def spoken(row: Mapping[str, Any]) -> str:
    """The words of a line that reached the other side; "" for what did not."""
    if row["direction"] == "OUTBOUND" and row["outbound_id"] is not None and row["status"] not in LEFT:
        return ""
    return str(row["text"]).strip()[:2000]
