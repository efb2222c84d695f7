"""The form of the signed-out pages: it talks to the API itself, so no password passes through a page's state."""

from functools import lru_cache
from typing import Any

import reflex as rx
from reflex.utils.imports import ImportVar
from reflex.vars import VarData

from wa_app.components.feedback import notice
from wa_app.components.i18n import error_text, library


@lru_cache
def _module() -> str:
    library()
    return str(rx.asset("signing.jsx", shared=True).importable_path)


class SigningForm(rx.Component):
    """Posts its fields to `/api/v1/auth/<action>`; then goes `to` a page, or is done."""

    tag = "SigningForm"

    action: rx.Var[str]
    to: rx.Var[str]
    from_address: rx.Var[list[str]]
    with_language: rx.Var[bool]


def signing_form(*children: Any, action: str, **props: Any) -> rx.Component:
    """A form for one route. `to`: page to go to on success (`?next=` wins); `from_address`: fields taken from
    the page's address; `with_language`: send the language the page is shown in."""
    SigningForm.library = _module()
    component: rx.Component = SigningForm.create(*children, action=action, class_name="form", **props)
    return component


def _var(expression: str) -> rx.Var[Any]:
    data = VarData(imports={_module(): [ImportVar(tag="useSigning")]}, hooks={"const sapaSigning = useSigning();": None})
    return rx.Var(expression, _var_type=str, _var_data=data)


def field_error(name: str) -> dict[str, Any]:
    """`error` and `error_args` of a field, for the functions of `forms`."""
    return {
        "error": _var(f'(sapaSigning.errors["{name}"]?.code ?? "")').to(str),
        "error_args": _var(f'(sapaSigning.errors["{name}"]?.args ?? {{}})'),
    }


def busy() -> rx.Var[bool]:
    """Whether an answer is awaited."""
    return _var("sapaSigning.busy").to(bool)


def done() -> rx.Var[bool]:
    """Whether a form that leads nowhere has been accepted."""
    return _var("sapaSigning.done").to(bool)


def refusal() -> rx.Component:
    """What was refused as a whole, above the button."""
    code = _var("sapaSigning.code").to(str)
    return rx.cond(
        code,
        rx.el.div(notice(error_text(code, _var("sapaSigning.args")), tone="bad", icon_name="circle-alert"), role="alert"),
    )
