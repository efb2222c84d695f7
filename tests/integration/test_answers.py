"""What customers write is answered, once and in time: real webhooks, turns, ledger and lanes; the sandbox as judge."""

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
from tests.fixtures.talks import Talks, talking
from wa_app.channels import registry
from wa_app.db import unit_of_work
from wa_app.schemas.agents import AgentOutcome, AgentTask, Outcome
from wa_app.schemas.conversations import ChatSend
from wa_app.schemas.principal import Principal
from wa_app.sending import files, lanes
from wa_app.services import conversations
from wa_app.services.conversations import takeover


@pytest.fixture
async def talks(world: World) -> AsyncIterator[Talks]:
    async with opened_talks(world) as made:
        yield made


async def test_a_rule_answers_once_and_says_why(talks: Talks) -> None:
    talks.brain.rules = {"harga": "Mulai 10rb, {{name|Kak}}"}
    await talks.says("Harga?", name="Siti Aminah")
    await talks.sent_is("Mulai 10rb, Siti Aminah")
    turn = (await talks.states("answered"))[0]
    assert steps(turn) == ["consent.given", "human.none", "reading.text", "rules.matched", "answer.by_rule"]
    assert talks.brain.hits == [(talks.brain.ids["harga"], turn["contact_id"])]
    chat = (await talks.conversation())["id"]
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        lines = (await conversations.messages(uow, chat)).items
    assert [(one.sender, one.status, one.text) for one in lines] == [
        ("rule", "sent", "Mulai 10rb, Siti Aminah"), ("contact", None, "Harga?"),
    ]  # fmt: skip
    assert lines[0].trace is not None
    assert lines[0].trace == lines[1].trace
    assert lines[0].outbound_id == turn["outbound_id"]


async def test_messages_in_quick_succession_get_one_answer(talks: Talks) -> None:
    talks.brain.agent()
    for n, text in enumerate(("Halo", "saya mau tanya", "masih buka?"), 1):
        await talks.says(text)
        # WhatsApp tells whole seconds: within one, their order is the one in which they came.
        await talks.stored(n)
    await talks.states("answered")
    assert [task.text for task in talks.brain.tasks] == ["Halo\nsaya mau tanya\nmasih buka?"]
    assert await talks.sent() == ["Jawaban 1: Halo / saya mau tanya / masih buka?"]


async def test_an_answer_waits_its_delay_visible_and_a_later_message_joins_it(talks: Talks) -> None:
    talks.brain.agent(delay_min_s=3, delay_max_s=3)
    await talks.says("Halo")

    async def planned() -> Any:
        rows = await talks.turns()
        return rows and rows[0]["due_at"]

    due_at = await talks.until(planned)
    chat = (await talks.conversation())["id"]
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        pending = (await conversations.get(uow, chat)).pending
    assert pending is not None
    assert (pending.due_at, pending.by) == (due_at, "agent")
    await talks.says("Ada warna biru?")
    await talks.stored(2)
    turn = (await talks.states("answered"))[0]
    texts = await talks.sent()
    assert len(texts) == 1
    assert texts[0].endswith("Halo / Ada warna biru?")
    assert turn["messages"] == 2
    assert timedelta(0) <= turn["answered_at"] - due_at < timedelta(seconds=8)


async def test_a_message_during_the_models_thinking_is_covered_too(talks: Talks) -> None:
    thinking, go = asyncio.Event(), asyncio.Event()

    async def slowly(task: AgentTask) -> AgentOutcome:
        thinking.set()
        await go.wait()
        return AgentOutcome(Outcome.ANSWER, f"Tentang: {task.text}")

    talks.brain.agent()
    talks.brain.says = slowly
    await talks.says("Satu")
    await talks.stored(1)
    working = asyncio.create_task(talks.until(lambda: _done(talks)))
    await asyncio.wait_for(thinking.wait(), 10)
    await talks.says("Dua")
    await talks.stored(2)
    go.set()
    await working
    assert await talks.sent() == ["Tentang: Satu\nDua"]


async def _done(talks: Talks) -> bool:
    rows = await talks.turns()
    return bool(rows) and all(row["state"] == "answered" for row in rows)


async def test_an_answer_that_has_not_left_is_taken_back_for_a_better_one(talks: Talks) -> None:
    """The number is offline for a while: one answer for all that was written meanwhile."""
    talks.brain.agent()
    await talks.says("Halo")

    async def leaving() -> bool:
        rows = await talks.turns()
        return bool(rows) and rows[0]["state"] == "answering"

    await talks.until(leaving, lane=False)
    await talks.says("Masih ada?")
    await talks.stored(2)
    turn = (await talks.states("answered"))[0]
    assert await talks.sent() == ["Jawaban 2: Halo / Masih ada?"]
    assert turn["revision"] == 1
    states = await talks.world.fetch(
        "SELECT state FROM outbound_messages WHERE tenant_id = $1 ORDER BY id", talks.world.tenant_id
    )
    assert [row["state"] for row in states] == ["cancelled", "sent"]


