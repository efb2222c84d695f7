"""State of a broadcast's report: figures, files, writing again, trying again."""

import asyncio
from typing import Any
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from pages import routes
from state.base import AppState
from state.campaign_progress import campaign_of_path
from state.campaigns import id_of
from wa_app import live
from wa_app.components.feedback import error_toast, toast
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError, NotFound
from wa_app.models.outbound import CampaignStatus
from wa_app.schemas.reports import Compared, ExportRequest, Hour, JobView, Reason, Report
from wa_app.services import campaigns
from wa_app.services.campaigns import reports, resending
from wa_app.services.reports import exporting

TICK_S = 10.0
QUIET_S = 2.0
MOST_HOURS = 96
FILES = 5


class CampaignReportState(AppState):
    """Everything the report shows; rebuilt from the page's address by `load`."""

    ready: bool = False
    missing: bool = False
    shown_id: str = ""
    name: str = ""
    status: str = ""
    started_at: str = ""
    finished_at: str = ""
    figures: dict[str, int] = {}
    shares: dict[str, float] = {}
    deltas: dict[str, float] = {}
    """Points up or down against the broadcast before; absent where nothing is known."""
    has_clicks: bool = False
    per_minute: float = 0
    seconds: int = 0
    median_read_s: int = -1
    devices: list[dict[str, Any]] = []
    reasons: list[dict[str, Any]] = []
    hours: list[dict[str, Any]] = []
    variants: list[dict[str, Any]] = []
    previous: dict[str, Any] = {}
    resend_of: str = ""
    resends: int = 0
    silent: int = 0
    counting: bool = False
    as_of: str = ""
    files: list[dict[str, Any]] = []
    retrying: bool = False
    chosen: list[str] = []
    with_unknown: bool = False
    resending: bool = False
    busy: bool = False

    @rx.event
    async def load(self) -> EventSpec | None:
        """Build the page from its address."""
        self.reset()  # type: ignore[no-untyped-call]
        try:
            await self._refresh(campaign_of_path(self.router.url.path))
        except NotFound:
            self.missing = True
            return None
        if self.status == CampaignStatus.DRAFT:
            return rx.redirect(routes.campaign_edit(self.shown_id))
        if "retry" in self.router.url.query_parameters:
            self._offer_retry(self.can_retry > 0)
        return None

    @rx.event(background=True)
    async def watch(self) -> None:
        """Keep the page true until its tab has gone or shows something else."""
        principal = await self.principal()
        try:
            watched = campaign_of_path(self.router.url.path)
        except NotFound:
            return
        async with live.watch(principal.tenant_id) as inbox:
            while live.tab_is_open(self.router.session.client_token):
                batch = await inbox.wait(TICK_S)
                if not any(one.get("id") == str(watched) or one["kind"] == "resync" for one in batch):
                    continue
                async with unit_of_work(principal) as uow:
                    facts = await _facts(uow, watched)
                async with self:
                    if f"{watched}/report" not in self.router.url.path:
                        return
                    self._show(*facts)
                await asyncio.sleep(QUIET_S)

    @rx.event
    async def export(self, kind: str) -> EventSpec | None:
        """Have a file made."""
        language = "en" if (await self.principal()).language == "en" else "id"
        try:
            async with self.unit_of_work() as uow:
                wish = ExportRequest(kind="pdf" if kind == "pdf" else "csv", language=language)
                await exporting.request(uow, id_of(self.shown_id), wish)
                self._show_files(await exporting.recent(uow, id_of(self.shown_id)))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        return toast("report.file.asked")

    @rx.event
    async def cancel_export(self, job_id: str) -> EventSpec | None:
        """Stop making a file."""
        try:
            async with self.unit_of_work() as uow:
                await exporting.cancel(uow, id_of(self.shown_id), id_of(job_id))
                self._show_files(await exporting.recent(uow, id_of(self.shown_id)))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        return None

    @rx.event
    async def open_resend(self, opened: bool) -> None:
        """Ask before writing to those who did not read."""
        async with self.unit_of_work() as uow:
            self.silent = await resending.silent(uow, id_of(self.shown_id)) if opened else self.silent
        self.resending = opened

    @rx.event
    async def resend(self) -> EventSpec | None:
        """Make the draft and go there."""
        self.resending, self.busy = False, True
        try:
            async with self.unit_of_work() as uow:
                draft = await resending.resend(uow, id_of(self.shown_id))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        finally:
            self.busy = False
        return rx.redirect(routes.campaign_edit(str(draft.id)))

    @rx.event
    async def open_retry(self, opened: bool) -> None:
        """Choose what to send again; everything that can be helped is chosen, unknown ones are not."""
        await self.principal()
        self._offer_retry(opened)

    @rx.event
    async def toggle_reason(self, code: str) -> None:
        """Take a reason in or out."""
        await self.principal()
        self.chosen = [one for one in self.chosen if one != code] if code in self.chosen else [*self.chosen, code[:60]]

    @rx.event
    async def toggle_unknown(self) -> None:
        """Messages that may have arrived, at the person's own word."""
        await self.principal()
        self.with_unknown = not self.with_unknown

    @rx.event
    async def retry(self) -> EventSpec | None:
        """Put what was chosen back in line."""
        self.busy = True
        try:
            async with self.unit_of_work() as uow:
                moved = await campaigns.retry_failed(
                    uow, id_of(self.shown_id), include_unknown=self.with_unknown, reasons=self.chosen
                )
            await self._refresh(id_of(self.shown_id))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        finally:
            self.busy, self.retrying = False, False
        return toast("report.retried", n=moved)

    @rx.var
    def can_retry(self) -> int:
        """Rows that sending again may help."""
        return sum(one["n"] for one in self.reasons if one["may_retry"])

    @rx.var
    def chosen_n(self) -> int:
        """Rows the choice means."""
        return sum(
            one["n"] for one in self.reasons
            if (one["state"] == "failed" and one["code"] in self.chosen and one["may_retry"])
            or (one["state"] == "unknown" and self.with_unknown)
        )  # fmt: skip

    @rx.var
    def unknown_n(self) -> int:
        """Rows nobody knows the fate of."""
        return sum(one["n"] for one in self.reasons if one["state"] == "unknown")

    @rx.var
    def lost_n(self) -> int:
        """Rows that did not arrive, whatever the reason."""
        return sum(one["n"] for one in self.reasons)

    def _offer_retry(self, opened: bool) -> None:
        self.retrying, self.with_unknown = opened, False
        self.chosen = [one["code"] for one in self.reasons if one["may_retry"] and one["state"] == "failed"]

    async def _refresh(self, found: UUID) -> None:
        async with self.unit_of_work() as uow:
            self._show(*await _facts(uow, found))

    def _show(self, report: Report, silent: int, files: list[JobView]) -> None:
        funnel = report.funnel
        self.shown_id, self.name, self.status = str(report.id), report.name, report.status.value
        self.started_at, self.finished_at = _iso(report.started_at), _iso(report.finished_at)
        self.figures = {
            "planned": funnel.planned, "sent": funnel.sent, "delivered": funnel.delivered, "read": funnel.read,
            "replied": funnel.replied, "clicked": funnel.clicked or 0, "opted_out": report.opted_out,
            "waiting": report.waiting, "failed": report.failed, "skipped": report.skipped,
        }  # fmt: skip
        self.has_clicks = funnel.clicked is not None
        self.shares = {key: _percent(self.figures[key], funnel.sent) for key in ("delivered", "read", "replied", "opted_out")}
        self.deltas = _deltas(self.shares, report.previous) if funnel.sent else {}
        self.per_minute, self.seconds = report.per_minute or 0, report.seconds or 0
        self.median_read_s = -1 if report.median_read_s is None else report.median_read_s
        self.devices = [
            {**one.model_dump(mode="json"), "delivered_share": _percent(one.delivered, one.arrived),
             "read_share": _percent(one.read, one.arrived)} for one in report.devices
        ]  # fmt: skip
        self.reasons = [_reason(one) for one in report.reasons]
        self.hours = [_hour(one) for one in report.hours[:MOST_HOURS]]
        self.variants = [
            {"name": one.name, "sent": one.sent, "read": _percent(one.read, one.sent),
             "replied": _percent(one.replied, one.sent)} for one in report.variants
        ]  # fmt: skip
        self.previous = _previous(report.previous)
        self.resend_of = str(report.resend_of) if report.resend_of else ""
        self.resends, self.silent = len(report.resends), silent
        self.counting, self.as_of = not report.is_fresh, _iso(report.as_of)
        self._show_files(files)
        self.ready = True

    def _show_files(self, files: list[JobView]) -> None:
        self.files = [
            {"id": str(one.id), "kind": one.kind.value, "status": one.status.value, "done": one.processed,
             "total": one.total or 0, "url": one.url or "", "name": one.file_name or "", "size": one.size or 0,
             "at": one.created_at.isoformat(), "error": one.error_code or ""}
            for one in files[:FILES]
        ]  # fmt: skip


