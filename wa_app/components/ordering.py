"""A handle that moves a row within its list, by pointer and by keyboard."""

from typing import Any

import reflex as rx


def _moved(row_id: rx.Var[str], target: rx.Var[str], after: rx.Var[bool]) -> tuple[rx.Var[str], rx.Var[str], rx.Var[bool]]:
    return row_id, target, after


class OrderHandle(rx.NoSSRComponent):
    """Rows carry `data-order-id`; `on_move` gets the row, the row it was dropped at (or `up`, `down`), and whether after it."""

    tag = "OrderHandle"

    row_id: rx.Var[str]
    label: rx.Var[str]
    on_move: rx.EventHandler[_moved]  # type: ignore[valid-type,type-arg]


def order_handle(row_id: Any, label: Any, on_move: Any) -> rx.Component:
    """The handle of one row."""
    OrderHandle.library = rx.asset("order.jsx", shared=True).importable_path
    handle: rx.Component = OrderHandle.create(row_id=row_id, label=label, on_move=on_move)
    return handle
