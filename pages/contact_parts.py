"""The contact's drawer, its form, and the tag manager."""

from collections.abc import Callable
from typing import Any

import reflex as rx

from state.contacts import ContactsState, ContactState, TagsState
from wa_app.components.buttons import button, icon_button
from wa_app.components.cards import definition
from wa_app.components.chips import TAG_COLOURS, avatar, chip, tag_chip
from wa_app.components.dialogs import confirm, dialog, drawer
from wa_app.components.forms import form, tag_list, text_field
from wa_app.components.i18n import date_time, moment, number, phone, t
from wa_app.components.icons import icon
from wa_app.components.inline import inline

COLOURS_TEXT = {name: f"contacts.color.{name}" for name in TAG_COLOURS}


def _section(title: Any, *content: Any) -> rx.Component:
    return rx.el.section(rx.el.h3(title, class_name="field-label"), *content, class_name="stack gap-2")


def _identity(one: Any) -> rx.Component:
    words = {"phone": t("contacts.phone"), "lid": "LID", "bsuid": "BSUID", "username": t("contacts.username")}
    value = rx.cond(one["kind"] == "phone", phone(one["value"]), one["value"].to(str))
    return definition(rx.match(one["kind"], *words.items(), one["kind"]), value)


def _consent(one: Any) -> rx.Component:
    agreed = chip(t("contacts.consent.opt_in"), "ok")
    return rx.el.div(
        rx.cond(one["kind"] == "opt_in", agreed, chip(t("contacts.consent.opt_out"), "bad")),
        rx.el.span(one["source"], class_name="small muted clip grow"),
        rx.el.span(moment(one["at"]), class_name="small muted"),
        class_name="row",
    )


def contact_drawer(source_text: Callable[[Any], rx.Component]) -> rx.Component:
    """Consent and last talk first; attributes and identities below."""
    contact = ContactState.contact
    talked = contact["last_inbound_at"].to(str)
    none_yet = rx.el.span(t("contacts.consent.none"), class_name="small muted")
    body = (
        _section(
            t("contacts.consent"),
            rx.cond(ContactState.consents.length() > 0, rx.foreach(ContactState.consents, _consent), none_yet),
        ),
        rx.el.dl(
            definition(t("contacts.last_talk"), rx.cond(talked, moment(talked), t("contacts.never"))),
            definition(t("contacts.city"), rx.cond(contact["city"], contact["city"].to(str), "–")),
            definition(t("contacts.source"), source_text(contact["source"])),
            definition(t("contacts.added"), date_time(contact["created_at"])),
            class_name="m-0",
        ),
        rx.cond(
            contact["tags"].to(list[dict[str, str]]).length() > 0,
            _section(t("contacts.tags"), tag_list(contact["tags"].to(list[dict[str, str]]))),
        ),
        rx.cond(
            ContactState.attributes.length() > 0,
            _section(
                t("contacts.attributes"),
                rx.el.dl(
                    rx.foreach(ContactState.attributes, lambda one: definition(one["name"], one["value"])),
                    class_name="m-0",
                ),
            ),
        ),
        _section(t("contacts.identities"), rx.el.dl(rx.foreach(ContactState.identities, _identity), class_name="m-0")),
    )
    return drawer(
        rx.el.div(*body, class_name="stack gap-5"),
        title=contact["name"].to(str),
        lead=avatar(contact["name"].to(str), contact["color"].to(str), size="lg"),
        open_=ContactState.shown,
        on_open_change=ContactState.set_shown,
        foot=[
            button(t("common.delete"), look="danger", on_click=[
                ContactState.set_shown(False), ContactsState.ask_delete(contact["id"].to(str)),
            ]),
            button(t("common.edit"), look="primary", leading="pencil", on_click=ContactState.edit(contact["id"].to(str))),
        ],
    )  # fmt: skip


