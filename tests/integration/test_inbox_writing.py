"""What is begun and what may leave: drafts on several screens, the hours in which the official API takes messages."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.api import Signed
from tests.integration.test_inbox import device, hears  # noqa: F401  (a fixture)
from wa_app.db import unit_of_work
from wa_app.errors import Conflict
from wa_app.schemas.conversations import ChatSend
from wa_app.services import conversations


async def test_a_draft_of_another_screen_is_not_replaced_unseen(signed: Signed, device: UUID) -> None:  # noqa: F811
    chat = await hears(signed, device, "Ada warna lain?")

    async def keeps(words: str, seen: conversations.Seen) -> datetime | None:
        async with unit_of_work(signed.principal) as uow:
            return await conversations.save_draft(uow, chat, words, seen=seen)

    async def there() -> str:
        async with unit_of_work(signed.principal) as uow:
            return (await conversations.get_draft(uow, chat)).text

    first = await keeps("Ada", None)
    assert await keeps("Ada", None) == first, "the same words are no change"
    second = await keeps("Ada, Kak", first)
    assert second is not None
    assert second != first
    for words, seen in (("Habis", None), ("Habis", first), ("", None), ("", first)):
        with pytest.raises(Conflict) as refused:
            await keeps(words, seen)
        assert refused.value.code == "draft_changed"
    assert await there() == "Ada, Kak"
    # What another screen sends takes only its own draft along.
    async with unit_of_work(signed.principal) as uow:
        await conversations.send(uow, chat, ChatSend(text="Habis"), draft=first)
    assert await there() == "Ada, Kak"
    async with unit_of_work(signed.principal) as uow:
        await conversations.send(uow, chat, ChatSend(text="Ada, Kak"), draft=second)
    assert await there() == ""
    # Nothing is there to be replaced; whoever names no version replaces anything.
    assert await keeps("Lagi", second)
    assert await keeps("Apa saja", "any")
    assert await there() == "Apa saja"
    assert await keeps("", "any") is None


async def test_the_official_api_takes_messages_for_a_day(signed: Signed, device: UUID) -> None:  # noqa: F811
    chat, send = await hears(signed, device, "Halo"), ChatSend(text="x")
    tomorrow = datetime.now(UTC) + timedelta(hours=25)
    async with unit_of_work(signed.principal) as uow:
        assert (await conversations.standing(uow, chat)).window_ends_at is None
        await uow.session.execute(text("UPDATE devices SET channel = 'cloud'"))
        await uow.session.execute(text("UPDATE conversations SET last_inbound_at = now() - interval '23 hours'"))
        found = await conversations.standing(uow, chat)
        assert found.window_ends_at is not None
        assert (found.shut, found.window_ends_at - found.now) == (None, timedelta(hours=1))
        await conversations.send(uow, chat, send)
        await conversations.schedule_send(uow, chat, send, found.now + timedelta(minutes=59))
        with pytest.raises(Conflict) as later:
            await conversations.schedule_send(uow, chat, send, tomorrow)
        await uow.session.execute(text("UPDATE conversations SET last_inbound_at = now() - interval '24 hours'"))
        assert (await conversations.standing(uow, chat)).window_ends_at is None
        with pytest.raises(Conflict) as now:
            await conversations.send(uow, chat, send)
    assert (later.value.code, now.value.code) == ("window_closes_before", "window_closed")
