"""A tab whose page goes away in the wrong moment does not stand still until its lock runs out."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from reflex.istate.manager.redis import StateManagerRedis
from reflex.istate.manager.token import BaseStateToken
from reflex.state import State

from wa_app.config import ROOT, Settings
from wa_app.kit.ids import new_id
from wa_app.state_locks import PatientStateManager, patient

WITHIN_S = 3.0
"""Far under the 10 s after which a forgotten lock runs out."""


@pytest.fixture
async def manager(settings: Settings) -> AsyncIterator[PatientStateManager]:
    made: PatientStateManager = cast(Any, PatientStateManager)(redis=Redis.from_url(settings.redis_url))
    yield made
    await made.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def token() -> BaseStateToken:
    return BaseStateToken(ident=new_id().hex, cls=State)


async def cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def hold(manager: PatientStateManager, token: BaseStateToken) -> None:
    async with manager._lock(token):
        pass


async def waiters(manager: PatientStateManager, key: bytes, n: int) -> None:
    while manager._n_lock_waiters(key) < n:  # noqa: ASYNC110 - Reflex tells nobody
        await asyncio.sleep(0.01)


async def test_lock_granted_to_whom_was_cancelled_is_given_back(
    manager: PatientStateManager, token: BaseStateToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted, heard = asyncio.Event(), asyncio.Event()
    redis_set = manager.redis.set

    async def slow_set(*args: object, **more: object) -> object:
        answer = await redis_set(*args, **more)  # type: ignore[arg-type]
        granted.set()
        await heard.wait()
        return answer

    monkeypatch.setattr(manager.redis, "set", slow_set)
    first = asyncio.create_task(hold(manager, token))
    await granted.wait()
    first.cancel()
    monkeypatch.setattr(manager.redis, "set", redis_set)
    heard.set()
    await asyncio.wait_for(hold(manager, token), WITHIN_S)
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await manager.redis.get(manager._lock_key(token)) is None


async def test_cancelled_sleeper_wakes_the_next(manager: PatientStateManager, token: BaseStateToken) -> None:
    key = manager._lock_key(token)
    manager._redis_keyspace_lock_release_events.clear()  # its message may come late, or was lost
    async with manager._lock(token):
        woken = asyncio.create_task(hold(manager, token))
        await waiters(manager, key, 1)
        last = asyncio.create_task(hold(manager, token))
        await waiters(manager, key, 2)
    await cancelled(woken)
    await asyncio.wait_for(last, WITHIN_S)


async def test_lock_of_another_is_left_alone(manager: PatientStateManager, token: BaseStateToken) -> None:
    key = manager._lock_key(token)
    async with manager._lock(token) as held:
        waits = asyncio.create_task(hold(manager, token))
        await waiters(manager, key, 1)
        await cancelled(waits)
        assert await manager.redis.get(key) == held


async def test_the_manager_that_was_replaced_listens_no_more(settings: Settings) -> None:
    plain: StateManagerRedis = cast(Any, StateManagerRedis)(redis=Redis.from_url(settings.redis_url))
    listening = plain._lock_task
    made = patient(plain)
    assert isinstance(made, PatientStateManager)
    assert listening is not None
    await asyncio.wait([listening], timeout=WITHIN_S)
    assert listening.cancelled()
    await made.close()  # type: ignore[no-untyped-call]


def test_the_application_uses_it(settings: Settings) -> None:
    asked = "from wa_app.wa_app import app; print(type(app.state_manager).__name__)"
    env = {**os.environ, "REFLEX_REDIS_URL": settings.redis_url, "REDIS_STATE_URL": settings.redis_url}
    answer = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert answer.stdout.split()[-1] == "PatientStateManager"
