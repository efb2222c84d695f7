"""Kept texts, under Broadcasts."""

from typing import Any

import reflex as rx

from pages import routes
from pages.campaigns import broadcast_tabs
from pages.layout import shell
from state.base import AppState
from state.message_templates import MessageTemplatesState as S
from wa_app.components.buttons import button, icon_button
from wa_app.components.cards import card, page_header
from wa_app.components.chat import bubble, phone_preview
from wa_app.components.chips import chip
from wa_app.components.dialogs import dialog, menu_item, menu_separator, row_menu
from wa_app.components.editor import message_editor, whatsapp_text
from wa_app.components.feedback import empty, skeleton_rows
from wa_app.components.forms import field, form, select_field, text_field
from wa_app.components.i18n import error_text, t
from wa_app.components.icons import icon
from wa_app.components.table import search_box
from wa_app.components.uploader import uploader

ACCEPT = [".jpg", ".jpeg", ".png", ".webp", ".mp4", ".3gp", ".mp3", ".ogg", ".pdf", ".docx", ".xlsx"]
LANGUAGES = [("", t("templates.language.")), ("id", t("templates.language.id")), ("en", t("templates.language.en"))]


def _card(row: Any) -> rx.Component:
    key = row["id"].to(str)
    used = rx.cond(row["used"].to(int) > 0, t("templates.used", n=row["used"].to(int)), t("templates.unused"))
    menu = row_menu(
        menu_item(t("templates.use"), S.use(key), icon_name="megaphone"),
        menu_item(t("templates.duplicate"), S.duplicate(key), icon_name="copy"),
        menu_separator(),
        menu_item(t("common.delete"), S.delete(key), icon_name="trash-2", danger=True),
    )
    head = rx.el.div(
        rx.el.button(row["name"].to(str), type="button", on_click=S.open(key), class_name="strong clip grow text-start"),
        rx.cond(row["category"], chip(row["category"].to(str), "neutral")), menu, class_name="row gap-2",
    )  # fmt: skip
    foot = rx.el.div(
        rx.cond(row["has_file"], rx.el.span(icon("paperclip", 13), class_name="muted")),
        rx.el.span(rx.cond(row["variants"].to(int) == 1, t("templates.variant"), t("templates.variants", n=row["variants"].to(int))), " · ", used, class_name="small muted grow"),
        button(t("templates.use"), small=True, on_click=S.use(key)), class_name="row gap-2",
    )  # fmt: skip
    return rx.el.article(head, rx.el.p(row["body"].to(str), class_name="words"), foot, class_name="template-card", key=key)


def _list() -> rx.Component:
    some = rx.el.div(rx.foreach(S.rows, _card), class_name="template-grid")
    more = rx.cond(S.next_id != "", rx.el.div(button(t("templates.more"), on_click=S.more), class_name="row justify-center pt-3"))
    none = empty(t("templates.empty.title"), t("templates.empty.text"),
                 button(t("templates.new"), look="primary", leading="plus", on_click=S.begin))  # fmt: skip
    filtered = rx.el.div(rx.el.p(t("composer.templates.none"), class_name="muted"),
                         button(t("table.clear_filters"), look="link", on_click=S.clear), class_name="stack gap-2 items-start")  # fmt: skip
    lost = rx.cond((S.query != "") | (S.category != ""), filtered, card(none))
    return rx.cond(S.ready, rx.cond(S.rows.length() > 0, rx.fragment(some, more), lost), card(skeleton_rows(6)))


def _filters() -> rx.Component:
    categories = rx.el.select(
        rx.el.option(t("templates.all_categories"), value=""),
        rx.foreach(S.categories, lambda pair: rx.el.option(pair[1], value=pair[0])),
        value=S.category, on_change=S.filter_category, aria_label=t("templates.category"), class_name="input max-w-[220px]",
    )  # fmt: skip
    return rx.el.div(search_box(S.query, S.search), rx.cond(S.categories.length() > 0, categories), class_name="row gap-2 flex-wrap")


def _file() -> rx.Component:
    kept = rx.el.div(icon("paperclip"), rx.el.span(S.file_name, class_name="clip grow"),
                     icon_button("trash-2", t("composer.file.remove"), on_click=S.detach), class_name="row gap-2")  # fmt: skip
    pick = uploader(accept=ACCEPT, types_text=t("composer.file.types"), on_uploaded=S.attach, compact=True, max_bytes=100 * 1024 * 1024)
    return rx.el.div(rx.cond(S.file_id, kept, pick), class_name="ed-foot")


def _form() -> rx.Component:
    editor = message_editor(
        _file(), value=S.body, variables=S.variables, on_rest=S.set_body, label=t("templates.body"), problems=S.errors.contains("body"),
    )
    wrong = rx.cond(S.errors["body"], rx.el.span(icon("circle-alert", 13), error_text(S.errors["body"]), class_name="field-error", role="alert"))
    fields = form(
        text_field(t("templates.name"), "name", default_value=S.name, error=S.errors["name"], error_args={"limit": 120}, max_length=120),
        field(t("templates.body"), "message_template", rx.el.div(editor, wrong, class_name="stack gap-1")),
        rx.el.div(
            text_field(t("templates.category"), "category", default_value=S.template_category, optional=True, max_length=40),
            select_field(t("templates.language"), "language", LANGUAGES, default_value=S.template_language),
            class_name="grid sm:grid-cols-2 gap-3",
        ),
        text_field(t("templates.labels"), "labels", default_value=S.labels, optional=True, max_length=200),
        rx.el.div(button(t("templates.save"), look="primary", type="submit"), class_name="row justify-end"),
        on_submit=S.save, key=S.template_id,
    )  # fmt: skip
    shown = rx.cond(S.preview, whatsapp_text(S.preview), rx.el.span(t("composer.preview.empty"), class_name="muted"))
    side = rx.el.aside(
        phone_preview(S.tenant_name, bubble(shown, time="09.41")), rx.el.p(rx.cond(S.variants == 1, t("templates.variant"), t("templates.variants", n=S.variants)), class_name="small muted"),
        class_name="preview-side desk", aria_label=t("templates.preview"),
    )  # fmt: skip
    return dialog(
        rx.el.div(fields, side, class_name="grid lg:grid-cols-[minmax(0,1fr)_260px] gap-5"),
        title=rx.cond(S.template_id, t("templates.edit"), t("templates.new")), open_=S.editing, on_open_change=S.close, width=780,
    )  # fmt: skip


@rx.page(route=routes.CAMPAIGN_TEMPLATES, title="Sapa", on_load=[AppState.on_load, S.load])
def message_templates() -> rx.Component:
    """Kept texts: find, write, use."""
    return shell(
        page_header(
            t("templates.title"), rx.cond(S.ready, t("templates.state", n=S.total), ""),
            button(t("templates.new"), look="primary", leading="plus", on_click=S.begin),
        ),
        broadcast_tabs("templates"),
        rx.el.div(_filters(), _list(), class_name="stack gap-4"),
        _form(),
        title=t("templates.title"), active="campaigns", crumbs=[(t("campaigns.title"), routes.CAMPAIGNS)],
    )  # fmt: skip
