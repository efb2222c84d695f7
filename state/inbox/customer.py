"""The person behind the open conversation."""

from typing import Any

import reflex as rx

from state.base import AppState
from state.campaigns import id_of
from state.contacts.rows import contact_row
from state.inbox.rows import iso
from wa_app.errors import NotFound
from wa_app.services import contacts

NOBODY: dict[str, Any] = {"city": "", "since": "", "tags": []}


class CustomerState(AppState):
    """What the right pane shows."""

    contact_id: str = ""
    person: dict[str, Any] = NOBODY
    attributes: list[dict[str, str]] = []
    consents: list[dict[str, str]] = []

    @rx.event
    async def show(self, contact_id: str) -> None:
        """Read the person; who may not see contacts sees only the chat."""
        principal = await self.principal()
        contact_id = str(contact_id)
        if contact_id == self.contact_id:
            return
        self.contact_id, self.person, self.attributes, self.consents = contact_id, NOBODY, [], []
        if not contact_id or not principal.may("contacts.read"):
            return
        try:
            async with self.unit_of_work() as uow:
                found = await contacts.get(uow, id_of(contact_id))
                agreed = await contacts.consents(uow, found.id)
        except NotFound:
            return
        self.person = contact_row(found) | {"since": iso(found.created_at)}
        self.attributes = [{"name": key, "value": str(value)} for key, value in sorted(found.attributes.items())]
        self.consents = [
            {"kind": one.kind.value, "source": one.evidence or one.source, "at": one.created_at.isoformat()} for one in agreed[:3]
        ]
