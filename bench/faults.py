"""Every fault of DESIGN §11 in its long form: nobody twice, nobody lost, all ends by itself.

`ratio` is duplicates + lost over all scenarios, counted by the sandbox; the figures say for each scenario how many
rows were ever unknown, how many that could be at most, and how long after the last fault none was any more.

    --set only=kills,waha   these scenarios (default all; `disk` is one of them)
    --set n=5000            recipients of each
    --set kills=100         kills in the first
    --set wait=120          SAPA_RECONCILE_WAIT_S; `lease=30` is SAPA_LEASE_S
"""

import asyncio
from dataclasses import replace
from typing import Final

from bench.faulting import disk, scenarios
from bench.faulting.engine import CONNECTIONS as CONNECTIONS
from bench.faulting.engine import Engine, watch_ledger
from bench.faulting.judging import Verdict
from bench.harness import Bench, Result

NEEDS = ("postgres", "redis", "sandbox")
RECONCILED_BAR_S: Final = 180.0
ALL: Final = (*scenarios.SCENARIOS, "disk")


async def run(env: Bench) -> Result:
    env.stack.environment["SAPA_RECONCILE_WAIT_S"] = env.option("wait", "120")
    env.stack.environment["SAPA_LEASE_S"] = env.option("lease", "30")
    engine = Engine(env.stack, env.say)
    await asyncio.to_thread(engine.start_api)
    await watch_ledger(engine.superuser_url)
    long = scenarios.LONG
    size = replace(long, recipients=env.option("n", long.recipients), kills=env.option("kills", long.kills))
    verdicts = []
    for name in env.option("only", ",".join(ALL)).split(","):
        verdict = await _play(name, engine, size)
        env.say(f"{name}: {', '.join(verdict.wrong()) or 'all kept'} ({verdict.seconds:.0f} s)")
        verdicts.append(verdict)
    wrong = [word for verdict in verdicts for word in verdict.wrong()]
    slowest = max(verdict.reconciled_s for verdict in verdicts)
    figures: dict[str, float | int | str] = {
        "duplicates": sum(verdict.duplicates for verdict in verdicts), "lost": sum(verdict.lost for verdict in verdicts),
        "reconciled_s": slowest, "broken": "; ".join(wrong),
    }  # fmt: skip
    for verdict in verdicts:
        figures |= verdict.figures()
    ratio = float(figures["duplicates"]) + float(figures["lost"])
    return Result("faults", ratio, figures, not wrong and slowest <= RECONCILED_BAR_S)


async def _play(name: str, engine: Engine, size: scenarios.Size) -> Verdict:
    if name == "disk":
        return await disk.disk(engine, size)
    return await scenarios.play(name, engine, size)
