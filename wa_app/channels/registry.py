"""Clients of the channels: one per process and server, made at first use."""

from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from sqlalchemy import text

from wa_app.channels.port import Channel
from wa_app.db import system_unit_of_work
from wa_app.errors import NotFound
from wa_app.kit.secrets import decrypt

FRESH_S = 60.0
"""How long the address and key of a server are believed before they are read again."""


@dataclass(slots=True)
class _Entry:
    channel: Channel
    address: tuple[str, str]
    read_at: float


_entries: dict[UUID, _Entry] = {}
_retired: list[Channel] = []


async def channel(server_id: UUID) -> Channel:
    """The client of a WAHA server. Raises NotFound when there is no such server."""
    entry = _entries.get(server_id)
    if entry is not None and monotonic() - entry.read_at < FRESH_S:
        return entry.channel
    address = await _address(server_id)
    entry = _entries.get(server_id)
    if entry is None or entry.address != address:
        if entry is not None:
            # Calls may still be out on the old client: it is closed with the process.
            _retired.append(entry.channel)
        entry = _entries[server_id] = _Entry(_client(*address), address, 0.0)
    entry.read_at = monotonic()
    return entry.channel


async def close() -> None:
    """Close every client of this process."""
    found = [entry.channel for entry in _entries.values()] + _retired
    _entries.clear()
    _retired.clear()
    for one in found:
        await one.aclose()


async def _address(server_id: UUID) -> tuple[str, str]:
    query = text("SELECT url, api_key FROM waha_servers WHERE id = :id")
    async with system_unit_of_work() as uow:
        row = (await uow.session.execute(query, {"id": server_id})).one_or_none()
    if row is None:
        raise NotFound("waha_server_not_found")
    return row.url, row.api_key


def _client(url: str, api_key_cipher: str) -> Channel:
    from wa_app.channels.waha.client import WahaClient

    return WahaClient(url, decrypt(api_key_cipher))
