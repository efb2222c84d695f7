"""What became of a campaign whose engine was mistreated: the sandbox and the ledger compared, row by row."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from bench.seeding import World
from wa_app.db import dispose, unit_of_work
from wa_app.schemas.principal import Principal
from wa_app.sending import ledger

REACHED = ("sent", "delivered", "read", "played")
OPEN = ("planned", "sending", "unknown")
MARK = "promo hari ini"
TEMPLATE = f"{{Halo|Hai}} {{{{name}}}}, {MARK}"
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Unsettled(AssertionError):
    """Something did not happen in its time; says what was there instead."""


@dataclass
class Verdict:
    """How a scenario ended. Everything that must be 0 is 0 when all promises were kept."""

    name: str
    recipients: int = 0
    duplicates: int = 0
    """Messages beyond the first that the sandbox let out to one recipient."""
    lost: int = 0
    """Recipients without a row, still waiting at the end, or told of otherwise than the sandbox saw it."""
    counters_off: int = 0
    unknown: int = 0
    """Rows that were unknown at some time."""
    unknown_left: int = 0
    unknown_allowed: int = 0
    not_sent: int = 0
    """Rows that were proven not to have left, and were then retried."""
    reconciled_s: float = 0.0
    """From the last fault until no row was unknown."""
    seconds: float = 0.0
    status: str = ""
    extra: dict[str, float | int] = field(default_factory=dict)

    def wrong(self) -> list[str]:
        """The promises that were broken, in words."""
        found = [
            f"{count} {what}"
            for count, what in (
                (self.duplicates, "duplicates"), (self.lost, "lost"), (self.counters_off, "counters off"),
                (self.unknown_left, "still unknown"), (max(0, self.unknown - self.unknown_allowed), "unknown too many"),
            )
            if count
        ]  # fmt: skip
        return found if self.status == "COMPLETED" else [*found, f"the campaign is {self.status}"]

    def figures(self) -> dict[str, float | int | str]:
        """By short names, for the bench's line."""
        kept = ("recipients", "duplicates", "lost", "unknown", "unknown_allowed", "not_sent", "reconciled_s", "seconds")
        return {f"{self.name}_{key}": getattr(self, key) for key in kept} | {
            f"{self.name}_{key}": value for key, value in self.extra.items()
        }


