"""Whom the guard tells and who may steer it: letters, broadcasts, owners, the API."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from tests.fixtures.api import client_for, make_signed_tenant
from tests.fixtures.guarded_shops import (
    Shop,
    opened_shop,
)
from wa_app.config import Settings
from wa_app.db import unit_of_work
from wa_app.errors import Forbidden, Invalid, NotFound
from wa_app.schemas.devices import DeviceUpdate
from wa_app.schemas.principal import Principal
from wa_app.schemas.roles import SEEDED_ROLES
from wa_app.services import devices
from wa_app.services.devices import guarding


@pytest.fixture
async def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async with opened_shop(settings, monkeypatch) as made:
        yield made


async def test_each_action_is_one_letter_to_those_who_steer(shop: Shop) -> None:
    await shop.left(sent=300, failed=75)
    await shop.tick()
    letters = await shop.deliver()
    assert [letter.to for letter in letters] == [shop.signed.email]
    assert letters[0].subject == "Sapa memperlambat Kopi Lestari."
    assert "20% pesan ditolak dalam 24 jam, wajar sampai 3%." in letters[0].text
    assert f"/devices/{shop.device_id}" in letters[0].text
    await shop.tick()
    await shop.tick()
    assert await shop.deliver() == []
    assert len(await shop.sql("SELECT 1 FROM guard_mails WHERE tenant_id = :t")) == 1


async def test_a_lost_message_is_asked_for_again(shop: Shop) -> None:
    await shop.left(sent=300, failed=75)
    await shop.tick()
    shop.jobs.clear()
    await shop.sql("UPDATE guard_mails SET created_at = created_at - interval '2 min' WHERE tenant_id = :t")
    await guarding.wake_unsent()
    assert len(await shop.deliver()) == 1
    shop.jobs.clear()
    await guarding.wake_unsent()
    assert await shop.deliver() == []


async def test_two_clocks_act_once(shop: Shop) -> None:
    await shop.left(sent=300, failed=75)
    await asyncio.gather(guarding.watch_over(), guarding.watch_over(), guarding.watch_over())
    assert await shop.actions() == [("none", "slow")]
    assert len(await shop.sql("SELECT 1 FROM guard_mails WHERE tenant_id = :t")) == 1


async def test_a_broadcast_that_people_leave_is_paused_in_numbers(shop: Shop) -> None:
    await shop.left(sent=60, read=40)
    await shop.stops(3)
    await shop.tick()
    row = (await shop.sql("SELECT status, pause_reason, pause_detail FROM campaigns WHERE id = :c"))[0]
    assert row.status == "PROCESSING", "3 % is the limit, not over it"
    await shop.stops(1)
    await shop.tick()
    row = (await shop.sql("SELECT status, pause_reason, pause_detail FROM campaigns WHERE id = :c"))[0]
    assert (row.status, row.pause_reason) == ("PAUSED", "opt_out_rate")
    assert row.pause_detail == {"value": 4.0, "limit": 3.0, "n": 4, "sent": 100}
    letters = [letter for letter in await shop.deliver() if "Promo" in letter.subject]
    assert len(letters) == 1
    assert "Siaran dijeda: 4% berhenti berlangganan dalam 1 jam, batas 3%." in letters[0].text
    # A person lets it go on: what was counted then does not stop it again.
    await shop.sql("UPDATE campaigns SET status = 'PROCESSING', pause_reason = NULL WHERE id = :c")
    await shop.left(sent=160)
    await shop.tick()
    assert (await shop.sql("SELECT status FROM campaigns WHERE id = :c"))[0].status == "PROCESSING"


async def test_entries_of_another_tenant_pause_no_broadcast(shop: Shop) -> None:
    """Who learns a broadcast's id elsewhere cannot stop it by a blacklist of his own."""
    await shop.left(sent=60, read=40)
    stranger = await make_signed_tenant()
    for n in range(10):
        await shop.sql(
            "INSERT INTO suppressions (tenant_id, kind, hash, masked, reason, campaign_id) "
            "VALUES (:o, 'phone', :h, 'x', 'UNSUBSCRIBE', :c)", o=stranger.tenant_id, h=bytes([n]) * 32,
        )  # fmt: skip
    await shop.tick()
    assert (await shop.sql("SELECT status FROM campaigns WHERE id = :c"))[0].status == "PROCESSING"


