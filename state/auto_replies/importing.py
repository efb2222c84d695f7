"""Rules out of a file: what would happen first, then it happens; a large file is taken by a worker while the page shows how far it is."""

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from state.auto_replies.listing import RulesState
from state.base import AppState
from state.contact_form import parsed_id
from state.contacts.rows import NO_JOB, OPEN, job_row
from state.file_looks import LooksAtFile
from wa_app.components.feedback import toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, Invalid
from wa_app.schemas.auto_replies import ImportProblem, RuleImport, RuleImportJob, RuleImportResult
from wa_app.services.auto_replies.cells import COLUMNS
from wa_app.services.imports import rules

WAYS = ("skip", "update", "add")
SHOWN = 20
NAMED = frozenset((*COLUMNS, "device_ids", "row"))
"""Fields with a name in words; another is a column that no rule has, called as the file calls it."""
NOTHING: dict[str, int] = {"total": 0, "created": 0, "updated": 0, "skipped": 0, "failed": 0}


class RuleImportState(LooksAtFile, AppState):
    """The dialog, and the large file under way."""

    is_open: bool = False
    way: str = "skip"
    checked: bool = False
    check: dict[str, int] = NOTHING
    problems: list[dict[str, Any]] = []
    hidden: int = 0
    """Refused rows that the dialog does not show."""
    names: list[str] = []
    job: dict[str, Any] = NO_JOB
    """The large file that comes in, or the one that ended while the page was open."""
    asks_stop: bool = False

    @rx.var
    def is_running(self) -> bool:
        return self.job.get("status") in OPEN

    @rx.event
    async def load(self) -> None:
        """Find a large file that comes in again."""
        async with self.unit_of_work() as uow:
            await self._read_job(uow)

    @rx.event
    async def set_open(self, is_open: bool) -> None:
        await self.principal()
        self._forget()
        self.is_open = is_open

    @rx.event
    async def pick_way(self, way: str) -> None:
        """What to do with names that are there already."""
        await self.principal()
        self.way = way if way in WAYS else "skip"
        if self.file_id:
            await self._look()

    @rx.event
    async def start(self) -> Any:
        """Make the rules."""
        done = await self._run(dry=False)
        if done is None:
            return None
        self._forget()
        if isinstance(done, RuleImportJob):
            self.job = job_row(done)
            return None
        said: EventSpec = toast("rules.imported", n=done.created + done.updated)
        return [said, RulesState.load]

    @rx.event
    async def ask_stop(self, is_open: bool) -> None:
        await self.principal()
        self.asks_stop = bool(is_open)

    @rx.event
    async def stop(self) -> None:
        """Take no more rows of the large file; those that came in stay."""
        self.asks_stop = False
        async with self.unit_of_work() as uow:
            self.job = job_row(await rules.cancel(uow, parsed_id(str(self.job["id"]))))

    @rx.event
    async def put_away(self) -> None:
        """Put the result of the large file away."""
        await self.principal()
        self.job = NO_JOB

    async def _look(self) -> None:
        await self._stop_look()
        self.checked, self.look = False, NO_JOB
        found = await self._run(dry=True)
        if isinstance(found, RuleImportJob):
            self._show_look(found)
        elif found is not None:
            self._show(found, found.problems)

    async def _follow(self, uow: TenantUnitOfWork) -> None:
        """Read the large file that comes in, and the look while there is one."""
        await self._read_job(uow)
        if self.is_looking:
            self._show_look(await rules.get(uow, parsed_id(self.look["id"])))

    async def _stop_look(self) -> None:
        """A look that nobody waits for any more takes no worker's time."""
        if not self.is_looking:
            return
        try:
            async with self.unit_of_work() as uow:
                await rules.cancel(uow, parsed_id(self.look["id"]))
        except Conflict:
            return

    def _show_look(self, found: RuleImportJob) -> None:
        self.look = job_row(found)
        if found.status == "done":
            self._show(found, found.problems)
        elif found.error_code:
            self.error, self.error_args = found.error_code, {key: str(value) for key, value in found.error_args.items()}

    def _show(self, found: RuleImportResult | RuleImportJob, problems: list[ImportProblem]) -> None:
        self.checked, self.names = True, found.names
        self.check = {key: getattr(found, key) or 0 for key in NOTHING}
        shown = problems[:SHOWN]
        self.problems = [
            {"row": one.row, "field": one.field, "label": one.field in NAMED, "code": one.code, "args": one.args} for one in shown
        ]
        self.hidden = max(0, found.failed - len({one.row for one in shown}))

    def _forget(self) -> None:
        self._forget_file()
        self.is_open = self.checked = False
        self.hidden, self.way, self.check, self.problems, self.names = 0, "skip", NOTHING, [], []

    async def _run(self, *, dry: bool) -> RuleImportResult | RuleImportJob | None:
        self.error, self.error_args = "", {}
        ask = RuleImport(file_id=parsed_id(self.file_id), on_duplicate=self.way, dry_run=dry)
        try:
            return await rules.request(await self.principal(), ask)
        except Invalid as error:
            self._refused(error)
            return None

    async def _read_job(self, uow: TenantUnitOfWork) -> None:
        if not uow.principal.may("rules.write"):
            return
        newest = await rules.recent(uow, limit=1)
        is_shown = bool(newest) and str(newest[0].id) == self.job.get("id")
        if newest and (newest[0].status in OPEN or is_shown):
            self.job = job_row(newest[0])
