"""A box to tick that flips at once, though its truth is in a page's state, a round trip away."""

from functools import lru_cache
from typing import Any

import reflex as rx
from reflex_components_core.el.elements.forms import CheckboxInput


class TickBox(CheckboxInput):
    """A checkbox whose `checked` comes from state: React alone would hold the old value until the server answers."""

    tag = "TickBox"


@lru_cache
def _module() -> str:
    return str(rx.asset("tick.jsx", shared=True).importable_path)


def tick_box(checked: Any = None, **props: Any) -> rx.Component:
    """A bare box; `props`: on_change, aria_label, name, disabled. Without `checked` the browser keeps its value."""
    if checked is None:
        return rx.el.input(type="checkbox", **props)
    TickBox.library = _module()
    component: rx.Component = TickBox.create(checked=checked, **props)
    return component
