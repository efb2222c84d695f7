"""The list of conversations: folders, filters, a window of rows that follows the scrolling, live."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import reflex as rx

from state import waiting
from state.base import AppState
from state.inbox.acting import Acting
from state.inbox.counting import counts_for
from state.inbox.news import Seen, news_of
from state.inbox.rows import chat_row
from wa_app import live
from wa_app.db import TenantUnitOfWork
from wa_app.schemas.conversations import ChatFilters, ChatView
from wa_app.schemas.paging import Page
from wa_app.services import conversations, devices, tags
from wa_app.services.conversations import settings

PAGE: Final = 50
PAGES: Final = 4
"""Pages kept at once: the state of a tab stays small however far somebody scrolls."""
QUIET_S: Final = 0.3
COUNT_S: Final = 2.0
"""How seldom the folders are counted while messages pour in."""
TICK_S: Final = 15.0
FOLDERS: Final = ("all", "mine", "unassigned", "bot", "needs_human", "unread", "mentions", "snoozed", "closed", "archived")
FILTERS: Final = ("device", "team", "tag", "who")
ABOUT: Final = frozenset({"message", "conversation", "answer", "resync"})
"""Kinds of live messages that may move a row."""
NO_COUNTS: Final[dict[str, int]] = dict.fromkeys((*FOLDERS, "waiting"), 0)
NO_CHOICES: Final[dict[str, list[dict[str, str]]]] = {"device": [], "team": [], "tag": [], "who": []}


class InboxState(Acting, AppState):
    """What the left pane shows."""

    rows: list[dict[str, Any]] = []
    above: int = 0
    more: bool = False
    ready: bool = False
    view: str = "all"
    filters: dict[str, str] = dict.fromkeys((*FILTERS, "sort"), "")
    """Ids of a device, a team, a tag, a person; "" for any. `sort` is `waiting`, or "" for the latest first."""
    counts: dict[str, int] = NO_COUNTS
    choices: dict[str, list[dict[str, str]]] = NO_CHOICES
    """What can be filtered by, and assigned to."""
    me: str = ""
    may_write: bool = False
    target_min: int = 0
    """Minutes after which a waiting customer has waited too long; 0: nobody said."""
    news: dict[str, Any] = {"seq": 0, "items": []}
    """What is worth a notification; the browser decides by what its person wants."""
    changed: int = 0
    """Grows with every change of filters: the list begins at its top."""
    _cursors: list[str] = [""]
    """Where each page begins, as far as they are known."""
    _first: int = 0
    """Number of the first page that is loaded."""
    _sizes: list[int] = []
    _watch: int = 0
    _told: list[str] = []

    @rx.event
    async def load(self) -> AsyncIterator[None]:
        """The folder in the page's address, unless it is here already: leaving a chat keeps the list where it was."""
        principal = await self.principal()
        self.me, self.may_write = str(principal.user_id or ""), principal.may("messages.send")
        asked = self.router.url.query_parameters
        changed = self._choose(str(asked.get("view", "all")), {name: str(asked.get(name, "")) for name in (*FILTERS, "sort")})
        if changed or not self.ready:
            await self._from_top()
            yield
        async with self.unit_of_work() as uow:
            await self._read_choices(uow)
            await self._count(uow)

    @rx.event
    async def show(self, view: str, device: str, team: str, tag: str, who: str, sort: str) -> None:
        """Another folder, other filters, or another order."""
        await self.principal()
        if self._choose(str(view), {"device": str(device), "team": str(team), "tag": str(tag), "who": str(who), "sort": str(sort)}):
            await self._from_top()

    @rx.event
    async def again(self) -> None:
        """Read everything anew: what came was not all, or came too late."""
        principal = await self.principal()
        self.me, self.may_write = str(principal.user_id or ""), principal.may("messages.send")
        self._choose(self.view, self.filters)
        await self._from_top()
        async with self.unit_of_work() as uow:
            await self._read_choices(uow)
            self.counts = {}
            await self._count(uow)

    @rx.event
    async def choose_from(self) -> None:
        """Devices, teams, tags and people anew: somebody may have made one since the page was opened."""
        async with self.unit_of_work() as uow:
            await self._read_choices(uow)

    @rx.event
    async def down(self) -> None:
        """One more page below; the one that is furthest above goes."""
        if not self.more:
            return
        async with self.unit_of_work() as uow:
            page = await self._page(uow, self._cursors[self._first + len(self._sizes)])
        known = {row["id"] for row in self.rows}
        fresh = [row for row in _rows(page) if row["id"] not in known]
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
            page = await self._page(uow, self._cursors[self._first - 1])
        if self._first == 1 and page.next_cursor and _key_of(page.next_cursor) > _key_of(self._cursors[1]):
            # More has come in above than a page holds: what lies between was never read.
            self._begin(page)
            return
        here = {row["id"] for row in self.rows}
        fresh = [row for row in _rows(page) if row["id"] not in here]
        self._first -= 1
        self.above = max(0, self.above - len(fresh)) if self._first else 0
        self.rows, self._sizes = [*fresh, *self.rows], [len(fresh), *self._sizes]
        self._drop_lowest(PAGES)

    @rx.event
    async def jump(self, row: int) -> None:
        """Where somebody dragged the bar to, far above what is loaded."""
        await self.principal()
        known = len(self._cursors) - 1
        at = min(int(row) // PAGE, known) if str(row).isdecimal() else 0
        async with self.unit_of_work() as uow:
            page = await self._page(uow, self._cursors[at])
        if not at:
            self._begin(page)
            return
        self.rows = _rows(page)
        self._first, self._sizes, self.above = at, [len(self.rows)], at * PAGE
        self._set_end(page)

    @rx.event(background=True)
    async def watch(self) -> None:
        """Keep the list true until its tab has gone or shows another page."""
        principal = await self.principal()
        # The number in the navigation is among the counts here.
        waiting.begin(self.router.session.client_token)
        counted, heard, owed, me = 0.0, 0.0, False, str(principal.user_id or "")
        # Listening begins before reading: nothing that moves falls between.
        async with live.watch(principal.tenant_id) as inbox:
            async with self:
                self._watch += 1
                mine = self._watch
                if self.ready:
                    async with self.unit_of_work() as uow:
                        await self._catch_up(uow)
            while live.tab_is_open(self.router.session.client_token):
                batch = [one for one in await inbox.wait(COUNT_S if owed else TICK_S) if one["kind"] in ABOUT or _is_own_draft(one, me)]
                if not batch and not owed:
                    continue
                heard = time.monotonic() if batch else heard
                async with self:
                    if self._watch != mine or not self.router.url.path.startswith("/inbox"):
                        return
                    # Asked anew each time: who lost the right to look sees nothing more.
                    if batch:
                        async with self.unit_of_work() as uow:
                            await self._follow(uow, batch)
                owed = owed or any(one["kind"] in ABOUT for one in batch)
                # The row is on the screen by now; numbers may come a moment later, and not all tabs' at once.
                await asyncio.sleep(QUIET_S + random.uniform(0, QUIET_S))
                if owed and time.monotonic() - counted > COUNT_S:
                    async with self:
                        if self._watch != mine:
                            return
                        async with self.unit_of_work() as uow:
                            await self._count(uow, since=heard)
                    counted, owed = time.monotonic(), False

    async def _follow(self, uow: TenantUnitOfWork, batch: list[dict[str, Any]]) -> None:
        if any(one["kind"] == "resync" for one in batch):
            self._begin(await self._page(uow, ""))
            return
        if batch and self.ready:
            found = await self._merge(uow, touched(batch) | {str(one["id"]) for one in batch if one["kind"] == "draft"})
            seen = Seen(self.me, set(self._told), found if self.view == "all" else ())
            items = await news_of(uow, batch, seen)
            if items:
                self._told = [*self._told, *(one["mark"] for one in items)][-200:]
                self.news = {"seq": self.news["seq"] + 1, "items": items}

    async def _catch_up(self, uow: TenantUnitOfWork) -> None:
        """The rows as they are now, for a tab whose socket was away; the list stays where it was scrolled to."""
        page = await self._page(uow, "")
        here, top = {row["id"] for row in self.rows}, {str(view.id) for view in page.items}
        is_short = not self._first and len(self._sizes) <= 1
        if is_short or (not self._first and page.next_cursor and here.isdisjoint(top)):
            if _rows(page) != self.rows:
                self._begin(page)
        else:
            await self._merge(uow, here if self._first else here | top)

    def _choose(self, view: str, filters: dict[str, str]) -> bool:
        """Take over what was asked for. Whether it is something else than before."""
        view, filters = chosen(view, filters)
        changed = (view, filters) != (self.view, self.filters)
        self.view, self.filters = view, filters
        return changed

    async def _from_top(self) -> None:
        self.changed += 1
        async with self.unit_of_work() as uow:
            self.target_min = (await settings.in_force(uow)).first_response_target_min
            self._begin(await self._page(uow, ""))

    def _begin(self, page: Page[ChatView]) -> None:
        self._cursors, self._first, self.above = [""], 0, 0
        self.rows = _rows(page)
        self._sizes = [len(self.rows)]
        self._set_end(page)
        self.ready = True

    async def _merge(self, uow: TenantUnitOfWork, ids: Collection[str]) -> Sequence[ChatView]:
        """Read only the rows that were touched, and put them where they belong now. Returns those of this folder."""
        if not ids:
            return ()
        page = await conversations.list_(uow, filters=filters_of(self.view, self.filters), only=[UUID(one) for one in ids], limit=len(ids))
        fresh = [row for row in _rows(page) if self._is_within(row)]
        gone_up = sum(row["id"] in ids for row in self.rows) if self._first else 0
        kept = [row for row in self.rows if row["id"] not in ids]
        rows = sorted([*kept, *fresh], key=self._key, reverse=True)
        if rows != self.rows:
            self.rows = rows
            self.above += max(0, gone_up - len(fresh))
            self._measure()
            self._drop_lowest(PAGES + 1)
        return page.items

    def _is_within(self, row: dict[str, Any]) -> bool:
        """Whether a row belongs between the first and the last one that are loaded."""
        top, end = self._cursors[self._first], self._first + len(self._sizes)
        if top and self._key(row) >= _key_of(top):
            return False
        return not self.more or self._key(row) >= _key_of(self._cursors[end])

    def _key(self, row: dict[str, Any]) -> tuple[Any, ...]:
        if self.filters["sort"] and row["waiting"]:
            return _longest(row["waiting"], row["id"])
        return _latest(row["at"], row["id"])

    def _measure(self) -> None:
        """How many rows each page has now."""
        ends = [_key_of(one) for one in self._cursors[self._first + 1 : self._first + len(self._sizes)]]
        sizes = [0] * len(self._sizes)
        for row in self.rows:
            sizes[sum(self._key(row) < end for end in ends)] += 1
        self._sizes = sizes

    def _drop_lowest(self, most: int) -> None:
        while len(self._sizes) > 1 and (len(self._sizes) > PAGES or len(self.rows) > most * PAGE):
            self.rows, self._sizes = self.rows[: len(self.rows) - self._sizes[-1]], self._sizes[:-1]
            self._cursors = self._cursors[: self._first + len(self._sizes) + 1]
            self.more = True

    def _set_end(self, page: Page[ChatView]) -> None:
        at = self._first + len(self._sizes)
        self._cursors = [*self._cursors[:at], *([page.next_cursor] if page.next_cursor else [])]
        self.more = page.next_cursor is not None

    async def _page(self, uow: TenantUnitOfWork, cursor: str) -> Page[ChatView]:
        return await conversations.list_(uow, filters=filters_of(self.view, self.filters), cursor=cursor or None, limit=PAGE)

    async def _count(self, uow: TenantUnitOfWork, since: float | None = None) -> None:
        counts = await counts_for(uow, since=since)
        if counts != self.counts:
            self.counts = counts

    async def _read_choices(self, uow: TenantUnitOfWork) -> None:
        may = uow.principal.may
        found: dict[str, list[Any]] = {
            "device": await devices.list_devices(uow) if may("devices.read") else [],
            "team": await conversations.team_names(uow),
            "tag": await tags.list_(uow, with_counts=False) if may("contacts.read") else [],
            "who": await conversations.colleagues(uow),
        }
        choices = {name: [{"id": str(one.id), "name": one.name, "note": _note(one)} for one in ones] for name, ones in found.items()}
        if choices != self.choices:
            self.choices = choices

    @rx.var
    def mark(self) -> str:
        """Names what the list shows, for the browser's part of it."""
        return f"{self.changed}"


def chosen(view: str, filters: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """A folder and filters as they can be; what is neither is left out."""
    known = {name: value == "waiting" if name == "sort" else _is_id(value) for name, value in filters.items()}
    return view if view in FOLDERS else "all", {name: value if known[name] else "" for name, value in filters.items()}


def filters_of(view: str, filters: Mapping[str, str]) -> ChatFilters:
    """What the services are asked for. Takes what `chosen` gave."""
    ids = {name: UUID(filters[name]) if filters[name] else None for name in FILTERS}
    return ChatFilters.model_validate({
        "view": view, "device_id": ids["device"], "team_id": ids["team"], "tag_id": ids["tag"], "assigned_to": ids["who"],
        "sort": filters.get("sort") or "newest",
    })  # fmt: skip


def _note(one: Any) -> str:
    """What a choice shows beside its name: the colour of a tag, the state of a device."""
    return str(getattr(one, "color", "") or getattr(one, "status", "") or "")


def touched(batch: list[dict[str, Any]]) -> set[str]:
    """Conversations that live messages are about."""
    named = (one.get("conversation_id") or (one.get("id") if one["kind"] == "conversation" else None) for one in batch)
    return {str(one) for one in named if one}


def _is_own_draft(one: dict[str, Any], me: str) -> bool:
    """Words that this person has begun, or let go of, on any of their screens."""
    return one["kind"] == "draft" and bool(me) and one.get("user_id") == me


def _rows(page: Page[ChatView]) -> list[dict[str, Any]]:
    return [chat_row(view) for view in page.items]


def _latest(at: str, row_id: str) -> tuple[Any, ...]:
    """Times are all of the same zone, so their texts sort as they do."""
    return 0, at, row_id


def _longest(at: str, row_id: str) -> tuple[Any, ...]:
    """Who waits stands above all that are calm, and higher the longer ago it began."""
    return 1, -datetime.fromisoformat(at).timestamp(), -UUID(row_id).int


def _key_of(cursor: str) -> tuple[Any, ...]:
    """The order of the row a cursor names; what stands higher is greater."""
    at, _, row_id = cursor.partition("~")
    return _longest(at.removeprefix("w"), row_id) if at.startswith("w") else _latest(at, row_id)


def _is_id(value: str) -> bool:
    try:
        return bool(value) and str(UUID(value)) == value
    except ValueError:
        return False
