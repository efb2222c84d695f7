"""The media store: one copy of each content, small pictures, what WhatsApp takes, how WAHA gets it, how long it stays."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image
from sqlalchemy import text

from bench.seeding import World
from tests.fixtures.api import Signed, client_for
from tests.fixtures.s3 import Bucket
from tests.fixtures.services import environment
from wa_app import db
from wa_app.channels import registry
from wa_app.config import get_settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.files.port import one_chunk
from wa_app.files.s3 import S3FileStore
from wa_app.kit.ids import new_id
from wa_app.models.outbound import Campaign
from wa_app.sending import files as sending_files
from wa_app.sending import lanes, ledger
from wa_app.services import files
from wa_app.services.files import storing


def picture(colour: str = "red", kind: str = "PNG", size: tuple[int, int] = (640, 400)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


async def upload(client: httpx.AsyncClient, body: bytes, name: str = "a.png", **query: str) -> dict[str, Any]:
    answer = await client.post("/api/v1/files", params=query, files={"file": (name, body)})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def kept(tenant: Signed) -> list[str]:
    folder = get_settings().data / "files" / str(tenant.tenant_id)
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def rows(query: str, **values: Any) -> list[Any]:
    async with system_unit_of_work() as uow:
        return list((await uow.session.execute(text(query), values)).all())


async def change(query: str, **values: Any) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(text(query), values)


async def age(tenant: Signed, days: float) -> None:
    """Make everything the tenant has stored older."""
    for table, column in (("files", "created_at"), ("files", "deleted_at"), ("file_blobs", "created_at")):
        await change(f"UPDATE {table} SET {column} = {column} - make_interval(hours => :h) WHERE tenant_id = :t",
                     t=tenant.tenant_id, h=int(days * 24))  # fmt: skip


async def test_the_same_bytes_are_kept_once(client: httpx.AsyncClient, signed: Signed) -> None:
    first = await upload(client, picture(), "pagi.png")
    second = await upload(client, picture(), "siang.png")
    assert first["id"] != second["id"]
    assert (first["name"], second["name"]) == ("pagi.png", "siang.png")
    assert len(kept(signed)) == 3, "the bytes, the small picture, the JPEG; each once"
    assert (first["width"], first["height"], first["kind"]) == (640, 400, "image")
    assert second["thumb_url"]


async def test_deleting_one_keeps_the_other(client: httpx.AsyncClient, stranger: httpx.AsyncClient, signed: Signed) -> None:
    first, second = await upload(client, picture()), await upload(client, picture())
    assert (await client.delete(f"/api/v1/files/{first['id']}")).status_code == 204
    await age(signed, 3)
    await files.tidy()
    assert (await stranger.get(second["url"])).content == picture()
    assert (await client.delete(f"/api/v1/files/{second['id']}")).status_code == 204
    await age(signed, 3)
    await files.tidy()
    await files.tidy()
    assert kept(signed) == []
    assert await rows("SELECT 1 FROM file_blobs WHERE tenant_id = :t", t=signed.tenant_id) == []


async def test_tenants_do_not_share_bytes(client: httpx.AsyncClient, api: FastAPI, signed: Signed, other: Signed) -> None:
    """Else one could ask by uploading whether somebody else has a file."""
    await upload(client, picture())
    async with client_for(api, other) as theirs:
        await upload(theirs, picture())
    assert len(kept(signed)) == len(kept(other)) == 3


async def test_the_same_file_uploaded_ten_times_at_once(client: httpx.AsyncClient, signed: Signed) -> None:
    made = await asyncio.gather(*(upload(client, picture("blue"), f"{n}.png") for n in range(10)))
    assert len({one["id"] for one in made}) == 10
    blobs = await rows("SELECT id, sha256 FROM file_blobs WHERE tenant_id = :t", t=signed.tenant_id)
    assert len(blobs) == 1
    assert blobs[0].sha256
    assert len(kept(signed)) == 3
    found = await rows("SELECT DISTINCT blob_id FROM files WHERE tenant_id = :t", t=signed.tenant_id)
    assert [row.blob_id for row in found] == [blobs[0].id]


async def test_uploads_and_purges_at_once_never_lose_bytes(client: httpx.AsyncClient, stranger: httpx.AsyncClient, signed: Signed) -> None:
    for n in range(6):
        gone = await upload(client, picture("green"))
        await client.delete(f"/api/v1/files/{gone['id']}")
        await age(signed, 3)
        made, _ = await asyncio.gather(upload(client, picture("green"), f"{n}.png"), files.tidy())
        assert (await stranger.get(made["url"])).content == picture("green")
        await client.delete(f"/api/v1/files/{made['id']}")


async def test_what_a_dying_upload_left_is_found(client: httpx.AsyncClient, signed: Signed) -> None:
    blob = await storing._open_blob(signed.principal)
    await storing.file_store().put(blob.storage_key, one_chunk(b"half"))
    await files.tidy()
    assert kept(signed) == [str(blob.id)], "it may still be coming in"
    await age(signed, 2)
    await files.tidy()
    assert kept(signed) == []


async def test_room_is_booked_once_and_given_back(client: httpx.AsyncClient, signed: Signed) -> None:
    await change("INSERT INTO packages (key, name, limits) VALUES ('two_megabytes', 'Two', '{\"storage_mb\": 2}') ON CONFLICT DO NOTHING")
    await change("UPDATE tenants SET package_key = 'two_megabytes' WHERE id = :t", t=signed.tenant_id)
    body = b"x" * (2 * 1024 * 1024)
    first, second = await upload(client, body, "a.txt"), await upload(client, body, "b.txt")
    full = await client.post("/api/v1/files", files={"file": ("c.txt", b"other")})
    assert (full.status_code, full.json()["code"]) == (429, "storage_mb_limit_reached")
    for one in (first, second):
        await client.delete(f"/api/v1/files/{one['id']}")
    await age(signed, 3)
    await files.tidy()
    await upload(client, body, "d.txt")


async def test_small_pictures_are_served_by_links_that_stay_the_same(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    made = await upload(client, picture(size=(2000, 1000)))
    again = (await client.get(f"/api/v1/files/{made['id']}")).json()
    assert again["thumb_url"] == made["thumb_url"]
    got = await stranger.get(made["thumb_url"])
    assert got.headers["content-type"] == "image/webp"
    assert "max-age" in got.headers["cache-control"]
    assert Image.open(io.BytesIO(got.content)).size == (360, 180)
    bent = made["thumb_url"].replace("part=thumb", "part=original")
    assert (await stranger.get(bent)).status_code == 404
    assert (await stranger.get(made["url"] + "&part=thumb")).status_code == 404


async def test_a_file_without_a_picture_has_none(client: httpx.AsyncClient, stranger: httpx.AsyncClient, signed: Signed) -> None:
    made = await upload(client, b"%PDF-1.7 ...", "harga.pdf")
    assert made["thumb_url"] is None
    from wa_app.files import links

    assert (await stranger.get(links.thumb_link(signed.tenant_id, UUID(made["id"])))).status_code == 404


async def test_damaged_pictures_and_bombs_are_kept_but_not_sent(client: httpx.AsyncClient) -> None:
    from tests.unit.test_media_limits import bomb

    for body, code in ((b"\xff\xd8\xff\xe0" + b"x" * 90, "broken"), (bomb(20_000, 20_000), "too_many_pixels")):
        made = await upload(client, body, "a.png")
        assert (made["problem"], made["thumb_url"]) == (code, None)
        answer = await client.post("/api/v1/campaigns", json={"name": "Promo", "file_id": made["id"]})
        assert answer.json()["errors"][0]["code"] == f"media_picture_{code}"


@pytest.mark.parametrize(
    ("start", "name", "size", "code"),
    [
        (b"\xff\xd8\xff", "a.jpg", 17, "media_image_too_large"), (b"OggS", "a.ogg", 17, "media_audio_too_large"),
        (b"MZ", "a.exe", 1, "media_type_refused"),
    ],
)  # fmt: skip
async def test_for_a_message_the_limits_of_whatsapp_hold_while_it_comes_in(
    client: httpx.AsyncClient, signed: Signed, start: bytes, name: str, size: int, code: str
) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield start + b"\0" * 65536
        for _ in range(size * 16):
            sent += 65536
            yield b"\0" * 65536

    answer = await client.post("/api/v1/files?for=message", content=body(), headers={"X-File-Name": name})
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert kept(signed) == []
    plain = await client.post("/api/v1/files", content=start + b"\0" * 100, headers={"X-File-Name": name})
    assert plain.status_code == 201, "for other ends it is taken"


@pytest.mark.parametrize(
    ("wanted", "status", "body", "span"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"), ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"), ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"), ("bytes=-0", 416, b"", "bytes */10"), ("bytes=3-1", 416, b"", "bytes */10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None), ("lines=1-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None), ("bytes=0-", 200, b"0123456789", None),
    ],
)  # fmt: skip
async def test_ranges(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, wanted: str, status: int, body: bytes, span: str | None
) -> None:
    made = await upload(client, b"0123456789", "a.txt")
    got = await stranger.get(made["url"], headers={"Range": wanted})
    assert (got.status_code, got.content, got.headers.get("content-range")) == (status, body, span)


async def test_the_library_shows_searches_and_pages(client: httpx.AsyncClient, signed: Signed) -> None:
    for n in range(3):
        await upload(client, picture(("red", "green", "blue")[n]), f"Promo Gajian {n}.png")
    pdf = await upload(client, b"%PDF-1.7 ...", "Daftar 100%_harga.pdf")
    await upload(client, b"nama,telepon\nSari,0812\n", "kontak.csv")
    shown = (await client.get("/api/v1/files", params={"limit": 2})).json()
    assert [one["name"] for one in shown["items"]] == ["Daftar 100%_harga.pdf", "Promo Gajian 2.png"]
    rest = (await client.get("/api/v1/files", params={"limit": 2, "cursor": shown["next_cursor"]})).json()
    assert [one["name"] for one in rest["items"]] == ["Promo Gajian 1.png", "Promo Gajian 0.png"]
    assert rest["next_cursor"] is None

    async def names(**query: str) -> list[str]:
        return [one["name"] for one in (await client.get("/api/v1/files", params=query)).json()["items"]]

    assert await names(q="gajian 1") == ["Promo Gajian 1.png"]
    assert await names(q="100%_") == [pdf["name"]]
    assert await names(q="1000_") == []
    assert await names(kind="document") == [pdf["name"]]
    assert len(await names(kind="image")) == 3
    assert await names(kind="video") == []
    async with unit_of_work(signed.principal) as uow:
        n, size = await files.count(uow)
    assert n == 4
    assert size > 0


async def add_campaign(tenant: Signed, file_id: str, status: str) -> UUID:
    async with unit_of_work(tenant.principal) as uow:
        row = Campaign(id=new_id(), tenant_id=tenant.tenant_id, name="Promo", file_id=UUID(file_id), status=status)
        uow.session.add(row)
    return row.id


async def test_what_is_in_use_is_neither_deleted_nor_tidied(client: httpx.AsyncClient, signed: Signed) -> None:
    made = await upload(client, picture())
    campaign = await add_campaign(signed, made["id"], "PROCESSING")
    refused = await client.delete(f"/api/v1/files/{made['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "file_in_use")
    assert (await client.get("/api/v1/files")).json()["items"][0]["used_by"] == 1
    async with unit_of_work(signed.principal) as uow:
        assert await files.uses(uow, UUID(made["id"])) == [(campaign, "Promo")]
    await age(signed, 400)
    await files.tidy()
    assert (await client.get(f"/api/v1/files/{made['id']}")).status_code == 200
    await change("UPDATE campaigns SET status = 'COMPLETED' WHERE id = :id", id=campaign)
    assert (await client.delete(f"/api/v1/files/{made['id']}")).status_code == 204
    await age(signed, 3)
    await files.tidy()
    await files.tidy()
    assert kept(signed) == [], "a finished campaign keeps the name, not the bytes"


async def test_the_library_knows_who_else_needs_a_file(client: httpx.AsyncClient) -> None:
    """The second text of an A/B test carries it like the first; a template is not nothing."""
    made = await upload(client, picture())
    texts = [{"message_template": "a", "share": 50}, {"message_template": "b", "share": 50, "file_id": made["id"]}]
    sent = await client.post("/api/v1/campaigns", json={"name": "Uji", "target": {"all": True}, "variants": texts})
    shown = (await client.get("/api/v1/files")).json()["items"][0]
    assert (shown["used_by"], shown["used_elsewhere"]) == (1, False)
    await client.delete(f"/api/v1/campaigns/{sent.json()['id']}")
    shown = (await client.get("/api/v1/files")).json()["items"][0]
    assert (shown["used_by"], shown["used_elsewhere"]) == (0, False)
    kept = await client.post("/api/v1/message-templates", json={"name": "Kartu", "body": "x", "file_id": made["id"]})
    shown = (await client.get("/api/v1/files")).json()["items"][0]
    assert (shown["used_by"], shown["used_elsewhere"]) == (0, True)
    assert (await client.delete(f"/api/v1/files/{made['id']}")).status_code == 409
    await client.delete(f"/api/v1/message-templates/{kept.json()['id']}")
    assert (await client.get("/api/v1/files")).json()["items"][0]["used_elsewhere"] is False


async def test_a_message_that_waits_keeps_its_file(world: World) -> None:
    from wa_app.errors import Conflict
    from wa_app.schemas.principal import Principal

    await world.link(1)
    principal = Principal.system(world.tenant_id)
    made = await files.store(principal, "a.png", one_chunk(picture()))
    async with unit_of_work(principal) as uow:
        await ledger.enqueue_message(
            uow, kind="manual", identity=("phone", "+6281200000011"), text="", file_id=made.id,
            device_id=world.devices[0].id,
        )  # fmt: skip
    with pytest.raises(Conflict, match="file_in_use"):
        async with unit_of_work(principal) as uow:
            await files.delete(uow, made.id)


async def test_uploads_nobody_uses_go_after_their_time(client: httpx.AsyncClient, signed: Signed) -> None:
    made = await upload(client, picture())
    contacts = await upload(client, b"nama,telepon\nSari,0812\n", "kontak.csv")
    await age(signed, 8)
    await files.tidy()
    assert (await client.get(f"/api/v1/files/{contacts['id']}")).status_code == 404, "lists of people go after a week"
    assert (await client.get(f"/api/v1/files/{made['id']}")).status_code == 200
    await age(signed, 83)
    await files.tidy()
    assert (await client.get(f"/api/v1/files/{made['id']}")).status_code == 404


# ---- how WAHA gets a file


async def sent_file(world: World) -> bytes:
    """What the sandbox holds of the last message's file."""
    async with httpx.AsyncClient(base_url=world.sandbox_url) as http:
        judged = await world.judge()
        assert judged["accepted"] == 1, judged
        chat = judged["items"][0]["chat"]
        path = f"/api/{world.devices[0].session}/chats/{chat}/messages"
        found = (await http.get(path, params={"downloadMedia": "true"}, headers={"X-Api-Key": "test-key"})).json()
        media = next(one["media"] for one in found if one.get("media"))
        path = "/" + media["url"].split("/", 3)[3]
        got = await http.get(path, headers={"X-Api-Key": "test-key"})
        assert got.status_code == 200, got.text
        return got.content


