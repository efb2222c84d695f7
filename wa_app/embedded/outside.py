"""Are the servers we were given addresses of there? One sentence each when not."""

import urllib.error
import urllib.request
from urllib.parse import urlsplit

from wa_app.config import Settings
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.roles import plain

TIMEOUT_S = 5


async def check(environment: dict[str, str], settings: Settings) -> None:
    """Try what `settings` names; LauncherError with the setting's name and the mend."""
    if settings.database_url:
        await postgres(environment["DATABASE_URL"])
    for name, url in (("REDIS_URL", settings.redis_url), ("REDIS_STATE_URL", settings.redis_state_url)):
        if url:
            await redis(name, url)
    if settings.chroma_url:
        http("CHROMA_URL", f"{settings.chroma_url.rstrip('/')}/api/v2/heartbeat")


def place(url: str) -> str:
    """Host and port of an address, without its password."""
    return urlsplit(url).netloc.rpartition("@")[2]


async def postgres(url: str) -> None:
    import asyncpg

    try:
        connection = await asyncpg.connect(plain(url), timeout=TIMEOUT_S)
        version = await connection.fetchval("SHOW server_version_num")
        await connection.close()
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError) as problem:
        raise LauncherError(
            f"PostgreSQL at {place(url)} cannot be used ({problem or type(problem).__name__}): correct DATABASE_URL, "
            "or unset it to use the embedded one."
        ) from problem
    if int(version) < 180000:
        raise LauncherError(
            f"PostgreSQL at {place(url)} is too old (Sapa needs 18): upgrade it, or unset DATABASE_URL."
        )


async def redis(name: str, url: str) -> None:
    import redis.asyncio
    from redis.exceptions import RedisError

    try:
        async with redis.asyncio.Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S) as one:
            await one.execute_command("PING")  # type: ignore[no-untyped-call]
    except (OSError, ValueError, RedisError) as problem:
        raise LauncherError(
            f"Redis at {place(url)} cannot be used ({problem}): correct {name}, or unset it to use the embedded one."
        ) from problem


def http(name: str, url: str) -> None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S):
            return
    except (urllib.error.URLError, ValueError, OSError) as problem:
        raise LauncherError(f"{place(url)} cannot be reached ({problem}): correct {name}, or unset it.") from problem
