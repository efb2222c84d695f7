"""State of the contacts page: the list, what is selected, and what is done with it."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

import reflex as rx
from reflex.event import EventSpec

from state.base import AppState
from state.contact_form import parsed_id, save_contact, save_tag
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.kit.phones import display
from wa_app.schemas.contacts import TAG_COLORS, ContactFilter, ContactView, ImportView, Selection, TagView
from wa_app.services import contacts, imports, tags

PAGE_SIZE = 50
OPEN = ("queued", "running")
NO_TAG: dict[str, Any] = {"id": "", "name": "", "contacts": 0}
NO_JOB: dict[str, Any] = {
    **dict.fromkeys(("id", "name", "status", "error", "errors_url", "created_at"), ""),
    **dict.fromkeys(("total", "processed", "created", "updated", "skipped", "failed", "duplicates", "warnings"), 0),
    "error_args": {},
}
NO_ERRORS = {"name": "", "phone": "", "attributes": "", "tags": ""}


def tag_row(tag: TagView) -> dict[str, Any]:
    return {"id": str(tag.id), "name": tag.name, "color": tag.color, "contacts": tag.contacts or 0}


def contact_row(contact: ContactView) -> dict[str, Any]:
    """What a list shows of a contact; one without a name is called by its number."""
    number = display(contact.phone) if contact.phone else ""
    return {
        "id": str(contact.id),
        "name": contact.name or number or "LID",
        "phone": contact.phone or "",
        "city": contact.city,
        "tags": [{"id": str(tag.id), "name": tag.name, "color": tag.color} for tag in contact.tags],
        "source": contact.source,
        "created_at": contact.created_at.isoformat(),
        "color": TAG_COLORS[crc32(contact.id.bytes) % len(TAG_COLORS)],
    }


def job_row(job: ImportView) -> dict[str, Any]:
    """What pages show of an import."""
    return {
        **job.model_dump(include={"processed", "created", "updated", "skipped", "failed", "duplicates", "warnings"}),
        "id": str(job.id),
        "name": job.file_name,
        "status": job.status.value,
        "total": job.total or 0,
        "error": job.error_code or "",
        "error_args": {key: str(value) for key, value in job.error_args.items()},
        "errors_url": job.errors_url or "",
        "created_at": job.created_at.isoformat(),
    }


class ContactsState(AppState):
    """The list of contacts; rebuilt by `load` from the database and the address."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    q: str = ""
    tag_id: str = ""
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
        return bool(self.q or self.tag_id)

    @rx.var
    def tag_name(self) -> str:
        return next((tag["name"] for tag in self.tags if tag["id"] == self.tag_id), "")

    @rx.var
    def picked_count(self) -> int:
        return self.total if self.everything else len(self.selected)

    @rx.event
    async def load(self) -> None:
        """First reading; the address may bring `q` and `tag`."""
        asked = self.router.url.query_parameters
        self.q, self.tag_id = str(asked.get("q", self.q))[:200], str(asked.get("tag", self.tag_id))[:40]
        async with self.unit_of_work() as uow:
            self.tags = [tag_row(tag) for tag in await tags.list_(uow)]
            await self._read_import(uow)
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
    async def clear_filters(self) -> EventSpec:
        self.q = self.tag_id = ""
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
        query = {key: value for key, value in (("q", self.q), ("tag", self.tag_id)) if value}
        return rx.call_script(f"location.assign({json.dumps('/api/v1/contacts/export?' + urlencode(query))})")

    def _filter(self) -> ContactFilter:
        return ContactFilter(q=self.q, tags=[parsed_id(self.tag_id)] if self.tag_id else [])

    def _selection(self) -> Selection:
        if self.everything:
            return Selection(filter=self._filter())
        return Selection(ids=[parsed_id(one) for one in self.selected])

    def _remember(self) -> EventSpec:
        """Filters live in the address, so that going back and sharing find them."""
        query = urlencode({key: value for key, value in (("q", self.q), ("tag", self.tag_id)) if value})
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


