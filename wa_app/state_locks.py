"""Locks of tabs' states that survive being cancelled.

Reflex cancels what a page began as soon as its tab goes to another page or is loaded anew. Whoever is cancelled in
the moment in which Redis grants it the lock of the tab's state never learns that it has it, and whoever is cancelled just
after it was woken wakes nobody else; in both cases the tab stood still until the lock ran out, 10 s later (Reflex 0.10.1).
"""

import asyncio
from typing import Any

import structlog
from redis.exceptions import RedisError
from reflex.istate.manager import StateManager
from reflex.istate.manager.redis import StateManagerRedis

log = structlog.get_logger(__name__)

# Only our own lock: another may hold one by now.
_GIVE_BACK = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class PatientStateManager(StateManagerRedis):
    """Reflex's manager, except that a cancelled wait leaves no lock and no sleeper behind."""

    async def _try_get_lock(self, lock_key: bytes, lock_id: bytes) -> bool | None:
        asked = asyncio.ensure_future(super()._try_get_lock(lock_key, lock_id))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            await self._give_back(asked, lock_key, lock_id)
            raise

    async def _give_back(self, asked: "asyncio.Future[bool | None]", lock_key: bytes, lock_id: bytes) -> None:
        """Return what Redis granted after nobody wanted it any more; a second cancellation does not stop it."""

        async def settle() -> None:
            try:
                if await asked:
                    await self.redis.eval(_GIVE_BACK, 1, lock_key, lock_id)  # type: ignore[misc]
            except (RedisError, OSError) as error:  # it runs out by itself
                log.warning("state_lock.not_given_back", error=type(error).__name__)
            self._notify_next_waiter(lock_key)

        await asyncio.shield(asyncio.ensure_future(settle()))

    async def _wait_lock(self, lock_key: bytes, lock_id: bytes) -> None:
        try:
            await super()._wait_lock(lock_key, lock_id)
        except asyncio.CancelledError:
            # It may have been the one that was woken: who wakes for nothing looks and sleeps on.
            self._notify_next_waiter(lock_key)
            raise


def patient(manager: StateManager | None) -> Any:
    """The same manager with our locks, where states are kept in Redis; any other as it is."""
    if type(manager) is not StateManagerRedis:
        return manager
    if manager._lock_task is not None:
        manager._lock_task.cancel()
    # Reflex overloads abstract methods, and mypy then takes the class for abstract, or not, as its cache has it.
    made: Any = PatientStateManager
    return made(
        redis=manager.redis, token_expiration=manager.token_expiration, lock_expiration=manager.lock_expiration,
        lock_warning_threshold=manager.lock_warning_threshold,
    )  # fmt: skip
