"""Bars and the ribbon: how far a broadcast is, in the same order and colours everywhere."""

from typing import Any

import reflex as rx

from wa_app.components.chips import MESSAGE_STATES
from wa_app.components.i18n import number, percent, t
from wa_app.components.inline import inline


def bar(done: Any, total: Any, *, tone: Any = "", label: Any = None) -> rx.Component:
    """Thin bar of a known total; glides to each new value."""
    most = rx.cond(rx.Var.create(total).to(float) > 0, total, 1).to(float)
    share = rx.Var.create(done).to(float) * 100 / most
    return rx.el.div(
        rx.el.i(custom_attrs=inline(share=share)),
        class_name=rx.Var.create("bar ").to(str) + tone,
        role="progressbar",
        aria_valuemin=0,
        aria_valuemax=most,
        aria_valuenow=done,
        aria_label=label if label is not None else t("common.loading"),
    )


def _count(counts: Any, state: str) -> Any:
    found = rx.Var.create(counts)[state].to(int)
    if state == "read":
        return found + rx.Var.create(counts)["played"].to(int)
    return found


def ribbon(counts: Any, *, large: bool = False, label: Any = None) -> rx.Component:
    """The states of a broadcast as one band: 8 px in lists, 18 px on its page.

    `counts` maps every one of `MESSAGE_STATES` and `played` to its number; played counts as read.
    """
    return rx.el.div(
        *(
            rx.el.i(
                class_name=f"st-{state}",
                custom_attrs=inline(n=_count(counts, state)) | {"data-n": _count(counts, state)},
            )
            for state in MESSAGE_STATES
        ),
        class_name="ribbon lg" if large else "ribbon",
        role="img",
        aria_label=label if label is not None else _summary(counts),
    )


def _summary(counts: Any) -> rx.Var[str]:
    words: Any = ""
    for state in MESSAGE_STATES:
        n = _count(counts, state)
        words = words + rx.cond(n > 0, t(f"status.{state}") + " " + number(n) + ", ", "").to(str)
    return words


def ribbon_legend(counts: Any, total: Any, *, active: Any = None, on_pick: Any = None) -> rx.Component:
    """Words and numbers of the ribbon. With `on_pick` each cell filters the list below (gets the state)."""
    divisor = rx.cond(rx.Var.create(total).to(int) > 0, total, 1).to(int)

    def cell(state: str) -> rx.Component:
        n = _count(counts, state)
        body = (
            rx.el.span(rx.el.i(class_name=f"swatch st-{state}"), rx.el.span(t(f"status.{state}")), class_name="name"),
            rx.el.span(number(n), rx.el.span(percent(n * 100 / divisor), class_name="p"), class_name="n"),
        )
        if on_pick is None:
            return rx.el.div(*body, class_name="legend-cell")
        pressed = {} if active is None else {"aria_pressed": rx.Var.create(active) == state}
        return rx.el.button(*body, type="button", class_name="legend-cell", on_click=on_pick(state), **pressed)

    always = ("read", "delivered", "sent", "sending", "planned", "unknown", "failed", "skipped")
    return rx.el.div(
        *(
            cell(state) if state in always else rx.cond(_count(counts, state) > 0, cell(state))
            for state in (
                "read",
                "delivered",
                "sent",
                "sending",
                "planned",
                "held",
                "unknown",
                "failed",
                "skipped",
                "cancelled",
            )
        ),
        class_name="legend",
    )


def countdown_ring(seconds: Any, full: Any) -> rx.Component:
    """Ring that empties; shows the seconds left."""
    left = rx.Var.create(seconds).to(float)
    offset = 97 * (1 - left / rx.cond(rx.Var.create(full).to(float) > 0, full, 1).to(float))
    return rx.el.svg(
        rx.el.svg.circle(cx="18", cy="18", r="15.5", class_name="back"),
        rx.el.svg.circle(
            cx="18",
            cy="18",
            r="15.5",
            class_name="front",
            stroke_dasharray="97.4",
            custom_attrs=inline(offset=offset) | {"transform": "rotate(-90 18 18)"},
        ),
        rx.el.svg.text(
            rx.Var.create(seconds).to(str),
            x="18",
            y="22",
            text_anchor="middle",
            fill="currentColor",
            font_size="11",
            font_weight="650",
        ),
        view_box="0 0 36 36",
        class_name="count-ring",
        aria_hidden="true",
    )
