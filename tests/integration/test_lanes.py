"""Lanes against the real sandbox over HTTP and the real database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from bench.seeding import World
from wa_app.channels import registry
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.models.people import SuppressionReason
from wa_app.schemas.conversations import ChatSend
from wa_app.schemas.principal import Principal
from wa_app.sending import files, lanes, ledger
from wa_app.sending.reconcile import reconcile_device
from wa_app.services import blacklist, conversations
from wa_app.services import files as stored_files
from wa_app.services.conversations import sweeps as chat_sweeps


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


async def rows_of(world: World, campaign: Any) -> list[Any]:
    return await world.fetch("SELECT * FROM outbound_messages WHERE campaign_id = $1 ORDER BY id", campaign)


async def device_row(world: World, number: int = 0) -> Any:
    return (await world.fetch("SELECT * FROM devices WHERE id = $1", world.devices[number].id))[0]


async def test_a_restricted_account_stops_its_campaigns_and_says_why(world: World) -> None:
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(20))
    await world.fault("463", count=1)
    await run_lane(world)
    states = await world.states(campaign)
    assert states.get("planned", 0) >= 1
    assert "failed" not in states
    device = await device_row(world)
    assert device["pause_reason"] == "account_restricted"
    events = await world.fetch("SELECT kind, detail FROM device_events WHERE device_id = $1", world.devices[0].id)
    assert any(e["kind"] == "paused" and "account_restricted" in e["detail"] for e in events)
    assert sum((await world.counters(campaign)).values()) == 20


async def test_a_person_without_whatsapp_fails_alone(world: World) -> None:
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(20))
    await world.fault("no_lid", count=3)
    await run_lane(world)
    assert await world.states(campaign) == {"sent": 17, "failed": 3}
    codes = {row["error_code"] for row in await rows_of(world, campaign) if row["state"] == "failed"}
    assert codes == {"contact_unusable"}
    assert (await device_row(world))["pause_reason"] is None


async def test_too_many_failures_in_a_row_pause_the_campaign(world: World) -> None:
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(80))
    await world.fault("no_lid")
    await run_lane(world)
    row = await campaign_row(world, campaign)
    assert (row["status"], row["pause_reason"]) == ("PAUSED", "error_rate")
    assert (await world.states(campaign))["planned"] > 0


async def test_a_broken_session_rests_and_others_go_on(world: World) -> None:
    await world.link(2)
    campaign = await world.add_campaign(await world.add_contacts(60))
    await world.fault("422", session=world.devices[0].session)
    await asyncio.gather(run_lane(world, 0), run_lane(world, 1))
    await run_lane(world, 1)
    assert await world.states(campaign) == {"sent": 60}
    device = await device_row(world)
    assert device["status"] == "FAILED"
    assert device["pause_reason"] == "device_trouble"
    assert (await world.judge())["duplicates"] == 0


async def test_too_fast_waits_and_tries_again(world: World) -> None:
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(5))
    await world.fault("rate", count=1)
    await run_lane(world)
    states = await world.states(campaign)
    assert states == {"sent": 4, "planned": 1}
    row = next(r for r in await rows_of(world, campaign) if r["state"] == "planned")
    assert row["due_at"] > row["created_at"] + timedelta(seconds=30)
    assert (await device_row(world))["pause_reason"] == "rate_limited"


@pytest.mark.parametrize("fault", ["http_500_after", "cut", "empty_answer"])
async def test_no_clear_answer_is_unknown_and_reconciled_as_sent(world: World, fault: str) -> None:
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(10))
    await world.fault(fault, count=2)
    await run_lane(world, wait_s=0.0)
    assert await world.states(campaign) == {"sent": 8, "unknown": 2}
    settled = await reconcile_device(world.tenant_id, world.devices[0].id, registry.channel)
    assert settled == 2
    assert await world.states(campaign) == {"sent": 10}
    assert await world.counters(campaign) == {"sent": 10}
    assert all(row["provider_message_id"] for row in await rows_of(world, campaign))
    assert (await world.judge())["duplicates"] == 0


async def test_proven_absent_fails_and_may_be_retried_as_the_same_row(world: World) -> None:
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(6))
    await world.fault("http_500", count=2)
    await run_lane(world, wait_s=0.0)
    assert await world.states(campaign) == {"sent": 4, "unknown": 2}
    await reconcile_device(world.tenant_id, world.devices[0].id, registry.channel)
    assert await world.states(campaign) == {"sent": 4, "failed": 2}
    before = {row["id"] for row in await rows_of(world, campaign)}
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        assert await ledger.retry_failed(uow, campaign_id=campaign) == 2
        conn = await uow.driver()
        await conn.execute("UPDATE campaigns SET status = 'PROCESSING' WHERE id = $1", campaign)
    await run_lane(world)
    assert await world.states(campaign) == {"sent": 6}
    rows = await rows_of(world, campaign)
    assert {row["id"] for row in rows} == before
    assert sorted(row["attempt"] for row in rows) == [1, 1, 1, 1, 2, 2]
    judged = await world.judge()
    assert (judged["accepted"], judged["duplicates"]) == (6, 0)


@pytest.mark.parametrize("engine", ["NOWEB", "GOWS"])
async def test_engines_with_ids_send_under_ours(world: World, engine: str) -> None:
    await world.configure(engine=engine)
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(20))
    await world.fault("http_500_after", count=1)
    await run_lane(world, wait_s=0.0)
    rows = await rows_of(world, campaign)
    assert all(row["provider_key"] for row in rows)
    assert len({row["provider_key"] for row in rows}) == 20
    assert all(row["provider_key"] == row["provider_message_id"] for row in rows if row["state"] == "sent")
    await reconcile_device(world.tenant_id, world.devices[0].id, registry.channel)
    assert await world.states(campaign) == {"sent": 20}


async def test_a_dead_lanes_rows_become_unknown_and_late_truth_is_taken(world: World) -> None:
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(3))
    device = world.devices[0]
    rows = await rows_of(world, campaign)
    await world.fetch(
        "UPDATE outbound_messages SET state = 'sending', device_id = $2, lease_epoch = 0, claimed_at = now(), "
        "content_hash = '\\x00' WHERE id = $1", rows[0]["id"], device.id,
    )  # fmt: skip
    await world.fetch("UPDATE devices SET lease_epoch = 5 WHERE id = $1", device.id)
    await run_lane(world)
    assert await world.states(campaign) == {"sent": 2, "unknown": 1}
    outcome = ledger.Outcome(rows[0]["id"], 1, "sent", "LATE", "x@c.us")
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        conn = await uow.driver()
        await ledger.book(conn, world.tenant_id, await ledger.write_outcomes(conn, world.tenant_id, device.id, [outcome]))
    assert await world.states(campaign) == {"sent": 3}


async def test_two_lanes_never_work_one_device(world: World) -> None:
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(60))
    await asyncio.gather(*(run_lane(world) for _ in range(4)))
    assert await world.states(campaign) == {"sent": 60}
    assert (await world.judge())["duplicates"] == 0


async def test_nothing_is_claimed_after_a_stop_has_committed(world: World) -> None:
    await world.link(2)
    contacts = await world.add_contacts(300)
    campaign = await world.add_campaign(contacts)
    stopped: dict[Any, str] = {}

    async def stop_some() -> None:
        for contact in contacts[::3]:
            async with unit_of_work(Principal.system(world.tenant_id)) as uow:
                await blacklist.add(uow, blacklist.BlacklistAdd(contact_id=contact, reason=SuppressionReason.UNSUBSCRIBE))
            row = await world.fetch(
                "SELECT id, state FROM outbound_messages WHERE campaign_id = $1 AND contact_id = $2", campaign, contact
            )
            stopped[row[0]["id"]] = row[0]["state"]

    await asyncio.gather(stop_some(), run_lane(world, 0), run_lane(world, 1))
    await run_lane(world)
    late = [row_id for row_id, state in stopped.items() if state == "planned"]
    assert late, "every stop came too late to mean anything"
    rows = {row["id"]: row for row in await rows_of(world, campaign)}
    assert {(rows[one]["state"], rows[one]["error_code"]) for one in late} == {("skipped", "suppressed")}
    assert sum((await world.counters(campaign)).values()) == 300


async def test_rows_expire_and_deleted_contacts_are_skipped(world: World) -> None:
    await world.link(1)
    contacts = await world.add_contacts(6)
    campaign = await world.add_campaign(contacts)
    await world.fetch("UPDATE contacts SET deleted_at = now() WHERE id = $1", contacts[0])
    await world.fetch(
        "UPDATE outbound_messages SET expires_at = now() WHERE campaign_id = $1 AND contact_id = $2",
        campaign, contacts[1],
    )  # fmt: skip
    await run_lane(world)
    codes = sorted(row["error_code"] or row["state"] for row in await rows_of(world, campaign))
    assert codes == ["contact_deleted", "expired", "sent", "sent", "sent", "sent"]
    assert (await campaign_row(world, campaign))["status"] == "COMPLETED"


async def test_a_single_message_leaves_before_the_broadcast(world: World) -> None:
    await world.link(1)
    contacts = await world.add_contacts(100)
    await world.add_campaign(contacts)
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        phone = ("phone", "+628990000001")
        first = await ledger.enqueue_message(uow, kind="api", identity=phone, text="OTP 123", dedupe_key="a")
        again = await ledger.enqueue_message(uow, kind="api", identity=phone, text="OTP 123", dedupe_key="a")
    assert first == again
    await run_lane(world)
    rows = await world.fetch(
        "SELECT id, state, body, claimed_at FROM outbound_messages WHERE tenant_id = $1 ORDER BY claimed_at LIMIT 1",
        world.tenant_id,
    )  # fmt: skip
    assert (rows[0]["id"], rows[0]["state"], rows[0]["body"]) == (first, "sent", "OTP 123")


async def test_a_message_for_later_leaves_when_its_time_has_come_and_then_stands_in_the_chat(world: World) -> None:
    device = (await world.link(1))[0]
    (contact,) = await world.add_contacts(1)
    at = datetime.now(UTC) + timedelta(hours=1)
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        chat = await conversations.start(uow, contact_id=contact, device_id=device.id)
        waits = await conversations.schedule_send(uow, chat.id, ChatSend(text="Selamat pagi"), at)
        await conversations.snooze(uow, chat.id, at)
    await run_lane(world, wait_s=0.1)
    assert (await world.judge())["accepted"] == 0
    await world.fetch("UPDATE outbound_messages SET due_at = now() WHERE id = $1", waits.id)
    await world.fetch("UPDATE messages SET timestamp = now() WHERE outbound_id = $1", waits.id)
    await world.fetch("UPDATE conversations SET scheduled_at = now(), snoozed_until = now() WHERE id = $1", chat.id)
    await run_lane(world)
    await run_lane(world, wait_s=0.1)
    assert (await world.judge())["accepted"] == 1
    async with system_unit_of_work() as every:
        await chat_sweeps.wake_snoozed(every)
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        assert await conversations.scheduled(uow, chat.id) == []
        (line,) = (await conversations.messages(uow, chat.id)).items
        assert (line.text, line.status, line.outbound_id) == ("Selamat pagi", "sent", waits.id)
        # Put away until the same moment: it is back, and listed by what was just said.
        (listed,) = (await conversations.list_(uow)).items
        assert (listed.id, listed.status, listed.scheduled_at, listed.snoozed_until) == (chat.id, "open", None, None)


async def test_a_delay_is_kept_with_one_message_in_flight(world: World) -> None:
    await world.link(1, {"delay_min_s": 0.3, "delay_max_s": 0.3, "typing": True})
    campaign = await world.add_campaign(await world.add_contacts(4))
    await run_lane(world)
    rows = sorted(row["claimed_at"] for row in await rows_of(world, campaign))
    assert len(rows) == 4
    assert (rows[-1] - rows[0]).total_seconds() >= 0.6
    assert await world.states(campaign) == {"sent": 4}


async def test_caps_stop_the_lane(world: World) -> None:
    await world.link(1, {"delay_min_s": 0, "delay_max_s": 0, "per_minute": 7, "typing": False})
    campaign = await world.add_campaign(await world.add_contacts(30))
    lane = asyncio.create_task(run_lane(world))
    await asyncio.sleep(3)
    lanes.stop_all()
    await lane
    assert (await world.states(campaign))["sent"] == 7


async def test_quiet_hours_hold_a_broadcast_but_not_an_answer(world: World) -> None:
    always = {"start": "00:00", "end": "23:59"}
    await world.link(1, {"delay_min_s": 0, "delay_max_s": 0, "quiet_hours": always, "typing": False})
    campaign = await world.add_campaign(await world.add_contacts(3))
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        await ledger.enqueue_message(uow, kind="reply", identity=("phone", "+628990000001"), text="Baik kak")
    await run_lane(world)
    assert await world.states(campaign) == {"planned": 3}
    rows = await world.fetch("SELECT state FROM outbound_messages WHERE tenant_id = $1 AND kind = 'reply'", world.tenant_id)
    assert [row["state"] for row in rows] == ["sent"]


async def test_a_paused_campaign_is_left_alone(world: World) -> None:
    await world.link(1)
    campaign = await world.add_campaign(await world.add_contacts(10))
    await world.fetch("UPDATE campaigns SET status = 'PAUSED' WHERE id = $1", campaign)
    await run_lane(world)
    assert await world.states(campaign) == {"planned": 10}


async def test_a_file_leaves_with_its_caption(world: World) -> None:
    await world.link(1)
    contacts = await world.add_contacts(2)
    principal = Principal.system(world.tenant_id)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"\xff\xd8\xff\xe0" + b"\x00" * 64

    file = await stored_files.store(principal, "promo.jpg", chunks())
    campaign = await world.add_campaign(contacts)
    await world.fetch("UPDATE campaigns SET file_id = $2 WHERE id = $1", campaign, UUID(str(file.id)))
    await run_lane(world)
    assert await world.states(campaign) == {"sent": 2}
    judged = await world.judge()
    assert all(item["text"].endswith("promo hari ini") for item in judged["items"])
