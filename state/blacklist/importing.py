"""The dialog that brings a file into the blacklist."""

from typing import Any

import reflex as rx

from state.base import AppState
from state.blacklist.adding import REASONS
from state.blacklist.listing import BlacklistState
from state.contact_form import parsed_id
from state.contacts.rows import NO_JOB, job_row
from state.file_looks import LooksAtFile
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError
from wa_app.models.people import SuppressionReason, SuppressionScope
from wa_app.schemas.blacklist import BlacklistImport
from wa_app.services import imports
from wa_app.services.imports import blacklist as bringing_in


class BlacklistImportState(LooksAtFile, AppState):
    """The dialog that brings a file in: look, then do."""

    is_open: bool = False
    reason: str = "MANUAL"
    scope: str = "marketing"

    @rx.var
    def is_checked(self) -> bool:
        return self.look.get("status") == "done"

    @rx.var
    def to_add(self) -> int:
        return int(self.look.get("created", 0)) + int(self.look.get("updated", 0))

    @rx.event
    async def open_dialog(self) -> None:
        await self.principal()
        self._forget_file()
        self.reason, self.scope, self.is_open = "MANUAL", "marketing", True

    @rx.event
    async def set_is_open(self, is_open: bool) -> None:
        await self.principal()
        self.is_open = is_open

    @rx.event
    async def set_reason(self, reason: str) -> None:
        await self.principal()
        self.reason = reason if reason in REASONS else self.reason

    @rx.event
    async def set_scope(self, scope: str) -> None:
        await self.principal()
        if scope in ("marketing", "all") and scope != self.scope:
            self.scope = scope
            if self.file_id:
                await self._look()

    @rx.event
    async def start(self) -> Any:
        """The real import, in the background."""
        async with self.unit_of_work() as uow:
            made = job_row(await bringing_in.request(uow, self._asked(dry_run=False)))
        self.is_open = False
        show: Any = BlacklistImportState.show_job
        return show(made["id"])

    @rx.event
    async def show_job(self, job_id: str) -> None:
        """Show the import on the page."""
        async with self.unit_of_work() as uow:
            made = job_row(await imports.get(uow, parsed_id(job_id)))
        listing = await self.get_state(BlacklistState)
        listing.job = made

    async def _look(self) -> None:
        self.error, self.look = "", NO_JOB
        try:
            async with self.unit_of_work() as uow:
                self.look = job_row(await bringing_in.request(uow, self._asked(dry_run=True)))
        except AppError as error:
            self._refused(error)

    async def _follow(self, uow: TenantUnitOfWork) -> None:
        if self.look.get("id"):
            self.look = job_row(await imports.get(uow, parsed_id(self.look["id"])))

    def _asked(self, *, dry_run: bool) -> BlacklistImport:
        return BlacklistImport(
            file_id=parsed_id(self.file_id), reason=SuppressionReason(self.reason),
            scope=SuppressionScope(self.scope), dry_run=dry_run,
        )  # fmt: skip
