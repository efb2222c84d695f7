"""Queues in the open: what waits, what failed for good, what the clock did, whose work it is."""

from typing import Any

import reflex as rx

from pages import routes
from pages.layout import shell
from state.admin_queues import AdminQueuesState as S
from state.base import AppState
from wa_app.components.buttons import button
from wa_app.components.cards import card, definition, figure, figure_strip, page_header, segmented
from wa_app.components.chips import chip, device_state_chip, tile
from wa_app.components.dialogs import confirm, menu_item, menu_separator
from wa_app.components.feedback import empty, notice, skeleton_rows
from wa_app.components.i18n import ago, duration, number, t, t_var
from wa_app.components.table import Column, data_table, name_cell


def _seconds(value: Any) -> rx.Component:
    """A span of time; a quiet dash for none."""
    n = value.to(float)
    return rx.cond(n >= 1, duration(n), rx.el.span("–", class_name="muted"))


def _count(value: Any, tone: str = "") -> rx.Component:
    n = value.to(int)
    return rx.cond(n > 0, rx.el.span(number(n), class_name=f"strong {tone}".strip()),
                   rx.el.span("0", class_name="muted"))  # fmt: skip


def _waiting(row: Any) -> rx.Component:
    """How many wait; on a phone, where the other columns are hidden, for how long too."""
    old = rx.el.span(t("admin.oldest", time=duration(row["oldest_s"].to(float))), class_name="small muted phone-only")
    return rx.el.span(_count(row["waiting"]), rx.cond(row["oldest_s"].to(float) >= 1, old), class_name="stack")


def _when(value: Any) -> rx.Component:
    return rx.cond(value != "", ago(value), rx.el.span("–", class_name="muted"))


def _figures() -> rx.Component:
    return figure_strip(
        figure(t("admin.figure.waiting"), rx.cond(S.reachable, number(S.waiting), "–"),
               rx.cond(S.oldest_s >= 1, t("admin.oldest", time=duration(S.oldest_s)), t("admin.nothing_waits"))),
        figure(t("admin.figure.dead"), number(S.dead), t("admin.figure.dead_note")),
        figure(t("admin.figure.replies"), rx.cond(S.oldest_reply_s >= 1, duration(S.oldest_reply_s), "0"),
               t("admin.figure.replies_note")),
        figure(t("admin.figure.unknown"), number(S.unknown),
               rx.cond(S.oldest_unknown_s >= 1, t("admin.oldest", time=duration(S.oldest_unknown_s)),
                       t("admin.nothing_waits"))),
        figure(t("admin.figure.lanes"), number(S.lanes_working), t("admin.sending_now", n=S.sending)),
    )  # fmt: skip


def _queues() -> rx.Component:
    columns = [
        Column(t("admin.column.queue"), lambda row: name_cell(row["name"], t_var("admin.queue." + row["name"].to(str)),
                                                              lead=tile("layers"))),
        Column(t("admin.column.waiting"), _waiting, align="end"),
        Column(t("admin.column.oldest"), lambda row: _seconds(row["oldest_s"]), align="end", phone="hide"),
        Column(t("admin.column.delayed"), lambda row: _count(row["delayed"]), align="end", phone="hide"),
        Column(t("admin.column.in_flight"), lambda row: _count(row["in_flight"]), align="end", phone="hide"),
        Column(t("admin.column.rate"), lambda row: number(row["per_minute"], 1), align="end", phone="hide"),
        Column(t("admin.column.failed"), lambda row: _count(row["failed"], "text-bad"), align="end", phone="hide"),
        Column(t("admin.column.dead"), lambda row: _count(row["dead"], "text-bad"), align="end", phone="hide"),
    ]  # fmt: skip
    away = empty(t("admin.redis_away.title"), t("admin.redis_away.text"))
    return data_table(S.rows, columns, label=t("admin.tab.queues"), loading=~S.ready, empty=away)


def _reason(row: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(rx.cond(row["reason"] != "", row["reason"], t("admin.no_reason")), class_name="mono clip"),
        rx.cond(row["where"] != "", rx.el.span(row["where"], class_name="small muted mono clip")),
        class_name="stack min-w-0",
    )


def _letter_menu(row: Any) -> list[rx.Component]:
    return [
        menu_item(t("admin.retry"), S.retry(row["id"]), icon_name="rotate-cw"),
        menu_separator(),
        menu_item(t("admin.drop"), S.ask_drop(row["id"]), icon_name="trash-2", danger=True),
    ]


