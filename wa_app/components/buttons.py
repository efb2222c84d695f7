"""Buttons. Their words name the result ("Hapus 12 kontak"); at most one primary a screen."""

from typing import Any, Literal

import reflex as rx
from reflex_components_core.react_router.dom import ReactRouterLink

from wa_app.components.icons import icon

Look = Literal["primary", "default", "danger", "danger-solid", "quiet", "link"]


def _classes(look: Look, small: bool, wide: bool) -> str:
    names = ["btn", "" if look == "default" else look, "small-btn" if small else "", "wide" if wide else ""]
    return " ".join(name for name in names if name)


def _content(text: Any, leading: str | None, trailing: str | None, busy: Any) -> list[Any]:
    lead = icon(leading) if leading else None
    if busy is not None:
        lead = rx.cond(busy, icon("loader", class_name="spin"), lead or rx.fragment())
    return [part for part in (lead, rx.el.span(text, class_name="clip"), trailing and icon(trailing)) if part]


def button(
    text: Any,
    *,
    look: Look = "default",
    leading: str | None = None,
    trailing: str | None = None,
    small: bool = False,
    wide: bool = False,
    busy: Any = None,
    disabled: Any = False,
    **props: Any,
) -> rx.Component:
    """A button. `leading`/`trailing` are icon names; while `busy` it turns and takes no second click."""
    props.setdefault("type", "button")
    off = disabled if busy is None else rx.Var.create(disabled).bool() | busy
    given = props.pop("class_name", "")
    return rx.el.button(
        *_content(text, leading, trailing, busy),
        class_name=f"{_classes(look, small, wide)} {given}".strip(),
        disabled=off,
        **props,
    )


def link_button(
    text: Any,
    href: Any,
    *,
    look: Look = "default",
    leading: str | None = None,
    trailing: str | None = None,
    small: bool = False,
    wide: bool = False,
    **props: Any,
) -> rx.Component:
    """A link that looks like a button: for going somewhere, never for doing something."""
    given = props.pop("class_name", "")
    return link(
        *_content(text, leading, trailing, None),
        href=href,
        class_name=f"{_classes(look, small, wide)} {given}".strip(),
        **props,
    )


def link(*children: Any, href: Any, **props: Any) -> rx.Component:
    """A link inside the product: changes the page without reloading it."""
    return ReactRouterLink.create(*children, to=href, **props)


def icon_button(
    name: str, label: Any, *, outlined: bool = False, size: int = 16, tooltip: bool = True, **props: Any
) -> rx.Component:
    """A button that shows only an icon; `label` names it for screen readers and in its tooltip."""
    props.setdefault("type", "button")
    given = props.pop("class_name", "")
    body = rx.el.button(
        icon(name, size),
        class_name=f"icon-btn {'outlined' if outlined else ''} {given}".strip(),
        aria_label=label,
        **props,
    )
    return rx.tooltip(body, content=label) if tooltip else body
