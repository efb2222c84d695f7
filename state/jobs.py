"""The bell: long work under way, found again from every page."""

from typing import Any

import reflex as rx

from state.base import AppState
from wa_app.errors import Forbidden, NotSignedIn
from wa_app.services import overview


class JobsState(AppState):
    """Running imports and broadcasts."""

    jobs: list[dict[str, Any]] = []

    @rx.event
    def load_when(self, opened: bool) -> Any:
        """Read again when the panel opens."""
        return JobsState.load if opened else None

    @rx.event
    async def load(self) -> None:
        """Read the list; who is signed out or may not see it has an empty bell."""
        try:
            async with self.unit_of_work() as uow:
                found = await overview.list_jobs(uow)
        except (NotSignedIn, Forbidden):
            self.jobs = []
            return
        self.jobs = [
            {"kind": job.kind, "id": str(job.id), "name": job.name, "done": job.done, "total": job.total or 0}
            for job in found
        ]
