"""One tenant with very much to do delays nobody else: real workers, the sandbox as WAHA, a small flood."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import fairness
from bench.faulting.engine import Engine
from bench.seeding import World
from tests.fixtures import services
from tests.fixtures.app import RunningApp, running_app
from wa_app import db

pytestmark = [pytest.mark.faults, pytest.mark.alone]

FLOOD = fairness.Flood(rows=12_000, events=6_000, imports=3, import_rows=20_000, devices=6)


@pytest.fixture(scope="module")
def engine() -> Iterator[tuple[RunningApp, str]]:
    with running_app(services.run_folder() / "fairness", web=False) as app:
        engine = Engine(app.stack)
        engine.start_api()
        with services.environment(**app.environment):
            yield app, engine.api_url


async def test_a_flood_of_one_tenant_does_not_delay_anothers_answer(
    engine: tuple[RunningApp, str], tmp_path: Path
) -> None:
    app, api = engine
    key = app.environment["WAHA_API_KEY"]
    big, small = World(app.waha_url, key, api), World(app.waha_url, key, api)
    await small.configure(acks="off", start_s=0.01)
    await fairness.open_worlds(big, small, FLOOD.devices)
    await fairness.pour(big, FLOOD, tmp_path)
    waited = await fairness.probe(big, small, 10)
    assert waited.left_rows > 0, "the flood was over too early to mean anything"
    # Half of the probes in a second and none beyond the patience of a person, on a machine that does all of it at once.
    assert sorted(waited.replies)[5] <= 1.0, waited
    assert max(waited.replies) <= 3.0, waited
    assert sorted(waited.inbound)[5] <= 2.0, waited
    assert max(waited.inbound) <= 5.0, waited
    judged = await big.judge(items=False)
    assert judged["duplicates"] == 0
    await db.dispose()
