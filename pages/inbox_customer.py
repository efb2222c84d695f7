"""The right pane of the inbox: who the customer is, and why the machine answered as it did."""

from typing import Any

import reflex as rx

from pages import routes
from pages.inbox_members import members_part
from pages.inbox_merging import merge_dialog, merged_part
from state.inbox.chat import ChatState as C
from state.inbox.customer import CustomerState as S
from wa_app.components.buttons import button, icon_button, link
from wa_app.components.chips import chip
from wa_app.components.forms import tag_list
from wa_app.components.i18n import date, duration, moment, phone, t
from wa_app.components.icons import icon
from wa_app.components.inbox import petal
from wa_app.components.talk import step_row


def section(title: Any, *content: Any, is_open: bool = True) -> rx.Component:
    """A part of the pane that folds."""
    return rx.el.details(
        rx.el.summary(rx.el.h2(title, class_name="h2 grow"), icon("chevron-down", 16, "turn")), rx.el.div(*content, class_name="about-body"),
        open=is_open, class_name="about",
    )  # fmt: skip


def _who() -> rx.Component:
    person = S.person
    city = person["city"].to(str)
    name = rx.cond(C.name, C.name, phone(C.phone))
    edit = rx.el.form(
        rx.el.input(name="name", default_value=C.name, class_name="input", aria_label=t("inbox_chat.about.name"), max_length=200, auto_focus=True),
        button(t("common.save"), look="primary", small=True, type="submit"),
        icon_button("x", t("common.cancel"), tooltip=False, on_click=S.rename(False)),
        on_submit=S.save_name, class_name="edit-row who-edit",
    )  # fmt: skip
    shown = rx.el.div(
        rx.el.span(name, class_name="big-name"),
        rx.cond(
            S.may_edit & ~person["group"].to(bool),
            icon_button("pencil", t("inbox_chat.about.edit"), size=14, tooltip=False, on_click=S.rename(True), class_name="small-icon"),
        ),
        class_name="row",
    )  # fmt: skip
    return rx.el.div(
        petal(C.contact_id, C.name, "lg", group=person["group"].to(bool)),
        rx.cond(S.renaming, edit, shown),
        rx.el.div(
            rx.cond(person["group"].to(bool), t("inbox.group"), rx.cond(C.phone, phone(C.phone), t("inbox.no_number"))), class_name="small muted"
        ),
        rx.cond(
            person["since"] & ~person["group"].to(bool),
            rx.el.div(rx.cond(city, rx.fragment(city, " · "), ""), t("inbox.since", date=date(person["since"].to(str))), class_name="small muted"),
        ),
        rx.cond(person["tags"].to(list[dict[str, str]]).length() > 0, tag_list(person["tags"].to(list[dict[str, str]]))),
        class_name="who-card",
    )  # fmt: skip


def _suppressed() -> rx.Component:
    kind = S.person["suppressed"].to(str)
    return rx.cond(
        kind, rx.el.div(icon("ban"), rx.cond(kind == "all", t("inbox_chat.about.blocked"), t("inbox_chat.about.marketing")), class_name="warn-box", role="note")
    )


def _attribute(one: Any) -> rx.Component:
    away = icon_button("x", t("inbox_chat.about.remove", name=one["name"]), size=14, tooltip=False, on_click=S.remove_attribute(one["name"]))
    return rx.el.div(
        rx.el.span(one["name"], class_name="small muted clip"), rx.el.span(one["value"], class_name="grow"), rx.cond(S.may_edit, away), class_name="fact"
    )


def _attributes() -> rx.Component:
    form = rx.el.form(
        rx.el.div(
            rx.el.input(name="key", class_name="input", placeholder=t("inbox_chat.about.attribute"), aria_label=t("inbox_chat.about.attribute"), max_length=60),
            rx.el.input(name="value", class_name="input", placeholder=t("inbox_chat.about.value"), aria_label=t("inbox_chat.about.value"), max_length=500),
            class_name="edit-row",
        ),
        button(t("inbox_chat.about.add"), small=True, type="submit"), on_submit=S.save_attribute, reset_on_submit=True, class_name="attribute-form",
    )  # fmt: skip
    return rx.cond(
        (S.attributes.length() > 0) | (S.may_edit & (S.contact_id != "")),
        section(t("contacts.attributes"), rx.el.div(rx.foreach(S.attributes, _attribute), class_name="fact-list"), rx.cond(S.may_edit, form)),
    )


