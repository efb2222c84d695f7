"""Lanes against the real sandbox over HTTP and the real database."""

import asyncio
from typing import Any

from bench.seeding import World
from wa_app.channels import registry
from wa_app.sending import files, lanes


async def run_lane(world: World, number: int = 0, wait_s: float = 120.0) -> None:
    device = world.devices[number]
    await lanes.run_lane(world.tenant_id, device.id, registry.channel, files.loader, wait_s)


async def campaign_row(world: World, campaign: Any) -> Any:
    return (await world.fetch("SELECT * FROM campaigns WHERE id = $1", campaign))[0]


async def test_sends_a_campaign_to_its_end(world: World) -> None:
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(40))
    await run_lane(world)
    assert await world.states(campaign) == {"sent": 40}
    assert await world.counters(campaign) == {"sent": 40}
    assert (await campaign_row(world, campaign))["status"] == "COMPLETED"
    judged = await world.judge()
    assert (judged["accepted"], judged["distinct"], judged["duplicates"]) == (40, 40, 0)
    row = (await world.fetch("SELECT * FROM outbound_messages WHERE campaign_id = $1 LIMIT 1", campaign))[0]
    assert row["body"].endswith("promo hari ini")
    assert row["provider_message_id"]
    assert row["sent_at"]


async def test_equal_devices_get_equal_shares(world: World) -> None:
    await world.link(3)
    campaign = await world.add_campaign(await world.add_contacts(300))
    await asyncio.gather(*(run_lane(world, n) for n in range(3)))
    rows = await world.fetch(
        "SELECT device_id, count(*) AS n FROM outbound_messages WHERE campaign_id = $1 GROUP BY 1", campaign
    )
    assert len(rows) == 3
    assert all(90 <= row["n"] <= 110 for row in rows)
