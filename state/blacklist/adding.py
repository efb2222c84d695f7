"""The dialog that adds people to the blacklist."""

import re
from collections.abc import AsyncIterator
from typing import Any

import reflex as rx

from state.base import AppState
from state.blacklist.listing import BlacklistState
from state.contact_form import parsed_id
from wa_app.components.feedback import toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import Invalid
from wa_app.models.people import IdentityKind, SuppressionReason, SuppressionScope
from wa_app.schemas.blacklist import (
    MAX_NUMBERS,
    BlacklistAdd,
    BlacklistAdded,
    BlacklistMany,
    IdentityInput,
    RefusedNumber,
)
from wa_app.services import blacklist, contacts

MAX_PASTED = 40_000
REASONS = tuple(one.value for one in SuppressionReason)
_BETWEEN = re.compile(r"[\n\r,;\t]+")


class BlacklistAddState(AppState):
    """The dialog that adds people: pasted numbers, LIDs, or one contact."""

    is_open: bool = False
    contact_id: str = ""
    contact_name: str = ""
    numbers: str = ""
    reason: str = "MANUAL"
    scope: str = "marketing"
    note: str = ""
    error: str = ""
    refused: list[dict[str, str]] = []
    busy: bool = False

    @rx.var
    def count(self) -> int:
        return len(_pasted(self.numbers))

    @rx.event
    async def open_dialog(self) -> None:
        await self.principal()
        self._blank()
        self.is_open = True

    @rx.event
    async def load(self) -> None:
        """`?contact=` in the address opens the dialog for that person."""
        await self.principal()
        asked = str(self.router.url.query_parameters.get("contact", ""))
        if asked:
            await self._open_for(asked)

    async def _open_for(self, contact_id: str) -> None:
        async with self.unit_of_work() as uow:
            found = await contacts.get(uow, parsed_id(contact_id))
        self._blank()
        self.contact_id, self.contact_name, self.is_open = str(found.id), found.name or found.phone or "LID", True

    @rx.event
    async def set_is_open(self, is_open: bool) -> None:
        await self.principal()
        self.is_open = is_open

    @rx.event
    async def set_numbers(self, text: str) -> None:
        await self.principal()
        self.numbers, self.refused, self.error = text[:MAX_PASTED], [], ""

    @rx.event
    async def set_reason(self, reason: str) -> None:
        await self.principal()
        self.reason = reason if reason in REASONS else self.reason

    @rx.event
    async def set_scope(self, scope: str) -> None:
        await self.principal()
        self.scope = scope if scope in ("marketing", "all") else self.scope

    @rx.event
    async def set_note(self, note: str) -> None:
        await self.principal()
        self.note = note[:500]

    @rx.event
    async def save(self) -> AsyncIterator[Any]:
        """Add them. Numbers that cannot be read stay in the dialog with the reason."""
        self.busy, self.error = True, ""
        yield None
        try:
            async with self.unit_of_work() as uow:
                done = await self._add(uow)
        except Invalid as error:
            self.error = error.fields[0].code if error.fields else error.code
            return
        finally:
            self.busy = False
        self.refused = [{"value": one.value, "code": one.code} for one in done.refused[:20]]
        self.numbers = "\n".join(one.value for one in done.refused)
        self.is_open = bool(self.refused)
        if done.added or done.changed or not done.refused:
            yield [BlacklistState.reload, toast("blacklist.added", n=done.added + done.changed)]

    async def _add(self, uow: TenantUnitOfWork) -> BlacklistAdded:
        reason, scope = SuppressionReason(self.reason), SuppressionScope(self.scope)
        if self.contact_id:
            given = BlacklistAdd(contact_id=parsed_id(self.contact_id), reason=reason, scope=scope, note=self.note)
            await blacklist.add(uow, given)
            return BlacklistAdded(added=1, changed=0, already=0)
        wanted = _pasted(self.numbers)
        hidden = [one for one in wanted if one.endswith("@lid")]
        phones = [one[:200] for one in wanted if not one.endswith("@lid")]
        done = BlacklistAdded(added=0, changed=0, already=0)
        if phones or not hidden:
            done = await blacklist.add_many(
                uow, BlacklistMany(phones=phones[:MAX_NUMBERS] or [""], reason=reason, scope=scope, note=self.note)
            )
        for lid in hidden[:MAX_NUMBERS]:
            identity = IdentityInput(kind=IdentityKind.LID, value=lid)
            try:
                await blacklist.add(uow, BlacklistAdd(identity=identity, reason=reason, scope=scope, note=self.note))
                done.added += 1
            except Invalid as error:
                done.refused.append(RefusedNumber(value=lid[:60], code=error.fields[0].code))
        return done

    def _blank(self) -> None:
        self.contact_id = self.contact_name = self.numbers = self.note = self.error = ""
        self.reason, self.scope, self.refused, self.busy = "MANUAL", "marketing", [], False


def _pasted(text: str) -> list[str]:
    """Numbers as they were pasted, one a line or parted by commas."""
    return [one.strip() for one in _BETWEEN.split(text) if one.strip()][:MAX_NUMBERS]
