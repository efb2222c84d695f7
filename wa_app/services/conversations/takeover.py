"""Who answers a conversation: the machine, or a person who has taken over."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork
from wa_app.services.conversations import assigning, settings, turns

HUMAN: Final = "human"
SWITCHED_OFF: Final = "switched_off"
HANDED_OVER: Final = "handed_over"

# What was switched off by hand stays off, whoever answers meanwhile.
_OFF = """
UPDATE conversations SET is_bot_active = false, bot_off_reason = $3,
  bot_resumes_at = CASE WHEN $4::float8 > 0 THEN now() + make_interval(secs => $4) END
WHERE tenant_id = $1 AND id = $2 AND ($3 = 'switched_off' OR is_bot_active OR bot_off_reason IS DISTINCT FROM 'switched_off')
"""
_ANSWERED = """
UPDATE conversations SET human_at = greatest(human_at, $3), needs_human_at = NULL, needs_human_reason = NULL,
  needs_human_summary = '', waiting_since = NULL WHERE tenant_id = $1 AND id = $2
"""
_CASE_ANSWERED = """
UPDATE conversation_cases SET answered_at = $3, answered_by = $4
WHERE tenant_id = $1 AND conversation_id = $2 AND resolved_at IS NULL AND answered_at IS NULL AND opened_at <= $3
"""
_ON = """
UPDATE conversations SET is_bot_active = true, bot_off_reason = NULL, bot_resumes_at = NULL WHERE tenant_id = $1 AND id = $2
"""
_NEEDS = """
UPDATE conversations SET needs_human_at = coalesce(needs_human_at, now()), needs_human_reason = $3, needs_human_summary = $4,
  waiting_since = coalesce(waiting_since, now()), status = CASE WHEN status = 'archived' THEN status ELSE 'open' END
WHERE tenant_id = $1 AND id = $2
"""
_RESUME = text("""
UPDATE conversations SET is_bot_active = true, bot_off_reason = NULL, bot_resumes_at = NULL
WHERE id IN (SELECT id FROM conversations WHERE bot_resumes_at <= now() LIMIT 1000 FOR UPDATE SKIP LOCKED)
RETURNING tenant_id, id
""")


async def by_human(uow: TenantUnitOfWork, conversation_id: UUID, at: datetime) -> None:
    """A person of the tenant has answered: what a machine was about to say is cancelled, and it says no more for a while."""
    if not await turns.lock(uow, conversation_id):
        return
    conn = await uow.driver()
    idle_s = (await settings.in_force(uow)).hand_back_after_h * 3600.0
    now: datetime = await conn.fetchval("SELECT now()")
    if idle_s == 0 or now - at < timedelta(seconds=idle_s):
        await turns.cancel(uow, conversation_id, HUMAN)
        await conn.execute(_OFF, uow.tenant_id, conversation_id, HUMAN, idle_s)
    await conn.execute(_ANSWERED, uow.tenant_id, conversation_id, at)
    await conn.execute(_CASE_ANSWERED, uow.tenant_id, conversation_id, at, uow.principal.user_id)
    uow.publish("conversation", id=conversation_id)


async def hand_over(uow: TenantUnitOfWork, conversation_id: UUID, reason: str, summary: str) -> None:
    """The machine does not know on: a person is asked for, and it is silent until one has answered. The row is locked."""
    conn = await uow.driver()
    idle_s = (await settings.in_force(uow)).hand_back_after_h * 3600.0
    await conn.execute(_NEEDS, uow.tenant_id, conversation_id, reason[:200], summary[:2000])
    await conn.execute(_OFF, uow.tenant_id, conversation_id, HANDED_OVER, idle_s)
    await assigning.auto_assign(uow, conversation_id)
    uow.publish("conversation", id=conversation_id, needs_human=True)


async def switch(uow: TenantUnitOfWork, conversation_id: UUID, *, active: bool) -> bool:
    """Switch the machine on or off by hand. False when the conversation is not ours."""
    if not await turns.lock(uow, conversation_id):
        return False
    conn = await uow.driver()
    if active:
        await conn.execute(_ON, uow.tenant_id, conversation_id)
    else:
        await turns.cancel(uow, conversation_id, SWITCHED_OFF)
        await conn.execute(_OFF, uow.tenant_id, conversation_id, SWITCHED_OFF, 0.0)
    uow.publish("conversation", id=conversation_id)
    return True


async def resume_due(uow: SystemUnitOfWork) -> int:
    """Conversations that no person has answered for the tenant's idle time go back to the machine."""
    rows = (await uow.session.execute(_RESUME)).all()
    for row in rows:
        uow.publish_for(row.tenant_id, "conversation", id=row.id)
    return len(rows)
