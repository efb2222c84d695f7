"""Settings: quick replies, everybody's and one's own."""

from typing import Any

import reflex as rx

from pages import routes
from pages.media_parts import ACCEPT, media_picker
from pages.settings import frame
from state.base import AppState
from state.quick_replies import QuickRepliesState as S
from wa_app.components.buttons import button, icon_button
from wa_app.components.cards import card, card_row
from wa_app.components.chips import chip
from wa_app.components.dialogs import confirm, dialog, menu_item, row_menu
from wa_app.components.feedback import empty, filtered_empty, skeleton_rows
from wa_app.components.forms import checkbox, field_errors, form, text_area, text_field
from wa_app.components.i18n import t
from wa_app.components.icons import icon
from wa_app.components.table import search_box
from wa_app.components.uploader import uploader
from wa_app.schemas.quick_replies import MAX_BODY, MAX_CATEGORY, MAX_SHORTCUT, MAX_TITLE

MAX_BYTES = 100 * 1024 * 1024


def _row(row: Any) -> rx.Component:
    key = row["id"].to(str)
    marks = rx.el.span(
        rx.cond(row["personal"], chip(t("quick.personal"), "brand")), rx.cond(row["category"], chip(row["category"].to(str))),
        class_name="row gap-1 flex-wrap",
    )  # fmt: skip
    words = rx.el.div(
        rx.el.div(
            rx.el.span("/", row["shortcut"].to(str), class_name="mono strong"), rx.el.span(row["title"].to(str), class_name="clip"), marks,
            class_name="row gap-2 flex-wrap",
        ),
        rx.el.span(
            rx.cond(row["has_file"], rx.el.span(icon("paperclip", 13), " ", row["file"].to(str), " ")), row["body"].to(str),
            class_name="small muted line-clamp-2 break-words",
        ),
        class_name="stack grow min-w-0",
    )  # fmt: skip
    menu = row_menu(
        menu_item(t("common.edit"), S.open(key), icon_name="pencil"),
        menu_item(t("common.delete"), S.ask_remove(key, row["shortcut"].to(str)), icon_name="trash-2", danger=True),
    )
    return card_row(words, rx.cond(row["may_change"], menu), key=key)


def _file() -> rx.Component:
    kept = rx.el.div(
        icon("paperclip"), rx.el.span(S.file_name, class_name="clip grow"), icon_button("trash-2", t("quick.file.remove"), on_click=S.detach),
        class_name="row gap-2",
    )  # fmt: skip
    pick = rx.el.div(
        uploader(accept=ACCEPT, types_text=t("quick.file.types"), on_uploaded=S.attach, compact=True, max_bytes=MAX_BYTES, purpose="message"),
        media_picker(S.attach), class_name="stack gap-2 items-start",
    )  # fmt: skip
    return rx.el.div(rx.el.span(t("quick.file"), class_name="field-label"), rx.cond(S.file_id != "", kept, pick), class_name="field")


def _form() -> rx.Component:
    fields = form(
        rx.el.div(
            text_field(
                t("quick.shortcut"), "shortcut", default_value=S.shortcut, max_length=MAX_SHORTCUT + 1, auto_complete="off",
                auto_capitalize="none", spell_check=False, help_=t("quick.shortcut.help"), **field_errors(S.errors, "shortcut"),
            ),
            text_field(t("quick.title"), "title", default_value=S.heading, max_length=MAX_TITLE, optional=True),
            class_name="grid sm:grid-cols-2 gap-3",
        ),
        text_area(
            t("quick.body"), "body", default_value=S.body, rows=5, max_length=MAX_BODY, help_=t("quick.body.help"),
            **field_errors(S.errors, "body"),
        ),
        text_field(
            t("quick.category"), "category", default_value=S.reply_category, max_length=MAX_CATEGORY, optional=True, auto_complete="off",
            **field_errors(S.errors, "category"),
        ),
        _file(),
        rx.cond(
            S.may_share,
            checkbox(t("quick.only_me"), note=t("quick.only_me.help"), name="personal", default_checked=S.personal),
            rx.el.p(t("quick.own_only"), class_name="small muted"),
        ),
        rx.el.div(button(t("common.save"), look="primary", type="submit"), class_name="dlg-foot"),
        on_submit=S.save, key=S.reply_id, class_name="wide",
    )  # fmt: skip
    return dialog(
        fields, title=rx.cond(S.reply_id != "", t("quick.edit"), t("quick.new")), open_=S.editing, on_open_change=S.close, width=600,
    )  # fmt: skip


def _filters() -> rx.Component:
    categories = rx.el.select(
        rx.el.option(t("quick.all_categories"), value=""), rx.foreach(S.categories, lambda pair: rx.el.option(pair[1], value=pair[0])),
        value=S.category, on_change=S.filter_category, aria_label=t("quick.category"), class_name="input max-w-[220px]",
    )  # fmt: skip
    return rx.el.div(search_box(S.query, S.search), rx.cond(S.categories.length() > 0, categories), class_name="row gap-2 flex-wrap max-sm:*:w-full max-sm:*:max-w-none")


@rx.page(route=routes.SETTINGS_QUICK_REPLIES, title="Sapa", on_load=[AppState.on_load, S.load])
def quick_replies() -> rx.Component:
    """Texts by a word after `/`."""
    new = button(t("quick.new"), look="primary", leading="plus", on_click=S.begin)
    none = empty(t("quick.none"), t("quick.none.words"), rx.cond(S.may_keep, new))
    found = rx.cond(S.rows.length() > 0, card(rx.foreach(S.rows, _row)), card(filtered_empty(S.clear)))
    return frame(
        "quick_replies",
        rx.cond(S.ready, rx.cond(S.total > 0, rx.fragment(_filters(), found), card(none)), card(skeleton_rows(4))),
        _form(),
        confirm(
            t("quick.remove.title", name=S.leaving_name), t("quick.remove.words"), open_=S.leaving_id != "",
            on_open_change=S.close_question, confirm_text=t("quick.remove"), on_confirm=S.remove,
        ),
        actions=[rx.cond(S.may_keep & (S.total > 0), new)],
    )  # fmt: skip
