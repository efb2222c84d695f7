"""How often one caller may call, counted in Redis over all web processes.

When Redis does not answer the general limit lets calls through: the database still
guards what matters, and sign-in has limits of its own in `wa_app.services.sessions`.
"""

import hashlib
import time
from dataclasses import dataclass

import structlog
from redis.exceptions import RedisError
from starlette.requests import HTTPConnection

from wa_app.config import get_settings
from wa_app.db import redis_client
from wa_app.errors import LimitReached

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Rate:
    """At most `calls` in `per_s` seconds."""

    calls: int
    per_s: int = 60


ANONYMOUS = Rate(100)
API_KEY = Rate(100)
TOKEN = Rate(100)
OWN_PAGES = Rate(600)
"""A browser with several tabs, uploads and QR pictures of our own pages."""
WEBHOOK = Rate(6000)


def client_ip(request: HTTPConnection) -> str:
    """Address of the caller; X-Forwarded-For counts only behind the proxies we were told of."""
    hops = get_settings().trusted_proxies
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if hops and len(forwarded) >= hops:
        return forwarded[-hops]
    return request.client.host if request.client else "unknown"


async def spend(scope: str, who: str, rate: Rate) -> None:
    """Count one call. Raises `LimitReached("rate_limited")` with the seconds until the next one may pass.

    A sliding window out of two fixed ones: the share of the previous window that still overlaps counts too.
    """
    now = time.time()
    window = int(now // rate.per_s)
    passed = now / rate.per_s - window
    current, previous = (f"sapa:rate:{scope}:{who}:{n}" for n in (window, window - 1))
    try:
        async with redis_client().pipeline(transaction=False) as pipe:
            pipe.incr(current)
            pipe.expire(current, rate.per_s * 2)
            pipe.get(previous)
            count, _, before = await pipe.execute()
    except RedisError as error:
        log.warning("rate.unreachable", error=type(error).__name__)
        return
    if count + int(before or 0) * (1 - passed) > rate.calls:
        raise LimitReached("rate_limited", retry_after_s=max(1, round(rate.per_s * (1 - passed))))


def fingerprint(secret: str) -> str:
    """A short name for a caller's secret that does not give it away."""
    return hashlib.sha256(secret.encode()).hexdigest()[:24]
