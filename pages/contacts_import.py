"""The import wizard: work at the left, its live consequence at the right, four petal steps."""

from typing import Any

import reflex as rx

from pages import routes
from pages.import_parts import consequence, match_table, options, outcome, problems_card, progress, samples_card
from pages.layout import shell
from state.base import AppState
from state.imports import CHECK, MATCH, RUN, UPLOAD, ImportsState
from wa_app.components.buttons import button, link_button
from wa_app.components.cards import card, card_body, card_row, page_header
from wa_app.components.chips import chip
from wa_app.components.dialogs import confirm
from wa_app.components.feedback import inline_error, notice
from wa_app.components.i18n import file_size, moment, t
from wa_app.components.icons import icon
from wa_app.components.uploader import MB, uploader
from wa_app.components.wizard import steps, sticky_foot


def _header() -> rx.Component:
    state = ImportsState
    rows = state.counts["rows"]
    counted = rx.cond(state.is_whole, t("imports.rows", n=rows), t("imports.rows.first", n=rows))
    about = rx.cond(
        state.file_name,
        rx.el.span(
            icon("file-spreadsheet"),
            rx.el.span(
                state.file_name,
                rx.cond(state.sheet, rx.fragment(" · ", t("imports.sheet.named", sheet=state.sheet))),
                rx.cond(rows > 0, rx.fragment(" · ", counted)),
                rx.cond(state.file_size > 0, rx.fragment(" · ", file_size(state.file_size))),
            ),
            class_name="row",
        ),
        t("imports.state"),
    )
    names = [t("imports.step.upload"), t("imports.step.match"), t("imports.step.check"), t("imports.step.import")]
    track = steps(names, state.step, on_pick=state.go_to)
    return rx.el.div(page_header(t("imports.title"), about), track, class_name="row flex-wrap justify-between gap-3")


def _status(row: Any) -> rx.Component:
    return rx.match(
        row["status"],
        ("done", chip(t("imports.status.done"), "ok")),
        ("failed", chip(t("imports.status.failed"), "bad")),
        ("cancelled", chip(t("imports.status.cancelled"))),
        ("running", chip(t("imports.status.running"), "spark", live=True)),
        chip(t("imports.status.queued"), "brand"),
    )


def _recent_row(row: Any) -> rx.Component:
    return card_row(
        icon("file-spreadsheet", 18),
        rx.el.div(
            rx.el.span(row["name"], class_name="strong clip"),
            rx.el.span(
                t("imports.recent.counts", created=row["created"].to(int), failed=row["failed"].to(int)),
                class_name="small muted clip",
            ),
            class_name="stack grow",
        ),
        rx.el.span(moment(row["created_at"]), class_name="small muted desk"),
        _status(row),
        href=routes.CONTACTS_IMPORT + "?job=" + row["id"].to(str),
        key=row["id"].to(str),
    )


def _upload() -> rx.Component:
    state = ImportsState
    drop = card(
        rx.el.div(
            uploader(
                accept=[".csv", ".xlsx", ".txt", ".tsv"], types_text="CSV, XLSX", max_bytes=100 * MB,
                on_uploaded=state.uploaded, value_name=state.file_name, value_size=state.file_size,
            ),
            rx.cond(state.busy, rx.el.p(t("imports.reading_file"), class_name="small muted", role="status")),
            rx.cond(state.error, inline_error(state.error, args=state.error_args)),
            class_name="card-body stack gap-3",
        ),
        title=t("imports.upload.title"),
    )  # fmt: skip
    help_ = card(
        card_body(
            rx.el.ul(
                *(
                    rx.el.li(icon("check"), rx.el.span(t(f"imports.help.{key}")), class_name="row items-start gap-2")
                    for key in ("phone", "header", "duplicates", "safe")
                ),
                class_name="plain stack gap-2",
            )
        ),
        title=t("imports.help.title"),
    )
    recent = rx.cond(
        state.recent.length() > 0,
        card(rx.foreach(state.recent, _recent_row), title=t("imports.recent.title")),
    )
    return rx.el.div(
        rx.el.div(drop, recent, class_name="stack-gap"), rx.el.div(help_, class_name="stack-gap"), class_name="cols"
    )


