"""The faults of DESIGN §11 in their short form; `./sapa bench faults` plays the long one."""

import asyncio
from collections.abc import Iterator

import pytest
import structlog

from bench.faulting import scenarios
from bench.faulting.disk import disk
from bench.faulting.engine import CONNECTIONS, Engine, watch_ledger
from tests.fixtures import services
from wa_app.config import get_settings
from wa_app.embedded.process import free_port
from wa_app.embedded.stack import Stack

log = structlog.get_logger(__name__)
pytestmark = pytest.mark.faults

TIME_PRESSED = {"SAPA_RECONCILE_WAIT_S": "4", "SAPA_LEASE_S": "9"}
"""Waits of minutes made short."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Servers that keep what they committed, the sandbox and the API; each scenario starts its own workers."""
    home = services.run_folder() / f"faults-{services.worker_number()}"
    home.mkdir(mode=0o711)
    outside = dict.fromkeys(("DATABASE_URL", "DATABASE_APP_URL", "DATABASE_SYSTEM_URL", "REDIS_URL", "REDIS_STATE_URL"), "")
    with (
        services.environment(**outside),
        Stack(home, get_settings(), wanted=("postgres", "redis"), max_connections=CONNECTIONS) as stack,
    ):
        stack.environment.update(TIME_PRESSED)
        stack.migrate()
        stack.start_sandbox(free_port())
        made = Engine(stack)
        made.start_api()
        asyncio.run(watch_ledger(made.superuser_url))
        with services.environment(**stack.environment):
            yield made


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
async def test_nobody_twice_nobody_lost(engine: Engine, name: str) -> None:
    verdict = await scenarios.play(name, engine, scenarios.SHORT)
    log.info("faults.verdict", **verdict.figures())
    assert verdict.wrong() == []
    # Lanes of equal devices take equal parts; one that went away leaves its part to the others.
    assert verdict.extra.get("share_off", 0) <= 0.1
    assert verdict.extra.get("share_of_fair", 0) < 0.9


async def test_a_full_disk_refuses_whole_files_and_nothing_else(engine: Engine) -> None:
    verdict = await disk(engine, scenarios.SHORT)
    assert verdict.wrong() == []
    assert verdict.extra["refused"] >= 2
