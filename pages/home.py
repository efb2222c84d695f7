"""Home: what to do next, then today's numbers."""

import reflex as rx

from pages import routes
from pages.layout import shell
from wa_app.components.cards import page_header
from wa_app.components.i18n import greeting, t, today


@rx.page(route=routes.HOME, title="Sapa")
def home() -> rx.Component:
    """The first page after signing in."""
    return shell(page_header(greeting(), today()), title=t("nav.home"), active="home")
