"""Groups by switch: what members write is kept and answered by rules once, quoting who asked; nobody becomes a contact."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from bench.seeding import SeededDevice, World
from tests.fixtures.talks import Talks, talking
from tests.integration.test_inbound import envelope, signed
from wa_app.channels import registry
from wa_app.db import unit_of_work
from wa_app.errors import Conflict
from wa_app.inbound.process import process_tenant
from wa_app.schemas.conversations import AnswerSettingsChange, ChatFilters, ChatMessage, ChatSend, ChatView
from wa_app.schemas.principal import Principal
from wa_app.services import conversations, groups
from wa_app.services.agents import helping
from wa_app.services.conversations import customers, settings

SITI, BUDI = "628111000111", "628111000222"


@pytest.fixture
async def talks(world: World) -> AsyncIterator[Talks]:
    async with talking(world) as made:
        await made.settings(rule_delay_min_s=0, rule_delay_max_s=0, groups=True)
        made.brain.rules = {"harga": "Mulai 10rb, {{name|Kak}}"}
        yield made


async def join(talks: Talks, subject: str = "Arisan RT 5") -> str:
    """The owner is put into a group of Siti and Budi."""
    async with httpx.AsyncClient(base_url=talks.world.sandbox_url) as http:
        answer = await http.post(f"/sandbox/sessions/{talks.device.session}/group", json={"subject": subject, "members": [SITI, BUDI]})
    made: str = answer.json()["id"]
    return made


async def events(talks: Talks) -> list[Any]:
    return await talks.world.fetch(
        "SELECT state, error FROM inbound_events WHERE tenant_id = $1 AND event LIKE 'message%' ORDER BY id", talks.world.tenant_id
    )


async def count(talks: Talks, table: str) -> int:
    rows = await talks.world.fetch(f"SELECT count(*) AS n FROM {table} WHERE tenant_id = $1", talks.world.tenant_id)
    n: int = rows[0]["n"]
    return n


async def handled(talks: Talks, n: int) -> list[Any]:
    """Wait until so many webhooks about messages are dealt with."""

    async def done() -> list[Any] | None:
        rows = await events(talks)
        return rows if len(rows) >= n and all(row["state"] != "pending" for row in rows) else None

    found: list[Any] = await talks.until(done)
    return found


async def taken(talks: Talks, group: str) -> list[dict[str, Any]]:
    """The group's messages as WhatsApp has them."""
    async with httpx.AsyncClient(base_url=talks.world.sandbox_url) as http:
        answer = await http.get("/sandbox/chat", params={"session": talks.device.session, "chat": group})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def view(talks: Talks) -> tuple[ChatView, list[ChatMessage]]:
    chat = (await talks.conversation())["id"]
    async with unit_of_work(Principal.system(talks.world.tenant_id)) as uow:
        return await conversations.get(uow, chat), (await conversations.messages(uow, chat)).items


async def test_a_rule_answers_into_the_group_once_and_quotes_who_asked(talks: Talks) -> None:
    await talks.world.configure(acks="instant")
    group = await join(talks)
    await talks.says("Harga sewa?", phone=SITI, group=group, name="Siti Aminah")
    await talks.sent_is("Mulai 10rb, Siti Aminah")
    await talks.states("answered")
    question, answer = await taken(talks, group)
    # Named by its whole id: chat, message, and the member as WhatsApp calls them in groups.
    assert answer["from_me"]
    assert answer["reply_to"].startswith(f"false_{group}_{question['id']}_")
    assert answer["reply_to"].endswith("@lid")
    shown, lines = await view(talks)
    assert (shown.is_group, shown.contact.phone, shown.contact.id) == (True, None, shown.id)
    assert [(one.sender, one.text, one.member and one.member.name) for one in lines] == [
        ("rule", "Mulai 10rb, Siti Aminah", None), ("contact", "Harga sewa?", "Siti Aminah"),
    ]  # fmt: skip
    assert lines[0].quoted == "Harga sewa?"
    assert (await count(talks, "contacts"), await count(talks, "consents"), await count(talks, "conversation_cases")) == (0, 0, 0)

    async def delivered() -> bool:
        # A member has read it, which does not mean that the group has.
        return (await view(talks))[1][0].status == "delivered"

    await talks.until(delivered)
    assert await talks.sent() == ["Mulai 10rb, Siti Aminah"]


async def test_without_the_switch_nothing_of_groups_is_kept(talks: Talks) -> None:
    await talks.settings(rule_delay_min_s=0, rule_delay_max_s=0)
    group = await join(talks)
    await talks.says("Harga sewa?", phone=SITI, group=group)
    rows = await handled(talks, 1)
    assert {(row["state"], row["error"]) for row in rows} == {("ignored", "chat_is_group")}
    assert [await count(talks, table) for table in ("conversations", "messages", "answer_turns", "contacts")] == [0, 0, 0, 0]


async def test_stop_in_a_group_changes_nothing_and_no_agent_speaks(talks: Talks) -> None:
    talks.brain.agent()
    group = await join(talks)
    await talks.says("STOP", phone=SITI, group=group)
    await talks.stored(1)
    await talks.states("silent")
    assert [await count(talks, table) for table in ("suppressions", "consents", "contacts")] == [0, 0, 0]
    await talks.says("Apa kabar semua?", phone=BUDI, group=group)
    await talks.states("silent", "silent")
    assert talks.brain.tasks == []
    await talks.says("harga?", phone=SITI, group=group)
    await talks.sent_is("Mulai 10rb, Kak")


