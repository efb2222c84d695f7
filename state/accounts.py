"""State behind the signed-out pages. Signing in itself is done by the API (see `components/signing.jsx`)."""

import reflex as rx
from reflex.event import EventSpec

from state.base import AppState, signed_in
from wa_app.errors import NotSignedIn


class AccountsState(AppState):
    """Nothing of its own: who is signed in has no business on these pages."""

    @rx.event
    async def go_home(self) -> EventSpec | None:
        """Lead whoever is signed in already to Home."""
        try:
            await signed_in(self.router.headers.cookie)
        except NotSignedIn:
            return None
        return rx.redirect("/")
