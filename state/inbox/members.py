"""Who is in the group that is open."""

from typing import Any, Final

import reflex as rx

from state.base import AppState
from state.campaigns import id_of
from state.inbox.rows import iso
from wa_app.errors import NotFound
from wa_app.schemas.groups import GroupMemberView
from wa_app.services import groups

MORE: Final = 50


class MembersState(AppState):
    """The part of the right pane that lists members; a page of them, as a group may have thousands."""

    chat_id: str = ""
    query: str = ""
    status: str = ""
    """Of the list: `loading`, `ready`, `failed`; empty until it was read."""
    error: str = ""
    """Code of why WhatsApp does not tell."""
    fetched_at: str = ""
    total: int = 0
    found: int = 0
    rows: list[dict[str, Any]] = []
    _shown: int = MORE

    @rx.event
    async def show(self, chat_id: str) -> None:
        """Read the members of a group; of another one nothing stays."""
        await self._of(str(chat_id))

    @rx.event
    async def begin(self, chat_id: str) -> None:
        """As `show`, for a list that comes onto the screen: nobody is looked for in it yet."""
        self.query, self._shown = "", MORE
        await self._of(str(chat_id))

    @rx.event
    async def find(self, query: str) -> None:
        """Members by name or number."""
        self.query, self._shown = " ".join(str(query)[:200].split()), MORE
        await self._read()

    @rx.event
    async def more(self) -> None:
        """Another page below."""
        self._shown += MORE
        await self._read()

    @rx.event
    async def again(self) -> None:
        """Ask WhatsApp anew."""
        await self._read(refresh=True)

    async def _of(self, chat_id: str) -> None:
        if chat_id != self.chat_id:
            self.chat_id, self.query, self.status, self.error, self.rows = chat_id, "", "", "", []
            self.total, self.found, self._shown = 0, 0, MORE
        await self._read()

    async def _read(self, *, refresh: bool = False) -> None:
        principal = await self.principal()
        if not self.chat_id or not principal.may("contacts.read"):
            return
        try:
            async with self.unit_of_work() as uow:
                view = await groups.list_members(uow, id_of(self.chat_id), q=self.query, refresh=refresh, limit=self._shown)
        except NotFound:
            # Deleted meanwhile, or no group: there is nothing to list.
            self.status = ""
            return
        self.status, self.error, self.fetched_at = view.status.value, view.error_code or "", iso(view.fetched_at)
        self.total, self.found, self.rows = view.total, view.found, [_row(one) for one in view.items]


def _row(one: GroupMemberView) -> dict[str, Any]:
    return {
        "id": one.id, "name": one.name, "phone": one.phone or "", "admin": one.is_admin, "self": one.is_self,
        "contact": str(one.contact_id or ""), "chat": str(one.chat_id or ""),
    }  # fmt: skip