def edit_dialog() -> rx.Component:
    """New or changed contact; the number is checked as it is saved."""
    state = ContactState
    return dialog(
        form(
            text_field(t("contacts.name"), "name", default_value=state.name, error=state.errors["name"], max_length=200),
            text_field(
                t("contacts.phone"), "phone", default_value=state.phone, error=state.errors["phone"], type="tel",
                help_=t("contacts.phone.help"), max_length=100, auto_complete="off",
            ),
            text_field(t("contacts.city"), "city", default_value=state.city, optional=True, max_length=100),
            text_field(
                t("contacts.email"), "email", default_value=state.email, error=state.errors["attributes"],
                optional=True, type="email", max_length=200,
            ),
            text_field(
                t("contacts.tags"), "labels", default_value=state.labels, error=state.errors["tags"], optional=True,
                help_=t("contacts.tags.help"), max_length=1000,
            ),
            rx.el.div(
                button(t("common.cancel"), on_click=state.set_editing(False)),
                button(t("contacts.save"), look="primary", type="submit", busy=state.busy),
                class_name="dlg-foot",
            ),
            on_submit=state.save,
            key=state.edited_id,
        ),
        title=rx.cond(state.is_new, t("contacts.new"), t("contacts.edit")),
        open_=state.editing,
        on_open_change=state.set_editing,
    )  # fmt: skip


def _swatch(name: str) -> rx.Component:
    return rx.el.button(
        rx.cond(TagsState.color == name, icon("check", 14)),
        type="button",
        aria_label=t(COLOURS_TEXT[name]),
        aria_pressed=TagsState.color == name,
        on_click=TagsState.pick_color(name),
        class_name="tag h-[28px] w-[28px] justify-center",
        custom_attrs=inline(k=f"var(--k-{name})"),
    )


def _tag_row(tag: Any) -> rx.Component:
    return rx.el.li(
        tag_chip(tag["name"], tag["color"]),
        rx.el.span(t("contacts.tag.count", n=number(tag["contacts"])), class_name="small muted grow"),
        icon_button(
            "pencil", t("contacts.tag.edit", tag=tag["name"]), tooltip=False, on_click=TagsState.edit(tag["id"])
        ),
        icon_button(
            "trash-2",
            t("contacts.tag.remove", tag=tag["name"]),
            tooltip=False,
            on_click=TagsState.ask_remove(tag["id"]),
        ),
        class_name="row py-1",
        key=tag["id"].to(str),
    )


def tag_manager() -> rx.Component:
    """All tags: make, rename, recolour, remove."""
    state = TagsState
    return rx.fragment(
        dialog(
            form(
                text_field(
                    rx.cond(state.edited_id, t("contacts.tag.rename"), t("contacts.tag.new")), "tag_name",
                    value=state.name, on_change=state.set_name, error=state.error, max_length=50, auto_complete="off",
                ),
                rx.el.div(*(_swatch(name) for name in TAG_COLOURS), class_name="row flex-wrap gap-2", role="group"),
                rx.el.div(
                    rx.cond(state.edited_id, button(t("common.cancel"), small=True, on_click=state.cancel_edit)),
                    button(
                        rx.cond(state.edited_id, t("common.save"), t("contacts.tag.add")), look="primary", small=True,
                        type="submit",
                    ),
                    class_name="row justify-end",
                ),
                on_submit=state.save,
            ),
            rx.cond(
                state.rows.length() > 0,
                rx.el.ul(rx.foreach(state.rows, _tag_row), class_name="plain max-h-[38vh] overflow-y-auto"),
                rx.el.p(t("contacts.tag.none"), class_name="muted"),
            ),
            title=t("contacts.tags.manage"),
            open_=state.is_open,
            on_open_change=state.set_is_open,
        ),
        confirm(
            t("contacts.tag.remove.title", tag=state.doomed["name"].to(str)),
            t("contacts.tag.remove.words", n=state.doomed["contacts"].to(int)),
            open_=state.doomed["id"].to(str) != "",
            on_open_change=state.set_asks_remove,
            confirm_text=t("contacts.tag.remove.do"),
            on_confirm=state.remove,
        ),
    )  # fmt: skip
