"""The draft in the open conversation: kept as it is written, and told from the person's other screens."""

from datetime import datetime
from typing import Any, Final

import reflex as rx

from state.campaigns import id_of
from state.inbox import on_show
from state.inbox.rows import file_of, iso
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, Conflict
from wa_app.services import conversations

CHAIN: Final = 40
"""Versions of its own that a tab remembers."""


class Drafting(rx.State, mixin=True):
    """For the state of the open conversation.

    The browser names with all that it keeps the version it has seen last. It does not wait for the version of one
    text before it sends the next, so what this tab wrote itself counts as seen: that is the chain of its versions.
    """

    draft: dict[str, Any] = {}
    """The draft: `{chat, at, own, n}` when one's own words were kept, with `text`, `file` and `reply` when it came from
    elsewhere. `n` is the number of the last text of this tab that was kept, `refused` that of one that was not."""

    @rx.event
    async def save_draft(self: Any, chat_id: str, text: str, file_id: str, reply_to: str, seen: str, n: str) -> None:
        """Keep what is in the field, unless another screen has written something since; then tell what that is."""
        try:
            file, line = id_of(file_id) if file_id else None, id_of(reply_to) if reply_to else None
            async with self.unit_of_work() as uow:
                at = await conversations.save_draft(uow, id_of(chat_id), str(text)[:65_536], file, line, seen=self._seen(chat_id, seen))
        except Conflict:
            async with self.unit_of_work() as uow:
                await self._tell_draft(uow, chat_id, refused=str(n))
            return
        except AppError:
            # The next letter tries again; nobody writes to be interrupted.
            return
        self._wrote(chat_id, seen, iso(at), str(n)[:20])

    def _seen(self: Any, chat_id: str, seen: str) -> datetime | None:
        """The version that may be replaced: the last one of this tab, when the browser saw one of its chain."""
        chain: list[str] = self._chain
        last = chain[-1].partition(" ")[2] if f"{chat_id} {seen}" in chain else seen
        try:
            return datetime.fromisoformat(last) if last else None
        except ValueError:
            return None

    def _wrote(self: Any, chat_id: str, seen: str, at: str, n: str = "") -> None:
        """One's own words are kept now, or have left and are none any more."""
        before, now = f"{chat_id} {seen}", f"{chat_id} {at}"
        self._chain = [*(self._chain if before in self._chain else [before]), now][-CHAIN:]
        if n:
            self._kept = f"{chat_id} {n}"
        self.draft = {"chat": chat_id, "at": at, "own": True, "n": self._kept_of(chat_id)}
        on_show.drafts(self.router.session.client_token, at)

    def _kept_of(self: Any, chat_id: str) -> str:
        """The number of the last text that was kept, if it was one of this conversation."""
        chat, _, n = self._kept.partition(" ")
        return n if chat == chat_id else ""

    async def _tell_draft(self: Any, uow: TenantUnitOfWork, chat_id: str, *, refused: str = "") -> str:
        """What the person has begun here, on whichever screen; returns the line that it answers."""
        found = await conversations.get_draft(uow, id_of(chat_id))
        at = iso(found.updated_at)
        own = not refused and bool(self._chain) and self._chain[-1] == f"{chat_id} {at}"
        self.draft = {
            "chat": chat_id, "at": at, "own": own, "n": self._kept_of(chat_id), "text": found.text, "reply": str(found.reply_to or ""),
            "file": await file_of(uow, found.file_id) if found.file_id else None, "refused": refused,
        }  # fmt: skip
        on_show.drafts(self.router.session.client_token, at)
        return str(found.reply_to or "")

    async def _show_draft(self: Any, uow: TenantUnitOfWork, chat_id: str) -> None:
        """The draft of a conversation that is opened, and the line that it answers."""
        line = self._line(await self._tell_draft(uow, chat_id))
        if line is not None:
            self.quote = line
