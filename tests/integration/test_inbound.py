"""Webhooks from the real sandbox: stored, followed, never twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from bench.seeding import World
from tests.fixtures.webhooks import running_webhooks
from wa_app.channels import registry
from wa_app.channels.port import ChatKind, Identity, IdentityKind, MessageKind, MessageReceived
from wa_app.channels.waha.events import sign
from wa_app.db import unit_of_work
from wa_app.errors import Conflict
from wa_app.inbound import conversations
from wa_app.inbound.process import process_tenant
from wa_app.schemas.principal import Principal
from wa_app.sending import files, lanes, ledger


@pytest.fixture
async def hooked(world: World) -> AsyncIterator[World]:
    """A world with one device whose webhooks come to us."""
    async with running_webhooks() as base:
        world.webhook_base = base
        await world.link(1)
        yield world


async def until(world: World, ready: Callable[[], Awaitable[bool]], timeout_s: float = 15.0) -> None:
    """Process what comes in until the condition holds."""
    for _ in range(int(timeout_s / 0.1)):
        await process_tenant(world.tenant_id)
        if await ready():
            return
        await asyncio.sleep(0.1)
    events = await world.fetch("SELECT event, state, error FROM inbound_events WHERE tenant_id = $1", world.tenant_id)
    pytest.fail(f"never became so; events: {[tuple(e) for e in events[:20]]}")


def signed(device: Any, body: bytes, **more: str) -> dict[str, str]:
    return {"X-Webhook-Hmac": sign(body, device.hmac_key), "X-Webhook-Hmac-Algorithm": "sha512", **more}


def envelope(device: Any, event: str, payload: dict[str, Any], event_id: str = "evt_1") -> bytes:
    return orjson.dumps({
        "id": event_id, "timestamp": int(datetime.now(UTC).timestamp() * 1000), "event": event,
        "session": device.session, "engine": "WEBJS", "payload": payload,
    })  # fmt: skip


async def test_acks_reach_read_for_every_message(hooked: World) -> None:
    await hooked.configure(acks="instant")
    await hooked.fault("webhook_twice", probability=0.5)
    await hooked.fault("webhook_reorder", probability=0.3)
    campaign = await hooked.add_campaign(await hooked.add_contacts(60))
    device = hooked.devices[0]
    await lanes.run_lane(hooked.tenant_id, device.id, registry.channel, files.loader, 120.0)

    async def all_read() -> bool:
        return await hooked.states(campaign) == {"read": 60}

    await until(hooked, all_read)
    assert await hooked.counters(campaign) == {"read": 60}
    rows = await hooked.fetch("SELECT * FROM outbound_messages WHERE campaign_id = $1", campaign)
    assert all(row["sent_at"] and row["delivered_at"] and row["read_at"] for row in rows)


async def test_a_message_is_stored_once_with_its_contact(hooked: World) -> None:
    device = hooked.devices[0]
    await hooked.fault("webhook_twice")
    async with httpx.AsyncClient(base_url=hooked.sandbox_url) as http:
        for lid in (False, True):
            body = {"from": "628111222333", "name": "Siti", "text": "Halo, ada stok?", "lid": lid}
            (await http.post(f"/sandbox/sessions/{device.session}/inbound", json=body)).raise_for_status()

    async def two_messages() -> bool:
        return len(await hooked.fetch("SELECT 1 FROM messages WHERE tenant_id = $1", hooked.tenant_id)) == 2

    await until(hooked, two_messages)
    talk = await hooked.fetch("SELECT unread, contact_id FROM conversations WHERE tenant_id = $1", hooked.tenant_id)
    contacts = await hooked.fetch("SELECT * FROM contacts WHERE tenant_id = $1 AND deleted_at IS NULL", hooked.tenant_id)
    assert sum(row["unread"] for row in talk) == 2
    assert {row["source"] for row in contacts} == {"inbound"}
    assert "Siti" in {row["name"] for row in contacts}


async def test_what_the_owner_types_is_a_humans_message(hooked: World) -> None:
    device = hooked.devices[0]
    await hooked.configure(acks="instant")
    async with httpx.AsyncClient(base_url=hooked.sandbox_url) as http:
        body = {"to": "628111222444", "text": "Siap kak"}
        (await http.post(f"/sandbox/sessions/{device.session}/owner", json=body)).raise_for_status()

    async def stored() -> bool:
        rows = await hooked.fetch("SELECT sender, direction FROM messages WHERE tenant_id = $1", hooked.tenant_id)
        return [(row["sender"], row["direction"]) for row in rows] == [("human", "OUTBOUND")]

    await until(hooked, stored)


async def test_refuses_unknown_tokens_bad_signatures_and_large_bodies(hooked: World) -> None:
    device = hooked.devices[0]
    body = envelope(device, "message.ack", {"id": "true_62811@c.us_AB", "ack": 1, "fromMe": True})
    path = f"{hooked.webhook_base}/webhooks/waha/{device.token}"
    async with httpx.AsyncClient() as http:
        assert (await http.post(f"{hooked.webhook_base}/webhooks/waha/nobody", content=body)).status_code == 404
        assert (await http.post(path, content=body)).status_code == 401
        wrong = {"X-Webhook-Hmac": "00", "X-Webhook-Hmac-Algorithm": "sha512"}
        assert (await http.post(path, content=body, headers=wrong)).status_code == 401
        assert (await http.post(path, content=body, headers=signed(device, body))).status_code == 200
        big = b"x" * (8 * 1024 * 1024 + 1)
        assert (await http.post(path, content=big, headers=signed(device, big))).status_code == 413
        odd = b"\x00\xff not json"
        assert (await http.post(path, content=odd, headers=signed(device, odd))).status_code == 200
    rows = await hooked.fetch("SELECT event FROM inbound_events WHERE tenant_id = $1", hooked.tenant_id)
    assert {row["event"] for row in rows} >= {"message.ack", ""}


async def test_odd_events_do_not_hold_up_the_others(hooked: World) -> None:
    device = hooked.devices[0]
    path = f"{hooked.webhook_base}/webhooks/waha/{device.token}"
    good = {
        "id": "false_628111222555@c.us_GOOD", "timestamp": 1_700_000_000, "from": "628111222555@c.us",
        "fromMe": False, "body": "NUL \u0000 di dalam", "hasMedia": False,
    }  # fmt: skip
    bodies = [
        b"[]", b"{}", b"\x00", envelope(device, "message.any", {"id": 7}, "evt_2"),
        envelope(device, "session.status", {"status": "DANCING"}, "evt_3"),
        envelope(device, "message.any", {**good, "id": "false_1@c.us_BAD", "from": "1@c.us"}, "evt_4"),
        envelope(device, "message.any", good, "evt_5"), envelope(device, "poll.vote", {}, "evt_6"),
    ]  # fmt: skip
    async with httpx.AsyncClient() as http:
        for body in bodies:
            assert (await http.post(path, content=body, headers=signed(device, body))).status_code == 200

    async def settled() -> bool:
        rows = await hooked.fetch(
            "SELECT text FROM messages WHERE tenant_id = $1 AND provider_message_id = 'GOOD'", hooked.tenant_id
        )
        return len(rows) == 1 and "di dalam" in rows[0]["text"]

    await until(hooked, settled)
    rows = await hooked.fetch("SELECT state, error FROM inbound_events WHERE tenant_id = $1", hooked.tenant_id)
    assert {row["state"] for row in rows} <= {"done", "ignored", "pending", "failed"}
    assert all(row["error"] for row in rows if row["state"] in ("ignored", "failed"))


@pytest.mark.parametrize("engine", ["WEBJS", "NOWEB", "GOWS"])
async def test_an_echo_settles_what_was_unknown(world: World, engine: str) -> None:
    """Nobody asks the chat: the webhook alone tells, by our id or by exactly one row with its text."""
    async with running_webhooks() as base:
        world.webhook_base = base
        await world.configure(acks="instant", engine=engine)
        await world.link(1)
        campaign = await world.add_campaign(await world.add_contacts(12), template="Halo {{name}}")
        await world.fault("http_500_after", count=5)
        await lanes.run_lane(world.tenant_id, world.devices[0].id, registry.channel, files.loader, 3600.0)

        async def all_read() -> bool:
            return await world.states(campaign) == {"read": 12}

        await until(world, all_read, 30)
        assert await world.counters(campaign) == {"read": 12}
        assert (await world.judge())["duplicates"] == 0


async def test_two_rows_with_the_same_text_in_one_chat_are_left_to_a_person(hooked: World) -> None:
    """No id of ours and two candidates: an echo must not decide."""
    device, phone = hooked.devices[0], "+628111222999"
    async with unit_of_work(Principal.system(hooked.tenant_id)) as uow:
        rows = [
            await ledger.enqueue_message(uow, kind="api", identity=("phone", phone), text="Sama", dedupe_key=str(n))
            for n in range(2)
        ]
    await hooked.fetch(
        "UPDATE outbound_messages SET state = 'unknown', device_id = $2, claimed_at = now(), content_hash = $3 "
        "WHERE id = ANY($1::uuid[])", rows, device.id, ledger.content_hash("Sama"),
    )  # fmt: skip
    echo = envelope(device, "message.any", {
        "id": f"true_{phone[1:]}@c.us_ECHO", "timestamp": int(datetime.now(UTC).timestamp()), "from": "1@c.us",
        "to": f"{phone[1:]}@c.us", "fromMe": True, "source": "api", "body": "Sama", "hasMedia": False, "ack": 1,
    })  # fmt: skip
    path = f"{hooked.webhook_base}/webhooks/waha/{device.token}"
    async with httpx.AsyncClient() as http:
        assert (await http.post(path, content=echo, headers=signed(device, echo))).status_code == 200
    await process_tenant(hooked.tenant_id)
    states = await hooked.fetch("SELECT state FROM outbound_messages WHERE id = ANY($1::uuid[])", rows)
    assert {row["state"] for row in states} == {"unknown"}
    async with unit_of_work(Principal.system(hooked.tenant_id)) as uow:
        await ledger.resolve(uow, rows[0], "sent")
        await ledger.resolve(uow, rows[1], "not_sent")
        with pytest.raises(Conflict):
            await ledger.resolve(uow, rows[0], "sent")
    states = await hooked.fetch("SELECT state, error_code FROM outbound_messages WHERE id = ANY($1::uuid[])", rows)
    assert sorted(tuple(row) for row in states) == [("failed", "not_sent"), ("sent", None)]


async def test_a_phone_and_a_lid_that_come_together_become_one_contact(hooked: World) -> None:
    device = hooked.devices[0]
    phone, lid = Identity(IdentityKind.PHONE, "+628111222777"), Identity(IdentityKind.LID, "99887766554433@lid")
    async with unit_of_work(Principal.system(hooked.tenant_id)) as uow:
        first = await conversations.find_or_create(uow, [phone], "Budi")
        second = await conversations.find_or_create(uow, [lid], None)
        assert first != second
        await received(uow, device.id, [phone], "satu")
        await received(uow, device.id, [lid], "dua")
    async with unit_of_work(Principal.system(hooked.tenant_id)) as uow:
        await received(uow, device.id, [lid, phone], "tiga")
    contacts = await hooked.fetch("SELECT id, name FROM contacts WHERE tenant_id = $1 AND deleted_at IS NULL", hooked.tenant_id)
    assert [tuple(row) for row in contacts] == [(first, "Budi")]
    talks = await hooked.fetch("SELECT contact_id, text FROM messages WHERE tenant_id = $1", hooked.tenant_id)
    assert {row["contact_id"] for row in talks} == {first}
    assert len(talks) == 3
    names = await hooked.fetch("SELECT kind, value FROM contact_identities WHERE contact_id = $1 ORDER BY kind", first)
    assert [tuple(row) for row in names] == [("lid", "99887766554433"), ("phone", "+628111222777")]


async def received(uow: Any, device_id: Any, people: list[Identity], text: str) -> None:
    message = MessageReceived(
        kind="message.any", event_id=text, session="", message_id=f"ID{text}", chat_id="x@c.us",
        chat_kind=ChatKind.PERSON, peer=tuple(people), message_kind=MessageKind.TEXT, text=text, sender=tuple(people),
    )  # fmt: skip
    assert await conversations.store(uow, device_id, message) is not None


async def test_news_of_a_session_reach_its_device_and_wake_its_lane(hooked: World) -> None:
    device = hooked.devices[0]
    await hooked.fetch(
        "UPDATE devices SET paused_until = now() + interval '1 hour', pause_reason = 'device_trouble' WHERE id = $1",
        device.id,
    )  # fmt: skip
    async with httpx.AsyncClient(base_url=hooked.sandbox_url) as http:
        path = f"/sandbox/sessions/{device.session}/drop"
        (await http.post(path, json={"status": "FAILED", "back_after_s": 1})).raise_for_status()

    async def is_back() -> bool:
        row = (await hooked.fetch("SELECT status, paused_until FROM devices WHERE id = $1", device.id))[0]
        return bool(row["status"] == "CONNECTED" and row["paused_until"] is None)

    await until(hooked, is_back)


async def test_what_happens_to_a_message_stays_with_it(hooked: World) -> None:
    device = hooked.devices[0]
    path, chat = f"{hooked.webhook_base}/webhooks/waha/{device.token}", "628111222666@c.us"
    said = {"id": f"false_{chat}_FIRST", "timestamp": 1_700_000_000, "from": chat, "fromMe": False, "body": "Halo", "hasMedia": False}
    mine = {"id": f"false_{chat}_X1", "from": chat, "fromMe": False}
    bodies = [
        # The reaction comes first: it waits for its message.
        envelope(device, "message.reaction", {**mine, "reaction": {"text": "🙏", "messageId": f"false_{chat}_FIRST"}}, "evt_1"),
        envelope(device, "message.any", said, "evt_2"),
        envelope(device, "message.edited", {"id": f"false_{chat}_X2", "editedMessageId": "FIRST", "body": "Halo Kak"}, "evt_3"),
        # What they wrote is not ours to change.
        envelope(device, "message.edited", {"id": f"true_{chat}_X3", "editedMessageId": "FIRST", "body": "Palsu"}, "evt_4"),
        envelope(device, "message.revoked", {"after": {"id": f"false_{chat}_X4"}, "revokedMessageId": "FIRST", "before": None}, "evt_5"),
    ]  # fmt: skip
    async with httpx.AsyncClient() as http:
        for body in bodies:
            assert (await http.post(path, content=body, headers=signed(device, body))).status_code == 200
            await process_tenant(hooked.tenant_id)

    async def kept() -> bool:
        rows = await hooked.fetch("SELECT text, extra FROM messages WHERE tenant_id = $1", hooked.tenant_id)
        extra = rows[0]["extra"] if rows else {}
        extra = orjson.loads(extra) if isinstance(extra, str) else extra
        return bool(rows) and rows[0]["text"] == "Halo Kak" and extra.get("before") == "Halo" and "revoked_at" in extra and extra.get("reactions") == {chat: "🙏"}

    await until(hooked, kept)
