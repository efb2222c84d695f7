"""What just changed, for open pages: one Redis subscriber per web process, fanned out in memory.

A watcher per tab on Redis would never end after a disconnect (REFLEX §4): here a watcher is only a
bounded list in this process. Messages are hints ("this campaign moved"), never the data: who gets
`resync` (the list overflowed, or Redis was away for a while) reads everything again.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from wa_app.config import get_settings
from wa_app.db import live_channel

log = structlog.get_logger(__name__)

MAX_PENDING = 200
RESYNC: dict[str, Any] = {"kind": "resync"}
_RETRY_S = 2.0


class Watch:
    """One watcher's messages, oldest first."""

    def __init__(self) -> None:
        self._pending: list[dict[str, Any]] = []
        self._arrived = asyncio.Event()

    def put(self, message: dict[str, Any]) -> None:
        """Keep a message; a list that would overflow becomes one `resync`."""
        self._pending.append(message)
        if len(self._pending) > MAX_PENDING:
            self._pending = [RESYNC]
        self._arrived.set()

    async def wait(self, timeout_s: float) -> list[dict[str, Any]]:
        """Messages since the last call, waiting for the first at most `timeout_s` seconds; may be empty."""
        try:
            await asyncio.wait_for(self._arrived.wait(), timeout_s)
        except TimeoutError:
            return []
        self._arrived.clear()
        taken, self._pending = self._pending, []
        return taken


class Hub:
    """The subscriber of this process and its watchers by channel."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._pubsub: PubSub = redis.pubsub(ignore_subscribe_messages=True)
        self._watches: dict[str, set[Watch]] = {}
        self._changed = asyncio.Event()

    async def add(self, channel: str, watch: Watch) -> None:
        """Start handing the channel's messages to a watcher."""
        first = channel not in self._watches
        self._watches.setdefault(channel, set()).add(watch)
        if first:
            await self._try(self._pubsub.subscribe(channel))
        self._changed.set()

    async def remove(self, channel: str, watch: Watch) -> None:
        """Stop; the last watcher of a channel ends its subscription."""
        watches = self._watches.get(channel, set())
        watches.discard(watch)
        if not watches and self._watches.pop(channel, None) is not None:
            await self._try(self._pubsub.unsubscribe(channel))

    async def _try(self, command: Any) -> None:
        try:
            await command
        except (RedisError, OSError) as error:  # the reading loop reconnects and subscribes to what is wanted then
            log.warning("live.unreachable", error=type(error).__name__)

    def _hand_out(self, channel: str, message: dict[str, Any]) -> None:
        for watch in self._watches.get(channel, ()):
            watch.put(message)

    async def run(self) -> None:
        """Read for as long as the process lives."""
        while True:
            if not self._watches or self._pubsub.connection is None:
                self._changed.clear()
                await self._changed.wait()
                continue
            try:
                raw = await self._pubsub.get_message(timeout=5.0)
            except (RedisError, OSError) as error:
                log.warning("live.lost", error=type(error).__name__)
                await asyncio.sleep(_RETRY_S)
                await self._resubscribe()
                continue
            if raw is not None and raw["type"] == "message":
                self._hand_out(raw["channel"].decode(), json.loads(raw["data"]))

    async def _resubscribe(self) -> None:
        await self._try(self._pubsub.aclose())  # type: ignore[no-untyped-call]
        self._pubsub = self._redis.pubsub(ignore_subscribe_messages=True)
        channels = list(self._watches)
        if channels:
            await self._try(self._pubsub.subscribe(*channels))
        for channel in channels:
            self._hand_out(channel, RESYNC)

    async def close(self) -> None:
        """Give the connection back."""
        await self._try(self._pubsub.aclose())  # type: ignore[no-untyped-call]
        await self._redis.aclose()


_hub: Hub | None = None
_tab_check: Callable[[str], bool] | None = None


@asynccontextmanager
async def running() -> AsyncIterator[None]:
    """Lifespan of the hub; opens its own connection, since a subscriber waits longer than commands may."""
    global _hub
    _hub = Hub(Redis.from_url(get_settings().redis_url, socket_connect_timeout=5))
    reader = asyncio.create_task(_hub.run(), name="live")
    try:
        yield
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await _hub.close()
        _hub = None


@asynccontextmanager
async def watch(tenant_id: UUID | str) -> AsyncIterator[Watch]:
    """Messages of one tenant. Outside a web process (tests of handlers) nothing ever arrives."""
    inbox = Watch()
    hub, channel = _hub, live_channel(UUID(str(tenant_id)))
    if hub is None:
        yield inbox
        return
    await hub.add(channel, inbox)
    try:
        yield inbox
    finally:
        await hub.remove(channel, inbox)


def check_tabs_with(check: Callable[[str], bool]) -> None:
    """Tell this module how to see whether a browser tab (by its client token) is still connected here."""
    global _tab_check
    _tab_check = check


def tab_is_open(client_token: str) -> bool:
    """Whether the tab is still connected to this process; without a check it is not."""
    return _tab_check is not None and _tab_check(client_token)


async def changes(
    tenant_id: UUID | str, client_token: str, *, tick_s: float = 10, minutes: float = 240
) -> AsyncIterator[list[dict[str, Any]]]:
    """For background handlers: batches of messages until the tab has gone, or `minutes` have passed.

    Usage::

        @rx.event(background=True)
        async def watch(self):
            async for batch in live.changes(tenant_id, self.router.session.client_token):
                ...
    """
    ends = time.monotonic() + minutes * 60
    async with watch(tenant_id) as inbox:
        while tab_is_open(client_token) and time.monotonic() < ends:
            if batch := await inbox.wait(tick_s):
                yield batch
