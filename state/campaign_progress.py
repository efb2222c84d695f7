"""State of one broadcast's page: figures, lanes, live list, log, decisions."""

import asyncio
import re
from typing import Any
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from pages import routes
from state.base import AppState
from state.campaigns import id_of
from wa_app import live
from wa_app.components.feedback import error_toast, toast
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import Conflict, NotFound
from wa_app.models.outbound import CampaignStatus, MessageState
from wa_app.schemas.campaigns import CampaignView, Lane, LiveRow, LogRow, Stats
from wa_app.services import campaigns

PAGE = 25
LIVE_ROWS = 10
QUIET_S = 1.0
"""A page is read again at most once in this time, however many messages say that it moved."""
TICK_S = 4.0
"""What a lane does right now is looked up this often while a broadcast runs."""
_PATH = re.compile(r"/campaigns/([0-9a-fA-F-]{36})")
VERBS = ("pause", "cancel", "retry")


def campaign_of_path(path: str) -> UUID:
    """The id in a page's address. Raises NotFound."""
    found = _PATH.match(path)
    if found is None:
        raise NotFound
    return id_of(found[1])


class CampaignProgressState(AppState):
    """Everything the page of a broadcast shows; rebuilt from its address by `load`."""

    ready: bool = False
    missing: bool = False
    shown_id: str = ""
    name: str = ""
    status: str = ""
    waiting: str = ""
    pause_reason: str = ""
    pause_detail: dict[str, Any] = {}
    started_at: str = ""
    scheduled_at: str = ""
    finished_at: str = ""
    delay: str = ""
    device_count: int = 0
    planning: bool = False
    plan_total: int = 0
    counts: dict[str, int] = {}
    total: int = 0
    done: int = 0
    percent: float = 0
    replied: int = 0
    opted_out: int = 0
    rate: float = 0
    eta: str = ""
    unknown: int = 0
    failed: int = 0
    left: int = 0
    lanes: list[dict[str, Any]] = []
    pace: float = 0
    live_rows: list[dict[str, str]] = []
    pulse: list[dict[str, Any]] = []
    summed: bool = False
    log: list[dict[str, str]] = []
    state_filter: str = ""
    device_filter: str = ""
    device_options: list[list[str]] = []
    query: str = ""
    next_id: str = ""
    _before: list[str] = []
    first: int = 0
    found: int = 0
    asked: str = ""
    deciding: bool = False

    @rx.event
    async def load(self) -> EventSpec | None:
        """Build the page from its address."""
        self.ready = self.missing = False
        self.state_filter = self.device_filter = self.query = self.asked = ""
        self._before, self.deciding = [], False
        try:
            found = campaign_of_path(self.router.url.path)
            await self._refresh(found)
        except NotFound:
            self.missing = True
            return None
        if self.status == CampaignStatus.DRAFT:
            return rx.redirect(routes.campaign_edit(self.shown_id))
        await self._read_log("")
        return None

    @rx.event(background=True)
    async def watch(self) -> None:
        """Keep the page true until its tab has gone or shows something else."""
        principal = await self.principal()
        try:
            # Not `shown_id`: this may run before `load` has filled it.
            watched = campaign_of_path(self.router.url.path)
        except NotFound:
            return
        moving = True
        async with live.watch(principal.tenant_id) as inbox:
            while live.tab_is_open(self.router.session.client_token):
                batch = await inbox.wait(TICK_S)
                if not moving and not _is_about(batch, watched):
                    continue
                async with unit_of_work(principal) as uow:
                    facts = await _facts(uow, watched)
                moving = facts[0].status == CampaignStatus.PROCESSING
                async with self:
                    if str(watched) not in self.router.url.path:
                        return
                    self._show(*facts)
                await asyncio.sleep(QUIET_S)

    @rx.event
    async def pick_state(self, state: str) -> None:
        """Filter the log by a state; the same again shows all."""
        state = state if state in set(MessageState) else ""
        self.state_filter = "" if state == self.state_filter else state
        await self._read_log_from_start()

    @rx.event
    async def pick_device(self, device_id: str) -> None:
        """Filter the log by a device; empty shows all."""
        self.device_filter = str(id_of(device_id)) if device_id else ""
        await self._read_log_from_start()

    @rx.event
    async def search(self, query: str) -> None:
        """Find people in the log by name or number."""
        self.query = query[:100]
        await self._read_log_from_start()

    @rx.event
    async def clear_filters(self) -> None:
        """Show the whole log."""
        self.state_filter = self.device_filter = self.query = ""
        await self._read_log_from_start()

    @rx.event
    async def next_page(self) -> None:
        """Further down the log."""
        if self.next_id:
            self._before = [*self._before, self.next_id]
            await self._read_log(self.next_id)

    @rx.event
    async def previous_page(self) -> None:
        """Back up the log."""
        self._before = self._before[:-1]
        await self._read_log(self._before[-1] if self._before else "")

    @rx.event
    async def show_sum(self, which: str) -> None:
        """Chart by minute, or summed."""
        await self.principal()
        self.summed = which == "sum"

    @rx.event
    async def ask(self, verb: str) -> None:
        """Open the question before something that matters."""
        await self._refresh(id_of(self.shown_id))
        self.asked = verb if verb in VERBS else ""

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave it."""
        await self.principal()
        self.asked = ""

    @rx.event
    async def confirm(self) -> EventSpec | None:
        """Do what was asked."""
        verb, self.asked = self.asked, ""
        if verb not in VERBS:
            return None
        return await self._do(verb)

    @rx.event
    async def resume(self) -> EventSpec | None:
        """Go on."""
        return await self._do("resume")

    @rx.event
    async def open_decisions(self, is_open: bool) -> None:
        """The dialog about messages nobody knows the fate of."""
        await self.principal()
        self.deciding = is_open

    @rx.event
    async def decide(self, decision: str) -> EventSpec | None:
        """Say what became of all unknown messages."""
        self.deciding = False
        if decision not in ("sent", "failed", "retry"):
            return None
        async with self.unit_of_work() as uow:
            moved = await campaigns.resolve_unknown(uow, id_of(self.shown_id), decision)  # type: ignore[arg-type]
        await self._refresh(id_of(self.shown_id))
        await self._read_log_from_start()
        return toast("campaigns.decided", n=moved)

    @rx.event
    async def duplicate(self) -> EventSpec:
        """A copy as a draft, opened at once."""
        async with self.unit_of_work() as uow:
            copy = await campaigns.duplicate(uow, id_of(self.shown_id))
        return rx.redirect(routes.campaign_edit(str(copy.id)))

    async def _do(self, verb: str) -> EventSpec | None:
        found = id_of(self.shown_id)
        moved = 0
        try:
            async with self.unit_of_work() as uow:
                if verb == "retry":
                    moved = await campaigns.retry_failed(uow, found)
                else:
                    await getattr(campaigns, verb)(uow, found)
        except Conflict as error:
            await self._refresh(found)
            return error_toast(error.code, **error.args_)
        await self._refresh(found)
        await self._read_log_from_start()
        return toast("campaigns.retried", n=moved) if moved else None

    async def _refresh(self, found: UUID) -> None:
        async with self.unit_of_work() as uow:
            facts = await _facts(uow, found)
        self._show(*facts)

    async def _read_log_from_start(self) -> None:
        self._before = []
        await self._read_log("")

    async def _read_log(self, after: str) -> None:
        states = [MessageState(self.state_filter)] if self.state_filter else []
        if self.state_filter == MessageState.READ:
            states.append(MessageState.PLAYED)
        async with self.unit_of_work() as uow:
            rows, next_id = await campaigns.logs(
                uow, id_of(self.shown_id), state=states, q=self.query, limit=PAGE,
                device_id=id_of(self.device_filter) if self.device_filter else None,
                after=id_of(after) if after else None,
            )  # fmt: skip
        self.log = [_log_row(row) for row in rows]
        self.next_id = str(next_id) if next_id else ""
        self.first = len(self._before) * PAGE + 1 if rows else 0
        known = sum(self.counts.get(one.value, 0) for one in states) if states else self.total
        exact = not (self.query or self.device_filter)
        self.found = known if exact else self.first + len(rows) - 1 + (1 if next_id else 0)

    def _show(
        self, view: CampaignView, stats: Stats, lanes: list[Lane], rows: list[LiveRow], pulse: list[dict[str, Any]]
    ) -> None:
        counts = view.counts
        self.shown_id, self.name, self.status = str(view.id), view.name, view.status.value
        self.waiting, self.pause_reason = view.waiting_reason or "", view.pause_reason or ""
        self.pause_detail = view.pause_detail
        self.started_at, self.finished_at = _iso(view.started_at), _iso(view.finished_at)
        self.scheduled_at, self.device_count = _iso(view.scheduled_at), len(lanes)
        self.delay = _delay(view)
        self.planning = view.started_at is not None and view.planned_at is None and view.status == "PENDING"
        self.plan_total = view.plan_total or 0
        self.counts = {key: n for key, n in counts.model_dump().items() if key != "total"}
        self.total, self.done, self.unknown = counts.total, counts.processed, counts.unknown
        self.failed, self.left = counts.failed, counts.planned + counts.held
        whole = max(self.plan_total, 1) if self.planning else max(counts.total, 1)
        self.percent = round((counts.total if self.planning else counts.processed) * 100 / whole, 1)
        self.replied, self.opted_out = stats.replied, stats.opted_out
        self.rate, self.eta = stats.rate_per_minute or 0, _iso(stats.eta)
        self.lanes = [_lane_row(lane) for lane in lanes]
        self.device_options = [[str(lane.device_id), lane.name] for lane in lanes]
        self.live_rows = [_live_row(row) for row in rows]
        self.pulse = pulse
        self.ready = True


    @rx.var
    def last(self) -> int:
        """Number of the last row shown."""
        return self.first + len(self.log) - 1 if self.log else 0


def _is_about(batch: list[dict[str, Any]], watched: UUID) -> bool:
    """Whether a message may have changed the page."""
    return any(one.get("id") == str(watched) or one["kind"] in ("device", "resync") for one in batch)


async def _facts(
    uow: TenantUnitOfWork, found: UUID
) -> tuple[CampaignView, Stats, list[Lane], list[LiveRow], list[dict[str, Any]]]:
    pulse = [{"at": one.at.isoformat(), "n": one.n} for one in await campaigns.pulse(uow, found)]
    return (
        await campaigns.get(uow, found), await campaigns.stats(uow, found), await campaigns.lanes(uow, found),
        await campaigns.live(uow, found, LIVE_ROWS), pulse,
    )  # fmt: skip


def _iso(time: Any) -> str:
    return time.isoformat() if time else ""


def _delay(view: CampaignView) -> str:
    if view.delay_min_s is None and view.delay_max_s is None:
        return ""
    low, high = view.delay_min_s or 0, view.delay_max_s or view.delay_min_s or 0
    return f"{low}–{high}" if low != high else str(low)


def _lane_row(lane: Lane) -> dict[str, Any]:
    return {
        "id": str(lane.device_id), "name": lane.name, "doing": lane.doing, "detail": lane.detail, "wait": lane.wait_s,
        "taken": lane.taken, "share": round(lane.share * 100, 1), "today": lane.used_today, "cap": lane.cap_today or 0,
        "hour": lane.used_hour, "hour_cap": lane.cap_hour or 0,
    }  # fmt: skip


def _live_row(row: LiveRow) -> dict[str, str]:
    return {
        "id": str(row.id), "name": row.name or row.phone, "phone": row.phone, "status": row.status.value,
        "device": row.device_name, "reason": row.error_code or "", "at": row.at.isoformat(),
    }  # fmt: skip


def _log_row(row: LogRow) -> dict[str, str]:
    return {
        "id": str(row.id), "name": row.contact_name or row.identity, "phone": row.identity, "status": row.status.value,
        "device": row.device_name, "reason": row.error_code or "", "message": row.message or "",
        "at": _iso(row.read_at or row.delivered_at or row.sent_at),
    }  # fmt: skip