async def _facts(uow: TenantUnitOfWork, found: UUID) -> tuple[Report, int, list[JobView]]:
    report = await reports.report(uow, found)
    silent = await resending.silent(uow, found) if report.funnel.sent else 0
    return report, silent, await exporting.recent(uow, found)


def _iso(time: Any) -> str:
    return time.isoformat() if time else ""


def _percent(part: int, whole: int) -> float:
    return round(part * 100 / whole, 1) if whole else 0.0


def _deltas(shares: dict[str, float], before: Compared | None) -> dict[str, float]:
    if before is None:
        return {}
    known = {"delivered": before.delivered_share, "read": before.read_share, "replied": before.replied_share}
    return {key: round(shares[key] - value * 100, 1) for key, value in known.items() if value is not None}


def _reason(one: Reason) -> dict[str, Any]:
    return {"state": one.state, "code": one.code, "n": one.n, "may_retry": one.may_retry}


def _hour(one: Hour) -> dict[str, Any]:
    return {"at": one.at.isoformat(), "sent": one.sent, "delivered": one.delivered, "read": one.read, "replied": one.replied}


def _previous(before: Compared | None) -> dict[str, Any]:
    if before is None:
        return {}
    return {
        "id": str(before.id), "name": before.name, "sent": before.sent,
        **{key: round((getattr(before, f"{key}_share") or 0) * 100, 1) for key in ("delivered", "read", "replied")},
        "knows_replies": before.replied_share is not None,
    }  # fmt: skip
