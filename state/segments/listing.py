"""The list of segments, each with its size and how old that figure is."""

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from pages import routes
from state.base import AppState
from state.campaigns import id_of
from wa_app import live
from wa_app.components.feedback import error_toast, toast
from wa_app.errors import AppError, NotFound, Unavailable
from wa_app.schemas.segments import SegmentView
from wa_app.services import segments

MOST_AT_ONCE = 20
"""Segments counted anew by one look at the list."""


def row_of(view: SegmentView) -> dict[str, Any]:
    """One line of the list."""
    return {
        "id": str(view.id), "name": view.name, "description": view.description, "rules": len(view.rules.rules),
        "count": -1 if view.count is None else view.count,
        "counted_at": view.counted_at.isoformat() if view.counted_at else "",
        "campaigns": view.campaigns, "touched_at": (view.updated_at or view.created_at).isoformat(),
    }  # fmt: skip


class SegmentsState(AppState):
    """All segments; rebuilt by `load`."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    q: str = ""
    total: int = 0

    @rx.event
    async def load(self) -> None:
        """Read the list; `refresh` counts what is old."""
        await self._read()
        self.ready = True

    @rx.event(background=True)
    async def refresh(self) -> None:
        """Count segments whose size is missing or old, one after another, and show each as it is known."""
        async with self, self.unit_of_work() as uow:
            found = await segments.list_(uow)
        old = [view.id for view in found.items if segments.is_stale(view)][:MOST_AT_ONCE]
        for segment_id in old:
            try:
                async with self.unit_of_work() as uow:
                    row = row_of(await segments.counted(uow, segment_id))
            except (NotFound, Unavailable):
                continue
            async with self:
                self.rows = [row if one["id"] == row["id"] else one for one in self.rows]

    @rx.event(background=True)
    async def watch(self) -> None:
        """Read the list again when somebody changed a segment."""
        tenant_id = (await self.principal()).tenant_id
        async for batch in live.changes(tenant_id, self.router.session.client_token, tick_s=5):
            if any(message.get("kind") in ("segment", "resync") for message in batch):
                async with self:
                    await self._read()

    @rx.event
    async def search(self, text: str) -> None:
        """Narrow to names that hold the words."""
        self.q = text[:80]
        await self._read()

    @rx.event
    async def clear(self) -> None:
        """Show all again."""
        self.q = ""
        await self._read()

    @rx.event
    async def open(self, row_id: str) -> EventSpec:
        """To the builder."""
        await self.principal()
        return rx.redirect(routes.segment(str(id_of(row_id))))

    @rx.event
    async def send(self, row_id: str) -> EventSpec:
        """A new broadcast to this segment."""
        await self.principal()
        return rx.redirect(f"{routes.CAMPAIGN_NEW}?segment={id_of(row_id)}")

    @rx.event
    async def people(self, row_id: str) -> EventSpec:
        """The contacts in it."""
        await self.principal()
        return rx.redirect(f"{routes.CONTACTS}?segment={id_of(row_id)}")

    @rx.event
    async def duplicate(self, row_id: str) -> EventSpec:
        """A copy, opened at once."""
        async with self.unit_of_work() as uow:
            made = await segments.duplicate(uow, id_of(row_id))
        return rx.redirect(routes.segment(str(made.id)))

    @rx.event
    async def delete(self, row_id: str) -> EventSpec:
        """Put one away; the toast undoes it."""
        found = id_of(row_id)
        try:
            async with self.unit_of_work() as uow:
                view = await segments.get(uow, found)
                await segments.remove(uow, found)
        except AppError as error:
            return error_toast(error.code, **error.args_)
        await self._read()
        undo = SegmentsState.restore(str(found))  # type: ignore[operator]
        return toast("segments.deleted", name=view.name, action=("common.undo", undo))

    @rx.event
    async def restore(self, row_id: str) -> None:
        """Undo a deletion."""
        async with self.unit_of_work() as uow:
            await segments.restore(uow, id_of(row_id))
        await self._read()

    async def _read(self) -> None:
        async with self.unit_of_work() as uow:
            found = await segments.list_(uow, q=self.q)
        self.rows, self.total = [row_of(view) for view in found.items], found.total or 0
