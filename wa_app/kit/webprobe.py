"""Does an address answer? Asked without letting anybody use us to reach machines inside our network.

A name is resolved once, every address it has must be a public one, and the connection goes to the
address that was looked at, so a name that changes its mind between check and use gains nothing.
Each redirect goes the same way. Bodies are not read.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpcore

MAX_REDIRECTS: Final = 5
TIME_LIMIT_S: Final = 10.0
"""For one address with all its redirects."""
PORTS: Final = frozenset({80, 443})
MAX_URL: Final = 2048
ALIVE: Final = frozenset({401, 403, 405, 407, 429})
"""Refusals of a server that is there: a person with a browser may well get in."""
_HEADERS: Final = [(b"User-Agent", b"Mozilla/5.0 (compatible; SapaLinkCheck/1.0)"), (b"Accept", b"*/*")]


class PrivateAddress(httpcore.ConnectError):
    """The name leads to a machine that is not on the public internet."""


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only (with `loopback` also to this machine, in development)."""

    def __init__(self, loopback: bool) -> None:
        self.loopback = loopback
        self.inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,  # noqa: ASYNC109
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:  # fmt: skip
        address = await self._address(host, port)
        return await self.inner.connect_tcp(address, port, timeout, local_address, socket_options)

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise PrivateAddress("no sockets of this machine")

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(seconds)

    async def _address(self, host: str, port: int) -> str:
        addresses = await _resolved(host, port)
        if not all(is_allowed(one, loopback=self.loopback) for one in addresses):
            raise PrivateAddress(host)
        if port not in PORTS and not self.loopback:
            raise PrivateAddress(f"port {port}")
        return addresses[0]


async def _resolved(host: str, port: int) -> list[str]:
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise httpcore.ConnectError("name not found") from error
    return [str(one[4][0]) for one in found]


def is_allowed(address: str, *, loopback: bool) -> bool:
    """Whether an IP address is on the public internet (or, with `loopback`, this machine)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    if mapped is not None:
        return is_allowed(str(mapped), loopback=loopback)
    if ip.is_loopback:
        return loopback
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def guarded_pool(*, loopback: bool) -> httpcore.AsyncConnectionPool:
    """A pool whose every connection goes to an address that was looked at: for whoever wants the body too."""
    return httpcore.AsyncConnectionPool(ssl_context=_tls(), network_backend=_Guarded(loopback), max_connections=2)


def host_header(url: str) -> bytes:
    """The host of an address as the header wants it, without name and password."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].encode("idna" if not parts.netloc.isascii() else "ascii")


async def problem_of(url: str, *, loopback: bool = False) -> str | None:
    """Why an address does not answer, None when it does.

    `not_a_link, not_found, refused, private, tls, timeout, redirects` or `status_<n>`.
    """
    try:
        async with (
            asyncio.timeout(TIME_LIMIT_S),
            httpcore.AsyncConnectionPool(ssl_context=_tls(), network_backend=_Guarded(loopback)) as pool,
        ):
            return await _follow(pool, url)
    except PrivateAddress:
        return "private"
    except (TimeoutError, httpcore.TimeoutException):
        return "timeout"
    except ssl.SSLError:
        return "tls"
    except httpcore.ConnectError as error:
        return _why(error)
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError):
        return "refused"


async def _follow(pool: httpcore.AsyncConnectionPool, url: str) -> str | None:
    for _ in range(MAX_REDIRECTS + 1):
        if not is_link(url):
            return "not_a_link"
        status, target = await _ask(pool, "HEAD", url)
        if status >= 400 and status not in ALIVE:
            # Many servers answer HEAD with an error and GET with the page.
            status, target = await _ask(pool, "GET", url)
        if target is None or not 300 <= status < 400:
            return None if status < 400 or status in ALIVE else f"status_{status}"
        url = urljoin(url, target)
    return "redirects"


async def _ask(pool: httpcore.AsyncConnectionPool, method: str, url: str) -> tuple[int, str | None]:
    """Status and target of a redirect; the body is never read."""
    limits = {"timeout": {"connect": 5.0, "read": 8.0, "write": 5.0, "pool": 5.0}}
    async with pool.stream(method, url, headers=[(b"Host", host_header(url)), *_HEADERS], extensions=limits) as answer:
        places = [value.decode("latin-1") for name, value in answer.headers if name.lower() == b"location"]
        return answer.status, places[0] if places else None


def is_link(url: str) -> bool:
    """Whether a text is an http address that may be asked at all."""
    if len(url) > MAX_URL or not url.isascii() or any(char.isspace() or not char.isprintable() for char in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _why(error: httpcore.ConnectError) -> str:
    words = str(error).lower()
    if "name not found" in words:
        return "not_found"
    return "tls" if "ssl" in words or "certificate" in words else "refused"


@lru_cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
