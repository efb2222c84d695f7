"""Whom a lane writes to: hours of contacts and tenants, how often, whose people, which share."""

import asyncio
from datetime import UTC, datetime, timedelta

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
from wa_app.db import unit_of_work
from wa_app.inbound import conversations
from wa_app.kit.ids import new_id
from wa_app.schemas.principal import Principal
from wa_app.sending import ledger, planning


async def test_quiet_hours_are_those_of_the_contact(world: World) -> None:
    """At 20:30 in Jakarta it is 22:30 in Jayapura; at 05:30, 07:30."""
    await world.link(1, {**FAST, "quiet_hours": {"start": "21:00", "end": "07:00"}})
    west = await world.add_contacts(100)
    own = await contacts_with(world, 3, first=500, time_zone="Asia/Jayapura")
    said = await contacts_with(world, 3, first=600, attributes='{"time_zone": "WIT"}')
    lives = await contacts_with(world, 3, first=700, city="Kota Jayapura")
    nowhere = await contacts_with(world, 3, first=800, city="Entah", time_zone="Mars/Base")
    await world.add_campaign([*west, *own, *said, *lives, *nowhere])
    east = {*own, *said, *lives}
    async with chooser(world) as lane:
        evening = datetime(2026, 11, 20, 13, 30, tzinfo=UTC)
        rows, step = await claim_all(world, lane, evening)
        assert {row.contact_id for row in rows} == {*west, *nowhere}
        assert step.wait_s == 8.5 * 3600, "seven in Jayapura"
        rows, _ = await claim_all(world, lane, evening + timedelta(hours=9))
        assert {row.contact_id for row in rows} == east


async def test_where_the_tenant_sleeps_others_are_awake(world: World) -> None:
    await world.link(1, {**FAST, "quiet_hours": {"start": "21:00", "end": "07:00"}})
    west = await world.add_contacts(200)
    east = await contacts_with(world, 5, first=500, time_zone="Asia/Jayapura")
    campaign = await world.add_campaign([*west, *east])
    await world.fetch("UPDATE outbound_messages SET zone = 'Asia/Jayapura' WHERE contact_id = ANY($1)", east)
    async with chooser(world) as lane:
        dawn = datetime(2026, 11, 19, 22, 30, tzinfo=UTC)
        rows, step = await claim_all(world, lane, dawn)
        assert {row.contact_id for row in rows} == set(east)
        assert step.wait_s == 1.5 * 3600
    assert (await world.fetch("SELECT count(*) AS n FROM outbound_messages WHERE campaign_id = $1 AND due_at IS NOT NULL", campaign))[0]["n"] == 0


async def test_campaigns_leave_on_working_days_and_replies_always(world: World) -> None:
    await world.link(1, {**FAST, "working_days": [0, 1, 2, 3, 4]})
    await world.add_campaign(await world.add_contacts(5))
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        await ledger.enqueue_message(uow, kind="reply", identity=("phone", "+628990000002"), text="Baik")
    async with chooser(world) as lane:
        rows, step = await claim_all(world, lane, FRIDAY + timedelta(days=1))
        assert [row.kind for row in rows] == ["reply"]
        assert step.wait_s == 38 * 3600, "midnight before Monday"
        rows, _ = await claim_all(world, lane, FRIDAY + timedelta(days=3))
        assert len(rows) == 5


async def test_a_contact_gets_so_many_campaigns_a_week_whichever_lane_asks(world: World) -> None:
    await world.link(4, FAST)
    people = await world.add_contacts(40)
    campaigns = [await world.add_campaign(people, devices=[device]) for device in world.devices]
    await world.fetch("UPDATE tenants SET settings = '{\"frequency_per_week\": 2}' WHERE id = $1", world.tenant_id)
    await asyncio.gather(*(run_lane(world, n) for n in range(4)))
    rows = await world.fetch(
        "SELECT contact_id, count(*) FILTER (WHERE state = 'sent') AS sent, "
        "count(*) FILTER (WHERE error_code = 'frequency') AS refused FROM outbound_messages WHERE campaign_id = ANY($1) "
        "GROUP BY 1", campaigns,
    )  # fmt: skip
    assert {(row["sent"], row["refused"]) for row in rows} == {(2, 2)}
    # What is older than a week does not count.
    await world.fetch("UPDATE outbound_messages SET claimed_at = now() - interval '8 days' WHERE campaign_id = ANY($1)", campaigns)
    later = await world.add_campaign(people)
    await run_lane(world)
    assert await world.states(later) == {"sent": 40}


