"""Icons: lucide, stroke 1.75, hidden from screen readers because words always stand beside them."""

import reflex as rx

NOUNS = {
    "home": "house",
    "inbox": "messages-square",
    "campaigns": "megaphone",
    "contacts": "users",
    "automation": "workflow",
    "devices": "smartphone",
    "settings": "settings-2",
    "knowledge": "book-open-text",
    "media": "images",
    "admin_queues": "layers",
    "admin_ai": "cpu",
}


def icon(name: str, size: int = 16, class_name: str = "") -> rx.Component:
    """One lucide icon: 16 inline, 18 in the rail, 22 on phones."""
    return rx.icon(name, size=size, stroke_width=1.75, class_name=class_name, custom_attrs={"aria-hidden": "true"})


def noun_icon(noun: str, size: int = 16) -> rx.Component:
    """The one icon a noun has everywhere."""
    return icon(NOUNS[noun], size)
