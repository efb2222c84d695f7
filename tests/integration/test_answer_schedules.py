"""No schedule of messages, people, STOP, kills and lanes yields two answers to a turn, or none where one is due.

Schedules are drawn from a seed; turns, ledger, claims and lanes are the real ones.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from bench.seeding import World
from tests.fixtures import services
from tests.fixtures.talks import Brain, Talks
from wa_app.channels.port import ChatKind, Identity, IdentityKind, MessageKind, MessageReceived
from wa_app.db import unit_of_work
from wa_app.inbound import conversations
from wa_app.inbound.answering import answer_conversation
from wa_app.kit.ids import new_id
from wa_app.models.people import SuppressionReason
from wa_app.schemas.agents import AgentOutcome, AgentTask, Outcome
from wa_app.schemas.principal import Principal
from wa_app.sending import suppression
from wa_app.sending.suppression import Stop
from wa_app.services import identities
from wa_app.services.conversations import takeover, turns

ACTIONS = ("write",) * 5 + ("look",) * 3 + ("lane",) * 3 + ("killed", "both", "human", "back", "stop", "start", "loses")


class Killed(BaseException):
    pass


@pytest.fixture
async def talks(world: World) -> AsyncIterator[Talks]:
    with services.environment(SAPA_ANSWER_DEBOUNCE_S="0"):
        await world.link(1)
        made = Talks(world, Brain())
        await made.settings(rule_delay_min_s=0, rule_delay_max_s=0)
        made.brain.agent()
        yield made


class Schedule:
    """One conversation, and what happens to it."""

    def __init__(self, talks: Talks, seed: int) -> None:
        self.talks, self.draw = talks, Random(seed)
        self.principal = Principal.system(talks.world.tenant_id)
        self.phone = f"+62811{seed:07d}"
        self.conversation: Any = None
        self.contact: Any = None
        self.written = 0
        self.muted = self.taken = self.interfered = False
        self.quiet_since = 0

    async def play(self, steps: int) -> None:
        await self.write()
        for _ in range(steps):
            await getattr(self, self.draw.choice(ACTIONS))()
            if self.muted or self.taken:
                assert await self.left() == self.quiet_since, "a machine spoke after a person or a STOP"

    async def write(self) -> None:
        person = (Identity(IdentityKind.PHONE, self.phone),)
        message = MessageReceived(
            kind="message.any", event_id="", session="", message_id=f"M{new_id().hex}", chat_id=f"{self.phone[1:]}@c.us",
            chat_kind=ChatKind.PERSON, peer=person, message_kind=MessageKind.TEXT, text=f"pesan {self.written}", sender=person,
            at=datetime.now(UTC),
        )  # fmt: skip
        async with unit_of_work(self.principal) as uow:
            stored = await conversations.store(uow, self.talks.device.id, message)
            assert stored is not None
            await turns.join(
                uow, conversation_id=stored.conversation_id, device_id=self.talks.device.id, contact_id=stored.contact_id,
                message_id=stored.id, at=stored.at,
            )  # fmt: skip
        self.conversation, self.contact, self.written = stored.conversation_id, stored.contact_id, self.written + 1

    async def look(self) -> None:
        await answer_conversation(self.talks.world.tenant_id, self.conversation, self.talks.brain.parts)

    async def both(self) -> None:
        """A message comes while the agent thinks, and a second worker looks."""
        async def says(task: AgentTask) -> AgentOutcome:
            self.talks.brain.says = None
            await self.write()
            await self.look()
            return AgentOutcome(Outcome.ANSWER, f"Ya: {task.text[-40:]}")

        self.talks.brain.says = says
        await self.look()
        self.talks.brain.says = None

    async def killed(self) -> None:
        async def says(task: AgentTask) -> AgentOutcome:
            raise Killed

        self.talks.brain.says = says
        try:
            await self.look()
        except Killed:
            await self._wake()
        self.talks.brain.says = None

    async def _wake(self) -> None:
        """What the worker had given itself has run out."""
        await self.talks.world.fetch(
            "UPDATE answer_turns SET wake_at = now() WHERE conversation_id = $1 AND wake_at > now() RETURNING id", self.conversation
        )

    async def lane(self) -> None:
        await self.talks.run_lanes()

    async def loses(self) -> None:
        """A call of which nobody knows what became; it did not go out."""
        await self.talks.world.fault("http_500", count=1)
        await self.talks.run_lanes()

    async def human(self) -> None:
        async with unit_of_work(self.principal) as uow:
            await takeover.by_human(uow, self.conversation, datetime.now(UTC))
        await self._quiet()
        self.taken = True

    async def back(self) -> None:
        async with unit_of_work(self.principal) as uow:
            await takeover.switch(uow, self.conversation, active=True)
        self.taken = False

    async def stop(self) -> None:
        async with unit_of_work(self.principal) as uow:
            await suppression.lock_contact(uow, uow.tenant_id, self.contact)
            aliases = await suppression.aliases_of(uow, uow.tenant_id, self.contact, identities.masked)
            await suppression.add(uow, aliases, Stop(SuppressionReason.UNSUBSCRIBE))
            await turns.cancel_all_of(uow, self.contact, "stopped")
        await self._quiet()
        self.muted = True

    async def start(self) -> None:
        async with unit_of_work(self.principal) as uow:
            await suppression.remove_unsubscribed(uow, self.contact)
        self.muted = False

    async def _quiet(self) -> None:
        self.interfered = True
        self.quiet_since = await self.left()

    async def left(self) -> int:
        """Answers that have left, or may have."""
        rows = await self.talks.world.fetch(
            "SELECT count(*)::int AS n FROM outbound_messages WHERE contact_id = $1 AND claimed_at IS NOT NULL "
            "AND state IN ('sending', 'sent', 'unknown')", self.contact,
        )  # fmt: skip
        return int(rows[0]["n"])

    async def end(self) -> None:
        """Everybody has time to finish."""
        for _ in range(100):
            await self._wake()
            await self.talks.world.fetch("UPDATE devices SET paused_until = NULL WHERE id = $1 RETURNING id", self.talks.device.id)
            await self.talks.turn_once()
            rows = await self.talks.world.fetch(
                "SELECT 1 FROM answer_turns WHERE conversation_id = $1 AND state IN ('waiting', 'deciding', 'answering') UNION ALL "
                "SELECT 1 FROM outbound_messages WHERE contact_id = $2 AND state IN ('planned', 'sending', 'unknown')",
                self.conversation, self.contact,
            )
            if not rows:
                return
            await asyncio.sleep(0.05)
        pytest.fail("turns stay open")

    async def judge(self) -> None:
        sent = await self.talks.world.fetch(
            "SELECT split_part(dedupe_key, ':', 3) AS turn, count(*)::int AS n FROM outbound_messages "
            "WHERE contact_id = $1 AND state = 'sent' GROUP BY 1", self.contact,
        )  # fmt: skip
        answers = {row["turn"]: row["n"] for row in sent}
        assert all(n == 1 for n in answers.values()), "a turn was answered twice"
        found = await self.talks.world.fetch("SELECT id, state FROM answer_turns WHERE conversation_id = $1", self.conversation)
        # An answer of which nobody knew when a person took over is not sent again.
        owed = {str(row["id"]) for row in found if row["state"] == "answered"}
        assert set(answers) <= owed
        assert owed == set(answers) or self.interfered
        states = {row["state"] for row in found}
        assert states <= {"answered", "cancelled", "silent"}
        if not self.interfered:
            assert states == {"answered"}
        loose = await self.talks.world.fetch(
            "SELECT 1 FROM messages WHERE conversation_id = $1 AND direction = 'INBOUND' AND turn_id IS NULL", self.conversation
        )
        assert not loose, "a message belongs to no turn"


@pytest.mark.parametrize("seed", range(10))
async def test_every_turn_is_answered_once_or_rightly_not(talks: Talks, seed: int) -> None:
    schedule = Schedule(talks, seed)
    await schedule.play(14)
    await schedule.end()
    await schedule.judge()
