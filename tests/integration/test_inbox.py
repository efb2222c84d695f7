"""The shared inbox: whose a conversation is, where it stands, notes, messages for later, and what strangers see of it."""

import inspect
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from state.inbox.rows import reactions_of
from tests.fixtures.api import Signed
from tests.fixtures.audience import add_device
from wa_app.channels.port import (
    ChangeKind,
    ChatKind,
    Identity,
    IdentityKind,
    MessageChanged,
    MessageKind,
    MessageReceived,
)
from wa_app.db import TenantUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Invalid, NotFound
from wa_app.inbound import changes
from wa_app.inbound import conversations as inbound
from wa_app.kit.ids import new_id
from wa_app.schemas.contacts import TagCreate
from wa_app.schemas.conversations import AnswerSettingsChange, ChatFilters, ChatSend
from wa_app.schemas.principal import Principal
from wa_app.services import conversations, tags, teams
from wa_app.services.conversations import settings, sweeps, takeover


@pytest.fixture
async def device(signed: Signed) -> UUID:
    async with system_unit_of_work() as uow:
        made: UUID = await add_device(uow, signed.tenant_id, "Satu")
    return made


async def hears(signed: Signed, device: UUID, words: str, phone: str = "+628111000999", ago_min: float = 0) -> UUID:
    """A customer writes. Returns the conversation."""
    person = (Identity(IdentityKind.PHONE, phone),)
    message = MessageReceived(
        kind="message.any", event_id="", session="", message_id=new_id().hex, chat_id=f"{phone[1:]}@c.us", peer=person, sender=person,
        chat_kind=ChatKind.PERSON, message_kind=MessageKind.TEXT, text=words, sender_name="Siti",
        at=datetime.now(UTC) - timedelta(minutes=ago_min),
    )  # fmt: skip
    async with unit_of_work(signed.principal) as uow:
        stored = await inbound.store(uow, device, message)
        assert stored is not None
    return stored.conversation_id


async def views(uow: TenantUnitOfWork, view: str, **more: object) -> list[UUID]:
    page = await conversations.list_(uow, filters=ChatFilters.model_validate({"view": view, **more}))
    return [one.id for one in page.items]


async def test_a_customers_message_waits_and_a_persons_answer_ends_the_waiting(signed: Signed, device: UUID) -> None:
    chat = await hears(signed, device, "Harga berapa?", ago_min=45)
    async with unit_of_work(signed.principal) as uow:
        view = await conversations.get(uow, chat)
        assert (view.late, view.last_text, view.last_from, view.device_name) == (True, "Harga berapa?", "contact", "Satu")
        await settings.change(uow, AnswerSettingsChange(first_response_target_min=60))
        assert not (await conversations.get(uow, chat)).late
        await conversations.send(uow, chat, ChatSend(text="Sepuluh ribu"))
        view = await conversations.get(uow, chat)
        assert (view.waiting_since, view.last_text, view.last_from) == (None, "Sepuluh ribu", "human")
        (case,) = (await conversations.customer(uow, chat)).cases
        assert case.answered_at is not None
        assert case.answered_at - case.opened_at >= timedelta(minutes=44)
        assert case.resolved_at is None
        await conversations.close(uow, chat)
        (case,) = (await conversations.customer(uow, chat)).cases
        assert case.resolved_at is not None
        assert await views(uow, "all") == []
        assert await views(uow, "closed") == [chat]
    await hears(signed, device, "Satu lagi")
    async with unit_of_work(signed.principal) as uow:
        assert await views(uow, "all") == [chat]
        assert [one.resolved_at is None for one in (await conversations.customer(uow, chat)).cases] == [True, False]


