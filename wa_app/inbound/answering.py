"""The engine of automatic answers: one conversation at a time, under its lease (ADR 0014).

A turn is looked at when its customer has paused; what answers it and when is decided then. An agent is asked shortly
before its answer is due, a rule at that moment, so that the one answer covers everything that was written until then.
The answer is a row of the ledger in the transaction that ends the decision: a crash before it leaves the turn to be
woken again, a crash after it finds the row.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

import structlog

from wa_app import leases
from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError
from wa_app.inbound import contexts, decisions, router
from wa_app.inbound.contexts import Loaded
from wa_app.inbound.router import Action, By, Decision, Parts
from wa_app.kit.clock import boot_clock
from wa_app.kit.ids import new_id
from wa_app.models.inbound import Conversation
from wa_app.schemas.principal import Principal
from wa_app.schemas.traces import TraceEntry, TraceStep
from wa_app.sending import ledger
from wa_app.sending.holding import Lease, kept
from wa_app.services.conversations import takeover, turns

log = structlog.get_logger(__name__)

LEAD_S: Final = 15.0
"""How long before its time an agent's answer is asked for."""
LOOK_AGAIN_S: Final = 2.0
"""How often a turn that waits for a file is looked at, besides being woken when the file was read."""
MAX_TRIES: Final = 5
"""Beginnings in a row that ended nowhere; then a person is asked for."""
GIVE_UP_S: Final = 600.0
"""An agent that cannot answer (no provider, no budget) is asked for this long after the answer was due."""
PATIENCE_S: Final = 45.0
"""An answer that is late by this leaves, although the customer wrote again while it was made."""

_DUE = """
SELECT *, now() AS now FROM answer_turns WHERE tenant_id = $1 AND conversation_id = $2
  AND state IN ('waiting', 'deciding') AND wake_at <= now() FOR UPDATE
"""
_BEGIN = """
UPDATE answer_turns SET wake_at = now() + make_interval(secs => $3), tries = tries + 1 WHERE tenant_id = $1 AND id = $2
"""
_HELD = "SELECT now() FROM conversations WHERE tenant_id = $1 AND id = $2 AND lease_epoch = $3 AND lease_until > now() FOR UPDATE"
_TURN = "SELECT *, now() AS now FROM answer_turns WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
_PLAN = """
UPDATE answer_turns SET state = $3, due_at = coalesce($4, due_at), wake_at = now() + make_interval(secs => $5), tries = 0,
  decision = coalesce($6, decision), decided_messages = CASE WHEN $7 THEN messages ELSE decided_messages END,
  trace = coalesce($8, trace)
WHERE tenant_id = $1 AND id = $2
"""
_NOTE = """
UPDATE answer_turns SET decision = $3, decided_messages = messages, trace = $4, agent_id = $5, agent_version = $6,
  rule_id = $7, tries = 0
WHERE tenant_id = $1 AND id = $2
"""
_LEAVING = "UPDATE answer_turns SET state = 'answering', outbound_id = $3, due_at = now(), wake_at = NULL WHERE tenant_id = $1 AND id = $2"
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
_NEXT = """
SELECT extract(epoch FROM wake_at - now())::float8 FROM answer_turns
WHERE tenant_id = $1 AND conversation_id = $2 AND state IN ('waiting', 'deciding') AND wake_at IS NOT NULL
"""


class LostLease(Exception):
    """Somebody else has the conversation now: what was decided here is not written."""


