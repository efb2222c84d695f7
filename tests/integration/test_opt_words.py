"""STOP and START: heeded on every device before the next send, by the time of their messages, once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from bench.seeding import World
from tests.fixtures.webhooks import running_webhooks
from wa_app.channels import registry
from wa_app.channels.port import Identity, IdentityKind
from wa_app.channels.waha.events import sign
from wa_app.db import unit_of_work
from wa_app.inbound import conversations
from wa_app.inbound.process import process_tenant
from wa_app.models.people import SuppressionReason, SuppressionScope
from wa_app.schemas.opt_out import OptOutChange
from wa_app.schemas.principal import Principal
from wa_app.sending import files, lanes
from wa_app.services import blacklist, campaigns, opt_out
from wa_app.services.campaigns import reading

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
async def shop(world: World) -> AsyncIterator[World]:
    """Two linked devices whose webhooks come to us."""
    async with running_webhooks() as base:
        world.webhook_base = base
        await world.link(2)
        yield world


async def says(
    world: World, text: str, at: datetime = NOW, *, device: int = 0, phone: str = "6281200000001", name: str = ""
) -> str:
    """A person writes; the message's id."""
    to = world.devices[device]
    bare = name or f"{abs(hash((text, at, device, phone))):X}"
    payload = {
        "id": f"false_{phone}@c.us_{bare}", "timestamp": int(at.timestamp()), "from": f"{phone}@c.us", "fromMe": False,
        "body": text, "hasMedia": False,
    }  # fmt: skip
    body = orjson.dumps({
        "id": f"evt_{bare}_{datetime.now(UTC).timestamp()}", "timestamp": int(datetime.now(UTC).timestamp() * 1000),
        "event": "message.any", "session": to.session, "engine": "WEBJS", "payload": payload,
    })  # fmt: skip
    headers = {"X-Webhook-Hmac": sign(body, to.hmac_key), "X-Webhook-Hmac-Algorithm": "sha512"}
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{world.webhook_base}/webhooks/waha/{to.token}", content=body, headers=headers)
    assert answer.status_code == 200
    return bare


async def hear(world: World) -> None:
    await process_tenant(world.tenant_id)
    left = await world.fetch(
        "SELECT error FROM inbound_events WHERE tenant_id = $1 AND event = 'message.any' AND state IN ('failed', 'pending')",
        world.tenant_id,
    )  # fmt: skip
    assert [row["error"] for row in left] == []


async def send(world: World, device: int = 0) -> None:
    await lanes.run_lane(world.tenant_id, world.devices[device].id, registry.channel, files.loader, 120.0)


async def stops(world: World) -> list[Any]:
    return await world.fetch("SELECT * FROM suppressions WHERE tenant_id = $1 ORDER BY id", world.tenant_id)


async def answers(world: World) -> list[str]:
    rows = await world.fetch(
        "SELECT body FROM outbound_messages WHERE tenant_id = $1 AND kind = 'reply' ORDER BY id", world.tenant_id
    )
    return [row["body"] for row in rows]


async def texts(world: World) -> list[str]:
    return [one["text"] for one in (await world.judge())["items"]]


def principal(world: World) -> Principal:
    return Principal.system(world.tenant_id)


async def test_stop_on_one_device_stops_what_is_planned_for_another(shop: World) -> None:
    people = await shop.add_contacts(3)
    first = await shop.add_campaign(people, "Promo satu", devices=shop.devices[:1])
    await send(shop, 0)
    second = await shop.add_campaign(people, "Promo dua", devices=shop.devices[1:])
    await says(shop, "stop ya kak", datetime.now(UTC), device=0)
    await hear(shop)
    await send(shop, 1)
    assert await shop.states(second) == {"sent": 2, "skipped": 1}
    assert await shop.counters(second) == {"sent": 2, "skipped": 1}
    (stop,) = await stops(shop)
    assert (stop["reason"], stop["scope"], stop["source"], stop["campaign_id"]) == ("UNSUBSCRIBE", "marketing", "word", first)
    consent = (await shop.fetch("SELECT * FROM consents WHERE tenant_id = $1", shop.tenant_id))[0]
    assert (consent["kind"], consent["source"], consent["evidence"], consent["device_id"]) == (
        "opt_out", "word", "stop ya kak", shop.devices[0].id,
    )  # fmt: skip
    async with unit_of_work(principal(shop)) as uow:
        assert (await campaigns.stats(uow, first)).opted_out == 1
        assert (await campaigns.stats(uow, second)).opted_out == 0
    await send(shop, 0)
    confirmations = [text for text in await texts(shop) if "promosi" in text]
    assert len(confirmations) == 1, "one answer, although marketing is suppressed"


