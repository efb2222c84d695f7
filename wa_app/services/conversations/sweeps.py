"""What the clock finds to do about turns: due ones are woken, answers that have left end theirs."""

from typing import Final

from sqlalchemy import text

from wa_app.db import SystemUnitOfWork, system_unit_of_work

WAKE_AGAIN_S: Final = 3
"""A turn that was woken and has not been looked at is woken again after this."""
KEPT_DAYS: Final = 180
"""How long the trace of an ended turn is kept."""

# The engine is told when a turn is due; the sweep is for what was lost on the way.
_DUE = text("""
UPDATE answer_turns SET woken_at = now() WHERE id IN (
  SELECT id FROM answer_turns WHERE wake_at <= now() - interval '0.3 s'
    AND (woken_at IS NULL OR woken_at < now() - make_interval(secs => :again) OR woken_at < wake_at)
  ORDER BY wake_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
RETURNING tenant_id, conversation_id
""")
_LEFT = text("""
UPDATE answer_turns t SET wake_at = NULL, answered_at = m.sent_at,
  state = CASE WHEN m.state IN ('sent', 'delivered', 'read', 'played') THEN 'answered'
    WHEN m.state = 'cancelled' OR m.error_code IN ('suppressed', 'taken_over') THEN 'cancelled' ELSE 'failed' END,
  reason = CASE WHEN m.state NOT IN ('sent', 'delivered', 'read', 'played') THEN m.error_code END
FROM outbound_messages m
WHERE m.tenant_id = t.tenant_id AND m.id = t.outbound_id AND t.id IN (
  SELECT a.id FROM answer_turns a JOIN outbound_messages o ON o.tenant_id = a.tenant_id AND o.id = a.outbound_id
  WHERE a.state = 'answering' AND o.state NOT IN ('planned', 'sending', 'held')
    AND NOT (o.state = 'unknown' AND o.due_at IS NOT NULL)
  LIMIT 1000 FOR UPDATE OF a SKIP LOCKED)
RETURNING t.tenant_id, t.conversation_id, t.state, t.reason
""")
_NEEDS = text("""
UPDATE conversations SET needs_human_at = coalesce(needs_human_at, now()), needs_human_reason = :reason,
  waiting_since = coalesce(waiting_since, now())
WHERE tenant_id = :tenant AND id = :id
""")
# A machine's answer ends the waiting, unless a person is asked for.
_HEARD = text("""
UPDATE conversations SET waiting_since = NULL WHERE tenant_id = :tenant AND id = :id
  AND waiting_since IS NOT NULL AND needs_human_at IS NULL
""")
_WAKE = text("""
UPDATE conversations SET status = 'open', snoozed_until = NULL WHERE id IN (
  SELECT id FROM conversations WHERE status = 'snoozed' AND snoozed_until <= now() LIMIT 1000 FOR UPDATE SKIP LOCKED)
RETURNING tenant_id, id
""")
# What was written for later counts as said from its time on.
_LEFT_LATER = text("""
UPDATE conversations v SET last_message_at = greatest(v.last_message_at, v.scheduled_at), scheduled_at = (
    SELECT min(m.timestamp) FROM messages m JOIN outbound_messages o ON o.tenant_id = m.tenant_id AND o.id = m.outbound_id
    WHERE m.tenant_id = v.tenant_id AND m.conversation_id = v.id AND m.timestamp > now() AND o.state = 'planned')
WHERE v.id IN (
  SELECT id FROM conversations WHERE scheduled_at <= now() LIMIT 1000 FOR UPDATE SKIP LOCKED)
RETURNING v.tenant_id, v.id
""")
_FORGET = text("""
DELETE FROM answer_turns WHERE id IN (SELECT id FROM answer_turns
  WHERE created_at < now() - make_interval(days => :days) AND state NOT IN ('waiting', 'deciding', 'answering') LIMIT 20000)
""")


async def wake_due() -> None:
    """Wake the engine for turns that are due and were not taken."""
    async with system_unit_of_work() as uow:
        for row in await uow.session.execute(_DUE, {"again": WAKE_AGAIN_S}):
            uow.enqueue("conversation.answer", tenant_id=row.tenant_id, conversation_id=row.conversation_id)


async def settle() -> None:
    """End the turns whose answer has left, or never will: then a person is asked for."""
    async with system_unit_of_work() as uow:
        rows = (await uow.session.execute(_LEFT)).all()
        for row in rows:
            uow.publish_for(row.tenant_id, "answer", conversation_id=row.conversation_id, state=row.state)
            if row.state == "answered":
                await uow.session.execute(_HEARD, {"tenant": row.tenant_id, "id": row.conversation_id})
    for row in rows:
        if row.state == "failed":
            async with system_unit_of_work() as uow:
                await uow.session.execute(
                    _NEEDS, {"tenant": row.tenant_id, "id": row.conversation_id, "reason": row.reason or "failed"}
                )
                uow.publish_for(row.tenant_id, "conversation", id=row.conversation_id, needs_human=True)


async def wake_snoozed(uow: SystemUnitOfWork) -> int:
    """Conversations whose time has come are open again; those with a message that has just become due move up."""
    woken = 0
    for query in (_WAKE, _LEFT_LATER):
        for row in (await uow.session.execute(query)).all():
            uow.publish_for(row.tenant_id, "conversation", id=row.id)
            woken += 1
    return woken


async def forget(uow: SystemUnitOfWork) -> None:
    """Remove what nobody will ask about any more."""
    await uow.session.execute(_FORGET, {"days": KEPT_DAYS})
