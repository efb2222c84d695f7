"""Answers when something goes wrong: no model, broken or dead workers, lost messages, late turns."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bench.seeding import World
from tests.fixtures.answer_steps import (
    opened_talks,
    steps,
)
from tests.fixtures.talks import Talks
from wa_app.channels import registry
from wa_app.db import unit_of_work
from wa_app.errors import Unavailable
from wa_app.inbound import answering
from wa_app.inbound.answering import answer_conversation
from wa_app.inbound.process import process_tenant
from wa_app.schemas.agents import AgentOutcome, AgentTask
from wa_app.schemas.conversations import ChatSend
from wa_app.schemas.principal import Principal
from wa_app.sending import files, lanes
from wa_app.services import conversations
from wa_app.services.conversations import takeover


@pytest.fixture
async def talks(world: World) -> AsyncIterator[Talks]:
    async with opened_talks(world) as made:
        yield made


async def test_a_talk_that_nobody_answers_goes_back_to_the_machine(talks: Talks) -> None:
    talks.brain.agent()
    await talks.says("Halo")
    await talks.states("answered")
    chat = (await talks.conversation())["id"]
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        await conversations.send(uow, chat, ChatSend(text="Saya di sini"))
    talk = await talks.conversation()
    assert talk["bot_resumes_at"] - talk["human_at"] == timedelta(hours=12)
    await talks.world.fetch("UPDATE conversations SET bot_resumes_at = now() WHERE id = $1 RETURNING id", chat)
    from wa_app.db import system_unit_of_work

    async with system_unit_of_work() as system:
        assert await takeover.resume_due(system) >= 1
    talk = await talks.conversation()
    assert (talk["is_bot_active"], talk["bot_resumes_at"]) == (True, None)


async def test_without_a_model_it_tries_again_then_asks_for_a_person(talks: Talks) -> None:
    calls = 0

    async def never(task: AgentTask) -> AgentOutcome:
        nonlocal calls
        calls += 1
        raise Unavailable("ai_unavailable")

    talks.brain.agent()
    talks.brain.says = never
    await talks.says("Halo")
    await talks.until(lambda: _asked(talks, 1))
    turn = (await talks.turns())[0]
    assert (turn["state"], turn["outbound_id"]) == ("waiting", None)
    assert turn["wake_at"] > turn["due_at"]
    await talks.world.fetch(
        "UPDATE answer_turns SET wake_at = now(), due_at = now() - interval '11 minutes', created_at = created_at - interval "
        "'11 minutes' WHERE id = $1 RETURNING id", turn["id"],
    )  # fmt: skip
    turn = (await talks.states("failed"))[0]
    assert turn["reason"] == "ai_unavailable"
    assert steps(turn)[-1] == "answer.failed"
    assert (await talks.conversation())["needs_human_reason"] == "ai_unavailable"
    assert calls == 2


async def _asked(talks: Talks, n: int) -> bool:
    return len(talks.brain.tasks) >= n


async def test_two_workers_answer_a_turn_once(talks: Talks) -> None:
    talks.brain.agent()
    await talks.says("Halo")
    await talks.stored(1)
    chat = (await talks.conversation())["id"]
    await asyncio.sleep(0.25)
    await asyncio.gather(*(answer_conversation(talks.world.tenant_id, chat, talks.brain.parts) for _ in range(6)))
    await asyncio.gather(*(lanes.run_lane(talks.world.tenant_id, talks.device.id, registry.channel, files.loader, 1.0) for _ in range(3)))
    assert len(await talks.sent()) == 1
    assert len(talks.brain.tasks) == 1


async def test_a_rule_answers_without_a_lease(talks: Talks) -> None:
    talks.brain.rules["harga"] = "Mulai 10 ribu"
    await talks.says("Harga?")
    await talks.states("answered")
    assert await talks.sent() == ["Mulai 10 ribu"]
    chat = await talks.conversation()
    assert (chat["lease_epoch"], chat["lease_until"], (await talks.turns())[0]["tries"]) == (0, None, 0)


async def test_a_turn_that_breaks_whoever_looks_at_it_ends_with_a_person(talks: Talks, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(talks.brain, "_rules", breaks)
    await talks.says("Halo")
    await talks.stored(1)
    chat = (await talks.conversation())["id"]
    for tries in range(1, answering.MAX_TRIES + 1):
        await talks.world.fetch("UPDATE answer_turns SET wake_at = now() WHERE conversation_id = $1 RETURNING id", chat)
        with pytest.raises(RuntimeError):
            await answer_conversation(talks.world.tenant_id, chat, talks.brain.parts)
        assert (await talks.turns())[0]["tries"] == tries
        assert (await talks.conversation())["lease_until"] is None
    await talks.world.fetch("UPDATE answer_turns SET wake_at = now() WHERE conversation_id = $1 RETURNING id", chat)
    await answer_conversation(talks.world.tenant_id, chat, talks.brain.parts)
    assert [(one["state"], one["reason"]) for one in await talks.turns()] == [("failed", "engine")]
    assert (await talks.conversation())["needs_human_reason"] == "engine"


async def test_a_late_turn_is_counted_before_it_is_looked_at(talks: Talks) -> None:
    talks.brain.rules["harga"] = "Mulai 10 ribu"
    await talks.says("Harga?")
    await talks.stored(1)
    chat = (await talks.conversation())["id"]
    await talks.world.fetch(
        "UPDATE answer_turns SET wake_at = now() - interval '1 min' WHERE conversation_id = $1 RETURNING id", chat
    )
    await answer_conversation(talks.world.tenant_id, chat, talks.brain.parts)
    assert [one["state"] for one in await talks.turns()] == ["answering"]
    found = await talks.conversation()
    assert (found["lease_epoch"], found["lease_until"]) == (1, None)


async def test_a_conversation_whose_worker_died_is_taken_up_again(talks: Talks) -> None:
    class Killed(BaseException):
        pass

    async def dies(task: AgentTask) -> AgentOutcome:
        raise Killed

    talks.brain.agent()
    talks.brain.says = dies
    await talks.says("Halo")
    await talks.stored(1)
    chat = (await talks.conversation())["id"]
    await asyncio.sleep(0.25)
    with pytest.raises(Killed):
        await answer_conversation(talks.world.tenant_id, chat, talks.brain.parts)
    turn = (await talks.turns())[0]
    assert (turn["state"], turn["outbound_id"]) == ("deciding", None)
    assert turn["wake_at"] > turn["due_at"]
    talks.brain.says = None
    # The lease has run out, and so has what the worker had given itself.
    await talks.world.fetch("UPDATE answer_turns SET wake_at = now() WHERE id = $1 RETURNING id", turn["id"])
    await talks.states("answered")
    assert len(await talks.sent()) == 1


async def test_an_answer_that_was_lost_on_the_way_is_sent_again_once(talks: Talks) -> None:
    talks.brain.agent()
    await talks.world.fault("http_500", count=1)
    await talks.says("Halo")
    await talks.states("answered")
    assert len(await talks.sent()) == 1


async def test_old_messages_are_stored_and_not_answered(talks: Talks) -> None:
    talks.brain.agent()
    await talks.says("Halo")
    await talks.stored(1)
    await talks.states("answered")
    from wa_app.services.conversations import turns

    row = (await talks.world.fetch("SELECT * FROM messages WHERE tenant_id = $1 AND direction = 'INBOUND'", talks.world.tenant_id))[0]
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        opened = await turns.join(
            uow, conversation_id=row["conversation_id"], device_id=row["device_id"], contact_id=row["contact_id"],
            message_id=row["id"], at=row["timestamp"] - timedelta(hours=25),
        )  # fmt: skip
    assert opened is None
    await process_tenant(talks.world.tenant_id)
    assert len(await talks.turns()) == 1
