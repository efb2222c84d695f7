"""State of the page of message templates: a list, a form, what one person would read."""

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from pages import routes
from state.base import AppState
from state.campaigns import id_of
from wa_app.components.feedback import toast
from wa_app.errors import Invalid
from wa_app.schemas.broadcasts import MessageTemplateCreate, MessageTemplateUpdate, MessageTemplateView
from wa_app.services import campaigns, files, message_templates
from wa_app.services.campaigns.checks import known_attributes

PAGE = 24
SAMPLE = {"name": "Siti Rahmawati", "first_name": "Siti", "city": "Bandung", "phone": "+6281200003312"}


def card_of(view: MessageTemplateView) -> dict[str, Any]:
    """One card of the list."""
    return {
        "id": str(view.id), "name": view.name, "body": view.body[:400], "category": view.category,
        "labels": ", ".join(view.labels), "used": view.used, "variants": view.variants, "language": view.language,
        "has_file": view.file_id is not None,
    }  # fmt: skip


class MessageTemplatesState(AppState):
    """Kept texts."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    total: int = 0
    query: str = ""
    category: str = ""
    categories: list[list[str]] = []
    next_id: str = ""
    editing: bool = False
    template_id: str = ""
    name: str = ""
    body: str = ""
    template_category: str = ""
    labels: str = ""
    template_language: str = ""
    file_id: str = ""
    file_name: str = ""
    errors: dict[str, str] = {}
    variables: list[str] = []
    preview: str = ""
    variants: int = 1

    @rx.event
    async def load(self) -> None:
        """The first page."""
        self.editing = False
        async with self.unit_of_work() as uow:
            self.variables = ["name", "first_name", "phone", "city", *sorted(await known_attributes(uow))][:40]
        await self._read()

    @rx.event
    async def search(self, query: str) -> None:
        """Narrow to texts that hold the words."""
        self.query = query[:100]
        await self._read()

    @rx.event
    async def filter_category(self, category: str) -> None:
        """Show one category, or all for an empty one."""
        self.category = category[:40]
        await self._read()

    @rx.event
    async def clear(self) -> None:
        """Show all again."""
        self.query = self.category = ""
        await self._read()

    @rx.event
    async def more(self) -> None:
        """Older ones below those on show."""
        await self._read(further=True)

    @rx.event
    async def begin(self) -> None:
        """An empty form."""
        await self.principal()
        self._show(None)

    @rx.event
    async def open(self, template_id: str) -> None:
        """The form of one template."""
        async with self.unit_of_work() as uow:
            found = await message_templates.get(uow, id_of(template_id))
            self._show(found)
            if found.file_id is not None:
                self.file_name = (await files.show(uow, found.file_id)).name

    @rx.event
    async def close(self, is_open: bool) -> None:
        """Leave the form."""
        await self.principal()
        self.editing = is_open

    @rx.event
    async def set_body(self, text: str) -> None:
        """The text, once typing rests."""
        await self.principal()
        self.body = text[:70_000]
        self._preview()

    @rx.event
    async def attach(self, file_id: str, name: str, size: int) -> None:
        """A file has been uploaded."""
        await self.principal()
        self.file_id, self.file_name = str(id_of(file_id)), name[:200]

    @rx.event
    async def detach(self) -> None:
        """Take the file off."""
        await self.principal()
        self.file_id = self.file_name = ""

    @rx.event
    async def save(self, form: dict[str, Any]) -> EventSpec | None:
        """Keep what the form says."""
        fields: dict[str, Any] = {
            "name": str(form.get("name", ""))[:200], "body": self.body, "category": str(form.get("category", ""))[:40],
            "labels": [one.strip() for one in str(form.get("labels", "")).split(",") if one.strip()][:10],
            "language": form.get("language") if form.get("language") in ("id", "en") else "",
            "file_id": id_of(self.file_id) if self.file_id else None,
        }  # fmt: skip
        try:
            async with self.unit_of_work() as uow:
                if self.template_id:
                    await message_templates.update(uow, id_of(self.template_id), MessageTemplateUpdate(**fields))
                else:
                    await message_templates.create(uow, MessageTemplateCreate(**fields))
        except Invalid as error:
            self.errors = {one.field: one.code for one in error.fields}
            return None
        self.editing = False
        await self._read()
        return toast("templates.kept")

    @rx.event
    async def duplicate(self, template_id: str) -> EventSpec:
        """A copy."""
        async with self.unit_of_work() as uow:
            await message_templates.duplicate(uow, id_of(template_id))
        await self._read()
        return toast("templates.duplicated")

    @rx.event
    async def delete(self, template_id: str) -> EventSpec:
        """Put one away; the toast brings it back."""
        async with self.unit_of_work() as uow:
            gone = await message_templates.remove(uow, [id_of(template_id)])
        self.editing = False
        await self._read()
        undo = MessageTemplatesState.restore(template_id)  # type: ignore[operator]
        return toast("templates.deleted", n=gone, action=("common.undo", undo))

    @rx.event
    async def restore(self, template_id: str) -> None:
        """Undo a deletion."""
        async with self.unit_of_work() as uow:
            await message_templates.restore(uow, [id_of(template_id)])
        await self._read()

    @rx.event
    async def use(self, template_id: str) -> EventSpec:
        """A new broadcast with this text."""
        await self.principal()
        return rx.redirect(f"{routes.CAMPAIGN_NEW}?template={id_of(template_id)}")

    def _show(self, view: MessageTemplateView | None) -> None:
        self.template_id = str(view.id) if view else ""
        self.name, self.body = (view.name, view.body) if view else ("", "")
        self.template_category, self.labels = (view.category, ", ".join(view.labels)) if view else ("", "")
        self.template_language = view.language if view else ""
        self.file_id, self.file_name = str(view.file_id or "") if view else "", ""
        self.errors, self.editing = {}, True
        self._preview()

    def _preview(self) -> None:
        shown = campaigns.render(self.body, SAMPLE, "sample")
        self.preview, self.variants = shown.text, shown.variants

    async def _read(self, *, further: bool = False) -> None:
        after = id_of(self.next_id) if further and self.next_id else None
        async with self.unit_of_work() as uow:
            found, next_id, self.total = await message_templates.list_(
                uow, q=self.query, category=self.category, after=after, limit=PAGE
            )
            self.categories = [[one, one] for one in await message_templates.categories(uow)]
        rows = [card_of(view) for view in found]
        self.rows = [*self.rows, *rows] if further else rows
        self.next_id = str(next_id) if next_id else ""
        self.ready = True
