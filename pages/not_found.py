"""The page for addresses that lead nowhere."""

import reflex as rx

from pages import routes
from pages.layout import gate
from wa_app.components.buttons import link_button
from wa_app.components.i18n import t


def not_found() -> rx.Component:
    """404."""
    return gate(
        link_button(t("page.not_found.home"), routes.HOME, look="primary", leading="house"),
        title=t("page.not_found.title"),
        words=t("page.not_found.text"),
    )
