"""Clients of the vendors: one per event loop and provider, made at first use.

A client whose key or address has changed is closed when the calls that are out on it are back. References
are kept on purpose: google-genai closes the connections of a client that nobody holds.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

from wa_app.ai.gateway import adapters
from wa_app.ai.gateway.shapes import Adapter, Endpoint

MAX_OPEN: Final = 64
"""Clients kept per event loop; beyond, the one unused for longest is closed."""


@dataclass(slots=True)
class _Entry:
    adapter: Adapter
    made_for: Endpoint
    calls: int = 0
    is_stale: bool = False


@dataclass(slots=True)
class _Shelf:
    """Clients of one event loop, the most recently used last."""

    entries: dict[UUID, _Entry] = field(default_factory=dict)
    making: asyncio.Lock = field(default_factory=asyncio.Lock)


_shelves: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shelf] = WeakKeyDictionary()


@asynccontextmanager
async def client_of(endpoint: Endpoint) -> AsyncIterator[Adapter]:
    """The client of a provider, kept open at least as long as the block lasts."""
    entry = await _entry(endpoint)
    entry.calls += 1
    try:
        yield entry.adapter
    finally:
        entry.calls -= 1
        if entry.is_stale and entry.calls == 0:
            await entry.adapter.close()


async def _entry(endpoint: Endpoint) -> _Entry:
    shelf = _shelves.setdefault(asyncio.get_running_loop(), _Shelf())
    async with shelf.making:
        entry = shelf.entries.pop(endpoint.id, None)
        if entry is not None and not _same(entry.made_for, endpoint):
            await _retire(entry)
            entry = None
        if entry is None:
            entry = _Entry(await adapters.make(endpoint), endpoint)
        shelf.entries[endpoint.id] = entry
        while len(shelf.entries) > MAX_OPEN:
            await _retire(shelf.entries.pop(next(iter(shelf.entries))))
    return entry


def _same(one: Endpoint, other: Endpoint) -> bool:
    return (one.kind, one.base_url, one.model, one.key) == (other.kind, other.base_url, other.model, other.key)


async def _retire(entry: _Entry) -> None:
    entry.is_stale = True
    if entry.calls == 0:
        await entry.adapter.close()


async def close() -> None:
    """Close every client of the running event loop."""
    shelf = _shelves.pop(asyncio.get_running_loop(), None)
    for entry in list(shelf.entries.values()) if shelf else []:
        await entry.adapter.close()
