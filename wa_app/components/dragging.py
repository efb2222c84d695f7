"""The grip by which a table's row is moved, with the mouse, a finger or the arrow keys."""

from typing import Any

import reflex as rx


def _moved(row_id: rx.Var[str], to: rx.Var[int]) -> tuple[rx.Var[str], rx.Var[int]]:
    return row_id, to


class DragHandle(rx.NoSSRComponent):
    """A button in a row; `on_moved(row_id, index)` fires once, when the row has been dropped."""

    tag = "DragHandle"

    label: rx.Var[str]
    row_id: rx.Var[str]

    on_moved: rx.EventHandler[_moved]  # type: ignore[valid-type,type-arg]


def drag_handle(label: Any, row_id: Any, on_moved: Any) -> rx.Component:
    """`label` says what is moved and that the arrow keys move it."""
    DragHandle.library = rx.asset("drag.jsx", shared=True).importable_path
    handle: rx.Component = DragHandle.create(label=label, row_id=row_id, on_moved=on_moved)
    return handle