async def test_a_group_gets_no_more_answers_than_its_limit(talks: Talks) -> None:
    await talks.settings(rule_delay_min_s=0, rule_delay_max_s=0, groups=True, group_answers_per_h=1)
    group = await join(talks)
    await talks.says("harga satu?", phone=SITI, group=group)
    await talks.states("answered")
    await talks.says("harga dua?", phone=BUDI, group=group)
    turn = (await talks.states("answered", "silent"))[1]
    assert turn["reason"] == "group_limit"
    other = await join(talks, "Warga")
    await talks.says("harga tiga?", phone=BUDI, group=other)
    await talks.states("answered", "silent", "answered")
    assert talks.brain.hits[0][1] != talks.brain.hits[1][1]


async def test_a_person_answers_a_group_from_the_inbox_and_the_machine_is_quiet(talks: Talks) -> None:
    group = await join(talks)
    await talks.says("Ada yang tahu?", phone=BUDI, group=group, name="Budi")
    await talks.states("silent")
    shown, lines = await view(talks)
    principal = Principal.system(talks.world.tenant_id)
    async with unit_of_work(principal) as uow:
        assert await conversations.writable(uow, shown.id) is None
        await conversations.send(uow, shown.id, ChatSend(text="Saya tahu", reply_to=lines[0].id))
    await talks.sent_is("Saya tahu")
    question, answer = await taken(talks, group)
    assert answer["reply_to"].startswith(f"false_{group}_{question['id']}_")
    rows = await talks.world.fetch(
        "SELECT identity_kind, identity_value, contact_id, state FROM outbound_messages WHERE tenant_id = $1", talks.world.tenant_id
    )
    assert [tuple(row) for row in rows] == [("group", group, None, "sent")]
    await talks.says("harga?", phone=BUDI, group=group)
    turn = (await talks.states("silent", "silent"))[1]
    assert turn["reason"] == "human"


async def test_an_own_number_in_the_group_is_no_customer(talks: Talks) -> None:
    group = await join(talks)

    async def linked() -> str | None:
        rows = await talks.world.fetch("SELECT phone FROM devices WHERE id = $1", talks.device.id)
        phone: str | None = rows[0]["phone"]
        return phone

    own = (await talks.until(linked)).lstrip("+")
    event = {
        "id": f"false_{group}_OWN1_{own}@c.us", "from": group, "participant": f"{own}@c.us", "fromMe": False,
        "body": "harga kami naik", "hasMedia": False, "timestamp": 1_795_000_000,
    }  # fmt: skip
    await deliver(talks, talks.device, event)
    rows = await handled(talks, 1)
    assert [(row["state"], row["error"]) for row in rows] == [("ignored", "own_number")]
    assert await count(talks, "messages") == 0


async def deliver(talks: Talks, device: SeededDevice, payload: dict[str, Any]) -> None:
    """A webhook as if it came from WAHA."""
    body = envelope(device, "message.any", payload, f"evt_{payload['id']}_{device.session}")
    async with httpx.AsyncClient(base_url=talks.world.webhook_base) as http:
        answer = await http.post(f"/webhooks/waha/{device.token}", content=body, headers=signed(device, body))
        assert answer.status_code == 200, answer.text


async def test_of_two_numbers_in_one_group_one_answers(world: World) -> None:
    async with talking(world, devices=2) as talks:
        await talks.settings(rule_delay_min_s=0, rule_delay_max_s=0, groups=True)
        talks.brain.rules = {"harga": "Mulai 10rb"}
        now = (await world.fetch("SELECT extract(epoch FROM now())::int AS at"))[0]["at"]
        event = {
            "id": f"false_120363@g.us_SAME1_{SITI}@c.us", "from": "120363@g.us", "participant": f"{SITI}@c.us", "fromMe": False,
            "body": "harga?", "hasMedia": False, "timestamp": now,
        }  # fmt: skip
        for device in world.devices:
            await deliver(talks, device, event)
            await process_tenant(world.tenant_id)
        await talks.states("answered")
        lines = await world.fetch("SELECT device_id FROM messages WHERE tenant_id = $1 AND direction = 'INBOUND'", world.tenant_id)
        assert {row["device_id"] for row in lines} == {device.id for device in world.devices}
        sent = [await talks.sent(device) for device in world.devices]
        assert sorted(sent) == [[], ["Mulai 10rb"]]


async def test_every_reader_knows_groups(talks: Talks) -> None:
    group = await join(talks)
    await talks.says("Kapan rapat berikutnya?", phone=SITI, group=group, name="Siti")
    await talks.states("silent")
    principal = Principal.system(talks.world.tenant_id)
    await groups.fetch(principal, talks.device.id, registry.channel)
    async with unit_of_work(principal) as uow:
        listed = (await conversations.list_(uow, filters=ChatFilters(q="arisan"))).items
        assert [(one.contact.name, one.is_group) for one in listed] == [("Arisan RT 5", True)]
        assert (await conversations.list_(uow, filters=ChatFilters(q="siti"))).items == []
        chat = listed[0].id
        hits = await conversations.search(uow, "rapat berikut")
        assert [(one.contact_name, one.phone) for one in hits] == [("Arisan RT 5", None)]
        shown = await customers.customer(uow, chat)
        assert (shown.is_group, shown.name, shown.phone) == (True, "Arisan RT 5", None)
        for verb in (conversations.block, conversations.unblock):
            with pytest.raises(Conflict, match="chat_is_group"):
                await verb(uow, chat)
        assert (await settings.change(uow, AnswerSettingsChange(group_answers_per_h=5))).groups
    assert "rapat" in await helping.summarise(talks.world.tenant_id, chat)
    assert orjson.loads(orjson.dumps(listed[0].model_dump(mode="json")))["is_group"] is True
