"""Taking group members over: work at the left, what it means at the right, three petal steps."""

from typing import Any

import reflex as rx

from pages import routes
from pages.contact_tabs import contact_tabs
from pages.layout import shell
from state.base import AppState
from state.groups import MARK, PICK, RUN, GroupsState
from wa_app.components.buttons import button, link_button
from wa_app.components.cards import card, card_body, card_row, page_header
from wa_app.components.chips import chip, tile
from wa_app.components.dialogs import confirm
from wa_app.components.feedback import empty, inline_error, notice, skeleton_rows
from wa_app.components.forms import checkbox, field, switch, text_field
from wa_app.components.i18n import ago, clock, error_text, moment, number, t
from wa_app.components.icons import icon
from wa_app.components.progress import bar
from wa_app.components.table import search_box, toolbar
from wa_app.components.ticking import tick_box
from wa_app.components.wizard import steps, sticky_foot


def _header() -> rx.Component:
    state = GroupsState
    names = [t("groups.step.pick"), t("groups.step.mark"), t("groups.step.run")]
    return rx.el.div(
        page_header(t("groups.title"), t("groups.state")),
        steps(names, state.step, on_pick=state.go_to),
        class_name="row flex-wrap justify-between gap-3",
    )


def _status(status: Any) -> rx.Component:
    return rx.match(
        rx.Var.create(status).to(str),
        ("done", chip(t("imports.status.done"), "ok")),
        ("failed", chip(t("imports.status.failed"), "bad")),
        ("cancelled", chip(t("imports.status.cancelled"))),
        ("running", chip(t("imports.status.running"), "spark", live=True)),
        chip(t("imports.status.queued"), "brand"),
    )


def _device() -> rx.Component:
    state = GroupsState

    def one(row: Any) -> rx.Component:
        away = row["label"].to(str) + " · " + t("groups.device.away")
        words = rx.cond(row["status"] == "CONNECTED", row["label"].to(str), away)
        return rx.el.option(words, value=row["id"])

    return field(
        t("groups.device"), "grab_device",
        rx.el.select(
            rx.foreach(state.devices, one), value=state.device_id, on_change=state.pick_device, id="grab_device",
            class_name="input",
        ),
        help_=t("groups.device.help"),
    )  # fmt: skip


def _group(row: Any) -> rx.Component:
    on = GroupsState.picked_ids.contains(row["id"])
    box = tick_box(checked=on, on_change=GroupsState.toggle(row["id"]))
    return rx.el.label(
        rx.el.span(box, class_name="check"),
        tile("users"),
        rx.el.span(row["name"], class_name="strong clip grow"),
        rx.cond(row["size"].to(int) > 0, rx.el.span(t("groups.size", n=row["size"].to(int)), class_name="small muted")),
        class_name="card-row cursor-pointer",
        key=row["id"].to(str),
    )


def _list_words() -> rx.Component:
    state = GroupsState
    return rx.cond(
        state.is_loading,
        rx.el.span(icon("loader", class_name="spin"), t("groups.loading"), class_name="row small muted", role="status"),
        rx.cond(
            state.fetched_at, rx.el.span(t("groups.fetched", ago=ago(state.fetched_at)), class_name="small muted")
        ),
    )


def _groups() -> rx.Component:
    state = GroupsState
    bar_ = toolbar(
        search_box(state.q, state.search, placeholder=t("groups.search")),
        _list_words(),
        right=[
            button(t("groups.toggle_all"), look="quiet", on_click=state.toggle_all, disabled=state.rows.length() == 0),
            button(t("groups.refresh"), leading="rotate-cw", on_click=state.refresh, disabled=state.is_loading),
        ],
    )
    none = rx.cond(
        state.is_loading,
        skeleton_rows(4),
        rx.cond(
            state.q,
            rx.el.p(t("table.nothing_found"), class_name="empty", role="status"),
            rx.cond(state.list_error, rx.fragment(), empty(t("groups.none.title"), t("groups.none.words"))),
        ),
    )
    trouble = rx.cond(
        state.list_error, card_body(inline_error(state.list_error, on_retry=state.refresh)), rx.fragment()
    )
    more = rx.cond(
        state.found > state.rows.length(),
        card_body(rx.el.p(t("groups.more", n=state.found), class_name="small muted")),
    )
    rows = rx.el.div(rx.foreach(state.rows, _group), class_name="max-h-[520px] overflow-y-auto", tab_index=0,
                     role="group", aria_label=t("groups.list"))  # fmt: skip
    return rx.el.section(bar_, trouble, rx.cond(state.rows.length() > 0, rows, none), more, class_name="card")


