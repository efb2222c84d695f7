"""What customers send: fetched with the key while it is there, kept privately, read into the message."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from bench.seeding import World
from tests.fixtures import scans
from tests.fixtures.webhooks import running_webhooks
from tests.integration.test_inbound import until
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.files import file_store
from wa_app.inbound import media
from wa_app.schemas.principal import Principal
from wa_app.services import files


@pytest.fixture
async def hooked(world: World) -> AsyncIterator[World]:
    """A world with one device whose webhooks come to us."""
    async with running_webhooks() as base:
        world.webhook_base = base
        await world.link(1)
        yield world
    async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
        await http.patch("/sandbox/config", json={"file_life_s": 180})


async def send(world: World, data: bytes, mime: str, name: str | None = None, caption: str = "") -> Any:
    """Be the customer who sends a file; gives the row of its message once it is stored."""
    body = {
        "from": "628111222333", "text": caption,
        "media": {"data": base64.b64encode(data).decode(), "mimetype": mime, "filename": name},
    }  # fmt: skip
    async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
        (await http.post(f"/sandbox/sessions/{world.devices[0].session}/inbound", json=body)).raise_for_status()

    async def stored() -> bool:
        return bool(await world.fetch("SELECT 1 FROM message_media WHERE tenant_id = $1", world.tenant_id))

    await until(world, stored)
    return (await world.fetch("SELECT * FROM message_media WHERE tenant_id = $1 ORDER BY id DESC", world.tenant_id))[0]


async def message_of(world: World, row: Any) -> Any:
    found = await world.fetch("SELECT * FROM messages WHERE tenant_id = $1 AND id = $2", world.tenant_id, row["message_id"])
    message = dict(found[0])
    return {**message, **{name: json.loads(message[name]) for name in ("reading", "media") if message[name]}}


async def test_a_photo_of_a_receipt_is_read_into_its_message(hooked: World) -> None:
    row = await send(hooked, scans.receipt_jpeg(1_250_000), "image/jpeg", caption="ini buktinya kak")
    assert (await message_of(hooked, row))["reading_state"] == "waiting"
    await media.fetch(hooked.tenant_id, row["id"])
    assert (await message_of(hooked, row))["reading_state"] == "reading"
    await media.read(hooked.tenant_id, row["id"])
    await media.read(hooked.tenant_id, row["id"])  # twice does no harm
    message = await message_of(hooked, row)
    assert (message["reading_state"], message["text"]) == ("done", "ini buktinya kak")
    assert "Jumlah Transfer Rp 1.250.000" in message["reading"]["text"]
    line = next(line for line in message["reading"]["lines"] if "1.250.000" in line["text"])
    assert line["confidence"] > 0.9
    assert len(line["box"]) == 4
    assert (message["reading"]["method"], message["reading"]["is_cut"]) == ("ocr", False)
    kept = message["media"]
    assert (kept["mime"], kept["size"]) == ("image/jpeg", len(scans.receipt_jpeg(1_250_000)))
    async with unit_of_work(Principal.system(hooked.tenant_id)) as uow:
        assert await files.list_(uow) == ([], None), "a customer's picture is not for the media library"


async def test_a_document_with_text_is_read_without_ocr(hooked: World) -> None:
    row = await send(hooked, b"Nomor pesanan: INV-77\nAlamat: Jl. Melati 12\x00", "text/plain", "pesanan.txt")
    await media.fetch(hooked.tenant_id, row["id"])
    await media.read(hooked.tenant_id, row["id"])
    message = await message_of(hooked, row)
    assert message["reading"]["text"] == "Nomor pesanan: INV-77\nAlamat: Jl. Melati 12"
    assert message["reading"]["method"] == "text"


@pytest.mark.parametrize(("mime", "data", "reason"), [
    ("audio/ogg", b"OggS" + bytes(200), "audio"), ("video/mp4", bytes(4) + b"ftypisom" + bytes(200), "video"),
    ("application/zip", b"PK\x03\x04" + bytes(100), "unsupported"),
])  # fmt: skip
async def test_what_is_not_read_is_kept(hooked: World, mime: str, data: bytes, reason: str) -> None:
    row = await send(hooked, data, mime)
    await media.fetch(hooked.tenant_id, row["id"])
    message = await message_of(hooked, row)
    assert (message["reading_state"], message["reading"]) == ("skipped", {"reason": reason})
    stored = await hooked.fetch("SELECT storage_key FROM files WHERE tenant_id = $1", hooked.tenant_id)
    async with file_store().local(stored[0]["storage_key"]) as path:
        assert path.read_bytes() == data


async def test_a_file_without_an_address_is_asked_for(hooked: World) -> None:
    await hooked.fault("media_empty", count=1)
    row = await send(hooked, b"Daftar harga: kain batik 185.000", "text/plain", "harga.txt")
    assert row["url"] is None
    await hooked.fault("media_never", count=1)
    await media.fetch(hooked.tenant_id, row["id"])
    late = (await hooked.fetch("SELECT state, attempts, reason FROM message_media WHERE id = $1", row["id"]))[0]
    assert tuple(late) == ("waiting", 1, "media_missing")
    await media.fetch(hooked.tenant_id, row["id"])
    await media.read(hooked.tenant_id, row["id"])
    message = await message_of(hooked, row)
    assert (message["reading_state"], message["reading"]["text"]) == ("done", "Daftar harga: kain batik 185.000")


async def test_a_file_that_nobody_has_is_given_up_after_a_few_questions(hooked: World) -> None:
    await hooked.fault("media_empty", count=1)
    row = await send(hooked, b"halo", "text/plain", "a.txt")
    await hooked.fault("media_never")
    for _ in range(media.ASKS + 1):
        assert (await message_of(hooked, row))["reading_state"] == "waiting"
        await media.fetch(hooked.tenant_id, row["id"])
    message = await message_of(hooked, row)
    assert (message["reading_state"], message["reading"]) == ("failed", {"reason": "media_missing"})


async def test_a_file_that_is_gone_ends_at_once(hooked: World) -> None:
    row = await send(hooked, b"terlambat", "text/plain", "a.txt")
    async with httpx.AsyncClient(base_url=hooked.sandbox_url) as http:
        await http.patch("/sandbox/config", json={"file_life_s": 0})
    await media.fetch(hooked.tenant_id, row["id"])
    message = await message_of(hooked, row)
    assert (message["reading_state"], message["reading"]) == ("failed", {"reason": "media_gone"})


async def test_a_hostile_file_fails_with_its_reason_and_the_message_goes_on(hooked: World) -> None:
    row = await send(hooked, b"\xff\xd8\xff" + b"not a picture at all" * 20, "image/jpeg")
    await media.fetch(hooked.tenant_id, row["id"])
    await media.read(hooked.tenant_id, row["id"])
    assert (await message_of(hooked, row))["reading"] == {"reason": "file_broken"}


async def test_a_server_that_does_not_answer_is_asked_again_and_given_up(hooked: World) -> None:
    row = await send(hooked, b"halo", "text/plain", "a.txt")
    await hooked.fault("http_500_reads", session="*", count=1)
    await media.fetch(hooked.tenant_id, row["id"])
    first = (await hooked.fetch("SELECT * FROM message_media WHERE id = $1", row["id"]))[0]
    assert (first["state"], first["attempts"], first["due_at"] > first["created_at"]) == ("waiting", 1, True)
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE message_media SET created_at = now() - interval '1 hour' WHERE id = :id"), {"id": row["id"]}
        )
    async with system_unit_of_work() as uow:
        assert await media.give_up(uow) == 1
    message = await message_of(hooked, row)
    assert (message["reading_state"], message["reading"]) == ("failed", {"reason": "media_gone"})
    await media.fetch(hooked.tenant_id, row["id"])  # a late worker changes nothing any more
    assert (await message_of(hooked, row))["reading_state"] == "failed"


async def test_the_sweep_wakes_what_is_due_once(hooked: World) -> None:
    await send(hooked, b"halo", "text/plain", "a.txt")
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE message_media SET due_at = now() - interval '1 second' WHERE tenant_id = :t"), {"t": hooked.tenant_id})
    async with system_unit_of_work() as uow:
        assert await media.wake(uow) == 1
        assert await media.wake(uow) == 0, "a queue that is behind is not filled with the same row"
