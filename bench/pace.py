"""Does a device keep the tempo it drew? Sum of drawn gaps over sum of actual gaps; no cap ever passed.

Ten devices, each with a tempo of its own (gaps up to 20 s, with and without caps, packages, typing),
1. for a simulated hour: the real decisions over the real tables (`Chooser`, `device_sends`), with the clock of
   pacing turned by hand: wake-ups come up to 0.4 s late, and calls take up to 0.3 s;
2. for a real minute: real lanes in a worker process, the sandbox as witness of when each message came.

`ratio` is the one of the simulated hour; 1 means on time, less means slower than drawn. `excess` counts
messages over a cap in any window, by the moments they left (simulated) and came (real).

    --set minutes=60     simulated minutes
    --set real_s=60      seconds of the real part (0: leave it out)
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from bench.harness import Bench, Result
from bench.seeding import World
from wa_app import leases
from wa_app.db import dispose, unit_of_work
from wa_app.models.devices import Device
from wa_app.schemas.principal import Principal
from wa_app.sending import ledger, pacing
from wa_app.sending.choosing import Chooser

NEEDS = ("postgres", "redis", "sandbox", "scheduler", "worker-lanes")
LOW, HIGH = 0.98, 1.02
START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
TEMPOS: tuple[dict[str, Any], ...] = (
    {"delay_min_s": 5, "delay_max_s": 20},
    {"delay_min_s": 4, "delay_max_s": 12},
    {"delay_min_s": 3, "delay_max_s": 5, "typing": False},
    {"delay_min_s": 10, "delay_max_s": 10},
    {"delay_min_s": 3, "delay_max_s": 9, "package_size_min": 10, "package_size_max": 20, "package_pause_min_s": 30,
     "package_pause_max_s": 60},
    {"delay_min_s": 5, "delay_max_s": 9, "per_hour": 10_000},
    {"delay_min_s": 0, "delay_max_s": 0, "per_minute": 6},
    {"delay_min_s": 1, "delay_max_s": 2, "per_minute": 10},
    {"delay_min_s": 0, "delay_max_s": 0, "per_minute": 20, "per_hour": 500},
    {"delay_min_s": 5, "delay_max_s": 10, "per_minute": 4, "per_hour": 100},
)  # fmt: skip
PERIODS = (("per_minute", timedelta(minutes=1)), ("per_hour", timedelta(hours=1)))


@dataclass
class Track:
    """What one device did."""

    tempo: dict[str, Any]
    claimed: list[datetime] = field(default_factory=list)
    left: list[datetime] = field(default_factory=list)
    drawn: list[float] = field(default_factory=list)

    @property
    def is_capped(self) -> bool:
        """Whether a cap, not the gaps, decides how fast it is."""
        return self.tempo.get("per_minute") is not None

    def excess(self) -> int:
        """Messages over a cap, in the worst window of each."""
        return sum(
            max(0, most_within(self.left, length) - self.tempo[key])
            for key, length in PERIODS if self.tempo.get(key) is not None
        )  # fmt: skip

    def use(self, length_s: float) -> float:
        """Share of its narrowest cap that a capped device used."""
        per_s = min(self.tempo[key] / length.total_seconds() for key, length in PERIODS if self.tempo.get(key))
        return len(self.left) / (per_s * length_s)


class Noted(Random):
    """A random source that remembers the gaps and pauses drawn from it."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.drawn: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        value = super().uniform(a, b)
        self.drawn.append(value)
        return value


async def run(env: Bench) -> Result:
    minutes, real_s = env.option("minutes", 60), env.option("real_s", 60)
    world = World(env.waha_url, env.stack.environment["WAHA_API_KEY"])
    await world.configure(acks="off", start_s=0.01)
    env.stack.stop_one("worker-lanes")
    await world.open()
    for tempo in TEMPOS:
        await world.link(1, tempo)
    for device in world.devices:
        contacts = await world.add_contacts(minutes * 25, first=len(world.contacts))
        await world.add_campaign(contacts, devices=[device])
    tracks = await asyncio.gather(*(simulated(world, n, minutes * 60.0) for n in range(len(TEMPOS))))
    await dispose()
    env.say(f"simulated: {sum(len(track.left) for track in tracks)} messages in {minutes} minutes of {len(TEMPOS)} devices")
    figures: dict[str, float | int | str] = {"messages": sum(len(track.left) for track in tracks)}
    ratio = ratio_of(tracks)
    figures["excess"] = sum(track.excess() for track in tracks)
    figures["cap_use"] = min(track.use(minutes * 60.0) for track in tracks if track.is_capped)
    if real_s:
        figures |= await real(env, real_s)
    holds = all(LOW <= one <= HIGH for one in (ratio, float(figures.get("real_ratio", 1.0))))
    return Result("pace", ratio, figures, holds and not figures["excess"] and not figures.get("real_excess", 0))


