"""The blacklist's list: what is shown, what is taken off, what is offered."""

import json
from typing import Any
from urllib.parse import urlencode

import reflex as rx
from reflex.event import EventSpec

from state.base import AppState
from state.contact_form import parsed_id
from state.contacts.rows import NO_JOB, OPEN, job_row
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.db import TenantUnitOfWork
from wa_app.models.people import SuppressionReason, SuppressionScope, SuppressionSource
from wa_app.schemas.blacklist import BlacklistEntry, BlacklistFilter
from wa_app.services import blacklist, imports
from wa_app.services.imports import blacklist as bringing_in

PAGE_SIZE = 50


def entry_row(entry: BlacklistEntry) -> dict[str, Any]:
    """What the list shows of an entry; somebody who is no contact is called by the masked value."""
    return {
        "id": str(entry.id),
        "name": entry.contact_name or entry.value,
        "value": entry.value,
        "kind": entry.kind.value,
        "reason": entry.reason.value,
        "scope": entry.scope.value,
        "source": entry.source.value,
        "campaign_id": str(entry.campaign_id or "") if entry.campaign_name else "",
        "campaign": entry.campaign_name or "",
        "note": entry.note,
        "by": entry.created_by_name or "",
        "at": entry.created_at.isoformat(),
    }


def _choice(kinds: Any, value: str) -> Any:
    """A member of an enum for what a select sends, None for anything else."""
    try:
        return kinds(value)
    except ValueError:
        return None