async def answer_conversation(
    tenant_id: UUID, conversation_id: UUID, parts_of: Callable[[UUID], Parts] = router.real
) -> None:
    """Work off the turn that is due in a conversation; returns at once when there is none, or somebody else holds it."""
    principal, asked_at = Principal.system(tenant_id), boot_clock()
    parts = parts_of(tenant_id)
    async with unit_of_work(principal) as uow:
        epoch = await leases.take(uow, Conversation, tenant_id, conversation_id, leases.new_owner())
        if epoch is None:
            return
        talk = Talk(principal, conversation_id, Lease(epoch, asked_at), parts)
        turn, loaded = await talk.begin(uow)
    if turn is None:
        return
    try:
        async with kept(principal, conversation_id, talk.lease, Conversation):
            await talk.work(turn, loaded)
    except LostLease:
        log.warning("answer.lease_lost", conversation_id=str(conversation_id))
    finally:
        if not talk.has_let_go:
            async with unit_of_work(principal) as uow:
                await talk.let_go(uow)


@dataclass(slots=True)
class Talk:
    """One run over one conversation."""

    principal: Principal
    conversation_id: UUID
    lease: Lease
    parts: Parts
    draw: Callable[[bytes], Random] = field(default=Random)
    has_let_go: bool = False

    async def begin(self, uow: TenantUnitOfWork) -> tuple[Any, Loaded | None]:
        """The turn that is due; should we die, it is due again when our lease has run out."""
        conn = await uow.driver()
        turn = await conn.fetchrow(_DUE, uow.tenant_id, self.conversation_id)
        if turn is None:
            await self.let_go(uow)
            return None, None
        await conn.execute(_BEGIN, uow.tenant_id, turn["id"], get_settings().lease_s)
        return turn, await contexts.load(uow, turn, turn["now"], self.parts)

    async def let_go(self, uow: TenantUnitOfWork) -> None:
        """Release the lease. What came while we held it was turned away at the door: it is woken once more."""
        await leases.release(uow, Conversation, uow.tenant_id, self.conversation_id, self.lease.epoch)
        in_s = await (await uow.driver()).fetchval(_NEXT, uow.tenant_id, self.conversation_id)
        if in_s is not None:
            turns.wake(uow, self.conversation_id, max(0.0, in_s))

    async def work(self, turn: Any, loaded: Loaded | None) -> None:
        """Get the turn on, by one step."""
        if loaded is None:
            await self._write(turn, self._ends("cancelled", "gone"))
        elif turn["tries"] >= MAX_TRIES:
            await self._fail(turn, loaded, "engine")
        else:
            await self._look(turn, loaded)

    async def _look(self, turn: Any, loaded: Loaded) -> None:
        decision = await router.look(loaded.context)
        if decision.action is Action.WAIT:
            await self._plan(turn, "waiting", wait_s=LOOK_AGAIN_S, decision=decision)
        elif decision.action is Action.SILENT:
            await self._end_silent(turn, loaded, decision)
        elif decision.action is Action.ASK:
            await self._agent(turn, loaded, decision)
        else:
            decision = await self._mannered(turn, decision)
            await self._when_due(turn, loaded, decision, self._rule_due(turn, loaded, decision))

    async def _mannered(self, turn: Any, decision: Decision) -> Decision:
        """A rule's answer leaves by the manners of the agent, where there is one."""
        if decision.agent is not None or decision.at_once:
            return decision
        return replace(decision, agent=await self.parts.agent(turn["device_id"]))

    def _rule_due(self, turn: Any, loaded: Loaded, decision: Decision) -> datetime:
        if decision.at_once:
            return self._drawn(turn, 0.0, 0.0)
        if decision.agent is not None:
            low, high = decision.behaviour.delay_min_s, decision.behaviour.delay_max_s
        else:
            low, high = loaded.settings.rule_delay_min_s, loaded.settings.rule_delay_max_s
        return self._drawn(turn, low, max(low, high))

    def _drawn(self, turn: Any, low: float, high: float) -> datetime:
        """The time of an answer: the same however often the turn is looked at, and never after the first one."""
        at: datetime = turn["created_at"] + timedelta(seconds=self.draw(turn["id"].bytes).uniform(low, high))
        return min(at, turn["due_at"]) if turn["due_at"] else at

    async def _when_due(self, turn: Any, loaded: Loaded, decision: Decision, due_at: datetime) -> None:
        wait_s = (due_at - turn["now"]).total_seconds()
        if wait_s > 0:
            await self._plan(turn, "waiting", due_at, wait_s, decision)
        else:
            await self._answer(turn, loaded, decision)

    async def _agent(self, turn: Any, loaded: Loaded, asked: Decision) -> None:
        behaviour = asked.behaviour
        due_at = self._drawn(turn, behaviour.delay_min_s, max(behaviour.delay_min_s, behaviour.delay_max_s))
        wait_s = (due_at - turn["now"]).total_seconds()
        if wait_s > LEAD_S:
            await self._plan(turn, "waiting", due_at, wait_s - LEAD_S, asked)
            return
        decision = decisions.kept(turn, asked)
        if decision is None:
            if not await self._plan(turn, "deciding", due_at, get_settings().lease_s):
                return
            async with unit_of_work(self.principal) as uow:
                loaded = await contexts.deepen(uow, turn, loaded)
            try:
                decision = await router.ask(loaded.context, asked)
            except AppError as error:
                await self._unanswered(turn, loaded, asked, due_at, error)
                return
            if not await self._decided(turn, decision):
                return
        if decision.action is Action.SILENT:
            await self._end_silent(turn, loaded, decision)
            return
        async with unit_of_work(self.principal) as uow:
            now: datetime = await (await uow.driver()).fetchval("SELECT now()")
        if now < due_at:
            await self._plan(turn, "waiting", due_at, (due_at - now).total_seconds())
        else:
            await self._answer(turn, loaded, decision)

    async def _unanswered(
        self, turn: Any, loaded: Loaded, asked: Decision, due_at: datetime, error: AppError
    ) -> None:
        """No model answers now: later, until it makes no sense any more; then a person is asked for."""
        late_s = (turn["now"] - due_at).total_seconds()
        log.warning("answer.no_model", conversation_id=str(self.conversation_id), code=error.code, late_s=round(late_s))
        if late_s >= GIVE_UP_S:
            await self._fail(turn, loaded, error.code, asked)
        else:
            await self._plan(turn, "waiting", due_at, min(60.0, max(5.0, late_s / 2)))

    async def _write(
        self, turn: Any, work: "Callable[[TenantUnitOfWork, Any], Awaitable[None]]", *, is_last: bool = True
    ) -> bool:
        """One transaction under the lease on a turn that is still open. False when it was ended meanwhile.

        `is_last`: the conversation is let go with it.
        """
        async with unit_of_work(self.principal) as uow:
            conn = await uow.driver()
            if await conn.fetchval(_HELD, uow.tenant_id, self.conversation_id, self.lease.epoch) is None:
                raise LostLease
            found = await conn.fetchrow(_TURN, uow.tenant_id, turn["id"])
            is_open = found is not None and found["state"] in ("waiting", "deciding")
            if is_open:
                await work(uow, found)
            if is_last:
                await self.let_go(uow)
        # Only now: a transaction that failed has let nothing go.
        self.has_let_go = self.has_let_go or is_last
        return is_open

    async def _plan(
        self, turn: Any, state: str, due_at: datetime | None = None, wait_s: float = 0.0, decision: Decision | None = None
    ) -> bool:
        """Come back later. A customer who wrote meanwhile is looked at sooner. False: the turn was ended meanwhile."""

        async def work(uow: TenantUnitOfWork, found: Any) -> None:
            conn = await uow.driver()
            sooner = found["messages"] != turn["messages"] and state == "waiting"
            delay_s = min(wait_s, get_settings().answer_debounce_s) if sooner else wait_s
            await conn.execute(
                _PLAN, uow.tenant_id, turn["id"], state, due_at, delay_s, None if decision is None else decisions.preview(decision), False,
                None if decision is None else decisions.trace(decision.trace),
            )  # fmt: skip
            uow.publish("answer", conversation_id=self.conversation_id, state=state, due_at=due_at)

        return await self._write(turn, work, is_last=state == "waiting")

    async def _decided(self, turn: Any, decision: Decision) -> bool:
        """Keep what the agent said; False when the turn was ended meanwhile, or the customer wrote again."""
        goes_on = False

        async def work(uow: TenantUnitOfWork, found: Any) -> None:
            nonlocal goes_on
            conn = await uow.driver()
            late_s = (found["now"] - (found["due_at"] or found["now"])).total_seconds()
            goes_on = found["messages"] == turn["messages"] or late_s > PATIENCE_S
            if goes_on:
                await self._note(conn, uow.tenant_id, turn["id"], decision)
                await self._learn(uow, found, decision)
            else:
                await conn.execute(_PLAN, uow.tenant_id, turn["id"], "waiting", None, 0.0, None, False, None)

        return await self._write(turn, work, is_last=False) and goes_on

    async def _note(self, conn: Any, tenant_id: UUID, turn_id: UUID, decision: Decision) -> None:
        agent = decision.agent if decision.by is By.AGENT else None
        await conn.execute(
            _NOTE, tenant_id, turn_id, decisions.preview(decision), decisions.trace(decision.trace), agent and agent[0], agent and agent[1],
            decision.rule_ids[0] if decision.rule_ids else None,
        )  # fmt: skip

    async def _learn(self, uow: TenantUnitOfWork, found: Any, decision: Decision) -> None:
        if self.parts.learn is not None and decision.outcome is not None and decision.agent is not None:
            await self.parts.learn(
                uow, self.conversation_id, found["last_message_id"], decision.agent, decision.outcome
            )

    async def _end_silent(self, turn: Any, loaded: Loaded, decision: Decision) -> None:
        async def work(uow: TenantUnitOfWork, found: Any) -> None:
            conn = await uow.driver()
            if found["messages"] != turn["messages"]:
                await conn.execute(_PLAN, uow.tenant_id, turn["id"], "waiting", None, 0.0, None, False, None)
                return
            await self._note(conn, uow.tenant_id, turn["id"], decision)
            await turns.end(conn, uow.tenant_id, turn["id"], "silent", decision.reason)
            await self._hand_over(uow, decision)
            uow.publish("answer", conversation_id=self.conversation_id, state="silent")

        await self._write(turn, work)

    async def _fail(self, turn: Any, loaded: Loaded, code: str, asked: Decision | None = None) -> None:
        """Nothing more is tried: the trace says so, and a person is asked for."""

        async def work(uow: TenantUnitOfWork, found: Any) -> None:
            conn = await uow.driver()
            entry = TraceEntry(step=TraceStep.ANSWER, outcome="failed", detail={"reason": code})
            decision = asked or Decision(Action.SILENT)
            trace = (*decision.trace, entry)
            await conn.execute(_NOTE, uow.tenant_id, turn["id"], None, decisions.trace(trace), None, None, None)
            await turns.end(conn, uow.tenant_id, turn["id"], "failed", code)
            await takeover.hand_over(uow, self.conversation_id, code, decisions.short(decision.question))
            uow.publish("answer", conversation_id=self.conversation_id, state="failed")

        await self._write(turn, work)

    async def _answer(self, turn: Any, loaded: Loaded, decision: Decision) -> None:
        """The answer becomes a row of the ledger, once: its key is the turn and how often it was taken back."""

        async def work(uow: TenantUnitOfWork, found: Any) -> None:
            conn = await uow.driver()
            rest = await self._rest(conn, uow, turn, found, loaded)
            late_s = (found["now"] - (found["due_at"] or found["now"])).total_seconds()
            if rest and late_s <= PATIENCE_S:
                await conn.execute(_PLAN, uow.tenant_id, turn["id"], "waiting", None, 0.0, None, False, None)
                return
            identity = await conn.fetchrow(_IDENTITY, uow.tenant_id, found["contact_id"])
            if identity is None:
                await turns.end(conn, uow.tenant_id, turn["id"], "failed", "contact_unusable")
                return
            if not await self._count(uow, found, decision):
                await conn.execute(_PLAN, uow.tenant_id, turn["id"], "waiting", None, 0.0, None, False, None)
                return
            await self._note(conn, uow.tenant_id, turn["id"], decision)
            outbound_id = await self._enqueue(uow, found, loaded, decision, (identity["kind"], identity["value"]))
            await conn.execute(_LEAVING, uow.tenant_id, turn["id"], outbound_id)
            await self._follow_up(uow, found, decision)
            if rest:
                await self._open_rest(conn, uow, found, rest)

        await self._write(turn, work)

    async def _count(self, uow: TenantUnitOfWork, found: Any, decision: Decision) -> bool:
        """Count what fires; False when a limit was used up meanwhile: then the rules are asked anew."""
        if self.parts.count_hit is None or not decision.rule_ids:
            return True
        async with uow.session.begin_nested() as point:
            for rule_id in decision.rule_ids:
                if not await self.parts.count_hit(uow, rule_id, found["contact_id"], found["now"]):
                    await point.rollback()
                    return False
        return True

    async def _rest(self, conn: Any, uow: TenantUnitOfWork, turn: Any, found: Any, loaded: Loaded) -> list[UUID]:
        """Messages that came since the turn was looked at."""
        if found["messages"] == turn["messages"]:
            return []
        rows = await conn.fetch(_COVERED, uow.tenant_id, found["id"])
        unseen = sorted(row["id"] for row in rows if row["id"] not in loaded.message_ids)
        return unseen[turn["messages"] - found["messages"] :]

    async def _open_rest(self, conn: Any, uow: TenantUnitOfWork, found: Any, rest: list[UUID]) -> None:
        """What the customer wrote while a late answer was made is a turn of its own."""
        await turns.end(conn, uow.tenant_id, found["id"], "answered")
        await conn.execute(_REST, uow.tenant_id, found["id"], new_id(), rest[0], len(rest), rest)
        turns.wake(uow, self.conversation_id, get_settings().answer_debounce_s)

    async def _enqueue(
        self, uow: TenantUnitOfWork, found: Any, loaded: Loaded, decision: Decision, identity: tuple[str, str]
    ) -> UUID:
        behaviour = decision.behaviour
        manner: dict[str, Any] = {"turn": str(found["id"]), "chat": loaded.chat_id, "typing": behaviour.typing}
        if behaviour.seen and loaded.chat_id:
            manner["seen"] = list(loaded.seen)
        assert decision.by is not None
        return await ledger.enqueue_message(
            uow, kind="reply", identity=identity, text=decision.text, contact_id=found["contact_id"],
            device_id=found["device_id"], file_id=decision.file_id, sender=decision.by.value, manner=manner,
            turn_id=found["id"], dedupe_key=f"turn:{found['id']}:{found['revision']}",
        )  # fmt: skip

    async def _follow_up(self, uow: TenantUnitOfWork, found: Any, decision: Decision) -> None:
        conn = await uow.driver()
        if decision.is_away:
            await conn.execute(_AWAY, uow.tenant_id, self.conversation_id)
        await self._hand_over(uow, decision)
        uow.publish("answer", conversation_id=self.conversation_id, state="answering", due_at=found["now"])

    async def _hand_over(self, uow: TenantUnitOfWork, decision: Decision) -> None:
        if decision.handover:
            await takeover.hand_over(uow, self.conversation_id, decision.handover_reason, decisions.short(decision.question))

    def _ends(self, state: str, reason: str) -> "Callable[[TenantUnitOfWork, Any], Awaitable[None]]":
        async def work(uow: TenantUnitOfWork, found: Any) -> None:
            await turns.end(await uow.driver(), uow.tenant_id, found["id"], state, reason)

        return work
