"""What lanes may take, and when: against the real database and the sandbox, with the clock of pacing set by hand."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bench.seeding import World
from tests.fixtures.lane_choosing import (
    FAST,
    FRIDAY,
    change,
    chooser,
    claim,
    claim_all,
    contacts_with,
    run_lane,
)
from tests.fixtures.pacing import most_within
from wa_app.db import unit_of_work
from wa_app.schemas.principal import Principal
from wa_app.sending import lanes, ledger

_example = count()


KNOWN = {"last_inbound_at": datetime(2026, 1, 1, tzinfo=UTC)}


async def test_one_a_minute_is_one_a_minute_also_over_a_restart(world: World) -> None:
    await world.link(1, {**FAST, "per_minute": 1})
    await world.add_campaign(await world.add_contacts(30))
    at, left = FRIDAY, []
    for _ in range(4):
        async with chooser(world) as lane:
            for _ in range(6):
                step = await claim(world, lane, at, 0.2)
                if step.batch.rows:
                    left.append(at)
                assert step.wait_s is not None
                at += timedelta(seconds=step.wait_s + 0.25)
    gaps = [(b - a).total_seconds() for a, b in pairwise(left)]
    assert len(left) >= 11
    assert all(60.2 <= gap <= 61 for gap in gaps)


@settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 12), st.none() | st.integers(1, 30), st.sampled_from([0, 0.5, 5]), st.integers(0, 2**16),
    st.lists(st.one_of(st.just(0.0), st.floats(0, 200), st.floats(-3_000, -1)), min_size=1, max_size=5),
)  # fmt: skip
async def test_no_pauses_restarts_or_clocks_set_back_pass_a_cap(
    world: World, per_minute: int, per_hour: int | None, delay_s: float, seed: int, pauses: list[float]
) -> None:
    """The same as the property of the pure functions, through the statements of the database."""
    world.devices.clear()
    tempo = {"delay_min_s": delay_s, "delay_max_s": delay_s, "per_minute": per_minute, "per_hour": per_hour}
    await world.link(1, tempo)
    draw = Random(seed)
    await world.add_campaign(await world.add_contacts(150, first=150 * next(_example)))
    at = real = FRIDAY
    left: list[datetime] = []
    for pause in pauses:
        async with chooser(world) as lane:
            for _ in range(8):
                late = draw.uniform(0.0, 0.5)
                step = await claim(world, lane, at, late)
                typing = timedelta(seconds=max(step.typing_s.values(), default=0.0))
                left += [real + typing] * len(step.batch.rows)
                moved = timedelta(seconds=(step.wait_s or 0.0) + late + 0.001) + typing
                at, real = at + moved, real + moved
        at, real = at + timedelta(seconds=pause), real + timedelta(seconds=max(0.0, pause))
    assert most_within(left, timedelta(minutes=1)) <= per_minute
    if per_hour is not None:
        assert most_within(left, timedelta(hours=1)) <= per_hour
    assert left


async def test_the_day_ends_at_midnight_of_the_tenant(world: World) -> None:
    await world.link(1, {**FAST, "per_day": 5})
    await world.add_campaign(await world.add_contacts(20))
    async with chooser(world) as lane:
        rows, step = await claim_all(world, lane)
        assert len(rows) == 5
        assert step.wait_s == 14 * 3600
        rows, _ = await claim_all(world, lane, FRIDAY + timedelta(hours=14))
        assert len(rows) == 5


async def test_warming_up_holds_the_stage_and_a_guard_halves_it(world: World) -> None:
    await world.link(1, FAST)
    await world.add_campaign(await world.add_contacts(80))
    await change(world, warmup_stage=1)
    async with chooser(world) as lane:
        rows, _ = await claim_all(world, lane)
        assert len(rows) == 20
        await change(world, warmup_stage=2, warmup_curve=[20, 24, *range(30, 42)])
        rows, _ = await claim_all(world, lane)
        assert len(rows) == 4
        await change(world, guard="half", warmup_stage=14, warmup_curve=None, pacing={**FAST, "per_day": 60})
        rows, _ = await claim_all(world, lane)
        assert len(rows) == 6


async def test_strangers_have_a_budget_and_do_not_hold_up_those_who_wrote(world: World) -> None:
    await world.link(1, {**FAST, "strangers_per_day": 7})
    strangers = await world.add_contacts(200)
    known = await contacts_with(world, 40, first=500, **KNOWN)
    campaign = await world.add_campaign([*strangers, *known])
    async with chooser(world) as lane:
        rows, step = await claim_all(world, lane)
        taken = Counter("known" if row.contact_id in set(known) else "stranger" for row in rows)
        assert taken == {"known": 40, "stranger": 7}
        assert step.wait_s == 14 * 3600
        # Nobody looks at the strangers again and again: they are in a group of their own now, nothing is put off.
        again = await claim(world, lane)
        assert (again.batch.picked, again.batch.rows) == (0, [])
        rows, _ = await claim_all(world, lane, FRIDAY + timedelta(days=1))
        assert len(rows) == 7
    marked = await world.fetch(
        "SELECT count(*) AS n, count(*) FILTER (WHERE due_at IS NOT NULL) AS put_off FROM outbound_messages "
        "WHERE campaign_id = $1 AND state = 'planned' AND stranger", campaign,
    )  # fmt: skip
    assert (marked[0]["n"], marked[0]["put_off"]) == (186, 0)


async def test_whatsapps_own_count_of_new_chats_is_a_budget_too(world: World) -> None:
    await world.link(1, FAST)
    await world.add_campaign(await world.add_contacts(30))
    async with chooser(world) as lane:
        await claim(world, lane, FRIDAY - timedelta(hours=2), 0.0)
        read_at = (FRIDAY - timedelta(hours=1)).isoformat()
        await change(world, status_detail={"new_chats_left": 5, "new_chats_at": read_at})
        rows, _ = await claim_all(world, lane)
        assert len(rows) == 5


async def test_guards_let_through_what_they_say(world: World) -> None:
    await world.link(1, FAST)
    strangers = await world.add_contacts(10)
    known = await contacts_with(world, 10, first=500, **KNOWN)
    await world.add_campaign([*strangers, *known])
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        await ledger.enqueue_message(uow, kind="api", identity=("phone", "+628990000001"), text="OTP")
        reply = await ledger.enqueue_message(uow, kind="reply", identity=("phone", "+628990000002"), text="Baik")
    async with chooser(world) as lane:
        await change(world, guard="all")
        rows, step = await claim_all(world, lane)
        assert [row.id for row in rows] == [reply]
        assert step.wait_s is not None
        await change(world, guard="strangers")
        rows, _ = await claim_all(world, lane)
        assert {row.contact_id for row in rows if row.campaign_id} == set(known)
        await change(world, guard="slow", next_send_at=None)
        step = await claim(world, lane)
        assert len(step.batch.rows) == 1
        assert (await claim(world, lane)).wait_s >= 1  # type: ignore[operator]


async def test_a_package_is_followed_by_a_rest(world: World) -> None:
    tempo = {**FAST, "package_size_min": 6, "package_size_max": 6, "package_pause_min_s": 90, "package_pause_max_s": 90}
    await world.link(1, tempo)
    await world.add_campaign(await world.add_contacts(40))
    at = FRIDAY
    for _ in range(3):
        async with chooser(world) as lane:
            rows, step = await claim_all(world, lane, at)
        assert len(rows) == 6
        assert step.wait_s == 90
        at += timedelta(seconds=90)


async def enqueue_reply(world: World, kind: Any = "manual", text: str = "Baik kak, kami kirim hari ini ya") -> UUID:
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        return await ledger.enqueue_message(
            uow, kind=kind, identity=("phone", "+628990000001"), text=text, device_id=world.devices[0].id
        )


async def waited_s(world: World, row_id: UUID) -> float:
    """Seconds until the message was sent; looked for during five. A busy machine may take its time, so the
    tests ask for less than what they would wait for otherwise; the bench `overtake` holds the second."""
    for _ in range(100):
        row = (await world.fetch("SELECT sent_at, created_at, state FROM outbound_messages WHERE id = $1", row_id))[0]
        if row["state"] == "sent":
            return float((row["sent_at"] - row["created_at"]).total_seconds())
        await asyncio.sleep(0.05)
    raise AssertionError(row["state"])


async def is_sending(world: World) -> None:
    """Wait until a message is with the lane: typed, or in a call."""
    for _ in range(400):
        if await world.fetch("SELECT 1 FROM outbound_messages WHERE tenant_id = $1 AND state = 'sending'", world.tenant_id):
            return
        await asyncio.sleep(0.025)
    raise AssertionError("the lane took up nothing")


async def is_asked(world: World) -> None:
    """Wait until the server has been asked for something: the call that hangs is the campaign's."""
    for _ in range(400):
        if (await world.judge(items=False))["asked"]:
            return
        await asyncio.sleep(0.025)
    raise AssertionError("nothing was asked")