def _match() -> rx.Component:
    state = ImportsState
    trouble = rx.cond(state.error, inline_error(state.error, args=state.error_args))
    return rx.el.div(
        rx.el.div(trouble, match_table(), options(), class_name="stack-gap"),
        rx.el.div(consequence(), samples_card(), class_name="stack-gap"),
        class_name="cols",
    )


def _check() -> rx.Component:
    state = ImportsState
    failed = rx.cond(
        state.check["status"] == "failed", inline_error(state.check["error"], args=state.check["error_args"])
    )
    waiting = rx.cond(
        state.is_checked | (state.check["status"] == "failed"),
        rx.fragment(),
        card(progress(state.check, state.reading, t("imports.checking")), title=t("imports.check.title")),
    )
    return rx.el.div(
        rx.el.div(
            failed,
            rx.cond(state.error, inline_error(state.error, args=state.error_args)),
            waiting,
            rx.cond(state.is_checked, outcome(state.check, is_check=True)),
            rx.cond(state.is_checked, problems_card()),
            class_name="stack-gap",
        ),
        rx.el.div(samples_card(), class_name="stack-gap"),
        class_name="cols",
    )


def _run() -> rx.Component:
    state = ImportsState
    status = state.job["status"]
    ended = rx.match(
        status,
        ("done", notice(t("imports.done"), tone="ok", icon_name="circle-check")),
        ("cancelled", notice(t("imports.cancelled.note"), tone="warn", icon_name="circle-pause")),
        ("failed", inline_error(state.job["error"], args=state.job["error_args"])),
        rx.fragment(),
    )
    running = card(
        progress(state.job, state.reading, t("imports.running", name=state.job["name"].to(str))),
        card_body(rx.el.p(t("imports.running.leave"), class_name="small muted")),
        title=t("imports.run.title"),
    )
    return rx.el.div(
        ended,
        rx.cond(state.is_running, running),
        outcome(state.job, is_check=False),
        class_name="stack-gap max-w-[820px]",
    )


def _foot() -> rx.Component:
    state = ImportsState
    back = button(t("common.back"), leading="arrow-left", on_click=state.go_to(state.step - 1))
    check = button(
        t("imports.do.check", n=state.counts["rows"].to(int)),
        look="primary",
        trailing="arrow-right",
        on_click=state.check_file,
        disabled=~state.can_check,
    )
    start = button(
        t("imports.do.import", n=state.check_total),
        look="primary",
        trailing="arrow-right",
        on_click=state.start,
        disabled=~state.is_checked | (state.check_total == 0),
    )
    leave = link_button(t("common.cancel"), routes.CONTACTS, look="quiet")
    leave_desk = link_button(t("common.cancel"), routes.CONTACTS, look="quiet", class_name="desk")
    saved = rx.el.span(t("imports.kept"), class_name="small muted desk")
    return rx.match(
        state.step,
        (UPLOAD, sticky_foot(leave, right=[rx.fragment()])),
        (MATCH, sticky_foot(leave_desk, saved, right=[back, check])),
        (CHECK, sticky_foot(leave_desk, saved, right=[back, start])),
        rx.cond(
            state.is_running,
            sticky_foot(
                button(t("imports.cancel"), look="danger", on_click=state.set_asks_cancel(True)),
                right=[link_button(t("imports.to_contacts"), routes.CONTACTS)],
            ),
            sticky_foot(
                button(t("imports.another"), look="quiet", on_click=state.start_over),
                right=[link_button(t("imports.to_contacts"), routes.CONTACTS, look="primary")],
            ),
        ),
    )  # fmt: skip


@rx.page(route=routes.CONTACTS_IMPORT, title="Sapa", on_load=[AppState.on_load, ImportsState.load, ImportsState.watch])
def contacts_import() -> rx.Component:
    """Import contacts from a file."""
    state = ImportsState
    sure = confirm(
        t("imports.cancel.title"),
        t("imports.cancel.words"),
        open_=state.asks_cancel,
        on_open_change=state.set_asks_cancel,
        confirm_text=t("imports.cancel"),
        cancel_text=t("imports.cancel.keep"),
        on_confirm=state.cancel,
    )
    body = rx.match(state.step, (UPLOAD, _upload()), (MATCH, _match()), (CHECK, _check()), (RUN, _run()), _upload())
    return shell(
        _header(),
        body,
        sure,
        title=t("imports.crumb"),
        active="contacts",
        crumbs=[(t("nav.contacts"), routes.CONTACTS)],
        foot=_foot(),
    )
