"""What a page says while loading, when empty, when something failed; toasts."""

import json
from typing import Any, Literal

import reflex as rx
from reflex.event import EventSpec

from wa_app.components.buttons import button
from wa_app.components.i18n import error_text, t
from wa_app.components.icons import icon

_FOR_GOOD_MS = 86_400_000


def _text_in_browser(key: str, args: dict[str, Any]) -> rx.Var[str]:
    return rx.Var(f"window.sapaT({json.dumps(key)}, {json.dumps(args)})", _var_type=str)


def toast(
    key: str,
    *,
    kind: Literal["ok", "info", "bad"] = "ok",
    action: tuple[str, Any] | None = None,
    **args: str | int,
) -> EventSpec:
    """Event for a handler to return: one line, in the reader's language, with at most one action.

    `action` is (key of its word, event), for "Urungkan". Errors stay until closed; with an action
    it shows for 8 seconds, else 5. Never the only place a result is visible.
    """
    duration = _FOR_GOOD_MS if kind == "bad" else 8_000 if action else 5_000
    props: dict[str, Any] = {"duration": duration, "close_button": True}
    if action is not None:
        props["action"] = {"label": _text_in_browser(action[0], {}), "on_click": action[1]}
    show = {"ok": rx.toast.success, "info": rx.toast.info, "bad": rx.toast.error}[kind]
    return show(_text_in_browser(key, args), **props)


def error_toast(code: str, **args: str | int) -> EventSpec:
    """Toast of an `AppError`: `error_toast(error.code, **error.args_)`."""
    return toast(f"error.{code}", kind="bad", action=None, **args)


def skeleton(width: str = "100%", height: str = "12px") -> rx.Component:
    """A grey bar in the place of words to come."""
    return rx.el.span(class_name="skeleton", style={"width": width, "height": height})


def skeleton_rows(count: int = 5) -> rx.Component:
    """Lines of a list in their final height; appears only when waiting takes over 200 ms."""
    row = rx.el.div(
        rx.el.span(class_name="skeleton", style={"width": "32px", "height": "32px", "borderRadius": "8px"}),
        rx.el.div(skeleton("38%"), skeleton("60%", "10px"), class_name="stack grow gap-[7px]"),
        class_name="card-row",
    )
    return rx.el.div(
        *([row] * count), class_name="late", aria_busy="true", aria_label=t("common.loading"), role="status"
    )


def petal_art() -> rx.Component:
    """Four petals, one of them kunyit: the picture of an empty place."""
    petals = (("24", "24", "45"), ("72", "24", "-45"), ("24", "72", "-45"), ("72", "72", "45"))
    return rx.el.svg(
        *(
            rx.el.svg.ellipse(
                cx=cx,
                cy=cy,
                rx="29",
                ry="16",
                custom_attrs={"transform": f"rotate({turn} {cx} {cy})"},
                fill="var(--spark-soft)" if (cx, cy) == ("72", "24") else "var(--brand-soft)",
                stroke="var(--spark)" if (cx, cy) == ("72", "24") else "var(--brand-line)",
                stroke_width="1.5",
            )
            for cx, cy, turn in petals
        ),
        rx.el.svg.circle(cx="48", cy="48", r="3", fill="var(--brand-line)"),
        view_box="0 0 96 96",
        class_name="petal-art",
        aria_hidden="true",
    )


def empty(title: Any, words: Any, *actions: rx.Component) -> rx.Component:
    """An empty place that leads on: what it is for, one primary, one quiet link."""
    return rx.el.div(
        petal_art(),
        rx.el.div(rx.el.p(title, class_name="title"), rx.el.p(words), class_name="words stack"),
        *([rx.el.div(*actions, class_name="row")] if actions else []),
        class_name="empty",
    )


def filtered_empty(on_clear: Any) -> rx.Component:
    """A list that is empty only because of its filters."""
    return rx.el.div(
        rx.el.p(t("table.nothing_found")),
        button(t("table.clear_filters"), look="link", on_click=on_clear),
        class_name="empty",
        role="status",
    )


def notice(
    *words: Any,
    tone: Literal["brand", "ok", "warn", "bad", "odd", "spark"] = "brand",
    icon_name: str = "info",
    action: Any = None,
) -> rx.Component:
    """A lasting remark inside the page, with at most one action."""
    return rx.el.div(
        rx.el.span(icon(icon_name), class_name="icon mt-[2px]"),
        rx.el.div(*words, class_name="grow"),
        *([action] if action is not None else []),
        class_name=f"notice {tone}",
    )


def inline_error(code: Any, *, args: Any = None, reference: Any = None, on_retry: Any = None) -> rx.Component:
    """Where a region failed: what happened, a way to try again, a code to quote."""
    lines = [rx.el.p(error_text(rx.Var.create(code).to(str), args))]
    if reference is not None:
        lines.append(rx.el.p(t("common.reference", code=reference), class_name="mono muted"))
    retry = [button(t("common.retry"), leading="rotate-cw", small=True, on_click=on_retry)] if on_retry else []
    return rx.el.div(
        rx.el.span(icon("circle-alert"), class_name="icon text-bad mt-[2px]"),
        rx.el.div(*lines, class_name="stack grow"),
        *retry,
        class_name="error-box",
        role="alert",
    )


def offline_bar() -> rx.Component:
    """Slim bar while the page has lost its server; typed text is kept."""
    from reflex_components_core.core.banner import has_connection_errors

    return rx.cond(
        has_connection_errors,
        rx.el.div(icon("wifi-off"), t("common.offline"), class_name="offline", role="status"),
    )
