"""Times of service: how long customers waited for people, against what the tenant has promised."""

from typing import Any, Final

import reflex as rx

from state.base import AppState
from wa_app.services import conversations

DAYS: Final = (7, 30)


class ServiceState(AppState):
    """What the dialog shows."""

    times: dict[str, Any] = {"days": 0}
    """Figures of so many days; of 0 days: not read yet."""

    @rx.event
    async def read(self, days: int) -> None:
        """Figures of the last days; who may not see the team is given totals and their own."""
        async with self.unit_of_work() as uow:
            found = await conversations.service_times(uow, days=int(days) if str(days) in map(str, DAYS) else DAYS[0])
            may = uow.principal.may
            self.times = {**found.model_dump(mode="json"), "of_all": may("team.read"), "may_set": may("settings.write")}
