"""The dialog that brings a file into the blacklist."""

from typing import Any

import reflex as rx

from state.base import AppState
from state.blacklist.adding import REASONS
from state.blacklist.listing import BlacklistState
from state.contact_form import parsed_id
from state.contacts.rows import NO_JOB, OPEN, job_row
from wa_app import live
from wa_app.errors import AppError, Invalid
from wa_app.models.people import SuppressionReason, SuppressionScope
from wa_app.schemas.blacklist import BlacklistImport
from wa_app.services import imports
from wa_app.services.imports import blacklist as bringing_in


class BlacklistImportState(AppState):
    """The dialog that brings a file in: look, then do."""

    is_open: bool = False
    file_id: str = ""
    file_name: str = ""
    file_size: int = 0
    reason: str = "MANUAL"
    scope: str = "marketing"
    check: dict[str, Any] = NO_JOB
    error: str = ""
    error_args: dict[str, str] = {}

    @rx.var
    def is_checking(self) -> bool:
        return self.check.get("status") in OPEN

    @rx.var
    def is_checked(self) -> bool:
        return self.check.get("status") == "done"

    @rx.var
    def to_add(self) -> int:
        return int(self.check.get("created", 0)) + int(self.check.get("updated", 0))

    @rx.event
    async def open_dialog(self) -> None:
        await self.principal()
        self.file_id = self.file_name = self.error = ""
        self.file_size, self.check, self.reason, self.scope, self.is_open = 0, NO_JOB, "MANUAL", "marketing", True

    @rx.event
    async def set_is_open(self, is_open: bool) -> None:
        await self.principal()
        self.is_open = is_open

    @rx.event(background=True)
    async def watch(self) -> None:
        """Follow the look at the file until the tab has gone."""
        tenant_id = (await self.principal()).tenant_id
        async for batch in live.changes(tenant_id, self.router.session.client_token):
            if not {message.get("kind") for message in batch} & {"import", "resync"}:
                continue
            async with self:
                if self.check.get("id"):
                    async with self.unit_of_work() as uow:
                        self.check = job_row(await imports.get(uow, parsed_id(self.check["id"])))

    @rx.event
    async def uploaded(self, file_id: str, name: str, size: int) -> None:
        """A file is there: look through all of it without writing."""
        self.file_id, self.file_name, self.file_size = str(parsed_id(file_id)), name[:200], int(size)
        await self._look()

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
        self.error, self.check = "", NO_JOB
        try:
            async with self.unit_of_work() as uow:
                self.check = job_row(await bringing_in.request(uow, self._asked(dry_run=True)))
        except AppError as error:
            field = error.fields[0] if isinstance(error, Invalid) and error.fields else None
            self.error = field.code if field else error.code
            self.error_args = {key: str(value) for key, value in (field.args if field else error.args_).items()}

    def _asked(self, *, dry_run: bool) -> BlacklistImport:
        return BlacklistImport(
            file_id=parsed_id(self.file_id), reason=SuppressionReason(self.reason),
            scope=SuppressionScope(self.scope), dry_run=dry_run,
        )  # fmt: skip
