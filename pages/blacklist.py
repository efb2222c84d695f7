"""The blacklist: who is not to be written to, why, and since when."""

from typing import Any

import reflex as rx

from pages import routes
from pages.contact_tabs import contact_tabs
from pages.layout import shell
from state.base import AppState
from state.blacklist import REASONS, BlacklistAddState, BlacklistImportState, BlacklistState
from wa_app.components.buttons import button, link
from wa_app.components.cards import page_header
from wa_app.components.chips import chip, tile
from wa_app.components.dialogs import confirm, dialog, menu_item
from wa_app.components.feedback import empty, inline_error, notice
from wa_app.components.forms import field, radio_group, select_field, text_area
from wa_app.components.i18n import error_text, moment, number, t
from wa_app.components.icons import icon
from wa_app.components.progress import bar
from wa_app.components.table import (
    Column,
    Paging,
    data_table,
    export_button,
    filter_select,
    name_cell,
    search_box,
    toolbar,
)
from wa_app.components.uploader import MB, uploader

REASON_TONES = {"UNSUBSCRIBE": "brand", "SPAM_REPORT": "bad", "MANUAL": "neutral", "BOUNCE": "warn"}
SOURCES = ("manual", "word", "import", "api", "delivery")


def _reason(reason: Any) -> rx.Component:
    shown = {key: chip(t(f"blacklist.reason.{key}"), tone) for key, tone in REASON_TONES.items()}  # type: ignore[arg-type]
    return rx.match(rx.Var.create(reason).to(str), *shown.items(), shown["MANUAL"])


def _scope(scope: Any) -> rx.Component:
    everything = rx.el.span(icon("ban", 14), t("blacklist.scope.all"), class_name="row gap-1 text-bad")
    return rx.cond(scope == "all", everything, rx.el.span(t("blacklist.scope.marketing"), class_name="muted"))


def _source(row: Any) -> rx.Component:
    """The campaign that brought it about, else how the entry came here."""
    words = {key: t(f"blacklist.source.{key}") for key in SOURCES}
    campaign = link(
        row["campaign"], href=routes.CAMPAIGNS + "/" + row["campaign_id"].to(str),
        class_name="link clip block max-w-[190px]",
    )  # fmt: skip
    note = rx.cond(row["note"], rx.el.span("“", row["note"], "”", class_name="small muted clip block max-w-[190px]"))
    plain = rx.el.span(rx.match(row["source"].to(str), *words.items(), words["manual"]))
    return rx.el.div(rx.cond(row["campaign_id"], campaign, plain), note, class_name="stack")


def _who(row: Any) -> rx.Component:
    kind = rx.cond(row["kind"] == "phone", "", "LID ")
    return name_cell(row["name"], rx.fragment(kind, row["value"]), lead=tile("user-x"))


def _added(row: Any) -> rx.Component:
    by = rx.cond(row["by"], rx.el.span(row["by"], class_name="small muted clip"))
    return rx.el.div(rx.el.span(moment(row["at"])), by, class_name="stack")


def _header() -> rx.Component:
    state = BlacklistState
    words = rx.cond(
        state.is_filtered, t("blacklist.state.filtered", n=state.total), t("blacklist.state", n=state.total)
    )
    buttons = [
        button(t("blacklist.import"), leading="upload", on_click=BlacklistImportState.open_dialog,
               disabled=~state.may_write),
        button(t("blacklist.add"), look="primary", leading="user-x", on_click=BlacklistAddState.open_dialog,
               disabled=~state.may_write),
    ]  # fmt: skip
    return page_header(t("blacklist.title"), rx.cond(state.ready, words, t("common.loading")), *buttons)


def _offer() -> rx.Component:
    state = BlacklistState
    return rx.cond(
        (state.unreachable > 0) & state.may_write,
        notice(
            t("blacklist.unreachable", n=state.unreachable),
            tone="warn",
            icon_name="phone-off",
            action=button(t("blacklist.unreachable.add"), small=True, on_click=state.add_unreachable),
        ),
    )


