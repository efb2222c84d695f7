"""How a decision becomes an answer: a row of the ledger, its line in the chat and what the turn keeps, in one transaction.

The caller has the conversation's row and the turn's locked.
"""

from typing import Any, Final
from uuid import UUID

from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork
from wa_app.inbound import decisions
from wa_app.inbound.contexts import Loaded
from wa_app.inbound.router import By, CountHit, Decision
from wa_app.kit.ids import new_id
from wa_app.schemas.traces import TraceEntry
from wa_app.sending import ledger
from wa_app.services.conversations import takeover, turns

PATIENCE_S: Final = 45.0
"""An answer that is late by this leaves, although the customer wrote again while it was made."""

_NOTE = """
UPDATE answer_turns SET decision = $3, decided_messages = messages, trace = $4, agent_id = $5, agent_version = $6,
  rule_id = $7, tries = 0
WHERE tenant_id = $1 AND id = $2
"""
_ANSWERING = _NOTE.replace(
    "tries = 0", "tries = 0, state = 'answering', outbound_id = $8, due_at = now(), wake_at = NULL"
)
_COVERED = "SELECT id FROM messages WHERE tenant_id = $1 AND turn_id = $2 AND direction = 'INBOUND'"
_REST = """
WITH rest AS (
  INSERT INTO answer_turns (id, tenant_id, conversation_id, device_id, contact_id, first_message_id, last_message_id, messages, wake_at)
  SELECT $3, tenant_id, conversation_id, device_id, contact_id, $4, last_message_id, $5, now() FROM answer_turns
  WHERE tenant_id = $1 AND id = $2 RETURNING id)
UPDATE messages SET turn_id = rest.id FROM rest WHERE tenant_id = $1 AND messages.id = ANY($6::uuid[])
"""
_IDENTITY = """
SELECT kind, value FROM contact_identities WHERE tenant_id = $1 AND contact_id = $2 AND kind IN ('phone', 'lid')
ORDER BY kind = 'phone' DESC, id LIMIT 1
"""
_AWAY = "UPDATE conversations SET away_at = now() WHERE tenant_id = $1 AND id = $2"


async def leave(
    uow: TenantUnitOfWork, turn: Any, found: Any, loaded: Loaded, decision: Decision, count_hit: CountHit | None
) -> bool:
    """The answer becomes a row of the ledger, once: its key is the turn and how often it was taken back.

    Args:
        turn: the turn as it was looked at.
        found: the turn as it is now.

    Returns False when it must be looked at anew: the customer wrote again, or a rule's limit was used up meanwhile.
    """
    conn = await uow.driver()
    rest = await _rest(conn, uow, turn, found, loaded)
    late_s = (found["now"] - (found["due_at"] or found["now"])).total_seconds()
    if rest and late_s <= PATIENCE_S:
        return False
    identity = await _identity(conn, uow.tenant_id, found, loaded)
    if identity is None:
        await turns.end(conn, uow.tenant_id, found["id"], "failed", "contact_unusable")
        return True
    if not await _count(uow, found, decision, count_hit):
        return False
    outbound_id = await _enqueue(uow, found, loaded, decision, identity)
    await conn.execute(_ANSWERING, uow.tenant_id, found["id"], *_kept(decision, decision.trace), outbound_id)
    if decision.is_away:
        await conn.execute(_AWAY, uow.tenant_id, found["conversation_id"])
    await hand_over(uow, found["conversation_id"], decision)
    uow.publish("answer", conversation_id=found["conversation_id"], state="answering", due_at=found["now"])
    if rest:
        await _open_rest(conn, uow, found, rest)
    return True


async def _identity(conn: Any, tenant_id: UUID, found: Any, loaded: Loaded) -> tuple[str, str] | None:
    """To whom the answer goes."""
    if loaded.group_jid is not None:
        return "group", loaded.group_jid
    row = await conn.fetchrow(_IDENTITY, tenant_id, found["contact_id"])
    return None if row is None else (row["kind"], row["value"])


