"""The list of conversations: filters, search, a window of rows that follows the scrolling, live."""

import asyncio
from typing import Any, Final
from uuid import UUID

import reflex as rx

from state.base import AppState
from state.inbox.rows import chat_row
from wa_app import live
from wa_app.db import TenantUnitOfWork
from wa_app.schemas.conversations import ChatView
from wa_app.schemas.paging import Page
from wa_app.services import conversations

PAGE: Final = 50
PAGES: Final = 4
"""Pages kept at once: the state of a tab stays small however far somebody scrolls."""
QUIET_S: Final = 0.3
TICK_S: Final = 15.0
VIEWS: Final = ("all", "unread", "needs")
ABOUT: Final = frozenset({"message", "conversation", "answer", "resync"})
"""Kinds of live messages that may move a row."""


class InboxState(AppState):
    """What the left pane shows."""

    rows: list[dict[str, Any]] = []
    above: int = 0
    more: bool = False
    ready: bool = False
    failed: str = ""
    view: str = "all"
    query: str = ""
    search_open: bool = False
    changed: int = 0
    """Grows with every change of filters: the list begins at its top."""
    _cursors: list[str] = [""]
    """Where each page begins, as far as they are known."""
    _first: int = 0
    """Number of the first page that is loaded."""
    _sizes: list[int] = []
    _watch: int = 0

    @rx.event
    async def load(self) -> None:
        """The first page, unless it is here already: leaving a chat keeps the list where it was."""
        await self.principal()
        if not self.rows:
            await self._from_top()

    @rx.event
    async def pick_view(self, view: str) -> None:
        """Whose conversations are on show."""
        await self.principal()
        self.view = view if view in VIEWS else "all"
        await self._from_top()

    @rx.event
    async def search(self, query: str) -> None:
        """Find people by name or number."""
        await self.principal()
        self.query = str(query)[:100]
        await self._from_top()

    @rx.event
    async def toggle_search(self) -> None:
        """The field to search in, or no more; closing it shows everything again."""
        await self.principal()
        self.search_open = not self.search_open
        if not self.search_open and self.query:
            self.query = ""
            await self._from_top()

    @rx.event
    async def clear(self) -> None:
        """Without filters."""
        await self.principal()
        self.view, self.query = "all", ""
        await self._from_top()

    @rx.event
    async def down(self) -> None:
        """One more page below; the one that is furthest above goes."""
        if not self.more:
            return
        async with self.unit_of_work() as uow:
            page = await self._page(uow, self._cursors[self._first + len(self._sizes)])
            rows = _rows(page)
        known = {row["id"] for row in self.rows}
        fresh = [row for row in rows if row["id"] not in known]
        self._sizes = [*self._sizes, len(fresh)]
        self.rows = [*self.rows, *fresh]
        self._set_end(page)
        if len(self._sizes) > PAGES:
            gone = self._sizes[0]
            self.rows, self._sizes = self.rows[gone:], self._sizes[1:]
            self._first += 1
            self.above += gone

    @rx.event
    async def up(self) -> None:
        """The page above again; the lowest goes."""
        await self.principal()
        if self._first == 0:
            return
        async with self.unit_of_work() as uow:
            rows = _rows(await self._page(uow, self._cursors[self._first - 1]))
        here = {row["id"] for row in self.rows}
        fresh = [row for row in rows if row["id"] not in here]
        self._first -= 1
        self.above = max(0, self.above - len(fresh)) if self._first else 0
        self.rows, self._sizes = [*fresh, *self.rows], [len(fresh), *self._sizes]
        if len(self._sizes) > PAGES:
            self.rows, self._sizes = self.rows[: -self._sizes[-1] or None], self._sizes[:-1]
            self.more = True

    @rx.event(background=True)
    async def watch(self) -> None:
        """Keep the list true until its tab has gone or shows another page."""
        principal = await self.principal()
        async with self:
            self._watch += 1
            mine = self._watch
        async with live.watch(principal.tenant_id) as inbox:
            while live.tab_is_open(self.router.session.client_token):
                batch = await inbox.wait(TICK_S)
                if not any(one["kind"] in ABOUT for one in batch):
                    continue
                async with self:
                    if self._watch != mine or not self.router.url.path.startswith("/inbox"):
                        return
                    # Asked anew each time: who lost the right to look sees nothing more.
                    async with self.unit_of_work() as uow:
                        await self._refresh(uow, touched(batch))
                await asyncio.sleep(QUIET_S)

    async def _from_top(self) -> None:
        self._cursors, self._first, self.above, self._sizes = [""], 0, 0, []
        self.changed += 1
        async with self.unit_of_work() as uow:
            page = await self._page(uow, "")
            self.rows = _rows(page)
        self._sizes = [len(self.rows)]
        self._set_end(page)
        self.ready = True

    async def _refresh(self, uow: TenantUnitOfWork, ids: set[str]) -> None:
        """The newest page anew, the others as they were; further down only rows that were touched."""
        if self._first:
            self.rows = [chat_row(await conversations.get(uow, UUID(row["id"]))) if row["id"] in ids else row for row in self.rows]
            return
        page = await self._page(uow, "")
        newest = _rows(page)
        top = {row["id"] for row in newest}
        rest = [row for row in self.rows[self._sizes[0] if self._sizes else 0 :] if row["id"] not in top]
        if len(self._sizes) <= 1:
            self.rows, self._sizes = newest, [len(newest)]
            self._set_end(page)
            return
        # Who fell out of the newest page stands at the head of the next.
        fallen = [row for row in self.rows[: self._sizes[0]] if row["id"] not in top] if page.next_cursor else []
        self.rows, self._sizes = [*newest, *fallen, *rest], [len(newest) + len(fallen), *self._sizes[1:]]

    def _set_end(self, page: Page[ChatView]) -> None:
        at = self._first + len(self._sizes)
        self._cursors = [*self._cursors[:at], *([page.next_cursor] if page.next_cursor else [])]
        self.more = page.next_cursor is not None

    async def _page(self, uow: TenantUnitOfWork, cursor: str) -> Page[ChatView]:
        return await conversations.list_(
            uow, q=self.query, needs_human=self.view == "needs", unread=self.view == "unread", cursor=cursor or None, limit=PAGE
        )

    @rx.var
    def mark(self) -> str:
        """Names what the list shows, for the browser's part of it."""
        return f"{self.changed}"

    @rx.var
    def is_filtered(self) -> bool:
        """Whether an empty list is empty only because of its filters."""
        return self.view != "all" or self.query != ""


def _rows(page: Page[ChatView]) -> list[dict[str, Any]]:
    return [chat_row(view) for view in page.items]


def touched(batch: list[dict[str, Any]]) -> set[str]:
    """Conversations that live messages are about."""
    named = (one.get("conversation_id") or (one.get("id") if one["kind"] == "conversation" else None) for one in batch)
    return {str(one) for one in named if one}
