"""Devices against the real sandbox: link, scan, watch, restart, unlink, delete; and nobody else's."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from tests.fixtures.linked_worlds import (
    World,
    opened_world,
)
from tests.fixtures.services import environment
from wa_app.channels import registry
from wa_app.channels.port import DeviceStatus as ChannelStatus
from wa_app.config import Settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Forbidden, Invalid, NotFound
from wa_app.models.devices import Device
from wa_app.schemas.devices import DeviceUpdate, PacingUpdate, QuietHours
from wa_app.schemas.principal import Principal
from wa_app.services import devices, waha_servers


@pytest.fixture
async def world(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with opened_world(settings, monkeypatch) as made:
        yield made


async def test_links_by_qr(world: World) -> None:
    made = await world.create()
    assert made.status == "STARTING"
    waiting = await world.get(made.id)
    assert waiting.status == "SCAN_QR"
    code = await devices.qr(world.principal, made.id, registry.channel)
    assert code.qr.startswith("2@")
    assert datetime.now(UTC) < code.expires_at <= datetime.now(UTC) + timedelta(seconds=60)

    await world.sandbox.scan(made.session, "6281234567890", name="Toko Nusa")
    await world.probe()
    linked = await world.get(made.id)
    assert (linked.status, linked.phone, linked.push_name, linked.engine) == (
        "CONNECTED", "+6281234567890", "Toko Nusa", "WEBJS",
    )  # fmt: skip
    assert linked.last_seen_at is not None
    assert linked.connected_at is not None
    with pytest.raises(Conflict, match="device_nothing_to_scan"):
        await devices.qr(world.principal, made.id, registry.channel)
    with pytest.raises(Conflict, match="device_already_linked"):
        await world.act(devices.link, made.id)


async def test_links_by_pairing_code(world: World) -> None:
    made = await world.create()
    code = await devices.pairing_code(world.principal, made.id, "0812-3456-7890", registry.channel)
    assert len(code) == 9
    with pytest.raises(Invalid):
        await devices.pairing_code(world.principal, made.id, "12", registry.channel)
    assert world.sandbox.world.sessions[made.session].names["pairing"] == "6281234567890"


async def test_session_is_signed_and_named_for_its_tenant(world: World) -> None:
    made = await world.create()
    config = world.sandbox.world.sessions[made.session].config
    assert config["metadata"]["tenant.id"] == str(world.principal.tenant_id)
    (hook,) = config["webhooks"]
    assert len(hook["hmac"]["key"]) >= 32
    async with system_unit_of_work() as uow:
        row = (await uow.session.execute(select(Device).where(Device.id == made.id))).scalar_one()
    token = hook["url"].rpartition("/")[2]
    assert "/webhooks/waha/" in hook["url"]
    for secret in (token, hook["hmac"]["key"]):
        assert secret not in f"{row.webhook_token}{row.hmac_key}{row.webhook_token_hash!r}"


async def test_restart_keeps_the_link(world: World) -> None:
    linked = await world.linked()
    answer = await world.act(devices.restart, linked.id)
    assert answer.status == "STARTING"
    after = await world.get(linked.id)
    assert (after.status, after.phone) == ("CONNECTED", linked.phone)


async def test_disconnect_unlinks_and_link_asks_for_a_new_code(world: World) -> None:
    linked = await world.linked()
    await world.act(devices.disconnect, linked.id)
    session = world.sandbox.world.sessions[linked.session]
    assert (session.status, session.me) == ("STOPPED", None)
    assert not await world.tell(linked.id, ChannelStatus.SCAN_QR)
    await world.probe()
    gone = await world.get(linked.id)
    assert (gone.status, gone.reason) == ("DISCONNECTED", "by_user")
    await world.act(devices.link, linked.id)
    assert (await world.get(linked.id)).status == "SCAN_QR"


async def test_delete_takes_the_session_away(world: World) -> None:
    linked = await world.linked()
    await world.act(devices.delete, linked.id)
    assert linked.session not in world.sandbox.world.sessions
    with pytest.raises(NotFound):
        await world.get(linked.id)
    await world.probe()
    async with system_unit_of_work() as uow:
        row = (await uow.session.execute(select(Device).where(Device.id == linked.id))).scalar_one()
    assert "want" not in row.status_detail


async def test_unscanned_code_fails_with_the_reason_and_links_again(world: World) -> None:
    world.sandbox.world.settings.qr_first_s = world.sandbox.world.settings.qr_next_s = 0.02
    made = await world.create()
    for _ in range(50):
        await world.probe()
        if (await world.get(made.id)).status == "FAILED":
            break
    failed = await world.get(made.id)
    assert (failed.status, failed.reason) == ("FAILED", "code_expired")
    world.sandbox.world.settings.qr_first_s = 60
    await world.act(devices.link, made.id)
    assert (await world.get(made.id)).status == "SCAN_QR"


async def test_full_servers_are_told(world: World) -> None:
    await world.linked()
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE waha_servers SET capacity = 1"))
    made = await world.create("Kedua")
    assert (await world.get(made.id)).reason == "no_server_room"


async def test_a_wish_for_an_engine_beats_an_emptier_server(world: World) -> None:
    known = await world.linked()
    assert known.engine == "WEBJS"
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("INSERT INTO waha_servers (name, url, api_key) VALUES ('empty', 'http://127.0.0.1:9', 'x')")
        )
        fitting = (await uow.session.execute(text("SELECT id FROM waha_servers WHERE name = 'default'"))).scalar_one()
        assert await waha_servers.choose(uow) != fitting
        assert await waha_servers.choose(uow, "WEBJS") == fitting
        assert await waha_servers.choose(uow, "GOWS") != fitting, "nobody runs it, so the emptier one"
    async with unit_of_work(world.principal) as uow:
        made = await devices.create(uow, "Kedua", "WEBJS")
    await world.work()
    assert (await world.get(made.id)).status == "SCAN_QR"


async def test_changes(world: World) -> None:
    made = await world.create()
    quiet = QuietHours.model_validate({"start": "21:00", "end": "07:00"})
    changes = DeviceUpdate(
        name="  Toko  Malang ", pacing=PacingUpdate(delay_min_s=2, delay_max_s=4, per_day=100, quiet_hours=quiet)
    )
    changed = await world.act(devices.update, made.id, changes)
    assert changed.name == "Toko Malang"
    assert changed.pacing == {
        "delay_min_s": 2, "delay_max_s": 4, "per_day": 100, "quiet_hours": {"start": "21:00", "end": "07:00"},
    }  # fmt: skip
    cleared = await world.act(devices.update, made.id, DeviceUpdate(pacing=PacingUpdate(per_day=None)))
    assert (cleared.pacing["per_day"], cleared.pacing["delay_min_s"]) == (None, 2)
    with pytest.raises(Invalid):
        await world.act(devices.update, made.id, DeviceUpdate(pacing=PacingUpdate(delay_min_s=9)))
    assert (await world.act(devices.toggle, made.id)).is_active_for_broadcast is False
    with pytest.raises(Invalid):
        async with unit_of_work(world.principal) as uow:
            await devices.create(uow, " \x00 ")


async def test_diary_is_kept(world: World) -> None:
    linked = await world.linked()
    async with unit_of_work(world.principal) as uow:
        events = await devices.list_events(uow, linked.id)
    assert [event.kind for event in events] == ["connected", "scan_qr"]


async def test_another_tenants_device_is_not_found(world: World) -> None:
    linked = await world.linked()
    for verb in (
        devices.get,
        devices.link,
        devices.restart,
        devices.disconnect,
        devices.delete,
        devices.toggle,
        devices.list_events,
    ):
        with pytest.raises(NotFound):
            async with unit_of_work(world.other) as uow:
                await verb(uow, linked.id)
    with pytest.raises(NotFound):
        async with unit_of_work(world.other) as uow:
            await devices.update(uow, linked.id, DeviceUpdate(name="x"))
    for ask in (
        devices.qr(world.other, linked.id, registry.channel),
        devices.pairing_code(world.other, linked.id, "081234567890", registry.channel),
    ):
        with pytest.raises(NotFound):
            await ask
    await devices.provision(world.other.tenant_id, linked.id, registry.channel)
    async with unit_of_work(world.other) as uow:
        assert await devices.list_devices(uow) == []
    assert (await world.get(linked.id)).status == "CONNECTED"


async def test_reader_may_not_change(world: World) -> None:
    linked = await world.linked()
    reader = Principal(world.principal.tenant_id, world.principal.user_id, frozenset({"devices.read"}))
    async with unit_of_work(reader) as uow:
        assert (await devices.get(uow, linked.id)).phone == linked.phone
        for verb in (devices.link, devices.restart, devices.disconnect, devices.delete, devices.toggle):
            with pytest.raises(Forbidden):
                await verb(uow, linked.id)
    with pytest.raises(Forbidden):
        await devices.qr(reader, linked.id, registry.channel)


async def test_search(world: World) -> None:
    await world.linked("6281234567890")
    for q, n in (("bandung", 1), ("812345", 1), ("%", 0), ("malang", 0), ("", 1)):
        async with unit_of_work(world.principal) as uow:
            assert len(await devices.list_devices(uow, q=q)) == n


async def test_webhooks_follow_a_new_address(world: World) -> None:
    linked = await world.linked()
    with environment(PUBLIC_URL="https://sapa.contoh.id"):
        await world.probe()
        await world.probe()
    hook = world.sandbox.world.sessions[linked.session].config["webhooks"][0]["url"]
    assert hook.startswith("https://sapa.contoh.id/webhooks/waha/")
    assert (await world.get(linked.id)).status == "CONNECTED"
