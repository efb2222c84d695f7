"""Reading conversations: the list, one of them, its lines."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.kit.clock import utc_now
from wa_app.models.answers import OPEN
from wa_app.schemas.conversations import (
    AnswerSettings,
    ChatContact,
    ChatFilters,
    ChatMessage,
    ChatSort,
    ChatTag,
    ChatView,
    PendingAnswer,
)
from wa_app.schemas.paging import Page
from wa_app.services.conversations import folders, lines, settings, sorting

_OF = OPEN.replace("state", "t.state")
_WHO: Final[Mapping[str, Literal["contact", "human"]]] = {"contact": "contact", "human": "human"}
_VIEW = f"""
SELECT v.*, c.name, c.phone, d.name AS device_name, u.name AS assignee_name, g.name AS team_name, l.last_text,
  l.last_type, l.last_sender, x.tags, s.opened_at,
  t.id AS turn_id, t.state AS turn_state, t.due_at AS turn_due_at, t.decision, t.messages,
  left(r.text, 160) AS draft_text, r.attachment_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM files f WHERE f.tenant_id = r.tenant_id AND f.id = r.attachment_id AND f.deleted_at IS NULL) AS draft_file
FROM ({{page}}) v
LEFT JOIN contacts c ON c.tenant_id = v.tenant_id AND c.id = v.contact_id
LEFT JOIN devices d ON d.tenant_id = v.tenant_id AND d.id = v.device_id
LEFT JOIN users u ON u.id = v.assigned_to
LEFT JOIN teams g ON g.tenant_id = v.tenant_id AND g.id = v.team_id
LEFT JOIN conversation_cases s ON s.tenant_id = v.tenant_id AND s.conversation_id = v.id AND s.resolved_at IS NULL
LEFT JOIN answer_turns t ON t.tenant_id = v.tenant_id AND t.conversation_id = v.id AND {_OF}
LEFT JOIN conversation_drafts r ON r.tenant_id = v.tenant_id AND r.user_id = {{user}} AND r.conversation_id = v.id
LEFT JOIN LATERAL (
  SELECT left(m.text, 160) AS last_text, m.type AS last_type, m.sender AS last_sender FROM messages m
  WHERE m.tenant_id = v.tenant_id AND m.conversation_id = v.id AND m.timestamp <= now() + interval '1 min'
  ORDER BY m.timestamp DESC, m.id DESC LIMIT 1) l ON true
LEFT JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_object('id', k.id, 'name', k.name, 'color', k.color) ORDER BY k.folded) AS tags
  FROM conversation_tags y JOIN tags k ON k.tenant_id = y.tenant_id AND k.id = y.tag_id
  WHERE y.tenant_id = v.tenant_id AND y.conversation_id = v.id) x ON true