async def test_claims_and_a_stop_at_the_same_moment(shop: World) -> None:
    """Whatever comes first, nothing is claimed for the person after the STOP has committed."""
    people = await shop.add_contacts(40)
    campaign = await shop.add_campaign(people)
    for number in range(40):
        await says(shop, "STOP", datetime.now(UTC), phone=f"62812{number:07d}1", device=number % 2)
    await asyncio.gather(send(shop, 0), send(shop, 1), process_tenant(shop.tenant_id), process_tenant(shop.tenant_id))
    await hear(shop)
    late = await shop.fetch(
        "SELECT 1 FROM outbound_messages o JOIN contact_identities i ON i.contact_id = o.contact_id "
        "JOIN suppressions s ON s.hash = i.hash AND s.tenant_id = i.tenant_id "
        "WHERE o.campaign_id = $1 AND o.claimed_at > s.created_at AND o.state <> 'skipped'", campaign,
    )  # fmt: skip
    assert not late
    states = await shop.states(campaign)
    assert sum(states.values()) == 40
    assert set(states) <= {"sent", "skipped"}
    assert len(await stops(shop)) == 40


async def test_a_stop_that_comes_again_changes_nothing(shop: World) -> None:
    await shop.add_contacts(1)
    at = datetime.now(UTC)
    for _ in range(3):
        await says(shop, "BERHENTI", at, name="SAME")
    await hear(shop)
    await says(shop, "BERHENTI", at, name="SAME")
    await hear(shop)
    assert len(await stops(shop)) == 1
    assert len(await answers(shop)) == 1
    assert len(await shop.fetch("SELECT 1 FROM consents WHERE tenant_id = $1", shop.tenant_id)) == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0), (0, 2, 1), (2, 0, 1)])
@pytest.mark.parametrize("last", ["STOP", "MULAI"])
async def test_the_last_word_counts_in_whatever_order_they_come(shop: World, order: tuple[int, ...], last: str) -> None:
    await shop.add_contacts(1)
    said = ["STOP", "MULAI", "STOP"] if last == "STOP" else ["MULAI", "STOP", "MULAI"]
    start = datetime.now(UTC) - timedelta(hours=1)
    for place in order:
        await says(shop, said[place], start + timedelta(minutes=place), device=place % 2)
        await hear(shop)
    assert bool(await stops(shop)) is (last == "STOP")


async def test_in_the_same_second_the_stop_holds(shop: World) -> None:
    await shop.add_contacts(1)
    for text in ("STOP", "MULAI"):
        await says(shop, text, NOW)
        await hear(shop)
    assert await stops(shop)


async def test_starting_again_lifts_only_ones_own_stop(shop: World) -> None:
    await shop.add_contacts(2)
    async with unit_of_work(principal(shop)) as uow:
        await blacklist.add(uow, blacklist.BlacklistAdd(phone="+6281200000011", reason=SuppressionReason.MANUAL))
    await says(shop, "STOP", NOW - timedelta(minutes=9))
    await says(shop, "STOP", NOW - timedelta(minutes=9), phone="6281200000011")
    await hear(shop)
    await says(shop, "mulai!", NOW + timedelta(seconds=30))
    await says(shop, "mulai!", NOW + timedelta(seconds=30), phone="6281200000011")
    await hear(shop)
    (left,) = await stops(shop)
    assert left["reason"] == "MANUAL"
    assert len([text for text in await answers(shop) if "menerima info dari kami lagi" in text]) == 1
    kinds = await shop.fetch("SELECT kind FROM consents WHERE tenant_id = $1 AND source = 'word'", shop.tenant_id)
    assert sorted(row["kind"] for row in kinds) == ["opt_in", "opt_in", "opt_out", "opt_out"]


async def test_a_decision_of_the_tenant_outlives_the_word(shop: World) -> None:
    await shop.add_contacts(1)
    await says(shop, "STOP", NOW - timedelta(hours=2))
    await hear(shop)
    async with unit_of_work(principal(shop)) as uow:
        await blacklist.add(uow, blacklist.BlacklistAdd(phone="+6281200000001", reason=SuppressionReason.SPAM_REPORT))
    await says(shop, "START", NOW + timedelta(minutes=1))
    await hear(shop)
    assert [row["reason"] for row in await stops(shop)] == ["SPAM_REPORT"]


async def test_nobody_who_wants_no_message_at_all_gets_an_answer(shop: World) -> None:
    await shop.add_contacts(1)
    async with unit_of_work(principal(shop)) as uow:
        await blacklist.add(uow, blacklist.BlacklistAdd(phone="+6281200000001", scope=SuppressionScope.ALL))
    await says(shop, "STOP", NOW)
    await hear(shop)
    assert await answers(shop) == []