def _received(one: Any) -> rx.Component:
    return rx.el.div(
        link(one["name"], href=f"{routes.CAMPAIGNS}/" + one["id"].to(str), class_name="grow clip"), rx.el.span(moment(one["at"]), class_name="small muted"),
        class_name="row",
    )  # fmt: skip


def _insight(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(rx.cond(one["intent"] != "", t("insight.of.intent", value=one["intent"]), ""), rx.cond(one["product"] != "", rx.fragment(" · ", one["product"]), ""), class_name="grow insight"),
        rx.cond(one["sentiment"] == "negative", chip(t("insight.mood.negative"), "warn")),
        rx.cond(one["sentiment"] == "positive", chip(t("insight.mood.positive"), "ok")), rx.el.span(moment(one["at"]), class_name="small muted"),
        class_name="row",
    )  # fmt: skip


def _chat(one: Any) -> rx.Component:
    go = rx.call_script("history.pushState({...history.state}, '', '/inbox?chat=" + one["id"].to(str) + "')")
    return rx.el.button(
        icon("smartphone"), rx.el.span(one["device"], class_name="grow clip"), rx.el.span(moment(one["at"]), class_name="small muted"),
        type="button", class_name="other-chat", on_click=[C.open(one["id"].to(str)), go],
    )  # fmt: skip


def _case(one: Any) -> rx.Component:
    answered, resolved = one["answered"].to(int), one["resolved"].to(int)
    return rx.el.div(
        rx.el.span(moment(one["at"]), class_name="small muted"),
        rx.el.div(
            rx.el.div(rx.cond(answered >= 0, t("inbox_chat.about.case.answered", span=duration(answered)), t("inbox_chat.about.case.waits"))),
            rx.el.div(
                rx.cond(resolved >= 0, t("inbox_chat.about.case.resolved", span=duration(resolved)), t("inbox_chat.about.case.open")), class_name="small muted"
            ),
            class_name="grow",
        ),
        class_name="fact",
    )  # fmt: skip


def _rows(title: Any, rows: Any, draw: Any, *, is_open: bool = True) -> rx.Component:
    """A part of the pane that is there only when it has something to show."""
    return rx.cond(rows.length() > 0, section(title, rx.foreach(rows, draw), is_open=is_open))


def _consent(one: Any) -> rx.Component:
    return rx.el.div(
        rx.cond(one["kind"] == "opt_in", chip(t("contacts.consent.opt_in"), "ok"), chip(t("contacts.consent.opt_out"), "bad")),
        rx.el.span(rx.cond(one["by_hand"] != "", t("inbox_chat.about.by_hand"), one["source"]), class_name="small muted clip grow"), rx.el.span(moment(one["at"]), class_name="small muted"), class_name="row",
    )  # fmt: skip


def _why() -> rx.Component:
    by = rx.match(
        C.why_by, ("rule", t("inbox.why.rule")), ("flow", t("inbox.why.flow")), ("campaign", t("inbox.why.campaign")), t("inbox.why.agent")
    )
    steps = rx.el.ol(rx.foreach(C.trace, lambda one: step_row(one)), class_name="trace")
    return rx.cond(C.why_id, section(by, steps))


def customer_pane() -> rx.Component:
    """Folds away below 1200 px; there and on phones it opens from the name in the chat's head."""
    body = rx.fragment(
        rx.el.div(
            icon_button("arrow-left", t("inbox.back_to_chat"), size=20, tooltip=False, on_click=C.show_pane("chat"), class_name="close-about"),
            class_name="about-top",
        ),
        _suppressed(),
        _who(),
        _why(),
        _attributes(),
        _rows(t("inbox_chat.about.insights"), S.insights, _insight),
        _rows(t("inbox_chat.about.chats"), S.chats, _chat),
        _rows(t("inbox_chat.about.campaigns"), S.received, _received),
        merged_part(section),
        _rows(t("inbox_chat.about.cases"), S.cases, _case, is_open=False),
        rx.cond(
            S.person["group"].to(bool),
            rx.fragment(members_part(section), section(t("inbox.group.how"), rx.el.p(t("inbox.group.words"), class_name="small muted"))),
            section(
                t("contacts.consent"),
                rx.cond(S.consents.length() > 0, rx.fragment(rx.foreach(S.consents, _consent)), rx.el.span(t("contacts.consent.none"), class_name="small muted")),
            ),
        ),
    )  # fmt: skip
    return rx.el.aside(
        rx.cond(C.ready, rx.el.div(body, on_mount=S.show(C.chat_id), key=C.chat_id)), merge_dialog(), class_name="pane pane-about", aria_label=t("inbox.customer")
    )


