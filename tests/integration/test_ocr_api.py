"""`/api/v1/ocr`: the web process stores and waits, a worker reads; nobody else's scans are seen."""

import asyncio
import base64

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from tests.fixtures import scans as papers
from tests.fixtures.api import Signed, client_for, make_signed_tenant
from wa_app.db import system_unit_of_work
from wa_app.files import file_store
from wa_app.files.port import FileGone
from wa_app.services import scans


async def worker(signed: Signed) -> str:
    """What the `ocr` queue's worker does with the next scan of a tenant; gives the key of its bytes."""
    query = text("SELECT id, storage_key FROM ocr_scans WHERE tenant_id = :t AND status = 'queued' AND due_at IS NOT NULL")
    for _ in range(400):
        async with system_unit_of_work() as uow:
            row = (await uow.session.execute(query, {"t": signed.tenant_id})).first()
        if row is not None:
            await scans.run(signed.tenant_id, row.id)
            return str(row.storage_key)
        await asyncio.sleep(0.02)
    raise AssertionError("no scan was queued")


async def is_gone(key: str) -> bool:
    try:
        async with file_store().local(key):
            return False
    except FileGone:
        return True


async def test_answers_with_the_text_of_a_picture(client: httpx.AsyncClient, signed: Signed) -> None:
    picture = papers.receipt_jpeg(770_000)
    answer, key = await asyncio.gather(
        client.post("/api/v1/ocr/scan?wait=60", files={"file": ("bukti.jpg", picture, "image/jpeg")}, timeout=90),
        worker(signed),
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert "Jumlah Transfer Rp 770.000" in found["text"]
    line = next(one for one in found["pages"][0]["lines"] if "770.000" in one["text"])
    assert (len(line["box"]), line["confidence"] > 0.9) == (4, True)
    assert found["seconds"] > 0
    assert await is_gone(key), "the bytes go as soon as they are read"


async def test_takes_base64_and_gives_an_id_when_it_takes_longer(client: httpx.AsyncClient, signed: Signed) -> None:
    body = {"base64": base64.b64encode(b"Halo dunia").decode(), "name": "halo.txt"}
    answer = await client.post("/api/v1/ocr/scan?wait=0", json=body)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    scan_id = answer.json()["id"]
    await worker(signed)
    later = (await client.get(f"/api/v1/ocr/{scan_id}")).json()
    assert (later["status"], later["text"], later["pages"][0]["method"]) == ("done", "Halo dunia", "text")
    async with client_for(client._transport.app, await make_signed_tenant("Lain")) as foreign:  # type: ignore[attr-defined]
        assert (await foreign.get(f"/api/v1/ocr/{scan_id}")).status_code == 404


async def test_says_why_a_file_is_not_read(client: httpx.AsyncClient, signed: Signed) -> None:
    answer, _ = await asyncio.gather(
        client.post("/api/v1/ocr/scan?wait=30", files={"file": ("a.jpg", b"\xff\xd8\xff" + b"x" * 90)}), worker(signed)
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "file_broken")
    empty = await client.post("/api/v1/ocr/scan", files={"file": ("a.jpg", b"")})
    assert (empty.status_code, empty.json()["errors"][0]["code"]) == (422, "file_empty")
    assert (await client.post("/api/v1/ocr/scan", json={"base64": "%%%%"})).status_code == 422


async def test_asks_for_the_right_before_it_reads_the_body(api: FastAPI, stranger: httpx.AsyncClient) -> None:
    assert (await stranger.post("/api/v1/ocr/scan", content=b"x" * 1000)).status_code == 401
    async with client_for(api, await make_signed_tenant(verbs=frozenset({"files.read"}))) as weak:
        refused = await weak.post("/api/v1/ocr/scan", files={"file": ("a.txt", b"halo")})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_refuses_what_is_too_large_and_keeps_nothing(client: httpx.AsyncClient, signed: Signed) -> None:
    answer = await client.post("/api/v1/ocr/scan", files={"file": ("a.txt", b"a" * (26 * 2**20))})
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    async with system_unit_of_work() as uow:
        left = await uow.session.execute(text("SELECT 1 FROM ocr_scans WHERE tenant_id = :t"), {"t": signed.tenant_id})
        assert left.first() is None


async def test_old_scans_are_forgotten_and_lost_ones_woken(client: httpx.AsyncClient, signed: Signed) -> None:
    body = {"base64": base64.b64encode(b"Halo").decode()}
    scan_id = (await client.post("/api/v1/ocr/scan?wait=0", json=body)).json()["id"]
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE ocr_scans SET due_at = now() WHERE id = :id"), {"id": scan_id})
    async with system_unit_of_work() as uow:
        assert await scans.wake(uow) >= 1
        await uow.session.execute(text("UPDATE ocr_scans SET expires_at = now() - interval '1 s' WHERE id = :id"), {"id": scan_id})
    await scans.tidy()
    assert (await client.get(f"/api/v1/ocr/{scan_id}")).status_code == 404
