"""A WAHA server starts few sessions at a time, however many are asked for at once."""

import asyncio

from bench.seeding import World
from wa_app.services import waha_servers
from wa_app.services.waha_servers import STARTS_AT_ONCE


async def test_many_ask_at_once_and_few_are_admitted(world: World) -> None:
    devices = await world.link(STARTS_AT_ONCE * 3)
    want = """{"want": {"what": "link", "id": "x"}}"""
    await world.fetch("UPDATE devices SET status_detail = $2 WHERE tenant_id = $1", world.tenant_id, want)
    answers = await asyncio.gather(*(waha_servers.admit(world.server_id, one.id) for one in devices))
    assert sum(answers) == STARTS_AT_ONCE
    refused = next(one for one, admitted in zip(devices, answers, strict=True) if not admitted)
    started = next(one for one, admitted in zip(devices, answers, strict=True) if admitted)
    assert not await waha_servers.admit(world.server_id, refused.id)
    assert await waha_servers.admit(world.server_id, started.id), "the same device may ask again"
    await world.fetch("UPDATE devices SET status_detail = '{}' WHERE id = $1", started.id)
    assert await waha_servers.admit(world.server_id, refused.id)
    # The server is shared by the tests of this run.
    await world.fetch("UPDATE devices SET status_detail = '{}' WHERE tenant_id = $1", world.tenant_id)


async def test_a_start_that_never_ended_does_not_hold_its_place(world: World) -> None:
    devices = await world.link(STARTS_AT_ONCE + 1)
    old = """{"want": {"what": "link", "id": "x", "starting_at": "2020-01-01T00:00:00+00:00"}}"""
    await world.fetch("UPDATE devices SET status_detail = $2 WHERE tenant_id = $1", world.tenant_id, old)
    assert await waha_servers.admit(world.server_id, devices[0].id)
