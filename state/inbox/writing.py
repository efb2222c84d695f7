"""What is written in the open conversation: notes, quick replies, messages for later, messages once more."""

from typing import Any, Final

import reflex as rx
from reflex.event import EventSpec

from state.campaigns import id_of
from state.inbox.rows import file_of, iso, refused
from state.inbox.times import moment_of
from wa_app.components.feedback import error_toast, toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError
from wa_app.kit.clock import utc_now
from wa_app.schemas.conversations import ChatSend, ChatView
from wa_app.services import conversations, quick_replies
from wa_app.services.campaigns import preview

MAX_KEY: Final = 80
FOUND: Final = 8
"""Quick replies shown at once."""
VALUE: Final = 200


class Writing(rx.State, mixin=True):
    """For the state of the open conversation."""

    quote: dict[str, str] | None = None
    """The line that the next text answers."""
    shut: str = ""
    """Why one may not write to this person, as the code of an error; "" when one may."""
    window: dict[str, str] = {}
    """When the official API takes no more, and the time by which that counts: `{ends, now}`; nothing where nothing ends."""
    replies: list[dict[str, str]] = []
    insert: dict[str, Any] = {}
    """A quick reply to be put into the field: `{n, text, file}`."""
    values: list[dict[str, str]] = []
    """What variables stand for with this customer."""
    waiting: list[dict[str, str]] = []
    """What leaves later."""
    typist: dict[str, Any] = {}
    """Who else writes here right now: `{n, name}`; the browser lets it fade."""

    @rx.event
    async def note(self: Any, chat_id: str, text: str, mentions: list[str], key: str) -> None:
        """Write something that only the team sees; once for each key of this tab."""
        key = str(key)[:MAX_KEY]
        if key == self._written:
            return
        self._written = key
        try:
            async with self.unit_of_work() as uow:
                named = [id_of(one) for one in list(mentions)[:20]]
                await conversations.add_note(uow, id_of(chat_id), str(text)[:20_000], named)
                if chat_id == self.chat_id:
                    await self._said(uow)
        except AppError as error:
            self._written = ""
            self.outcome = refused(key, error)
            return
        self.outcome = {"key": key, "error": ""}

    @rx.event
    async def later(self: Any, chat_id: str, text: str, file_id: str, reply_to: str, at: str, key: str, seen: str) -> EventSpec | None:
        """Write a message that leaves at a time, once for each key of this tab."""
        key = str(key)[:MAX_KEY]
        if key == self._written:
            return None
        self._written = key
        try:
            data = send_of(text, file_id, reply_to)
            async with self.unit_of_work() as uow:
                await conversations.schedule_send(uow, id_of(chat_id), data, moment_of(str(at), self.tenant_zone, utc_now()))
                await conversations.forget_draft(uow, id_of(chat_id), self._seen(chat_id, seen))
                if chat_id == self.chat_id:
                    await self._refresh(uow)
        except AppError as error:
            self._written = ""
            self.outcome = refused(key, error)
            return None
        self.outcome, self.quote = {"key": key, "error": ""}, None
        self._wrote(chat_id, seen, "")
        return toast("inbox_chat.later.kept")

    @rx.event
    async def take_back(self: Any, message_id: str) -> EventSpec | None:
        """A message for later does not leave."""
        return await self._about_line(message_id, conversations.cancel_scheduled)

    @rx.event
    async def again(self: Any, message_id: str) -> EventSpec | None:
        """Send a message that has surely failed once more."""
        return await self._about_line(message_id, conversations.resend)

    @rx.event
    async def find_reply(self: Any, words: str) -> None:
        """Quick replies that fit what stands behind the `/`."""
        async with self.unit_of_work() as uow:
            found = await quick_replies.list_(uow, q=str(words)[:80], limit=FOUND)
        self.replies = [
            {"id": str(one.id), "shortcut": one.shortcut, "title": one.title, "text": one.body[:VALUE], "file": (one.file.filename or "") if one.file else ""}
            for one in found
        ]  # fmt: skip

    @rx.event
    async def use_reply(self: Any, chat_id: str, reply_id: str) -> EventSpec | None:
        """Put a quick reply into the field, with the customer's values."""
        try:
            async with self.unit_of_work() as uow:
                filled = await quick_replies.fill(uow, id_of(reply_id), id_of(chat_id))
                file = await file_of(uow, filled.file.file_id) if filled.file and filled.file.file_id else None
        except AppError as error:
            return error_toast(error.code, **error.args_)
        self.insert = {"n": int(self.insert.get("n", 0)) + 1, "chat": chat_id, "text": filled.text, "file": file}
        return None

    @rx.event
    async def show_values(self: Any) -> None:
        """What may be put in about the customer: only what is known."""
        async with self.unit_of_work() as uow:
            view = await conversations.get(uow, id_of(self.chat_id))
            known = {} if view.is_group else await preview.values_of_contact(uow, view.contact.id) or {}
        self.values = [{"name": key, "value": str(value)[:VALUE]} for key, value in known.items() if str(value).strip()]

    @rx.event
    async def typing(self: Any, chat_id: str, is_typing: bool) -> None:
        """Tell the others that one is writing here, or has stopped."""
        try:
            async with self.unit_of_work() as uow:
                await conversations.tell(uow, id_of(chat_id), bool(is_typing))
        except AppError:
            return

    async def _about_line(self: Any, message_id: str, verb: Any) -> EventSpec | None:
        if not self.chat_id:
            return None
        try:
            async with self.unit_of_work() as uow:
                await verb(uow, id_of(self.chat_id), id_of(message_id))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        finally:
            async with self.unit_of_work() as uow:
                await self._refresh(uow)
        return None

    async def _show_writing(self: Any, uow: TenantUnitOfWork, view: ChatView) -> None:
        """Whether one may write, and what leaves later."""
        standing = await conversations.standing(uow, view.id)
        self.shut = standing.shut or ""
        window = {"ends": iso(standing.window_ends_at), "now": iso(standing.now)} if standing.window_ends_at else {}
        if self.window != window:
            self.window = window
        ahead = await conversations.scheduled(uow, view.id) if view.scheduled_at else []
        self.waiting = [
            {"id": str(one.id), "text": one.text[:VALUE], "at": iso(one.due_at), "by": one.author_name or "", "file": "1" if one.file_id else ""}
            for one in ahead
        ]  # fmt: skip

    def _hear(self: Any, batch: list[dict[str, Any]]) -> None:
        """Note who else writes in the open conversation."""
        for one in batch:
            if one["kind"] == "typing" and one.get("conversation_id") == self.chat_id and one.get("user_id") != self.me:
                name = str(one.get("name") or "") if one.get("typing") else ""
                self.typist = {"n": int(self.typist.get("n", 0)) + 1, "name": name, "id": str(one.get("user_id"))}


def send_of(text: str, file_id: str, reply_to: str) -> ChatSend:
    """What came from the browser. Raises NotFound for an id that is none."""
    return ChatSend(
        text=str(text)[:65_536].strip() or None, file_id=id_of(file_id) if file_id else None,
        reply_to=id_of(reply_to) if reply_to else None,
    )  # fmt: skip