def _dead_bar() -> rx.Component:
    choices = [("", t("admin.source.all")), *((key, t(f"admin.source.{key}")) for key in ("messages", "events", "imports"))]
    all_of = rx.cond(
        (S.source != "") & (S.shown_letters.length() > 0),
        rx.el.div(
            button(t("admin.retry_all"), leading="rotate-cw", small=True, on_click=S.ask_all("retry")),
            button(t("admin.drop_all"), look="danger", leading="trash-2", small=True, on_click=S.ask_all("drop")),
            class_name="row",
        ),
    )
    return rx.el.div(
        segmented(choices, S.source, S.set_source, label=t("admin.source")),
        rx.el.span(class_name="grow desk"), all_of, class_name="tbl-bar",
    )  # fmt: skip


def _dead() -> rx.Component:
    columns = [
        Column(t("admin.column.what"), lambda row: name_cell(row["what"], row["ids"], lead=tile("mail-x"))),
        Column(t("admin.column.reason"), _reason, phone="wide"),
        Column(t("admin.column.tenant"), lambda row: rx.cond(row["tenant"] != "", row["tenant"], "–"), phone="hide"),
        Column(t("admin.column.tries"), lambda row: number(row["tries"]), align="end", phone="hide"),
        Column(t("admin.column.at"), lambda row: ago(row["at"]), align="end"),
    ]
    return data_table(
        S.shown_letters, columns, label=t("admin.tab.dead"), toolbar=_dead_bar(), row_menu=_letter_menu,
        loading=~S.ready, empty=empty(t("admin.no_dead.title"), t("admin.no_dead.text")),
    )  # fmt: skip


def _job_state(row: Any) -> rx.Component:
    return rx.cond(
        row["errors"].to(int) > 0,
        rx.el.div(chip(t("admin.job.failing", n=row["errors"].to(int)), "bad"),
                  rx.el.span(row["error"], class_name="small muted mono clip"), class_name="stack gap-[3px]"),
        rx.cond(row["late_s"].to(float) > 60, chip(t("admin.job.late", time=duration(row["late_s"])), "warn"),
                rx.cond(row["last"] != "", chip(t("admin.job.ok"), "ok"), chip(t("admin.job.never")))),
    )  # fmt: skip


def _jobs() -> rx.Component:
    columns = [
        Column(t("admin.column.job"), lambda row: name_cell(
            row["name"], t("admin.every", time=duration(row["every_s"])), lead=tile("clock"))),
        Column(t("admin.column.state"), _job_state),
        Column(t("admin.column.last_run"), lambda row: _when(row["last"]), align="end", phone="hide"),
        Column(t("admin.column.took"), lambda row: rx.cond(
            row["ms"].to(int) >= 0, t("admin.ms", n=row["ms"].to(int)), "–"), align="end", phone="hide"),
        Column(t("admin.column.next"), lambda row: _when(row["next"]), align="end", phone="hide"),
    ]  # fmt: skip
    return data_table(
        S.jobs, columns, label=t("admin.tab.jobs"), loading=~S.ready, dense=True,
        row_menu=lambda row: [menu_item(t("admin.run_now"), S.run_job(row["id"]), icon_name="play")],
        empty=empty(t("admin.no_jobs.title"), t("admin.no_jobs.text")),
    )  # fmt: skip


def _due() -> rx.Component:
    def line(row: Any) -> rx.Component:
        return definition(t_var("admin.due." + row["id"].to(str)), number(row["n"]))

    return card(
        rx.el.dl(
            rx.foreach(S.due, line),
            definition(t("admin.events_pending"), rx.el.span(
                number(S.events_pending),
                rx.cond(S.oldest_event_s >= 1, rx.fragment(" · ", duration(S.oldest_event_s))))),
            definition(t("admin.broadcast_waiting"), number(S.broadcast_waiting)),
            class_name="card-body m-0",
        ),
        title=t("admin.due"),
    )  # fmt: skip


