"""The list of segments."""

from typing import Any

import reflex as rx

from pages import routes
from pages.contact_tabs import contact_tabs
from pages.layout import shell
from state.base import AppState
from state.segments import SegmentsState as S
from wa_app.components.buttons import link_button
from wa_app.components.cards import page_header
from wa_app.components.chips import chip, tile
from wa_app.components.dialogs import menu_item, menu_separator
from wa_app.components.feedback import empty
from wa_app.components.i18n import ago, number, t
from wa_app.components.table import Column, data_table, name_cell, search_box, toolbar


def _note(row: Any) -> Any:
    return rx.cond(row["description"], row["description"].to(str), t("segments.rules", n=row["rules"].to(int)))


def _count(row: Any) -> rx.Component:
    known = rx.el.span(number(row["count"]), class_name="strong")
    return rx.cond(row["count"].to(int) >= 0, known, rx.el.span("…", class_name="muted", aria_label=t("segments.counting")))


def _age(row: Any) -> rx.Component:
    return rx.cond(row["counted_at"], ago(row["counted_at"]), "–")


def _used(row: Any) -> rx.Component:
    used = chip(t("segments.used", n=row["campaigns"].to(int)), "brand")
    return rx.cond(row["campaigns"].to(int) > 0, used, rx.el.span("–", class_name="muted desk"))


def _menu(row: Any) -> list[rx.Component]:
    return [
        menu_item(t("segments.send"), S.send(row["id"]), icon_name="megaphone"),
        menu_item(t("segments.people"), S.people(row["id"]), icon_name="users"),
        menu_item(t("segments.duplicate"), S.duplicate(row["id"]), icon_name="copy"),
        menu_separator(),
        menu_item(t("common.delete"), S.delete(row["id"]), icon_name="trash-2", danger=True),
    ]


def _table() -> rx.Component:
    return data_table(
        S.rows,
        [
            Column(t("segments.name"), lambda row: name_cell(row["name"], _note(row), lead=tile("users"))),
            Column(t("segments.size"), _count, align="end"),
            Column(t("segments.counted"), _age, phone="hide"),
            Column(t("segments.waiting"), _used, phone="hide"),
        ],
        label=t("segments.title"),
        toolbar=toolbar(search_box(S.q, S.search, placeholder=t("segments.search"))),
        on_open=S.open,
        row_menu=_menu,
        loading=~S.ready,
        empty=empty(
            t("segments.empty.title"), t("segments.empty.words"),
            link_button(t("segments.new"), routes.SEGMENT_NEW, look="primary", leading="plus"),
        ),
        filtered=S.q != "",
        on_clear=S.clear,
    )  # fmt: skip


@rx.page(route=routes.CONTACTS_SEGMENTS, title="Sapa", on_load=[AppState.on_load, S.load, S.refresh, S.watch])
def segments() -> rx.Component:
    """Saved audiences with their sizes."""
    return shell(
        page_header(
            t("segments.title"),
            rx.cond(S.ready, t("segments.state", n=S.total), t("common.loading")),
            link_button(t("segments.new"), routes.SEGMENT_NEW, look="primary", leading="plus"),
        ),
        contact_tabs("segments"),
        _table(),
        title=t("segments.title"),
        active="contacts",
        crumbs=[(t("nav.contacts"), routes.CONTACTS)],
    )