async def test_what_the_owner_types_on_the_phone_takes_over(talks: Talks) -> None:
    await talks.world.configure(acks="instant")
    talks.brain.agent(delay_min_s=60, delay_max_s=60)
    await talks.says("Halo")
    await talks.states("waiting")
    await talks.owner_types("Halo juga kak")
    turn = (await talks.states("cancelled"))[0]
    assert turn["reason"] == "human"
    talk = await talks.conversation()
    assert (talk["is_bot_active"], talk["bot_off_reason"]) == (False, "human")
    talks.brain.agent()
    await talks.says("Ada promo?")
    turn = (await talks.states("cancelled", "silent"))[1]
    assert steps(turn)[-1] == "human.human"
    assert await talks.sent() == []
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        await conversations.toggle_bot(uow, talk["id"], active=True)
    await talks.says("Halo lagi")
    await talks.states("cancelled", "silent", "answered")
    assert len(await talks.sent()) == 1


async def test_a_persons_answer_stops_one_that_waits_for_its_lane(talks: Talks) -> None:
    talks.brain.agent()
    await talks.says("Halo")

    async def leaving() -> bool:
        rows = await talks.turns()
        return bool(rows) and rows[0]["state"] == "answering"

    await talks.until(leaving, lane=False)
    chat = (await talks.conversation())["id"]
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        line = await conversations.send(uow, chat, ChatSend(text="Saya bantu ya"))
    assert (line.sender, line.text, line.status) == ("human", "Saya bantu ya", "planned")
    await talks.sent_is("Saya bantu ya")
    assert (await talks.states("cancelled"))[0]["reason"] == "human"


async def test_a_lane_never_takes_an_answer_that_was_taken_over(talks: Talks) -> None:
    """The cancel skips a row that a lane is looking at: the lane sees the turn."""
    talks.brain.agent()
    await talks.says("Halo")

    async def leaving() -> Any:
        rows = await talks.turns()
        return rows and rows[0]["state"] == "answering" and rows[0]

    turn = await talks.until(leaving, lane=False)
    holder = await talks.world.connect()
    held = holder.transaction()
    await held.start()
    await holder.execute("SELECT 1 FROM outbound_messages WHERE id = $1 FOR UPDATE", turn["outbound_id"])
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        await takeover.by_human(uow, turn["conversation_id"], turn["created_at"] + timedelta(seconds=1))
    await held.rollback()
    await holder.close()
    await talks.run_lanes()
    rows = await talks.world.fetch("SELECT state, error_code FROM outbound_messages WHERE id = $1", turn["outbound_id"])
    assert tuple(rows[0]) == ("skipped", "taken_over")
    assert await talks.sent() == []


async def test_stop_silences_machines_not_people_and_start_brings_them_back(talks: Talks) -> None:
    talks.brain.agent(delay_min_s=60, delay_max_s=60)
    await talks.says("Halo")
    await talks.states("waiting")
    await talks.says("STOP")
    assert (await talks.states("cancelled"))[0]["reason"] == "stopped"
    talks.brain.agent()
    talks.brain.rules = {"harga": "10rb"}
    await talks.says("harga?")
    turn = (await talks.states("cancelled", "silent"))[1]
    assert steps(turn) == ["consent.stopped"]
    chat = turn["conversation_id"]
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        await conversations.send(uow, chat, ChatSend(text="Baik kak"))
        await conversations.toggle_bot(uow, chat, active=True)

    async def two() -> bool:
        return len(await talks.sent()) == 2

    await talks.until(two)
    assert (await talks.sent())[1] == "Baik kak"
    await talks.says("MULAI")
    await talks.stored(4)  # WhatsApp tells whole seconds: what is posted at once may come in either order
    await talks.says("harga?")
    await talks.states("cancelled", "silent", "answered")
    assert "10rb" in await talks.sent()


async def test_an_answer_decided_before_the_stop_does_not_leave_after_it(talks: Talks) -> None:
    talks.brain.agent()
    await talks.says("Halo")

    async def leaving() -> Any:
        rows = await talks.turns()
        return rows and rows[0]["state"] == "answering" and rows[0]

    turn = await talks.until(leaving, lane=False)
    # Only the suppression, as if the cancel had skipped the row.
    await talks.world.fetch(
        "INSERT INTO suppressions (tenant_id, kind, hash, masked, scope, reason) SELECT tenant_id, kind, hash, 'x', 'marketing', "
        "'UNSUBSCRIBE' FROM contact_identities WHERE contact_id = $1 RETURNING id", turn["contact_id"],
    )  # fmt: skip
    row = (await talks.states("cancelled"))[0]
    assert row["reason"] == "suppressed"
    assert await talks.sent() == []


async def test_two_numbers_of_one_tenant_do_not_talk_to_each_other(world: World) -> None:
    async with talking(world, devices=2) as talks:
        talks.brain.agent()
        one, two = world.devices

        async def known() -> dict[Any, str] | None:
            rows = await world.fetch("SELECT id, phone FROM devices WHERE tenant_id = $1 AND phone IS NOT NULL", world.tenant_id)
            return {row["id"]: row["phone"] for row in rows} if len(rows) == 2 else None

        phones = await talks.until(known)
        await talks.post("inbound", {"from": phones[two.id].lstrip("+"), "text": "Halo, ada promo!"}, one)
        await talks.post("inbound", {"from": phones[one.id].lstrip("+"), "text": "Halo, ada promo!"}, two)
        rows = await talks.states("silent", "silent")
        assert all(steps(row) == ["consent.own_number"] for row in rows)
        assert await talks.sent(one) + await talks.sent(two) == []


