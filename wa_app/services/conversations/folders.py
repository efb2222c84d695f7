"""The views of the inbox as conditions, each read from an index of its own, and how many each has."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.kit.folding import prefix_query
from wa_app.schemas.conversations import ChatCounts, ChatFilters

PERSONAL: Final = ("mine", "mentions")
"""Views that are another one for each person."""
COUNTED: Final = 1001
"""Counting ends here: nobody needs to know more than that there are many."""

_VIEWS: Final[Mapping[str, str]] = {
    "all": "status = 'open'",
    "mine": "assigned_to = {user} AND assigned_to IS NOT NULL AND status = 'open'",
    "unassigned": "assigned_to IS NULL AND status = 'open'",
    "bot": "is_bot_active AND status = 'open'",
    "needs_human": "needs_human_at IS NOT NULL AND status = 'open'",
    "closed": "status = 'closed'",
    "snoozed": "status = 'snoozed'",
    "archived": "status = 'archived'",
    "unread": "unread > 0 AND status = 'open'",
}
_MENTIONED = "id IN (SELECT n.conversation_id FROM note_mentions n WHERE n.tenant_id = $1 AND n.user_id = {user} AND n.seen_at IS NULL)"
_BY_WORDS = """id IN (
  SELECT w.id FROM search_contacts({q}::text, NULL, NULL, NULL, NULL) s JOIN conversations w ON w.tenant_id = $1 AND w.contact_id = s.id
  UNION ALL SELECT w.id FROM conversations w
  WHERE w.tenant_id = $1 AND w.group_jid IS NOT NULL AND to_tsvector('simple', w.group_name) @@ to_tsquery('simple', {q}))"""
_BY_TAG = "id IN (SELECT g.conversation_id FROM conversation_tags g WHERE g.tenant_id = $1 AND g.tag_id = {tag})"
_COUNT = "(SELECT count(*) FROM (SELECT 1 FROM conversations WHERE tenant_id = $1 AND last_message_at IS NOT NULL AND {where} LIMIT {most}) n)"
_MENTIONS = "(SELECT count(*) FROM (SELECT 1 FROM note_mentions WHERE tenant_id = $1 AND user_id = $2 AND seen_at IS NULL LIMIT {most}) n)"

# What waits for one person: it needs somebody and is theirs or nobody's, or it is theirs and they have not read it.
_WAITING = """
(SELECT count(*) FROM (
  SELECT id FROM conversations WHERE tenant_id = $1 AND needs_human_at IS NOT NULL AND status = 'open'
    AND (assigned_to IS NULL OR assigned_to = $2)
  UNION
  SELECT id FROM conversations WHERE tenant_id = $1 AND assigned_to = $2 AND assigned_to IS NOT NULL AND status = 'open' AND unread > 0
  LIMIT {most}) n)
"""


def condition(filters: ChatFilters, user_id: UUID | None, *, first: int) -> tuple[str, list[Any]] | None:
    """SQL that follows other conditions, and its values from `$first` on. None where nothing can be found."""
    values: list[Any] = []

    def place(value: Any) -> str:
        values.append(value)
        return f"${first + len(values) - 1}"

    words = prefix_query(filters.q)
    if (filters.q.strip() and not words) or (filters.view in PERSONAL and user_id is None):
        return None
    parts = [_BY_WORDS.format(q=place(words))] if words else []
    if filters.view in PERSONAL:
        parts.append((_VIEWS["mine"] if filters.view == "mine" else _MENTIONED).format(user=place(user_id)))
    elif filters.view != "all" or not words:
        parts.append(_VIEWS[filters.view])
    if filters.unread:
        parts.append("unread > 0")
    if filters.device_id is not None:
        parts.append(f"device_id = {place(filters.device_id)}")
    if filters.team_id is not None:
        parts.append(f"team_id = {place(filters.team_id)} AND team_id IS NOT NULL")
    if filters.assigned_to is not None:
        parts.append(f"assigned_to = {place(filters.assigned_to)} AND assigned_to IS NOT NULL")
    if filters.active_h is not None:
        parts.append(f"last_message_at > now() - make_interval(hours => {place(filters.active_h)}::int)")
    if filters.tag_id is not None:
        parts.append(_BY_TAG.format(tag=place(filters.tag_id)))
    return "".join(f" AND {part}" for part in parts), values


async def counts(uow: TenantUnitOfWork, of_all: Mapping[str, int] | None = None) -> ChatCounts:
    """How many conversations each view has, as far as anybody counts.

    Args:
        of_all: what `counts` told another member of the tenant a moment ago; only what is one's own is counted then.
    """
    uow.require("messages.read")
    conn = await uow.driver()
    known = {} if of_all is None else {name: of_all[name] for name in _VIEWS if name not in PERSONAL}
    parts = [
        _COUNT.format(where=where.format(user="$2"), most=COUNTED) + f" AS {name}"
        for name, where in _VIEWS.items()
        if name not in known
    ]
    parts += [_MENTIONS.format(most=COUNTED) + " AS mentions", _WAITING.format(most=COUNTED) + " AS waiting"]
    row = await conn.fetchrow("SELECT " + ", ".join(parts), uow.tenant_id, uow.principal.user_id)
    return ChatCounts.model_validate({**known, **dict(row)})


async def waiting(uow: TenantUnitOfWork) -> int:
    """How many conversations wait for the person who asks."""
    uow.require("messages.read")
    conn = await uow.driver()
    found: int = await conn.fetchval("SELECT " + _WAITING.format(most=COUNTED), uow.tenant_id, uow.principal.user_id)
    return found
