"""Tabs of one tenant share what is everybody's; nobody is told another's own, or what was before the news."""

import time
from dataclasses import replace

import pytest

from state import waiting
from state.inbox.counting import counts_for, waiting_for
from tests.fixtures.api import make_signed_tenant
from wa_app import live
from wa_app.db import unit_of_work
from wa_app.errors import Forbidden
from wa_app.services import conversations

pytestmark = pytest.mark.usefixtures("settings")


async def test_everybodys_counts_are_asked_once_after_news(monkeypatch: pytest.MonkeyPatch) -> None:
    signed, other = await make_signed_tenant(), await make_signed_tenant()
    asked = []
    count = conversations.counts

    async def counted(uow, of_all=None):  # type: ignore[no-untyped-def]
        asked.append(of_all is None)
        return await count(uow, of_all)

    monkeypatch.setattr(conversations, "counts", counted)
    async with unit_of_work(signed.principal) as uow:
        heard = time.monotonic()
        first = await counts_for(uow, since=heard)
        assert await counts_for(uow, since=heard) == first
        await counts_for(uow, since=time.monotonic())
        await counts_for(uow)
    assert asked == [True, False, True, True]
    async with unit_of_work(other.principal) as uow:
        await counts_for(uow, since=heard)
    assert asked[-1], "another tenant's are its own"


async def test_what_waits_for_a_person_is_asked_once_for_their_tabs(monkeypatch: pytest.MonkeyPatch) -> None:
    signed = await make_signed_tenant()
    asked = []

    async def waits(uow):  # type: ignore[no-untyped-def]
        asked.append(uow.principal.user_id)
        return len(asked)

    monkeypatch.setattr(conversations, "waiting", waits)
    async with unit_of_work(signed.principal) as uow:
        heard = time.monotonic()
        assert [await waiting_for(uow, since=heard), await waiting_for(uow, since=heard)] == [1, 1]
        assert await waiting_for(uow, since=time.monotonic()) == 2, "older than the news"
    async with unit_of_work(replace(signed.principal, user_id=None)) as uow:
        assert await waiting_for(uow, since=heard) == 3, "another person's is their own"
    nobody = replace(signed.principal, verbs=frozenset())
    async with unit_of_work(nobody) as uow:
        with pytest.raises(Forbidden):
            await waiting_for(uow, since=heard)


async def test_news_are_counted_until_the_tab_shows_another_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "REST_S", 0)
    monkeypatch.setattr(waiting, "TICK_S", 0.01)
    is_open = {"satu"}
    monkeypatch.setattr(live, "tab_is_open", is_open.__contains__)
    inbox = live.Watch()
    goes_on = waiting.begin("satu")
    begun, met = time.monotonic(), []
    inbox.put({"kind": "typing"})
    inbox.put({"kind": "message"})
    async for heard in waiting.moments(inbox, goes_on):
        met.append(heard)
        if len(met) == 1:
            inbox.put({"kind": "resync"})
        else:
            waiting.begin("satu")
    assert len(met) == 2
    assert begun <= met[0] <= met[1]
    assert not waiting.begin("dua")(), "a tab that has gone"