def _tenants() -> rx.Component:
    columns = [
        Column(t("admin.column.tenant"), lambda row: name_cell(row["name"])),
        Column(t("admin.column.replies"), lambda row: _count(row["replies"]), align="end"),
        Column(t("admin.column.events"), lambda row: _count(row["events"]), align="end", phone="hide"),
        Column(t("admin.column.broadcast"), lambda row: _count(row["broadcast"]), align="end", phone="hide"),
        Column(t("admin.column.imports"), lambda row: _count(row["imports"]), align="end", phone="hide"),
    ]
    return data_table(
        S.tenants, columns, label=t("admin.tenants"), dense=True, toolbar=_heading("admin.tenants"), loading=~S.ready,
        empty=empty(t("admin.no_tenants.title"), t("admin.no_tenants.text")),
    )  # fmt: skip


def _heading(key: str) -> rx.Component:
    return rx.el.div(rx.el.h2(t(key), class_name="h2 grow"), class_name="tbl-bar")


def _lane_state(row: Any) -> rx.Component:
    return rx.cond(
        row["working"].bool(), chip(t("admin.lane.working"), "ok", live=True),
        rx.cond(row["reason"] != "", chip(t_var("campaigns.rest." + row["reason"].to(str)), "warn"),
                device_state_chip(row["status"].to(str))),
    )  # fmt: skip


def _lanes() -> rx.Component:
    columns = [
        Column(t("admin.column.device"), lambda row: name_cell(row["name"], row["tenant"], lead=tile("smartphone"))),
        Column(t("admin.column.state"), _lane_state),
        Column(t("admin.column.sending"), lambda row: _count(row["sending"]), align="end", phone="hide"),
        Column(t("admin.column.last_sent"), lambda row: _when(row["last"]), align="end", phone="hide"),
        Column(t("admin.column.next_send"), lambda row: _when(row["next"]), align="end", phone="hide"),
        Column(t("admin.column.lease"), lambda row: _when(row["until"]), align="end", phone="hide"),
    ]
    return data_table(
        S.lanes, columns, label=t("admin.lanes"), dense=True, toolbar=_heading("admin.lanes"), loading=~S.ready,
        empty=empty(t("admin.no_lanes.title"), t("admin.no_lanes.text")),
    )  # fmt: skip


def _question() -> rx.Component:
    one = S.asked_id != ""
    drop = S.asked_verb == "drop"
    title = rx.cond(
        drop,
        rx.cond(one, t("admin.ask.drop_one", what=S.asked_what), t("admin.ask.drop_all", n=S.asked_n)),
        t("admin.ask.retry_all", n=S.asked_n),
    )
    return confirm(
        title, rx.cond(drop, t("admin.ask.drop_text"), t("admin.ask.retry_text")),
        open_=S.asked, on_open_change=S.close_question,
        confirm_text=rx.cond(drop, t("admin.drop"), t("admin.retry")), on_confirm=S.confirm,
    )  # fmt: skip


@rx.page(route=routes.ADMIN_QUEUES, title="Sapa", on_load=[AppState.on_load, S.load, S.watch])
def admin_queues() -> rx.Component:
    """For platform admins: queues, dead letters, the scheduler, the ledger."""
    tabs = segmented(
        [("queues", t("admin.tab.queues")), ("dead", t("admin.tab.dead")), ("jobs", t("admin.tab.jobs")),
         ("ledger", t("admin.tab.ledger"))], S.tab, S.set_tab, label=t("admin.tabs"),
    )  # fmt: skip
    ledger = rx.el.div(rx.el.div(_due(), _tenants(), class_name="admin-split"), _lanes(), class_name="stack gap-4")
    body = rx.match(S.tab, ("dead", _dead()), ("jobs", _jobs()), ("ledger", ledger), _queues())
    return shell(
        page_header(
            t("admin.title"),
            rx.cond(S.ready, t("admin.state", workers=S.workers, waiting=S.waiting, dead=S.dead), ""),
        ),
        rx.cond(S.ready & ~S.reachable, notice(t("admin.redis_away"), tone="bad", icon_name="unplug")),
        rx.cond(S.jobs_failing > 0, notice(t("admin.jobs_failing", n=S.jobs_failing), tone="warn",
                                           icon_name="triangle-alert")),
        rx.cond(S.ready, _figures(), rx.el.div(skeleton_rows(1), class_name="card")),
        rx.el.div(tabs, class_name="admin-tabs"),
        body,
        _question(),
        title=t("admin.title"),
        active="admin_queues",
        class_name="admin",
    )  # fmt: skip
