"""State of the list of broadcasts."""

from typing import Any
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from pages import routes
from state.base import AppState
from wa_app import live
from wa_app.components.feedback import error_toast, toast
from wa_app.errors import Conflict, NotFound
from wa_app.models.outbound import CampaignStatus
from wa_app.schemas.campaigns import CampaignView
from wa_app.services import campaigns

PAGE = 25


def id_of(text: str) -> UUID:
    """An id from the browser. Raises NotFound for what is none."""
    try:
        return UUID(str(text))
    except ValueError:
        raise NotFound from None


def row_of(view: CampaignView) -> dict[str, Any]:
    """One line of the list, ready to be shown."""
    counts = view.counts
    arrived = counts.arrived
    return {
        "id": str(view.id), "name": view.name, "status": view.status.value, "counts": counts.model_dump(),
        "total": counts.total, "done": counts.processed,
        "read": round((counts.read + counts.played) * 100 / arrived, 1) if arrived else -1,
        "waiting": view.waiting_reason or "", "pause_reason": view.pause_reason or "", "pause_detail": view.pause_detail,
        "scheduled_at": view.scheduled_at.isoformat() if view.scheduled_at else "",
        "started_at": view.started_at.isoformat() if view.started_at else "",
        "finished_at": view.finished_at.isoformat() if view.finished_at else "",
        "touched_at": (view.updated_at or view.created_at).isoformat(),
        "planning": view.status == CampaignStatus.PENDING and view.started_at is not None,
    }  # fmt: skip


class CampaignsState(AppState):
    """The list: a page of rows, filters in force, what is selected."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    query: str = ""
    status: str = ""
    total: int = 0
    running: int = 0
    first: int = 0
    next_id: str = ""
    _before: list[str] = []
    picked: list[str] = []
    asked: bool = False

    @rx.event
    async def load(self) -> None:
        """Read the first page."""
        self.picked = []
        self._before = []
        await self._read("")

    @rx.event(background=True)
    async def watch(self) -> None:
        """Read the page again when a campaign moved, until the tab has gone."""
        tenant_id = (await self.principal()).tenant_id
        async for batch in live.changes(tenant_id, self.router.session.client_token, tick_s=5):
            if any(message.get("kind") in ("campaign", "resync") for message in batch):
                async with self:
                    await self._read(self._before[-1] if self._before else "")

    @rx.event
    async def search(self, query: str) -> None:
        """Narrow to names that hold the words."""
        self.query = query[:100]
        await self._from_start()

    @rx.event
    async def filter_status(self, status: str) -> None:
        """Show one state, or all for an empty one."""
        self.status = status if status in set(CampaignStatus) else ""
        await self._from_start()

    @rx.event
    async def clear(self) -> None:
        """Show all again."""
        self.query = self.status = ""
        await self._from_start()

    @rx.event
    async def next_page(self) -> None:
        """Older ones."""
        if self.next_id:
            self._before = [*self._before, self.next_id]
            await self._read(self.next_id)

    @rx.event
    async def previous_page(self) -> None:
        """Newer ones."""
        self._before = self._before[:-1]
        await self._read(self._before[-1] if self._before else "")

    @rx.event
    async def open(self, row_id: str) -> EventSpec:
        """A draft opens in the composer, the rest on its page."""
        async with self.unit_of_work() as uow:
            view = await campaigns.get(uow, id_of(row_id))
        place = routes.campaign_edit if view.status == CampaignStatus.DRAFT else routes.campaign
        return rx.redirect(place(str(view.id)))

    @rx.event
    async def toggle(self, row_id: str) -> None:
        """Select a row, or not any more."""
        await self.principal()
        row_id = row_id[:40]
        self.picked = [one for one in self.picked if one != row_id] if row_id in self.picked else [*self.picked, row_id]

    @rx.event
    async def toggle_page(self) -> None:
        """Select all rows shown, or none."""
        await self.principal()
        self.picked = [] if len(self.picked) >= len(self.rows) else [row["id"] for row in self.rows]

    @rx.event
    async def clear_picked(self) -> None:
        """Select none."""
        await self.principal()
        self.picked = []

    @rx.event
    async def duplicate(self, row_id: str) -> EventSpec:
        """A copy as a draft, opened at once."""
        async with self.unit_of_work() as uow:
            copy = await campaigns.duplicate(uow, id_of(row_id))
        return rx.redirect(routes.campaign_edit(str(copy.id)))

    @rx.event
    async def ask_delete(self, row_id: str) -> None:
        """Ask before putting one away."""
        await self.principal()
        self.picked, self.asked = [row_id[:40]], True

    @rx.event
    async def ask_delete_picked(self) -> None:
        """Ask before putting the selected ones away."""
        await self.principal()
        self.asked = bool(self.picked)

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave it."""
        await self.principal()
        self.asked = False

    @rx.event
    async def delete_picked(self) -> EventSpec:
        """Put the selected ones away; the toast undoes it."""
        self.asked = False
        ids = [id_of(one) for one in self.picked]
        try:
            async with self.unit_of_work() as uow:
                gone = await campaigns.remove(uow, ids)
        except Conflict as error:
            return error_toast(error.code, **error.args_)
        self.picked = []
        await self._from_start()
        undo = CampaignsState.restore([str(one) for one in ids])  # type: ignore[operator]
        return toast("campaigns.deleted", n=gone, action=("common.undo", undo))

    @rx.event
    async def restore(self, ids: list[str]) -> None:
        """Undo a deletion."""
        async with self.unit_of_work() as uow:
            await campaigns.restore(uow, [id_of(one) for one in ids[:200]])
        await self._from_start()

    async def _from_start(self) -> None:
        self._before = []
        await self._read("")

    async def _read(self, after: str) -> None:
        status = [CampaignStatus(self.status)] if self.status else []
        async with self.unit_of_work() as uow:
            found, next_id, self.total = await campaigns.list_(
                uow, q=self.query, status=status, after=id_of(after) if after else None, limit=PAGE
            )
            by_status = await campaigns.status_counts(uow)
        self.rows = [row_of(view) for view in found]
        self.running = by_status.get("PROCESSING", 0)
        self.next_id = str(next_id) if next_id else ""
        self.first = len(self._before) * PAGE + 1 if found else 0
        self.ready = True

    @rx.var
    def last(self) -> int:
        """Number of the last row shown."""
        return self.first + len(self.rows) - 1 if self.rows else 0
