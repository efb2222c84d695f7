"""The guard against the real database: each threshold acts, tells its people once, and lets go by rule."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bench.seeding import World
from tests.fixtures.guarded_shops import (
    Shop,
    opened_shop,
)
from tests.integration.test_lanes import run_lane
from wa_app.config import Settings
from wa_app.services.devices import guarding


@pytest.fixture
async def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async with opened_shop(settings, monkeypatch) as made:
        yield made


async def test_a_good_number_is_left_alone(shop: Shop) -> None:
    await shop.left(sent=300, read=100, failed=4)
    found = await shop.tick()
    assert (found.health_score, found.guard.level) == (100, "none")
    assert await shop.actions() == []
    assert await shop.deliver() == []
    points = (await shop.history()).points
    assert [(point.score, point.guard) for point in points] == [(100, "none")]


@pytest.mark.parametrize(
    ("counts", "events", "level", "reason"),
    [
        ({"sent": 300, "failed": 75}, 0, "slow", "failures"),
        ({"sent": 300, "failed": 75}, 6, "half", "failures"),
        ({"sent": 60, "failed": 15}, 16, "half", "failures"),
    ],
)
async def test_the_score_acts_in_steps(
    shop: Shop, counts: dict[str, int], events: int, level: str, reason: str
) -> None:
    await shop.left(**counts)
    for _ in range(events):
        await shop.happened("disconnected", before="CONNECTED")
    found = await shop.tick()
    assert (found.guard.level, found.guard.reason) == (level, reason)
    assert found.guard.until is not None
    assert found.guard.detail["value"] == 20.0
    assert await shop.actions() == [("none", level)]


async def test_opt_outs_and_refusals_stop_all_but_answers(shop: Shop) -> None:
    await shop.left(sent=100)
    await shop.stops(8, campaign=False)
    for _ in range(3):
        await shop.happened("paused", reason="access_refused")
    found = await shop.tick()
    assert (found.health_score, found.guard.level, found.guard.reason) == (20, "all", "opt_outs")
    assert {sign.sign: sign.value for sign in found.health_signs}["opt_outs"] == 8.0


async def test_lets_go_one_step_at_a_time_and_tells_the_end(shop: Shop) -> None:
    await shop.left(sent=100)
    await shop.stops(8, campaign=False)
    for _ in range(3):
        await shop.happened("paused", reason="access_refused")
    await shop.tick()
    assert len(await shop.deliver()) == 1
    await shop.sql("DELETE FROM suppressions WHERE tenant_id = :t")
    await shop.sql("DELETE FROM device_events WHERE device_id = :d AND kind = 'paused'")
    assert (await shop.tick(hours=5)).guard.level == "all", "a step lasts its time"
    levels, letters = [], 0
    for hours in (1.1, 1, 2.1, 1.1, 0.2, 0.4):
        levels.append((await shop.tick(hours=hours)).guard.level)
        letters += len(await shop.deliver())
    assert levels == ["strangers", "strangers", "half", "slow", "slow", "none"]
    assert letters == 1, "of the way back only its end is told"
    assert [guard for _, guard in await shop.actions()] == ["all", "strangers", "half", "slow", "none"]


async def test_a_bad_score_keeps_the_step_whatever_the_time(shop: Shop) -> None:
    await shop.left(sent=300, failed=75)
    await shop.tick()
    assert (await shop.tick(hours=9)).guard.level == "slow"
    await shop.left(failed=50)
    await shop.tick()
    assert (await shop.device()).health_score == 73, "above 70, but not by the margin"
    assert (await shop.tick()).guard.level == "slow"


async def test_463_leaves_strangers_alone_and_known_people_go_on(shop: Shop) -> None:
    await shop.happened("paused", reason="account_restricted")
    await shop.sql("UPDATE devices SET pause_reason = 'account_restricted', paused_until = now() + interval '24 hours' "
                   "WHERE id = :d")  # fmt: skip
    found = await shop.tick()
    assert (found.guard.level, found.guard.reason) == ("strangers", "restricted")
    assert found.guard.until is not None
    assert found.guard.until - found.guard.since > timedelta(hours=23)  # type: ignore[operator]
    assert found.pause_reason is None, "the guard covers it: who has written before may be written to"
    assert any(job.actor == "lane.run" for job in shop.jobs)


async def test_whatsapps_own_limits_act_and_end(shop: Shop) -> None:
    await shop.sql(
        "UPDATE devices SET status_detail = jsonb_build_object('restricted', true, 'restricted_until', "
        "to_char(now() + interval '30 hours', 'YYYY-MM-DD\"T\"HH24:MI:SSOF')) WHERE id = :d"
    )
    found = await shop.tick()
    assert (found.guard.level, found.guard.reason) == ("strangers", "restricted")
    assert found.limits.restricted is True
    await shop.sql("UPDATE devices SET status_detail = '{\"restricted\": false, \"quota_total\": 40, \"quota_used\": 40, "
                   "\"new_chats_left\": 0}' WHERE id = :d")  # fmt: skip
    found = await shop.tick(hours=40)
    assert (found.guard.level, found.guard.reason) == ("strangers", "quota")
    assert (found.limits.quota_total, found.limits.quota_left) == (40, 0)
    await shop.sql("UPDATE devices SET status_detail = '{\"restricted\": false, \"quota_total\": null}' WHERE id = :d")
    assert (await shop.tick(hours=40)).guard.level == "half"


async def test_figures_are_of_the_last_day_only(shop: Shop) -> None:
    await shop.sql("UPDATE campaigns SET started_at = now() - interval '9 days' WHERE id = :c")
    await shop.left(sent=400, failed=300)
    found = await shop.tick()
    assert found.health_score is None, "what was before we looked is not judged"
    await shop.sql("UPDATE device_health SET created_at = created_at - interval '25 hours' WHERE device_id = :d")
    await shop.left(sent=500, failed=302)
    found = await shop.tick()
    assert found.health_score == 100


@pytest.mark.parametrize(("score", "used", "stage"), [(90, 45, 4), (90, 10, 3), (60, 45, 3), (20, 45, 2), (None, 45, 3)])
async def test_warm_up_follows_the_health(shop: Shop, score: int | None, used: int, stage: int) -> None:
    await shop.sql(
        "UPDATE devices SET warmup_stage = 3, warmup_stage_at = now() - interval '30 hours', health_score = :s "
        "WHERE id = :d", s=score,
    )  # fmt: skip
    await shop.sql(
        "INSERT INTO device_usage (tenant_id, device_id, period, starts_at, used) SELECT :t, :d, 'day', "
        "date_trunc('day', now(), 'Asia/Jakarta') - interval '24 hours', :u", u=used,
    )  # fmt: skip
    await guarding._warm_up()
    assert (await shop.device()).warmup_stage == stage
    await guarding._warm_up()
    assert (await shop.device()).warmup_stage == stage, "once a day"


async def test_after_463_a_lane_writes_to_known_people_only(world: World) -> None:
    await world.link(1)
    await world.fetch("UPDATE devices SET protection = true WHERE id = $1", world.devices[0].id)
    people = await world.add_contacts(10)
    await world.fetch("UPDATE contacts SET last_inbound_at = now() WHERE id = ANY($1::uuid[])", people[:5])
    campaign = await world.add_campaign(people)
    await world.fault("463", count=10)
    await run_lane(world)
    assert (await world.states(campaign)).get("sent", 0) == 0
    await guarding.watch_over()
    await run_lane(world)
    assert await world.states(campaign) == {"sent": 5, "planned": 5}
    sent = await world.fetch("SELECT contact_id FROM outbound_messages WHERE campaign_id = $1 AND state = 'sent'", campaign)
    assert {row["contact_id"] for row in sent} == set(people[:5])