async def patiently(ask: Callable[[], Awaitable[Any]], timeout_s: float = 60.0) -> Any:
    """Ask the database, also while it is away."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return await ask()
        except AWAY:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


class Run:
    """One campaign under faults."""

    def __init__(self, world: World, name: str, recipients: int) -> None:
        self.world = world
        self.campaign = UUID(int=0)
        self.verdict = Verdict(name, recipients)
        self.begun = time.monotonic()
        self.last_fault = time.monotonic()

    async def begin(self, first: int = 0, template: str = TEMPLATE) -> None:
        """Plan the campaign; its lanes begin at once."""
        contacts = await self.world.add_contacts(self.verdict.recipients, first=first)
        self.campaign = await self.world.add_campaign(contacts, template)

    def struck(self) -> None:
        """A fault has just been done."""
        self.last_fault = time.monotonic()

    async def states(self) -> dict[str, int]:
        found: dict[str, int] = await patiently(lambda: self.world.states(self.campaign))
        return found

    async def left(self) -> int:
        """Rows that are not waiting to be sent any more."""
        return self.verdict.recipients - (await self.states()).get("planned", 0)

    async def until(
        self, ready: Callable[[dict[str, int]], bool], timeout_s: float, what: str, every_s: float = 0.1
    ) -> None:
        deadline = time.monotonic() + timeout_s
        while not ready(found := await self.states()):
            if time.monotonic() > deadline:
                raise Unsettled(f"{self.verdict.name}: {what} not within {timeout_s:.0f} s: {found} {await self.why()}")
            await asyncio.sleep(every_s)

    async def until_left(self, wanted: float, timeout_s: float = 60.0, *, strict: bool = True) -> bool:
        """Wait until so many rows have left `planned`. Not strict: False after the time instead of an error."""
        deadline = time.monotonic() + timeout_s
        while await self.left() < wanted:
            if time.monotonic() > deadline:
                if strict:
                    raise Unsettled(f"{self.verdict.name}: {wanted:.0f} rows did not leave: {await self.states()} {await self.why()}")
                return False
            await asyncio.sleep(0.05)
        return True

    async def why(self) -> list[Any]:
        """What to read when it does not end."""
        rows = await self.world.fetch(
            "SELECT state, error_code, count(*), min(due_at) - now() AS due FROM outbound_messages "
            "WHERE campaign_id = $1 GROUP BY 1, 2", self.campaign,
        )  # fmt: skip
        devices = await self.world.fetch(
            "SELECT status, paused_until - now() AS paused, pause_reason, lease_until - now() AS lease, woken_at - now() AS woken, "
            "next_send_at - now() AS next FROM devices WHERE tenant_id = $1", self.world.tenant_id,
        )  # fmt: skip
        events = await self.world.fetch(
            "SELECT event, state, error, count(*) FROM inbound_events WHERE tenant_id = $1 GROUP BY 1, 2, 3",
            self.world.tenant_id,
        )
        return [tuple(row) for row in (*rows, *devices, *events)]

    async def finish(self, timeout_s: float) -> Verdict:
        """Wait until every row is decided, retry what surely did not leave, wait for the ticks, and judge."""
        await self.until(lambda found: not set(OPEN) & set(found), timeout_s, "settled")
        self.verdict.reconciled_s = time.monotonic() - self.last_fault
        await self._retry()
        await self.until(lambda found: not set(OPEN) & set(found), timeout_s, "retried")
        await self._ended(60)
        await self.until(lambda found: not {"sent", "delivered"} & set(found), timeout_s, "read")
        return await self.judge()

    async def _retry(self) -> None:
        """What a person does who sees `not sent`: the same rows once more."""
        for _ in range(5):
            async with unit_of_work(Principal.system(self.world.tenant_id)) as uow:
                again = await ledger.retry_failed(uow, campaign_id=self.campaign)
                if again:
                    conn = await uow.driver()
                    await conn.execute("UPDATE campaigns SET status = 'PROCESSING' WHERE id = $1", self.campaign)
            await dispose()
            if not again:
                return
            self.verdict.not_sent += again
            await self.until(lambda found: not set(OPEN) & set(found), 120, "retried")

    async def _ended(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            rows = await patiently(
                lambda: self.world.fetch("SELECT status, pause_reason FROM campaigns WHERE id = $1", self.campaign)
            )
            reason = rows[0]["pause_reason"]
            self.verdict.status = rows[0]["status"] + (f" ({reason})" if reason else "")
            if rows[0]["status"] != "PROCESSING" or time.monotonic() > deadline:
                return
            await asyncio.sleep(0.2)

    async def judge(self) -> Verdict:
        """Compare the ledger, the counters and the sandbox."""
        verdict = self.verdict
        judged = await self.world.judge()
        accepted: Counter[str] = Counter()
        for item in judged["items"]:
            # Answers of people to the same chats are none of the campaign's.
            if MARK not in item["text"]:
                continue
            accepted[item["chat"].partition("@")[0]] += item["accepted"]
        rows = await self.world.fetch(
            "SELECT identity_value, state, error_code FROM outbound_messages WHERE campaign_id = $1", self.campaign
        )
        states = {row["identity_value"].lstrip("+"): row["state"] for row in rows}
        verdict.duplicates = sum(n - 1 for chat, n in accepted.items() if n > 1 and chat in states)
        untrue = sum((state in REACHED) != (accepted[chat] > 0) for chat, state in states.items())
        waiting = sum(state in ("planned", "sending") for state in states.values())
        verdict.lost = verdict.recipients - len(states) + untrue + waiting
        counted = Counter(states.values())
        counters = Counter(await self.world.counters(self.campaign))
        verdict.counters_off = sum(((counters - counted) + (counted - counters)).values())
        verdict.unknown_left = counted["unknown"]
        verdict.unknown = (await self.world.fetch(
            "SELECT count(*)::int AS n FROM fault_watch w JOIN outbound_messages m ON m.id = w.message_id "
            "WHERE m.campaign_id = $1 AND w.now = 'unknown'", self.campaign,
        ))[0]["n"]  # fmt: skip
        verdict.seconds = time.monotonic() - self.begun
        return verdict
