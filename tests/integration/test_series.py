"""Campaigns that come again: each time once, whoever looks, whatever the clock does."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from tests.fixtures.audience import Town, make_town
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Invalid
from wa_app.models.broadcasts import SeriesStatus
from wa_app.schemas.broadcasts import Repeat, VariantInput
from wa_app.schemas.campaigns import CampaignCreate, CampaignUpdate, Target
from wa_app.services import campaigns
from wa_app.services.campaigns import series

pytestmark = pytest.mark.usefixtures("settings")
DAILY = Repeat(every="daily", at=time(9))


async def run_sql(statement: str, **values: object) -> list[Any]:
    async with system_unit_of_work() as uow:
        found = await uow.session.execute(text(statement), values)
        return list(found.all()) if found.returns_rows else []


async def begun(repeat: Repeat = DAILY, **more: Any) -> tuple[Town, UUID, UUID]:
    """Tenant, first run and series."""
    town = await make_town(contacts=5)
    async with unit_of_work(town.principal) as uow:
        made = await campaigns.create(uow, CampaignCreate(
            name="Harian", **{"message_template": "Halo {{name}}", **more}, target=Target(all=True), repeat=repeat
        ))  # fmt: skip
        assert made.series_id is None
        begun = await campaigns.start(uow, made.id)
    assert begun.series_id is not None
    assert begun.series_run == 1
    return town, made.id, begun.series_id


async def due(series_id: UUID, ago: str = "1 minute") -> None:
    await run_sql(f"UPDATE campaign_series SET next_at = now() - interval '{ago}' WHERE id = :s", s=series_id)


async def tick() -> int:
    async with system_unit_of_work() as uow:
        return await series.run_due(uow)


async def runs(series_id: UUID) -> list[Any]:
    return await run_sql("SELECT * FROM campaigns WHERE series_id = :s ORDER BY series_run", s=series_id)


async def look(town: Town, series_id: UUID) -> Any:
    async with unit_of_work(town.principal) as uow:
        return await series.get(uow, series_id)


async def test_a_due_run_is_made_once_by_any_number_of_schedulers() -> None:
    town, _, series_id = await begun()
    now = datetime.now(UTC)
    seen = await look(town, series_id)
    local = seen.next_at.astimezone(ZoneInfo("Asia/Jakarta"))
    assert (local.hour, local.minute) == (9, 0)
    assert now < seen.next_at <= now + timedelta(days=1)
    await due(series_id)
    assert sum(await asyncio.gather(*(tick() for _ in range(5)))) == 1
    first, second = await runs(series_id)
    assert (second.series_run, second.name, second.status) == (2, "Harian #2", "PENDING")
    assert second.repeat is None
    assert second.message_template == first.message_template
    seen = await look(town, series_id)
    assert seen.runs == 2
    assert seen.next_at > datetime.now(UTC)
    assert await tick() == 0


async def test_runs_copy_variants_and_tracking_and_count_their_audience_anew() -> None:
    texts = [VariantInput(message_template=f"{name}", share=50) for name in "AB"]
    _, _, series_id = await begun(variants=texts, track_links=True)
    await due(series_id)
    assert await tick() == 1
    second = (await runs(series_id))[1]
    assert (second.variant_count, second.track_links, second.plan_total) == (2, True, None)
    copied = await run_sql("SELECT message_template FROM campaign_variants WHERE campaign_id = :c ORDER BY position", c=second.id)
    assert [row[0] for row in copied] == ["A", "B"]


async def test_a_scheduler_that_was_away_makes_up_for_one_and_never_too_late() -> None:
    town, _, series_id = await begun()
    await due(series_id, "5 hours")
    assert await tick() == 1
    await due(series_id, "3 days")
    assert await tick() == 0
    seen = await look(town, series_id)
    assert (seen.runs, seen.last_error) == (2, "series_missed")
    assert seen.next_at > datetime.now(UTC)


async def test_paused_times_are_skipped_and_an_end_is_an_end() -> None:
    town, _, series_id = await begun()
    async with unit_of_work(town.principal) as uow:
        assert (await series.pause(uow, series_id)).next_at is None
    await due(series_id)
    assert await tick() == 0
    async with unit_of_work(town.principal) as uow:
        assert (await series.resume(uow, series_id)).next_at > datetime.now(UTC)  # type: ignore[operator]
        await series.end(uow, series_id)
        with pytest.raises(Conflict):
            await series.resume(uow, series_id)
    await due(series_id)
    assert await tick() == 0
    assert len(await runs(series_id)) == 1


async def test_ends_after_its_runs() -> None:
    town, _, series_id = await begun(Repeat(every="weekly", weekdays=[0, 3], at=time(8), max_runs=2))
    await due(series_id)
    assert await tick() == 1
    seen = await look(town, series_id)
    assert (seen.status, seen.runs, seen.next_at) == (SeriesStatus.ENDED, 2, None)


async def test_a_run_that_cannot_start_leaves_nothing_behind_but_its_reason() -> None:
    town, _, series_id = await begun()
    await run_sql("UPDATE contacts SET deleted_at = now() WHERE tenant_id = :t", t=town.tenant_id)
    await due(series_id)
    assert await tick() == 0
    seen = await look(town, series_id)
    assert (seen.status, seen.runs, seen.last_error) == (SeriesStatus.ACTIVE, 1, "campaign_not_ready")
    assert len(await runs(series_id)) == 1
    await run_sql("UPDATE contacts SET deleted_at = NULL WHERE tenant_id = :t", t=town.tenant_id)
    await due(series_id)
    assert await tick() == 1
    assert (await look(town, series_id)).last_error is None


@pytest.mark.parametrize(("zone", "offsets"), [("Europe/Berlin", {1, 2}), ("America/New_York", {-5, -4}), ("Asia/Makassar", {8})])
async def test_keeps_the_hour_of_the_wall_over_changes_of_the_clock(zone: str, offsets: set[int]) -> None:
    town, _, series_id = await begun()
    await run_sql("UPDATE tenants SET time_zone = :z WHERE id = :t", z=zone, t=town.tenant_id)
    rule, moment, seen = DAILY.rule, datetime.now(UTC), set()
    for _ in range(400):
        following = rule.next_after(moment, ZoneInfo(zone))
        assert following is not None
        local = following.astimezone(ZoneInfo(zone))
        assert (local.hour, local.minute) == (9, 0)
        assert local.date() != moment.astimezone(ZoneInfo(zone)).date() or moment < following
        seen.add(int((local.utcoffset() or timedelta()).total_seconds() // 3600))
        moment = following
    assert seen == offsets
    # The tenant's zone of the moment is the one that counts at the next run.
    await due(series_id)
    assert await tick() == 1
    assert (await look(town, series_id)).next_at.astimezone(ZoneInfo(zone)).hour == 9


async def test_a_waiting_first_run_may_change_its_rule_or_drop_it() -> None:
    town = await make_town(contacts=2)
    later = datetime.now(UTC) + timedelta(days=2)
    async with unit_of_work(town.principal) as uow:
        made = await campaigns.create(uow, CampaignCreate(name="x", message_template="y", target=Target(all=True), repeat=DAILY))
        waiting = await campaigns.schedule(uow, made.id, later)
        assert waiting.series_id is not None
        seen = await series.get(uow, waiting.series_id)
        assert seen.next_at is not None
        assert seen.next_at > later
        again = await campaigns.schedule(uow, made.id, later + timedelta(days=1))
        assert again.series_id == waiting.series_id
        await campaigns.update(uow, made.id, CampaignUpdate(repeat=None))
        await campaigns.schedule(uow, made.id, later)
        assert (await series.get(uow, waiting.series_id)).status == SeriesStatus.ENDED
        with pytest.raises(Invalid):
            await campaigns.update(uow, made.id, CampaignUpdate(repeat=Repeat(every="weekly", at=time(9))))
