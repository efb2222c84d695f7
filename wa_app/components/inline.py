"""Values that change often go into the element's own style: a class per value would pile up."""

from typing import Any

import reflex as rx


def inline(**values: Any) -> dict[str, Any]:
    """`custom_attrs` with a style; names with underscores become CSS custom properties: `inline(k=…)` sets `--k`.

    >>> str(inline(k="red")["style"])
    '({ ["--k"] : "red" })'
    """
    return {"style": rx.Var.create({f"--{name.replace('_', '-')}": value for name, value in values.items()})}
