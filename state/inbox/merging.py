"""Two contacts that are one person: choosing the other one, making them one, and taking them apart again."""

from typing import Any, Final

import reflex as rx

from state.base import AppState
from state.campaigns import id_of
from state.inbox.chat import ChatState
from state.inbox.customer import CustomerState
from wa_app.components.feedback import error_toast, toast
from wa_app.errors import AppError
from wa_app.schemas.contacts import ContactFilter
from wa_app.services import contacts, conversations

SHOWN: Final = 8
_ADDRESS: Final = (
    "(() => {{ const u = new URL(location.href); if (u.searchParams.get('chat') === '{chat}') return; u.searchParams.set('chat', '{chat}'); "
    "history.replaceState({{...history.state}}, '', u.pathname + u.search); }})()"
)
"""The conversation that was open may be no more: its address is replaced, so that going back does not lead there."""


class MergeState(AppState):
    """The dialog that asks with whom."""

    is_open: bool = False
    chat_id: str = ""
    contact_id: str = ""
    query: str = ""
    people: list[dict[str, str]] = []
    picked: dict[str, str] = {}
    problem: str = ""
    """Code of what was refused."""

    @rx.event
    async def ask(self, chat_id: str, contact_id: str) -> None:
        """Open the dialog for the person in a conversation."""
        self.chat_id, self.contact_id, self.picked, self.problem = str(chat_id), str(contact_id), {}, ""
        await self._find("")
        self.is_open = True

    @rx.event
    async def show(self, is_open: bool) -> None:
        """Close it by Escape or a press beside it."""
        await self.principal()
        self.is_open = bool(is_open) and self.chat_id != ""

    @rx.event
    async def find(self, query: str) -> None:
        """Other contacts by name or number."""
        await self._find(str(query))

    @rx.event
    async def pick(self, contact_id: str) -> None:
        """Choose one of those found; an empty id goes back to them."""
        await self.principal()
        self.problem = ""
        self.picked = next((one for one in self.people if one["id"] == str(contact_id)), {})

    @rx.event
    async def join(self) -> list[Any] | None:
        """Make one person of the two; the conversation that goes on is open afterwards."""
        self.problem = ""
        try:
            async with self.unit_of_work() as uow:
                view = await conversations.merge_person(uow, id_of(self.chat_id), id_of(self.picked.get("id", "")))
        except AppError as error:
            self.problem = error.code
            return None
        self.is_open = False
        return [*_shown(str(view.id)), toast("inbox_chat.merge.done")]

    @rx.event
    async def apart(self, chat_id: str) -> list[Any] | None:
        """Undo the latest merging of the person in a conversation."""
        try:
            async with self.unit_of_work() as uow:
                view = await conversations.unmerge(uow, id_of(str(chat_id)))
        except AppError as error:
            return [error_toast(error.code, **error.args_)]
        return [*_shown(str(view.id)), toast("inbox_chat.merge.apart.done")]

    async def _find(self, query: str) -> None:
        self.query = " ".join(query[:200].split())
        async with self.unit_of_work() as uow:
            page = await contacts.list_(uow, ContactFilter(q=self.query), limit=SHOWN + 1)
        others = [one for one in page.items if str(one.id) != self.contact_id]
        self.people = [{"id": str(one.id), "name": one.name, "phone": one.phone or ""} for one in others[:SHOWN]]


def _shown(chat_id: str) -> list[Any]:
    opens: Any = ChatState.open
    shows: Any = CustomerState.show
    return [opens(chat_id), shows(chat_id), rx.call_script(_ADDRESS.format(chat=chat_id))]
