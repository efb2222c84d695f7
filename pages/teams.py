"""Settings: teams that share conversations."""

from typing import Any

import reflex as rx

from pages import routes
from pages.settings import frame
from state.base import AppState
from state.teams import TeamsState as S
from wa_app.components.buttons import button
from wa_app.components.cards import card, card_row, two_lines
from wa_app.components.chips import chip, tile
from wa_app.components.dialogs import confirm, dialog, menu_item, row_menu
from wa_app.components.feedback import empty, skeleton_rows
from wa_app.components.forms import checkbox, field_errors, form, text_field
from wa_app.components.i18n import t
from wa_app.schemas.teams import MAX_NAME


def _row(row: Any) -> rx.Component:
    key, name, open_ = row["id"].to(str), row["name"].to(str), row["open"].to(int)
    people = rx.cond(
        row["people"].to(int) > 0,
        rx.fragment(row["names"].to(str), rx.cond(row["more"].to(int) > 0, rx.fragment(" ", t("teams.more", n=row["more"].to(int))))),
        t("teams.nobody"),
    )
    menu = row_menu(
        menu_item(t("teams.edit"), S.open(key), icon_name="pencil"),
        menu_item(t("common.delete"), S.ask_remove(key, name, open_), icon_name="trash-2", danger=True),
    )
    return card_row(
        tile("users"), two_lines(name, people), rx.cond(open_ > 0, chip(t("teams.open", n=open_))), rx.cond(S.may_write, menu), key=key
    )


def _person(person: Any) -> rx.Component:
    return checkbox(person["name"].to(str), checked=S.picked.contains(person["id"]), on_change=S.toggle(person["id"].to(str)))


def _form() -> rx.Component:
    fields = form(
        text_field(
            t("teams.name"), "team_name", default_value=S.team_name, max_length=MAX_NAME, auto_complete="off",
            placeholder=t("teams.name.example"), **field_errors(S.errors, "name"),
        ),
        rx.el.fieldset(
            rx.el.legend(t("teams.people"), class_name="field-label mb-[6px]"),
            rx.el.div(rx.foreach(S.people, _person), class_name="grid gap-1 grid-cols-1 sm:grid-cols-2 max-h-[300px] overflow-auto"),
            class_name="field",
        ),
        rx.el.div(button(t("common.save"), type="submit", look="primary"), class_name="dlg-foot"),
        on_submit=S.save, key=S.team_id,
    )  # fmt: skip
    return dialog(
        fields, title=rx.cond(S.team_id != "", t("teams.edit"), t("teams.new")), open_=S.editing, on_open_change=S.close, width=600,
    )  # fmt: skip


@rx.page(route=routes.SETTINGS_TEAMS, title="Sapa", on_load=[AppState.on_load, S.load])
def teams() -> rx.Component:
    """Who shares conversations."""
    new = button(t("teams.new"), look="primary", leading="plus", on_click=S.begin)
    none = empty(t("teams.none"), t("teams.none.words"), rx.cond(S.may_write, new))
    return frame(
        "teams",
        card(rx.cond(S.ready, rx.cond(S.rows.length() > 0, rx.foreach(S.rows, _row), none), skeleton_rows(3)), title=t("settings.tab.teams")),
        _form(),
        confirm(
            t("teams.remove.title", name=S.leaving_name), t("teams.remove.words", n=S.leaving_open), open_=S.leaving_id != "",
            on_open_change=S.close_question, confirm_text=t("teams.remove"), on_confirm=S.remove,
        ),
        actions=[rx.cond(S.may_write & (S.rows.length() > 0), new)],
    )  # fmt: skip
