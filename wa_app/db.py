"""The only doors to the database: `unit_of_work()` and `system_unit_of_work()`.

Nobody else commits. A unit of work is one transaction; what it enqueues and publishes
leaves the process only after the commit (STYLE §2, after polarsource/polar).
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import event, text
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from wa_app import queues
from wa_app.config import get_settings
from wa_app.errors import Forbidden
from wa_app.schemas.principal import Principal

log = structlog.get_logger(__name__)

POOL_SIZE = 5
IDLE_S: Final = 30.0
"""A connection that nobody used for so long is asked whether it still lives before it is used again."""
_engines: dict[str, AsyncEngine] = {}
_redis: dict[str, Redis] = {}


def async_url(url: str) -> str:
    """`postgresql://…` as SQLAlchemy's asyncpg dialect wants it."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}" if scheme in ("postgres", "postgresql") else url


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    """Says something of ours in the same round trip as the next BEGIN."""

    opening = ""

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        if self.opening and query.startswith("BEGIN"):
            query, self.opening = f"{query} {self.opening}", ""
        status: str = await super().execute(query, *args, **options)
        return status


def _engine(role: str, url: str) -> AsyncEngine:
    if role not in _engines:
        _engines[role] = made = create_async_engine(
            async_url(url),
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=30,
            connect_args={
                "server_settings": {"application_name": f"sapa-{role}", "timezone": "UTC"},
                "connection_class": _Connection,
            },
        )
        event.listen(made.sync_engine, "checkout", _look_at)
        event.listen(made.sync_engine, "checkin", _note_time)
    return _engines[role]


def _look_at(connection: Any, record: Any, _: Any) -> None:
    """A connection whose server has gone is not handed out, nor any other of its age.

    SQLAlchemy's own `pool_pre_ping` asks the server each time, in three round trips: more than a short transaction takes.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError
    if monotonic() - record.info.get("used_at", monotonic()) > IDLE_S:
        try:
            connection.ping()
        except Exception as error:
            raise InvalidatePoolError from error


def _note_time(_: Any, record: Any) -> None:
    record.info["used_at"] = monotonic()


def _end(connection: Any, record: Any) -> None:
    # One that was given up while it was used comes back as None.
    if connection is not None:
        # At once: the event loop may be about to end, and a farewell to the server would not get through.
        connection.driver_connection.terminate()
        record.invalidate()


def app_engine() -> AsyncEngine:
    """Engine of role `sapa_app`, which sees one tenant at a time."""
    return _engine("app", get_settings().database_app_url)


def system_engine() -> AsyncEngine:
    """Engine of role `sapa_system`, which sees all tenants."""
    return _engine("system", get_settings().database_system_url)


def redis_client() -> Redis:
    """The queue Redis, shared by this process; also rate limits and live messages."""
    if "queue" not in _redis:
        _redis["queue"] = Redis.from_url(get_settings().redis_url, socket_timeout=5, socket_connect_timeout=5)
    return _redis["queue"]


async def dispose() -> None:
    """Close every pool of this process."""
    for engine in _engines.values():
        # A connection in use is not closed here; its pool is left for good, so it must not come back to rest there.
        event.listen(engine.sync_engine, "checkin", _end)
        await engine.dispose()
    _engines.clear()
    for client in _redis.values():
        await client.aclose()
    _redis.clear()


class UnitOfWork:
    """One transaction and what is to leave the process after it."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self._jobs: list[queues.Job] = []
        self._live: list[tuple[UUID, dict[str, Any]]] = []

    def enqueue(self, actor: str, *, delay_ms: int = 0, **kwargs: Any) -> None:
        """Send a message to `actor` once this transaction has committed."""
        if actor not in queues.ACTOR_QUEUES:
            raise LookupError(f"no queue is known for actor {actor!r}; see wa_app/queues.py")
        plain = {key: str(value) if isinstance(value, UUID) else value for key, value in kwargs.items()}
        self._jobs.append(queues.Job(actor, plain, delay_ms))

    def publish_for(self, tenant_id: UUID, kind: str, **data: Any) -> None:
        """Tell the open pages of a tenant, once this transaction has committed."""
        self._live.append((tenant_id, {"kind": kind, **data}))

    async def begin(self) -> None:
        """Open the transaction in the database now; `unit_of_work` has done so by setting the tenant."""
        await self.session.execute(text("SELECT 1"))

    async def driver(self) -> Any:
        """The asyncpg connection inside this transaction, for the few statements where speed counts.

        Without a transaction begun (see `begin`) each statement commits by itself.
        """
        connection = await self.session.connection()
        return (await connection.get_raw_connection()).driver_connection

    async def _leave(self) -> None:
        if self._jobs:
            await queues.send(redis_client(), self._jobs)
        if not self._live:
            return
        try:
            pipe = redis_client().pipeline(transaction=False)
            for tenant_id, data in self._live:
                pipe.publish(live_channel(tenant_id), json.dumps(data, default=str))
            await pipe.execute()
        except RedisError as error:
            log.warning("live.unreachable", error=type(error).__name__)


class TenantUnitOfWork(UnitOfWork):
    """A unit of work inside one tenant; the database refuses every other tenant's row."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        super().__init__(session)
        self.principal = principal

    @property
    def tenant_id(self) -> UUID:
        return self.principal.tenant_id

    def require(self, verb: str) -> None:
        """Raise `Forbidden` unless the principal's role has the verb."""
        if not self.principal.may(verb):
            raise Forbidden(verb=verb)

    def publish(self, kind: str, **data: Any) -> None:
        """`publish_for` this tenant. `kind` is a noun: device, campaign, import, message."""
        self.publish_for(self.tenant_id, kind, **data)


class SystemUnitOfWork(UnitOfWork):
    """A unit of work over all tenants: intake, sweeps, sign-in, platform admin."""


def live_channel(tenant_id: UUID) -> str:
    """Redis channel on which a tenant's open pages are told what changed."""
    return f"sapa:live:{tenant_id}"


@asynccontextmanager
async def unit_of_work(principal: Principal) -> AsyncIterator[TenantUnitOfWork]:
    """A transaction of `sapa_app` that sees the principal's tenant only."""
    async with AsyncSession(app_engine(), expire_on_commit=False) as session, session.begin():
        await _enter(session, principal.tenant_id)
        uow = TenantUnitOfWork(session, principal)
        yield uow
    await uow._leave()


async def _enter(session: AsyncSession, tenant_id: UUID) -> None:
    """Begin the transaction and set its tenant, in one round trip; the setting ends with the transaction."""
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    conn, driver = raw.dbapi_connection, raw.driver_connection
    assert conn is not None
    assert isinstance(driver, _Connection)
    driver.opening = f"SELECT set_config('app.tenant_id', '{UUID(str(tenant_id))}', true)"
    try:
        await conn._start_transaction()
    except BaseException as error:
        # Nobody knows whether the server has begun: this connection is not used again.
        await connection.invalidate(error)
        if isinstance(error, Exception):
            raise OperationalError("BEGIN", None, error) from error
        raise


@asynccontextmanager
async def system_unit_of_work() -> AsyncIterator[SystemUnitOfWork]:
    """A transaction of `sapa_system`, which sees every tenant: use it for nothing else."""
    async with AsyncSession(system_engine(), expire_on_commit=False) as session, session.begin():
        uow = SystemUnitOfWork(session)
        yield uow
    await uow._leave()
