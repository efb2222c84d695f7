"""Two conversations of one person become one and apart again: everything goes along, and each gets its own back."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from tests.fixtures.api import Signed
from tests.fixtures.audience import add_device
from wa_app.channels.port import ChatKind, Identity, IdentityKind, MessageKind, MessageReceived
from wa_app.db import TenantUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, NotFound
from wa_app.inbound import conversations as inbound
from wa_app.kit.ids import new_id
from wa_app.schemas.agents import Insights
from wa_app.schemas.contacts import TagCreate
from wa_app.schemas.conversations import ChatFilters, ChatSend
from wa_app.services import conversations, tags
from wa_app.services.agents import insights
from wa_app.services.conversations import turns

PHONE = Identity(IdentityKind.PHONE, "+628111000999")
LID = Identity(IdentityKind.LID, "99887766")


@pytest.fixture
async def device(signed: Signed) -> UUID:
    async with system_unit_of_work() as uow:
        made: UUID = await add_device(uow, signed.tenant_id, "Satu")
    return made


async def says(signed: Signed, device: UUID, words: str, *who: Identity, ago_min: float = 1, answered: bool = False) -> UUID:
    """Somebody writes under these identities; with `answered` a turn is opened for it. Returns the conversation."""
    message = MessageReceived(
        kind="message.any", event_id="", session="", message_id=new_id().hex, chat_id=f"{who[0].value}@x", peer=who, sender=who,
        chat_kind=ChatKind.PERSON, message_kind=MessageKind.TEXT, text=words, sender_name="Siti",
        at=datetime.now(UTC) - timedelta(minutes=ago_min),
    )  # fmt: skip
    async with unit_of_work(signed.principal) as uow:
        stored = await inbound.store(uow, device, message)
        assert stored is not None
        if answered:
            await turns.join(
                uow, conversation_id=stored.conversation_id, device_id=device, contact_id=stored.contact_id, message_id=stored.id, at=stored.at
            )
    return stored.conversation_id


async def words(uow: TenantUnitOfWork, chat: UUID) -> list[str]:
    return [one.text for one in (await conversations.messages(uow, chat)).items]


async def listed(uow: TenantUnitOfWork) -> list[UUID]:
    return [one.id for one in (await conversations.list_(uow, filters=ChatFilters())).items]


async def row(uow: TenantUnitOfWork, query: str, **values: Any) -> Any:
    return (await uow.session.execute(text(query), values)).one_or_none()


async def test_a_phone_and_a_lid_become_one_talk_and_two_again(signed: Signed, device: UUID) -> None:
    phone, lid = await says(signed, device, "Lewat nomor", PHONE, ago_min=9), await says(signed, device, "Lewat LID", LID, ago_min=5)
    async with unit_of_work(signed.principal) as uow:
        tag = await tags.create(uow, TagCreate(name="Komplain"))
        await conversations.set_tags(uow, lid, [tag.id])
        await conversations.add_note(uow, lid, "Rewel", [signed.user_id])
        await conversations.save_draft(uow, lid, "Baik, ka")
        sent = await conversations.send(uow, lid, ChatSend(text="Halo LID"))
        await conversations.save_draft(uow, lid, "Baik, ka")
        later = await conversations.schedule_send(uow, lid, ChatSend(text="Besok"), datetime.now(UTC) + timedelta(hours=9))
        await conversations.assign(uow, lid, signed.user_id)
        people = [(await conversations.get(uow, chat)).contact.id for chat in (phone, lid)]
        for chat, intent in ((phone, "harga"), (lid, "ongkir")):
            line = next(one.id for one in (await conversations.messages(uow, chat)).items if one.direction == "INBOUND")
            await insights.record(uow, chat, line, Insights.model_validate({"intent": intent}))
    async with unit_of_work(signed.principal) as uow:
        view = await conversations.merge(uow, lid, phone)
        assert (view.id, view.contact.id, view.unread, view.assigned_to) == (phone, people[0], 1, signed.user_id)
        assert await listed(uow) == [phone]
        assert set(await words(uow, phone)) == {"Halo LID", "Rewel", "Lewat LID", "Lewat nomor"}
        assert [one.name for one in view.tags] == ["Komplain"]
        assert (await conversations.get_draft(uow, phone)).text == "Baik, ka"
        assert [one.id for one in await conversations.scheduled(uow, phone)] == [later.id]
        assert await conversations.mentioned(uow) == [phone]
        found = await conversations.customer(uow, phone)
        assert ([one.contact_id for one in found.merged], len(found.cases), found.chats) == ([people[1]], 1, [])
        assert (await conversations.service_times(uow)).cases == 1
        assert (await row(uow, "SELECT contact_id FROM outbound_messages WHERE id = :id", id=sent.outbound_id)).contact_id == people[0]
        assert [one.intent for one in (await conversations.customer(uow, phone)).insights] == ["ongkir", "harga"]
    # Both ways of writing lead into the one talk now.
    assert await says(signed, device, "Lagi", LID, ago_min=0) == phone
    async with unit_of_work(signed.principal) as uow:
        await conversations.unmerge(uow, phone)
        assert set(await words(uow, phone)) == {"Lewat nomor", "Lagi"}
        assert set(await words(uow, lid)) == {"Lewat LID", "Halo LID", "Rewel"}
        assert set(await listed(uow)) == {phone, lid}
        back, kept = await conversations.get(uow, lid), await conversations.get(uow, phone)
        assert (back.contact.id, back.assigned_to, [one.name for one in back.tags], kept.tags) == (people[1], signed.user_id, ["Komplain"], [])
        assert ((await conversations.get_draft(uow, lid)).text, (await conversations.get_draft(uow, phone)).text) == ("Baik, ka", "")
        assert ([one.id for one in await conversations.scheduled(uow, lid)], kept.scheduled_at) == ([later.id], None)
        assert [len((await conversations.customer(uow, chat)).cases) for chat in (phone, lid)] == [1, 1]
        assert (await row(uow, "SELECT contact_id FROM outbound_messages WHERE id = :id", id=sent.outbound_id)).contact_id == people[1]
        found_at = [[one.intent for one in (await conversations.customer(uow, chat)).insights] for chat in (phone, lid)]
        assert found_at == [["harga"], ["ongkir"]]
        with pytest.raises(Conflict, match="not_merged"):
            await conversations.unmerge(uow, phone)
        verbs = (await uow.session.execute(text("SELECT verb FROM audit_log WHERE verb LIKE '%merge'"))).scalars().all()
        assert sorted(verbs) == ["contact.merge", "contact.unmerge", "conversation.merge", "conversation.unmerge"]
    assert await says(signed, device, "Dari LID", LID, ago_min=0) == lid


async def test_on_another_device_the_talk_itself_goes_over(signed: Signed, device: UUID) -> None:
    async with system_unit_of_work() as every:
        second: UUID = await add_device(every, signed.tenant_id, "Dua")
    phone, lid = await says(signed, device, "Satu", PHONE), await says(signed, second, "Dua", LID)
    async with unit_of_work(signed.principal) as uow:
        before = (await conversations.get(uow, lid)).contact.id
        assert (await conversations.merge(uow, phone, lid)).id == phone
        assert [one.id for one in (await conversations.customer(uow, phone)).chats] == [lid]
        assert (await conversations.get(uow, lid)).contact.phone == "+628111000999"
        await conversations.unmerge(uow, lid)
        assert (await conversations.get(uow, lid)).contact.id == before
        assert (await row(uow, "SELECT contact_id FROM messages WHERE conversation_id = :id", id=lid)).contact_id == before


async def test_two_numbers_of_one_person_each_come_back(signed: Signed, device: UUID) -> None:
    second = Identity(IdentityKind.PHONE, "+628111000888")
    one, two = await says(signed, device, "Satu", PHONE), await says(signed, device, "Dua", second)
    async with unit_of_work(signed.principal) as uow:
        assert (await conversations.merge(uow, one, two)).contact.phone == "+628111000999"
        await conversations.unmerge(uow, one)
        assert [(await conversations.get(uow, chat)).contact.phone for chat in (one, two)] == ["+628111000999", "+628111000888"]


async def test_nothing_is_merged_while_an_answer_leaves(signed: Signed, device: UUID) -> None:
    phone, lid = await says(signed, device, "Satu", PHONE, answered=True), await says(signed, device, "Dua", LID, answered=True)
    async with unit_of_work(signed.principal) as uow:
        for state in ("deciding", "answering"):
            await uow.session.execute(text("UPDATE answer_turns SET state = :s WHERE conversation_id = :id"), {"s": state, "id": lid})
            with pytest.raises(Conflict, match="answer_leaves"):
                await conversations.merge(uow, phone, lid)
        await uow.session.execute(text("UPDATE answer_turns SET state = 'waiting'"))
        await conversations.merge(uow, phone, lid)
        turn = await row(uow, "SELECT conversation_id, messages FROM answer_turns WHERE state = 'waiting'")
        assert (turn.conversation_id, turn.messages) == (phone, 2)
        with pytest.raises(Conflict, match="answer_leaves"):
            await conversations.unmerge(uow, phone)
        await uow.session.execute(text("UPDATE answer_turns SET state = 'answered' WHERE state = 'waiting'"))
        await conversations.unmerge(uow, phone)
        for wrong in ((phone, phone), (phone, new_id()), (new_id(), phone)):
            with pytest.raises((Conflict, NotFound)):
                await conversations.merge(uow, *wrong)


async def test_what_whatsapp_joins_by_itself_takes_notes_along_and_leaves_no_shell(signed: Signed, device: UUID) -> None:
    phone, lid = await says(signed, device, "Satu", PHONE), await says(signed, device, "Dua", LID)
    async with unit_of_work(signed.principal) as uow:
        await conversations.add_note(uow, lid, "Rewel")
    assert await says(signed, device, "Tiga", PHONE, LID, ago_min=0) == phone
    async with unit_of_work(signed.principal) as uow:
        assert await listed(uow) == [phone]
        assert set(await words(uow, phone)) == {"Satu", "Dua", "Rewel", "Tiga"}
        assert await row(uow, "SELECT id FROM contact_merges") is None
        with pytest.raises(Conflict, match="not_merged"):
            await conversations.unmerge(uow, phone)


async def test_merging_over_the_wire(client: httpx.AsyncClient, signed: Signed, device: UUID, other: Signed) -> None:
    phone, lid = await says(signed, device, "Satu", PHONE), await says(signed, device, "Dua", LID)
    merged = await client.post(f"/api/v1/chats/{lid}/merge", json={"with": str(phone)})
    assert (merged.status_code, merged.json()["id"]) == (200, str(phone))
    assert (await client.post(f"/api/v1/chats/{phone}/merge", json={"with": str(phone)})).json()["code"] == "same_person"
    assert (await client.post(f"/api/v1/chats/{phone}/merge", json={"with": str(new_id())})).status_code == 404
    assert (await client.post(f"/api/v1/chats/{phone}/unmerge")).status_code == 200
    async with unit_of_work(other.principal) as uow:
        for call in (conversations.merge(uow, phone, lid), conversations.unmerge(uow, phone)):
            with pytest.raises(NotFound):
                await call


async def test_a_person_without_a_number_goes_over_to_the_contact_that_has_one(signed: Signed, device: UUID) -> None:
    """The conversation that was open is another one afterwards, and one may begin from either side."""
    phone, lid = await says(signed, device, "Satu", PHONE), await says(signed, device, "Dua", LID)
    async with unit_of_work(signed.principal) as uow:
        person = (await conversations.get(uow, phone)).contact.id
        with pytest.raises(Conflict, match="same_person"):
            await conversations.merge_person(uow, phone, person)
        assert (await conversations.merge_person(uow, lid, person)).id == phone
        assert [one.text for one in (await conversations.messages(uow, phone)).items] == ["Dua", "Satu"]
        assert len((await conversations.customer(uow, phone)).merged) == 1
