"""Numbers are looked up before the first message to a stranger: seldom, remembered, under a cap of their own."""

from typing import Any

from bench.seeding import World
from tests.fixtures.services import environment
from wa_app.channels import registry
from wa_app.db import unit_of_work
from wa_app.kit.identities import identity_hash
from wa_app.schemas.principal import Principal
from wa_app.sending import files, lanes, numbers

QUICK = {"delay_min_s": 0.0, "delay_max_s": 0.01, "typing": False}
"""A delay all but zero: the device asks, the test does not wait."""


async def run_lane(world: World) -> None:
    await lanes.run_lane(world.tenant_id, world.devices[0].id, registry.channel, files.loader, 120.0)


async def give_phones(world: World, *phones: str) -> None:
    for contact, phone in zip(world.contacts, phones, strict=False):
        hashed = identity_hash(world.identity_key.encode(), "phone", phone)
        await world.fetch("UPDATE contacts SET phone = $2 WHERE id = $1", contact, phone)
        await world.fetch(
            "UPDATE contact_identities SET value = $2, hash = $3 WHERE contact_id = $1", contact, phone, hashed
        )


async def checks(world: World) -> list[Any]:
    return await world.fetch("SELECT * FROM number_checks WHERE tenant_id = $1 ORDER BY checked_at", world.tenant_id)


async def asked(world: World) -> int:
    rows = await world.fetch(
        "SELECT coalesce(sum(used), 0)::int AS n FROM device_usage WHERE tenant_id = $1 AND period = 'check_day'",
        world.tenant_id,
    )  # fmt: skip
    return int(rows[0]["n"])


async def test_a_number_that_is_not_on_whatsapp_fails_without_a_send(world: World) -> None:
    await world.link(1, QUICK)
    contacts = await world.add_contacts(4)
    await give_phones(world, "+628125550000")
    campaign = await world.add_campaign(contacts)
    await run_lane(world)
    assert await world.states(campaign) == {"sent": 3, "failed": 1}
    assert await world.counters(campaign) == {"sent": 3, "failed": 1}
    row = (await world.fetch("SELECT * FROM outbound_messages WHERE campaign_id = $1 AND state = 'failed'", campaign))[0]
    assert (row["error_code"], row["identity_value"], row["sent_at"]) == ("not_on_whatsapp", "+628125550000", None)
    assert (await world.judge())["asked"] == 3
    assert sorted(one["is_there"] for one in await checks(world)) == [False, True, True, True]


async def test_the_chat_that_whatsapp_names_is_used(world: World) -> None:
    await world.link(1, QUICK)
    contacts = await world.add_contacts(1)
    await give_phones(world, "+5531987654321")
    campaign = await world.add_campaign(contacts)
    await run_lane(world)
    assert await world.states(campaign) == {"sent": 1}
    sent_to = (await world.judge())["items"][0]["chat"]
    assert sent_to == (await checks(world))[0]["chat_id"] == "553187654321@c.us"


async def test_what_is_known_is_not_asked_again_until_it_is_old(world: World) -> None:
    await world.link(1, QUICK)
    contacts = await world.add_contacts(3)
    await world.add_campaign(contacts)
    await run_lane(world)
    assert await asked(world) == 3
    second = await world.add_campaign(contacts)
    await run_lane(world)
    assert (await world.states(second), await asked(world)) == ({"sent": 3}, 3)
    await world.fetch("UPDATE number_checks SET checked_at = now() - interval '31 days' WHERE tenant_id = $1", world.tenant_id)
    third = await world.add_campaign(contacts)
    await run_lane(world)
    assert (await world.states(third), await asked(world)) == ({"sent": 3}, 6)


async def test_people_who_wrote_are_not_looked_up(world: World) -> None:
    await world.link(1, QUICK)
    contacts = await world.add_contacts(2)
    await world.fetch("UPDATE contacts SET last_inbound_at = now() WHERE id = $1", contacts[0])
    await world.add_campaign(contacts)
    await run_lane(world)
    assert await asked(world) == 1


async def test_beyond_the_cap_messages_leave_as_before(world: World) -> None:
    await world.link(1, QUICK)
    contacts = await world.add_contacts(6)
    campaign = await world.add_campaign(contacts)
    with environment(SAPA_NUMBER_CHECKS_PER_MINUTE="2"):
        await run_lane(world)
    assert await world.states(campaign) == {"sent": 6}
    assert len(await checks(world)) == await asked(world) == 2


async def test_the_cap_of_a_day_holds_over_minutes(world: World) -> None:
    await world.link(1, QUICK)
    device, taken = world.devices[0].id, 0
    with environment(SAPA_NUMBER_CHECKS_PER_MINUTE="4", SAPA_NUMBER_CHECKS_PER_DAY="10"):
        for _ in range(4):
            for _ in range(6):
                async with unit_of_work(Principal.system(world.tenant_id)) as uow:
                    taken += await numbers.spend(await uow.driver(), world.tenant_id, device)
            await world.fetch("DELETE FROM device_usage WHERE device_id = $1 AND period = 'check_minute'", device)
    assert taken == 10


async def test_devices_without_a_delay_never_ask(world: World) -> None:
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(8))
    await run_lane(world)
    assert (await world.states(campaign), await asked(world)) == ({"sent": 8}, 0)


async def test_no_answer_does_not_keep_a_message_back(world: World) -> None:
    await world.link(1, QUICK)
    campaign = await world.add_campaign(await world.add_contacts(1))
    channel = await registry.channel(world.server_id)
    broken = numbers.Lookup(Principal.system(world.tenant_id), world.devices[0].id, channel, "no-such-session", b"key")
    assert await broken.of(world.contacts[0], "+628123334441") is None
    await run_lane(world)
    assert await world.states(campaign) == {"sent": 1}
    assert len(await checks(world)) == 1
