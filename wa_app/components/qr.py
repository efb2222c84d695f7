"""The QR dialog: words left, nila panel right with the code in a white petal card."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from wa_app.components.buttons import icon_button
from wa_app.components.i18n import t
from wa_app.components.progress import countdown_ring
from wa_app.components.wizard import petal_number


def qr_dialog(*left: Any, right: Sequence[Any], title: Any, note: Any, open_: Any, on_open_change: Any) -> rx.Component:
    """780 wide, split; `title` states the action, `note` the number or name."""
    return rx.dialog.root(
        rx.dialog.content(
            rx.el.div(
                rx.el.div(
                    rx.el.div(
                        rx.dialog.title(title, class_name="dlg-title m-0"),
                        rx.dialog.description(note, class_name="muted"),
                    ),
                    *left,
                    class_name="qr-left",
                ),
                rx.el.div(
                    rx.dialog.close(icon_button("x", t("common.close"), class_name="qr-close", tooltip=False)),
                    *right,
                    class_name="qr-right nila",
                ),
                class_name="qr-split",
            ),
            class_name="dlg w780 flush",
        ),
        open=open_,
        on_open_change=on_open_change,
    )


def qr_paper(image: Any) -> rx.Component:
    """The code itself: black on white in both themes, nothing drawn over it. `image`: data URL; "" shows a wait."""
    return rx.el.div(
        rx.cond(
            image,
            rx.el.img(src=image, alt=t("qr.image")),
            rx.el.span(class_name="skeleton", style={"width": "100%", "height": "100%"}),
        ),
        class_name="qr-paper",
    )


def qr_countdown(seconds: Any, full: Any = 20) -> rx.Component:
    """Ring and words: when the code changes."""
    return rx.el.div(
        countdown_ring(seconds, full),
        rx.el.div(
            rx.el.span(t("qr.changes_in", n=seconds), class_name="strong"),
            rx.el.span(t("qr.self_updating"), class_name="side-note"),
            class_name="stack",
        ),
        class_name="qr-count",
    )


def pairing_code(code: Any) -> rx.Component:
    """Eight letters to type into WhatsApp."""
    return rx.el.div(rx.el.span(code, class_name="pair-code"), class_name="qr-paper code")


def numbered(*lines: Any) -> rx.Component:
    """Instructions with petal numbers."""
    return rx.el.ol(
        *(rx.el.li(petal_number(str(n)), rx.el.span(line)) for n, line in enumerate(lines, 1)), class_name="qr-steps"
    )


def state_track(*points: tuple[Any, Any]) -> rx.Component:
    """Where linking stands: (text, "done" | "now" | "next") from left to right."""
    line = rx.el.ol(
        *(rx.el.li(rx.el.i(class_name="pip"), text, custom_attrs={"data-state": state}) for text, state in points),
        class_name="track",
    )
    return rx.el.div(line, role="status")
