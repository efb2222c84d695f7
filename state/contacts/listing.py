"""The list of contacts: what is shown, what is selected, and what is done with it."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import reflex as rx
from reflex.event import EventSpec

from state.base import AppState
from state.contact_form import parsed_id
from state.contacts.rows import NO_JOB, OPEN, contact_row, job_row, tag_row
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.schemas.contacts import ContactFilter, Selection
from wa_app.services import contacts, imports, segments, tags

PAGE_SIZE = 50


class ContactsState(AppState):
    """The list of contacts; rebuilt by `load` from the database and the address."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    q: str = ""
    tag_id: str = ""
    segment_id: str = ""
    segments: list[list[str]] = []
    """Pairs of id and name."""
    tags: list[dict[str, Any]] = []
    total: int = 0
    is_estimate: bool = False
    first: int = 0
    has_next: bool = False
    selected: list[str] = []
    everything: bool = False
    """All contacts of the filter are selected, also those on other pages."""
    asks_delete: bool = False
    asks_tag: bool = False
    bulk_tag: str = ""
    importing: dict[str, Any] = NO_JOB
    _cursors: list[str] = []
    _next: str = ""

    @rx.var
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0

    @rx.var
    def has_previous(self) -> bool:
        return self.first > 1

    @rx.var
    def is_filtered(self) -> bool:
        return bool(self.q or self.tag_id or self.segment_id)

    @rx.var
    def tag_name(self) -> str:
        return next((tag["name"] for tag in self.tags if tag["id"] == self.tag_id), "")

    @rx.var
    def segment_name(self) -> str:
        return next((name for key, name in self.segments if key == self.segment_id), "")

    @rx.var
    def picked_count(self) -> int:
        return self.total if self.everything else len(self.selected)

    @rx.event
    async def load(self) -> None:
        """First reading; the address may bring `q`, `tag` and `segment`."""
        asked = self.router.url.query_parameters
        self.q, self.tag_id = str(asked.get("q", self.q))[:200], str(asked.get("tag", self.tag_id))[:40]
        self.segment_id = str(asked.get("segment", self.segment_id))[:40]
        async with self.unit_of_work() as uow:
            self.tags = [tag_row(tag) for tag in await tags.list_(uow)]
            self.segments = [[str(one.id), one.name] for one in (await segments.list_(uow)).items]
            await self._read_import(uow)
        if self.segment_id not in {key for key, _ in self.segments}:
            self.segment_id = ""
        if self.tag_id not in {tag["id"] for tag in self.tags}:
            self.tag_id = ""
        await self._first_page()

    @rx.event(background=True)
    async def watch(self) -> None:
        """Follow a running import, and read the list again when it ends."""
        tenant_id = (await self.principal()).tenant_id
        async for batch in live.changes(tenant_id, self.router.session.client_token):
            kinds = {message.get("kind") for message in batch}
            if not kinds & {"import", "contact", "resync"}:
                continue
            async with self:
                was_running = bool(self.importing["id"])
                async with self.unit_of_work() as uow:
                    await self._read_import(uow)
                if (was_running and not self.importing["id"]) or "contact" in kinds:
                    await self._reload()

    @rx.event
    async def reload(self) -> None:
        """Read this page of the list and the tags again."""
        await self._reload()

    @rx.event
    async def search(self, text: str) -> EventSpec:
        self.q = text[:200]
        await self._first_page()
        return self._remember()

    @rx.event
    async def pick_tag(self, tag_id: str) -> EventSpec:
        self.tag_id = tag_id if tag_id in {tag["id"] for tag in self.tags} else ""
        await self._first_page()
        return self._remember()

    @rx.event
    async def pick_segment(self, segment_id: str) -> EventSpec:
        self.segment_id = segment_id if segment_id in {key for key, _ in self.segments} else ""
        await self._first_page()
        return self._remember()

    @rx.event
    async def clear_filters(self) -> EventSpec:
        self.q = self.tag_id = self.segment_id = ""
        await self._first_page()
        return self._remember()

    @rx.event
    async def next_page(self) -> None:
        if self._next:
            self._cursors = [*self._cursors, self._next]
            await self._read_page()

    @rx.event
    async def previous_page(self) -> None:
        if self._cursors:
            self._cursors = self._cursors[:-1]
            await self._read_page()

    @rx.event
    def toggle_row(self, row_id: str) -> None:
        self.everything = False
        rest = [one for one in self.selected if one != row_id]
        self.selected = rest if len(rest) < len(self.selected) else [*self.selected, row_id][-1000:]

    @rx.event
    def toggle_page(self) -> None:
        self.everything = False
        shown = [row["id"] for row in self.rows]
        self.selected = [] if set(shown) <= set(self.selected) else shown

    @rx.event
    def select_everything(self) -> None:
        self.everything = True
        self.selected = [row["id"] for row in self.rows]

    @rx.event
    def clear_selection(self) -> None:
        self.selected, self.everything = [], False

    @rx.event
    def ask_delete(self, row_id: str = "") -> None:
        if row_id:
            self.selected, self.everything = [row_id], False
        self.asks_delete = True

    @rx.event
    def set_asks_delete(self, is_open: bool) -> None:
        self.asks_delete = is_open

    @rx.event
    async def delete_selected(self) -> EventSpec | None:
        async with self.unit_of_work() as uow:
            count, moment = await contacts.delete(uow, self._selection())
        self.asks_delete, self.selected, self.everything = False, [], False
        await self._reload()
        if moment is None:
            return None
        undo: Any = ContactsState.undo_delete
        return toast("contacts.deleted", n=count, action=("common.undo", undo(moment.isoformat())))

    @rx.event
    async def undo_delete(self, moment: str) -> EventSpec:
        try:
            when = datetime.fromisoformat(moment)
        except ValueError:
            raise NotFound from None
        async with self.unit_of_work() as uow:
            count = await contacts.restore(uow, moment=when)
        await self._reload()
        return toast("contacts.restored", n=count)

    @rx.event
    def set_asks_tag(self, is_open: bool) -> None:
        self.asks_tag, self.bulk_tag = is_open, ""

    @rx.event
    def set_bulk_tag(self, name: str) -> None:
        self.bulk_tag = name[:50]

    @rx.event
    async def tag_selected(self, form: dict[str, Any]) -> EventSpec | None:
        name = str(form.get("bulk_tag", "")).strip()[:50]
        if not name:
            return None
        async with self.unit_of_work() as uow:
            count = await contacts.tag(uow, self._selection(), [name])
        self.asks_tag, self.selected, self.everything = False, [], False
        await self._reload()
        return toast("contacts.tagged", n=count, tag=name)

    @rx.event
    async def export(self) -> EventSpec:
        """Fetch the CSV with the filters in force; a route streams it."""
        await self.principal()
        query = self._query("segment_id")
        return rx.call_script(f"location.assign({json.dumps('/api/v1/contacts/export?' + query)})")

    def _query(self, segment: str) -> str:
        """The filters in force as a query."""
        given = (("q", self.q), ("tag", self.tag_id), (segment, self.segment_id))
        return urlencode({key: value for key, value in given if value})

    def _filter(self) -> ContactFilter:
        return ContactFilter(
            q=self.q, tags=[parsed_id(self.tag_id)] if self.tag_id else [],
            segment_id=parsed_id(self.segment_id) if self.segment_id else None,
        )  # fmt: skip

    def _selection(self) -> Selection:
        if self.everything:
            return Selection(filter=self._filter())
        return Selection(ids=[parsed_id(one) for one in self.selected])

    def _remember(self) -> EventSpec:
        """Filters live in the address, so that going back and sharing find them."""
        query = self._query("segment")
        script = (
            f"history.replaceState(history.state, '', location.pathname + {json.dumps('?' + query if query else '')})"
        )
        return rx.call_script(script)

    async def _first_page(self) -> None:
        self._cursors, self.selected, self.everything = [], [], False
        await self._read_page()

    async def _reload(self) -> None:
        async with self.unit_of_work() as uow:
            self.tags = [tag_row(tag) for tag in await tags.list_(uow)]
        await self._read_page()

    async def _read_page(self) -> None:
        cursor = self._cursors[-1] if self._cursors else None
        async with self.unit_of_work() as uow:
            page = await contacts.list_(uow, self._filter(), cursor=cursor, limit=PAGE_SIZE)
        self.rows = [contact_row(row) for row in page.items]
        self.total, self.is_estimate = page.total or 0, page.total_is_estimate
        self._next = page.next_cursor or ""
        self.has_next = bool(self._next)
        self.first = len(self._cursors) * PAGE_SIZE + 1 if self.rows else 0
        self.ready = True

    async def _read_import(self, uow: TenantUnitOfWork) -> None:
        if not uow.principal.may("contacts.import"):
            return
        newest = await imports.recent(uow, limit=1)
        self.importing = job_row(newest[0]) if newest and newest[0].status in OPEN else NO_JOB
