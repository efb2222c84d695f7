"""Bodies that are too large get a clear answer from the real server, soon, and nothing of them is kept."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fixtures.api import Signed
from wa_app.config import get_settings
from wa_app.services.sessions import COOKIE

BLOCK = b"x" * (1024 * 1024)


async def endless(megabytes: int) -> AsyncIterator[bytes]:
    for _ in range(megabytes):
        yield BLOCK


def page(served: str, signed: Signed) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=served, cookies={COOKIE: signed.cookie}, headers={"Origin": served, "Accept-Language": "en"}, timeout=30
    )


@pytest.mark.parametrize("path", ["/api/v1/files", "/api/v1/contacts/upload"])
@pytest.mark.parametrize("says_length", [True, False])
async def test_200_mb_file_is_refused_in_words(served: str, signed: Signed, path: str, says_length: bool) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'

    async def body() -> AsyncIterator[bytes]:
        yield start
        async for block in endless(200):
            yield block

    if says_length:
        headers["Content-Length"] = str(len(start) + 200 * len(BLOCK))
    started = time.monotonic()
    async with page(served, signed) as client:
        answer = await client.post(path, content=body(), headers=headers)
    assert answer.status_code == 413, answer.text
    assert answer.json()["code"] == "file_too_large"
    assert answer.json()["detail"] == "The file is too large. The limit is 100 MB."
    assert time.monotonic() - started < 25
    folder = get_settings().data / "files" / str(signed.tenant_id)
    assert not await asyncio.to_thread(lambda: list(folder.rglob("*")) if folder.exists() else [])


async def test_large_json_is_refused_before_anything(served: str, signed: Signed) -> None:
    async with page(served, signed) as client:
        for content in (BLOCK * 3, endless(3)):
            answer = await client.post("/api/v1/contacts", content=content, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
