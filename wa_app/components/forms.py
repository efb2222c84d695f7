"""Form fields: label above, help below, the error in its place. Optional fields are marked, required ones not."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from wa_app.components.buttons import button, icon_button
from wa_app.components.chips import tag_chip
from wa_app.components.i18n import error_text, t
from wa_app.components.icons import icon
from wa_app.components.inline import inline
from wa_app.components.ticking import tick_box


def form(*fields: Any, on_submit: Any = None, **props: Any) -> rx.Component:
    """A column of fields, at most 560 wide. Enter submits."""
    given = props.pop("class_name", "")
    extra = {} if on_submit is None else {"on_submit": on_submit}
    return rx.el.form(*fields, class_name=f"form {given}".strip(), custom_attrs={"noValidate": True}, **extra, **props)


def form_section(title: Any, words: Any, *fields: Any) -> rx.Component:
    """A part of a long form: title column 220, fields beside it."""
    return rx.el.section(
        rx.el.div(rx.el.h2(title, class_name="h2"), rx.el.p(words, class_name="small muted"), class_name="stack"),
        rx.el.div(*fields, class_name="form"),
        class_name="form-section",
    )


def _below(name: str, error: Any, error_args: Any, help_: Any) -> list[rx.Component]:
    hint = rx.el.span(help_, class_name="field-help", id=f"{name}-note") if help_ is not None else rx.fragment()
    if error is None:
        return [hint]
    code = rx.Var.create(error).to(str)
    shown = rx.el.span(
        icon("circle-alert", 13),
        error_text(code, error_args),
        class_name="field-error",
        id=f"{name}-note",
        role="alert",
    )
    return [rx.cond(code, shown, hint)]


def field(
    label: Any,
    name: str,
    control: rx.Component,
    *,
    error: Any = None,
    error_args: Any = None,
    help_: Any = None,
    optional: bool = False,
) -> rx.Component:
    """Label, control and what stands below it. `error` is an error code in state ("" for none)."""
    mark = [rx.el.span(" · ", t("common.optional"), class_name="optional")] if optional else []
    return rx.el.div(
        rx.el.label(label, *mark, html_for=name, class_name="field-label"),
        control,
        *_below(name, error, error_args, help_),
        class_name="field",
    )


def _control_props(name: str, error: Any, help_: Any) -> dict[str, Any]:
    props: dict[str, Any] = {"id": name, "name": name, "class_name": "input"}
    if error is not None:
        # An error that is absent from a dict is undefined in the browser, so ask for truth, not for "".
        props["aria_invalid"] = rx.cond(rx.Var.create(error).to(str), True, False)
    if error is not None or help_ is not None:
        props["aria_describedby"] = f"{name}-note"
    return props


def text_field(
    label: Any,
    name: str,
    *,
    error: Any = None,
    error_args: Any = None,
    help_: Any = None,
    optional: bool = False,
    leading: str | None = None,
    **props: Any,
) -> rx.Component:
    """One line of text. `props` go to the input: value, default_value, on_change, on_blur, type, placeholder, …"""
    control: rx.Component = rx.el.input(**_control_props(name, error, help_), **props)
    if leading:
        control = rx.el.div(rx.el.span(icon(leading), class_name="lead"), control, class_name="input-wrap")
    return field(label, name, control, error=error, error_args=error_args, help_=help_, optional=optional)


def text_area(
    label: Any,
    name: str,
    *,
    error: Any = None,
    error_args: Any = None,
    help_: Any = None,
    optional: bool = False,
    rows: int = 4,
    **props: Any,
) -> rx.Component:
    """Several lines of text."""
    control = rx.el.textarea(rows=rows, **_control_props(name, error, help_), **props)
    return field(label, name, control, error=error, error_args=error_args, help_=help_, optional=optional)


def password_field(
    label: Any, name: str, *, error: Any = None, error_args: Any = None, help_: Any = None, **props: Any
) -> rx.Component:
    """A password with a button that shows it; the switch never leaves the browser."""
    toggle = rx.call_script(
        f"(() => {{ const i = document.getElementById('{name}'), b = document.getElementById('{name}-show');"
        "const on = i.type === 'password'; i.type = on ? 'text' : 'password';"
        "b.setAttribute('aria-pressed', on); i.focus(); })()"
    )
    props.setdefault("auto_complete", "current-password")
    control = rx.el.div(
        rx.el.input(type="password", **_control_props(name, error, help_), **props),
        rx.el.span(
            icon_button(
                "eye",
                t("common.show_password"),
                id=f"{name}-show",
                aria_pressed="false",
                on_click=toggle,
                tooltip=False,
            ),
            class_name="trail",
        ),
        class_name="input-wrap",
    )
    return field(label, name, control, error=error, error_args=error_args, help_=help_)


def select_field(
    label: Any,
    name: str,
    options: Sequence[tuple[str, Any]] | rx.Var[Any],
    *,
    error: Any = None,
    error_args: Any = None,
    help_: Any = None,
    optional: bool = False,
    **props: Any,
) -> rx.Component:
    """A choice from a list: pairs of (value, text), fixed or a var of pairs. The browser's own select."""
    control = select(options, **_control_props(name, error, help_), **props)
    return field(label, name, control, error=error, error_args=error_args, help_=help_, optional=optional)