async def test_an_old_stop_is_heeded_in_silence_and_attributed_by_its_own_time(shop: World) -> None:
    people = await shop.add_contacts(1)
    campaign = await shop.add_campaign(people)
    await send(shop)
    await shop.fetch(
        "UPDATE outbound_messages SET sent_at = now() - interval '2 days' WHERE campaign_id = $1", campaign
    )
    later = await shop.add_campaign(people)
    await send(shop)
    await says(shop, "STOP", datetime.now(UTC) - timedelta(days=1, hours=12))
    await hear(shop)
    assert [row["campaign_id"] for row in await stops(shop)] == [campaign]
    assert later != campaign
    assert await answers(shop) == []


async def test_words_of_the_tenant_and_no_confirmation(shop: World) -> None:
    await shop.add_contacts(3)
    async with unit_of_work(principal(shop)) as uow:
        await opt_out.change(uow, OptOutChange(opt_out_words=["SUDAHAN"], confirms=False))
    await says(shop, "stop")
    await says(shop, "Sudahan 🙏", phone="6281200000011")
    await says(shop, "sudahan dulu ya belanjanya", phone="6281200000021")
    await hear(shop)
    assert [row["masked"][-2:] for row in await stops(shop)] == ["11"]
    assert await answers(shop) == []


async def test_a_hidden_id_and_a_number_are_one_person(shop: World) -> None:
    """STOP under the LID; the mapping is learned later; the number is covered too."""
    (person,) = await shop.add_contacts(1)
    device = shop.devices[0]
    async with httpx.AsyncClient(base_url=shop.sandbox_url) as http:
        body = {"from": "6281200000001", "text": "stop", "lid": True}
        (await http.post(f"/sandbox/sessions/{device.session}/inbound", json=body)).raise_for_status()
    for _ in range(50):
        await process_tenant(shop.tenant_id)
        if await stops(shop):
            break
        await asyncio.sleep(0.1)
    await shop.configure(engine="GOWS")
    identities = await shop.fetch("SELECT contact_id, kind FROM contact_identities WHERE tenant_id = $1", shop.tenant_id)
    lone = {row["contact_id"] for row in identities if row["kind"] == "lid"}
    if lone == {person}:
        assert len(await stops(shop)) == 2
        return
    lid = await shop.fetch("SELECT value FROM contact_identities WHERE tenant_id = $1 AND kind = 'lid'", shop.tenant_id)
    both = [Identity(IdentityKind.PHONE, "+6281200000001"), Identity(IdentityKind.LID, f"{lid[0]['value']}@lid")]
    async with unit_of_work(principal(shop)) as uow:
        assert await conversations.find_or_create(uow, both, None) == person
    campaign = await shop.add_campaign([person])
    await send(shop)
    assert await shop.states(campaign) == {"skipped": 1}
    await says(shop, "MULAI", datetime.now(UTC) + timedelta(seconds=1))
    await hear(shop)
    assert not await stops(shop)


async def test_what_the_owner_types_on_the_phone_stops_nobody(shop: World) -> None:
    await shop.add_contacts(1)
    await shop.configure(acks="instant")
    async with httpx.AsyncClient(base_url=shop.sandbox_url) as http:
        body = {"to": "6281200000001", "text": "STOP"}
        (await http.post(f"/sandbox/sessions/{shop.devices[0].session}/owner", json=body)).raise_for_status()
    for _ in range(50):
        await process_tenant(shop.tenant_id)
        if await shop.fetch("SELECT 1 FROM messages WHERE tenant_id = $1", shop.tenant_id):
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("the echo never came")
    assert not await stops(shop)


async def test_the_footer_stands_under_campaigns_that_want_it(shop: World) -> None:
    people = await shop.add_contacts(1)
    async with unit_of_work(principal(shop)) as uow:
        await opt_out.change(uow, OptOutChange(footer="Ketik STOP untuk berhenti"))
    plain = await shop.add_campaign(people, "Halo polos")
    footed = await shop.add_campaign(people, "Halo berkaki")
    await shop.fetch("UPDATE campaigns SET footer = true WHERE id = $1", footed)
    await send(shop)
    assert sorted(await texts(shop)) == ["Halo berkaki\n\nKetik STOP untuk berhenti", "Halo polos"]
    async with unit_of_work(principal(shop)) as uow:
        found = {one.id: one for one in (await campaigns.list_(uow))[0]}
        assert await opt_out.footer_missing(uow, await reading.find(uow, plain))
        assert not await opt_out.footer_missing(uow, await reading.find(uow, footed))
    assert {found[plain].footer, found[footed].footer} == {False, True}


