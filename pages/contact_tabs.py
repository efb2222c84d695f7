"""The tabs above contacts and what belongs to them."""

import reflex as rx

from pages import routes
from wa_app.components.cards import tabs
from wa_app.components.i18n import t

TABS = (
    ("contacts", routes.CONTACTS),
    ("segments", routes.CONTACTS_SEGMENTS),
    ("blacklist", routes.CONTACTS_BLACKLIST),
    ("groups", routes.CONTACTS_GROUPS),
)


def contact_tabs(active: str) -> rx.Component:
    """`active` is the key of this page; its text is `contacts.tab.<key>`."""
    return tabs([(key, t(f"contacts.tab.{key}"), href) for key, href in TABS], active)
