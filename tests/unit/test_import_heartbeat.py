"""The heartbeat of an import through a database that is away for a moment."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from wa_app import leases
from wa_app.services.imports import holding


async def test_a_beat_that_fails_ends_neither_the_beating_nor_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0
    beaten = asyncio.Event()

    def away(_: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries > 1:
            beaten.set()
        raise OperationalError("", {}, Exception("gone"))

    monkeypatch.setattr(holding, "unit_of_work", away)
    monkeypatch.setattr(leases, "heartbeat_s", lambda: 0.001)
    run: Any = SimpleNamespace(principal=None)
    async with asyncio.timeout(5), holding.heartbeat(run):
        await beaten.wait()
