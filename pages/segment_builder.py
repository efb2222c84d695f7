"""The builder of a segment: rules at the left, how many people they mean and some of them at the right."""

from typing import Any

import reflex as rx

from pages import routes
from pages.layout import shell
from pages.segment_rows import row_controls, suggestions
from state.base import AppState
from state.segments import SegmentState as S
from wa_app.components.buttons import button, icon_button, link_button
from wa_app.components.cards import card, card_body, page_header, segmented
from wa_app.components.chips import avatar
from wa_app.components.feedback import empty, skeleton_rows
from wa_app.components.forms import field
from wa_app.components.i18n import clock, error_text, number, percent, phone, t
from wa_app.components.icons import icon


def _matching(value: Any, on_change: Any, label: Any) -> rx.Component:
    return segmented([("all", t("segments.match.all")), ("any", t("segments.match.any"))], value, on_change, label=label)


def _joint(match: Any) -> rx.Component:
    """The word between two rules."""
    return rx.el.span(rx.cond(match == "any", t("segments.or"), t("segments.and")), class_name="seg-joint", aria_hidden="true")


def _problem(row: Any) -> rx.Component:
    loud = (row["error"].to(str) != "") & (~row["quiet"].bool() | S.tried)
    words = error_text(row["error"].to(str), row["error_args"].to(dict[str, str]))
    return rx.cond(loud, rx.el.span(icon("circle-alert", 13), words, class_name="field-error", role="alert"))


def _row(row: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            row_controls(row),
            icon_button("x", t("segments.rule.remove", n=row["n"].to(str)), on_click=S.remove_row(row["key"].to(str)),
                        tooltip=False, class_name="seg-x"),
            class_name="seg-row",
        ),
        _problem(row),
        class_name="stack gap-1", role="group", aria_label=t("segments.rule", n=row["n"].to(str)),
        key=row["key"].to(str),
    )  # fmt: skip


def _group(block: Any) -> rx.Component:
    rows = block["rows"].to(list[dict[str, Any]])
    key, match = block["key"].to(str), block["match"].to(str)
    head = rx.el.div(
        _matching(match, lambda value: S.set_group_match(key, value), t("segments.group.match")),
        rx.el.span(class_name="grow"),
        icon_button("trash-2", t("segments.group.remove", n=block["n"].to(str)), on_click=S.remove_group(key), tooltip=False),
        class_name="row",
    )  # fmt: skip
    inside = rx.foreach(rows, lambda row, at: rx.fragment(rx.cond(at > 0, _joint(match)), _row(row)))
    add = button(t("segments.rule.add"), leading="plus", look="quiet", small=True, on_click=S.add_rule(key))
    return rx.el.div(head, inside, rx.el.div(add), class_name="seg-group", role="group",
                     aria_label=t("segments.group", n=block["n"].to(str)))  # fmt: skip


def _block(block: Any, at: Any) -> rx.Component:
    rows = block["rows"].to(list[dict[str, Any]])
    single = rx.foreach(rows, _row)
    return rx.el.div(
        rx.cond(at > 0, _joint(S.match)), rx.cond(block["match"].to(str) != "", _group(block), single),
        class_name="stack gap-2", key=block["key"].to(str),
    )  # fmt: skip


def _rules() -> rx.Component:
    head = rx.el.div(rx.el.span(t("segments.match.words"), class_name="strong"),
                     _matching(S.match, S.set_match, t("segments.match.label")), class_name="row flex-wrap gap-2")  # fmt: skip
    none = rx.el.p(t("error.rules_missing"), class_name="muted")
    add = rx.el.div(
        button(t("segments.rule.add"), leading="plus", small=True, on_click=S.add_rule("")),
        button(t("segments.group.add"), leading="list-plus", look="quiet", small=True, on_click=S.add_group),
        class_name="row flex-wrap gap-2",
    )
    body = rx.cond(S.blocks.length() > 0, rx.foreach(S.blocks, _block), none)
    return card(card_body(rx.el.div(head, body, add, class_name="stack gap-3")), title=t("segments.who"))


def _line(name: str, value: Any, on_change: Any, **props: Any) -> rx.Component:
    """One line of text that is told to the server once typing rests, and at the latest when it is left: for
    instance by a click on the button that saves."""
    control = rx.el.input(value=value, on_change=on_change, id=name, name=name, class_name="input", auto_complete="off", **props)
    return rx.debounce_input(control, debounce_timeout=250)


def _named() -> rx.Component:
    name = _line("segment_name", S.name, S.set_name, max_length=80, placeholder=t("segments.name.example"),
                 aria_invalid=S.name_error != "", aria_describedby="segment_name-note")  # fmt: skip
    words = _line("segment_words", S.description, S.set_description, max_length=400)
    return card(card_body(
        rx.el.div(
            field(t("segments.name"), "segment_name", name, error=S.name_error, error_args={"name": S.name}),
            field(t("segments.description"), "segment_words", words, optional=True),
            class_name="seg-named",
        ),
    ))  # fmt: skip