async def test_protection_is_the_owners(shop: Shop) -> None:
    await shop.left(sent=300, failed=75)
    await shop.tick()
    admin = Principal(shop.signed.tenant_id, shop.signed.user_id, SEEDED_ROLES["admin"][1])
    off = DeviceUpdate(protection=False, confirm="Kopi Lestari")
    with pytest.raises(Forbidden) as refused:
        async with unit_of_work(admin) as uow:
            await devices.update(uow, shop.device_id, off)
    assert refused.value.code == "protection_owner_only"
    program = Principal(shop.signed.tenant_id, None, shop.signed.principal.verbs, "api_key")
    with pytest.raises(Forbidden):
        async with unit_of_work(program) as uow:
            await devices.update(uow, shop.device_id, off)
    with pytest.raises(Invalid) as unconfirmed:
        async with unit_of_work(shop.signed.principal) as uow:
            await devices.update(uow, shop.device_id, DeviceUpdate(protection=False, confirm="kopi"))
    assert unconfirmed.value.fields[0].field == "confirm"
    async with unit_of_work(shop.signed.principal) as uow:
        found = await devices.update(uow, shop.device_id, off)
    assert (found.protection, found.guard.level) == (False, "none")
    logged = await shop.sql("SELECT user_id, detail FROM audit_log WHERE tenant_id = :t AND verb = 'devices.protection'")
    assert [(row.user_id, row.detail["on"]) for row in logged] == [(shop.signed.user_id, False)]
    assert (await shop.tick()).guard.level == "none", "off means off"
    async with unit_of_work(admin) as uow:
        await devices.update(uow, shop.device_id, DeviceUpdate(protection=True))
    assert (await shop.tick()).guard.level == "slow", "on again is free, and acts"


async def test_a_foreign_number_is_not_found(shop: Shop) -> None:
    stranger = await make_signed_tenant("Lain")
    for ask in (devices.health_history, devices.get):
        with pytest.raises(NotFound):
            async with unit_of_work(stranger.principal) as uow:
                await ask(uow, shop.device_id)
    with pytest.raises(NotFound):
        async with unit_of_work(stranger.principal) as uow:
            await devices.update(uow, shop.device_id, DeviceUpdate(protection=False, confirm="Kopi Lestari"))


async def test_history_is_pruned(shop: Shop) -> None:
    await shop.tick()
    await shop.sql("INSERT INTO device_health (id, tenant_id, device_id, score, created_at) VALUES "
                   "('01900000-0000-7000-8000-000000000000', :t, :d, 5, now() - interval '91 days')")  # fmt: skip
    await guarding.tidy()
    assert len(await shop.sql("SELECT 1 FROM device_health WHERE device_id = :d")) == 1


async def test_the_api_shows_and_steers(shop: Shop, api: FastAPI) -> None:
    await shop.left(sent=300, failed=75)
    await shop.tick()
    path = f"/api/v1/devices/{shop.device_id}"
    async with client_for(api, shop.signed) as client:
        shown = (await client.get(path)).json()
        assert (shown["health_score"], shown["guard"]["level"], shown["protection"]) == (60, "slow", True)
        history = (await client.get(f"{path}/health", params={"days": 1})).json()
        assert history["signs"][0] == {"sign": "failures", "value": 20.0, "fine": 3.0, "points": 40, "of": 40}
        assert [one["kind"] for one in history["actions"]] == ["guard"]
        assert [point["score"] for point in history["points"]] == [60]
        assert (await client.get(f"{path}/health", params={"days": 400})).status_code == 422
        refused = await client.patch(path, json={"protection": False})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "protection_unconfirmed")
        off = await client.patch(path, json={"protection": False, "confirm": "Kopi Lestari"})
        assert (off.status_code, off.json()["protection"]) == (200, False)
        page = (await client.get(f"{path}/events", params={"limit": 1})).json()
        assert [one["kind"] for one in page["items"]] == ["protection"]
        older = (await client.get(f"{path}/events", params={"limit": 1, "cursor": page["next_cursor"]})).json()
        assert [one["kind"] for one in older["items"]] == ["guard"]
    stranger = await make_signed_tenant("Lain")
    async with client_for(api, stranger) as client:
        assert (await client.get(f"{path}/health")).status_code == 404
        assert (await client.patch(path, json={"protection": True})).status_code == 404
    admin = await make_signed_tenant("Ketiga", SEEDED_ROLES["admin"][1])
    assert "devices.protection" not in admin.principal.verbs