def _chosen() -> rx.Component:
    """What has been chosen so far; always in sight."""
    state = GroupsState
    names = rx.el.ul(
        rx.foreach(state.picked_names, lambda name: rx.el.li(icon("check", 14), name, class_name="row gap-2 clip")),
        class_name="plain stack gap-1",
    )
    return card(
        card_body(
            rx.el.p(
                rx.el.b(number(state.picked_count), class_name="figure me-2"),
                rx.el.span(t("groups.chosen"), class_name="muted"),
                role="status",
            ),
            names,
            class_name="stack gap-3",
        ),
        title=t("groups.choice"),
    )


def _warning() -> rx.Component:
    return notice(
        rx.el.p(t("groups.consent.title"), class_name="strong"),
        rx.el.p(t("groups.consent.words")),
        tone="warn",
        icon_name="triangle-alert",
    )


def _recent_row(row: Any) -> rx.Component:
    return card_row(
        tile("users"),
        rx.el.div(
            rx.el.span(row["name"], class_name="strong clip"),
            rx.el.span(t("groups.recent.counts", created=row["created"].to(int), known=row["known"].to(int)),
                       class_name="small muted clip"),
            class_name="stack grow",
        ),
        rx.el.span(moment(row["created_at"]), class_name="small muted desk"),
        _status(row["status"]),
        href=routes.CONTACTS_GROUPS + "?job=" + row["id"].to(str),
        key=row["id"].to(str),
    )  # fmt: skip


def _recent() -> rx.Component:
    rows = GroupsState.recent
    return rx.cond(rows.length() > 0, card(rx.foreach(rows, _recent_row), title=t("groups.recent.title")))


def _pick() -> rx.Component:
    state = GroupsState
    no_device = card(
        empty(
            t("groups.no_device.title"), t("groups.no_device.words"),
            link_button(t("palette.link_device"), routes.DEVICES, look="primary"),
        )
    )  # fmt: skip
    work = rx.el.div(card(card_body(_device())), _groups(), class_name="stack-gap")
    return rx.el.div(
        rx.cond(state.ready, rx.cond(state.devices.length() > 0, work, no_device), card(skeleton_rows(4))),
        rx.el.div(_chosen(), _warning(), _recent(), class_name="stack-gap"),
        class_name="cols",
    )


def _mark() -> rx.Component:
    state = GroupsState
    options = card(
        card_body(
            switch(t("groups.tag_by_group"), state.tag_by_group, state.flip_tag_by_group),
            text_field(
                t("groups.tags"), "grab_tags", value=state.tags, on_change=state.set_tags, optional=True,
                help_=t("contacts.tags.help"), max_length=500, auto_complete="off",
            ),
            switch(t("groups.skip_admins"), state.skip_admins, state.flip_skip_admins),
            class_name="stack gap-4",
        ),
        title=t("groups.step.mark"),
    )  # fmt: skip
    agree = card(
        card_body(
            _warning(),
            checkbox(t("groups.agree"), checked=state.agreed, on_change=state.set_agreed),
            rx.cond(state.error, inline_error(state.error)),
            class_name="stack gap-3",
        )
    )
    rules = card(
        card_body(
            rx.el.ul(
                *(
                    rx.el.li(icon("check"), rx.el.span(t(f"groups.rule.{key}")), class_name="row items-start gap-2")
                    for key in ("self", "known", "hidden", "suppressed")
                ),
                class_name="plain stack gap-2",
            )
        ),
        title=t("groups.rules"),
    )
    return rx.el.div(
        rx.el.div(options, agree, class_name="stack-gap"), rx.el.div(_chosen(), rules, class_name="stack-gap"),
        class_name="cols",
    )  # fmt: skip


def _line(words: Any, n: Any) -> rx.Component:
    return rx.el.li(rx.el.span(words, class_name="grow"), rx.el.b(number(n)), class_name="row py-1")


