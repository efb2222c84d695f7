"""Keyword rules: in the order they are asked in, with a tester at the side."""

from typing import Any

import reflex as rx

from pages import routes
from pages.auto_reply_form import rule_form
from pages.auto_reply_import import import_dialog, import_progress
from pages.auto_reply_parts import tester, tester_sheet
from pages.layout import shell
from state.auto_replies import RuleFormState, RuleImportState, RulesState, RuleTesterState
from state.base import AppState
from wa_app.components.buttons import button
from wa_app.components.cards import page_header, spark_line
from wa_app.components.chips import chip
from wa_app.components.dialogs import menu, menu_item, menu_separator
from wa_app.components.dragging import drag_handle
from wa_app.components.feedback import empty
from wa_app.components.forms import switch
from wa_app.components.i18n import ago, number, t, t_var
from wa_app.components.icons import icon
from wa_app.components.table import Column, Selection, data_table, filter_select, search_box, toolbar

S = RulesState
KINDS = ("CONTAINS", "EXACT", "STARTS_WITH", "REGEX")


def _key(row: Any) -> Any:
    is_pattern = row["kind"] == "REGEX"
    shown = rx.foreach(
        row["keywords"].to(list[str]),
        lambda one: rx.el.span(one, class_name=rx.cond(is_pattern, "rule-key mono clip", "rule-key clip")),
    )
    more = rx.cond(row["more"].to(int) > 0, rx.el.span("+", number(row["more"]), class_name="small muted"))
    return rx.el.div(shown, more, class_name="rule-keys")


def _answer(row: Any) -> rx.Component:
    text = rx.cond(
        row["silent"].to(bool),
        rx.el.span(icon("bell-off", 13), t("rules.silent"), class_name="rule-fact"),
        rx.el.span(rx.cond(row["answer"] != "", row["answer"].to(str), row["file"].to(str)), class_name="rule-answer"),
    )
    facts = (
        (row["file"] != "", "paperclip", t("rules.fact.media")),
        (row["devices"].to(int) > 0, "smartphone", t("rules.fact.devices", n=row["devices"].to(int))),
        (row["scheduled"].to(bool), "calendar-clock", t("rules.fact.schedule")),
        (row["limited"].to(bool), "gauge", t("rules.fact.limit")),
        (row["hand_over"].to(bool), "user-round-check", t("rules.fact.hand_over")),
    )
    shown = (rx.cond(holds, rx.el.span(icon(name, 13), words, class_name="rule-fact")) for holds, name, words in facts)
    return rx.el.div(text, *shown, class_name="rule-facts")


def _name(row: Any) -> rx.Component:
    words = rx.el.div(
        rx.el.div(
            rx.el.span(row["name"].to(str), class_name="strong clip rule-name"),
            chip(t_var("rules.kind." + row["kind"].to(str)), "neutral", dot=False), class_name="row gap-2 min-w-0",
        ),
        _key(row), _answer(row), class_name="stack gap-1 grow min-w-0",
    )  # fmt: skip
    handle = drag_handle(t("rules.move", name=row["name"].to(str)), row["id"].to(str), S.move)
    place = rx.el.span(number(row["place"]), class_name="small muted num", aria_label=t("rules.place", n=row["place"].to(int)))
    grip = rx.cond(S.may_write & ~S.is_filtered, handle, place)
    look = rx.cond(row["active"].to(bool), "row gap-[10px] min-w-0", "row gap-[10px] min-w-0 rule-off")
    return rx.el.div(grip, words, class_name=look)


def _hits(row: Any) -> rx.Component:
    last = rx.cond(row["last_at"] != "", ago(row["last_at"].to(str)), t("rules.never"))
    return rx.el.div(
        rx.el.div(
            rx.cond(row["week"].to(int) > 0, spark_line(row["days"].to(list[float]), "c5")),
            rx.el.span(number(row["week"]), class_name="strong"), class_name="row gap-2 justify-end",
        ),
        rx.el.span(last, class_name="micro muted"),
        class_name="stack items-end", title=t("rules.total", n=row["total"].to(int)),
    )  # fmt: skip


def _switch(row: Any) -> rx.Component:
    name = t("rules.switch", name=row["name"].to(str))
    return rx.el.div(
        switch(name, row["active"].to(bool), S.toggle(row["id"].to(str)), show_label=False, disabled=~S.may_write),
        on_click=rx.stop_propagation,
    )


