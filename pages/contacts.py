"""Contacts: who the tenant talks to. Search and tags first; import is the primary action."""

from typing import Any

import reflex as rx

from pages import routes
from pages.contact_parts import contact_drawer, edit_dialog, tag_manager
from pages.contact_tabs import contact_tabs
from pages.layout import shell
from state.base import AppState
from state.contacts import ContactsState, ContactState, TagsState
from wa_app.components.buttons import button, link_button
from wa_app.components.cards import page_header
from wa_app.components.dialogs import confirm, dialog, menu_item, menu_separator
from wa_app.components.feedback import empty, notice
from wa_app.components.forms import form, tag_list, text_field
from wa_app.components.i18n import date, number, phone, t
from wa_app.components.progress import bar
from wa_app.components.table import (
    Column,
    Paging,
    Selection,
    data_table,
    export_button,
    filter_chip,
    name_cell,
    search_box,
    toolbar,
)


def source_text(source: Any) -> rx.Component:
    """Where a contact came from, in words."""
    words = {name: t(f"contacts.source.{name}") for name in ("manual", "import", "inbound", "group", "api", "demo")}
    return rx.match(rx.Var.create(source).to(str), *words.items(), words["manual"])


def _header() -> rx.Component:
    estimate = t("contacts.state.estimate", n=ContactsState.total)
    counted = rx.cond(ContactsState.is_estimate, estimate, t("contacts.state", n=ContactsState.total))
    filtered = t("contacts.state.filtered", n=ContactsState.total)
    words = rx.cond(ContactsState.is_filtered, filtered, counted)
    return page_header(
        t("contacts.title"),
        rx.cond(ContactsState.ready, words, t("common.loading")),
        button(t("contacts.add"), leading="user-plus", on_click=ContactState.add),
        link_button(t("contacts.import"), routes.CONTACTS_IMPORT, look="primary", leading="upload"),
    )


def _running_import() -> rx.Component:
    job = ContactsState.importing
    done, total = job["processed"].to(int), job["total"].to(int)
    words = rx.cond(
        total > 0,
        t("contacts.importing", name=job["name"].to(str), done=done, total=total),
        t("contacts.importing.reading", name=job["name"].to(str)),
    )
    return rx.cond(
        job["id"],
        notice(
            rx.el.div(rx.el.span(words), bar(done, total, label=words), class_name="stack gap-2"),
            icon_name="loader",
            action=link_button(t("contacts.importing.open"), routes.CONTACTS_IMPORT, small=True),
        ),
    )


def _name(row: Any) -> rx.Component:
    return name_cell(row["name"], rx.cond(row["phone"], phone(row["phone"]), "LID"), row["color"])


def _menu(row: Any) -> list[rx.Component]:
    return [
        menu_item(t("contacts.open"), ContactState.show(row["id"]), icon_name="eye"),
        menu_item(t("common.edit"), ContactState.edit(row["id"]), icon_name="pencil"),
        menu_item(
            t("contacts.block"), rx.redirect(routes.CONTACTS_BLACKLIST + "?contact=" + row["id"].to(str)),
            icon_name="user-x",
        ),
        menu_separator(),
        menu_item(t("common.delete"), ContactsState.ask_delete(row["id"]), icon_name="trash-2", danger=True),
    ]


def _toolbar() -> rx.Component:
    options = rx.el.select(
        rx.el.option(t("contacts.filter.all"), value=""),
        rx.foreach(ContactsState.tags, lambda tag: rx.el.option(tag["name"].to(str), value=tag["id"].to(str))),
        value=ContactsState.tag_id,
        on_change=ContactsState.pick_tag,
        aria_label=t("contacts.filter.tag"),
        class_name="input w-auto max-w-[200px]",
    )
    segments = rx.el.select(
        rx.el.option(t("segments.filter.all"), value=""),
        rx.foreach(ContactsState.segments, lambda one: rx.el.option(one[1], value=one[0])),
        value=ContactsState.segment_id, on_change=ContactsState.pick_segment, aria_label=t("segments.filter"),
        class_name="input w-auto max-w-[200px]",
    )  # fmt: skip
    return toolbar(
        search_box(ContactsState.q, ContactsState.search, placeholder=t("contacts.search")),
        rx.cond(ContactsState.tags.length() > 0, options),
        rx.cond(ContactsState.segments.length() > 0, segments),
        rx.cond(
            ContactsState.tag_name,
            filter_chip(t("contacts.filter.tag"), ContactsState.tag_name, ContactsState.pick_tag("")),
        ),
        rx.cond(
            ContactsState.segment_name,
            filter_chip(t("segments.filter"), ContactsState.segment_name, ContactsState.pick_segment("")),
        ),
        right=[
            button(t("contacts.tags.manage"), leading="tags", look="quiet", on_click=TagsState.open_manager),
            export_button(ContactsState.export),
        ],
    )


