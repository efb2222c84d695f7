"""Only the last question of a tab is answered; the one before is stopped, in the database too."""

import asyncio

import pytest
from sqlalchemy import text

import pages  # noqa: F401  (pages and states know each other; pages come first)
from state.segments import builder
from tests.fixtures.tenants import make_tenant
from wa_app.db import unit_of_work
from wa_app.schemas.principal import Principal
from wa_app.schemas.segments import Rules, SegmentPreview

pytestmark = pytest.mark.usefixtures("settings")
RULES = Rules.model_validate({"rules": [{"field": "city", "op": "is_set"}]})
SLEEPING = text("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(30%'")


async def sleeping(principal: Principal) -> int:
    """Asked as the role that asks the questions: another's are hidden."""
    async with unit_of_work(principal) as uow:
        return int((await uow.session.execute(SLEEPING)).scalar_one())


async def until(principal: Principal, wanted: int) -> None:
    for _ in range(100):
        if await sleeping(principal) == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"still not {wanted} counts under way")


async def test_a_newer_question_stops_the_older(monkeypatch: pytest.MonkeyPatch) -> None:
    real, principal = builder._preview, await make_tenant()

    async def slow(asking: Principal, rules: Rules) -> SegmentPreview:
        async with unit_of_work(asking) as uow:
            await uow.session.execute(text("SELECT pg_sleep(30)"))
        return await real(asking, rules)

    monkeypatch.setattr(builder, "_preview", slow)
    first = asyncio.create_task(builder.ask("tab", principal, RULES))
    other = asyncio.create_task(builder.ask("another tab", principal, RULES))
    await until(principal, 2)
    monkeypatch.setattr(builder, "_preview", real)
    second = await builder.ask("tab", principal, RULES)
    assert second is not None
    assert second.count == 0
    assert await first is None
    await until(principal, 1)
    assert not other.done()
    builder._asking["another tab"].cancel()
    assert await other is None
    await until(principal, 0)
    assert not builder._asking
