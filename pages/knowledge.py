"""What agents answer from: files with their live stages, typed questions, website pages, and a box to ask."""

from typing import Any

import reflex as rx

from pages import routes
from pages.knowledge_parts import ask_card, detail, pair_dialog, paste_dialog, state_cell
from pages.layout import shell
from state.base import AppState
from state.knowledge import KnowledgeState as S
from wa_app.components.buttons import button, link_button
from wa_app.components.cards import card, card_body, figure, figure_strip, page_header
from wa_app.components.chips import tile
from wa_app.components.dialogs import menu_item, menu_separator
from wa_app.components.feedback import empty, notice
from wa_app.components.forms import text_field
from wa_app.components.i18n import date, file_size, number, t
from wa_app.components.many_uploader import many_uploader
from wa_app.components.table import Column, Paging, data_table, filter_select, name_cell, search_box, toolbar

ACCEPT = [".pdf", ".txt", ".md", ".csv", ".xlsx", ".docx", ".jpg", ".jpeg", ".png", ".webp", ".heic"]
STATES = ("ready", "working", "failed")


def _tabs() -> rx.Component:
    def one(key: str) -> rx.Component:
        return rx.el.button(
            t(f"knowledge.tab.{key}"), type="button", class_name="tab", on_click=S.show_tab(key),
            aria_current=rx.cond(S.tab == key, "page", "false"),
        )  # fmt: skip

    return rx.el.nav(*(one(key) for key in ("file", "pair", "page")), class_name="tabs", aria_label=t("knowledge.tabs"))


def _name(row: Any) -> rx.Component:
    kind = row["kind"].to(str)
    facts = rx.match(
        kind,
        ("pair", rx.fragment(row["answer"].to(str))),
        ("page", rx.fragment(row["url"].to(str))),
        rx.fragment(file_size(row["size"]), rx.cond(row["pages"].to(int) > 0, rx.fragment(" · ", t("knowledge.pages", n=row["pages"].to(int))))),
    )
    lead = rx.match(kind, ("pair", tile("message-circle-question-mark")), ("page", tile("globe")), tile("file-text"))
    return name_cell(row["name"].to(str), facts, lead=lead)


def _menu(row: Any) -> list[rx.Component]:
    key = row["id"].to(str)
    return [
        rx.cond(row["kind"] == "pair", menu_item(t("common.edit"), S.open(key), icon_name="pencil"),
                menu_item(t("knowledge.look"), S.open(key), icon_name="eye")),
        rx.cond(row["working"].to(bool) & (row["status"] != "embedding"),
                menu_item(t("knowledge.cancel"), S.cancel(key), icon_name="ban"),
                menu_item(rx.cond(row["kind"] == "page", t("knowledge.refetch"), t("knowledge.reindex")),
                          S.reindex(key), icon_name="rotate-cw")),
        menu_separator(),
        menu_item(t("common.delete"), S.delete(key), icon_name="trash-2", danger=True),
    ]  # fmt: skip


def _table() -> rx.Component:
    bar = toolbar(
        search_box(S.query, S.search),
        filter_select(
            t("knowledge.state"), [("", t("knowledge.state.all")), *((one, t(f"knowledge.state.{one}")) for one in STATES)],
            value=S.state, on_change=S.filter_state,
        ),
        right=[rx.cond(S.tab == "pair", rx.el.div(
            button(t("knowledge.pairs.paste"), leading="clipboard-list", on_click=S.set_pasting(True)),
            button(t("knowledge.pairs.new"), look="primary", leading="plus", on_click=S.begin_pair), class_name="row gap-2",
        ))],
    )  # fmt: skip
    none = rx.match(
        S.tab,
        ("pair", empty(t("knowledge.pairs.empty.title"), t("knowledge.pairs.empty.text"),
                       button(t("knowledge.pairs.new"), look="primary", leading="plus", on_click=S.begin_pair))),
        ("page", empty(t("knowledge.url.empty.title"), t("knowledge.url.empty.text"))),
        empty(t("knowledge.empty.title"), t("knowledge.empty.text")),
    )
    return data_table(
        S.rows,
        [
            Column(t("knowledge.name"), _name),
            Column(t("knowledge.state"), state_cell, phone="wide"),
            Column(t("knowledge.chunks"), lambda row: number(row["chunks"]), align="end", phone="hide"),
            Column(t("knowledge.added"), lambda row: date(row["added"]), align="end", phone="hide"),
        ],
        label=t("knowledge.title"), toolbar=bar, on_open=S.open, row_menu=_menu, loading=~S.ready, empty=none,
        filtered=(S.query != "") | (S.state != ""), on_clear=S.clear,
        paging=Paging(S.first + 1, S.last, S.total, S.first > 0, S.next_id != "", S.previous_rows, S.next_rows),
    )  # fmt: skip


def _adding() -> rx.Component:
    files = card(card_body(many_uploader(
        accept=ACCEPT, types_text=t("knowledge.types"), action="/api/v1/knowledge/upload", on_added=S.added,
    )))  # fmt: skip
    site = card(card_body(rx.el.form(
        text_field(t("knowledge.url"), "url", error=S.errors["url"], error_args=S.error_args, help_=t("knowledge.url.help"),
                   placeholder="https://kopilestari.id/harga", leading="globe", input_mode="url", auto_complete="off"),
        rx.el.div(button(t("knowledge.url.add"), look="primary", leading="plus", type="submit"), class_name="row"),
        on_submit=S.add_url, reset_on_submit=True, class_name="form", custom_attrs={"noValidate": True},
    )))  # fmt: skip
    return rx.match(S.tab, ("file", files), ("page", site), rx.fragment())


def _figures() -> rx.Component:
    failed = S.counts["failed"].to(int)
    return figure_strip(
        figure(t("knowledge.ready"), number(S.counts["ready"]), rx.cond(failed > 0, t("knowledge.failed", n=failed), t("knowledge.all_well"))),
        figure(t("knowledge.questions"), number(S.counts["pairs"]), t("knowledge.questions.note")),
        figure(t("knowledge.passages"), number(S.counts["passages"]), t("knowledge.passages.note")),
        figure(t("knowledge.working"), number(S.counts["working"]), t("knowledge.working.note")),
        aria_label=t("knowledge.figures"),
    )  # fmt: skip


@rx.page(route=routes.KNOWLEDGE, title="Sapa", on_load=[AppState.on_load, S.load, S.watch])
def knowledge() -> rx.Component:
    """Add, watch, look into, ask."""
    can = rx.cond(S.counts["passages"].to(int) > 0, t("knowledge.can", n=S.counts["passages"].to(int)), t("knowledge.cannot"))
    away = rx.cond(S.vectors_wait, notice(t("knowledge.vectors_wait"), tone="warn", icon_name="triangle-alert"))
    return shell(
        page_header(t("knowledge.title"), rx.cond(S.ready, can, ""), link_button(t("agents.title"), routes.AGENTS, leading="sparkles")),
        away,
        _figures(),
        _tabs(),
        rx.el.div(
            rx.el.div(_adding(), _table(), class_name="stack gap-4 min-w-0"), ask_card(),
            class_name="grid lg:grid-cols-[minmax(0,1fr)_360px] gap-4 items-start",
        ),
        pair_dialog(), paste_dialog(), detail(),
        title=t("knowledge.title"), active="knowledge",
    )  # fmt: skip