def _person(one: Any) -> rx.Component:
    under = rx.cond(one["phone"], phone(one["phone"]), "LID")
    return rx.el.li(
        avatar(one["name"].to(str), "mist", size="sm"),
        rx.el.span(
            rx.el.span(one["name"].to(str), class_name="clip strong"),
            rx.el.span(under, rx.cond(one["city"], " · " + one["city"].to(str), ""), class_name="small muted clip"),
            class_name="stack grow",
        ),
        class_name="row gap-[10px] py-[5px]", key=one["id"].to(str),
    )  # fmt: skip


def _side() -> rx.Component:
    figure = rx.cond(
        S.count >= 0,
        rx.el.span(number(S.count), class_name="big-percent"),
        rx.el.span("–", class_name="big-percent muted"),
    )
    words = rx.cond(
        S.problem != "",
        error_text(S.problem, S.problem_args),
        rx.cond(S.count >= 0, t("segments.of", share=percent(S.share), n=S.everybody), t("segments.counting")),
    )
    size = rx.el.div(
        rx.el.div(figure, rx.cond(S.counting, rx.el.span(icon("loader", 16, class_name="spin"), class_name="muted")),
                  class_name="row gap-2"),
        rx.el.span(words, class_name="small muted"),
        class_name="stack gap-1", role="status", aria_busy=S.counting,
    )  # fmt: skip
    people = rx.cond(
        S.sample.length() > 0,
        rx.el.div(rx.el.h3(t("segments.sample"), class_name="field-label"),
                  rx.el.ul(rx.foreach(S.sample, _person), class_name="plain"), class_name="stack gap-1"),
        rx.cond(S.count == 0, rx.el.p(t("segments.nobody"), class_name="small muted")),
    )  # fmt: skip
    send = button(t("segments.send"), leading="megaphone", wide=True, on_click=S.send,
                  disabled=(S.shown_id == "") | S.dirty | (S.count <= 0))  # fmt: skip
    hint = rx.cond((S.shown_id == "") | S.dirty, rx.el.span(t("segments.send.first"), class_name="small muted"))
    return rx.el.aside(
        card(card_body(rx.el.div(size, people, send, hint, class_name="stack gap-4")), title=t("segments.size")),
        class_name="seg-side",
    )


def _now() -> rx.Component:
    """On a phone the size stays in view while one changes rules above it."""
    size = rx.cond(S.count >= 0, t("segments.now", n=number(S.count)), "–")
    return rx.el.div(rx.el.span(t("segments.size"), class_name="grow muted"), rx.el.b(size), class_name="seg-now", aria_hidden="true")


def _content() -> rx.Component:
    note = rx.cond(
        S.dirty, rx.el.span(t("common.unsaved"), class_name="small muted", role="status"),
        rx.cond(S.saved_at, rx.el.span(t("common.saved_at", time=clock(S.saved_at)), class_name="small muted", role="status")),
    )  # fmt: skip
    return rx.fragment(
        page_header(
            rx.cond(S.name, S.name, t("segments.new")),
            rx.cond(S.campaigns > 0, t("segments.used.words", n=S.campaigns), t("segments.state.builder")),
            rx.el.span(note, class_name="row"),
            button(t("segments.save"), look="primary", leading="check", on_click=S.save, busy=S.busy),
        ),
        rx.el.div(rx.el.div(_named(), _rules(), _now(), class_name="stack gap-[var(--gap)]"), _side(), class_name="seg-page"),
        suggestions(),
    )


def _page() -> rx.Component:
    gone = empty(t("segments.missing.title"), t("segments.missing.words"),
                 link_button(t("segments.title"), routes.CONTACTS_SEGMENTS, look="primary"))  # fmt: skip
    return shell(
        rx.cond(S.missing, gone, rx.cond(S.ready, _content(), skeleton_rows(6))),
        title=rx.cond(S.missing, t("segments.title"), rx.cond(S.name, S.name, t("segments.new"))),
        active="contacts",
        crumbs=[(t("nav.contacts"), routes.CONTACTS), (t("segments.title"), routes.CONTACTS_SEGMENTS)],
    )


@rx.page(route=routes.SEGMENT_NEW, title="Sapa", on_load=[AppState.on_load, S.load_new])
def segment_new() -> rx.Component:
    """A new segment."""
    return _page()


@rx.page(route=routes.SEGMENT, title="Sapa", on_load=[AppState.on_load, S.load])
def segment() -> rx.Component:
    """A stored segment."""
    return _page()
