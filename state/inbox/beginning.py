"""A new message: to whom, over which number; then their chat opens."""

import re
from typing import Any, Final

import reflex as rx
from reflex.event import EventSpec

from state.base import AppState
from state.campaigns import id_of
from state.inbox.chat import ChatState
from wa_app.errors import Invalid, NotFound
from wa_app.schemas.contacts import ContactFilter
from wa_app.services import contacts, conversations

SHOWN: Final = 20
_PHONE = re.compile(r"^\+?[\d\s().-]{6,24}$")
_FOCUS = """
(() => { const chat = %r, u = new URL(location.href); u.searchParams.set('chat', chat);
history.pushState({...history.state}, '', u.pathname + u.search); let n = 0;
const look = () => { const field = document.getElementById('composer'), here = document.querySelector('.inbox')?.dataset.chat === chat;
if (here && field && !field.disabled) field.focus(); else if (n++ < 60) setTimeout(look, 75); };
look(); })()
"""
"""Only once the new chat is there: the field of the one before must not get its words."""


class BeginState(AppState):
    """The dialog of a new message."""

    query: str = ""
    people: list[dict[str, str]] = []
    phone: str = ""
    """What was typed, if it may be a number."""
    problem: str = ""
    """Code of what was refused."""

    @rx.event
    async def find(self, query: str) -> None:
        """Contacts by name or number, the newest first."""
        principal = await self.principal()
        query = " ".join(str(query)[:200].split())
        self.problem, self.people = "", []
        if principal.may("contacts.read"):
            async with self.unit_of_work() as uow:
                page = await contacts.list_(uow, ContactFilter(q=query), limit=SHOWN)
            self.people = [{"id": str(one.id), "name": one.name, "phone": one.phone or ""} for one in page.items]
        self.query, self.phone = query, query if _PHONE.match(query) else ""

    @rx.event
    async def start(self, contact_id: str, phone: str, device_id: str) -> list[Any] | None:
        """Open the chat with a contact or a number over a device, ready to write."""
        self.problem = ""
        try:
            device = id_of(device_id)
            person = id_of(contact_id) if contact_id else None
            async with self.unit_of_work() as uow:
                chat = await conversations.start(uow, device_id=device, contact_id=person, phone=None if person else str(phone)[:40])
        except NotFound:
            self.problem = "not_found"
            return None
        except Invalid as error:
            self.problem = error.fields[0].code if error.fields else error.code
            return None
        opens: Any = ChatState.open
        return [opens(str(chat.id)), _opened(str(chat.id))]


def _opened(chat_id: str) -> EventSpec:
    return rx.call_script(_FOCUS % chat_id)
