"""Cards, page header, tabs, segmented control, figure strip."""

from collections.abc import Sequence
from typing import Any, Final

import reflex as rx

from wa_app.components.buttons import link
from wa_app.components.i18n import t


def card(*rows: Any, title: Any = None, note: Any = None, action: Any = None, **props: Any) -> rx.Component:
    """A bordered box; with `title` it gets a head, `note` quiet words at its right, `action` a link or button."""
    head = []
    if title is not None:
        right = [rx.el.span(note, class_name="small muted")] if note is not None else []
        right += [action] if action is not None else []
        head = [rx.el.div(rx.el.h2(title, class_name="h2 grow"), *right, class_name="card-head")]
    given = props.pop("class_name", "")
    return rx.el.section(*head, *rows, class_name=f"card {given}".strip(), **props)


def card_body(*children: Any, **props: Any) -> rx.Component:
    """Padding for free content of a card."""
    given = props.pop("class_name", "")
    return rx.el.div(*children, class_name=f"card-body {given}".strip(), **props)


def card_row(*children: Any, href: Any = None, **props: Any) -> rx.Component:
    """One line of a list in a card; with `href` the whole line is the link."""
    if href is not None:
        return link(*children, href=href, class_name="card-row", **props)
    return rx.el.div(*children, class_name="card-row", **props)


def two_lines(title: Any, note: Any, **props: Any) -> rx.Component:
    """Strong line over a quiet one, both clipped."""
    return rx.el.div(
        rx.el.span(title, class_name="strong clip"),
        rx.el.span(note, class_name="small muted clip"),
        class_name="stack grow",
        **props,
    )


def page_header(
    title: Any, state: Any = None, *actions: rx.Component, chip: Any = None, display: bool = False
) -> rx.Component:
    """h1, one quiet line that says the state in numbers, at most two buttons (one primary)."""
    heading = rx.el.h1(title, class_name="display" if display else "h1")
    top = rx.el.div(heading, chip, class_name="row") if chip is not None else heading
    lines = [top] if state is None else [top, rx.el.p(state, class_name="state")]
    right = [rx.el.div(*actions, class_name="actions")] if actions else []
    return rx.el.header(rx.el.div(*lines), *right, class_name="page-head")


# Where there are more tabs than room, as on a phone, the one of this page is in sight.
_TO_THIS_TAB: Final = "document.querySelector('.tabs > [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })"


def tabs(items: Sequence[tuple[str, Any, str]], active: str) -> rx.Component:
    """Tabs that are pages: (key, text, href). `active` is the key of this page."""
    return rx.el.nav(
        *(
            link(text, href=href, class_name="tab", **({"aria_current": "page"} if key == active else {}))
            for key, text, href in items
        ),
        class_name="tabs",
        on_mount=rx.call_script(_TO_THIS_TAB),
    )


def segmented(options: Sequence[tuple[str, Any]], value: Any, on_change: Any, *, label: Any) -> rx.Component:
    """Two to four short choices side by side; `on_change` gets the key."""
    return rx.el.div(
        *(
            rx.el.button(text, type="button", aria_pressed=rx.Var.create(value) == key, on_click=on_change(key))
            for key, text in options
        ),
        role="group",
        aria_label=label,
        class_name="segmented",
    )


def spark_line(points: rx.Var[list[float]], colour: str = "c1") -> rx.Component:
    """Small line with 10 % fill and a dot on now. Decoration: the figure beside it says the same."""
    data = rx.Var.create(points)
    path = rx.Var(
        f"((p) => {{ const m = Math.max(...p, 1); return p.map((v, i) => "
        f"`${{(i / Math.max(p.length - 1, 1) * 78).toFixed(1)}},${{(25 - v / m * 22).toFixed(1)}}`).join(' '); }})({data!s} ?? [])",
        _var_type=str,
        _var_data=data._get_all_var_data(),
    ).to(str)
    return rx.el.svg(
        rx.el.svg.polygon(
            points=rx.Var.create("0,26 ").to(str) + path + " 78,26", fill=f"var(--{colour})", fill_opacity="0.1"
        ),
        rx.el.svg.polyline(points=path, fill="none", stroke=f"var(--{colour})", stroke_width="1.6"),
        view_box="0 0 78 26",
        class_name="spark-line",
        aria_hidden="true",
    )


def figure(label: Any, value: Any, note: Any = None, spark: Any = None) -> rx.Component:
    """One figure of the strip: label, number, a quiet line, an optional spark line."""
    return rx.el.div(
        rx.el.span(label, class_name="label clip"),
        rx.el.span(value, class_name="figure clip"),
        *([rx.el.span(note, class_name="delta clip")] if note is not None else []),
        *([spark] if spark is not None else []),
        class_name="figure-cell",
    )


def figure_strip(*figures: rx.Component, **props: Any) -> rx.Component:
    """One card split by hairlines, three to five figures."""
    return rx.el.section(*figures, class_name="card figures", **props)


def definition(term: Any, value: Any) -> rx.Component:
    """A quiet name and its value on one line."""
    return rx.el.div(
        rx.el.dt(term, class_name="muted grow"), rx.el.dd(value, class_name="strong m-0"), class_name="row py-1"
    )


def saved_note(time: Any) -> rx.Component:
    """`Tersimpan 09.41` beside a form that saves itself."""
    return rx.el.span(t("common.saved_at", time=time), class_name="small muted", role="status")