def _selection() -> Selection:
    more = (ContactsState.total > ContactsState.selected.length()) & ~ContactsState.everything
    every = button(
        t("contacts.select_all", n=ContactsState.total), look="link", small=True,
        on_click=ContactsState.select_everything,
    )  # fmt: skip
    note = rx.el.span(t("contacts.all_selected", n=ContactsState.total), class_name="strong")
    return Selection(
        ContactsState.selected,
        ContactsState.toggle_row,
        ContactsState.toggle_page,
        ContactsState.clear_selection,
        [
            rx.cond(more, every, rx.cond(ContactsState.everything, note)),
            button(t("contacts.tag"), leading="tag", small=True, on_click=ContactsState.set_asks_tag(True)),
            button(
                t("common.delete"), leading="trash-2", look="danger", small=True,
                on_click=ContactsState.ask_delete(""),
            ),
        ],
    )  # fmt: skip


def _table() -> rx.Component:
    state = ContactsState
    return data_table(
        state.rows,
        [
            Column(t("contacts.name"), _name),
            Column(t("contacts.tags"), lambda row: tag_list(row["tags"].to(list[dict[str, str]])), phone="wide"),
            Column(t("contacts.city"), lambda row: row["city"], phone="hide"),
            Column(t("contacts.source"), lambda row: source_text(row["source"]), phone="hide"),
            Column(t("contacts.added"), lambda row: date(row["created_at"]), align="end", phone="hide"),
        ],
        label=t("contacts.title"),
        toolbar=_toolbar(),
        on_open=ContactState.show,
        row_menu=_menu,
        selection=_selection(),
        paging=Paging(
            state.first, state.last, state.total, state.has_previous, state.has_next, state.previous_page,
            state.next_page, state.is_estimate,
        ),
        loading=~state.ready,
        empty=empty(
            t("contacts.empty.title"),
            t("contacts.empty.words"),
            link_button(t("contacts.import"), routes.CONTACTS_IMPORT, look="primary", leading="upload"),
            button(t("contacts.add"), look="link", on_click=ContactState.add),
        ),
        filtered=state.is_filtered,
        on_clear=state.clear_filters,
    )  # fmt: skip


def _dialogs() -> rx.Component:
    n = ContactsState.picked_count
    tag_dialog = dialog(
        form(
            text_field(
                t("contacts.tag.name"), "bulk_tag", help_=t("contacts.tag.help"), max_length=50, list="tag-names"
            ),
            rx.el.datalist(
                rx.foreach(ContactsState.tags, lambda tag: rx.el.option(value=tag["name"].to(str))), id="tag-names"
            ),
            rx.el.div(
                button(t("common.cancel"), on_click=ContactsState.set_asks_tag(False)),
                button(t("contacts.tag.do", n=n), look="primary", type="submit"),
                class_name="dlg-foot",
            ),
            on_submit=ContactsState.tag_selected,
        ),
        title=t("contacts.tag.title", n=n),
        open_=ContactsState.asks_tag,
        on_open_change=ContactsState.set_asks_tag,
    )
    sure = confirm(
        t("contacts.delete.title", n=n),
        t("contacts.delete.words"),
        open_=ContactsState.asks_delete,
        on_open_change=ContactsState.set_asks_delete,
        confirm_text=t("contacts.delete.do", n=n),
        on_confirm=ContactsState.delete_selected,
    )
    return rx.fragment(tag_dialog, sure, contact_drawer(source_text), edit_dialog(), tag_manager())


@rx.page(route=routes.CONTACTS, title="Sapa", on_load=[AppState.on_load, ContactsState.load, ContactsState.watch])
def contacts() -> rx.Component:
    """The list of contacts."""
    return shell(
        _header(),
        contact_tabs("contacts"),
        _running_import(),
        _table(),
        _dialogs(),
        rx.el.span(number(ContactsState.picked_count), class_name="sr", aria_live="polite"),
        title=t("nav.contacts"),
        active="contacts",
    )
