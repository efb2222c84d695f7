"""State of the media library, as a page and as a picker inside other pages."""

from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from pages import routes
from state.base import AppState
from state.campaigns import id_of
from wa_app.components.feedback import error_toast, toast
from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict
from wa_app.kit.media import KINDS
from wa_app.schemas.campaigns import CampaignCreate
from wa_app.schemas.files import FileView, MediaView
from wa_app.services import campaigns, files

PAGE = 36
PICKED = 18


class MediaState(AppState):
    """The page: what is shown, filters in force, the file looked at."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    query: str = ""
    kind: str = ""
    n: int = 0
    bytes: int = 0
    next_id: str = ""
    uploading: bool = False
    opened: bool = False
    shown: dict[str, Any] = {}
    uses: list[dict[str, str]] = []
    asked: bool = False

    @rx.event
    async def load(self) -> None:
        """Read the first page. Whoever comes back finds the whole library, not what was open last time."""
        self.query = self.kind = ""
        self.opened = self.asked = self.uploading = False
        await self._read()

    @rx.event
    async def search(self, query: str) -> None:
        """Narrow to names that hold the words."""
        self.query = query[:100]
        await self._read()

    @rx.event
    async def filter_kind(self, kind: str) -> None:
        """Show one kind, or all for an empty one."""
        self.kind = kind if kind in KINDS else ""
        await self._read()

    @rx.event
    async def clear(self) -> None:
        """Show all again."""
        self.query = self.kind = ""
        await self._read()

    @rx.event
    async def more(self) -> None:
        """The next ones, below."""
        if self.next_id:
            await self._read(id_of(self.next_id))

    @rx.event
    async def set_uploading(self, open_: bool) -> None:
        """Open or close the dialog of the uploader."""
        await self.principal()
        self.uploading = open_

    @rx.event
    async def uploaded(self, file_id: str, name: str, size: int) -> EventSpec:
        """A file has come in: show it first."""
        self.uploading = False
        self.query = self.kind = ""
        await self._read()
        return toast("media.uploaded", name=str(name)[:200])

    @rx.event
    async def open(self, file_id: str) -> None:
        """Look at one file: large, with what uses it."""
        async with self.unit_of_work() as uow:
            found = await files.show(uow, id_of(file_id))
            uses = await files.uses(uow, found.id)
        self.shown = _row(found)
        self.uses = [{"id": str(one), "name": name} for one, name in uses]
        self.opened = True

    @rx.event
    async def close(self, _: bool) -> None:
        """Back to the library."""
        await self.principal()
        self.opened = False

    @rx.event
    async def use(self) -> EventSpec:
        """A new broadcast with this file."""
        async with self.unit_of_work() as uow:
            name = PurePosixPath(str(self.shown["name"])).stem[:120]
            made = await campaigns.create(uow, CampaignCreate(name=name, file_id=id_of(self.shown["id"])))
        return rx.redirect(routes.campaign_edit(str(made.id)))

    @rx.event
    async def ask_delete(self) -> None:
        """Ask first."""
        await self.principal()
        self.asked = True

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave it."""
        await self.principal()
        self.asked = False

    @rx.event
    async def delete(self) -> EventSpec:
        """Take the file away, unless something needs it."""
        self.asked = False
        try:
            async with self.unit_of_work() as uow:
                await files.delete(uow, id_of(self.shown["id"]))
        except Conflict as error:
            return error_toast(error.code, **error.args_)
        self.opened = False
        await self._read()
        return toast("media.deleted", name=str(self.shown["name"]))

    async def _read(self, after: UUID | None = None) -> None:
        kind = next((one for one in KINDS if one == self.kind), None)
        async with self.unit_of_work() as uow:
            found, last = await files.list_(uow, q=self.query, kind=kind, after=after, limit=PAGE)
            self.n, self.bytes = await files.count(uow)
        shown = [_row(one) for one in found]
        self.rows = [*self.rows, *shown] if after else shown
        self.next_id = str(last) if last else ""
        self.ready = True


class MediaPickerState(AppState):
    """The picker: a dialog with the newest files and a search."""

    is_open: bool = False
    rows: list[dict[str, Any]] = []
    query: str = ""
    ready: bool = False

    @rx.event
    async def set_open(self, open_: bool) -> None:
        """Open with the newest files, or close."""
        self.is_open, self.query, self.ready = open_, "", False
        async with self.unit_of_work() as uow:
            await self._read(uow)

    @rx.event
    async def search(self, query: str) -> None:
        """Narrow to names that hold the words."""
        self.query = query[:100]
        async with self.unit_of_work() as uow:
            await self._read(uow)

    async def _read(self, uow: TenantUnitOfWork) -> None:
        found, _ = await files.list_(uow, q=self.query, limit=PICKED) if self.is_open else ([], None)
        self.rows = [_row(one) for one in found if one.problem is None]
        self.ready = True


def _row(one: FileView) -> dict[str, Any]:
    return {
        "id": str(one.id), "name": one.name, "kind": one.kind, "mime": one.mime, "size": one.size,
        "thumb": _here(one.thumb_url or ""), "url": _here(one.url), "problem": one.problem or "",
        "width": one.width or 0, "height": one.height or 0, "added": one.created_at.isoformat(),
        "used": one.used_by if isinstance(one, MediaView) else 0,
        "elsewhere": isinstance(one, MediaView) and one.used_elsewhere,
    }  # fmt: skip


def _here(url: str) -> str:
    """A link of ours without its origin: the page may have been opened under another name of this installation."""
    return url.removeprefix(get_settings().base_url)
