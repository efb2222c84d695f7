"""Opening, joining and ending turns: what a customer writes in quick succession is one turn and gets one answer.

Order of locks, everywhere: the conversation's row, its turn, the ledger's row (never waited for). A lane goes the
other way (ledger, contact, turn) and waits for no turn, so the two cannot wait for each other.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork
from wa_app.kit.ids import new_id
from wa_app.models.answers import OPEN
from wa_app.queues import MAX_DELAY_MS
from wa_app.sending import chats

TOO_OLD_H: Final = 24
"""A message that comes later than this after it was written gets no automatic answer."""
LONGEST_DEBOUNCE: Final = 5
"""Somebody who never stops typing waits at most this many times the debounce for a first look."""

_FIND = f"""
SELECT id, state, outbound_id, due_at, wake_at FROM answer_turns
WHERE tenant_id = $1 AND conversation_id = $2 AND {OPEN} FOR UPDATE
"""  # noqa: S608
_OPEN = """
INSERT INTO answer_turns (id, tenant_id, conversation_id, device_id, contact_id, first_message_id, last_message_id, wake_at)
SELECT $1, $2, $3, $4, $5, $6, $6, now() + make_interval(secs => $7)
WHERE $8::timestamptz > now() - make_interval(hours => $9) RETURNING id
"""
# A look that is due is put off while the customer goes on typing, but never past the time of the answer.
_JOIN = """
UPDATE answer_turns SET messages = messages + 1, last_message_id = $3,
  wake_at = CASE WHEN state = 'deciding' THEN wake_at ELSE greatest(now(), least(now() + make_interval(secs => $4), due_at,
    CASE WHEN due_at IS NULL THEN created_at + make_interval(secs => $4 * $5) END)) END
WHERE tenant_id = $1 AND id = $2
"""
_REOPEN = """
UPDATE answer_turns SET state = 'waiting', messages = messages + 1, last_message_id = $3, outbound_id = NULL,
  decision = NULL, decided_messages = NULL, revision = revision + 1, tries = 0, due_at = now() + make_interval(secs => $4),
  wake_at = now() + make_interval(secs => $4)
WHERE tenant_id = $1 AND id = $2
"""
_END = """
UPDATE answer_turns SET state = $3, reason = $4, wake_at = NULL, due_at = CASE WHEN $3 = 'answered' THEN due_at END,
  answered_at = CASE WHEN $3 = 'answered' THEN now() ELSE answered_at END
WHERE tenant_id = $1 AND id = $2
"""
_LOST = """
SELECT t.id, t.outbound_id FROM answer_turns t JOIN outbound_messages o ON o.tenant_id = $1 AND o.id = t.outbound_id
WHERE t.tenant_id = $1 AND t.conversation_id = $2 AND t.state = 'answered' AND t.created_at > now() - interval '1 day'
  AND o.state = 'planned'
