"""State of the list of agents: which there are, what they did today, a new one from a preset."""

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from pages import routes
from state.base import AppState
from state.campaigns import id_of
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.schemas.agent_views import AgentCreate, AgentView
from wa_app.services import agents
from wa_app.services.agent_trials import surroundings

PRESETS = ("service", "sales", "")
TICK_S = 10.0


class AgentsState(AppState):
    """The list."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    query: str = ""
    total: int = 0
    answered: int = 0
    choosing: bool = False

    @rx.event
    async def load(self) -> None:
        """All agents of the tenant."""
        self.query, self.choosing = "", False
        async with self.unit_of_work() as uow:
            self._show(*await _rows(uow, ""))

    @rx.event(background=True)
    async def watch(self) -> None:
        """Follow what others change until the tab has gone."""
        principal = await self.principal()
        async for batch in live.changes(principal.tenant_id, self.router.session.client_token, tick_s=TICK_S):
            if not any(one["kind"] in ("agent", "resync") for one in batch):
                continue
            async with self:
                query = self.query
            async with unit_of_work(principal) as uow:
                found = await _rows(uow, query)
            async with self:
                if self.router.url.path.rstrip("/") != routes.AGENTS:
                    return
                self._show(*found)

    @rx.event
    async def search(self, query: str) -> None:
        """Narrow to names that hold the words."""
        self.query = str(query)[:80]
        async with self.unit_of_work() as uow:
            self._show(*await _rows(uow, self.query))

    @rx.event
    async def begin(self, is_open: bool) -> None:
        """Which kind of agent?"""
        await self.principal()
        self.choosing = is_open

    @rx.event
    async def create(self, preset: str) -> EventSpec:
        """A new agent, opened at once."""
        chosen: Any = preset if preset in PRESETS else ""
        async with self.unit_of_work() as uow:
            made = await agents.create(uow, AgentCreate(preset=chosen))
        self.choosing = False
        return rx.redirect(routes.agent(str(made.id)))

    @rx.event
    async def duplicate(self, agent_id: str) -> EventSpec:
        """A copy, opened at once."""
        async with self.unit_of_work() as uow:
            made = await agents.duplicate(uow, id_of(agent_id))
        return rx.redirect(routes.agent(str(made.id)))

    @rx.event
    async def delete(self, agent_id: str) -> EventSpec:
        """Put one away: it stops answering at once; the toast brings it back."""
        async with self.unit_of_work() as uow:
            await agents.remove(uow, [id_of(agent_id)])
            self._show(*await _rows(uow, self.query))
        undo = AgentsState.restore(str(agent_id))  # type: ignore[operator]
        return toast("agents.deleted", action=("common.undo", undo))

    @rx.event
    async def restore(self, agent_id: str) -> None:
        """Undo."""
        async with self.unit_of_work() as uow:
            await agents.restore(uow, [id_of(agent_id)])
            self._show(*await _rows(uow, self.query))

    def _show(self, rows: list[dict[str, Any]], total: int) -> None:
        self.rows, self.total, self.ready = rows, total, True
        self.answered = sum(row["answered"] for row in rows)


async def _rows(uow: TenantUnitOfWork, query: str) -> tuple[list[dict[str, Any]], int]:
    found, _, total = await agents.list_(uow, q=query, limit=200)
    today = await surroundings.today(uow)
    names = await surroundings.device_names(uow)
    return [_row(one, names, *today.get(one.id, (0, 0))) for one in found], total


def _row(view: AgentView, names: dict[Any, str], answered: int, handed_over: int) -> dict[str, Any]:
    return {
        "id": str(view.id), "name": view.name, "active": view.is_active, "version": view.live.number if view.live else 0,
        "unpublished": len(view.unpublished), "devices": ", ".join(names[one] for one in view.answers_on[:3] if one in names),
        "device_count": len(view.answers_on), "answered": answered, "handed_over": handed_over,
    }  # fmt: skip
