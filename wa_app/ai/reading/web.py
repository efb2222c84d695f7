"""A page of the web, fetched without letting anybody use us to reach machines inside our network.

Every connection goes to an address that was looked at, redirects too (`wa_app.kit.webprobe`); the site's
robots.txt is heeded; size, type and time are bound; what came is parsed in the child like any other file.
"""

import asyncio
import ssl
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import httpcore

from wa_app.ai.reading.reader import read
from wa_app.config import get_settings
from wa_app.errors import FieldError, Invalid
from wa_app.kit import webprobe
from wa_app.kit.filetypes import safe_name
from wa_app.schemas.reading import DocumentText

AGENT: Final = "SapaBot"
MAX_BYTES: Final = 5 * 2**20
MAX_ROBOTS: Final = 512 * 1024
TIME_LIMIT_S: Final = 20.0
"""For an address with its robots.txt and all redirects."""
_TIMEOUTS: Final = {"timeout": {"connect": 5.0, "read": 10.0, "write": 5.0, "pool": 5.0}}
TYPES: Final = frozenset({"text/html", "application/xhtml+xml", "text/plain", "text/markdown", "application/pdf"})


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def fetch(url: str, *, loopback: bool | None = None) -> tuple[str, str, DocumentText]:
    """The address a page was found at in the end, its title, and its text.

    `loopback` lets this machine be asked, by default in development only.

    Raises Invalid on `url` with the code `page_not_link, page_private, page_not_found, page_unreachable, page_tls,
    page_timeout, page_status, page_redirects, page_robots, page_type, page_too_large`, and what reading raises.
    """
    allowed = get_settings().is_dev if loopback is None else loopback
    try:
        async with asyncio.timeout(TIME_LIMIT_S), webprobe.guarded_pool(loopback=allowed) as pool:
            final, answer = await _follow(pool, url)
    except webprobe.PrivateAddress:
        raise _refused("page_private") from None
    except (TimeoutError, httpcore.TimeoutException):
        raise _refused("page_timeout") from None
    except ssl.SSLError:
        raise _refused("page_tls") from None
    except httpcore.ConnectError as error:
        raise _refused(_why(error)) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError):
        raise _refused("page_unreachable") from None
    return final, *await _read(final, answer)


def _why(error: httpcore.ConnectError) -> str:
    words = str(error).lower()
    if "name not found" in words:
        return "page_not_found"
    return "page_tls" if "ssl" in words or "certificate" in words else "page_unreachable"


def _refused(code: str, **args: str | int) -> Invalid:
    return Invalid(FieldError("url", code, args), code=code, **args)


async def _follow(pool: httpcore.AsyncConnectionPool, url: str) -> tuple[str, _Answer]:
    heeded: dict[str, RobotFileParser] = {}
    for _ in range(webprobe.MAX_REDIRECTS + 1):
        if not webprobe.is_link(url):
            raise _refused("page_not_link")
        origin = urljoin(url, "/")
        if origin not in heeded:
            heeded[origin] = await _robots(pool, origin)
        if not heeded[origin].can_fetch(AGENT, url):
            raise _refused("page_robots")
        answer = await _ask(pool, url, MAX_BYTES)
        target = answer.headers.get("location")
        if not 300 <= answer.status < 400 or target is None:
            if answer.status >= 400:
                raise _refused("page_status", status=answer.status)
            return url, answer
        url = urljoin(url, target)
    raise _refused("page_redirects")


async def _robots(pool: httpcore.AsyncConnectionPool, origin: str) -> RobotFileParser:
    """What the site lets machines read: all of it when there is no robots.txt, nothing when it is forbidden."""
    rules = RobotFileParser()
    answer = await _ask(pool, urljoin(origin, "/robots.txt"), MAX_ROBOTS, is_cut=True)
    if answer.status in (401, 403):
        rules.parse(["User-agent: *", "Disallow: /"])
    elif answer.status == 200:
        rules.parse(answer.body.decode("utf-8", "replace").splitlines())
    else:
        rules.parse([])
    return rules


async def _ask(pool: httpcore.AsyncConnectionPool, url: str, limit: int, *, is_cut: bool = False) -> _Answer:
    """One GET. A body over the limit is refused, or cut with `is_cut`."""
    base = get_settings().base_url
    agent = f"Mozilla/5.0 (compatible; {AGENT}/1.0; +{base})"
    headers = [
        (b"Host", webprobe.host_header(url)), (b"User-Agent", agent.encode("latin-1", "replace")),
        (b"Accept", b"text/html, application/pdf;q=0.9, text/plain;q=0.8"), (b"Accept-Encoding", b"identity"),
    ]  # fmt: skip
    async with pool.stream("GET", url, headers=headers, extensions=_TIMEOUTS) as response:
        found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        body = bytearray()
        if not 300 <= response.status < 400:
            async for chunk in response.aiter_stream():
                body += chunk
                if len(body) > limit:
                    break
    if len(body) > limit and not is_cut:
        raise _refused("page_too_large", limit_mb=limit // 2**20)
    return _Answer(response.status, found, _unpacked(bytes(body[:limit]), found, limit))


def _unpacked(body: bytes, headers: Mapping[str, str], limit: int) -> bytes:
    """The body of a server that packs although it was asked not to; never more than the limit."""
    if headers.get("content-encoding", "identity").lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        plain = unpacker.decompress(body, limit)
    except zlib.error:
        raise _refused("page_unreachable") from None
    if unpacker.unconsumed_tail:
        raise _refused("page_too_large", limit_mb=limit // 2**20)
    return plain


async def _read(url: str, answer: _Answer) -> tuple[str, DocumentText]:
    kind = answer.headers.get("content-type", "text/html").partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise _refused("page_type", mime=kind[:80])
    mime = "text/html" if kind == "application/xhtml+xml" else kind
    name = safe_name(urlsplit(url).path.rsplit("/", 1)[-1] or "page")
    with tempfile.NamedTemporaryFile(prefix="sapa-page-") as file:
        await asyncio.to_thread(_write, Path(file.name), answer.body)
        document = await read(Path(file.name), name, mime)
    title = next((page.heading for page in document.pages if page.heading), "") or name
    return title, document


def _write(path: Path, body: bytes) -> None:
    path.write_bytes(body)
