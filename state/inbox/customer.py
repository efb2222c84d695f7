"""The person behind the open conversation."""

from typing import Any, Final

import reflex as rx
from pydantic import ValidationError
from reflex.event import EventSpec

from state.base import AppState
from state.campaigns import id_of
from state.contacts.rows import contact_row
from state.inbox.rows import iso
from wa_app.components.feedback import error_toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, Invalid, NotFound
from wa_app.schemas.contacts import ConsentView, ContactUpdate
from wa_app.schemas.inbox import CaseView, ChatCustomer
from wa_app.services import contacts, conversations

NOBODY: Final[dict[str, Any]] = {"city": "", "since": "", "tags": [], "suppressed": "", "group": False}
SHOWN: Final = 5


class CustomerState(AppState):
    """What the right pane shows."""

    chat_id: str = ""
    contact_id: str = ""
    person: dict[str, Any] = NOBODY
    attributes: list[dict[str, str]] = []
    consents: list[dict[str, str]] = []
    received: list[dict[str, str]] = []
    insights: list[dict[str, Any]] = []
    chats: list[dict[str, str]] = []
    cases: list[dict[str, Any]] = []
    merged: list[dict[str, Any]] = []
    """Contacts that were merged into this one; the latest can be taken apart."""
    may_edit: bool = False
    renaming: bool = False

    @rx.event
    async def show(self, chat_id: str) -> None:
        """Read the person; who may not see contacts sees only the chat."""
        principal = await self.principal()
        chat_id = str(chat_id)
        if chat_id != self.chat_id:
            self._forget()
            self.chat_id = chat_id
        if not chat_id or not principal.may("contacts.read"):
            return
        self.may_edit = principal.may("contacts.write")
        try:
            async with self.unit_of_work() as uow:
                await self._read(uow)
        except NotFound:
            return

    @rx.event
    async def rename(self, is_open: bool) -> None:
        """Open or close the field of the name."""
        await self.principal()
        self.renaming = bool(is_open) and self.may_edit

    @rx.event
    async def save_name(self, form: dict[str, Any]) -> EventSpec | None:
        """Call the person differently."""
        return await self._change({"name": str(form.get("name", "")).strip()})

    @rx.event
    async def save_attribute(self, form: dict[str, Any]) -> EventSpec | None:
        """Keep one attribute; an empty value takes it away."""
        key, value = str(form.get("key", "")).strip(), str(form.get("value", "")).strip()
        return await self._change({"attributes": {key: value or None}}) if key else None

    @rx.event
    async def remove_attribute(self, key: str) -> EventSpec | None:
        """Take an attribute away."""
        return await self._change({"attributes": {str(key): None}})

    async def _change(self, values: dict[str, Any]) -> EventSpec | None:
        if not self.contact_id:
            return None
        try:
            async with self.unit_of_work() as uow:
                await contacts.update(uow, id_of(self.contact_id), ContactUpdate(**values))
                # Others who have the conversation open, and this very pane, see it at once.
                uow.publish("conversation", id=id_of(self.chat_id))
                await self._read(uow)
        except ValidationError:
            return error_toast("value_invalid")
        except Invalid as error:
            first = error.fields[0] if error.fields else None
            return error_toast(first.code, **first.args) if first else error_toast(error.code)
        except AppError as error:
            return error_toast(error.code, **error.args_)
        self.renaming = False
        return None

    async def _read(self, uow: TenantUnitOfWork) -> None:
        found = await conversations.customer(uow, id_of(self.chat_id))
        self.received = [
            {"id": str(one.campaign_id), "name": one.name, "status": one.status, "at": iso(one.sent_at)} for one in found.campaigns[:SHOWN]
        ]  # fmt: skip
        self.insights = [
            {"intent": one.intent, "sentiment": one.sentiment, "product": one.product, "at": iso(one.at)}
            for one in found.insights[:SHOWN]
        ]  # fmt: skip
        self.chats = [{"id": str(one.id), "device": one.device_name, "status": one.status, "at": iso(one.last_message_at)} for one in found.chats]
        self.merged = [{"name": one.name, "at": iso(one.at), "last": at == 0} for at, one in enumerate(found.merged)]
        self.cases = [_case(one) for one in found.cases[:SHOWN]]
        self.attributes = [{"name": key, "value": str(value)} for key, value in sorted(found.attributes.items())]
        self.person, self.contact_id, self.consents = _person(found), "" if found.is_group else str(found.contact_id), []
        if found.is_group:
            return
        self.person |= {"tags": contact_row(await contacts.get(uow, found.contact_id))["tags"]}
        self.consents = [
            {"kind": one.kind.value, "source": one.evidence or one.source, "by_hand": "yes" if _by_hand(one) else "", "at": one.created_at.isoformat()}
            for one in (await contacts.consents(uow, found.contact_id))[:3]
        ]  # fmt: skip

    def _forget(self) -> None:
        self.contact_id, self.person, self.renaming = "", NOBODY, False
        self.attributes, self.consents, self.received, self.insights, self.chats, self.cases, self.merged = [], [], [], [], [], [], []


def _person(found: ChatCustomer) -> dict[str, Any]:
    return {
        "name": found.name, "city": found.city, "since": iso(found.created_at), "tags": [], "suppressed": found.suppressed or "",
        "group": found.is_group,
    }  # fmt: skip


def _by_hand(one: ConsentView) -> bool:
    """Whether the team has put the person on the list, without a word why."""
    return one.kind.value == "opt_out" and one.source == "manual" and not one.evidence


def _case(one: CaseView) -> dict[str, Any]:
    """Times of service as spans; -1 for what has not come yet."""
    answered = (one.answered_at - one.opened_at).total_seconds() if one.answered_at else -1
    resolved = (one.resolved_at - one.opened_at).total_seconds() if one.resolved_at else -1
    return {"at": iso(one.opened_at), "answered": int(answered), "resolved": int(resolved)}
