"""State of the queues in the open: read every few seconds while somebody looks, for platform admins only."""

import asyncio
import time
from datetime import datetime
from typing import Any, Final

import reflex as rx
from reflex.event import EventSpec

from pages import routes
from state.base import AppState
from wa_app import live
from wa_app.components.feedback import error_toast, toast
from wa_app.errors import AppError, Forbidden
from wa_app.schemas.admin import DeadLetters, JobLine, LedgerView, QueuesView, Source
from wa_app.services import admin
from wa_app.services.admin import Admin

REFRESH_S: Final = 3.0
WATCH_S: Final = 4 * 3600
TABS: Final = ("queues", "dead", "jobs", "ledger")
SOURCES: Final[dict[str, Source]] = {"messages": "messages", "events": "events", "imports": "imports"}


class AdminQueuesState(AppState):
    """What the page shows; every part is read again by `watch`."""

    ready: bool = False
    tab: str = "queues"
    reachable: bool = True
    database: bool = True
    workers: int = 0
    waiting: int = 0
    oldest_s: float = 0
    dead: int = 0
    rows: list[dict[str, Any]] = []
    letters: list[dict[str, Any]] = []
    letter_counts: dict[str, int] = {}
    source: str = ""
    jobs: list[dict[str, Any]] = []
    jobs_failing: int = 0
    due: list[dict[str, Any]] = []
    lanes: list[dict[str, Any]] = []
    tenants: list[dict[str, Any]] = []
    lanes_working: int = 0
    unknown: int = 0
    oldest_unknown_s: float = 0
    oldest_reply_s: float = 0
    events_pending: int = 0
    oldest_event_s: float = 0
    broadcast_waiting: int = 0
    sending: int = 0
    asked: bool = False
    asked_verb: str = ""
    asked_source: str = ""
    asked_id: str = ""
    asked_what: str = ""
    asked_n: int = 0
    busy: bool = False

    @rx.var
    def shown_letters(self) -> list[dict[str, Any]]:
        """Letters of the source in view, or all."""
        return [one for one in self.letters if not self.source or one["source"] == self.source]

    @rx.event
    async def load(self) -> list[EventSpec] | None:
        """Read everything once; somebody who is no platform admin is led home."""
        try:
            who = await self.admin()
        except Forbidden as error:
            return [rx.redirect(routes.HOME), error_toast(error.code)]
        self._show(*await _read(who))
        return None

    @rx.event(background=True)
    async def watch(self) -> None:
        """Read again every few seconds until the tab has gone, or the person is no admin any more."""
        token, ends = self.router.session.client_token, time.monotonic() + WATCH_S
        while live.tab_is_open(token) and time.monotonic() < ends:
            await asyncio.sleep(REFRESH_S)
            try:
                found = await _read(await self.admin())
            except AppError:
                return
            async with self:
                self._show(*found)

    @rx.event
    async def set_tab(self, tab: str) -> None:
        """Show another part."""
        await self.admin()
        self.tab = tab if tab in TABS else "queues"

    @rx.event
    async def set_source(self, source: str) -> None:
        """Show the dead letters of one source, or all for an empty one."""
        await self.admin()
        self.source = source if source in SOURCES else ""

    @rx.event
    async def run_job(self, name: str) -> EventSpec:
        """Let a job of the scheduler run now."""
        await admin.run_now(await self.admin(), str(name)[:100])
        return toast("admin.job_will_run", name=str(name)[:100])

    @rx.event
    async def retry(self, row_id: str) -> EventSpec | None:
        """Try one dead letter again."""
        return await self._act("retry", *_split(row_id))

    @rx.event
    async def ask_drop(self, row_id: str) -> None:
        """Ask before one is dropped."""
        await self.admin()
        source, letter_id = _split(row_id)
        self._ask("drop", source, letter_id, 1)

    @rx.event
    async def ask_all(self, verb: str) -> None:
        """Ask before all of the source in view are tried again or dropped."""
        await self.admin()
        if self.source in SOURCES and verb in ("retry", "drop"):
            self._ask(verb, self.source, "", self.letter_counts.get(self.source, 0))

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave it."""
        await self.admin()
        self.asked = False

    @rx.event
    async def confirm(self) -> EventSpec | None:
        """Do what was asked."""
        self.asked = False
        return await self._act(self.asked_verb, self.asked_source, self.asked_id)

    def _ask(self, verb: str, source: str, letter_id: str, n: int) -> None:
        self.asked_verb, self.asked_source, self.asked_id, self.asked_n = verb, source, letter_id, n
        self.asked_what = next((one["what"] for one in self.letters if one["id"] == f"{source}:{letter_id}"), "")
        self.asked = True

    async def _act(self, verb: str, source: str, letter_id: str) -> EventSpec | None:
        who = await self.admin()
        if source not in SOURCES:
            return None
        do = admin.retry if verb == "retry" else admin.drop
        n = await do(who, SOURCES[source], letter_id or None)
        self._show(*await _read(who))
        return toast(f"admin.done_{'retry' if verb == 'retry' else 'drop'}", n=n)

    def _show(
        self, queues: QueuesView, letters: DeadLetters, jobs: list[JobLine], ledger: LedgerView
    ) -> None:
        self.reachable, self.workers = queues.reachable, queues.workers
        self.rows = [{"id": line.name, **line.model_dump()} for line in queues.queues]
        self.waiting = sum(line.waiting for line in queues.queues)
        self.oldest_s = max((line.oldest_s for line in queues.queues), default=0.0)
        self.letter_counts = {name: n or 0 for name, n in letters.counts.items()}
        self.dead = sum(self.letter_counts.values())
        self.letters = [_letter(one.model_dump(mode="json")) for one in letters.letters]
        self.jobs = [_job(line) for line in jobs]
        self.jobs_failing = sum(line.errors > 0 for line in jobs)
        self._show_ledger(ledger)
        self.ready = True

    def _show_ledger(self, ledger: LedgerView) -> None:
        self.due = [{"id": age, "n": n} for age, n in ledger.replies_due.items()]
        self.lanes = [
            {**line.model_dump(mode="json"), "id": str(line.device_id), "name": line.device,
             "last": _iso(line.last_sent_at), "next": _iso(line.next_send_at), "until": _iso(line.lease_until),
             "reason": line.pause_reason or ""}
            for line in ledger.lanes
        ]  # fmt: skip
        self.tenants = [{**line.model_dump(mode="json"), "id": str(line.tenant_id), "name": line.tenant}
                        for line in ledger.tenants]  # fmt: skip
        self.lanes_working, self.unknown, self.sending = ledger.lanes_working, ledger.unknown, ledger.sending
        self.oldest_unknown_s, self.oldest_reply_s = ledger.oldest_unknown_s, ledger.oldest_reply_s
        self.events_pending, self.oldest_event_s = ledger.events_pending, ledger.oldest_event_s
        self.broadcast_waiting = ledger.broadcast_waiting


async def _read(who: Admin) -> tuple[QueuesView, DeadLetters, list[JobLine], LedgerView]:
    return (
        await admin.queues(who), await admin.dead_letters(who), await admin.jobs(who), await admin.ledger(who)
    )  # fmt: skip


def _split(row_id: str) -> tuple[str, str]:
    source, _, letter_id = str(row_id).partition(":")
    return source, letter_id[:64]


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _letter(one: dict[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in one["ids"].items() if key != "tenant_id"}
    return {
        **one, "id": f"{one['source']}:{one['id']}", "name": one["what"],
        "ids": " · ".join(f"{key} {value}" for key, value in shown.items()),
    }  # fmt: skip


def _job(line: JobLine) -> dict[str, Any]:
    return {
        "id": line.name, "name": line.name, "every_s": line.every_s, "last": _iso(line.last_run_at),
        "ms": -1 if line.last_ms is None else line.last_ms, "next": _iso(line.next_at), "late_s": line.late_s,
        "error": line.last_error or "", "errors": line.errors,
    }  # fmt: skip
