"""Devices against the real sandbox: link, scan, watch, restart, unlink, delete; and nobody else's."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from tests.fixtures.sandbox import KEY, Sandbox, quick, running_sandbox
from tests.fixtures.services import environment
from wa_app import db, queues
from wa_app.channels import registry
from wa_app.channels.port import Account, SessionStatusChanged
from wa_app.channels.port import DeviceStatus as ChannelStatus
from wa_app.config import Settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Forbidden, Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.models.devices import Device
from wa_app.schemas.devices import DeviceUpdate, DeviceView, PacingUpdate, QuietHours
from wa_app.schemas.principal import ALL_VERBS, Principal
from wa_app.services import accounts, devices
from wa_app.services.devices import status as status_module


@dataclass
class World:
    """A tenant, another one, and a sandbox as the only WAHA server."""

    sandbox: Sandbox
    jobs: list[queues.Job] = field(default_factory=list)
    principal: Principal = field(default_factory=lambda: Principal.system(new_id()))
    other: Principal = field(default_factory=lambda: Principal.system(new_id()))

    async def work(self) -> None:
        """Do what was enqueued for devices, until nothing is left."""
        while self.jobs:
            job = self.jobs.pop(0)
            if job.actor == "device.provision":
                await devices.provision(UUID(job.kwargs["tenant_id"]), UUID(job.kwargs["device_id"]), registry.channel)

    async def probe(self, device_id: UUID | None = None) -> None:
        await devices.probe(registry.channel, device_id)
        await self.work()

    async def create(self, name: str = "Toko Bandung") -> DeviceView:
        async with unit_of_work(self.principal) as uow:
            made = await devices.create(uow, name)
        await self.work()
        return made

    async def get(self, device_id: UUID) -> DeviceView:
        async with unit_of_work(self.principal) as uow:
            return await devices.get(uow, device_id)

    async def linked(self, phone: str = "6281100001111") -> DeviceView:
        made = await self.create()
        await self.sandbox.scan(made.session, phone)
        await self.probe()
        return await self.get(made.id)

    async def act(self, verb: Any, device_id: UUID, *args: Any) -> Any:
        async with unit_of_work(self.principal) as uow:
            answer = await verb(uow, device_id, *args)
        await self.work()
        return answer

    async def tell(self, device_id: UUID, status: ChannelStatus, at: datetime | None = None, **more: Any) -> bool:
        """A `session.status` webhook as the intake hands it on."""
        event = SessionStatusChanged(
            kind="session.status",
            event_id=str(new_id()),
            session="s",
            at=at or datetime.now(UTC),
            status=status,
            **more,
        )
        async with system_unit_of_work() as uow:
            device = (await uow.session.execute(select(Device).where(Device.id == device_id))).scalar_one()
            return await devices.apply_session_status(uow, device, event)


async def _principal(name: str) -> Principal:
    async with system_unit_of_work() as uow:
        user = await accounts.add_user(uow, f"{name}-{new_id().hex}@contoh.id", name, "x")
        tenant = await accounts.add_tenant(uow, user, name)
    return Principal(tenant.id, user.id, ALL_VERBS)


@pytest.fixture
async def world(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with running_sandbox(quick()) as sandbox:
        with environment(WAHA_URL=sandbox.url, WAHA_API_KEY=KEY):
            found = World(sandbox)

            async def keep(*args: Any) -> None:
                found.jobs.extend(args[-1])

            monkeypatch.setattr(queues, "send", keep)
            async with system_unit_of_work() as uow:
                await uow.session.execute(
                    text("UPDATE devices SET deleted_at = now(), waha_server_id = NULL, status_detail = '{}'")
                )
                await uow.session.execute(text("DELETE FROM waha_servers"))
            found.principal, found.other = await _principal("nusa"), await _principal("cling")
            yield found
            await registry.close()
            await db.dispose()


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


async def test_full_servers_are_told(world: World) -> None:
    await world.linked()
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE waha_servers SET capacity = 1"))
    made = await world.create("Kedua")
    assert (await world.get(made.id)).reason == "no_server_room"


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