async def test_a_lane_takes_its_own_people_first_and_those_of_a_device_that_cannot(world: World) -> None:
    await world.link(3, FAST)
    mine, free, others, gone = [await world.add_contacts(20, first=100 * n) for n in range(4)]
    campaign = await world.add_campaign([*others, *gone, *free, *mine])
    for ids, number in ((mine, 0), (others, 1), (gone, 2)):
        await world.fetch(
            "UPDATE outbound_messages SET preferred_device_id = $2 WHERE contact_id = ANY($1)", ids, world.devices[number].id
        )
    await change(world, 2, status="DISCONNECTED")
    async with chooser(world) as lane:
        rows, step = await claim_all(world, lane)
        order = [row.contact_id for row in rows]
        assert [set(order[:20]), set(order[20:40]), set(order[40:])] == [set(mine), set(free), set(gone)]
        assert step.wait_s is None
        assert step.drained == []
        for reason in ({"is_active_for_broadcast": False}, {"paused_until": datetime.now(UTC) + timedelta(hours=1)}):
            await change(world, 1, is_active_for_broadcast=True, paused_until=None)
            assert (await claim(world, lane)).batch.picked == 0
            await change(world, 1, **reason)
            assert {row.contact_id for row in (await claim(world, lane)).batch.rows} <= set(others)
        await claim_all(world, lane)
    assert (await world.states(campaign)) == {"sending": 80}


async def test_weights_steer_the_shares(world: World) -> None:
    await world.link(2, FAST)
    await change(world, 0, weight=3)
    campaign = await world.add_campaign(await world.add_contacts(600))
    await asyncio.gather(run_lane(world, 0), run_lane(world, 1))
    rows = await world.fetch(
        "SELECT device_id, count(*) AS n FROM outbound_messages WHERE campaign_id = $1 GROUP BY 1", campaign
    )
    taken = {row["device_id"]: row["n"] for row in rows}
    assert 400 <= taken[world.devices[0].id] <= 510
    assert sum(taken.values()) == 600


async def test_a_device_that_only_seems_connected_holds_nobody_up(world: World) -> None:
    await world.link(2, FAST)
    campaign = await world.add_campaign(await world.add_contacts(400))
    async with chooser(world, 1) as dead:
        await claim(world, dead, None)
    began = asyncio.get_running_loop().time()
    await run_lane(world, 0)
    assert asyncio.get_running_loop().time() - began < 15, "it waited for the dead one all along"
    states = await world.states(campaign)
    assert states["sent"] == 400 - states["sending"]


async def test_planning_notes_zone_stranger_and_the_device_that_spoke(world: World) -> None:
    await world.link(2, FAST)
    await world.link(1, FAST)
    plain, wit, chosen, spoke, outside = [await world.add_contacts(3, first=100 * n) for n in range(5)]
    await world.fetch("UPDATE contacts SET city = 'Kab.  Merauke', last_inbound_at = now() WHERE id = ANY($1)", wit)
    for ids, device in ((chosen, 1), (outside, 2)):
        await world.fetch("UPDATE contacts SET preferred_device_id = $2 WHERE id = ANY($1)", ids, world.devices[device].id)
    for contact in spoke:
        for device, age in ((0, "1 day"), (1, "9 days"), (2, "1 hour")):
            await world.fetch(
                "INSERT INTO conversations (id, tenant_id, contact_id, device_id, chat_id, last_message_at) "
                f"VALUES ($1, $2, $3, $4, 'x', now() - interval '{age}')",
                new_id(), world.tenant_id, contact, world.devices[device].id,
            )  # fmt: skip
    campaign = new_id()
    await world.fetch(
        "INSERT INTO campaigns (id, tenant_id, name, message_template, status, target) "
        "VALUES ($1, $2, 'Uji', 'Hai', 'PENDING', '{\"all\": true}')", campaign, world.tenant_id,
    )  # fmt: skip
    for device in world.devices[:2]:
        await world.fetch(
            "INSERT INTO campaign_devices (tenant_id, campaign_id, device_id) VALUES ($1, $2, $3)",
            world.tenant_id, campaign, device.id,
        )  # fmt: skip
    assert await planning.plan(world.tenant_id, campaign, chunk=4) == 15
    rows = await world.fetch("SELECT * FROM outbound_messages WHERE campaign_id = $1", campaign)
    found = {row["contact_id"]: (row["preferred_device_id"], row["zone"], row["stranger"]) for row in rows}
    first, second = world.devices[0].id, world.devices[1].id
    assert {found[one] for one in plain} == {(None, "", True)}
    assert {found[one] for one in wit} == {(None, "Asia/Jayapura", False)}
    assert {found[one] for one in chosen} == {(second, "", True)}
    assert {found[one] for one in spoke} == {(first, "", True)}
    assert {found[one] for one in outside} == {(None, "", True)}
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        await conversations._touch(await uow.driver(), uow.tenant_id, new_id(), plain[0], datetime.now(UTC), received=True)
    row = await world.fetch("SELECT stranger FROM outbound_messages WHERE contact_id = $1", plain[0])
    assert row[0]["stranger"] is False
