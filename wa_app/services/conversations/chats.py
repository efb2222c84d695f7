"""Reading conversations: the list, one of them, its lines."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.kit.folding import prefix_query
from wa_app.models.answers import OPEN
from wa_app.schemas.conversations import ChatContact, ChatMessage, ChatView, PendingAnswer
from wa_app.schemas.paging import Page
from wa_app.services.conversations import lines

_OF = OPEN.replace("state", "t.state")
_VIEW = f"""
SELECT v.*, c.name, c.phone, t.id AS turn_id, t.state AS turn_state, t.due_at AS turn_due_at, t.decision, t.messages,
  d.name AS device_name, l.last_text, l.last_type, l.last_sender
FROM ({{page}}) v
JOIN contacts c ON c.tenant_id = v.tenant_id AND c.id = v.contact_id
JOIN devices d ON d.tenant_id = v.tenant_id AND d.id = v.device_id
LEFT JOIN LATERAL (
  SELECT left(m.text, 160) AS last_text, m.type AS last_type, m.sender AS last_sender FROM messages m
  WHERE m.tenant_id = v.tenant_id AND m.conversation_id = v.id AND m.timestamp IS NOT NULL ORDER BY m.timestamp DESC LIMIT 1
) l ON true
LEFT JOIN answer_turns t ON t.tenant_id = v.tenant_id AND t.conversation_id = v.id AND {_OF}
ORDER BY v.last_message_at DESC, v.id DESC
"""  # noqa: S608
_PAGE = """
SELECT * FROM conversations WHERE tenant_id = $1 AND last_message_at IS NOT NULL
  AND ($2::timestamptz IS NULL OR (last_message_at, id) < ($2, $3)) {where}
ORDER BY last_message_at DESC, id DESC LIMIT $4
"""
_BY_WORDS = " AND contact_id IN (SELECT s.id FROM search_contacts($5::text, NULL, NULL, NULL, NULL) s)"
_NEEDS_HUMAN = " AND needs_human_at IS NOT NULL"
_UNREAD = " AND unread > 0"


async def list_(
    uow: TenantUnitOfWork, *, q: str = "", needs_human: bool = False, unread: bool = False, cursor: str | None = None,
    limit: int = 50,
) -> Page[ChatView]:  # fmt: skip
    """A page of conversations, the latest first; `q` looks for their contacts."""
    uow.require("messages.read")
    at, before = read_cursor(cursor)
    words = prefix_query(q)
    if q.strip() and not words:
        return Page(items=[])
    where = (_BY_WORDS if words else "") + (_NEEDS_HUMAN if needs_human else "") + (_UNREAD if unread else "")
    query = _VIEW.format(page=_PAGE.format(where=where))
    conn = await uow.driver()
    rows = await conn.fetch(query, uow.tenant_id, at, before, limit + 1, *([words] if words else []))
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=[_view(row) for row in rows[:limit]],
        next_cursor=None if last is None else write_cursor(last["last_message_at"], last["id"]),
    )


async def get(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatView:
    """One conversation. Raises NotFound."""
    uow.require("messages.read")
    conn = await uow.driver()
    page = "SELECT * FROM conversations WHERE tenant_id = $1 AND id = $2"
    row = await conn.fetchrow(_VIEW.format(page=page), uow.tenant_id, conversation_id)
    if row is None:
        raise NotFound
    return _view(row)


async def messages(
    uow: TenantUnitOfWork, conversation_id: UUID, *, cursor: str | None = None, limit: int = 50
) -> Page[ChatMessage]:
    """A page of lines, the newest first; what campaigns sent is among them."""
    uow.require("messages.read")
    chat = await chat_of(uow, conversation_id)
    at, before = read_cursor(cursor)
    rows = await lines.fetch(await uow.driver(), chat, limit + 1, None if at is None or before is None else (at, before))
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=[lines.view(row) for row in rows[:limit]],
        next_cursor=None if last is None else write_cursor(last["at"], last["id"]),
    )


async def chat_of(uow: TenantUnitOfWork, conversation_id: UUID) -> lines.Chat:
    """Whose conversation it is. Raises NotFound."""
    conn = await uow.driver()
    query = "SELECT contact_id, device_id FROM conversations WHERE tenant_id = $1 AND id = $2"
    row = await conn.fetchrow(query, uow.tenant_id, conversation_id)
    if row is None:
        raise NotFound
    return lines.Chat(uow.tenant_id, conversation_id, row["contact_id"], row["device_id"])


def write_cursor(at: datetime, row_id: UUID) -> str:
    return f"{at.isoformat()}~{row_id}"


def read_cursor(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    """The time and id in a cursor. Raises Invalid when it is none of ours."""
    if not cursor:
        return None, None
    try:
        at, _, row_id = cursor.partition("~")
        made = datetime.fromisoformat(at)
        if made.tzinfo is None:
            raise ValueError(at)
        return made, UUID(row_id)
    except ValueError:
        raise Invalid(FieldError("cursor", "cursor_invalid")) from None


def _view(row: Mapping[str, Any]) -> ChatView:
    kept = {key: row[key] for key in ChatView.model_fields if key in row.keys()}  # noqa: SIM118 - records know no `in`
    contact = ChatContact(id=row["contact_id"], name=row["name"], phone=row["phone"])
    return ChatView(**kept, contact=contact, pending=_pending(row))


def _pending(row: Mapping[str, Any]) -> PendingAnswer | None:
    """The answer that waits, once it is known that there will be one."""
    if row["turn_id"] is None or (row["turn_due_at"] is None and row["turn_state"] != "deciding"):
        return None
    decision = row["decision"] or {}
    return PendingAnswer(
        id=row["turn_id"], state=row["turn_state"], due_at=row["turn_due_at"], by=decision.get("by"),
        text=decision.get("text") or "", messages=row["messages"],
    )  # fmt: skip
