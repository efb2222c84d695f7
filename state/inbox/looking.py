"""Whether the open conversation is before somebody's eyes: what comes while the page is out of sight stays unread."""

from typing import Any

import reflex as rx

from state.campaigns import id_of
from wa_app.services import conversations


class Looking(rx.State, mixin=True):
    """For the state of the open conversation. Until the browser has told, nobody looks: a tab may open in the background."""

    @rx.event
    async def look(self: Any, in_sight: bool) -> None:
        """The page has come into sight, or has left it."""
        await self.principal()
        self._in_sight = in_sight is True
        if not (self._in_sight and self.chat_id and self.ready):
            return
        async with self.unit_of_work() as uow:
            view = await conversations.get(uow, id_of(self.chat_id))
            self._mark_fresh(view.unread)
            await self._saw(uow, view)

    def _mark_fresh(self: Any, unread: int) -> None:
        """Where the lines begin that nobody has read; a mark that is there stays when nothing has come."""
        incoming = [line["id"] for line in self.lines if line["side"] == "in"]
        if 0 < unread <= len(incoming):
            self.fresh = incoming[-unread]
