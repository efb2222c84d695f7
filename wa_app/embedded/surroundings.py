"""The environment a one-off command runs in: that of a running `./sapa up`, the given one, or servers of its own."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from wa_app.config import Settings, get_settings
from wa_app.embedded import roles
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.secrets import Secrets
from wa_app.embedded.stack import Stack


@contextmanager
def surroundings(home: Path, wanted: Sequence[str]) -> Iterator[None]:
    """Fill `os.environ` with addresses and secrets; start the embedded servers in `wanted` if nobody runs them."""
    note = home.resolve() / "run" / "environment.json"
    if note.exists() and not get_settings().database_url:
        _apply(json.loads(note.read_text()))
        yield
        return
    settings = get_settings()
    missing = tuple(name for name in wanted if not _given(settings, name))
    if missing:
        with Stack(home.resolve(), settings, wanted=tuple(wanted)) as stack:
            _apply(stack.environment)
            yield
        return
    _apply(given_environment(home, settings))
    yield


def _given(settings: Settings, name: str) -> bool:
    return bool({"postgres": settings.database_url, "redis": settings.redis_url, "chroma": settings.chroma_url}[name])


def given_environment(home: Path, settings: Settings) -> dict[str, str]:
    """Addresses from the settings, with those of the two narrow roles derived when they are not set."""
    if not settings.database_url:
        raise LauncherError("DATABASE_URL is not set: set it, or run ./sapa up, which brings a database.")
    key = settings.secret_key or Secrets(home).get("SAPA_SECRET_KEY")
    url = settings.database_url
    return {
        "SAPA_SECRET_KEY": key,
        "DATABASE_URL": url,
        "DATABASE_APP_URL": settings.database_app_url or roles.url_of(roles.APP, url, key),
        "DATABASE_SYSTEM_URL": settings.database_system_url or roles.url_of(roles.SYSTEM, url, key),
        "REDIS_URL": settings.redis_url,
        "REDIS_STATE_URL": settings.redis_state_url or settings.redis_url,
        "REFLEX_REDIS_URL": settings.redis_state_url or settings.redis_url,
    }


def _apply(environment: dict[str, str]) -> None:
    os.environ |= environment
    get_settings.cache_clear()
