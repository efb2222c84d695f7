"""The right pane of a group: who is in it."""

from collections.abc import Callable
from typing import Any

import reflex as rx

from state.inbox.beginning import BeginState as B
from state.inbox.chat import ChatState as C
from state.inbox.members import MembersState as M
from wa_app.components.buttons import button, icon_button
from wa_app.components.chips import chip
from wa_app.components.feedback import inline_error, skeleton_rows
from wa_app.components.i18n import ago, number, phone, t
from wa_app.components.icons import icon
from wa_app.components.inbox import petal

FIELD_FROM = 8
"""In a smaller group everybody is in sight."""


def _words(one: Any) -> rx.Component:
    """Name and number; who has neither is somebody whose number WhatsApp does not tell."""
    named, number_of = one["name"].to(str), one["phone"].to(str)
    line = rx.cond(number_of != "", phone(number_of), t("inbox_members.hidden"))
    return rx.el.span(
        rx.cond(one["self"].to(bool), t("inbox.you"), rx.cond(named != "", named, rx.cond(number_of != "", phone(number_of), t("inbox.member")))),
        class_name="clip member-name",
    ), rx.cond((named != "") | one["self"].to(bool) | (number_of == ""), rx.el.span(line, class_name="small muted clip"))  # fmt: skip


def _inside(one: Any, *trail: rx.Component) -> tuple[rx.Component, ...]:
    # The petal of a contact has the colour it has everywhere.
    who = rx.cond(one["contact"].to(str) != "", one["contact"].to(str), one["id"].to(str))
    shown = rx.cond(one["name"].to(str) != "", one["name"].to(str), one["phone"].to(str))
    return (
        petal(who, shown, "sm"), rx.el.span(*_words(one), class_name="grow member-words"),
        rx.cond(one["admin"].to(bool), chip(t("inbox_members.admin"), "brand", dot=False)), *trail,
    )  # fmt: skip


def _member(one: Any) -> rx.Component:
    chat, contact = one["chat"].to(str), one["contact"].to(str)
    address = rx.call_script("history.pushState({...history.state}, '', '/inbox?chat=" + chat + "')")
    go = icon("message-circle", 16, "go")
    opens = rx.el.button(*_inside(one, go), type="button", class_name="pick-item member", on_click=[C.open(chat), address])
    begins = rx.el.button(*_inside(one, go), type="button", class_name="pick-item member", on_click=B.start(contact, "", C.device_id))
    plain = rx.el.div(*_inside(one), class_name="pick-item member still")
    return rx.el.li(rx.cond(chat != "", opens, rx.cond((contact != "") & C.may_write, begins, plain)), key=one["id"].to(str))


def _field() -> rx.Component:
    field = rx.debounce_input(
        rx.el.input(
            value=M.query, on_change=M.find, placeholder=t("inbox_members.find"), aria_label=t("inbox_members.find"), type="search",
            class_name="input", auto_complete="off", max_length=200, id="member-find",
        ),
        debounce_timeout=250,
    )  # fmt: skip
    lead = rx.el.span(icon("search"), class_name="lead")
    return rx.cond((M.total >= FIELD_FROM) | (M.query != ""), rx.el.div(lead, field, class_name="input-wrap"))


def _state() -> rx.Component:
    """How old the list is, or why there is none or no fresh one."""
    failed = inline_error("groups_" + M.error, on_retry=M.again)
    waits = rx.el.p(t("inbox_members.rate_limited"), class_name="small muted", role="status")
    fresh = rx.el.div(
        rx.el.span(rx.cond(M.fetched_at != "", t("groups.fetched", ago=ago(M.fetched_at)), ""), class_name="small muted grow"),
        icon_button("rotate-cw", t("inbox_members.again"), size=14, tooltip=False, on_click=M.again, class_name="small-icon", disabled=M.status == "loading"),
        class_name="row member-foot",
    )  # fmt: skip
    return rx.match(
        M.status, ("failed", failed), ("ready", fresh), ("loading", rx.cond(M.error != "", waits, rx.cond(M.total > 0, fresh, rx.fragment()))), rx.fragment()
    )


def _list() -> rx.Component:
    left = M.found - M.rows.length()
    nobody = rx.el.p(rx.cond(M.query != "", t("inbox_members.nobody"), t("inbox_members.none")), class_name="small muted", role="status")
    return rx.fragment(
        rx.el.ul(rx.foreach(M.rows, _member), class_name="pick-list member-list"),
        rx.cond((M.rows.length() == 0) & (M.status == "ready"), nobody),
        rx.cond(left > 0, rx.el.div(button(t("inbox_members.more", n=left), small=True, on_click=M.more))),
    )


def members_part(section: Callable[..., rx.Component]) -> rx.Component:
    """Members of the open group: found by name or number, admins marked, known people lead to their own conversation."""
    title = rx.fragment(t("inbox_members.title"), rx.cond(M.total > 0, rx.el.span(number(M.total), class_name="n")))
    waits = (M.status == "loading") & (M.total == 0) & (M.error == "")
    body = rx.cond(waits, skeleton_rows(4), rx.fragment(_field(), _list(), _state()))
    return rx.el.div(rx.cond(M.status != "", section(title, body)), on_mount=M.begin(C.chat_id), class_name="about-members")