def _import_progress() -> rx.Component:
    """The import under way, or what the last one did; its rows with errors can be fetched."""
    state, job = BlacklistState, BlacklistState.job
    done, total = job["processed"].to(int), job["total"].to(int)
    words = rx.cond(
        total > 0,
        t("blacklist.importing", name=job["name"].to(str), done=done, total=total),
        t("blacklist.importing.reading", name=job["name"].to(str)),
    )
    running = notice(
        rx.el.div(rx.el.span(words), bar(done, total, label=words), class_name="stack gap-2"),
        icon_name="loader",
        action=button(t("imports.cancel"), small=True, look="danger", on_click=state.cancel_import),
    )
    errors = rx.cond(
        job["errors_url"].to(str) & (job["failed"].to(int) > 0),
        rx.el.a(t("imports.errors.get", n=job["failed"].to(int)), href=job["errors_url"].to(str), download=True,
                class_name="link"),
    )  # fmt: skip
    counts = t(
        "blacklist.imported", name=job["name"].to(str), added=job["created"].to(int) + job["updated"].to(int),
        already=job["skipped"].to(int),
    )  # fmt: skip
    close = button(t("common.close"), small=True, look="quiet", on_click=state.forget_import)
    ended = rx.match(
        job["status"].to(str),
        ("done", notice(counts, " ", errors, tone="ok", icon_name="circle-check", action=close)),
        ("cancelled", notice(t("blacklist.import_cancelled"), action=close)),
        notice(error_text(job["error"].to(str), job["error_args"]), tone="bad", icon_name="circle-alert", action=close),
    )
    return rx.cond(job["id"], rx.el.div(rx.cond(state.is_importing, running, ended), role="status"))


def _toolbar() -> rx.Component:
    state = BlacklistState
    reasons = [("", t("blacklist.filter.reason.all")), *((key, t(f"blacklist.reason.{key}")) for key in REASONS)]
    scopes = [
        ("", t("blacklist.filter.scope.all")), ("marketing", t("blacklist.scope.marketing")),
        ("all", t("blacklist.scope.all")),
    ]  # fmt: skip
    sources = [("", t("blacklist.filter.source.all")), *((key, t(f"blacklist.source.{key}")) for key in SOURCES)]
    return toolbar(
        search_box(state.q, state.search, placeholder=t("blacklist.search")),
        filter_select(t("blacklist.reason"), reasons, value=state.reason, on_change=state.pick_reason),
        filter_select(t("blacklist.scope"), scopes, value=state.scope, on_change=state.pick_scope),
        filter_select(t("blacklist.source"), sources, value=state.source, on_change=state.pick_source),
        right=[export_button(state.export)],
    )


def _table() -> rx.Component:
    state = BlacklistState
    return data_table(
        state.rows,
        [
            Column(t("blacklist.who"), _who),
            Column(t("blacklist.reason"), lambda row: _reason(row["reason"]), phone="wide"),
            Column(t("blacklist.scope"), lambda row: _scope(row["scope"]), phone="hide"),
            Column(t("blacklist.source"), _source, phone="wide"),
            Column(t("blacklist.added_at"), _added, align="end", phone="hide"),
        ],
        label=t("blacklist.title"),
        toolbar=_toolbar(),
        row_menu=lambda row: [
            menu_item(
                t("blacklist.remove"), state.ask_remove(row["id"]), icon_name="user-check", disabled=~state.may_write
            )
        ],
        paging=Paging(
            state.first, state.last, state.total, state.has_previous, state.has_next, state.previous_page,
            state.next_page,
        ),
        loading=~state.ready,
        empty=empty(
            t("blacklist.empty.title"),
            t("blacklist.empty.words"),
            button(t("blacklist.add"), look="primary", leading="user-x", on_click=BlacklistAddState.open_dialog),
            link(t("blacklist.empty.words_link"), href=routes.SETTINGS_OPT_OUT, class_name="link"),
        ),
        filtered=state.is_filtered,
        on_clear=state.clear_filters,
    )  # fmt: skip


def _why(state: Any, name: str) -> rx.Component:
    """Reason and scope of what is added."""
    reasons = [(key, t(f"blacklist.reason.{key}")) for key in REASONS]
    return rx.fragment(
        select_field(
            t("blacklist.reason"), f"{name}_reason", reasons, value=state.reason, on_change=state.set_reason
        ),
        radio_group(
            t("blacklist.scope"), f"{name}_scope",
            [("marketing", t("blacklist.scope.marketing.words")), ("all", t("blacklist.scope.all.words"))],
            value=state.scope, on_change=state.set_scope,
        ),
    )  # fmt: skip