"""
_OWN = "UPDATE messages SET turn_id = $3 WHERE tenant_id = $1 AND id = $2"
_STILL_PLANNED = "SELECT state = 'planned' FROM outbound_messages WHERE tenant_id = $1 AND id = $2"
_OPEN_OF = f"""
SELECT v.id FROM conversations v
JOIN answer_turns t ON t.tenant_id = $1 AND t.conversation_id = v.id AND {OPEN.replace("state", "t.state")}
WHERE v.tenant_id = $1 AND v.contact_id = $2 FOR UPDATE OF v, t SKIP LOCKED
"""  # noqa: S608


async def join(
    uow: TenantUnitOfWork, *, conversation_id: UUID, device_id: UUID, contact_id: UUID | None, message_id: UUID, at: datetime
) -> UUID | None:
    """Put a stored message into the conversation's open turn, or open one, and wake the engine when it is time.

    The conversation's row must be locked (storing the message has done so). Returns the turn; None when the message
    is too old to be answered by a machine.
    """
    conn = await uow.driver()
    pause_s = get_settings().answer_debounce_s
    open_turn = await conn.fetchrow(_FIND, uow.tenant_id, conversation_id)
    if open_turn is not None and open_turn["state"] == "answering":
        # In a group somebody else goes on talking: that takes no answer back.
        is_group = contact_id is None
        if not is_group and await chats.take_back(conn, uow.tenant_id, open_turn["outbound_id"], "superseded"):
            await conn.execute(_REOPEN, uow.tenant_id, open_turn["id"], message_id, pause_s)
        else:
            await end(conn, uow.tenant_id, open_turn["id"], "answered")
            open_turn = None
    elif open_turn is not None:
        await conn.execute(_JOIN, uow.tenant_id, open_turn["id"], message_id, pause_s, LONGEST_DEBOUNCE)
    turn_id: UUID | None = open_turn["id"] if open_turn is not None else await conn.fetchval(
        _OPEN, new_id(), uow.tenant_id, conversation_id, device_id, contact_id, message_id, pause_s, at, TOO_OLD_H
    )  # fmt: skip
    if turn_id is not None:
        await conn.execute(_OWN, uow.tenant_id, message_id, turn_id)
        wake(uow, conversation_id, pause_s)
    return turn_id


def wake(uow: TenantUnitOfWork, conversation_id: UUID, in_s: float = 0.0) -> None:
    """Have the engine look at a conversation; what is further ahead is left to the sweep."""
    delay_ms = int(in_s * 1000)
    if delay_ms <= MAX_DELAY_MS:
        uow.enqueue(
            "conversation.answer", delay_ms=delay_ms, tenant_id=uow.tenant_id, conversation_id=conversation_id
        )


async def end(conn: Any, tenant_id: UUID, turn_id: UUID, state: str, reason: str | None = None) -> None:
    """End a turn whose row is locked."""
    await conn.execute(_END, tenant_id, turn_id, state, reason)


async def cancel(uow: TenantUnitOfWork, conversation_id: UUID, reason: str) -> bool:
    """Cancel the answer that waits in a conversation; its row must be locked. False when there was none any more.

    An answer that a lane has claimed leaves. One that a lane is just looking at does not: it finds the turn cancelled.
    """
    conn = await uow.driver()
    turn = await conn.fetchrow(_FIND, uow.tenant_id, conversation_id)
    await _take_back_lost(conn, uow.tenant_id, conversation_id, reason)
    if turn is None:
        return False
    state = "cancelled"
    if turn["state"] == "answering" and not await chats.take_back(conn, uow.tenant_id, turn["outbound_id"], reason):
        still = await conn.fetchval(_STILL_PLANNED, uow.tenant_id, turn["outbound_id"])
        state = "cancelled" if still else "answered"
    await end(conn, uow.tenant_id, turn["id"], state, reason if state == "cancelled" else None)
    uow.publish("answer", conversation_id=conversation_id, state=state)
    return state == "cancelled"


async def _take_back_lost(conn: Any, tenant_id: UUID, conversation_id: UUID, reason: str) -> None:
    """Answers of earlier turns that got lost on the way and were about to be sent again."""
    for row in await conn.fetch(_LOST, tenant_id, conversation_id):
        if await chats.take_back(conn, tenant_id, row["outbound_id"], reason):
            await end(conn, tenant_id, row["id"], "cancelled", reason)


async def lock(uow: TenantUnitOfWork, conversation_id: UUID) -> bool:
    """Lock a conversation, as `join` and `cancel` need it. False when it is not ours."""
    conn = await uow.driver()
    query = "SELECT 1 FROM conversations WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
    return await conn.fetchval(query, uow.tenant_id, conversation_id) is not None


async def cancel_all_of(uow: TenantUnitOfWork, contact_id: UUID, reason: str) -> int:
    """Cancel everything that machines are about to say to a person (STOP). Returns how many turns ended.

    The caller holds the contact's row, so nothing is waited for. What somebody else is at work on meets the
    stop later: when it is decided, or when a lane looks at it.
    """
    conn = await uow.driver()
    rows = await conn.fetch(_OPEN_OF, uow.tenant_id, contact_id)
    ended = 0
    for row in rows:
        ended += await cancel(uow, row["id"], reason)
    await chats.take_back_all(conn, uow.tenant_id, contact_id, None, reason)
    return ended


_SAME_DEVICE = f"""
SELECT v.id AS old, w.id AS new, t.id AS turn, u.id AS other, u.state AS other_state
FROM conversations v
JOIN conversations w ON w.tenant_id = $1 AND w.contact_id = $3 AND w.device_id = v.device_id
JOIN answer_turns t ON t.tenant_id = $1 AND t.conversation_id = v.id AND {OPEN.replace("state", "t.state")}
LEFT JOIN answer_turns u ON u.tenant_id = $1 AND u.conversation_id = w.id AND {OPEN.replace("state", "u.state")}
WHERE v.tenant_id = $1 AND v.contact_id = $2 FOR UPDATE OF v, t
"""  # noqa: S608


async def move(conn: Any, tenant_id: UUID, contact_id: UUID, to: UUID) -> None:
    """Two contacts turned out to be one person: open turns of `contact_id` go on in the talks of `to`.

    Called before the conversations themselves are moved. Where both have an open turn, the one that stays takes the
    messages of the other.
    """
    for row in await conn.fetch(_SAME_DEVICE, tenant_id, contact_id, to):
        if row["other"] is None:
            query = "UPDATE answer_turns SET conversation_id = $3, contact_id = $4 WHERE tenant_id = $1 AND id = $2"
            await conn.execute(query, tenant_id, row["turn"], row["new"], to)
            continue
        if row["other_state"] == "answering":
            await end(conn, tenant_id, row["other"], "answered")
            query = "UPDATE answer_turns SET conversation_id = $3, contact_id = $4 WHERE tenant_id = $1 AND id = $2"
            await conn.execute(query, tenant_id, row["turn"], row["new"], to)
            continue
        await end(conn, tenant_id, row["turn"], "cancelled", "joined")
        await conn.execute(
            "WITH moved AS (UPDATE messages SET turn_id = $3 WHERE tenant_id = $1 AND turn_id = $2 AND direction = 'INBOUND' "
            "RETURNING 1) UPDATE answer_turns SET messages = messages + (SELECT count(*) FROM moved) "
            "WHERE tenant_id = $1 AND id = $3", tenant_id, row["turn"], row["other"],
        )  # fmt: skip
    await conn.execute(
        "UPDATE answer_turns SET contact_id = $3 WHERE tenant_id = $1 AND contact_id = $2", tenant_id, contact_id, to
    )