async def send_one(world: World, body: bytes, name: str) -> None:
    from wa_app.schemas.principal import Principal

    await world.link(1)
    principal = Principal.system(world.tenant_id)
    made = await files.store(principal, name, one_chunk(body))
    async with unit_of_work(principal) as uow:
        await ledger.enqueue_message(
            uow, kind="manual", identity=("phone", "+6281200000011"), text="Promo", file_id=made.id,
            device_id=world.devices[0].id,
        )  # fmt: skip
    await lanes.run_lane(world.tenant_id, world.devices[0].id, registry.channel, sending_files.loader, 5.0)


async def test_waha_fetches_a_file_by_its_link(world: World, served: str) -> None:
    with environment(PUBLIC_URL=served, SAPA_MEDIA_DELIVERY="link"):
        await send_one(world, picture("teal"), "promo.png")
    image = Image.open(io.BytesIO(await sent_file(world)))
    assert (image.format, image.size) == ("JPEG", (640, 400)), "WAHA does not convert pictures: a PNG leaves as JPEG"


async def test_waha_gets_a_file_inside_the_call(world: World) -> None:
    with environment(SAPA_MEDIA_DELIVERY="base64"):
        await send_one(world, picture("teal", "JPEG"), "promo.jpg")
    assert await sent_file(world) == picture("teal", "JPEG")


