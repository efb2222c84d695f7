"""Pages of the web: their main text, and no way into our own network."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from wa_app.ai.reading import web
from wa_app.errors import Invalid
from wa_app.kit import webprobe

PAGE = """<!doctype html><html><head><title>Ongkos kirim</title><script>alert("x")</script></head><body>
<nav><a href="/">Beranda</a> <a href="/login">Masuk</a></nav>
<article><h1>Ongkos kirim</h1><p>Kami mengirim ke seluruh Bandung dengan ongkos sepuluh ribu rupiah untuk setiap pesanan.</p>
<p>Pesanan di atas dua ratus ribu rupiah dikirim tanpa biaya tambahan pada hari yang sama sampai pukul lima sore.</p>
</article><footer>Hak cipta 2026</footer></body></html>"""


@asynccontextmanager
async def site(pages: dict[str, tuple[str, bytes]]) -> AsyncIterator[str]:
    """A tiny site: path → head of the answer and body."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)[1]
        head, body = pages.get(path, ("404 Not Found", b""))
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"


async def refusal(url: str, *, loopback: bool = True) -> str:
    with pytest.raises(Invalid) as refused:
        await web.fetch(url, loopback=loopback)
    return refused.value.code


async def test_reads_the_text_of_a_page_behind_a_redirect() -> None:
    html = "200 OK\r\nContent-Type: text/html; charset=utf-8"
    pages = {
        "/lama": ("301 Moved\r\nLocation: /kirim", b""), "/kirim": (html, PAGE.encode()),
        "/padat": (f"{html}\r\nContent-Encoding: gzip", gzip.compress(PAGE.encode())),
    }  # fmt: skip
    async with site(pages) as base:
        final, title, document = await web.fetch(f"{base}/lama", loopback=True)
        packed = await web.fetch(f"{base}/padat", loopback=True)
    assert (final, title) == (f"{base}/kirim", "Ongkos kirim")
    text = document.pages[0].text
    assert "sepuluh ribu rupiah" in text
    assert "dua ratus ribu" in text
    assert "alert" not in text
    assert "Masuk" not in text
    assert packed[2].pages[0].text == text


async def test_refuses_what_it_must_not_or_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MAX_BYTES", 100_000)
    pages = {
        "/robots.txt": ("200 OK", b"User-agent: *\nDisallow: /rahasia\n"),
        "/rahasia": ("200 OK\r\nContent-Type: text/html", PAGE.encode()),
        "/putar": ("302 Found\r\nLocation: /putar", b""), "/film": ("200 OK\r\nContent-Type: video/mp4", b"x"),
        "/besar": ("200 OK\r\nContent-Type: text/html", b"a" * 200_000),
        "/bom": ("200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip", gzip.compress(b"a" * 10_000_000)),
        "/kosong": ("200 OK\r\nContent-Type: text/html", b"<html><body></body></html>"),
    }  # fmt: skip
    async with site(pages) as base:
        found = {path: await refusal(f"{base}{path}") for path in (*pages, "/tidak") if path != "/robots.txt"}
    assert found == {
        "/rahasia": "page_robots", "/putar": "page_redirects", "/film": "page_type", "/besar": "page_too_large",
        "/bom": "page_too_large", "/kosong": "file_no_text", "/tidak": "page_status",
    }  # fmt: skip
    assert await refusal("ftp://x.test/") == "page_not_link"


async def test_reaches_nothing_inside_even_by_a_redirect(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await refusal("http://127.0.0.1:6379/", loopback=False) == "page_private"
    allowed = webprobe.is_allowed
    monkeypatch.setattr(webprobe, "is_allowed", lambda ip, *, loopback: ip == "127.0.0.1" or allowed(ip, loopback=False))
    async with site({"/": ("302 Found\r\nLocation: http://169.254.169.254/latest/meta-data", b"")}) as base:
        assert await refusal(f"{base}/") == "page_private"
