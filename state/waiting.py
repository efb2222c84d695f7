"""The number beside the inbox in the navigation: what waits for this person."""

import reflex as rx

from state.base import AppState
from wa_app.errors import Forbidden, NotSignedIn
from wa_app.services import conversations


class WaitingState(AppState):
    """Counted anew with every page; the inbox itself follows what happens."""

    n: int = 0

    @rx.event
    async def load(self) -> None:
        """Count; who is signed out or may not read conversations has none."""
        try:
            async with self.unit_of_work() as uow:
                self.n = await conversations.waiting(uow)
        except (NotSignedIn, Forbidden):
            self.n = 0
