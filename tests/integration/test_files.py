"""Files come in piece by piece, within limits, and go out by links that expire."""

import errno
import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.fixtures.api import Signed, client_for, make_signed_tenant
from tests.fixtures.services import environment
from wa_app.config import get_settings
from wa_app.services import files

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 500


def kept() -> list[Path]:
    folder = get_settings().data / "files"
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_takes_multipart_and_gives_it_back(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    body = b"nama,telepon\nSari,0812\n" * 20_000
    answer = await client.post("/api/v1/files", files={"file": ("kontak.csv", body, "text/csv")})
    assert answer.status_code == 201, answer.text
    saved = answer.json()
    assert saved["name"], saved["mime"] == ("kontak.csv", "text/csv")
    assert saved["sha256"] == hashlib.sha256(body).hexdigest()
    assert saved["size"] == len(body)
    assert saved["expires_at"].endswith("Z")
    got = await stranger.get(saved["url"])
    assert got.content == body
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["x-content-type-options"] == "nosniff"


async def test_takes_a_raw_body_with_its_name_beside(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/files", content=PNG, headers={"X-File-Name": "contacts%20x.csv"})
    assert answer.status_code == 201
    assert (answer.json()["mime"], answer.json()["name"]) == ("image/png", "contacts x.csv")


async def test_name_cannot_leave_its_folder(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/files", files={"file": ("../../etc/p\u202eass.html", b"<html>x</html>")})
    assert (answer.json()["name"], answer.json()["mime"]) == ("pass.html", "text/html")
    got = await client.get(answer.json()["url"])
    assert got.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in got.headers["content-security-policy"]


async def test_asks_who_it_is_before_the_body(api: FastAPI) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield b"x" * 65536

    async with client_for(api) as nobody:
        answer = await nobody.post("/api/v1/files", content=body())
    assert answer.status_code == 401
    assert read == 0


async def test_refuses_what_is_too_large(client: httpx.AsyncClient, signed: Signed) -> None:
    before = kept()

    async def body() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 65536

    with environment(SAPA_MAX_UPLOAD_MB="1"):
        announced = await client.post("/api/v1/files", content=b"x" * (3 * 1024 * 1024))
        chunked = await client.post("/api/v1/files", content=body())
        parts = await client.post("/api/v1/files", files={"file": ("a.csv", b"x" * (2 * 1024 * 1024))})
        fits = await client.post("/api/v1/files", files={"file": ("a.csv", b"x" * (1024 * 1024))})
    for answer in (announced, chunked, parts):
        assert answer.status_code == 413, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] in ("file_too_large", "body_too_large")
        assert "1 MB" in answer.json()["detail"]
    assert fits.status_code == 201
    assert len(kept()) == len(before) + 1


@pytest.mark.parametrize("body", [b"", b"--x\r\n", b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc"])
async def test_refuses_a_broken_multipart(client: httpx.AsyncClient, body: bytes) -> None:
    before = kept()
    answer = await client.post(
        "/api/v1/files", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "file"
    assert kept() == before


async def test_refuses_an_empty_file(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/files", files={"file": ("a.csv", b"")})
    assert answer.json()["errors"][0]["code"] == "file_empty"


async def test_full_disk_leaves_nothing(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from wa_app.files import local

    before = kept()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(local, "_finish", full)
    answer = await client.post("/api/v1/files", content=PNG)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    assert kept() == before


async def test_link_expires_and_cannot_be_bent(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, signed: Signed, other: Signed
) -> None:
    saved = (await client.post("/api/v1/files", content=PNG)).json()
    old = files.link(signed.tenant_id, saved["id"], int(time.time()) - 1)
    assert (await stranger.get(old)).json()["code"] == "link_expired"
    bent = saved["url"].replace(str(signed.tenant_id), str(other.tenant_id))
    assert (await stranger.get(bent)).status_code == 404


async def test_other_tenant_finds_nothing(api: FastAPI, client: httpx.AsyncClient, other: Signed) -> None:
    saved = (await client.post("/api/v1/files", content=PNG)).json()
    assert (await client.get(f"/api/v1/files/{saved['id']}")).status_code == 200
    async with client_for(api, other) as theirs:
        assert (await theirs.get(f"/api/v1/files/{saved['id']}")).status_code == 404
        assert (await theirs.delete(f"/api/v1/files/{saved['id']}")).status_code == 404
    assert (await client.delete(f"/api/v1/files/{saved['id']}")).status_code == 204
    assert (await client.get(f"/api/v1/files/{saved['id']}")).status_code == 404
    assert (await client.get(saved["url"])).status_code == 404


async def test_without_the_verb_nothing_is_taken(api: FastAPI) -> None:
    reader = await make_signed_tenant(verbs=frozenset({"files.read"}))
    async with client_for(api, reader) as page:
        answer = await page.post("/api/v1/files", content=PNG)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
