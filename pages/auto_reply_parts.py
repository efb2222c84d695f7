"""Beside the list of rules: the tester."""

from typing import Any

import reflex as rx

from state.auto_replies import RuleTesterState
from wa_app.components.buttons import button
from wa_app.components.cards import card
from wa_app.components.chat import bubble
from wa_app.components.dialogs import drawer
from wa_app.components.editor import whatsapp_text
from wa_app.components.i18n import t, t_var
from wa_app.components.icons import icon

T = RuleTesterState
TRIES = ("price", "open", "thanks")


def _why(line: Any) -> rx.Component:
    near = line["near"].to(str)
    mark = rx.match(
        near,
        ("fired", rx.el.span(icon("circle-check"), class_name="icon fired")),
        ("near", rx.el.span(icon("circle-minus"), class_name="icon near")),
        rx.el.span(icon("circle"), class_name="icon far"),
    )
    words = rx.el.div(
        rx.el.span(line["name"].to(str), class_name="strong clip"),
        rx.el.span(t_var("rules.why." + line["why"].to(str), {"keyword": line["keyword"]}), class_name="small muted"),
        class_name="stack min-w-0",
    )
    return rx.el.li(mark, words, key=line["id"].to(str))


def _said() -> rx.Component:
    """What the customer wrote, and what would go back."""
    answer = rx.cond(T.answer, whatsapp_text(T.answer), rx.el.span(icon("paperclip", 14), T.file, class_name="row gap-2"))
    back = rx.cond(
        T.matched == "",
        rx.el.p(t("rules.try.none"), class_name="small muted"),
        rx.cond(
            T.silent,
            rx.el.p(icon("bell-off", 14), t("rules.try.silent"), class_name="row gap-2 small muted"),
            rx.el.div(bubble(answer, side="out"), class_name="stack items-end"),
        ),
    )
    person = rx.cond(T.hand_over, rx.el.p(icon("user-round-check", 14), t("rules.try.hand_over"), class_name="row gap-2 small muted"))
    return rx.el.div(bubble(T.text), back, person, class_name="rules-chat")


def _tester() -> list[rx.Component]:
    typed = rx.debounce_input(
        rx.el.textarea(
            value=T.text, on_change=T.set_text, rows=2, class_name="input", placeholder=t("rules.try.placeholder"),
            aria_label=t("rules.try.text"), max_length=65_536,
        ),
        debounce_timeout=250,
    )  # fmt: skip
    tries = rx.el.div(
        *(button(t(f"rules.try.{one}"), small=True, on_click=T.set_text(t(f"rules.try.{one}"))) for one in TRIES),
        class_name="row gap-2 flex-wrap",
    )
    device = rx.cond(
        T.device_options.length() > 1,
        rx.el.select(
            rx.el.option(t("rules.try.any_device"), value=""),
            rx.foreach(T.device_options, lambda pair: rx.el.option(pair[1], value=pair[0])),
            value=T.device_id, on_change=T.pick_device, aria_label=t("rules.try.device"), class_name="input",
        ),
    )  # fmt: skip
    verdict = rx.cond(
        T.matched == "", t("rules.try.nobody"),
        rx.cond(T.keyword, t("rules.try.fires", name=T.matched, keyword=T.keyword), T.matched),
    )  # fmt: skip
    hidden = rx.cond(T.hidden > 0, rx.el.p(t("rules.try.hidden", n=T.hidden), class_name="small muted px-4 py-2"))
    found = rx.el.div(
        _said(),
        rx.el.p(verdict, class_name="strong px-4 py-3", role="status"),
        rx.el.ul(rx.foreach(T.lines, _why), class_name="why-list", aria_label=t("rules.try.why"), tab_index=0),
        hidden,
    )
    return [
        rx.el.div(typed, rx.cond(T.tried, rx.fragment(), tries), device, class_name="stack gap-2 p-4"),
        rx.cond(T.tried, found),
    ]


def tester() -> rx.Component:
    """The tester at the side of the list."""
    return rx.el.aside(
        card(*_tester(), title=t("rules.try"), note=t("rules.try.note")), class_name="rules-side desk", aria_label=t("rules.try")
    )


def tester_sheet() -> rx.Component:
    """The same as a sheet, for phones."""
    return drawer(*_tester(), title=t("rules.try"), open_=T.is_open, on_open_change=T.set_open)
