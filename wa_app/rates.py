"""How often somebody may try, counted in Redis over all processes (library `limits`)."""

import time
from functools import lru_cache

import structlog
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from wa_app.config import get_settings
from wa_app.db import redis_client
from wa_app.errors import LimitReached

log = structlog.get_logger(__name__)



def sign_in_per_account() -> RateLimitItem:
    """Tries at one account; a right password wipes them out, so only guessing is slowed."""
    return RateLimitItemPerMinute(get_settings().auth_rate)


def sign_in_per_ip() -> RateLimitItem:
    """An office or a mobile carrier shares an address, so it is wider than an account's."""
    return RateLimitItemPerMinute(4 * get_settings().auth_rate)


def sign_up_per_ip() -> RateLimitItem:
    return RateLimitItemPerMinute(2 * get_settings().auth_rate)


def reset_per_account() -> RateLimitItem:
    """Mails a stranger can make us send to somebody."""
    return RateLimitItemPerHour(get_settings().auth_rate)


def password_per_account() -> RateLimitItem:
    """Tries at the old password by who holds a sign-in, or at a mailed token."""
    return RateLimitItemPerMinute(get_settings().auth_rate)


@lru_cache(maxsize=2)
def _limiter_on(pool: ConnectionPool) -> SlidingWindowCounterRateLimiter:
    storage = RedisStorage(
        f"async+{get_settings().redis_url}", implementation="redispy", key_prefix="sapa:rate", wrap_exceptions=False,
        connection_pool=pool,  # type: ignore[arg-type]  # documented, yet typed as text or number
    )  # fmt: skip
    return SlidingWindowCounterRateLimiter(storage)


def _limiter() -> SlidingWindowCounterRateLimiter:
    """Counts over the pool that this process has anyway, so that `db.dispose` closes it."""
    return _limiter_on(redis_client().connection_pool)


async def spend(limit: RateLimitItem, *who: str) -> None:
    """Count one try of `who`. Raises `LimitReached("rate_limited")` with the seconds to wait.

    When Redis does not answer the try passes: locking every tenant out of their business
    would harm more than a pause of the brake, and bcrypt's cost still stands behind it.
    """
    limiter = _limiter()
    try:
        if await limiter.hit(limit, *who):
            return
        reset_at, _ = await limiter.get_window_stats(limit, *who)
    except RedisError as error:
        log.warning("rate.unreachable", error=type(error).__name__)
        return
    wait = max(1, round(reset_at - time.time()))
    raise LimitReached("rate_limited", retry_after_s=wait)


async def forget(limit: RateLimitItem, *who: str) -> None:
    """Give back what `who` has spent."""
    try:
        await _limiter().clear(limit, *who)
    except RedisError as error:
        log.warning("rate.unreachable", error=type(error).__name__)
