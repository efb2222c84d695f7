"""WAHA servers of the platform: which there are, and which has room for one more session."""

from uuid import UUID

from sqlalchemy import text

from wa_app.config import Settings, get_settings
from wa_app.db import SystemUnitOfWork, system_unit_of_work
from wa_app.errors import Conflict
from wa_app.kit.secrets import decrypt, encrypt

FROM_SETTINGS = "default"
"""Name of the server that `WAHA_URL` and `WAHA_API_KEY` name; `./sapa up` names the sandbox there."""

# NO KEY UPDATE: a device's foreign key takes KEY SHARE here while its own row is locked; the two must not wait
# for each other.
_FIND = text("SELECT id, url, api_key FROM waha_servers WHERE name = :name FOR NO KEY UPDATE")
_ADD = text(
    "INSERT INTO waha_servers (name, url, api_key, capacity) VALUES (:name, :url, :key, :capacity) "
    "ON CONFLICT (url) DO UPDATE SET name = excluded.name, api_key = excluded.api_key RETURNING id"
)
_CHANGE = text("UPDATE waha_servers SET url = :url, api_key = :key, is_active = true WHERE id = :id")
_WITH_ROOM = text(
    "SELECT s.id FROM waha_servers s WHERE s.is_active AND s.capacity > "
    "(SELECT count(*) FROM devices d WHERE d.waha_server_id = s.id AND d.deleted_at IS NULL) "
    "ORDER BY EXISTS (SELECT 1 FROM devices d WHERE d.waha_server_id = s.id AND d.engine = :engine "
    "AND d.status = 'CONNECTED' AND d.deleted_at IS NULL) DESC, "
    "(SELECT count(*) FROM devices d WHERE d.waha_server_id = s.id AND d.deleted_at IS NULL)::float "
    "/ s.capacity, s.id FOR NO KEY UPDATE OF s LIMIT 1"
)
_CAPACITY = 100
STARTS_AT_ONCE = 4
"""Sessions a server starts at a time: each start of a browser engine takes a core and 300 MB for seconds."""
START_S = 90
"""A start that was not reported as over after this does not count any more."""
_LOCK = text("SELECT 1 FROM waha_servers WHERE id = :server FOR NO KEY UPDATE")
_ADMIT = text(
    "UPDATE devices d SET status_detail = jsonb_set(d.status_detail, '{want,starting_at}', to_jsonb(now())) "
    "WHERE d.id = :device AND d.status_detail ? 'want' AND (SELECT count(*) FROM devices o "
    "WHERE o.waha_server_id = :server AND o.id <> :device AND o.deleted_at IS NULL "
    "AND (o.status_detail #>> '{want,starting_at}')::timestamptz > now() - make_interval(secs => :start_s)) < :limit "
    "RETURNING 1"
)


async def sync_with_settings(uow: SystemUnitOfWork, settings: Settings | None = None) -> UUID | None:
    """Make the row of the server in the settings say what they say. Safe to run at any time, by anybody."""
    chosen = settings or get_settings()
    if not chosen.waha_url:
        return None
    url = chosen.waha_url.rstrip("/")
    found = (await uow.session.execute(_FIND, {"name": FROM_SETTINGS})).one_or_none()
    if found is None:
        values = {"name": FROM_SETTINGS, "url": url, "key": encrypt(chosen.waha_api_key), "capacity": _CAPACITY}
        added: UUID = (await uow.session.execute(_ADD, values)).scalar_one()
        return added
    if found.url != url or decrypt(found.api_key) != chosen.waha_api_key:
        values = {"id": found.id, "url": url, "key": encrypt(chosen.waha_api_key)}
        await uow.session.execute(_CHANGE, values)
    known: UUID = found.id
    return known


async def admit(server_id: UUID, device_id: UUID) -> bool:
    """Whether this device's session may be started now; at most `STARTS_AT_ONCE` of a server are at a time."""
    async with system_unit_of_work() as uow:
        await uow.session.execute(_LOCK, {"server": server_id})
        values = {"server": server_id, "device": device_id, "start_s": START_S, "limit": STARTS_AT_ONCE}
        return (await uow.session.execute(_ADMIT, values)).scalar_one_or_none() is not None


async def choose(uow: SystemUnitOfWork, engine: str = "") -> UUID:
    """The server with the largest share of free room; its row stays locked until the transaction ends.

    A server runs one engine (waha/CONTRACT.md §1); those where a connected number runs `engine` come
    first, for a number that is not may only have wished for it. Raises Conflict("no_server_room") when all are full or none is known.
    """
    await sync_with_settings(uow)
    chosen: UUID | None = (await uow.session.execute(_WITH_ROOM, {"engine": engine})).scalar_one_or_none()
    if chosen is None:
        raise Conflict("no_server_room")
    return chosen