@pytest.mark.parametrize("knock", [True, False])
async def test_a_reply_waits_for_neither_typing_nor_gap_of_a_campaign(world: World, knock: bool) -> None:
    """`knock`: its own message to the workers comes through; else the lane finds it by looking."""
    await world.link(1, {"delay_min_s": 8, "delay_max_s": 8, "typing": True})
    await world.add_campaign(await world.add_contacts(20), template="x" * 200)
    lane = asyncio.create_task(run_lane(world))
    await is_sending(world)
    reply = await enqueue_reply(world)
    if knock:
        await run_lane(world)
    assert await waited_s(world, reply) < 2.5
    assert not lane.done()
    lanes.stop_all()
    await lane


async def test_a_reply_does_not_wait_for_a_campaigns_call_that_hangs(world: World) -> None:
    await world.link(1, FAST)
    await world.add_campaign(await world.add_contacts(40))
    await world.fault("hang", count=1, seconds=8)
    lane = asyncio.create_task(run_lane(world))
    await is_asked(world)
    reply = await enqueue_reply(world)
    await run_lane(world)
    assert await waited_s(world, reply) < 2.5
    lanes.stop_all()
    await lane


async def test_replies_overtake_a_campaign_without_delays(world: World) -> None:
    await world.link(1, FAST)
    campaign = await world.add_campaign(await world.add_contacts(4_000))
    lane = asyncio.create_task(run_lane(world))
    waits = []
    for _ in range(5):
        await asyncio.sleep(0.4)
        reply = await enqueue_reply(world)
        await run_lane(world)
        waits.append(await waited_s(world, reply))
    assert (await world.states(campaign)).get("planned", 0) > 0, "the campaign was over too early to mean anything"
    lanes.stop_all()
    await lane
    assert sorted(waits)[2] < 1.0
