"""Dialogs, drawers, menus. Focus is kept inside and goes back where it came from (Radix)."""

from collections.abc import Sequence
from typing import Any, Literal

import reflex as rx

from wa_app.components.buttons import button, icon_button
from wa_app.components.i18n import t
from wa_app.components.icons import icon


def dialog(
    *children: Any,
    title: Any,
    open_: Any,
    on_open_change: Any,
    foot: Sequence[rx.Component] = (),
    width: Literal[440, 600, 780] = 440,
    note: Any = None,
) -> rx.Component:
    """A dialog steered by state: `open_` var, `on_open_change(bool)` handler. The title states the action."""
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title(title, class_name="dlg-title"),
            rx.dialog.description(note if note is not None else "", class_name="muted" if note is not None else "sr"),
            *children,
            *([rx.el.div(*foot, class_name="dlg-foot")] if foot else []),
            class_name="dlg" if width == 440 else f"dlg w{width}",
        ),
        open=open_,
        on_open_change=on_open_change,
    )


def confirm(
    title: Any,
    words: Any,
    *,
    open_: Any,
    on_open_change: Any,
    confirm_text: Any,
    on_confirm: Any,
    cancel_text: Any = None,
    destructive: bool = True,
    busy: rx.Var[bool] | None = None,
) -> rx.Component:
    """Asks before something that cannot be taken back. Names object and number; focus starts on the way out."""
    return rx.alert_dialog.root(
        rx.alert_dialog.content(
            rx.alert_dialog.title(title, class_name="dlg-title"),
            rx.alert_dialog.description(words),
            rx.el.div(
                rx.alert_dialog.cancel(button(cancel_text if cancel_text is not None else t("common.cancel"))),
                button(confirm_text, look="danger-solid" if destructive else "primary", on_click=on_confirm, busy=busy),
                class_name="dlg-foot",
            ),
            class_name="dlg",
        ),
        open=open_,
        on_open_change=on_open_change,
    )


def drawer(
    *children: Any, title: Any, open_: Any, on_open_change: Any, foot: Sequence[rx.Component] = (), lead: Any = None
) -> rx.Component:
    """Panel at the right edge; a bottom sheet on phones."""
    return rx.dialog.root(
        rx.dialog.content(
            rx.el.i(class_name="grabber"),
            rx.el.div(
                *([lead] if lead is not None else []),
                rx.dialog.title(title, class_name="h2 grow clip m-0"),
                rx.dialog.close(icon_button("x", t("common.close"), tooltip=False)),
                class_name="drawer-head",
            ),
            rx.dialog.description("", class_name="sr"),
            rx.el.div(*children, class_name="drawer-body"),
            *([rx.el.div(*foot, class_name="drawer-foot")] if foot else []),
            class_name="drawer",
        ),
        open=open_,
        on_open_change=on_open_change,
    )


def menu_item(
    text: Any, on_click: Any, *, icon_name: str | None = None, danger: bool = False, **props: Any
) -> rx.Component:
    """One line of a menu."""
    return rx.dropdown_menu.item(
        *([icon(icon_name)] if icon_name else []),
        text,
        on_click=on_click,
        class_name="danger" if danger else "",
        **props,
    )


def menu_separator() -> rx.Component:
    return rx.dropdown_menu.separator()


def menu(trigger: rx.Component, *items: Any, align: Literal["start", "end"] = "end") -> rx.Component:
    """A drop-down menu; `trigger` must be a button."""
    return rx.dropdown_menu.root(
        rx.dropdown_menu.trigger(trigger), rx.dropdown_menu.content(*items, align=align, variant="soft"), modal=False
    )


def row_menu(*items: Any) -> rx.Component:
    """The ellipsis menu at a row's end."""
    return menu(icon_button("ellipsis", t("common.more"), tooltip=False), *items)


def popover(
    trigger: rx.Component, *children: Any, label: Any, width: str = "320px", on_open_change: Any = None
) -> rx.Component:
    """A small panel at its button; `label` names it for screen readers. The button itself must not have events: use `on_open_change(bool)`."""
    props = {} if on_open_change is None else {"on_open_change": on_open_change}
    return rx.popover.root(rx.popover.trigger(trigger), rx.popover.content(*children, width=width, aria_label=label), **props)
