"""The open conversation's services and handlers: a place in a long talk, deeds, notes once, another tenant's nowhere."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

import pages  # noqa: F401  (first, as the application itself imports them)
from state import base
from state.inbox.chat import ChatState
from tests.fixtures.api import Signed
from tests.fixtures.audience import add_device
from tests.integration.test_inbox import hears
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import NotFound
from wa_app.kit.ids import new_id
from wa_app.services import chat_jobs, conversations

MANY = 120
_FILL = """
INSERT INTO messages (id, tenant_id, conversation_id, device_id, contact_id, direction, sender, type, text, provider_message_id, timestamp)
SELECT gen_random_uuid(), v.tenant_id, v.id, v.device_id, v.contact_id, 'INBOUND', 'contact', 'text', 'Baris ' || n, 'fill-' || n,
  now() - interval '1 day' + make_interval(secs => n / 3)
FROM conversations v, generate_series(1, :n) n WHERE v.id = :v
"""


@pytest.fixture
async def device(signed: Signed) -> UUID:
    async with system_unit_of_work() as uow:
        made: UUID = await add_device(uow, signed.tenant_id, "Satu")
    return made


@pytest.fixture
async def chat(signed: Signed, device: UUID) -> UUID:
    """A conversation of many lines, three of them in each second."""
    found = await hears(signed, device, "Baris 0")
    async with system_unit_of_work() as uow:
        await uow.session.execute(text(_FILL), {"n": MANY, "v": found})
        await uow.session.execute(text("UPDATE messages SET timestamp = now() - interval '2 days' WHERE text = 'Baris 0' AND conversation_id = :v"), {"v": found})
    return found


@pytest.fixture
def state(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> Any:
    async def somebody(_: str) -> Any:
        return SimpleNamespace(principal=signed.principal)

    monkeypatch.setattr(base, "signed_in", somebody)
    return ChatState()


async def call(state: Any, name: str, *args: Any) -> Any:
    """A handler as the event loop of Reflex calls it."""
    return await type(state).event_handlers[name].fn(state, *args)


async def test_every_line_is_met_once_from_any_place(signed: Signed, chat: UUID) -> None:
    async with unit_of_work(signed.principal) as uow:
        whole = (await conversations.messages(uow, chat, limit=200)).items[::-1]
        for place in (0, 1, 60, MANY):
            window = await conversations.around(uow, chat, whole[place].id, limit=10)
            met, newer, older = [one.id for one in window.items], window.newer, window.older
            assert whole[place].id in met
            while newer:
                page = await conversations.newer(uow, chat, newer, limit=7)
                met, newer = [*met, *(one.id for one in page.items)], page.newer
            while older:
                before = await conversations.messages(uow, chat, cursor=older, limit=7)
                met, older = [*(one.id for one in reversed(before.items)), *met], before.next_cursor
            assert met == [one.id for one in whole]
        day = await conversations.day(uow, chat, datetime.now(UTC) - timedelta(days=1, hours=1), limit=5)
        assert [one.text for one in day.items] == ["Baris 0", *(one.text for one in whole[1:6])]
        with pytest.raises(NotFound):
            await conversations.around(uow, chat, new_id())


async def test_the_page_follows_a_talk_from_where_it_was_opened(state: Any, chat: UUID, signed: Signed) -> None:
    async with unit_of_work(signed.principal) as uow:
        whole = (await conversations.messages(uow, chat, limit=200)).items[::-1]
    await call(state, "open_at", str(chat), str(whole[3].id))
    assert state.spot["id"] == str(whole[3].id)
    assert not state.ended
    while not state.ended:
        await call(state, "load_newer")
    assert [line["id"] for line in state.lines] == [str(one.id) for one in whole]
    await call(state, "open_at", str(chat), str(whole[3].id))
    await call(state, "note", str(chat), "Dari tengah", [], "key-2")
    assert state.ended
    assert state.lines[-1]["text"] == "Dari tengah"
    await call(state, "open_at", str(new_id()), str(whole[3].id))
    assert state.missing


async def test_deeds_show_at_once_and_words_are_kept_once(state: Any, chat: UUID, signed: Signed) -> None:
    await call(state, "open", str(chat))
    await call(state, "deed", str(chat), "assign", str(signed.principal.user_id))
    await call(state, "deed", str(chat), "priority", "urgent")
    await call(state, "deed", str(chat), "new_tag", "  Reseller  ")
    assert state.head["assigned"] == str(signed.principal.user_id)
    assert (state.head["priority"], [one["name"] for one in state.head["tags"]]) == ("urgent", ["Reseller"])
    for _ in range(2):
        await call(state, "note", str(chat), "Sekali saja", [], "key-1")
    assert [line["text"] for line in state.lines if line["side"] == "note"] == ["Sekali saja"]
    await call(state, "deed", str(chat), "snooze", "2020-01-01T10:00")
    assert state.head["status"] == "open"
    await call(state, "deed", str(chat), "block", "")
    assert state.shut == "recipient_suppressed"
    await call(state, "deed", str(new_id()), "close", "")
    assert state.head["status"] == "open"


async def test_what_others_type_is_heard_and_ones_own_is_not(state: Any, chat: UUID, signed: Signed) -> None:
    await call(state, "open", str(chat))
    state.me = str(signed.principal.user_id)
    heard = {"kind": "typing", "conversation_id": str(chat), "user_id": str(new_id()), "name": "Ani", "typing": True}
    state._hear([heard, heard | {"conversation_id": str(new_id()), "name": "Budi"}])
    assert (state.typist["name"], state.typist["n"]) == ("Ani", 1)
    state._hear([heard | {"user_id": state.me, "name": "Saya"}])
    assert state.typist["n"] == 1
    state._hear([heard | {"typing": False}])
    assert state.typist["name"] == ""


async def test_what_comes_while_the_page_is_out_of_sight_stays_unread(signed: Signed, device: UUID, state: Any) -> None:
    found = await hears(signed, device, "Halo")

    async def unread() -> int:
        async with unit_of_work(signed.principal) as uow:
            return (await conversations.get(uow, found)).unread

    # A tab that opened in the background has told nothing yet.
    await call(state, "open", str(found))
    assert (await unread(), state.fresh) == (1, state.lines[0]["id"])
    await call(state, "look", True)
    assert await unread() == 0
    await call(state, "look", False)
    for words in ("Masih ada?", "Kak?"):
        await hears(signed, device, words)
        async with unit_of_work(signed.principal) as uow:
            await state._refresh(uow)
    assert (await unread(), [line["text"] for line in state.lines]) == (2, ["Halo", "Masih ada?", "Kak?"])
    for told in ("true", 1, None):
        await call(state, "look", told)
        assert await unread() == 2
    await call(state, "look", True)
    assert (await unread(), state.fresh) == (0, state.lines[1]["id"])
    # With nothing new the mark stays where it was.
    await call(state, "look", True)
    assert state.fresh == state.lines[1]["id"]


async def test_a_conversation_deleted_under_the_eyes_of_somebody_is_told(state: Any, chat: UUID, signed: Signed) -> None:
    await call(state, "open", str(chat))
    await chat_jobs.delete(signed.principal, chat)
    await state._follow([{"kind": "conversation", "id": str(chat)}])
    assert (state.missing, state.chat_id, state.lines) == (True, "", [])