def select(options: Sequence[tuple[str, Any]] | rx.Var[Any], **props: Any) -> rx.Component:
    """A bare select, for toolbars and tables; give it `aria_label`."""
    props.setdefault("class_name", "input")
    if isinstance(options, rx.Var):
        return rx.el.select(rx.foreach(options, lambda pair: rx.el.option(pair[1], value=pair[0])), **props)
    return rx.el.select(*(rx.el.option(text, value=value) for value, text in options), **props)


def checkbox(label: Any, *, note: Any = None, **props: Any) -> rx.Component:
    """A box to tick; `props`: checked, on_change(bool), name, disabled. `note` stands below the label."""
    words = (
        [rx.el.span(label)]
        if note is None
        else [rx.el.span(label, class_name="strong"), rx.el.span(note, class_name="small muted")]
    )
    return rx.el.label(
        tick_box(**props), rx.el.span(*words, class_name="stack"), class_name="check"
    )


def radio_group(
    label: Any, name: str, options: Sequence[tuple[str, Any]], *, value: Any, on_change: Any
) -> rx.Component:
    """A few choices that all stay visible; `on_change` gets the value."""
    return rx.el.fieldset(
        rx.el.legend(label, class_name="field-label mb-[6px]"),
        rx.el.div(
            *(
                rx.el.label(
                    rx.el.input(
                        type="radio",
                        name=name,
                        value=key,
                        checked=rx.Var.create(value) == key,
                        on_change=on_change(key),
                    ),
                    rx.el.span(text),
                    class_name="check",
                )
                for key, text in options
            ),
            class_name="choices",
        ),
        class_name="field",
    )


def switch(label: Any, checked: Any, on_change: Any, *, show_label: bool = True, **props: Any) -> rx.Component:
    """An on/off that acts at once; `on_change` is an event (it gets no value: the handler flips)."""
    words = [rx.el.span(label)] if show_label else []
    name = {} if show_label else {"aria_label": label}
    return rx.el.button(
        rx.el.span(class_name="knob"),
        *words,
        type="button",
        role="switch",
        aria_checked=checked,
        on_click=on_change,
        class_name="switch",
        **name,
        **props,
    )


def tag_picker(label: Any, options: Any, picked: Any, on_toggle: Any) -> rx.Component:
    """Tags to choose several of. `options`: list of {id, name, color}; `picked`: ids; `on_toggle(id)`."""

    def one(option: Any) -> rx.Component:
        on = rx.Var.create(picked).contains(option["id"])
        return rx.el.button(
            rx.cond(on, icon("check", 13), icon("plus", 13)),
            option["name"],
            type="button",
            aria_pressed=on,
            on_click=on_toggle(option["id"]),
            class_name="tag",
            custom_attrs=inline(k="var(--k-" + option["color"].to(str) + ", var(--k-mist))"),
        )

    return rx.el.fieldset(
        rx.el.legend(label, class_name="field-label mb-[5px]"),
        rx.el.div(rx.foreach(options, one), class_name="picker"),
        class_name="field",
    )


def tag_list(tags: rx.Var[Any]) -> rx.Component:
    """A contact's tags in one line: list of {id, name, color}."""
    return rx.el.span(
        rx.foreach(tags, lambda tag: tag_chip(tag["name"], tag["color"])), class_name="row flex-wrap gap-1"
    )


def date_time_field(
    label: Any, name: str, *, zone: Any, error: Any = None, error_args: Any = None, optional: bool = False, **props: Any
) -> rx.Component:
    """Day and time as the clock on the tenant's wall says (`2026-11-20T09:41`); the server adds the zone shown below."""
    return text_field(
        label, name, type="datetime-local", error=error, error_args=error_args, help_=zone, optional=optional, **props
    )


def save_bar(dirty: Any, on_save: Any, on_discard: Any, *, busy: rx.Var[bool] | None = None) -> rx.Component:
    """Appears when a form has changes."""
    return rx.cond(
        dirty,
        rx.el.div(
            rx.el.span(t("common.unsaved"), class_name="grow muted"),
            button(t("common.discard"), look="quiet", on_click=on_discard),
            button(t("common.save"), look="primary", on_click=on_save, busy=busy),
            class_name="savebar",
            role="region",
            aria_label=t("common.unsaved"),
        ),
    )


def field_errors(errors: Any, name: str) -> dict[str, Any]:
    """`error` and `error_args` of a field out of a `FormErrors` state: `text_field(…, **field_errors(S.errors, "name"))`."""
    code = errors[name]["code"]
    # No entry means undefined in the browser, which is not "".
    calm = rx.Var(f'({code!s} ?? "")', _var_type=str, _var_data=code._get_all_var_data()).to(str)
    return {"error": calm, "error_args": errors[name]["args"]}
