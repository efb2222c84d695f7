"""One contact: the drawer that shows it and the dialog that changes it."""

from collections.abc import AsyncIterator
from typing import Any

import reflex as rx

from state.base import AppState
from state.contact_form import parsed_id, save_contact
from state.contacts.listing import ContactsState
from state.contacts.rows import contact_row
from wa_app.components.feedback import toast
from wa_app.kit.phones import display
from wa_app.services import contacts

NO_ERRORS = {"name": "", "phone": "", "attributes": "", "tags": ""}


class ContactState(AppState):
    """One contact: the drawer that shows it and the dialog that changes it."""

    shown: bool = False
    contact: dict[str, Any] = {}
    identities: list[dict[str, str]] = []
    attributes: list[dict[str, str]] = []
    consents: list[dict[str, str]] = []
    editing: bool = False
    edited_id: str = ""
    busy: bool = False
    name: str = ""
    phone: str = ""
    city: str = ""
    email: str = ""
    labels: str = ""
    errors: dict[str, str] = NO_ERRORS

    @rx.var
    def is_new(self) -> bool:
        return not self.edited_id

    @rx.event
    async def show(self, row_id: str) -> None:
        async with self.unit_of_work() as uow:
            found = await contacts.get(uow, parsed_id(row_id))
            agreed = await contacts.consents(uow, found.id)
        self.contact = contact_row(found) | {
            "last_inbound_at": found.last_inbound_at.isoformat() if found.last_inbound_at else "",
            "last_outbound_at": found.last_outbound_at.isoformat() if found.last_outbound_at else "",
        }
        self.identities = [{"kind": one.kind.value, "value": one.value} for one in found.identities]
        self.attributes = [{"name": key, "value": str(value)} for key, value in sorted(found.attributes.items())]
        self.consents = [
            {"kind": one.kind.value, "source": one.evidence or one.source, "at": one.created_at.isoformat()}
            for one in agreed
        ]
        self.shown = True

    @rx.event
    def set_shown(self, is_open: bool) -> None:
        self.shown = is_open

    @rx.event
    def add(self) -> None:
        self.edited_id = self.name = self.phone = self.city = self.email = self.labels = ""
        self.errors, self.editing = NO_ERRORS, True

    @rx.event
    async def edit(self, row_id: str) -> None:
        async with self.unit_of_work() as uow:
            found = await contacts.get(uow, parsed_id(row_id))
        self.edited_id, self.name, self.city = str(found.id), found.name, found.city
        self.phone = display(found.phone) if found.phone else ""
        self.email = str(found.attributes.get("email", ""))
        self.labels = ", ".join(tag.name for tag in found.tags)
        self.errors, self.shown, self.editing = NO_ERRORS, False, True

    @rx.event
    def set_editing(self, is_open: bool) -> None:
        self.editing = is_open

    @rx.event
    async def save(self, form: dict[str, Any]) -> AsyncIterator[Any]:
        self.busy, self.errors = True, NO_ERRORS
        yield None
        try:
            async with self.unit_of_work() as uow:
                found = await save_contact(uow, self.edited_id, form)
        finally:
            self.busy = False
        self.errors = {**NO_ERRORS, **found}
        if not found:
            self.editing = False
            yield [ContactsState.reload, toast("common.saved")]
