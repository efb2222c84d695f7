"""The guard against the real database: each threshold acts, tells its people once, and lets go by rule."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from bench.seeding import World
from tests.fixtures.api import Signed, client_for, make_signed_tenant
from tests.integration.test_lanes import run_lane
from wa_app import db, queues
from wa_app.config import Settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Forbidden, Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.kit.secrets import encrypt
from wa_app.mail.port import Mail
from wa_app.models.devices import Device, DeviceStatus
from wa_app.schemas.devices import DeviceUpdate, DeviceView, HealthHistory
from wa_app.schemas.principal import Principal
from wa_app.schemas.roles import SEEDED_ROLES
from wa_app.services import devices, mails
from wa_app.services.devices import guarding


@dataclass
class Post:
    """A mail server that keeps what it is given."""

    mails: list[Mail] = field(default_factory=list)

    def send(self, mail: Mail) -> None:
        self.mails.append(mail)


@dataclass
class Shop:
    """A tenant with a number that has been sending, and the clock of the guard in hand."""

    signed: Signed
    device_id: UUID = field(default_factory=new_id)
    campaign_id: UUID = field(default_factory=new_id)
    post: Post = field(default_factory=Post)
    jobs: list[queues.Job] = field(default_factory=list)

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        values = {"t": self.signed.tenant_id, "d": self.device_id, "c": self.campaign_id, **values}
        named = {key: value for key, value in values.items() if f":{key}" in statement}
        async with system_unit_of_work() as uow:
            found: Any = await uow.session.execute(text(statement), named)
            return list(found.all()) if found.returns_rows else []

    async def open(self) -> None:
        async with system_unit_of_work() as uow:
            uow.session.add(Device(
                id=self.device_id, tenant_id=self.signed.tenant_id, name="Kopi Lestari", session=f"s{self.device_id.hex}",
                status=DeviceStatus.CONNECTED, webhook_token=encrypt("x"), webhook_token_hash=self.device_id.bytes,
                hmac_key=encrypt("x"),
            ))  # fmt: skip
        await self.sql("UPDATE devices SET connected_at = now() WHERE id = :d")
        await self.sql(
            "INSERT INTO campaigns (id, tenant_id, name, status, started_at, planned_at) "
            "VALUES (:c, :t, 'Promo', 'PROCESSING', now() - interval '30 min', now())"
        )
        # A dozen people answer.
        await self.sql(
            "WITH p AS (INSERT INTO contacts (tenant_id, name) SELECT :t, 'P' FROM generate_series(1, 12) RETURNING id) "
            "INSERT INTO conversations (tenant_id, contact_id, device_id, chat_id, last_message_at, last_inbound_at) "
            "SELECT :t, p.id, :d, 'x', now(), now() FROM p"
        )
        await self.sql("INSERT INTO campaign_devices (tenant_id, campaign_id, device_id) VALUES (:t, :c, :d)")

    async def left(self, **counts: int) -> None:
        """Set the totals of the broadcast on this number."""
        for state, n in counts.items():
            await self.sql(
                "INSERT INTO campaign_counters (tenant_id, campaign_id, device_id, state, n) VALUES (:t, :c, :d, :s, :n) "
                "ON CONFLICT (tenant_id, campaign_id, device_id, state) DO UPDATE SET n = excluded.n", s=state, n=n,
            )  # fmt: skip

    async def happened(self, kind: str, **detail: Any) -> None:
        await self.sql(
            "INSERT INTO device_events (tenant_id, device_id, kind, detail) VALUES (:t, :d, :k, CAST(:x AS jsonb))",
            k=kind, x=orjson.dumps(detail).decode(),
        )  # fmt: skip

    async def stops(self, count: int, *, campaign: bool = True) -> None:
        """People who wrote STOP to this number."""
        for _ in range(count):
            person = new_id()
            await self.sql("INSERT INTO contacts (id, tenant_id, name) VALUES (:p, :t, 'A')", p=person)
            await self.sql(
                "INSERT INTO contact_identities (tenant_id, contact_id, kind, value, hash) "
                "VALUES (:t, :p, 'phone', :v, :h)", p=person, v=str(person), h=person.bytes,
            )  # fmt: skip
            await self.sql(
                "INSERT INTO conversations (tenant_id, contact_id, device_id, chat_id, last_message_at, last_inbound_at) "
                "VALUES (:t, :p, :d, 'x', now(), now())", p=person,
            )  # fmt: skip
            await self.sql(
                "INSERT INTO suppressions (tenant_id, kind, hash, masked, reason, campaign_id) "
                "VALUES (:t, 'phone', :h, '+62…', 'UNSUBSCRIBE', :camp)", h=person.bytes,
                camp=self.campaign_id if campaign else None,
            )  # fmt: skip

    async def tick(self, hours: float = 0) -> DeviceView:
        """Let time pass by moving what was written into the past, then let the clock run once."""
        if hours:
            ago = timedelta(hours=hours)
            await self.sql("UPDATE devices SET guard_until = guard_until - CAST(:ago AS interval), "
                           "guard_at = guard_at - CAST(:ago AS interval), "
                           "paused_until = paused_until - CAST(:ago AS interval) WHERE id = :d", ago=ago)  # fmt: skip
        self.jobs.clear()
        await guarding.watch_over()
        return await self.device()

    async def device(self) -> DeviceView:
        async with unit_of_work(self.signed.principal) as uow:
            return await devices.get(uow, self.device_id)

    async def history(self) -> HealthHistory:
        async with unit_of_work(self.signed.principal) as uow:
            return await devices.health_history(uow, self.device_id)

    async def actions(self) -> list[tuple[str, str]]:
        """What the guard did, oldest first, as (before, level)."""
        found = (await self.history()).actions
        return [(one.detail["before"], one.detail["level"]) for one in reversed(found) if one.kind == "guard"]

    async def deliver(self) -> list[Mail]:
        """Do what was enqueued for mails, each message twice: queues repeat."""
        mine = {row.id for row in await self.sql("SELECT id FROM guard_mails WHERE tenant_id = :t")}
        asked = [UUID(job.kwargs["id"]) for job in self.jobs if job.actor == "mail.send"]
        self.post.mails.clear()
        for one in [one for one in asked if one in mine] * 2:
            await mails.send(self.post, "guard", one)
        return list(self.post.mails)


@pytest.fixture
async def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    made = Shop(await make_signed_tenant("Nusa Niaga", language="id"))

    async def keep(*args: Any) -> None:
        made.jobs.extend(args[-1])

    monkeypatch.setattr(queues, "send", keep)
    await made.open()
    yield made
    await db.dispose()


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


async def test_figures_are_of_the_last_day_only(shop: Shop) -> None:
    await shop.sql("UPDATE campaigns SET started_at = now() - interval '9 days' WHERE id = :c")
    await shop.left(sent=400, failed=300)
    found = await shop.tick()
    assert found.health_score is None, "what was before we looked is not judged"
    await shop.sql("UPDATE device_health SET created_at = created_at - interval '25 hours' WHERE device_id = :d")
    await shop.left(sent=500, failed=302)
    found = await shop.tick()
    assert found.health_score == 100


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
