"""The step "message", further: a text from the kept ones, and keeping the one on show."""

from typing import Any

import reflex as rx

from state.campaign_composer.draft import ComposerDraft, Shown
from state.campaigns import id_of
from wa_app.components.feedback import toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import Invalid, NotFound
from wa_app.schemas.broadcasts import MessageTemplateCreate
from wa_app.services import message_templates

SHOWN = 30


class TemplatesStep(ComposerDraft, mixin=True):
    """Kept texts."""

    picker_open: bool = False
    picker_query: str = ""
    picker_rows: list[dict[str, Any]] = []
    keep_open: bool = False
    keep_error: str = ""

    @rx.event
    async def open_picker(self) -> None:
        """Show the kept texts."""
        self.picker_query, self.picker_open = "", True
        await self._read_picker()

    @rx.event
    async def close_picker(self, is_open: bool) -> None:
        """Write on by hand."""
        await self.principal()
        self.picker_open = is_open

    @rx.event
    async def search_templates(self, query: str) -> None:
        """Narrow to texts that hold the words."""
        self.picker_query = query[:100]
        await self._read_picker()

    @rx.event
    async def pick_template(self, template_id: str) -> Shown:
        """Take a kept text in place of the one on show."""
        async with self.unit_of_work() as uow:
            found = await message_templates.get(uow, id_of(template_id))
        self.picker_open = False
        self.message, self.letters = found.body, len(found.body)
        changes = self._text_changes(message_template=found.body, file_id=found.file_id)
        saved = await self._save(**changes, template_id=found.id)
        async with self.unit_of_work() as uow:
            await self._show_file(uow, found.file_id)
        return saved

    @rx.event
    async def ask_keep(self) -> None:
        """Ask under which name to keep the text."""
        await self.principal()
        self.keep_open, self.keep_error = True, ""

    @rx.event
    async def close_keep(self, is_open: bool) -> None:
        """Leave it."""
        await self.principal()
        self.keep_open = is_open

    @rx.event
    async def keep(self, form: dict[str, Any]) -> Shown:
        """Keep the text on show as a template."""
        try:
            async with self.unit_of_work() as uow:
                data = MessageTemplateCreate(
                    name=str(form.get("template_name", ""))[:200], body=self.message,
                    file_id=id_of(self.file_id) if self.file_id else None,
                )  # fmt: skip
                await message_templates.create(uow, data)
        except Invalid as error:
            self.keep_error = error.fields[0].code if error.fields else error.code
            return None
        self.keep_open = False
        return toast("templates.kept")

    async def _read_picker(self) -> None:
        async with self.unit_of_work() as uow:
            found, _, _ = await message_templates.list_(uow, q=self.picker_query, limit=SHOWN)
        self.picker_rows = [
            {"id": str(one.id), "name": one.name, "body": one.body[:240], "category": one.category, "used": one.used}
            for one in found
        ]

    async def _take_asked_template(self, uow: TenantUnitOfWork) -> None:
        """A template that the address of a new broadcast brings is taken at once; the first change stores it."""
        asked = str(self.router.url.query_parameters.get("template", ""))
        if not asked:
            return
        try:
            found = await message_templates.get(uow, id_of(asked))
        except NotFound:
            return
        self.message, self.letters, self.step = found.body, len(found.body), "message"
        await self._show_file(uow, found.file_id)
        self._asked = {"message_template": found.body, "file_id": found.file_id, "template_id": found.id}
