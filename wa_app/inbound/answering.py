"""The engine of automatic answers: one conversation at a time, under its lease (ADR 0014).

A turn is looked at when its customer has paused; what answers it and when is decided then. An agent is asked shortly
before its answer is due, a rule at that moment, so that the one answer covers everything that was written until then.
The answer is a row of the ledger in the transaction that ends the decision: a crash before it leaves the turn to be
woken again, a crash after it finds the row.

What needs nobody else (a rule's answer, silence, a later time) is decided and written in the transaction that looks at
the turn: the conversation's row is locked in it, which keeps everybody out as a lease does. The lease itself is taken
only for what goes on after it: an agent that is asked, and a turn whose first look failed (ADR 0021).
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
from wa_app.inbound import contexts, decisions, leaving, router
from wa_app.inbound.contexts import Loaded
from wa_app.inbound.router import Action, Decision, Parts
from wa_app.kit.clock import boot_clock
from wa_app.models.inbound import Conversation
from wa_app.schemas.principal import Principal
from wa_app.schemas.traces import TraceEntry, TraceStep
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
LATE_S: Final = 10.0
"""A turn that is looked at so late may have killed who looked at it: its tries are counted first."""

_FREE = """
SELECT 1 FROM conversations WHERE tenant_id = $1 AND id = $2 AND (lease_until IS NULL OR lease_until < now()) FOR UPDATE
"""
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
    talk = Talk(Principal.system(tenant_id), conversation_id, Lease(0, boot_clock()), parts_of(tenant_id))
    try:
        begun = await talk.begin()
    except Exception as error:
        # Whatever it is: tried again under a lease, with its tries counted, it ends with a person at last.
        log.warning("answer.first_look_failed", conversation_id=str(conversation_id), error=type(error).__name__)
        begun = await talk.begin(is_careful=True)
    if begun is None:
        return
    try:
        async with kept(talk.principal, conversation_id, talk.lease, Conversation):
            await talk.work(begun)
    except LostLease:
        log.warning("answer.lease_lost", conversation_id=str(conversation_id))
    finally:
        if not talk.has_let_go:
            async with unit_of_work(talk.principal) as uow:
                await talk.let_go(uow)


@dataclass(frozen=True, slots=True)
class Begun:
    """A turn that goes on after the transaction it was looked at in."""

    turn: Any
    loaded: Loaded | None
    decision: Decision | None = None
    """What was found out already; None: it is looked at again."""


@dataclass(slots=True)
class Talk:
    """One run over one conversation."""

    principal: Principal
    conversation_id: UUID
    lease: Lease
    parts: Parts
    draw: Callable[[bytes], Random] = field(default=Random)
    has_let_go: bool = False
    inside: TenantUnitOfWork | None = None
    """The transaction of the first look, while it is open: what is written now is written in it."""

    async def begin(self, *, is_careful: bool = False) -> Begun | None:
        """Look at the turn that is due, and end the matter at once where nobody else must be asked. None: nothing is left to do.

        Args:
            is_careful: only count a try and take the lease. Should we die, the turn is due again when that has run out.
        """
        async with unit_of_work(self.principal) as uow:
            conn = await uow.driver()
            if await conn.fetchval(_FREE, uow.tenant_id, self.conversation_id) is None:
                return None
            turn = await conn.fetchrow(_DUE, uow.tenant_id, self.conversation_id)
            if turn is None:
                await self._wake_next(uow)
                return None
            is_late = (turn["now"] - turn["wake_at"]).total_seconds() > LATE_S
            if is_careful or is_late or turn["tries"]:
                return Begun(await self._hold(uow, turn), await contexts.load(uow, turn, turn["now"], self.parts))
            loaded = await contexts.load(uow, turn, turn["now"], self._parts_in(uow))
            self.inside = uow
            try:
                asked = await self._settled(turn, loaded)
            finally:
                self.inside = None
            if asked is None or loaded is None:
                return None
            context = replace(loaded.context, parts=self.parts)
            return Begun(await self._hold(uow, turn), replace(loaded, context=context), asked)

    async def _hold(self, uow: TenantUnitOfWork, turn: Any) -> Any:
        """Take the lease, which is free as the row is locked, and count a try."""
        epoch = await leases.take(uow, Conversation, uow.tenant_id, self.conversation_id, leases.new_owner())
        assert epoch is not None
        self.lease.epoch = epoch
        await (await uow.driver()).execute(_BEGIN, uow.tenant_id, turn["id"], get_settings().lease_s)
        return turn

    def _parts_in(self, uow: TenantUnitOfWork) -> Parts:
        if self.parts.within is None:
            return self.parts
        rules, agent = self.parts.within(uow)
        return replace(self.parts, rules=rules, agent=agent)

    async def let_go(self, uow: TenantUnitOfWork) -> None:
        """Release the lease. What came while we held it was turned away at the door: it is woken once more."""
        await leases.release(uow, Conversation, uow.tenant_id, self.conversation_id, self.lease.epoch)
        await self._wake_next(uow)

    async def _wake_next(self, uow: TenantUnitOfWork) -> None:
        in_s = await (await uow.driver()).fetchval(_NEXT, uow.tenant_id, self.conversation_id)
        if in_s is not None:
            turns.wake(uow, self.conversation_id, max(0.0, in_s))

    async def work(self, begun: Begun) -> None:
        """Get the turn on, by one step."""
        turn, loaded = begun.turn, begun.loaded
        if loaded is not None and turn["tries"] >= MAX_TRIES:
            await self._fail(turn, loaded, "engine")
            return
        asked = begun.decision or await self._settled(turn, loaded)
        if asked is not None and loaded is not None:
            await self._agent(turn, loaded, asked)

    async def _settled(self, turn: Any, loaded: Loaded | None) -> Decision | None:
        """Decide, and write what follows; what is left to an agent that is to be asked now is given back."""
        if loaded is None:
            await self._write(turn, self._ends("cancelled", "gone"))
            return None
        decision = await router.look(loaded.context)
        if decision.action is Action.WAIT:
            await self._plan(turn, "waiting", wait_s=LOOK_AGAIN_S, decision=decision)
        elif decision.action is Action.SILENT:
            await self._end_silent(turn, decision)
        elif decision.action is Action.ASK:
            due_at, wait_s = self._agent_due(turn, decision)
            if wait_s <= LEAD_S:
                return decision
            await self._plan(turn, "waiting", due_at, wait_s - LEAD_S, decision)
        else:
            decision = await self._mannered(turn, loaded, decision)
            await self._when_due(turn, loaded, decision, self._rule_due(turn, loaded, decision))
        return None

    def _agent_due(self, turn: Any, asked: Decision) -> tuple[datetime, float]:
        """When an agent's answer is due, and in how many seconds."""
        behaviour = asked.behaviour
        due_at = self._drawn(turn, behaviour.delay_min_s, max(behaviour.delay_min_s, behaviour.delay_max_s))
        return due_at, (due_at - turn["now"]).total_seconds()

    async def _mannered(self, turn: Any, loaded: Loaded, decision: Decision) -> Decision:
        """A rule's answer leaves by the manners of the agent, where there is one."""
        if decision.agent is not None or decision.at_once:
            return decision
        return replace(decision, agent=await loaded.context.parts.agent(turn["device_id"]))

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
        due_at, _ = self._agent_due(turn, asked)
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
            await self._end_silent(turn, decision)
            return
        async with unit_of_work(self.principal) as uow:
            now: datetime = await (await uow.driver()).fetchval("SELECT now()")
        if now < due_at:
            await self._plan(turn, "waiting", due_at, (due_at - now).total_seconds())
        else:
            await self._answer(turn, loaded, decision)

    async def _unanswered(self, turn: Any, loaded: Loaded, asked: Decision, due_at: datetime, error: AppError) -> None:
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
        if self.inside is not None:
            # Both rows are locked since they were read: nobody can have changed them.
            await work(self.inside, turn)
            return True
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
        self,
        turn: Any,
        state: str,
        due_at: datetime | None = None,
        wait_s: float = 0.0,
        decision: Decision | None = None,
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
            if self.inside is not None:
                turns.wake(uow, self.conversation_id, delay_s)

        return await self._write(turn, work, is_last=state == "waiting")

    async def _decided(self, turn: Any, decision: Decision) -> bool:
        """Keep what the agent said; False when the turn was ended meanwhile, or the customer wrote again."""
        goes_on = False

        async def work(uow: TenantUnitOfWork, found: Any) -> None:
            nonlocal goes_on
            conn = await uow.driver()
            late_s = (found["now"] - (found["due_at"] or found["now"])).total_seconds()
            goes_on = found["messages"] == turn["messages"] or late_s > leaving.PATIENCE_S
            if goes_on:
                await leaving.note(conn, uow.tenant_id, turn["id"], decision)
                await self._learn(uow, found, decision)
            else:
                await conn.execute(_PLAN, uow.tenant_id, turn["id"], "waiting", None, 0.0, None, False, None)

        return await self._write(turn, work, is_last=False) and goes_on

    async def _learn(self, uow: TenantUnitOfWork, found: Any, decision: Decision) -> None:
        if self.parts.learn is not None and decision.outcome is not None and decision.agent is not None:
            await self.parts.learn(
                uow, self.conversation_id, found["last_message_id"], decision.agent, decision.outcome
            )

    async def _end_silent(self, turn: Any, decision: Decision) -> None:
        async def work(uow: TenantUnitOfWork, found: Any) -> None:
            conn = await uow.driver()
            if found["messages"] != turn["messages"]:
                await conn.execute(_PLAN, uow.tenant_id, turn["id"], "waiting", None, 0.0, None, False, None)
                return
            await leaving.note(conn, uow.tenant_id, turn["id"], decision)
            await turns.end(conn, uow.tenant_id, turn["id"], "silent", decision.reason)
            await leaving.hand_over(uow, self.conversation_id, decision)
            uow.publish("answer", conversation_id=self.conversation_id, state="silent")

        await self._write(turn, work)

    async def _fail(self, turn: Any, loaded: Loaded, code: str, asked: Decision | None = None) -> None:
        """Nothing more is tried: the trace says so, and a person is asked for."""

        async def work(uow: TenantUnitOfWork, found: Any) -> None:
            conn = await uow.driver()
            entry = TraceEntry(step=TraceStep.ANSWER, outcome="failed", detail={"reason": code})
            decision = asked or Decision(Action.SILENT)
            trace = (*decision.trace, entry)
            await leaving.note(conn, uow.tenant_id, turn["id"], None, trace)
            await turns.end(conn, uow.tenant_id, turn["id"], "failed", code)
            await takeover.hand_over(uow, self.conversation_id, code, decisions.short(decision.question))
            uow.publish("answer", conversation_id=self.conversation_id, state="failed")

        await self._write(turn, work)

    async def _answer(self, turn: Any, loaded: Loaded, decision: Decision) -> None:
        async def work(uow: TenantUnitOfWork, found: Any) -> None:
            if not await leaving.leave(uow, turn, found, loaded, decision, self.parts.count_hit):
                await (await uow.driver()).execute(
                    _PLAN, uow.tenant_id, turn["id"], "waiting", None, 0.0, None, False, None
                )
                if self.inside is not None:
                    turns.wake(uow, self.conversation_id)

        await self._write(turn, work)

    def _ends(self, state: str, reason: str) -> "Callable[[TenantUnitOfWork, Any], Awaitable[None]]":
        async def work(uow: TenantUnitOfWork, found: Any) -> None:
            await turns.end(await uow.driver(), uow.tenant_id, found["id"], state, reason)

        return work
