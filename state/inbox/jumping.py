"""Moving within a long talk: to a message that was found, to a day, and on from there."""

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from state.campaigns import id_of
from state.inbox.times import start_of_day
from wa_app.components.feedback import error_toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.services import conversations
from wa_app.services.conversations.jumping import Window

PAGE = 40
MOST = 240


class Jumping(rx.State, mixin=True):
    """For the state of the open conversation."""

    spot: dict[str, Any] = {}
    """The line to be brought into sight: `{n, id}`."""

    @rx.event
    async def open_at(self: Any, chat_id: str, message_id: str) -> EventSpec | None:
        """Show a conversation at one of its messages, with the lines around it."""
        chat_id = str(chat_id)
        if chat_id != self.chat_id or not self.ready:
            await self._open(chat_id)
        self.pane = "chat"
        if self.missing:
            return None
        try:
            async with self.unit_of_work() as uow:
                await self._place(uow, await conversations.around(uow, id_of(chat_id), id_of(message_id)), str(message_id))
        except NotFound:
            return error_toast("not_found")
        return None

    @rx.event
    async def go_to_day(self: Any, chosen: str) -> None:
        """Show what was said from a day on."""
        at = start_of_day(str(chosen), self.tenant_zone)
        if at is None or not self.chat_id:
            return
        async with self.unit_of_work() as uow:
            found = await conversations.day(uow, id_of(self.chat_id), at)
            first = next((str(one.id) for one in found.items if one.timestamp >= at), "")
            await self._place(uow, found, first or (str(found.items[-1].id) if found.items else ""))

    @rx.event
    async def load_newer(self: Any) -> None:
        """What was said after the lines on show."""
        if not self._newer_from or not self.chat_id:
            return
        async with self.unit_of_work() as uow:
            page = await conversations.newer(uow, id_of(self.chat_id), self._newer_from, limit=PAGE)
            rows = await self._rows(uow, page.items)
        here = {line["id"] for line in self.lines}
        lines = [*self.lines, *(row for row in rows if row["id"] not in here)]
        if len(lines) > MOST:
            # Who reads on lets go of the oldest; they come back by scrolling up.
            lines = lines[-MOST:]
            self._older_from, self.older = f"{lines[0]['at']}~{lines[0]['id']}", True
        self.lines = lines
        self._newer_from, self.ended = page.newer or "", page.newer is None
        self._hold()

    async def _place(self: Any, uow: TenantUnitOfWork, found: Window, line_id: str) -> None:
        self.lines = await self._rows(uow, found.items)
        self._older_from, self.older = found.older or "", found.older is not None
        self._newer_from, self.ended = found.newer or "", found.newer is None
        self.fresh = ""
        self.spot = {"n": int(self.spot.get("n", 0)) + 1, "id": line_id}
        self._hold()
