"""State of the settings page of quick replies."""

from typing import Any

import reflex as rx

from state.base import AppState, FormErrors
from state.campaigns import id_of
from wa_app.components.feedback import toast
from wa_app.errors import Conflict
from wa_app.kit.folding import fold
from wa_app.schemas.principal import Verb
from wa_app.schemas.quick_replies import (
    MAX_BODY,
    MAX_CATEGORY,
    MAX_SHORTCUT,
    MAX_TITLE,
    QuickReplyCreate,
    QuickReplyUpdate,
    QuickReplyView,
)
from wa_app.services import quick_replies


class QuickRepliesState(FormErrors, AppState):
    """The list, the form of one, the question before one goes."""

    ready: bool = False
    may_share: bool = False
    """Whether the person may write those of everybody."""
    may_keep: bool = False
    rows: list[dict[str, Any]] = []
    total: int = 0
    query: str = ""
    category: str = ""
    categories: list[list[str]] = []
    editing: bool = False
    reply_id: str = ""
    shortcut: str = ""
    heading: str = ""
    body: str = ""
    reply_category: str = ""
    personal: bool = False
    file_id: str = ""
    file_name: str = ""
    leaving_id: str = ""
    leaving_name: str = ""

    @rx.event
    async def load(self) -> None:
        """Read them all."""
        self.editing, self.leaving_id, self.query, self.category = False, "", "", ""
        await self._read()

    @rx.event
    async def search(self, query: str) -> None:
        """Narrow to those that hold the words."""
        self.query = query[:100]
        await self._read()

    @rx.event
    async def filter_category(self, category: str) -> None:
        """Show one category, or all for an empty one."""
        self.category = category[:MAX_CATEGORY]
        await self._read()

    @rx.event
    async def clear(self) -> None:
        """Show all again."""
        self.query = self.category = ""
        await self._read()

    @rx.event
    async def begin(self) -> None:
        """An empty form."""
        principal = await self.principal()
        self._show(None)
        self.personal = not principal.may(Verb.RULES_WRITE)

    @rx.event
    async def open(self, reply_id: str) -> None:
        """The form of one."""
        async with self.unit_of_work() as uow:
            self._show(await quick_replies.get(uow, id_of(reply_id)))

    @rx.event
    async def close(self, is_open: bool) -> None:
        """Leave the form."""
        await self.principal()
        self.editing = is_open

    @rx.event
    async def attach(self, file_id: str, name: str, size: int) -> None:
        """A file has been uploaded, or chosen from the library."""
        await self.principal()
        self.file_id, self.file_name = str(id_of(file_id)), name[:200]

    @rx.event
    async def detach(self) -> None:
        """Take the file off."""
        await self.principal()
        self.file_id = self.file_name = ""

    @rx.event
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep what the form says."""
        principal = await self.principal()
        fields: dict[str, Any] = {
            "shortcut": str(form.get("shortcut", "")).strip()[: MAX_SHORTCUT + 1], "title": str(form.get("title", ""))[:MAX_TITLE],
            "category": str(form.get("category", ""))[:MAX_CATEGORY], "body": str(form.get("body", ""))[:MAX_BODY],
            "file_id": id_of(self.file_id) if self.file_id else None,
            "personal": bool(form.get("personal")) or not principal.may(Verb.RULES_WRITE),
        }  # fmt: skip
        try:
            with self.showing_errors():
                async with self.unit_of_work() as uow:
                    if self.reply_id:
                        await quick_replies.update(uow, id_of(self.reply_id), QuickReplyUpdate(**fields))
                    else:
                        await quick_replies.create(uow, QuickReplyCreate(**fields))
        except Conflict as error:
            self.errors = {"shortcut": {"code": error.code, "args": {}}}
        if self.errors:
            return None
        self.editing = False
        await self._read()
        return toast("common.saved")

    @rx.event
    async def ask_remove(self, reply_id: str, shortcut: str) -> None:
        """Open the question before one goes."""
        await self.principal()
        self.leaving_id, self.leaving_name = reply_id, shortcut[:100]

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave the question without an answer."""
        await self.principal()
        self.leaving_id = ""

    @rx.event
    async def remove(self) -> Any:
        """Delete it."""
        leaving, self.leaving_id = self.leaving_id, ""
        async with self.unit_of_work() as uow:
            await quick_replies.remove(uow, id_of(leaving))
        await self._read()
        return toast("quick.removed", name=self.leaving_name)

    def _show(self, view: QuickReplyView | None) -> None:
        self.reply_id = str(view.id) if view else ""
        self.shortcut, self.heading, self.body = (view.shortcut, view.title, view.body) if view else ("", "", "")
        self.reply_category, self.personal = (view.category, view.personal) if view else (self.category, False)
        file = view.file if view else None
        self.file_id, self.file_name = (str(file.file_id), file.filename or "") if file else ("", "")
        self.errors, self.editing = {}, True

    async def _read(self) -> None:
        async with self.unit_of_work() as uow:
            self.may_share = uow.principal.may(Verb.RULES_WRITE)
            self.may_keep = uow.principal.may(Verb.MESSAGES_SEND)
            every = await quick_replies.list_(uow)
            found = await quick_replies.list_(uow, q=self.query, category=self.category)
        self.total = len(every)
        self.categories = [[one, one] for one in sorted({one.category for one in every if one.category}, key=fold)]
        self.rows = [_row(one, self.may_share) for one in found]
        self.ready = True


def _row(view: QuickReplyView, may_share: bool) -> dict[str, Any]:
    return {
        "id": str(view.id), "shortcut": view.shortcut, "title": view.title, "body": view.body[:300], "category": view.category,
        "personal": view.personal, "file": (view.file.filename or "") if view.file else "", "has_file": view.file is not None,
        "may_change": may_share or view.personal,
    }  # fmt: skip