async def test_a_machine_on_the_other_side_is_noticed(talks: Talks) -> None:
    """Somebody else's bot answers each of our answers: after a while ours is silent and a person is asked for."""
    talks.brain.agent()
    for n in range(25):
        await talks.says(f"Terima kasih telah menghubungi kami ({n})")
        await talks.stored(n + 1)

        async def settled(most: int = n + 1) -> bool:
            rows = await talks.turns()
            return len(rows) == most and rows[-1]["state"] in ("answered", "silent")

        await talks.until(settled)
        if (await talks.turns())[-1]["state"] == "silent":
            break
    assert len(await talks.sent()) == 20
    talk = await talks.conversation()
    assert talk["needs_human_reason"] == "loop"
    assert not talk["is_bot_active"]


async def test_what_the_agent_hands_over_waits_for_a_person(talks: Talks) -> None:
    async def hands_over(task: AgentTask) -> AgentOutcome:
        return AgentOutcome(Outcome.HANDOVER, "Saya panggilkan tim kami.", handover_reason="complaint")

    await talks.world.configure(acks="instant")
    talks.brain.agent()
    talks.brain.says = hands_over
    await talks.says("Barang saya rusak, saya marah")
    await talks.states("answered")
    talk = await talks.conversation()
    assert (talk["needs_human_reason"], talk["bot_off_reason"]) == ("complaint", "handed_over")
    assert talk["needs_human_summary"] == "Barang saya rusak, saya marah"
    assert await talks.sent() == ["Saya panggilkan tim kami."]
    await talks.says("Halo?")
    assert steps((await talks.states("answered", "silent"))[1])[-1] == "human.handed_over"
    await talks.owner_types("Maaf kak, kami ganti")
    await talks.until(lambda: _nobody_needed(talks))


async def _nobody_needed(talks: Talks) -> bool:
    return (await talks.conversation())["needs_human_at"] is None


async def test_seen_and_typing_come_before_the_answer(world: World) -> None:
    async with talking(world, pacing={"delay_min_s": 1, "delay_max_s": 1, "typing": True}) as talks:
        talks.brain.agent()
        await talks.says("Halo")
        await talks.states("answered")
        import httpx

        async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
            log = (await http.get("/sandbox/log", params={"session": talks.device.session})).json()["items"]
        kinds = [one["kind"] for one in log]
        assert kinds.index("seen") < next(n for n, kind in enumerate(kinds) if "typing" in kind.lower())


async def test_history_and_campaigns_are_what_the_agent_remembers(talks: Talks) -> None:
    talks.brain.agent()
    people = await talks.world.add_contacts(1)
    phone = (await talks.world.fetch("SELECT phone FROM contacts WHERE id = $1", people[0]))[0]["phone"].lstrip("+")
    campaign = await talks.world.add_campaign(people, template="Promo kopi 20%")
    await lanes.run_lane(talks.world.tenant_id, talks.device.id, registry.channel, files.loader, 1.0)
    assert await talks.world.states(campaign) == {"sent": 1}
    await talks.says("Berapa jadinya?", phone)
    await talks.states("answered")
    await talks.says("Oke", phone)
    await talks.states("answered", "answered")
    first, second = talks.brain.tasks
    assert [(turn.role, turn.text) for turn in first.history] == [("assistant", "Promo kopi 20%")]
    assert [(turn.role, turn.text) for turn in second.history] == [
        ("assistant", "Promo kopi 20%"), ("user", "Berapa jadinya?"), ("assistant", "Jawaban 1: Berapa jadinya?"),
    ]  # fmt: skip
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        chat = (await talks.conversation())["id"]
        lines = (await conversations.messages(uow, chat)).items
        page = await conversations.messages(uow, chat, limit=2)
        rest = await conversations.messages(uow, chat, limit=10, cursor=page.next_cursor)
    assert [one.sender for one in lines] == ["agent", "contact", "agent", "contact", "campaign"]
    assert [one.id for one in (*page.items, *rest.items)] == [one.id for one in lines]


async def test_send_now_and_cancel(talks: Talks) -> None:
    talks.brain.agent(delay_min_s=600, delay_max_s=600)
    await talks.says("Halo")
    await talks.until(lambda: _due(talks))
    chat = (await talks.conversation())["id"]
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        await conversations.send_answer_now(uow, chat)
    await talks.states("answered")
    await talks.says("Lagi")
    await talks.until(lambda: _due(talks))
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        view = await conversations.cancel_answer(uow, chat)
    assert view.pending is None
    assert view.is_bot_active
    assert [row["state"] for row in await talks.turns()] == ["answered", "cancelled"]


async def _due(talks: Talks) -> bool:
    rows = await talks.turns()
    return bool(rows) and rows[-1]["due_at"] is not None and rows[-1]["state"] == "waiting"
