"""The judge of the fault tests must be able to say no: each broken promise is seen."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from bench.faulting.judging import MARK, Run

PHONES = ("+62812000001", "+62812000002", "+62812000003")


class TwoSides:
    """What the ledger and the sandbox say of three recipients; all is well until a test spoils it."""

    tenant_id = UUID(int=1)

    def __init__(self) -> None:
        self.rows = dict.fromkeys(PHONES, "read")
        self.sent = dict.fromkeys(PHONES, 1)
        self.counted = {"read": 3}
        self.unknown = 0

    async def judge(self) -> dict[str, Any]:
        items = [{"chat": f"{p[1:]}@c.us", "text": f"Halo, {MARK}", "accepted": n} for p, n in self.sent.items()]
        return {"items": [*items, {"chat": f"{PHONES[0][1:]}@c.us", "text": "an answer", "accepted": 1}]}

    async def fetch(self, query: str, *_: object) -> list[dict[str, Any]]:
        if "fault_watch" in query:
            return [{"n": self.unknown}]
        return [{"identity_value": p, "state": state, "error_code": None} for p, state in self.rows.items()]

    async def counters(self, _: UUID) -> dict[str, int]:
        return self.counted


def spoil(name: str, world: TwoSides) -> None:
    spoilers: dict[str, Callable[[], object]] = {
        "doubled": lambda: world.sent.update({PHONES[0]: 2}),
        "no row": lambda: (world.rows.pop(PHONES[1]), world.counted.update(read=2)),
        "never left": lambda: world.sent.update({PHONES[1]: 0}),
        "said not sent": lambda: (world.rows.update({PHONES[2]: "failed"}), world.counted.update(read=2, failed=1)),
        "waits": lambda: (
            world.rows.update({PHONES[2]: "planned"}), world.sent.update({PHONES[2]: 0}),
            world.counted.update(read=2, planned=1),
        ),
        "counters": lambda: world.counted.update(read=4),
        "unknown": lambda: setattr(world, "unknown", 2),
    }  # fmt: skip
    spoilers[name]()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", []),
        ("doubled", ["1 duplicates"]),
        ("no row", ["1 lost"]),
        ("never left", ["1 lost"]),
        ("said not sent", ["1 lost"]),
        ("waits", ["1 lost"]),
        ("counters", ["1 counters off"]),
        ("unknown", ["1 unknown too many"]),
    ],
)
async def test_each_broken_promise_is_told(name: str, words: list[str]) -> None:
    world = TwoSides()
    if name:
        spoil(name, world)
    run = Run(world, "x", len(PHONES))  # type: ignore[arg-type]
    run.verdict.status, run.verdict.unknown_allowed = "COMPLETED", 1
    assert (await run.judge()).wrong() == words


async def test_a_campaign_that_did_not_end_is_told() -> None:
    run = Run(TwoSides(), "x", len(PHONES))  # type: ignore[arg-type]
    run.verdict.status = "PAUSED (error_rate)"
    assert (await run.judge()).wrong() == ["the campaign is PAUSED (error_rate)"]
