"""What webhooks and probes say of a number, believed or not."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.fixtures.linked_worlds import (
    World,
    opened_world,
)
from tests.fixtures.sandbox import KEY
from tests.fixtures.services import environment
from wa_app.channels import registry
from wa_app.channels.port import Account
from wa_app.channels.port import DeviceStatus as ChannelStatus
from wa_app.config import Settings
from wa_app.db import unit_of_work
from wa_app.errors import Conflict
from wa_app.services import devices
from wa_app.services.devices import status as status_module


@pytest.fixture
async def world(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with opened_world(settings, monkeypatch) as made:
        yield made


async def test_log_out_from_the_phone_shows_at_the_next_probe(world: World) -> None:
    linked = await world.linked()
    await world.sandbox.control.post(f"/sandbox/sessions/{linked.session}/drop", json={"status": "FAILED"})
    await world.probe()
    assert ((lost := await world.get(linked.id)).status, lost.reason) == ("FAILED", "logged_out")


async def test_session_that_is_gone_fails(world: World) -> None:
    linked = await world.linked()
    del world.sandbox.world.sessions[linked.session]
    await world.probe()
    assert (await world.get(linked.id)).reason == "session_gone"
    await world.act(devices.link, linked.id)
    assert (await world.get(linked.id)).status == "SCAN_QR"


async def test_short_flap_is_not_a_fall(world: World) -> None:
    linked = await world.linked()
    assert not await world.tell(linked.id, ChannelStatus.STARTING)
    assert not await world.tell(linked.id, ChannelStatus.DISCONNECTED)
    doubts = [job for job in world.jobs if job.actor == "device.probe"]
    assert doubts
    assert doubts[0].delay_ms == status_module.DOUBT_S * 1000
    assert (await world.get(linked.id)).status == "CONNECTED"
    await world.probe(linked.id)
    assert (await world.get(linked.id)).status == "CONNECTED"


async def test_fall_is_believed_when_the_probe_sees_it_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_module, "DOUBT_S", 2)
    linked = await world.linked()
    session = world.sandbox.world.sessions[linked.session]
    session.status = "STARTING"
    await world.tell(linked.id, ChannelStatus.STARTING)
    await world.probe(linked.id)
    assert (await world.get(linked.id)).status == "STARTING"


async def test_late_events_do_not_undo_later_ones(world: World) -> None:
    made = await world.create()
    now = datetime.now(UTC) + timedelta(seconds=5)
    me = Account(chat_id="62811@c.us", phone="+6281100001111", restricted=True, new_chats_left=3)
    assert await world.tell(made.id, ChannelStatus.CONNECTED, now, account=me)
    assert not await world.tell(made.id, ChannelStatus.SCAN_QR, now - timedelta(seconds=2))
    assert (await world.get(made.id)).status == "CONNECTED"


async def test_whatsapps_limits_are_kept_and_their_change_is_noted(world: World) -> None:
    linked = await world.linked()
    end = datetime.now(UTC) + timedelta(hours=20)
    now = datetime.now(UTC) + timedelta(seconds=5)
    me = Account(
        chat_id="62811@c.us", restricted=True, restricted_until=end, restriction="X", quota_total=40, quota_used=38,
        new_chats_left=2, quota_ends=end,
    )  # fmt: skip
    await world.tell(linked.id, ChannelStatus.CONNECTED, now, account=me)
    limits = (await world.get(linked.id)).limits
    assert (limits.restricted, limits.restricted_until, limits.restriction) == (True, end, "X")
    assert (limits.quota_total, limits.quota_used, limits.quota_left, limits.quota_ends) == (40, 38, 2, end)
    known = {"restricted": True, "restricted_until": end.isoformat(), "restriction": "X",
             "limits_at": datetime.now(UTC).isoformat()}  # fmt: skip
    locked = Account(chat_id="62811@c.us", restricted=True, restricted_until=end, restriction="X")
    assert not status_module.tells_new_limits(known, locked), "nothing new"
    assert not status_module.tells_new_limits(known, Account(chat_id="62811@c.us")), "silence is no news"
    stale = known | {"limits_at": (datetime.now(UTC) - timedelta(hours=7)).isoformat()}
    assert status_module.tells_new_limits(stale, locked), "still told, so believed anew"
    free = Account(chat_id="62811@c.us", restricted=False, quota_total=-1)
    assert status_module.tells_new_limits(known, free)
    await world.tell(linked.id, ChannelStatus.CONNECTED, now + timedelta(seconds=1), account=free)
    limits = (await world.get(linked.id)).limits
    assert (limits.restricted, limits.quota_total, limits.quota_left) == (False, None, None)
    async with unit_of_work(world.principal) as uow:
        kinds = [event.kind for event in await devices.list_events(uow, linked.id)]
    assert kinds[:2] == ["unrestricted", "restricted"]


async def test_each_new_code_counts(world: World) -> None:
    made = await world.create()
    now = datetime.now(UTC) + timedelta(seconds=1)
    for number in range(2):
        await world.tell(made.id, ChannelStatus.SCAN_QR, now + timedelta(seconds=number))
    code = await devices.qr(world.principal, made.id, registry.channel)
    assert code.lives_s == 20


async def test_passkey_code_is_shown_until_it_is_done(world: World) -> None:
    made = await world.create()
    await world.tell(made.id, ChannelStatus.PASSKEY, passkey_code="1234")
    assert ((shown := await world.get(made.id)).status, shown.passkey_code) == ("PASSKEY", "1234")
    await world.tell(made.id, ChannelStatus.CONNECTED)
    assert (await world.get(made.id)).passkey_code is None


async def test_silent_server_is_told_and_waited_for(world: World) -> None:
    with environment(WAHA_URL="http://127.0.0.1:9", WAHA_API_KEY=KEY):
        made = await world.create()
        assert ((waiting := await world.get(made.id)).status, waiting.reason) == ("STARTING", "server_unreachable")
        with pytest.raises(Conflict):
            await devices.qr(world.principal, made.id, registry.channel)
    await registry.close()
    await world.probe()
    assert ((now := await world.get(made.id)).status, now.reason) == ("SCAN_QR", None)