@pytest.mark.parametrize(
    ("setting", "public", "size", "by_link"),
    [
        ("auto", "https://sapa.test", 5_000_000, True), ("auto", "https://sapa.test", 5_000, False),
        ("auto", "", 5_000_000, False), ("link", "", 5, True), ("base64", "https://sapa.test", 60_000_000, False),
    ],
)  # fmt: skip
def test_how_a_file_travels(setting: str, public: str, size: int, by_link: bool) -> None:
    with environment(SAPA_MEDIA_DELIVERY=setting, PUBLIC_URL=public):
        assert sending_files.goes_by_link(size) is by_link


async def test_the_whole_way_over_s3(client: httpx.AsyncClient, stranger: httpx.AsyncClient, bucket: Bucket, signed: Signed) -> None:
    with environment(S3_URL=bucket.url):
        made = await upload(client, picture("navy"))
        assert len(bucket.objects) == 3
        assert (await stranger.get(made["url"])).content == picture("navy")
        got = await stranger.get(made["url"], headers={"Range": "bytes=0-7"})
        assert (got.status_code, got.content) == (206, b"\x89PNG\r\n\x1a\n")
        assert (await stranger.get(made["thumb_url"])).headers["content-type"] == "image/webp"
        await client.delete(f"/api/v1/files/{made['id']}")
        await age(signed, 3)
        await files.tidy()
        assert bucket.objects == {}
        store = storing.file_store()
        assert isinstance(store, S3FileStore)
        await store.aclose()
    assert kept(signed) == []
    await db.dispose()