ORDER BY {{order}}
"""  # noqa: S608


async def list_(
    uow: TenantUnitOfWork, *, filters: ChatFilters | None = None, q: str = "", needs_human: bool = False,
    unread: bool = False, only: Sequence[UUID] | None = None, cursor: str | None = None, limit: int = 50,
) -> Page[ChatView]:  # fmt: skip
    """A page of conversations, sorted as the filters say; words look for their contacts. `only`: no others than these."""
    uow.require("messages.read")
    wanted = filters or ChatFilters(q=q, view="needs_human" if needs_human else "all", unread=unread)
    stretches, place = sorting.stretches(wanted.sort, cursor)
    at, before = read_cursor(place)
    found = folders.condition(wanted, uow.principal.user_id, first=6)
    if found is None:
        return Page(items=[])
    where, values = found
    if only is not None:
        where, values = f"{where} AND id = ANY(${6 + len(values)}::uuid[])", [*values, list(only)]
    conn, rows = await uow.driver(), list[Mapping[str, Any]]()
    for stretch in stretches:
        if len(rows) <= limit:
            query = _VIEW.format(page=stretch.page(where), user="$5", order=stretch.order)
            rows += await conn.fetch(query, uow.tenant_id, at, before, limit + 1 - len(rows), uow.principal.user_id, *values)
            at = before = None
    last = rows[limit - 1] if len(rows) > limit else None
    held = await settings.in_force(uow)
    return Page(
        items=[_view(row, held) for row in rows[:limit]],
        next_cursor=None if last is None else _behind(wanted.sort, last),
    )


def _behind(sort: ChatSort, row: Mapping[str, Any]) -> str:
    mark, at = sorting.place_of(sort, row)
    return mark + write_cursor(at, row["id"])


async def get(uow: TenantUnitOfWork, conversation_id: UUID) -> ChatView:
    """One conversation. Raises NotFound."""
    uow.require("messages.read")
    conn = await uow.driver()
    page = "SELECT * FROM conversations WHERE tenant_id = $1 AND id = $2"
    row = await conn.fetchrow(_VIEW.format(page=page, user="$3", order="v.id"), uow.tenant_id, conversation_id, uow.principal.user_id)
    if row is None:
        raise NotFound
    return _view(row, await settings.in_force(uow))


async def messages(
    uow: TenantUnitOfWork, conversation_id: UUID, *, cursor: str | None = None, limit: int = 50
) -> Page[ChatMessage]:
    """A page of lines, the newest first; what campaigns sent is among them, and for people their notes."""
    uow.require("messages.read")
    chat = await chat_of(uow, conversation_id)
    at, before = read_cursor(cursor)
    earlier = None if at is None or before is None else (at, before)
    rows = await lines.fetch(await uow.driver(), chat, limit + 1, earlier, notes=uow.principal.kind != "api_key")
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=[lines.view(row) for row in rows[:limit]],
        next_cursor=None if last is None else write_cursor(last["at"], last["id"]),
    )


async def chat_of(uow: TenantUnitOfWork, conversation_id: UUID) -> lines.Chat:
    """Whose conversation it is. Raises NotFound."""
    conn = await uow.driver()
    query = "SELECT contact_id, device_id, group_jid FROM conversations WHERE tenant_id = $1 AND id = $2"
    row = await conn.fetchrow(query, uow.tenant_id, conversation_id)
    if row is None:
        raise NotFound
    return lines.Chat(uow.tenant_id, conversation_id, row["contact_id"], row["device_id"], row["group_jid"])


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


def title_of(jid: str, name: str) -> str:
    """What a group is called; by its number until WhatsApp has told its name."""
    return name or jid.partition("@")[0]


def _view(row: Mapping[str, Any], held: AnswerSettings) -> ChatView:
    made = ("tags", "device_name")
    kept = {key: row[key] for key in ChatView.model_fields if key in row.keys() and key not in made}  # noqa: SIM118 - records know no `in`
    is_group = row["group_jid"] is not None
    contact = ChatContact(
        id=row["contact_id"] or row["id"], name=title_of(row["group_jid"], row["group_name"]) if is_group else row["name"],
        phone=row["phone"],
    )  # fmt: skip
    return ChatView(
        **kept, contact=contact, is_group=is_group, pending=_pending(row), tags=[ChatTag(**one) for one in lines.plain(row["tags"]) or ()],
        last_from=_WHO.get(row["last_sender"], "bot") if row["last_sender"] else None,
        device_name=row["device_name"] or "", draft=_draft(row),
        late=_passed(row["waiting_since"], held.first_response_target_min), overdue=_passed(row["opened_at"], held.resolution_target_min),
    )  # fmt: skip


def _draft(row: Mapping[str, Any]) -> str | None:
    """What the person who asks has begun to write; a quoted line alone is nothing yet."""
    words = (row["draft_text"] or "").strip()
    return words if words or row["draft_file"] else None


def _passed(since: datetime | None, target_min: int) -> bool:
    """Whether a target has been missed by now; 0 is none."""
    return bool(target_min and since and utc_now() - since > timedelta(minutes=target_min))


def _pending(row: Mapping[str, Any]) -> PendingAnswer | None:
    """The answer that waits, once it is known that there will be one."""
    if row["turn_id"] is None or (row["turn_due_at"] is None and row["turn_state"] != "deciding"):
        return None
    decision = row["decision"] or {}
    return PendingAnswer(
        id=row["turn_id"], state=row["turn_state"], due_at=row["turn_due_at"], by=decision.get("by"),
        text=decision.get("text") or "", messages=row["messages"],
    )  # fmt: skip