def _add_dialog() -> rx.Component:
    state = BlacklistAddState
    person = field(
        t("blacklist.who"), "blacklist_contact",
        rx.el.div(tile("user-x"), rx.el.span(state.contact_name, class_name="strong clip"), class_name="row gap-2"),
    )  # fmt: skip
    numbers = text_area(
        t("blacklist.numbers"), "blacklist_numbers", rows=5, value=state.numbers, on_change=state.set_numbers,
        error=state.error, help_=t("blacklist.numbers.help"), placeholder="0812-0000-3312\n0813-0000-4182",
    )  # fmt: skip
    refused = rx.cond(
        state.refused.length() > 0,
        rx.el.div(
            rx.el.p(t("blacklist.refused"), class_name="strong"),
            rx.el.ul(
                rx.foreach(
                    state.refused,
                    lambda one: rx.el.li(
                        rx.el.span(one["value"], class_name="strong"), ": ", error_text(one["code"]), class_name="small"
                    ),
                ),
                class_name="plain",
            ),
            class_name="error-box flex-col",
            role="alert",
        ),
    )
    named = rx.cond(state.contact_id, t("blacklist.add.do_one"), t("blacklist.add.do", n=state.count))
    return dialog(
        rx.el.div(
            rx.cond(state.contact_id, person, numbers),
            refused,
            _why(state, "add"),
            text_area(
                t("blacklist.note"), "blacklist_note", rows=2, value=state.note, on_change=state.set_note,
                optional=True, max_length=500,
            ),
            class_name="form",
        ),
        title=t("blacklist.add.title"),
        note=t("blacklist.add.words"),
        open_=state.is_open,
        on_open_change=state.set_is_open,
        width=600,
        foot=[
            button(t("common.cancel"), on_click=state.set_is_open(False)),
            button(
                named, look="primary", on_click=state.save, busy=state.busy,
                disabled=(state.contact_id == "") & (state.count == 0),
            ),
        ],
    )  # fmt: skip


def _line(words: Any, n: Any) -> rx.Component:
    return rx.el.li(rx.el.span(words, class_name="grow"), rx.el.b(number(n)), class_name="row py-1")


def _import_dialog() -> rx.Component:
    state, check = BlacklistImportState, BlacklistImportState.look
    looked = rx.el.ul(
        _line(t("blacklist.check.new"), check["created"].to(int)),
        _line(t("blacklist.check.wider"), check["updated"].to(int)),
        _line(t("blacklist.check.already"), check["skipped"].to(int)),
        _line(t("blacklist.check.bad"), check["failed"].to(int)),
        class_name="plain",
        role="status",
    )
    result = rx.cond(
        state.is_checked,
        looked,
        rx.cond(
            state.is_looking,
            rx.el.p(icon("loader", class_name="spin"), t("imports.checking"), class_name="row muted", role="status"),
            rx.cond(check["error"], inline_error(check["error"].to(str), args=check["error_args"])),
        ),
    )
    return dialog(
        rx.el.div(
            uploader(
                accept=[".csv", ".xlsx", ".txt", ".tsv"], types_text="CSV, XLSX", max_bytes=100 * MB,
                on_uploaded=state.uploaded, value_name=state.file_name, value_size=state.file_size,
            ),
            rx.cond(state.error, inline_error(state.error, args=state.error_args)),
            result,
            _why(state, "import"),
            class_name="form",
        ),
        title=t("blacklist.import.title"),
        note=t("blacklist.import.words"),
        open_=state.is_open,
        on_open_change=state.set_is_open,
        width=600,
        foot=[
            button(t("common.cancel"), on_click=state.set_is_open(False)),
            button(
                t("blacklist.add.do", n=state.to_add), look="primary", on_click=state.start,
                disabled=~state.is_checked | (state.to_add == 0),
            ),
        ],
    )  # fmt: skip


@rx.page(
    route=routes.CONTACTS_BLACKLIST,
    title="Sapa",
    on_load=[
        AppState.on_load, BlacklistState.load, BlacklistAddState.load, BlacklistState.watch, BlacklistImportState.watch,
    ],
)
def blacklist() -> rx.Component:
    """The list, with its dialogs."""
    state = BlacklistState
    return shell(
        _header(),
        contact_tabs("blacklist"),
        rx.el.div(_offer(), _import_progress(), _table(), class_name="stack-gap"),
        _add_dialog(),
        _import_dialog(),
        confirm(
            t("blacklist.remove.title", name=state.removing_name),
            t("blacklist.remove.words"),
            open_=state.removing_id != "",
            on_open_change=state.close_question,
            confirm_text=t("blacklist.remove.do"),
            on_confirm=state.remove,
        ),
        title=t("blacklist.title"),
        active="contacts",
        crumbs=[(t("nav.contacts"), routes.CONTACTS)],
    )