async def note(
    conn: Any, tenant_id: UUID, turn_id: UUID, decision: Decision | None, trace: tuple[TraceEntry, ...] | None = None
) -> None:
    """Keep a decision and the way to it with the turn; None: the way alone."""
    told = trace if trace is not None or decision is None else decision.trace
    await conn.execute(_NOTE, tenant_id, turn_id, *_kept(decision, told or ()))


async def hand_over(uow: TenantUnitOfWork, conversation_id: UUID, decision: Decision) -> None:
    """Ask for a person where the decision says so."""
    if decision.handover:
        await takeover.hand_over(uow, conversation_id, decision.handover_reason, decisions.short(decision.question))


def _kept(decision: Decision | None, trace: tuple[TraceEntry, ...]) -> tuple[Any, ...]:
    if decision is None:
        return None, decisions.trace(trace), None, None, None
    agent = decision.agent if decision.by is By.AGENT else None
    rule_id = decision.rule_ids[0] if decision.rule_ids else None
    return decisions.preview(decision), decisions.trace(trace), agent and agent[0], agent and agent[1], rule_id


async def _count(uow: TenantUnitOfWork, found: Any, decision: Decision, count_hit: CountHit | None) -> bool:
    """Count what fires; False when a limit was used up meanwhile: then the rules are asked anew."""
    if count_hit is None or not decision.rule_ids:
        return True
    whose = found["contact_id"] or found["conversation_id"]
    if len(decision.rule_ids) == 1:
        # One that is refused has counted nothing.
        return await count_hit(uow, decision.rule_ids[0], whose, found["now"])
    async with uow.session.begin_nested() as point:
        for rule_id in decision.rule_ids:
            if not await count_hit(uow, rule_id, whose, found["now"]):
                await point.rollback()
                return False
    return True


async def _rest(conn: Any, uow: TenantUnitOfWork, turn: Any, found: Any, loaded: Loaded) -> list[UUID]:
    """Messages that came since the turn was looked at."""
    if found["messages"] == turn["messages"]:
        return []
    rows = await conn.fetch(_COVERED, uow.tenant_id, found["id"])
    unseen = sorted(row["id"] for row in rows if row["id"] not in loaded.message_ids)
    return unseen[turn["messages"] - found["messages"] :]


async def _open_rest(conn: Any, uow: TenantUnitOfWork, found: Any, rest: list[UUID]) -> None:
    """What the customer wrote while a late answer was made is a turn of its own."""
    await turns.end(conn, uow.tenant_id, found["id"], "answered")
    await conn.execute(_REST, uow.tenant_id, found["id"], new_id(), rest[0], len(rest), rest)
    turns.wake(uow, found["conversation_id"], get_settings().answer_debounce_s)


async def _enqueue(
    uow: TenantUnitOfWork, found: Any, loaded: Loaded, decision: Decision, identity: tuple[str, str]
) -> UUID:
    behaviour = decision.behaviour
    manner: dict[str, Any] = {"turn": str(found["id"]), "chat": loaded.chat_id, "typing": behaviour.typing}
    if behaviour.seen and loaded.chat_id:
        manner["seen"] = list(loaded.seen)
    assert decision.by is not None
    key, reply_to = f"turn:{found['id']}:{found['revision']}", None
    if loaded.group_jid is not None and decision.quotes is not None:
        reply_to, author = loaded.authors[decision.quotes]
        manner["quoted"] = {"own": False, "author": author}
        # The same message reaches every number of ours in the group: whichever comes first answers it.
        key = f"group:{loaded.group_jid}:{reply_to}"
    return await ledger.enqueue_message(
        uow, kind="reply", identity=identity, text=decision.text, contact_id=found["contact_id"], reply_to=reply_to,
        device_id=found["device_id"], file_id=decision.file_id, sender=decision.by.value, manner=manner,
        turn_id=found["id"], dedupe_key=key,
        group_chat=found["conversation_id"] if loaded.group_jid is not None else None,
    )  # fmt: skip
