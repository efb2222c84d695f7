"""State of publishing: what would change, the versions so far, and the way back."""

from typing import Any

import reflex as rx

from state.agents import form
from state.agents.settings import AgentState, agent_of_path
from state.base import AppState
from wa_app.components.feedback import error_toast, toast
from wa_app.errors import Conflict, Invalid
from wa_app.schemas.agent_views import AgentPublish, AgentRollback, FieldChange
from wa_app.services import agents

MAX_SHOWN = 240


class AgentPublishState(AppState):
    """The dialog before publishing, and the drawer of versions."""

    asking: bool = False
    changes: list[dict[str, Any]] = []
    note: str = ""
    lacking: list[dict[str, Any]] = []
    number: int = 1
    history_open: bool = False
    versions: list[dict[str, Any]] = []
    opened: int = 0
    """The version whose changes are on show."""
    back_to: int = 0
    """The version that is about to answer again."""
    _revision: int = 0

    @rx.event
    async def load(self) -> None:
        """Everything closed."""
        await self.principal()
        self.asking = self.history_open = False
        self.versions, self.changes, self.back_to, self.opened = [], [], 0, 0

    @rx.event
    async def ask(self) -> None:
        """What publishing would change."""
        async with self.unit_of_work() as uow:
            view = await agents.get(uow, agent_of_path(self.router.url.path))
            last = await agents.versions(uow, view.id, limit=1)
        self.changes, self.lacking = [_change(one) for one in view.unpublished], []
        self.number, self._revision = last[0].number + 1 if last else 1, view.revision
        self.asking, self.note = True, ""

    @rx.event
    async def close(self, is_open: bool) -> None:
        """Not now."""
        await self.principal()
        self.asking = is_open

    @rx.event
    async def set_note(self, note: str) -> None:
        """A word for those who look at the history."""
        await self.principal()
        self.note = str(note)[:500]

    @rx.event
    async def publish(self) -> Any:
        """Let the draft answer from now on."""
        try:
            async with self.unit_of_work() as uow:
                data = AgentPublish(note=self.note, revision=self._revision)
                view = await agents.publish(uow, agent_of_path(self.router.url.path), data)
        except Invalid as error:
            self.lacking = [{"code": one.code, "args": {key: str(value) for key, value in one.args.items()}} for one in error.fields]
            return None
        except Conflict as error:
            self.asking = False
            return [error_toast(error.code, **error.args_), AgentState.reload]
        self.asking = False
        return [toast("agent_page.published", n=view.live.number if view.live else 0), AgentState.reload]

    @rx.event
    async def show_history(self, is_open: bool) -> None:
        """The drawer of versions."""
        await self.principal()
        self.history_open = is_open
        if is_open:
            await self._read()

    @rx.event
    async def open_version(self, number: int) -> None:
        """What a version changed, or fold it again."""
        await self.principal()
        self.opened = 0 if self.opened == number else int(number)

    @rx.event
    async def ask_back(self, number: int) -> None:
        """Is an old version to answer again?"""
        await self.principal()
        self.back_to = int(number)

    @rx.event
    async def close_back(self, is_open: bool) -> None:
        """Leave what is live."""
        await self.principal()
        if not is_open:
            self.back_to = 0

    @rx.event
    async def go_back(self) -> list[Any]:
        """Publish an old version again; the draft stays."""
        number, self.back_to = self.back_to, 0
        try:
            async with self.unit_of_work() as uow:
                data = AgentRollback(version=number)
                view = await agents.roll_back(uow, agent_of_path(self.router.url.path), data)
        except Conflict as error:
            await self._read()
            return [error_toast(error.code, **error.args_)]
        await self._read()
        return [toast("agent_page.rolled_back", n=number, now=view.live.number if view.live else 0), AgentState.reload]

    @rx.event
    async def take_over(self, number: int) -> list[Any]:
        """Put an old version into the draft, to go on from there."""
        async with self.unit_of_work() as uow:
            await agents.reset_draft(uow, agent_of_path(self.router.url.path), int(number))
        self.history_open = False
        return [toast("agent_page.taken_over", n=int(number)), AgentState.reload]

    async def _read(self) -> None:
        async with self.unit_of_work() as uow:
            found = await agents.versions(uow, agent_of_path(self.router.url.path))
        self.versions = [
            {
                "number": one.number, "note": one.note, "at": one.published_at.isoformat(), "by": one.published_by_name,
                "live": one.is_live, "from": one.restored_from or 0, "changes": [_change(change) for change in one.changes],
            }
            for one in found
        ]  # fmt: skip


def _change(change: FieldChange) -> dict[str, Any]:
    was, was_args = _shown(change.field, change.before)
    now, now_args = _shown(change.field, change.after)
    return {"field": change.field, "was": was, "was_args": was_args, "now": now, "now_args": now_args}


def _shown(field: str, value: Any) -> tuple[str, dict[str, Any]]:
    """A setting in one line: a key of the catalogue with its arguments, or the tenant's own words."""
    if field in form.CHOICES:
        return f"agent_page.{field}.{value or 'none'}", {}
    if field in ("document_ids", "device_ids"):
        return ("agent_page.all", {}) if value is None else ("agent_page.chosen", {"n": len(value)})
    if field == "provider_id":
        return ("agent_page.provider.auto", {}) if value is None else ("agent_page.chosen", {"n": 1})
    if isinstance(value, bool):
        return "agent_page.on" if value else "agent_page.not_on", {}
    if value is None or value == "" or value == []:
        return "", {}
    if field == form.PERCENT:
        return f"{round(float(value) * 100)}%", {}
    text = ", ".join(_item(one) for one in value) if isinstance(value, list) else str(value)
    return (text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"), {}


def _item(one: Any) -> str:
    return f"{one['start']}–{one['end']}" if isinstance(one, dict) and "start" in one else str(one)
