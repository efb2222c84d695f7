"""Devices: linked numbers with their live state."""

from typing import Any

import reflex as rx

from pages import routes
from pages.device_dialogs import SCREEN_MODE, link_dialog, name_dialog, reason_words
from pages.layout import shell
from state.base import AppState
from state.device_linking import DeviceLinkState as Link
from state.devices import DevicesState as Devices
from wa_app.components.buttons import button, link
from wa_app.components.cards import figure, figure_strip, page_header
from wa_app.components.chips import chip, device_state_chip, tile
from wa_app.components.dialogs import confirm, menu_item, menu_separator
from wa_app.components.feedback import empty, notice
from wa_app.components.forms import switch
from wa_app.components.health import health_cell
from wa_app.components.i18n import ago, moment, number, phone, t, t_var
from wa_app.components.progress import bar
from wa_app.components.table import Column, data_table, name_cell, search_box, toolbar


def _header() -> rx.Component:
    state = rx.cond(
        Devices.total > 0,
        t("devices.state", n=Devices.total, connected=Devices.connected),
        t("devices.state.none"),
    )
    return page_header(
        t("devices.title"),
        state,
        button(t("devices.sync"), leading="refresh-cw", on_click=Devices.sync),
        button(t("devices.add"), look="primary", leading="plus", on_click=Link.ask_name),
    )


def _figures() -> rx.Component:
    waiting = rx.cond(Devices.waiting > 0, t("devices.figure.attention.note"), t("devices.figure.attention.none"))
    return figure_strip(
        figure(t("devices.figure.connected"), number(Devices.connected), t("devices.figure.of", n=Devices.total)),
        figure(t("devices.figure.broadcast"), number(Devices.in_broadcast), t("devices.figure.broadcast.note")),
        figure(t("devices.figure.sent"), number(Devices.sent), t("devices.figure.sent.note")),
        figure(t("devices.figure.attention"), number(Devices.waiting), waiting),
        aria_live="polite",
    )


def _repair(row: Any) -> rx.Component:
    """The one button that mends a number."""

    def one(action: str, leading: str) -> rx.Component:
        return button(
            t(f"devices.action.{action}"), small=True, leading=leading, on_click=Link.open(row["id"], SCREEN_MODE)
        )

    return rx.match(
        row["needs"],
        ("scan", one("scan", "qr-code")),
        ("confirm", one("confirm", "key-round")),
        ("reconnect", one("reconnect", "rotate-cw")),
        rx.fragment(),
    )


def _trouble(row: Any) -> rx.Component:
    return rx.el.div(
        notice(
            rx.el.b(row["name"]),
            " · ",
            reason_words(row["reason"]),
            tone="bad",
            icon_name="unplug",
            action=_repair(row),
        ),
        key=row["id"].to(str),
        role="alert",
    )


def _name(row: Any) -> rx.Component:
    number_ = rx.cond(row["phone"], phone(row["phone"]), t("devices.no_phone"))
    name = link(row["name"].to(str), href=routes.DEVICES + "/" + row["id"].to(str), class_name="tbl-link")
    return name_cell(name, number_, lead=tile("smartphone"))


def _status(row: Any) -> rx.Component:
    return rx.el.div(
        device_state_chip(row["status"].to(str), row["stage"]),
        rx.cond(row["guard"].to(str) != "none", chip(t_var("devices.guard." + row["guard"].to(str)), "warn")),
        rx.el.span(_repair(row), on_click=rx.stop_propagation),
        class_name="row gap-2 flex-wrap",
    )


def _today(row: Any) -> rx.Component:
    capped = rx.el.div(
        rx.el.span(t("devices.today.cap", n=row["sent"], cap=row["cap"]), class_name="small"),
        bar(row["sent"], row["cap"], label=t("devices.today.cap", n=row["sent"], cap=row["cap"])),
        class_name="stack gap-1 min-w-[88px]",
    )
    return rx.cond(row["cap"].to(int) > 0, capped, rx.el.span(t("devices.today", n=row["sent"]), class_name="muted"))


def _seen(row: Any) -> rx.Component:
    words = rx.cond(row["seen"], ago(row["seen"]), t("devices.never"))
    return rx.el.span(words, class_name="muted", title=rx.cond(row["seen"], moment(row["seen"]), ""))


def _broadcast(row: Any) -> rx.Component:
    label = t("devices.broadcast.toggle", name=row["name"])
    return rx.el.span(
        switch(label, row["on"].bool(), Devices.toggle_broadcast(row["id"]), show_label=False),
        on_click=rx.stop_propagation,
    )


def _menu(row: Any) -> list[rx.Component]:
    linked = row["status"].to(str) == "CONNECTED"
    return [
        menu_item(t("devices.action.open"), Devices.open(row["id"]), icon_name="sliders-horizontal"),
        menu_item(t("devices.action.restart"), Devices.ask("restart", row["id"]), icon_name="rotate-cw"),
        rx.cond(
            linked,
            menu_item(t("devices.action.disconnect"), Devices.ask("disconnect", row["id"]), icon_name="unplug"),
        ),
        menu_separator(),
        menu_item(t("devices.action.delete"), Devices.ask("delete", row["id"]), icon_name="trash-2", danger=True),
    ]


def _table() -> rx.Component:
    return data_table(
        Devices.rows,
        [
            Column(t("devices.column.device"), _name),
            Column(t("devices.column.status"), _status, phone="wide"),
            Column(t("devices.column.health"), lambda row: health_cell(row["score"]), phone="hide"),
            Column(t("devices.column.today"), _today, phone="hide"),
            Column(t("devices.column.seen"), _seen, phone="hide"),
            Column(t("devices.column.engine"), lambda row: rx.el.span(row["engine"], class_name="muted"), phone="hide"),
            Column(t("devices.column.broadcast"), _broadcast, fit=True),
        ],
        label=t("devices.title"),
        toolbar=rx.cond(
            (Devices.total > 6) | (Devices.query != ""),
            toolbar(search_box(Devices.query, Devices.search)),
        ),
        on_open=Devices.open,
        row_menu=_menu,
        loading=~Devices.ready,
        empty=empty(
            t("devices.empty.title"),
            t("devices.empty.text"),
            button(t("devices.add"), look="primary", leading="plus", on_click=Link.ask_name),
        ),
        filtered=Devices.query != "",
        on_clear=Devices.clear_query,
    )


def _questions() -> list[rx.Component]:
    def one(what: str, *, destructive: bool) -> rx.Component:
        return confirm(
            t(f"devices.{what}.title", name=Devices.target_name),
            t(f"devices.{what}.text"),
            open_=Devices.asked == what,
            on_open_change=Devices.close_question,
            confirm_text=t(f"devices.{what}.do", name=Devices.target_name),
            on_confirm=Devices.confirm,
            destructive=destructive,
        )

    return [one("restart", destructive=False), one("disconnect", destructive=True), one("delete", destructive=True)]


@rx.page(
    route=routes.DEVICES,
    title="Sapa · Devices",
    on_load=[AppState.on_load, Devices.load, Devices.watch],
)
def devices() -> rx.Component:
    """Linked numbers."""
    return shell(
        _header(),
        rx.el.div(
            rx.cond(Devices.total > 0, _figures()),
            rx.cond(
                Devices.troubles.length() > 0,
                rx.el.div(rx.foreach(Devices.troubles, _trouble), class_name="stack gap-2"),
            ),
            _table(),
            class_name="stack-gap",
        ),
        name_dialog(),
        link_dialog(),
        *_questions(),
        title=t("devices.title"),
        active="devices",
    )
