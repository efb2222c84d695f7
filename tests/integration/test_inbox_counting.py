"""Tabs of one tenant share what is everybody's; nobody is told another's own, or what was before the news."""

import time

import pytest

from state.inbox.counting import counts_for
from tests.fixtures.api import make_signed_tenant
from wa_app.db import unit_of_work
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
