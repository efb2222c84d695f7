"""Links are asked without becoming a way into our own network."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from wa_app.kit import webprobe

Answer = bytes


@asynccontextmanager
async def server(answers: dict[tuple[str, str], Answer], seen: list[str]) -> AsyncIterator[str]:
    """A tiny server: (method, path) → head of the answer."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        seen.append(f"{method} {path}")
        answer = answers.get((method, path), b"404 Not Found\r\n")
        writer.write(b"HTTP/1.1 " + answer + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("address", [
    "127.0.0.1", "::1", "10.1.2.3", "172.16.0.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::",
    "fe80::1", "fd00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:7f00:1::", "224.0.0.1", "255.255.255.255",
    "240.0.0.1", "ff02::1", "192.0.2.1", "198.18.0.1",
])  # fmt: skip
def test_addresses_inside_are_refused(address: str) -> None:
    assert not webprobe.is_allowed(address, loopback=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "103.21.244.10", "2606:4700::1111"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert webprobe.is_allowed(address, loopback=False)


@pytest.mark.parametrize("url", [
    "http://127.0.0.1/", "http://localhost:6379/", "http://[::1]/",
    "https://127.0.0.1:8443/x",
])  # fmt: skip
async def test_this_machine_is_not_asked(url: str) -> None:
    assert await webprobe.problem_of(url) == "private"


@pytest.mark.parametrize("url", ["ftp://x.test/", "javascript:alert(1)", "http://", "file:///etc/passwd", "http://a b/",
                                 "http://x:99999/", "gopher://127.0.0.1:70/_x", "http://x/" + "a" * 3000])  # fmt: skip
async def test_what_is_no_link_is_not_asked(url: str) -> None:
    assert await webprobe.problem_of(url, loopback=True) == "not_a_link"


async def test_a_redirect_to_a_machine_inside_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = webprobe.is_allowed
    monkeypatch.setattr(webprobe, "is_allowed", lambda ip, *, loopback: ip == "127.0.0.1" or allowed(ip, loopback=False))
    seen: list[str] = []
    inside = b"302 Found\r\nLocation: http://169.254.169.254/latest/meta-data\r\n"
    async with server({("HEAD", "/"): inside}, seen) as base:
        assert await webprobe.problem_of(f"{base}/", loopback=True) == "private"
    assert seen == ["HEAD /"]


async def test_answers_are_told_apart() -> None:
    answers = {
        ("HEAD", "/ok"): b"200 OK\r\n", ("HEAD", "/login"): b"403 Forbidden\r\n",
        ("HEAD", "/picky"): b"500 Oops\r\n", ("GET", "/picky"): b"200 OK\r\n",
        ("HEAD", "/old"): b"301 Moved\r\nLocation: /ok\r\n", ("HEAD", "/loop"): b"302 Found\r\nLocation: /loop\r\n",
        ("HEAD", "/broken"): b"503 Down\r\n", ("GET", "/broken"): b"503 Down\r\n",
    }  # fmt: skip
    seen: list[str] = []
    async with server(answers, seen) as base:
        found = {path: await webprobe.problem_of(base + path, loopback=True)
                 for path in ("/ok", "/login", "/picky", "/old", "/loop", "/broken", "/gone")}  # fmt: skip
    assert found == {"/ok": None, "/login": None, "/picky": None, "/old": None, "/loop": "redirects",
                     "/broken": "status_503", "/gone": "status_404"}  # fmt: skip
    assert seen.count("HEAD /loop") == webprobe.MAX_REDIRECTS + 1


async def test_nobody_there_and_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server({}, []) as base:
        pass
    assert await webprobe.problem_of(base, loopback=True) == "refused"
    monkeypatch.setattr(webprobe, "TIME_LIMIT_S", 0.2)

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)
        writer.close()

    running = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with running:
        port = running.sockets[0].getsockname()[1]
        assert await webprobe.problem_of(f"http://127.0.0.1:{port}/", loopback=True) == "timeout"
