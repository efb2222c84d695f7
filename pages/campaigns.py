"""The list of broadcasts."""

from typing import Any

import reflex as rx

from pages import routes
from pages.layout import shell
from state.base import AppState
from state.campaigns import CampaignsState as S
from wa_app.components.buttons import button, link_button
from wa_app.components.cards import page_header, tabs
from wa_app.components.chips import campaign_state_chip, tile
from wa_app.components.dialogs import confirm, menu_item, menu_separator
from wa_app.components.feedback import empty
from wa_app.components.i18n import moment, number, percent, t, t_var
from wa_app.components.progress import ribbon
from wa_app.components.table import (
    Column,
    Paging,
    Selection,
    data_table,
    filter_select,
    name_cell,
    search_box,
    toolbar,
)

STATUSES = ("DRAFT", "PENDING", "PROCESSING", "PAUSED", "COMPLETED", "CANCELLED")


def broadcast_tabs(active: str) -> rx.Component:
    """The pages under Broadcasts."""
    return tabs(
        [("campaigns", t("campaigns.tab"), routes.CAMPAIGNS), ("templates", t("templates.tab"), routes.CAMPAIGN_TEMPLATES)],
        active,
    )


def _event(row: Any) -> Any:
    """What happens next, or happened last, in a few words."""
    return rx.match(
        row["status"].to(str),
        ("DRAFT", t("campaigns.event.draft", time=moment(row["touched_at"]))),
        ("PENDING", rx.cond(row["planning"].bool(), t("campaigns.event.planning"),
                            t("campaigns.event.scheduled", time=moment(row["scheduled_at"])))),
        ("PROCESSING", rx.cond(row["waiting"], t("campaigns.event.waiting"),
                               t("campaigns.event.running", time=moment(row["started_at"])))),
        ("PAUSED", t_var("campaigns.pause." + row["pause_reason"].to(str), row["pause_detail"])),
        ("COMPLETED", t("campaigns.event.completed", time=moment(row["finished_at"]))),
        t("campaigns.event.cancelled", time=moment(row["finished_at"])),
    )  # fmt: skip


def _progress(row: Any) -> rx.Component:
    counts, total = row["counts"].to(dict[str, int]), row["total"].to(int)
    words = t("status.ribbon", done=row["done"].to(int), total=total)
    band = rx.el.div(
        ribbon(counts), rx.el.span(words, class_name="small muted"), class_name="stack gap-[5px] list-ribbon"
    )
    return rx.cond(total > 0, band, rx.el.span("–", class_name="muted desk"))


def _read(row: Any) -> rx.Component:
    return rx.cond(row["read"].to(float) >= 0, percent(row["read"]), rx.el.span("–", class_name="muted"))


def _menu(row: Any) -> list[rx.Component]:
    status = row["status"].to(str)
    gone = (status == "DRAFT") | (status == "COMPLETED") | (status == "CANCELLED")
    return [
        menu_item(t("campaigns.open"), S.open(row["id"]), icon_name="arrow-right"),
        menu_item(t("campaigns.duplicate"), S.duplicate(row["id"]), icon_name="copy"),
        rx.cond(gone, rx.fragment(
            menu_separator(),
            menu_item(t("common.delete"), S.ask_delete(row["id"]), icon_name="trash-2", danger=True),
        )),
    ]  # fmt: skip


def _table() -> rx.Component:
    return data_table(
        S.rows,
        [
            Column(t("campaigns.column.name"),
                   lambda row: name_cell(row["name"], _event(row), lead=tile("megaphone"))),
            Column(t("campaigns.column.state"), lambda row: campaign_state_chip(row["status"].to(str))),
            Column(t("campaigns.column.progress"), _progress, phone="wide"),
            Column(t("campaigns.column.read"), _read, align="end", phone="hide"),
            Column(t("campaigns.column.people"), lambda row: number(row["total"]), align="end", phone="hide"),
        ],
        label=t("campaigns.title"),
        toolbar=toolbar(
            search_box(S.query, S.search),
            filter_select(
                t("campaigns.filter.state"),
                [("", t("campaigns.filter.all")), *((one, t(f"campaign.state.{one.lower()}")) for one in STATUSES)],
                value=S.status, on_change=S.filter_status,
            ),
        ),
        on_open=S.open,
        row_menu=_menu,
        selection=Selection(
            S.picked, S.toggle, S.toggle_page, S.clear_picked,
            bar=[button(t("campaigns.delete", n=S.picked.length()), look="danger", leading="trash-2", small=True,
                        on_click=S.ask_delete_picked)],
        ),
        paging=Paging(S.first, S.last, S.total, S.first > 1, S.next_id != "", S.previous_page, S.next_page),
        loading=~S.ready,
        empty=empty(
            t("campaigns.empty.title"), t("campaigns.empty.text"),
            link_button(t("campaigns.new"), routes.CAMPAIGN_NEW, look="primary", leading="plus"),
        ),
        filtered=(S.query != "") | (S.status != ""),
        on_clear=S.clear,
    )  # fmt: skip


@rx.page(route=routes.CAMPAIGNS, title="Sapa", on_load=[AppState.on_load, S.load, S.watch])
def campaigns() -> rx.Component:
    """Broadcasts: name, state, ribbon, what happens next."""
    return shell(
        page_header(
            t("campaigns.title"),
            rx.cond(S.ready, t("campaigns.state", n=S.total, running=S.running), ""),
            link_button(t("campaigns.new"), routes.CAMPAIGN_NEW, look="primary", leading="plus"),
        ),
        broadcast_tabs("campaigns"),
        _table(),
        confirm(
            t("campaigns.delete.title", n=S.picked.length()), t("campaigns.delete.text"),
            open_=S.asked, on_open_change=S.close_question,
            confirm_text=t("campaigns.delete", n=S.picked.length()), on_confirm=S.delete_picked,
        ),
        title=t("campaigns.title"),
        active="campaigns",
    )  # fmt: skip
