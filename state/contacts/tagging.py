"""The tag manager."""

from typing import Any

import reflex as rx

from state.base import AppState
from state.contact_form import parsed_id, save_tag
from state.contacts.listing import ContactsState
from state.contacts.rows import tag_row
from wa_app.components.feedback import toast
from wa_app.schemas.contacts import TAG_COLORS
from wa_app.services import tags

NO_TAG: dict[str, Any] = {"id": "", "name": "", "contacts": 0}


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
