"""Browser-side parts of the frame: command palette with shortcuts, language switch, the tenant's zone."""

import json
from typing import Any

import reflex as rx
from reflex.event import EventSpec

from wa_app.components.i18n import library


def _module() -> str:
    library()
    return str(rx.asset("shell.jsx", shared=True).importable_path)


class CommandPalette(rx.NoSSRComponent):
    """⌘K, `/`, `g` + letter and `?`; pages and actions are {key, href, letter}."""

    tag = "CommandPalette"

    pages: rx.Var[list[dict[str, str]]]
    actions: rx.Var[list[dict[str, str]]]


class LanguageSwitch(rx.Component):
    """Switches Indonesian and English at once, without the server."""

    tag = "LanguageSwitch"


class ZoneSync(rx.NoSSRComponent):
    """Tells the browser's formats the tenant's zone, and a first-time visitor's language."""

    tag = "ZoneSync"

    zone: rx.Var[str]
    language: rx.Var[str]


def _create(kind: Any, **props: Any) -> rx.Component:
    kind.library = _module()
    component: rx.Component = kind.create(**props)
    return component


def command_palette(pages: list[dict[str, str]], actions: list[dict[str, str]]) -> rx.Component:
    return _create(CommandPalette, pages=pages, actions=actions)


def language_switch() -> rx.Component:
    return _create(LanguageSwitch)


def zone_sync(zone: Any, language: Any) -> rx.Component:
    return _create(ZoneSync, zone=zone, language=language)


def open_palette() -> EventSpec:
    """Event that opens the palette."""
    return rx.call_script("window.dispatchEvent(new Event('sapa:palette'))")


def set_language(language: str) -> EventSpec:
    """Event that shows the page in another language from now on."""
    return rx.call_script(f"window.sapaLanguage({json.dumps(language)})")