def _progress() -> rx.Component:
    state, job = GroupsState, GroupsState.job
    done, total = job["processed"].to(int), job["total"].to(int)
    listing = rx.el.p(
        t("groups.listing", done=job["groups_done"].to(int), total=job["groups"].to(int)), class_name="small muted",
        role="status",
    )  # fmt: skip
    storing = rx.fragment(
        bar(done, total, label=t("groups.storing", done=done, total=total)),
        rx.el.p(t("groups.storing", done=done, total=total), class_name="small muted", role="status"),
    )
    waiting = rx.cond(
        job["waiting"],
        notice(
            rx.match(
                job["waiting"].to(str),
                ("rate_limited", t("groups.waits.rate_limited", time=clock(job["due_at"]))),
                t("groups.waits.device_away", time=clock(job["due_at"])),
            ),
            tone="warn",
            icon_name="clock",
        ),
    )
    return rx.cond(
        state.is_running,
        rx.el.div(rx.cond(state.is_listing, listing, storing), waiting, class_name="stack gap-3"),
    )


def _run() -> rx.Component:
    state, job = GroupsState, GroupsState.job
    more = rx.cond(job["more"].to(int) > 0, t("groups.and_more", n=job["more"].to(int)), "")
    counts = rx.el.ul(
        _line(t("groups.count.new"), job["created"].to(int)),
        _line(t("groups.count.known"), job["known"].to(int)),
        _line(t("groups.count.hidden"), job["hidden"].to(int)),
        _line(t("groups.count.skipped"), job["skipped"].to(int)),
        class_name="plain",
    )
    failed = rx.cond(
        job["status"] == "failed",
        notice(
            error_text(rx.cond(job["error"].to(str).contains("_limit_reached"), job["error"].to(str),
                               "groups_" + job["error"].to(str))),
            tone="bad", icon_name="circle-alert", action=button(t("groups.resume"), small=True, on_click=state.resume),
        ),
    )  # fmt: skip
    stopped = rx.cond(
        job["status"] == "cancelled",
        notice(t("groups.stopped"), action=button(t("groups.resume"), small=True, on_click=state.resume)),
    )
    return rx.el.div(
        rx.el.div(
            card(
                card_body(
                    rx.el.div(
                        tile("users"),
                        rx.el.span(job["name"], " ", more, class_name="strong grow"),
                        _status(job["status"]),
                        class_name="row gap-2",
                    ),
                    _progress(),
                    failed,
                    stopped,
                    counts,
                    class_name="stack gap-3",
                ),
                title=t("groups.step.run"),
            ),
            class_name="stack-gap",
        ),
        rx.el.div(_warning(), _recent(), class_name="stack-gap"),
        class_name="cols",
    )


def _foot() -> rx.Component:
    state = GroupsState
    leave = link_button(t("common.cancel"), routes.CONTACTS, look="quiet", class_name="desk")
    onward = button(
        t("groups.next", n=state.picked_count), look="primary", trailing="arrow-right", on_click=state.go_to(MARK),
        disabled=state.picked_count == 0,
    )  # fmt: skip
    start = button(
        t("groups.start", n=state.picked_count), look="primary", on_click=state.start, disabled=~state.agreed
    )
    back = button(t("common.back"), leading="arrow-left", on_click=state.go_to(PICK))
    contacts = link_button(t("imports.to_contacts"), routes.CONTACTS)
    return rx.match(
        state.step,
        (MARK, sticky_foot(leave, right=[back, start])),
        (
            RUN,
            rx.cond(
                state.is_running,
                sticky_foot(
                    button(t("groups.cancel"), look="danger", on_click=state.set_asks_cancel(True)), right=[contacts]
                ),
                sticky_foot(button(t("groups.another"), look="quiet", on_click=state.start_over), right=[contacts]),
            ),
        ),
        sticky_foot(leave, right=[onward]),
    )


@rx.page(route=routes.CONTACTS_GROUPS, title="Sapa", on_load=[AppState.on_load, GroupsState.load, GroupsState.watch])
def groups() -> rx.Component:
    """Take the members of WhatsApp groups over as contacts."""
    state = GroupsState
    return shell(
        _header(),
        contact_tabs("groups"),
        rx.match(state.step, (MARK, _mark()), (RUN, _run()), _pick()),
        confirm(
            t("groups.cancel.title"),
            t("groups.cancel.words"),
            open_=state.asks_cancel,
            on_open_change=state.set_asks_cancel,
            confirm_text=t("groups.cancel"),
            cancel_text=t("groups.cancel.keep"),
            on_confirm=state.cancel,
        ),
        title=t("groups.crumb"),
        active="contacts",
        crumbs=[(t("nav.contacts"), routes.CONTACTS)],
        foot=_foot(),
    )
