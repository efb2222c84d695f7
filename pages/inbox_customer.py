"""The right pane of the inbox: who the customer is, and why the machine answered as it did."""

from typing import Any

import reflex as rx

from state.inbox.chat import ChatState as C
from state.inbox.customer import CustomerState as S
from wa_app.components.buttons import icon_button
from wa_app.components.cards import definition
from wa_app.components.chips import chip
from wa_app.components.forms import tag_list
from wa_app.components.i18n import date, moment, phone, t
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
    return rx.el.div(
        petal(C.contact_id, C.name, "lg"),
        rx.el.div(rx.cond(C.name, C.name, phone(C.phone)), class_name="big-name"),
        rx.el.div(rx.cond(C.phone, phone(C.phone), t("inbox.no_number")), class_name="small muted"),
        rx.cond(
            person["since"],
            rx.el.div(rx.cond(city, rx.fragment(city, " · "), ""), t("inbox.since", date=date(person["since"].to(str))), class_name="small muted"),
        ),
        rx.cond(person["tags"].to(list[dict[str, str]]).length() > 0, tag_list(person["tags"].to(list[dict[str, str]]))),
        class_name="who-card",
    )  # fmt: skip


def _consent(one: Any) -> rx.Component:
    return rx.el.div(
        rx.cond(one["kind"] == "opt_in", chip(t("contacts.consent.opt_in"), "ok"), chip(t("contacts.consent.opt_out"), "bad")),
        rx.el.span(one["source"], class_name="small muted clip grow"), rx.el.span(moment(one["at"]), class_name="small muted"), class_name="row",
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
        _who(),
        _why(),
        rx.cond(
            S.attributes.length() > 0,
            section(t("contacts.attributes"), rx.el.dl(rx.foreach(S.attributes, lambda one: definition(one["name"], one["value"])), class_name="m-0")),
        ),
        section(
            t("contacts.consent"),
            rx.cond(S.consents.length() > 0, rx.fragment(rx.foreach(S.consents, _consent)), rx.el.span(t("contacts.consent.none"), class_name="small muted")),
        ),
    )  # fmt: skip
    return rx.el.aside(
        rx.cond(C.ready, rx.el.div(body, on_mount=S.show(C.contact_id), key=C.contact_id)), class_name="pane pane-about", aria_label=t("inbox.customer")
    )