async def test_times_of_service_are_told_by_person_and_to_who_may_see_them(signed: Signed, device: UUID) -> None:
    chats = [await hears(signed, device, "Halo", f"+62811100080{n}", ago_min=minutes) for n, minutes in enumerate((10, 20, 100, 200))]
    async with unit_of_work(signed.principal) as uow:
        await settings.change(uow, AnswerSettingsChange(first_response_target_min=30, resolution_target_min=60))
        assert [(await conversations.get(uow, chat)).overdue for chat in chats] == [False, False, True, True]
        for chat in chats[:3]:
            await conversations.send(uow, chat, ChatSend(text="Ya"))
        await conversations.close(uow, chats[0])
        await conversations.close(uow, chats[2])
        sales, _ = await teams.create(uow, "Penjualan"), await teams.create(uow, "Gudang")
        for chat in (chats[0], chats[3]):
            await conversations.assign_team(uow, chat, sales.id)
        assert not (await conversations.get(uow, chats[2])).overdue
        found = await conversations.service_times(uow, days=7)
        first, whole = found.first_response, found.resolution
        assert (found.cases, found.unanswered, found.unanswered_late, found.unresolved, found.unresolved_late) == (4, 1, 1, 2, 1)
        assert (first.cases, first.within_target, whole.cases, whole.within_target) == (3, 2, 2, 1)
        assert [round(value or 0) // 60 for value in (first.median_s, first.p90_s, whole.median_s, whole.p90_s)] == [20, 84, 55, 91]
        assert [(one.name, one.first_response.cases, one.resolution.cases) for one in found.people] == [("Sari", 3, 2)]
        (team,) = found.teams
        assert (team.team_id, team.name, team.first_response.cases, team.resolution.cases) == (sales.id, "Penjualan", 1, 1)
        assert (team.first_response.within_target, round(team.resolution.median_s or 0) // 60) == (1, 10)
        old = {"long": datetime.now(UTC) - timedelta(days=9)}
        await uow.session.execute(text("UPDATE conversation_cases SET opened_at = :long"), old)
        assert (await conversations.service_times(uow, days=7)).first_response.median_s is None
    agent = Principal(signed.tenant_id, signed.user_id, frozenset({"messages.read"}))
    stranger = Principal(signed.tenant_id, new_id(), frozenset({"messages.read"}))
    for principal, shown in ((agent, ["Sari"]), (stranger, []), (Principal(signed.tenant_id, None, agent.verbs, "api_key"), [])):
        async with unit_of_work(principal) as uow:
            found = await conversations.service_times(uow, days=30)
            assert ([one.name for one in found.people], found.teams) == (shown, [])


async def test_what_is_snoozed_wakes_by_the_clock_or_the_customer(signed: Signed, device: UUID) -> None:
    chat = await hears(signed, device, "Nanti ya")
    async with unit_of_work(signed.principal) as uow:
        with pytest.raises(Invalid):
            await conversations.snooze(uow, chat, datetime.now(UTC) - timedelta(minutes=1))
        until = datetime.now(UTC) + timedelta(hours=1)
        assert (await conversations.snooze(uow, chat, until)).snoozed_until == until
        assert (await views(uow, "all"), await views(uow, "snoozed")) == ([], [chat])
        await uow.session.execute(text("UPDATE conversations SET snoozed_until = now() WHERE id = :id"), {"id": chat})
    async with system_unit_of_work() as every:
        await sweeps.wake_snoozed(every)
    async with unit_of_work(signed.principal) as uow:
        assert await views(uow, "all") == [chat]
        await conversations.snooze(uow, chat, until)
    await hears(signed, device, "Sekarang")
    async with unit_of_work(signed.principal) as uow:
        assert (await conversations.get(uow, chat)).status == "open"
        await conversations.archive(uow, chat)
    await hears(signed, device, "Halo?")
    async with unit_of_work(signed.principal) as uow:
        view = await conversations.get(uow, chat)
        assert (view.status, view.unread) == ("archived", 1)
        assert (await conversations.unarchive(uow, chat)).status == "open"


async def test_views_and_counts_say_the_same(signed: Signed, device: UUID) -> None:
    mine, other = await hears(signed, device, "satu"), await hears(signed, device, "dua", "+628111000998")
    async with unit_of_work(signed.principal) as uow:
        tag = await tags.create(uow, TagCreate(name="Komplain"))
        assert (await conversations.assign(uow, mine, signed.user_id)).assignee_name == "Sari"
        assert [one.name for one in (await conversations.set_tags(uow, mine, [tag.id])).tags] == ["Komplain"]
        assert (await conversations.set_priority(uow, mine, "urgent")).priority == "urgent"
        await takeover.hand_over(uow, other, "complaint", "Barang rusak")
        found = {view: await views(uow, view) for view in ("all", "mine", "unassigned", "bot", "needs_human")}
        assert found == {"all": [other, mine], "mine": [mine], "unassigned": [other], "bot": [mine], "needs_human": [other]}
        assert await views(uow, "all", tag_id=tag.id) == [mine]
        assert await views(uow, "all", device_id=device, unread=True, q="siti") == [other, mine]
        assert await views(uow, "all", device_id=new_id()) == []
        assert await views(uow, "all", assigned_to=signed.user_id) == [mine]
        assert await views(uow, "unread") == [other, mine]
        only = await conversations.list_(uow, filters=ChatFilters(view="unassigned"), only=[mine, other, new_id()])
        assert [one.id for one in only.items] == [other]
        assert [(one.id, one.name) for one in await conversations.colleagues(uow)] == [(signed.user_id, "Sari")]
        counted = await conversations.counts(uow)
        assert {name: getattr(counted, name) for name in found} == {name: len(ids) for name, ids in found.items()}
        # Theirs and unread, and what needs somebody; what is another one's waits for that one.
        assert (counted.waiting, await conversations.waiting(uow)) == (2, 2)
        await conversations.mark_read(uow, mine)
        assert await conversations.waiting(uow) == 1
        await conversations.set_tags(uow, mine, [])
        await conversations.assign(uow, mine, None)
        assert await views(uow, "mine") == []


async def test_who_is_there_gets_what_needs_a_person(signed: Signed, device: UUID) -> None:
    chats = [await hears(signed, device, "Tolong", f"+62811100090{n}") for n in range(2)]
    async with unit_of_work(signed.principal) as uow:
        await settings.change(uow, AnswerSettingsChange(auto_assign=True))
        await takeover.hand_over(uow, chats[0], "unsure", "")
        assert (await conversations.get(uow, chats[0])).assigned_to is None
        await uow.session.execute(text("UPDATE user_sessions SET last_seen_at = now() WHERE user_id = :u"), {"u": signed.user_id})
        await takeover.hand_over(uow, chats[1], "unsure", "")
        assert (await conversations.get(uow, chats[1])).assigned_to == signed.user_id


async def test_notes_are_for_people_and_tell_who_is_named(signed: Signed, device: UUID) -> None:
    chat = await hears(signed, device, "Halo")
    async with unit_of_work(signed.principal) as uow:
        note = await conversations.add_note(uow, chat, "Pelanggan lama", [signed.user_id])
        assert (note.author_name, note.mentions) == ("Sari", [signed.user_id])
        assert [one.type for one in (await conversations.messages(uow, chat)).items] == ["note", "text"]
        assert (await conversations.mentioned(uow), (await conversations.counts(uow)).mentions) == ([chat], 1)
        assert await views(uow, "mentions") == [chat]
        await conversations.mark_read(uow, chat)
        assert await conversations.mentioned(uow) == []
        assert await views(uow, "mentions") == []
        assert (await conversations.get(uow, chat)).last_text == "Halo"
        with pytest.raises(NotFound):
            await conversations.add_note(uow, chat, "x", [new_id()])
    program = Principal(signed.tenant_id, None, signed.principal.verbs, "api_key")
    async with unit_of_work(program) as uow:
        assert [one.type for one in (await conversations.messages(uow, chat)).items] == ["text"]


async def test_a_message_for_later_is_one_row_and_can_be_taken_back(signed: Signed, device: UUID) -> None:
    chat = await hears(signed, device, "Besok kabari ya")
    at = datetime.now(UTC) + timedelta(hours=20)
    async with unit_of_work(signed.principal) as uow:
        await conversations.save_draft(uow, chat, "Selamat pa")
        assert (await conversations.get_draft(uow, chat)).text == "Selamat pa"
        one = await conversations.schedule_send(uow, chat, ChatSend(text="Selamat pagi"), at)
        assert (one.text, one.due_at, one.author_name) == ("Selamat pagi", at, "Sari")
        view = await conversations.get(uow, chat)
        assert (view.scheduled_at, view.last_text, view.is_bot_active) == (at, "Besok kabari ya", True)
        assert len((await conversations.messages(uow, chat)).items) == 1
        row = (await uow.session.execute(text("SELECT state, kind, due_at, expires_at FROM outbound_messages"))).one()
        assert (row.state, row.kind, row.due_at) == ("planned", "manual", at)
        assert row.expires_at > at
        await conversations.cancel_scheduled(uow, chat, one.id)
        assert await conversations.scheduled(uow, chat) == []
        assert (await conversations.get(uow, chat)).scheduled_at is None
        with pytest.raises(NotFound):
            await conversations.cancel_scheduled(uow, chat, one.id)
        again = await conversations.schedule_send(uow, chat, ChatSend(text="Selamat siang"), at)
        passed = {"id": again.id}
        await uow.session.execute(text("UPDATE messages SET timestamp = now() WHERE outbound_id = :id"), passed)
        await uow.session.execute(text("UPDATE conversations SET scheduled_at = now()"))
    async with system_unit_of_work() as every:
        await sweeps.wake_snoozed(every)
    async with unit_of_work(signed.principal) as uow:
        view = await conversations.get(uow, chat)
        assert (view.scheduled_at, view.last_text) == (None, "Selamat siang")


async def test_only_what_surely_failed_is_sent_again_and_once(signed: Signed, device: UUID) -> None:
    chat = await hears(signed, device, "Halo")
    async with unit_of_work(signed.principal) as uow:
        line = await conversations.send(uow, chat, ChatSend(text="Baik"))
        for state in ("planned", "unknown", "sent"):
            await uow.session.execute(text("UPDATE outbound_messages SET state = :s"), {"s": state})
            with pytest.raises(Conflict):
                await conversations.resend(uow, chat, line.id)
        await uow.session.execute(text("UPDATE outbound_messages SET state = 'failed'"))
        first, second = await conversations.resend(uow, chat, line.id), await conversations.resend(uow, chat, line.id)
        assert first.id == second.id != line.id
        assert (first.text, first.status, first.author_name) == ("Baik", "planned", "Sari")


async def test_words_find_messages_newest_first(signed: Signed, device: UUID) -> None:
    chat = await hears(signed, device, "Sepatu kulit cokelat")
    await hears(signed, device, "sepatu kanvas")
    async with unit_of_work(signed.principal) as uow:
        assert [one.text for one in await conversations.search(uow, "SEPATU")] == ["sepatu kanvas", "Sepatu kulit cokelat"]
        (hit,) = await conversations.search(uow, "sepatu coke")
        assert (hit.conversation_id, hit.contact_name) == (chat, "Siti")
        assert await conversations.search(uow, "' & !|") == []
        # What is not among the latest is found by the index.
        conn = await uow.driver()
        rows = await conn.fetch("SELECT * FROM search_messages('sepatu', 200, 1)")
        assert len({row["id"] for row in rows}) == 2


async def test_a_talk_begins_with_a_number_and_ends_with_a_block(signed: Signed, device: UUID) -> None:
    async with unit_of_work(signed.principal) as uow:
        view = await conversations.start(uow, phone="0811 1000 777", device_id=device)
        assert view.contact.phone == "+628111000777"
        assert (await conversations.start(uow, contact_id=view.contact.id, device_id=device)).id == view.id
        assert await conversations.writable(uow, view.id) is None
        await conversations.block(uow, view.id, "kasar")
        assert await conversations.writable(uow, view.id) == "recipient_suppressed"
        assert (await conversations.customer(uow, view.id)).suppressed == "all"
        with pytest.raises(Conflict):
            await conversations.send(uow, view.id, ChatSend(text="x"))
        await conversations.unblock(uow, view.id)
        await uow.session.execute(text("UPDATE devices SET status = 'FAILED'"))
        assert await conversations.writable(uow, view.id) == "device_down"
        await uow.session.execute(text("UPDATE devices SET channel = 'cloud'"))
        assert await conversations.writable(uow, view.id) == "window_closed"


async def test_another_tenants_conversation_is_nowhere(signed: Signed, device: UUID, other: Signed) -> None:
    chat = await hears(signed, device, "Rahasia dagang")
    later, me = datetime.now(UTC) + timedelta(hours=1), signed.user_id
    send = ChatSend(text="x")
    calls: dict[str, tuple[Any, ...]] = {
        "get": (), "messages": (), "assign": (None,), "assign_team": (None,), "assign_free": (), "close": (), "reopen": (), "snooze": (later,), "archive": (),
        "unarchive": (), "set_priority": ("low",), "set_tags": ([],), "add_note": ("x",), "notes": (), "save_draft": ("x",), "forget_draft": ("any",),
        "get_draft": (), "send": (send,), "schedule_send": (send, later), "scheduled": (), "cancel_scheduled": (new_id(),),
        "resend": (new_id(),), "customer": (), "writable": (), "standing": (), "block": (), "unblock": (), "mark_read": (), "merge": (new_id(),),
        "merge_person": (new_id(),),
        "unmerge": (), "around": (new_id(),), "day": (later,), "newer": (f"{later.isoformat()}~{new_id()}",), "tell": (True,), "cancel_answer": (),
        "send_answer_now": (), "saw_mentions": (),
    }  # fmt: skip
    named = {name for name in conversations.__all__ if "conversation_id" in inspect.signature(getattr(conversations, name)).parameters}
    assert named - set(calls) <= {"auto_assign", "toggle_bot"}
    for name, values in calls.items():
        async with unit_of_work(other.principal) as uow:
            with pytest.raises(NotFound):
                await getattr(conversations, name)(uow, chat, *values)
    async with unit_of_work(other.principal) as uow:
        assert await conversations.search(uow, "rahasia") == []
        assert (await conversations.list_(uow, filters=ChatFilters(q="siti"))).items == []
        assert (await conversations.counts(uow)).all == 0
        with pytest.raises(NotFound):
            await conversations.start(uow, phone="+628111000111", device_id=device)
    async with unit_of_work(signed.principal) as uow:
        with pytest.raises(NotFound):
            await conversations.assign(uow, chat, other.user_id)
        assert (await conversations.assign(uow, chat, me)).assigned_to == me


_CAMPAIGN = "INSERT INTO campaigns (id, tenant_id, name, status) VALUES (:c, :t, 'Promo', 'COMPLETED')"
_BROADCAST = """
INSERT INTO outbound_messages (id, tenant_id, kind, state, dedupe_key, campaign_id, contact_id, device_id, body, provider_message_id, sent_at)
VALUES (:id, :t, 'campaign', 'delivered', 'promo', :c, :contact, :d, 'Promo gajian', 'PROMO1', now())
"""


async def test_a_reaction_to_a_broadcast_stands_at_its_line(signed: Signed, device: UUID, other: Signed) -> None:
    chat, row = await hears(signed, device, "Halo"), new_id()
    async with unit_of_work(signed.principal) as uow:
        contact = (await conversations.get(uow, chat)).contact.id
        ids = {"id": row, "t": signed.tenant_id, "c": new_id(), "contact": contact, "d": device}
        await uow.session.execute(text(_CAMPAIGN), {key: ids[key] for key in ("c", "t")})
        await uow.session.execute(text(_BROADCAST), ids)

    def reacted(emoji: str, who: str = "628111000999@c.us", change: ChangeKind = ChangeKind.REACTION) -> MessageChanged:
        return MessageChanged(
            kind="message.reaction", event_id="", session="", change=change, message_id="PROMO1", chat_id=who, chat_kind=ChatKind.PERSON,
            from_me=False, by=who, text=emoji,
        )  # fmt: skip

    async def shown() -> list[str]:
        async with unit_of_work(signed.principal) as uow:
            line = next(one for one in (await conversations.messages(uow, chat)).items if one.campaign_id)
        return reactions_of(line.extra)

    async with unit_of_work(other.principal) as uow:
        assert not await changes.apply(uow, device, reacted("👀"), "")
    theirs, ours = "628111000999@c.us", "me"
    for emoji, who, expected in (("🙏", theirs, ["🙏"]), ("👍", ours, ["👍", "🙏"]), ("❤️", theirs, ["❤️", "👍"]), ("", ours, ["❤️"]), ("", theirs, [])):
        async with unit_of_work(signed.principal) as uow:
            assert await changes.apply(uow, device, reacted(emoji, who), "")
        assert sorted(await shown()) == expected
    async with unit_of_work(signed.principal) as uow:
        assert not await changes.apply(uow, device, reacted("Palsu", change=ChangeKind.EDIT), "")
        assert not await changes.apply(uow, new_id(), reacted("🙏"), "")
    assert await shown() == []