def _menu(row: Any) -> list[rx.Component]:
    key, fixed = row["id"].to(str), ~S.may_write | S.is_filtered
    return [
        menu_item(t("common.edit"), RuleFormState.open(key), icon_name="pencil"),
        menu_item(t("rules.duplicate"), S.duplicate(key), icon_name="copy", disabled=~S.may_write),
        menu_separator(),
        menu_item(t("rules.first"), S.move_first(key), icon_name="arrow-up-to-line", disabled=fixed),
        menu_item(t("rules.up"), S.move_up(key), icon_name="arrow-up", disabled=fixed),
        menu_item(t("rules.down"), S.move_down(key), icon_name="arrow-down", disabled=fixed),
        menu_separator(),
        menu_item(t("common.delete"), S.delete(key), icon_name="trash-2", danger=True, disabled=~S.may_write),
    ]


def _files() -> rx.Component:
    return menu(
        button(t("rules.files"), trailing="chevron-down"),
        menu_item(t("rules.import"), RuleImportState.set_open(True), icon_name="upload", disabled=~S.may_write),
        menu_separator(),
        menu_item(t("rules.export.csv"), S.export("csv"), icon_name="download"),
        menu_item(t("rules.export.json"), S.export("json"), icon_name="download"),
    )


def _toolbar() -> rx.Component:
    sides = [("", t("rules.filter.all")), ("on", t("rules.filter.on")), ("off", t("rules.filter.off"))]
    kinds = [("", t("rules.filter.kinds")), *((kind, t(f"rules.kind.{kind}")) for kind in KINDS)]
    return toolbar(
        search_box(S.q, S.search, placeholder=t("rules.search")),
        filter_select(t("rules.filter.side"), sides, value=S.side, on_change=S.pick_side),
        filter_select(t("rules.filter.kind"), kinds, value=S.kind, on_change=S.pick_kind),
        right=[rx.el.span(_files(), class_name="phone-only")],
    )


def _table() -> rx.Component:
    nothing = empty(
        t("rules.empty.title"), t("rules.empty.words"),
        button(t("rules.new"), look="primary", leading="plus", on_click=RuleFormState.begin),
        button(t("rules.examples"), look="link", on_click=S.add_examples),
    )  # fmt: skip
    table = data_table(
        S.rows,
        [
            Column(t("rules.rule"), _name),
            Column(t("rules.week"), _hits, align="end", phone="hide"),
            Column(t("rules.on"), _switch, fit=True),
        ],
        label=t("rules.title"), toolbar=_toolbar(), on_open=RuleFormState.open, row_menu=_menu,
        selection=Selection(
            S.picked, S.toggle_row, S.toggle_page, S.clear_picked,
            bar=[
                button(t("rules.switch_on"), small=True, on_click=S.switch_picked(True)),
                button(t("rules.switch_off"), small=True, on_click=S.switch_picked(False)),
                button(t("common.delete"), small=True, look="danger", leading="trash-2", on_click=S.delete_picked),
            ],
        ),
        loading=~S.ready, empty=nothing, filtered=S.is_filtered, on_clear=S.clear,
    )  # fmt: skip
    more = rx.cond(S.next_id != "", rx.el.div(button(t("rules.more"), on_click=S.more), class_name="row justify-center pt-3"))
    moved = rx.el.p(rx.cond(S.said, t("rules.moved", name=S.said, n=S.said_place), ""), class_name="sr", role="status")
    return rx.el.div(table, more, moved, class_name="min-w-0")


def _header() -> rx.Component:
    state = rx.cond(S.ready, t("rules.state", on=S.on, n=S.total, week=S.week), t("common.loading"))
    new = button(t("rules.new"), look="primary", leading="plus", on_click=RuleFormState.begin, disabled=~S.may_write)
    return page_header(t("rules.title"), state, rx.el.span(_files(), class_name="desk"), rx.el.span(new, class_name="desk"))


@rx.page(
    route=routes.AUTOMATION, title="Sapa", on_load=[AppState.on_load, S.load, RuleTesterState.load, RuleImportState.load, S.watch, RuleImportState.watch],
)
def auto_replies() -> rx.Component:
    """Rules by priority, and what they would say."""
    on_phone = rx.el.div(
        button(t("rules.try"), leading="flask-conical", on_click=RuleTesterState.set_open(True)),
        button(t("rules.new"), look="primary", leading="plus", on_click=RuleFormState.begin),
        class_name="phone-action phone-only",
    )
    return shell(
        _header(),
        import_progress(),
        rx.el.div(_table(), tester(), class_name="rules-page"),
        rule_form(), import_dialog(), tester_sheet(), on_phone,
        title=t("rules.title"), active="automation",
    )  # fmt: skip
