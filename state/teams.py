"""State of the settings page of teams."""

from typing import Any

import reflex as rx

from state.base import AppState, FormErrors
from state.campaigns import id_of
from wa_app.components.feedback import toast
from wa_app.errors import Conflict
from wa_app.schemas.principal import Verb
from wa_app.schemas.teams import MAX_MEMBERS, TeamView
from wa_app.services import conversations, teams

SHOWN = 4
"""Names of people that stand in a team's line."""


class TeamsState(FormErrors, AppState):
    """Teams, the form of one, the question before one goes."""

    ready: bool = False
    may_write: bool = False
    rows: list[dict[str, Any]] = []
    people: list[dict[str, str]] = []
    editing: bool = False
    team_id: str = ""
    team_name: str = ""
    picked: list[str] = []
    leaving_id: str = ""
    leaving_name: str = ""
    leaving_open: int = 0

    @rx.event
    async def load(self) -> None:
        """Read teams and who may be in one."""
        async with self.unit_of_work() as uow:
            self.may_write = uow.principal.may(Verb.TEAM_WRITE)
            self.rows = [_row(one) for one in await teams.list_(uow)]
            self.people = [{"id": str(one.id), "name": one.name} for one in await conversations.colleagues(uow)]
        self.editing, self.leaving_id, self.ready = False, "", True

    @rx.event
    async def begin(self) -> None:
        """An empty form."""
        await self.principal()
        self.team_id, self.team_name, self.picked, self.errors, self.editing = "", "", [], {}, True

    @rx.event
    async def open(self, team_id: str) -> None:
        """The form of one team."""
        async with self.unit_of_work() as uow:
            found = await teams.get(uow, id_of(team_id))
        self.team_id, self.team_name = str(found.id), found.name
        self.picked, self.errors, self.editing = [str(one.id) for one in found.members], {}, True

    @rx.event
    async def close(self, is_open: bool) -> None:
        """Leave the form."""
        await self.principal()
        self.editing = is_open

    @rx.event
    async def toggle(self, user_id: str) -> None:
        """Pick a person, or drop them."""
        await self.principal()
        one = str(id_of(user_id))
        self.picked = [other for other in self.picked if other != one] if one in self.picked else [*self.picked, one][:MAX_MEMBERS]

    @rx.event
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep what the form says."""
        name, people = str(form.get("team_name", ""))[:200], [id_of(one) for one in self.picked]
        try:
            with self.showing_errors():
                async with self.unit_of_work() as uow:
                    if self.team_id:
                        await teams.rename(uow, id_of(self.team_id), name)
                        await teams.set_members(uow, id_of(self.team_id), people)
                    else:
                        await teams.create(uow, name, people)
        except Conflict as error:
            self.errors = {"name": {"code": error.code, "args": {}}}
        return None if self.errors else [TeamsState.load, toast("common.saved")]

    @rx.event
    async def ask_remove(self, team_id: str, name: str, open_: int) -> None:
        """Open the question before a team goes."""
        await self.principal()
        self.leaving_id, self.leaving_name, self.leaving_open = team_id, name[:200], open_

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave the question without an answer."""
        await self.principal()
        self.leaving_id = ""

    @rx.event
    async def remove(self) -> Any:
        """Delete the team."""
        leaving, self.leaving_id = self.leaving_id, ""
        async with self.unit_of_work() as uow:
            await teams.remove(uow, id_of(leaving))
        return [TeamsState.load, toast("teams.removed", name=self.leaving_name)]


def _row(view: TeamView) -> dict[str, Any]:
    names = [one.name for one in view.members]
    return {
        "id": str(view.id), "name": view.name, "names": ", ".join(names[:SHOWN]), "more": max(0, len(names) - SHOWN),
        "people": len(names), "open": view.open,
    }  # fmt: skip
