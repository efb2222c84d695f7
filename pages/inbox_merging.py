"""The customer pane's part about two contacts of one person, and its dialog."""

from collections.abc import Callable
from typing import Any

import reflex as rx

from state.inbox.chat import ChatState as C
from state.inbox.customer import CustomerState as S
from state.inbox.merging import MergeState as M
from wa_app.components.buttons import button
from wa_app.components.dialogs import dialog
from wa_app.components.i18n import error_text, moment, phone, t
from wa_app.components.inbox import petal

_MAY = S.may_edit & C.may_write & (S.contact_id != "")


def _merged(one: Any) -> rx.Component:
    name = rx.cond(one["name"] != "", one["name"].to(str), t("inbox_chat.merge.unnamed"))
    return rx.el.div(
        rx.el.div(
            rx.el.div(t("inbox_chat.about.merged", name=name), class_name="wrap"), rx.el.div(moment(one["at"].to(str)), class_name="small muted"), class_name="grow",
        ),
        rx.cond(one["last"].to(bool) & _MAY, button(t("inbox_chat.merge.apart"), small=True, on_click=M.apart(C.chat_id))),
        class_name="row",
    )  # fmt: skip


def merged_part(section: Callable[..., rx.Component]) -> rx.Component:
    """What was merged into this person, and the way to merge."""
    return rx.cond(
        _MAY | (S.merged.length() > 0),
        section(
            t("inbox_chat.merge.part"),
            rx.foreach(S.merged, _merged),
            rx.cond(_MAY, rx.el.div(button(t("inbox_chat.merge"), small=True, leading="users", on_click=M.ask(C.chat_id, S.contact_id), id="merge-with"))),
        ),
    )  # fmt: skip


def _option(one: Any) -> rx.Component:
    named = one["name"] != ""
    return rx.el.li(
        rx.el.button(
            petal(one["id"], one["name"], "sm"), rx.el.span(rx.cond(named, one["name"], phone(one["phone"])), class_name="grow clip"),
            rx.cond(named & (one["phone"] != ""), rx.el.span(phone(one["phone"]), class_name="small muted")),
            type="button", class_name="pick-item", on_click=M.pick(one["id"]),
        )
    )  # fmt: skip


def _choosing() -> rx.Component:
    field = rx.debounce_input(
        rx.el.input(
            value=M.query, on_change=M.find, placeholder=t("inbox_chat.merge.find"), aria_label=t("inbox_chat.merge.find"), type="search", class_name="input merge-find",
            auto_complete="off", auto_focus=True, max_length=200, id="merge-find",
        ),
        debounce_timeout=250,
    )  # fmt: skip
    return rx.fragment(
        field,
        rx.el.ul(rx.foreach(M.people, _option), class_name="pick-list merge-list"),
        rx.cond(M.people.length() == 0, rx.el.p(t("inbox_chat.merge.nobody"), class_name="small muted", role="status")),
    )


def _asking() -> rx.Component:
    return rx.fragment(
        rx.el.p(t("inbox_chat.merge.words")),
        rx.cond(M.problem != "", rx.el.p(error_text(M.problem), class_name="field-error", role="alert")),
        rx.el.div(
            button(t("inbox_chat.merge.back"), on_click=M.pick(""), auto_focus=True), button(t("inbox_chat.merge.do"), look="primary", on_click=M.join), class_name="dlg-foot",
        ),
    )  # fmt: skip


def merge_dialog() -> rx.Component:
    """First whom, then what it means; it can be undone, so one press does it."""
    picked = M.picked.contains("id")
    name = rx.cond(C.name, C.name, phone(C.phone))
    other = rx.cond(M.picked["name"] != "", M.picked["name"], phone(M.picked["phone"]))
    title = rx.cond(picked, t("inbox_chat.merge.question", name=name, other=other), t("inbox_chat.merge.title", name=name))
    return dialog(
        rx.cond(picked, _asking(), _choosing()), title=title, open_=M.is_open, on_open_change=M.show,
        note=rx.cond(picked, "", t("inbox_chat.merge.hint")),
    )  # fmt: skip
