"""All agents: what answers where, and how much it did today."""

from typing import Any

import reflex as rx

from pages import routes
from pages.layout import shell
from state.agents.listing import AgentsState as S
from state.base import AppState
from wa_app.components.buttons import button, link
from wa_app.components.cards import card, page_header, two_lines
from wa_app.components.chips import chip, tile
from wa_app.components.dialogs import dialog, menu_item, menu_separator, row_menu
from wa_app.components.feedback import empty, filtered_empty, skeleton_rows
from wa_app.components.i18n import number, t
from wa_app.components.icons import icon
from wa_app.components.table import search_box

PRESETS = {"service": "headset", "sales": "shopping-bag", "": "sparkles"}


def _chips(row: Any) -> rx.Component:
    live = rx.cond(row["active"].to(bool), chip(t("agent_page.active", n=row["version"].to(int)), "ok"), chip(t("agent_page.off")))
    return rx.el.span(
        rx.cond(row["version"].to(int) > 0, live, chip(t("agent_page.unpublished"))),
        rx.cond((row["version"].to(int) > 0) & (row["unpublished"].to(int) > 0), chip(t("agent_page.pending", n=row["unpublished"].to(int)), "warn", dot=False)),
        class_name="row gap-2 flex-wrap",
    )  # fmt: skip


def _row(row: Any) -> rx.Component:
    key = row["id"].to(str)
    where = rx.cond(
        row["device_count"].to(int) > 0,
        rx.cond(row["device_count"].to(int) > 3, t("agents.devices.more", names=row["devices"].to(str), n=row["device_count"].to(int) - 3),
                row["devices"].to(str)),
        t("agents.devices.none"),
    )  # fmt: skip
    name = link(rx.cond(row["name"], row["name"].to(str), t("agents.unnamed")), href=routes.AGENTS + "/" + key, class_name="tbl-link clip")
    numbers = rx.el.div(
        rx.el.span(rx.el.b(number(row["answered"].to(int))), t("agents.answered"), class_name="small muted"),
        rx.el.span(rx.el.b(number(row["handed_over"].to(int))), t("agents.handed_over"), class_name="small muted"),
        class_name="nums",
    )
    menu = row_menu(
        menu_item(t("agents.open"), rx.redirect(routes.AGENTS + "/" + key), icon_name="arrow-right"),
        menu_item(t("agents.duplicate"), S.duplicate(key), icon_name="copy"),
        menu_separator(),
        menu_item(t("common.delete"), S.delete(key), icon_name="trash-2", danger=True),
    )
    return rx.el.article(
        tile("sparkles", "spark"),
        rx.el.div(rx.el.div(name, _chips(row), class_name="row gap-2 flex-wrap"), rx.el.span(where, class_name="small muted clip"), class_name="stack"),
        numbers, menu, class_name="card-row agent-card", key=key,
    )  # fmt: skip


def _preset(preset: str) -> rx.Component:
    key = preset or "plain"
    return rx.el.button(
        tile(PRESETS[preset], "spark"), two_lines(t(f"agents.preset.{key}"), rx.el.span(t(f"agents.preset.{key}.what"), class_name="wrap")),
        icon("chevron-right"), type="button", on_click=S.create(preset), class_name="card-row w-full text-start bg-transparent border-x-0 border-b-0",
    )  # fmt: skip


def _create() -> rx.Component:
    return dialog(
        rx.el.div(*(_preset(one) for one in PRESETS), class_name="stack -mx-4 pt-2"), title=t("agents.new"), note=t("agents.new.text"),
        open_=S.choosing, on_open_change=S.begin,
    )  # fmt: skip


@rx.page(route=routes.AGENTS, title="Sapa", on_load=[AppState.on_load, S.load, S.watch])
def agents() -> rx.Component:
    """The list of agents."""
    new = button(t("agents.new"), look="primary", leading="plus", on_click=S.begin(True))
    none = empty(t("agents.empty.title"), t("agents.empty.text"), new)
    some = card(rx.foreach(S.rows, _row))
    found = rx.cond(S.rows.length() > 0, some, rx.cond(S.query, card(filtered_empty(S.search(""))), card(none)))
    search = rx.cond((S.total > 5) | (S.query != ""), search_box(S.query, S.search))
    return shell(
        page_header(t("agents.title"), rx.cond(S.ready, t("agents.state", n=S.total, answered=S.answered), ""),
                    *([rx.cond(S.rows.length() > 0, new)])),
        rx.el.div(search, rx.cond(S.ready, found, card(skeleton_rows(3))), class_name="stack gap-4"),
        _create(),
        title=t("agents.title"), active="knowledge", crumbs=[(t("agent_page.documents"), routes.KNOWLEDGE)],
    )  # fmt: skip
