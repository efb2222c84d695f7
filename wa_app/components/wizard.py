"""Steps of a wizard and its footer."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from wa_app.components.icons import icon


def steps(names: Sequence[Any], current: Any, *, on_pick: Any = None) -> rx.Component:
    """Petal steps, counted from 1; done ones show a check and, with `on_pick(n)`, can be revisited."""
    now = rx.Var.create(current).to(int)

    def one(n: int, name: Any) -> rx.Component:
        state = rx.cond(now > n, "done", rx.cond(now == n, "now", "next"))
        body = (
            rx.el.span(rx.cond(now > n, icon("check", 13), rx.fragment(str(n))), class_name="petal-no"),
            rx.el.span(name, class_name="step-name"),
        )
        inner: tuple[Any, ...] = body
        if on_pick is not None:
            inner = (rx.el.button(*body, type="button", disabled=now <= n, on_click=on_pick(n)),)
        return rx.el.li(
            *inner,
            class_name="step",
            custom_attrs={"data-state": state},
            aria_current=rx.cond(now == n, "step", "false"),
        )

    return rx.el.ol(*(one(n, name) for n, name in enumerate(names, 1)), class_name="steps")


def sticky_foot(*left: Any, right: Sequence[rx.Component]) -> rx.Component:
    """Bar at the bottom: cancel and saved note left, back and the primary right. The primary names what happens."""
    return rx.el.footer(*left, rx.el.span(class_name="grow desk"), *right, class_name="stickyfoot")


def petal_number(n: Any) -> rx.Component:
    """A numbered petal in instructions."""
    return rx.el.span(n, class_name="petal-no soft", aria_hidden="true")