class BlacklistState(AppState):
    """The list; rebuilt by `load` from the database and the address."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    q: str = ""
    reason: str = ""
    scope: str = ""
    source: str = ""
    total: int = 0
    first: int = 0
    has_next: bool = False
    may_write: bool = False
    unreachable: int = 0
    removing_id: str = ""
    removing_name: str = ""
    job: dict[str, Any] = NO_JOB
    """The import under way, or the one that ended while the page was open."""
    _cursors: list[str] = []

    @rx.var
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0

    @rx.var
    def has_previous(self) -> bool:
        return self.first > 1

    @rx.var
    def is_filtered(self) -> bool:
        return bool(self.q or self.reason or self.scope or self.source)

    @rx.var
    def is_importing(self) -> bool:
        return self.job.get("status") in OPEN

    @rx.event
    async def load(self) -> None:
        """First reading; the address may bring filters."""
        asked = self.router.url.query_parameters
        self.q = str(asked.get("q", ""))[:200]
        for name, kinds in (("reason", SuppressionReason), ("scope", SuppressionScope), ("source", SuppressionSource)):
            setattr(self, name, getattr(_choice(kinds, str(asked.get(name, ""))), "value", ""))
        async with self.unit_of_work() as uow:
            self.may_write = uow.principal.may("blacklist.write")
            self.unreachable = len(await blacklist.unreachable(uow))
            await self._read_job(uow)
        await self._first_page()

    @rx.event(background=True)
    async def watch(self) -> None:
        """Follow what others add, words that people write, and imports."""
        tenant_id = (await self.principal()).tenant_id
        async for batch in live.changes(tenant_id, self.router.session.client_token):
            kinds = {message.get("kind") for message in batch}
            if not kinds & {"import", "blacklist", "resync"}:
                continue
            async with self:
                async with self.unit_of_work() as uow:
                    await self._read_job(uow)
                if kinds & {"blacklist", "resync"}:
                    await self._read_page()

    @rx.event
    async def reload(self) -> None:
        """Read this page of the list again."""
        await self._read_page()

    @rx.event
    async def search(self, text: str) -> EventSpec:
        self.q = text[:200]
        return await self._filtered()

    @rx.event
    async def pick_reason(self, reason: str) -> EventSpec:
        self.reason = getattr(_choice(SuppressionReason, reason), "value", "")
        return await self._filtered()

    @rx.event
    async def pick_scope(self, scope: str) -> EventSpec:
        self.scope = getattr(_choice(SuppressionScope, scope), "value", "")
        return await self._filtered()

    @rx.event
    async def pick_source(self, source: str) -> EventSpec:
        self.source = getattr(_choice(SuppressionSource, source), "value", "")
        return await self._filtered()

    @rx.event
    async def clear_filters(self) -> EventSpec:
        self.q = self.reason = self.scope = self.source = ""
        return await self._filtered()

    @rx.event
    async def next_page(self) -> None:
        if self.has_next and self.rows:
            self._cursors = [*self._cursors, self.rows[-1]["id"]]
            await self._read_page()

    @rx.event
    async def previous_page(self) -> None:
        if self._cursors:
            self._cursors = self._cursors[:-1]
            await self._read_page()

    @rx.event
    async def ask_remove(self, entry_id: str) -> None:
        """Open the question before a person comes off the list."""
        await self.principal()
        row = next((row for row in self.rows if row["id"] == entry_id), None)
        self.removing_id, self.removing_name = (entry_id, row["name"]) if row else ("", "")

    @rx.event
    async def close_question(self, _: bool) -> None:
        await self.principal()
        self.removing_id = ""

    @rx.event
    async def remove(self) -> EventSpec | None:
        """Take the person off, with every alias."""
        gone, self.removing_id = self.removing_id, ""
        if not gone:
            return None
        async with self.unit_of_work() as uow:
            await blacklist.remove(uow, str(parsed_id(gone)))
        await self._read_page()
        return toast("blacklist.removed", name=self.removing_name)

    @rx.event
    async def add_unreachable(self) -> EventSpec:
        """Put everybody whom WhatsApp does not know on the list."""
        async with self.unit_of_work() as uow:
            done = await blacklist.add_unreachable(uow)
        self.unreachable = 0
        await self._first_page()
        return toast("blacklist.added", n=done.added)

    @rx.event
    async def cancel_import(self) -> None:
        async with self.unit_of_work() as uow:
            self.job = job_row(await imports.cancel(uow, parsed_id(str(self.job.get("id", "")))))

    @rx.event
    async def forget_import(self) -> None:
        """Put the result of an import away."""
        await self.principal()
        self.job = NO_JOB

    @rx.event
    async def export(self) -> EventSpec:
        """Fetch the CSV with the filters in force; a route streams it."""
        await self.principal()
        return rx.call_script(f"location.assign({json.dumps('/api/v1/blacklist/export' + self._query())})")

    def _where(self) -> BlacklistFilter:
        return BlacklistFilter(
            q=self.q, reason=_choice(SuppressionReason, self.reason), scope=_choice(SuppressionScope, self.scope),
            source=_choice(SuppressionSource, self.source),
        )  # fmt: skip

    def _query(self) -> str:
        pairs = {"q": self.q, "reason": self.reason, "scope": self.scope, "source": self.source}
        asked = urlencode({key: value for key, value in pairs.items() if value})
        return f"?{asked}" if asked else ""

    async def _filtered(self) -> EventSpec:
        """Filters live in the address, so that going back and sharing find them."""
        await self._first_page()
        return rx.call_script(f"history.replaceState(history.state, '', location.pathname + {json.dumps(self._query())})")

    async def _first_page(self) -> None:
        self._cursors = []
        await self._read_page()

    async def _read_page(self) -> None:
        after = parsed_id(self._cursors[-1]) if self._cursors else None
        async with self.unit_of_work() as uow:
            rows, self.has_next, self.total = await blacklist.list_(uow, self._where(), after=after, limit=PAGE_SIZE)
        self.rows = [entry_row(row) for row in rows]
        self.first = len(self._cursors) * PAGE_SIZE + 1 if self.rows else 0
        self.ready = True

    async def _read_job(self, uow: TenantUnitOfWork) -> None:
        if not uow.principal.may("blacklist.write"):
            return
        newest = await bringing_in.recent(uow, limit=1)
        is_shown = bool(newest) and str(newest[0].id) == self.job.get("id")
        if newest and (newest[0].status in OPEN or is_shown):
            self.job = job_row(newest[0])
