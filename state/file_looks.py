"""A file that a worker looks through before anything of it is brought in, and what a dialog shows of that, live."""

from typing import Any

import reflex as rx

from state.contact_form import parsed_id
from state.contacts.rows import NO_JOB, OPEN
from wa_app import live
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, Invalid


class LooksAtFile(rx.State, mixin=True):
    """For the state of such a dialog: it says how to look (`_look`) and what to read when a look has moved (`_follow`)."""

    file_id: str = ""
    file_name: str = ""
    file_size: int = 0
    look: dict[str, Any] = NO_JOB
    """The look as a job of a worker, under way or done."""
    error: str = ""
    error_args: dict[str, Any] = {}
    """Why the file cannot be brought in at all."""

    @rx.var
    def is_looking(self) -> bool:
        return self.look.get("status") in OPEN

    @rx.event
    async def uploaded(self: Any, file_id: str, name: str, size: int) -> None:
        """A file has come: look at what it would do."""
        await self.principal()
        self.file_id, self.file_name, self.file_size = str(parsed_id(file_id)), name[:200], int(size)
        await self._look()

    @rx.event(background=True)
    async def watch(self: Any) -> None:
        """Follow what workers do with files, until the tab has gone."""
        tenant_id = (await self.principal()).tenant_id
        async for batch in live.changes(tenant_id, self.router.session.client_token):
            if {message.get("kind") for message in batch} & {"import", "resync"}:
                async with self, self.unit_of_work() as uow:
                    await self._follow(uow)

    async def _look(self) -> None:
        raise NotImplementedError

    async def _follow(self, uow: TenantUnitOfWork) -> None:
        raise NotImplementedError

    def _refused(self, error: AppError) -> None:
        """Say why not, by what is wrong with the file where that is known."""
        wrong = error.fields[0] if isinstance(error, Invalid) and error.fields else None
        self.error = wrong.code if wrong else error.code
        self.error_args = {key: str(value) for key, value in (wrong.args if wrong else error.args_).items()}

    def _forget_file(self) -> None:
        self.file_id = self.file_name = self.error = ""
        self.file_size, self.look, self.error_args = 0, NO_JOB, {}
