"""How often one caller may call. Counting is `wa_app.rates`; sign-in has narrower limits of its own."""

import hashlib

from limits import RateLimitItem, RateLimitItemPerMinute
from starlette.requests import HTTPConnection

from wa_app import rates
from wa_app.config import get_settings
from wa_app.errors import LimitReached
from wa_app.kit import metrics

ANONYMOUS = RateLimitItemPerMinute(100)
API_KEY = RateLimitItemPerMinute(100)
TOKEN = RateLimitItemPerMinute(100)
OWN_PAGES = RateLimitItemPerMinute(600)
"""A browser with several tabs, uploads and QR pictures of our own pages."""


def client_ip(request: HTTPConnection) -> str:
    """Address of the caller; X-Forwarded-For counts only behind the proxies we were told of."""
    hops = get_settings().trusted_proxies
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if hops and len(forwarded) >= hops:
        return forwarded[-hops]
    return request.client.host if request.client else "unknown"


def fingerprint(secret: str) -> str:
    """A short name for a caller's secret that does not give it away."""
    return hashlib.sha256(secret.encode()).hexdigest()[:24]


async def spend(rate: RateLimitItem, scope: str, who: str) -> None:
    """Count one call. Raises `LimitReached("rate_limited")`."""
    try:
        await rates.spend(rate, scope, who)
    except LimitReached:
        metrics.rate_limited(scope)
        raise
