"""Rules out of a file: what would happen first, then it happens."""

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from state.auto_replies.listing import RulesState
from state.base import AppState
from state.contact_form import parsed_id
from wa_app.components.feedback import toast
from wa_app.errors import Invalid
from wa_app.schemas.auto_replies import RuleImport, RuleImportResult
from wa_app.services import auto_replies

WAYS = ("skip", "update", "add")
SHOWN = 20
NOTHING: dict[str, int] = {"total": 0, "created": 0, "updated": 0, "skipped": 0, "failed": 0}


class RuleImportState(AppState):
    """The dialog."""

    is_open: bool = False
    file_id: str = ""
    file_name: str = ""
    file_size: int = 0
    way: str = "skip"
    checked: bool = False
    check: dict[str, int] = NOTHING
    problems: list[dict[str, Any]] = []
    names: list[str] = []
    error: str = ""
    error_args: dict[str, Any] = {}

    @rx.event
    async def set_open(self, is_open: bool) -> None:
        await self.principal()
        self.reset()  # type: ignore[no-untyped-call]
        self.is_open = is_open

    @rx.event
    async def uploaded(self, file_id: str, name: str, size: int) -> None:
        """A file has come: look at what it would do."""
        self.file_id, self.file_name, self.file_size = str(parsed_id(file_id)), name[:200], int(size)
        await self._look()

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
        self.is_open = False
        said: EventSpec = toast("rules.imported", n=done.created + done.updated)
        return [said, RulesState.load]

    async def _look(self) -> None:
        found = await self._run(dry=True)
        self.checked = found is not None
        if found is None:
            return
        self.check = {key: getattr(found, key) for key in NOTHING}
        self.names = found.names
        self.problems = [
            {"row": one.row, "field": one.field, "code": one.code, "args": one.args} for one in found.problems[:SHOWN]
        ]

    async def _run(self, *, dry: bool) -> RuleImportResult | None:
        self.error, self.error_args = "", {}
        ask = RuleImport(file_id=parsed_id(self.file_id), on_duplicate=self.way, dry_run=dry)
        try:
            async with self.unit_of_work() as uow:
                return await auto_replies.bring_in(uow, ask)
        except Invalid as error:
            wrong = error.fields[0] if error.fields else None
            self.error = wrong.code if wrong else error.code
            self.error_args = dict(wrong.args) if wrong else dict(error.args_)
            return None