def ratio_of(tracks: Iterable[Track]) -> float:
    """Drawn over actual, of the devices that their gaps alone hold back."""
    paced = [track for track in tracks if not track.is_capped and len(track.claimed) > 1]
    actual = sum((track.claimed[-1] - track.claimed[0]).total_seconds() for track in paced)
    return sum(sum(track.drawn) for track in paced) / actual


async def simulated(world: World, number: int, length_s: float) -> Track:
    """One device's lane, its clock turned from event to event."""
    principal, device = Principal.system(world.tenant_id), world.devices[number]
    draw, chance, track = Noted(number), Random(number), Track(TEMPOS[number])
    lane = Chooser(
        world.tenant_id, device.id, 0, ZoneInfo("Asia/Jakarta"), world.identity_key.encode(), pacing.Policy(), set(),
        draw=draw,
    )  # fmt: skip
    at, outcomes, marked = START, [], 0
    while at < START + timedelta(seconds=length_s):
        async with unit_of_work(principal) as uow:
            conn = await uow.driver()
            lane.epoch, lane.at = await _lease(uow, world.tenant_id, device.id), at
            if outcomes:
                await ledger.book(conn, world.tenant_id, await ledger.write_outcomes(conn, world.tenant_id, device.id, outcomes))
                await lane.landed(conn)
            step = await lane.claim(conn, await lane.head(conn))
            await ledger.book(conn, world.tenant_id, step.batch.deltas)
        lane.busy.clear()
        outcomes = [ledger.Outcome(row.id, row.attempt, "sent", f"sim{row.id}") for row in step.batch.rows]
        if not outcomes:
            at += timedelta(seconds=(step.wait_s or 1.0) + chance.uniform(0.0, 0.4))
            continue
        track.drawn += [sum(draw.drawn[marked:])]
        track.claimed.append(at)
        marked = len(draw.drawn)
        at += timedelta(seconds=max(step.typing_s.values()) + chance.uniform(0.0, 0.15))
        track.left += [at] * len(outcomes)
        at += timedelta(seconds=chance.uniform(0.0, 0.15))
    track.drawn = track.drawn[:-1]
    return track


async def _lease(uow: Any, tenant_id: UUID, device_id: UUID) -> int:
    epoch = await leases.take(uow, Device, tenant_id, device_id, f"bench:{device_id}")
    if epoch is None:
        raise RuntimeError("somebody else works this device")
    return epoch


async def real(env: Bench, seconds: int) -> dict[str, float | int | str]:
    """Real lanes; the gaps by the database's times of the claims, the caps by the sandbox's of arrival."""
    world = World(env.waha_url, env.stack.environment["WAHA_API_KEY"])
    await world.open()
    # Fixed gaps: what a real lane drew is not written anywhere, and a minute of chance would blur the figure.
    tempos = [{"delay_min_s": gap, "delay_max_s": gap} for gap in (0.4, 0.6, 0.8, 1.1, 1.5, 2.5)]
    tempos += [{"delay_min_s": 0, "delay_max_s": 0, "per_minute": cap} for cap in (5, 20, 60)]
    tempos += [{"delay_min_s": 0.5, "delay_max_s": 1, "per_minute": 12}]
    for tempo in tempos:
        await world.link(1, tempo)
    for device in world.devices:
        contacts = await world.add_contacts(seconds * 4, first=5_000_000 + len(world.contacts))
        await world.add_campaign(contacts, devices=[device])
    env.spawn("worker-lanes")
    await asyncio.sleep(seconds + 5)
    rows = await world.fetch(
        "SELECT device_id, array_agg(claimed_at ORDER BY claimed_at) AS times FROM outbound_messages "
        "WHERE tenant_id = $1 AND device_id IS NOT NULL GROUP BY 1", world.tenant_id,
    )  # fmt: skip
    times = {row["device_id"]: row["times"] for row in rows}
    arrived = await arrivals(world)
    env.stack.stop_one("worker-lanes")
    expected = actual = 0.0
    excess = 0
    for device, tempo in zip(world.devices, tempos, strict=True):
        track = Track(tempo, left=arrived.get(device.session, []))
        excess += track.excess()
        if not track.is_capped:
            gaps = [(b - a).total_seconds() for a, b in pairwise(times[device.id])]
            expected += len(gaps) * tempo["delay_min_s"]
            actual += sum(gaps)
    n = sum(len(one) for one in arrived.values())
    env.say(f"real: {n} messages in {seconds} s of {len(tempos)} devices")
    return {"real_ratio": expected / actual, "real_excess": excess, "real_messages": n}


async def arrivals(world: World) -> dict[str, list[datetime]]:
    """When the sandbox took each message, by session."""
    judged = await world.judge()
    found: dict[str, list[datetime]] = {}
    for item in judged["items"]:
        if item["at"] is not None:
            found.setdefault(item["session"], []).append(datetime.fromtimestamp(item["at"], UTC))
    return found


def most_within(sent: list[datetime], window: timedelta) -> int:
    """The most messages in any half-open window of that length."""
    most, first, ordered = 0, 0, sorted(sent)
    for last in range(len(ordered)):
        while ordered[last] - ordered[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most
