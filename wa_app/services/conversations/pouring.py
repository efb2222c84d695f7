"""Pouring one conversation into another: what was said, notes, tags, turns and cases go over; an empty shell stays.

With the id of a merging every row that moves is remembered (`contact_merge_moves`), so that it can go back.
Insights belong to messages and follow them. Consents are append-only and stay where they are.
"""

# ruff: noqa: S608 - queries are put together of parts of our own, values are bound

from typing import Any, Final
from uuid import UUID

OPEN_TURN: Final = "state IN ('waiting', 'deciding', 'answering')"


def recorded(kind: str, update: str, came_from: str = "old.conversation_id", row: str = "new.id") -> str:
    """An UPDATE or INSERT whose rows are remembered when `$2` names a merging."""
    return (
        f"WITH moved AS ({update} RETURNING {row} AS id, {came_from} AS was) "
        "INSERT INTO contact_merge_moves (tenant_id, merge_id, kind, row_id, from_id) "
        f"SELECT $1, $2::uuid, '{kind}', id, was FROM moved WHERE $2::uuid IS NOT NULL"
    )


def _goes(kind: str, table: str, more: str = "") -> str:
    return recorded(kind, f"UPDATE {table} t SET conversation_id = $4 WHERE t.tenant_id = $1 AND t.conversation_id = $3 {more}")


_POURED: Final = (
    _goes("note", "conversation_notes"),
    _goes("mention", "note_mentions"),
    _goes("draft", "conversation_drafts", "AND NOT EXISTS (SELECT 1 FROM conversation_drafts o WHERE o.tenant_id = $1 "
          "AND o.conversation_id = $4 AND o.user_id = t.user_id)"),
    _goes("case", "conversation_cases", "AND (t.resolved_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM conversation_cases o "
          "WHERE o.tenant_id = $1 AND o.conversation_id = $4 AND o.resolved_at IS NULL))"),
    recorded("tag", "INSERT INTO conversation_tags (tenant_id, tag_id, conversation_id) SELECT tenant_id, tag_id, $4::uuid "
             "FROM conversation_tags WHERE tenant_id = $1 AND conversation_id = $3 ON CONFLICT DO NOTHING", "$4::uuid", "new.tag_id"),
)  # fmt: skip
_INSIGHTS = "UPDATE insights SET conversation_id = $3 WHERE tenant_id = $1 AND conversation_id = $2"
_LINES = recorded(
    "message", "UPDATE messages SET conversation_id = $4, contact_id = $5 WHERE tenant_id = $1 AND conversation_id = $3"
)
_TURNS = recorded(
    "turn", "UPDATE answer_turns SET conversation_id = $4, contact_id = $5 WHERE tenant_id = $1 AND conversation_id = $3 "
    f"AND NOT ({OPEN_TURN})"
)  # fmt: skip
# A case that is open on both sides is one, from the earlier moment on; the other side's is put out of every figure.
_ONE_CASE = """
WITH theirs AS (UPDATE conversation_cases SET resolved_at = now(), opened_at = NULL
  WHERE tenant_id = $1 AND conversation_id = $2 AND resolved_at IS NULL RETURNING old.opened_at, answered_at, answered_by)
UPDATE conversation_cases c SET opened_at = least(c.opened_at, theirs.opened_at),
  answered_by = CASE WHEN theirs.answered_at < coalesce(c.answered_at, 'infinity') THEN theirs.answered_by ELSE c.answered_by END,
  answered_at = least(c.answered_at, theirs.answered_at)
FROM theirs WHERE c.tenant_id = $1 AND c.conversation_id = $3 AND c.resolved_at IS NULL
"""
_TAKES_OVER = """
UPDATE conversations k SET last_message_at = greatest(k.last_message_at, o.last_message_at),
  last_inbound_at = greatest(k.last_inbound_at, o.last_inbound_at), unread = k.unread + o.unread,
  status = CASE WHEN 'open' IN (k.status, o.status) THEN 'open' ELSE k.status END,
  snoozed_until = CASE WHEN 'open' IN (k.status, o.status) THEN NULL ELSE k.snoozed_until END,
  assigned_at = CASE WHEN k.assigned_to IS NULL THEN o.assigned_at ELSE k.assigned_at END,
  assigned_to = coalesce(k.assigned_to, o.assigned_to), team_id = coalesce(k.team_id, o.team_id),
  priority = CASE WHEN k.priority = 'none' THEN o.priority ELSE k.priority END,
  waiting_since = least(k.waiting_since, o.waiting_since), scheduled_at = least(k.scheduled_at, o.scheduled_at),
  needs_human_at = least(k.needs_human_at, o.needs_human_at), needs_human_reason = coalesce(k.needs_human_reason, o.needs_human_reason),
  needs_human_summary = CASE WHEN k.needs_human_summary = '' THEN o.needs_human_summary ELSE k.needs_human_summary END
FROM conversations o WHERE o.tenant_id = $1 AND o.id = $2 AND k.tenant_id = $1 AND k.id = $3
"""
# A shell has no line, so no view lists it.
_EMPTY = """
UPDATE conversations SET last_message_at = NULL, last_inbound_at = NULL, unread = 0, status = 'closed', snoozed_until = NULL,
  waiting_since = NULL, scheduled_at = NULL, needs_human_at = NULL, needs_human_reason = NULL, needs_human_summary = '',
  assigned_to = NULL, assigned_at = NULL, team_id = NULL
WHERE tenant_id = $1 AND id = $2
"""


async def pour(conn: Any, tenant_id: UUID, old: UUID, new: UUID, contact_id: UUID, merge_id: UUID | None = None) -> None:
    """Move everything of conversation `old` into `new`, whose contact is `contact_id`. Open turns have been moved before."""
    await conn.execute(_LINES, tenant_id, merge_id, old, new, contact_id)
    await conn.execute(_TURNS, tenant_id, merge_id, old, new, contact_id)
    for query in _POURED:
        await conn.execute(query, tenant_id, merge_id, old, new)
    await conn.execute(_INSIGHTS, tenant_id, old, new)
    await conn.execute(_ONE_CASE, tenant_id, old, new)
    await conn.execute(_TAKES_OVER, tenant_id, old, new)
    await conn.execute(_EMPTY, tenant_id, old)
