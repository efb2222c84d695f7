"""HTTP clients for the SDKs: one way out, and for addresses that tenants typed in, a guarded one.

The guard resolves a name itself, wants every address it has to be a public one, and connects to the address
it looked at: a name that changes its mind between check and use gains nothing, and each redirect goes the
same way. The certificate is still checked against the name.
"""

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

from wa_app.config import get_settings
from wa_app.kit.webprobe import is_allowed, is_link


async def problem_of_address(url: str, *, trusted: bool) -> str | None:
    """Why a provider's address may not be used: `address_invalid`, `address_private`, `address_unknown`; else None."""
    if not is_link(url) or urlsplit(url).username or urlsplit(url).query or urlsplit(url).fragment:
        return "address_invalid"
    if trusted:
        return None
    parts = urlsplit(url)
    if parts.scheme != "https" and not get_settings().ai_private_addresses:
        return "address_invalid"
    try:
        await public_address(parts.hostname or "", parts.port or 443)
    except PermissionError:
        return "address_private"
    except OSError:
        return "address_unknown"
    return None


async def public_address(host: str, port: int) -> str:
    """An address of a host, all of whose addresses are public. Raises PermissionError, OSError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError("no such name") from error
    addresses = [str(one[4][0]) for one in found]
    allowed = get_settings().ai_private_addresses
    if not addresses or not all(allowed or is_allowed(one, loopback=False) for one in addresses):
        raise PermissionError(host)
    return addresses[0]


def http_client(*, guarded: bool) -> Any:
    """A client of the SDKs' own library (httpx2). Time limits are the gateway's: these are only a last resort.

    A guarded one follows no redirects, which would take the key along, and knows no proxy.
    """
    import httpx2

    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=10)
    timeout = httpx2.Timeout(120.0, connect=10.0)
    if not guarded:
        return httpx2.AsyncClient(limits=limits, timeout=timeout, follow_redirects=True)
    transport = _guard()(httpx2.AsyncHTTPTransport(limits=limits))
    return httpx2.AsyncClient(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)


def _guard() -> Any:
    import httpx2

    class Guarded(httpx2.AsyncBaseTransport):
        """Connects to public addresses only."""

        def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
            self.inner = inner

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            host = request.url.host
            port = request.url.port or (443 if request.url.scheme == "https" else 80)
            try:
                address = await public_address(host, port)
            except OSError as error:
                raise httpx2.ConnectError("this address is not allowed", request=request) from error
            asked = httpx2.Request(
                request.method, request.url.copy_with(host=address), headers=request.headers, stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )  # fmt: skip
            asked.headers["Host"] = request.headers.get("Host", host)
            answer = await self.inner.handle_async_request(asked)
            answer.request = request
            return answer

        async def aclose(self) -> None:
            await self.inner.aclose()

    return Guarded