class ContactState(AppState):
    """One contact: the drawer that shows it and the dialog that changes it."""

    shown: bool = False
    contact: dict[str, Any] = {}
    identities: list[dict[str, str]] = []
    attributes: list[dict[str, str]] = []
    consents: list[dict[str, str]] = []
    editing: bool = False
    edited_id: str = ""
    busy: bool = False
    name: str = ""
    phone: str = ""
    city: str = ""
    email: str = ""
    labels: str = ""
    errors: dict[str, str] = NO_ERRORS

    @rx.var
    def is_new(self) -> bool:
        return not self.edited_id

    @rx.event
    async def show(self, row_id: str) -> None:
        async with self.unit_of_work() as uow:
            found = await contacts.get(uow, parsed_id(row_id))
            agreed = await contacts.consents(uow, found.id)
        self.contact = contact_row(found) | {
            "last_inbound_at": found.last_inbound_at.isoformat() if found.last_inbound_at else "",
            "last_outbound_at": found.last_outbound_at.isoformat() if found.last_outbound_at else "",
        }
        self.identities = [{"kind": one.kind.value, "value": one.value} for one in found.identities]
        self.attributes = [{"name": key, "value": str(value)} for key, value in sorted(found.attributes.items())]
        self.consents = [
            {"kind": one.kind.value, "source": one.evidence or one.source, "at": one.created_at.isoformat()}
            for one in agreed
        ]
        self.shown = True

    @rx.event
    def set_shown(self, is_open: bool) -> None:
        self.shown = is_open

    @rx.event
    def add(self) -> None:
        self.edited_id = self.name = self.phone = self.city = self.email = self.labels = ""
        self.errors, self.editing = NO_ERRORS, True

    @rx.event
    async def edit(self, row_id: str) -> None:
        async with self.unit_of_work() as uow:
            found = await contacts.get(uow, parsed_id(row_id))
        self.edited_id, self.name, self.city = str(found.id), found.name, found.city
        self.phone = display(found.phone) if found.phone else ""
        self.email = str(found.attributes.get("email", ""))
        self.labels = ", ".join(tag.name for tag in found.tags)
        self.errors, self.shown, self.editing = NO_ERRORS, False, True

    @rx.event
    def set_editing(self, is_open: bool) -> None:
        self.editing = is_open

    @rx.event
    async def save(self, form: dict[str, Any]) -> AsyncIterator[Any]:
        self.busy, self.errors = True, NO_ERRORS
        yield None
        try:
            async with self.unit_of_work() as uow:
                found = await save_contact(uow, self.edited_id, form)
        finally:
            self.busy = False
        self.errors = {**NO_ERRORS, **found}
        if not found:
            self.editing = False
            yield [ContactsState.reload, toast("common.saved")]


class TagsState(AppState):
    """The tag manager."""

    is_open: bool = False
    rows: list[dict[str, Any]] = []
    edited_id: str = ""
    name: str = ""
    color: str = TAG_COLORS[0]
    error: str = ""
    doomed: dict[str, Any] = NO_TAG

    @rx.event
    async def open_manager(self) -> None:
        await self._read()
        self._blank()
        self.is_open = True

    @rx.event
    def set_is_open(self, is_open: bool) -> None:
        self.is_open = is_open

    @rx.event
    def pick_color(self, color: str) -> None:
        self.color = color if color in TAG_COLORS else self.color

    @rx.event
    def edit(self, tag_id: str) -> None:
        row = next((row for row in self.rows if row["id"] == tag_id), None)
        if row:
            self.edited_id, self.name, self.color, self.error = tag_id, row["name"], row["color"], ""

    @rx.event
    def set_name(self, name: str) -> None:
        self.name = name[:50]

    @rx.event
    def cancel_edit(self) -> None:
        self._blank()

    @rx.event
    async def save(self, form: dict[str, Any]) -> Any:
        async with self.unit_of_work() as uow:
            self.error = await save_tag(uow, self.edited_id, str(form.get("tag_name", "")), self.color)
        if self.error:
            return None
        self._blank()
        await self._read()
        return ContactsState.reload

    @rx.event
    def ask_remove(self, tag_id: str) -> None:
        self.doomed = next((row for row in self.rows if row["id"] == tag_id), NO_TAG)

    @rx.event
    def set_asks_remove(self, is_open: bool) -> None:
        self.doomed = self.doomed if is_open else NO_TAG

    @rx.event
    async def remove(self) -> Any:
        async with self.unit_of_work() as uow:
            await tags.remove(uow, parsed_id(str(self.doomed["id"])))
        name, self.doomed = str(self.doomed["name"]), NO_TAG
        self._blank()
        await self._read()
        return [ContactsState.reload, toast("contacts.tag_removed", tag=name)]

    def _blank(self) -> None:
        self.edited_id = self.name = self.error = ""
        self.color = TAG_COLORS[len(self.rows) % len(TAG_COLORS)]

    async def _read(self) -> None:
        async with self.unit_of_work() as uow:
            self.rows = [tag_row(tag) for tag in await tags.list_(uow)]
