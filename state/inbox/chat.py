"""The open conversation: its lines, who answers, the answer that waits, and what a person does about it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from state.base import AppState
from state.campaigns import id_of
from state.inbox import on_show
from state.inbox.customer import CustomerState
from state.inbox.deeds import Deeds
from state.inbox.drafting import Drafting
from state.inbox.helping import Helping
from state.inbox.jumping import MOST, PAGE, Jumping
from state.inbox.looking import Looking
from state.inbox.members import MembersState
from state.inbox.rows import head_row, iso, line_row, pending_row, refused
from state.inbox.writing import Writing, send_of
from state.tester_lines import trace_rows
from wa_app import live
from wa_app.components.feedback import error_toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, Conflict, NotFound
from wa_app.schemas.conversations import ChatMessage, ChatView
from wa_app.schemas.paging import Page
from wa_app.services import campaigns, conversations

QUIET_S: Final = 0.2
TICK_S: Final = 5.0
HURRY_S: Final = 1.0
"""How soon lines that are on their way out are looked at again."""
ASIDE: Final = ("typing", "draft")
"""What changes nothing of what was said."""
LEAVING: Final = ("planned", "sending", "held")
_LEAVE: Final = (
    "(() => { const u = new URL(location.href); u.searchParams.delete('chat'); history.pushState({...history.state}, '', u.pathname + u.search); })()"
)
"""The folder and its filters stay in the address."""
PANES: Final = ("list", "chat", "customer")


class ChatState(Deeds, Writing, Drafting, Helping, Jumping, Looking, AppState):
    """What the middle pane shows."""

    me: str = ""

    chat_id: str = ""
    pane: str = "list"
    """Which pane a phone shows."""
    ready: bool = False
    missing: bool = False
    contact_id: str = ""
    name: str = ""
    phone: str = ""
    device: str = ""
    device_id: str = ""
    bot: bool = True
    bot_off: str = ""
    resumes_at: str = ""
    needs_at: str = ""
    needs_reason: str = ""
    needs_summary: str = ""
    pending: dict[str, Any] | None = None
    lines: list[dict[str, Any]] = []
    older: bool = False
    ended: bool = True
    fresh: str = ""
    outcome: dict[str, Any] = {}
    may_write: bool = False
    why_id: str = ""
    why_by: str = ""
    trace: list[dict[str, Any]] = []
    # Mixins have no backend variables of their own: these are theirs too.
    _older_from: str = ""
    _newer_from: str = ""
    _written: str = ""
    _kept: str = ""
    _chain: list[str] = []
    _watch: int = 0
    _in_sight: bool = False

    @rx.event
    async def load(self) -> Any:
        """Open the conversation in the page's address, or none."""
        principal = await self.principal()
        self.may_write, self.me = principal.may("messages.send"), str(principal.user_id or "")
        await self._read_choices()
        found = str(self.router.url.query_parameters.get("chat", ""))
        if not found:
            self._forget()
            return
        if found != self.chat_id or not self.ready:
            await self._open(found)
        else:
            async with self.unit_of_work() as uow:
                await self._show_draft(uow, found)
        self.pane = "chat"

    @rx.event
    async def open(self, chat_id: str) -> Any:
        """Show a conversation."""
        await self._open(str(chat_id))
        self.pane = "chat"

    @rx.event
    async def close_pane(self) -> EventSpec:
        """Back to the list on a phone; the address no longer names a conversation."""
        await self.principal()
        self._forget()
        return rx.call_script(_LEAVE)

    @rx.event
    async def show_pane(self, pane: str) -> None:
        """One of the three panes."""
        await self.principal()
        self.pane = pane if pane in PANES else "chat"

    @rx.event
    async def load_older(self) -> None:
        """What was said before."""
        if not self._older_from or not self.chat_id:
            return
        async with self.unit_of_work() as uow:
            page = await conversations.messages(uow, id_of(self.chat_id), cursor=self._older_from, limit=PAGE)
            rows = await self._rows(uow, page.items)
        here = {line["id"] for line in self.lines}
        lines = [*(row for row in reversed(rows) if row["id"] not in here), *self.lines]
        if len(lines) > MOST:
            # Who reads further back lets go of the newest.
            lines, self.ended = lines[:MOST], False
            self._newer_from = f"{lines[-1]['at']}~{lines[-1]['id']}"
        self.lines = lines
        self._older_from, self.older = page.next_cursor or "", page.next_cursor is not None
        self._hold()

    @rx.event
    async def to_newest(self) -> None:
        """Back to the end of the talk."""
        if not self.chat_id:
            return
        async with self.unit_of_work() as uow:
            await self._read(uow, id_of(self.chat_id))

    @rx.event
    async def why(self, line_id: str) -> None:
        """Show how an answer came about."""
        line = next((one for one in self.lines if one["id"] == str(line_id)), None)
        if line is None:
            return
        async with self.unit_of_work() as uow:
            found = await _line(uow, id_of(self.chat_id), line)
        self.trace = trace_rows((found.trace if found else None) or [])
        self.why_id, self.why_by = line["id"], line["by"]
        self.pane = "customer"

    @rx.event
    async def reply_to(self, line_id: str) -> None:
        """The next text answers this line."""
        await self.principal()
        line = self._line(str(line_id))
        if line is not None:
            self.quote = line

    @rx.event
    async def unquote(self) -> None:
        """The next text answers no line."""
        await self.principal()
        self.quote = None

    @rx.event
    async def send(self, chat_id: str, text: str, file_id: str, reply_to: str, key: str, seen: str) -> None:
        """A person answers, once for each key however often it arrives."""
        key = str(key)[:80]
        try:
            data = send_of(text, file_id, reply_to)
            async with self.unit_of_work() as uow:
                await conversations.send(uow, id_of(chat_id), data, key=key, draft=self._seen(chat_id, seen))
        except AppError as error:
            self.outcome = refused(key, error)
            return
        self.outcome, self.quote, self.fresh = {"key": key, "error": ""}, None, ""
        self._wrote(chat_id, seen, "")
        if chat_id == self.chat_id:
            async with self.unit_of_work() as uow:
                await self._said(uow)

    @rx.event
    async def toggle_bot(self) -> None:
        """The machine answers here, or a person."""
        if self.chat_id:
            async with self.unit_of_work() as uow:
                await self._show_all(uow, await conversations.toggle_bot(uow, id_of(self.chat_id), active=not self.bot))

    @rx.event
    async def take_over(self) -> None:
        """A person answers from now on; what waited is dropped."""
        if self.chat_id:
            async with self.unit_of_work() as uow:
                await self._show_all(uow, await conversations.toggle_bot(uow, id_of(self.chat_id), active=False))

    @rx.event
    async def answer_now(self) -> EventSpec | None:
        """What waits leaves at once."""
        return await self._about_answer(now=True)

    @rx.event
    async def hold_back(self) -> EventSpec | None:
        """What waits is not sent."""
        return await self._about_answer(now=False)

    @rx.event(background=True)
    async def watch(self) -> AsyncIterator[Any]:
        """Keep the open conversation true until its tab has gone or shows another page."""
        principal = await self.principal()
        token, me = self.router.session.client_token, str(principal.user_id or "")
        shows: Any = CustomerState.show
        lists: Any = MembersState.show
        # Listening begins before reading: nothing that is said falls between.
        async with live.watch(principal.tenant_id) as inbox:
            async with self:
                self._watch += 1
                mine = self._watch
                on_show.watches(token, mine)
                # The socket may have been away for long; only what was on the screen is known.
                await self._follow([live.RESYNC])
                hurry = self._is_leaving()
            try:
                while live.tab_is_open(token) and on_show.is_newest(token, mine):
                    batch = await inbox.wait(HURRY_S if hurry else TICK_S)
                    if not hurry and not on_show.concerns(token, batch, me):
                        continue
                    async with self:
                        if self._watch != mine or not self.router.url.path.startswith("/inbox"):
                            return
                        news = await self._follow(batch)
                        hurry = self._is_leaving()
                    if news:
                        yield shows(news)
                    if any(one["kind"] == "members" for one in batch):
                        yield lists(self.chat_id)
                    await asyncio.sleep(QUIET_S)
            finally:
                on_show.ends(token, mine)

    async def _follow(self, batch: list[dict[str, Any]]) -> str:
        """What changed in the open conversation; answers its id if its customer is to be read anew."""
        self._hear(batch)
        if not self.chat_id or not self.ready:
            return ""
        is_said = not batch or any(one["kind"] not in ASIDE for one in batch)
        is_begun = any(one["kind"] == "resync" or (one["kind"] == "draft" and one.get("id") == self.chat_id) for one in batch)
        if not (is_said or is_begun):
            return ""
        try:
            # Asked anew each time: who lost the right to look sees nothing more.
            async with self.unit_of_work() as uow:
                if is_said:
                    await self._refresh(uow)
                if is_begun:
                    await self._tell_draft(uow, self.chat_id)
        except NotFound:
            # Deleted under our eyes.
            self._forget()
            self.missing, self.pane = True, "chat"
            return ""
        return self.chat_id if self._is_changed(batch) else ""

    def _line(self, line_id: str) -> dict[str, str] | None:
        """A line that one answers, in short."""
        line = next((one for one in self.lines if one["id"] == line_id), None)
        return None if line is None else {"id": line["id"], "text": line["text"][:200] or line["type"]}

    def _is_changed(self, batch: list[dict[str, Any]]) -> bool:
        return any(one["kind"] == "conversation" and one.get("id") == self.chat_id for one in batch)

    def _is_leaving(self) -> bool:
        return any(line["status"] in LEAVING for line in self.lines[-10:])

    def _hold(self) -> None:
        on_show.holds(self.router.session.client_token, self.chat_id, self.device_id, self.lines)

    async def _about_answer(self, *, now: bool) -> EventSpec | None:
        if not self.chat_id:
            return None
        verb = conversations.send_answer_now if now else conversations.cancel_answer
        try:
            async with self.unit_of_work() as uow:
                await self._show_all(uow, await verb(uow, id_of(self.chat_id)))
        except Conflict as error:
            async with self.unit_of_work() as uow:
                await self._refresh(uow)
            return error_toast(error.code, **error.args_)
        return None

    async def _open(self, chat_id: str) -> None:
        self._forget()
        self.chat_id = chat_id
        on_show.opens(self.router.session.client_token, chat_id)
        try:
            found = id_of(chat_id)
            async with self.unit_of_work() as uow:
                self.may_write = uow.principal.may("messages.send")
                view = await conversations.get(uow, found)
                await self._read(uow, found, view.unread)
                await self._show_all(uow, view)
                await self._show_draft(uow, chat_id)
                await self._saw(uow, view)
        except NotFound:
            self.missing = True
            return
        self.ready = True

    async def _read(self, uow: TenantUnitOfWork, found: UUID, unread: int = 0) -> None:
        page = await conversations.messages(uow, found, limit=PAGE)
        self.lines, self._newer_from = list(reversed(await self._rows(uow, page.items))), ""
        self._older_from, self.older, self.ended = page.next_cursor or "", page.next_cursor is not None, True
        self.fresh = ""
        self._mark_fresh(unread)
        self._hold()

    async def _refresh(self, uow: TenantUnitOfWork) -> None:
        """The newest lines anew behind those that were read before them."""
        found = id_of(self.chat_id)
        view = await conversations.get(uow, found)
        await self._show_all(uow, view)
        await self._saw(uow, view)
        if not self.ended:
            return
        page: Page[ChatMessage] = await conversations.messages(uow, found, limit=PAGE)
        rows = list(reversed(await self._rows(uow, page.items)))
        newest = {row["id"] for row in rows}
        first = rows[0]["at"] if rows else ""
        before = [line for line in self.lines if line["id"] not in newest and line["at"] <= first]
        self.lines = [*before, *rows][-MOST:] if page.next_cursor else rows
        if not before:
            self._older_from, self.older = page.next_cursor or "", page.next_cursor is not None
        self._hold()

    async def _said(self, uow: TenantUnitOfWork) -> None:
        """One has written: what is on show ends with it, also for who was reading further back."""
        if not self.ended:
            await self._read(uow, id_of(self.chat_id))
        await self._refresh(uow)

    async def _saw(self, uow: TenantUnitOfWork, view: ChatView) -> None:
        """It is open before somebody's eyes: nothing in it is new, and no note asks for them any more."""
        if not self._in_sight:
            return
        if view.unread:
            await conversations.mark_read(uow, view.id)
        else:
            await conversations.saw_mentions(uow, view.id)

    async def _rows(self, uow: TenantUnitOfWork, items: Sequence[ChatMessage]) -> list[dict[str, Any]]:
        keys = list({one.campaign_id for one in items if one.campaign_id})
        names = await campaigns.names(uow, keys) if keys and uow.principal.may("campaigns.read") else {}
        return [line_row(one, uow.tenant_id, names) for one in items]

    async def _show_all(self, uow: TenantUnitOfWork, view: ChatView) -> None:
        self._show(view)
        await self._show_writing(uow, view)

    def _show(self, view: ChatView) -> None:
        self.head, self.device_id = head_row(view), str(view.device_id)
        self.contact_id, self.name, self.phone = str(view.contact.id), view.contact.name, view.contact.phone or ""
        self.device = view.device_name
        self.bot, self.bot_off, self.resumes_at = view.is_bot_active, view.bot_off_reason or "", iso(view.bot_resumes_at)
        self.needs_at, self.needs_reason = iso(view.needs_human_at), view.needs_human_reason or ""
        self.needs_summary, self.pending = view.needs_human_summary[:1500], pending_row(view.pending)

    def _forget(self) -> None:
        self.chat_id = self.contact_id = self.name = self.phone = self.device = self.why_id = self.fresh = self._older_from = ""
        self.ready = self.missing = self.older = False
        self.ended, self.pane, self.quote, self.pending = True, "list", None, None
        self.lines, self.trace, self.waiting, self.replies, self.values = [], [], [], [], []
        self.head, self.draft, self.typist, self.proposal, self.help_error, self.window = {}, {}, {}, {}, {}, {}
        self.gist = self.shut = self._newer_from = ""
        on_show.opens(self.router.session.client_token, "")


async def _line(uow: TenantUnitOfWork, chat: UUID, line: dict[str, Any]) -> ChatMessage | None:
    """A line again, with its trace: the page that begins right behind it."""
    # A cursor names the line before which to read; the same time with the greatest id stands right behind this one.
    page = await conversations.messages(uow, chat, cursor=f"{line['at']}~ffffffff-ffff-ffff-ffff-ffffffffffff", limit=5)
    return next((one for one in page.items if str(one.id) == line["id"]), None)
