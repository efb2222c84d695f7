"""One broadcast while it runs and after: percent, ribbon, lanes, live list, log, decisions."""

from typing import Any

import reflex as rx

from pages import routes
from pages.layout import shell
from pages.progress_extras import extra_cards
from state.base import AppState
from state.campaign_parts import CampaignPartsState as Parts
from state.campaign_progress import CampaignProgressState as S
from wa_app.components.buttons import button, link_button
from wa_app.components.cards import card, card_body, page_header, segmented, tabs
from wa_app.components.chips import campaign_state_chip, message_state, message_state_icon, tile
from wa_app.components.dialogs import confirm, dialog
from wa_app.components.editor import pulse_chart
from wa_app.components.feedback import empty, notice, skeleton_rows
from wa_app.components.i18n import clock, duration, moment, number, percent, phone, t, t_var
from wa_app.components.progress import bar, ribbon, ribbon_legend
from wa_app.components.table import (
    Column,
    Paging,
    data_table,
    filter_select,
    name_cell,
    search_box,
    toolbar,
)

DOING = ("typing", "replying", "gap", "idle", "paused", "disconnected", "failed", "off")


def _state_line() -> Any:
    begun = rx.cond(S.started_at, t("campaigns.line.started", time=moment(S.started_at)),
                    rx.cond(S.scheduled_at, t("campaigns.line.scheduled", time=moment(S.scheduled_at)), ""))  # fmt: skip
    gap = rx.cond(S.delay, t("campaigns.line.delay", gap=S.delay), "")
    return rx.fragment(begun, " · ", t("campaigns.line.devices", n=S.device_count), rx.cond(S.delay, " · ", ""), gap)


def _buttons() -> list[rx.Component]:
    going = (S.status == "PROCESSING") | (S.status == "PENDING")
    again = (S.failed > 0) & ((S.status == "PROCESSING") | (S.status == "PAUSED") | (S.status == "COMPLETED"))
    return [
        rx.cond(again, link_button(t("campaigns.retry", n=S.failed), routes.CAMPAIGNS + "/" + S.shown_id + "/report?retry=1",
                                   leading="rotate-cw")),
        button(t("campaigns.duplicate"), leading="copy", on_click=S.duplicate, class_name="desk"),
        rx.cond(going, button(t("campaigns.pause.do"), leading="pause", on_click=S.ask("pause"), class_name="desk")),
        rx.cond(S.status == "PAUSED", button(t("campaigns.resume"), look="primary", leading="play", on_click=S.resume,
                                             class_name="desk")),
        rx.cond(going | (S.status == "PAUSED"), button(t("campaigns.stop"), look="danger", leading="circle-stop",
                                                       on_click=S.ask("cancel"), class_name="desk")),
    ]  # fmt: skip


def _phone_bar() -> rx.Component:
    going = (S.status == "PROCESSING") | (S.status == "PENDING")
    stop = button(t("campaigns.stop"), look="danger", leading="circle-stop", on_click=S.ask("cancel"))
    main = rx.cond(
        S.status == "PAUSED",
        button(t("campaigns.resume"), look="primary", leading="play", on_click=S.resume),
        button(t("campaigns.pause.do"), look="primary", leading="pause", on_click=S.ask("pause")),
    )
    return rx.cond(going | (S.status == "PAUSED"), rx.el.div(stop, main, class_name="phone-action phone-only"))


def _fact(label: Any, value: Any) -> rx.Component:
    return rx.el.span(label, " ", rx.el.b(value))


def _head() -> rx.Component:
    words = rx.cond(S.planning, t("campaigns.planning", done=S.total, total=S.plan_total),
                    t("campaigns.processed", done=S.done, total=S.total))  # fmt: skip
    facts = rx.el.div(
        rx.cond(S.rate > 0, _fact(t("campaigns.rate"), t("campaigns.per_minute", n=number(S.rate, 1)))),
        _fact(t("campaigns.replies"), number(S.replied)),
        rx.cond(S.opted_out > 0, _fact(t("campaigns.opted_out"), number(S.opted_out))),
        rx.cond(S.eta, _fact(t("campaigns.eta"), rx.fragment("± ", moment(S.eta)))),
        rx.cond(S.finished_at, _fact(t("campaigns.finished"), moment(S.finished_at))),
        class_name="facts",
    )
    return rx.el.div(
        rx.el.span(percent(S.percent), class_name="big-percent"), rx.el.span(words, class_name="muted"), facts,
        class_name="progress-head", aria_live="polite",
    )  # fmt: skip


def _progress() -> rx.Component:
    return card(
        card_body(
            _head(),
            ribbon(S.counts, large=True),
            ribbon_legend(S.counts, S.total, active=S.state_filter, on_pick=S.pick_state),
        )
    )


def _notices() -> rx.Component:
    link_device = link_button(t("campaigns.see_devices"), routes.DEVICES, small=True)
    return rx.fragment(
        rx.cond(S.waiting, rx.el.div(notice(t("error.devices_disconnected"), tone="bad", icon_name="unplug",
                                            action=link_device), role="alert")),
        rx.cond(S.status == "PAUSED", notice(t_var("campaigns.pause." + S.pause_reason, S.pause_detail), tone="warn",
                                             icon_name="circle-pause",
                                             action=button(t("campaigns.resume"), small=True, on_click=S.resume))),
        rx.cond(S.unknown > 0, notice(t("campaigns.unknown.notice", n=S.unknown), tone="odd", icon_name="circle-help",
                                      action=button(t("campaigns.decide"), small=True,
                                                    on_click=S.open_decisions(True)))),
    )  # fmt: skip


def _pulse() -> rx.Component:
    switch = segmented([("rate", t("campaigns.pulse.rate")), ("sum", t("campaigns.pulse.sum"))],
                       rx.cond(S.summed, "sum", "rate"), S.show_sum, label=t("campaigns.pulse.title"))  # fmt: skip
    return card(
        card_body(pulse_chart(S.pulse, cumulative=S.summed)), title=t("campaigns.pulse.title"), action=switch
    )


def _doing(row: Any) -> rx.Component:
    words = {
        "typing": t("campaigns.doing.typing", name=row["detail"]),
        "replying": t("campaigns.doing.replying"),
        "gap": t("campaigns.doing.gap", time=duration(row["wait"])),
        "paused": t_var("campaigns.rest." + row["detail"].to(str)),
        "idle": t("campaigns.doing.idle"), "disconnected": t("campaigns.doing.disconnected"),
        "failed": t("campaigns.doing.failed"), "off": t("campaigns.doing.off"),
    }  # fmt: skip
    return rx.el.span(
        rx.match(row["doing"].to(str), *((key, words[key]) for key in DOING), ""),
        class_name="small clip doing-" + row["doing"].to(str),
    )


def _lane(row: Any) -> rx.Component:
    used, cap = row["today"].to(int), row["cap"].to(int)
    today = rx.cond(cap > 0, number(used) + " / " + number(cap), number(used))
    hour = rx.cond(
        row["hour_cap"].to(int) > 0,
        t("campaigns.lane.hour", n=row["hour"], cap=row["hour_cap"]),
        t("campaigns.lane.share", n=percent(row["share"])),
    )
    share = bar(row["share"], 100, label=t("campaigns.lane.share", n=percent(row["share"])))
    return rx.el.div(
        tile("smartphone"),
        rx.el.div(rx.el.span(row["name"], class_name="strong clip"), _doing(row), class_name="stack"),
        share,
        rx.el.span(today, class_name="fig"),
        rx.el.span(hour, class_name="fig small hour"),
        class_name="lane", key=row["id"].to(str),
    )  # fmt: skip


def _lanes() -> rx.Component:
    return card(
        rx.cond(S.lanes.length() > 0, rx.foreach(S.lanes, _lane),
                card_body(rx.el.p(t("campaigns.lanes.none"), class_name="muted"))),
        title=t("campaigns.lanes"), note=t("campaigns.lanes.note"),
    )  # fmt: skip


def _reason(row: Any) -> rx.Component:
    tone = rx.match(
        row["status"].to(str), ("failed", "small reason clip"), ("unknown", "small reason odd clip"), "small muted clip"
    )
    return rx.el.span(t_var("reason." + row["reason"].to(str)), class_name=tone)


def _live_row(row: Any) -> rx.Component:
    return rx.el.div(
        message_state_icon(row["status"].to(str)),
        rx.el.div(
            rx.el.span(row["name"], class_name="strong clip"),
            rx.el.span(phone(row["phone"]), class_name="small muted clip"), class_name="stack",
        ),
        rx.el.div(
            rx.el.span(clock(row["at"], seconds=True), class_name="small muted"),
            rx.cond(row["reason"], _reason(row), rx.el.span(row["device"], class_name="small muted clip")),
            class_name="stack end",
        ),
        class_name="live-row", key=row["id"].to(str),
    )  # fmt: skip


def _live() -> rx.Component:
    nothing = card_body(rx.el.p(t("campaigns.live.none"), class_name="muted"))
    return card(
        rx.cond(S.live_rows.length() > 0, rx.foreach(S.live_rows, _live_row), nothing), title=t("campaigns.live")
    )


def _log() -> rx.Component:
    states = ("planned", "sending", "sent", "delivered", "read", "unknown", "failed", "skipped", "cancelled")
    export = rx.el.a(
        button(t("table.export"), leading="download"),
        href="/api/v1/campaigns/" + S.shown_id + "/export", download=True, tab_index=-1,
    )  # fmt: skip
    devices = rx.el.select(
        rx.el.option(t("campaigns.log.all_devices"), value=""),
        rx.foreach(S.device_options, lambda pair: rx.el.option(pair[1], value=pair[0])),
        value=S.device_filter, on_change=S.pick_device, aria_label=t("campaigns.log.device"),
        class_name="input w-auto max-w-[200px]",
    )  # fmt: skip
    outcome = rx.el.div
    return data_table(
        S.log,
        [
            Column(t("campaigns.log.person"), lambda row: name_cell(row["name"], phone(row["phone"]))),
            Column(t("campaigns.log.state"), lambda row: message_state(row["status"].to(str))),
            Column(t("campaigns.log.reason"), lambda row: outcome(rx.cond(row["reason"], _reason(row), "")),
                   phone="wide"),
            Column(t("campaigns.log.device"), lambda row: rx.el.span(row["device"], class_name="muted"), phone="hide"),
            Column(t("campaigns.log.time"),
                   lambda row: rx.cond(row["at"], moment(row["at"]), rx.el.span("–", class_name="muted")),
                   align="end", phone="hide"),
        ],
        label=t("campaigns.log"),
        toolbar=toolbar(
            search_box(S.query, S.search, placeholder=t("campaigns.log.search")),
            filter_select(
                t("campaigns.log.state"),
                [("", t("campaigns.log.all_states")), *((one, t(f"status.{one}")) for one in states)],
                value=S.state_filter, on_change=S.pick_state,
            ),
            devices, right=[export],
        ),
        paging=Paging(S.first, S.last, S.found, S.first > 1, S.next_id != "", S.previous_page, S.next_page),
        filtered=(S.state_filter != "") | (S.query != "") | (S.device_filter != ""),
        on_clear=S.clear_filters, dense=True,
        empty=card_body(rx.el.p(t("campaigns.log.none"), class_name="muted")),
    )  # fmt: skip


def _questions() -> list[rx.Component]:
    def one(verb: str, *, destructive: bool, **args: Any) -> rx.Component:
        return confirm(
            t(f"campaigns.ask.{verb}.title", **args), t(f"campaigns.ask.{verb}.text", **args),
            open_=S.asked == verb, on_open_change=S.close_question, confirm_text=t(f"campaigns.ask.{verb}.do", **args),
            cancel_text=t(f"campaigns.ask.{verb}.leave"), on_confirm=S.confirm, destructive=destructive,
        )  # fmt: skip

    choices = rx.el.div(
        *(button(t(f"campaigns.decide.{one}"), on_click=S.decide(one), wide=True) for one in ("sent", "failed", "retry")),
        class_name="stack gap-2",
    )
    return [
        one("pause", destructive=False, n=S.left),
        one("cancel", destructive=True, n=S.left),
        one("retry", destructive=False, n=S.failed),
        dialog(
            choices, title=t("campaigns.decide.title", n=S.unknown), note=t("campaigns.decide.text"),
            open_=S.deciding, on_open_change=S.open_decisions,
        ),
    ]  # fmt: skip


@rx.page(route=routes.CAMPAIGN, title="Sapa", on_load=[AppState.on_load, S.load, Parts.load, S.watch, Parts.watch])
def campaign_progress() -> rx.Component:
    """How one broadcast is doing, live."""
    body = rx.el.div(
        _notices(),
        _progress(),
        rx.el.div(
            rx.el.div(rx.cond(S.pulse.length() > 2, _pulse()), _lanes(), class_name="stack-gap"), _live(),
            class_name="cols",
        ),
        extra_cards(),
        _log(),
        class_name="stack-gap",
    )  # fmt: skip
    lost = empty(t("campaigns.missing.title"), t("error.not_found"),
                 link_button(t("campaigns.all"), routes.CAMPAIGNS, look="primary"))  # fmt: skip
    return shell(
        page_header(S.name, rx.cond(S.ready, _state_line(), ""), *_buttons(),
                    chip=rx.cond(S.ready, campaign_state_chip(S.status))),
        tabs([("progress", t("report.tab.progress"), routes.CAMPAIGNS + "/" + S.shown_id),
              ("report", t("report.tab.report"), routes.CAMPAIGNS + "/" + S.shown_id + "/report")], "progress"),
        rx.cond(S.missing, lost, rx.cond(S.ready, body, card(skeleton_rows(6)))),
        *_questions(),
        _phone_bar(),
        title=S.name, active="campaigns", crumbs=[(t("campaigns.title"), routes.CAMPAIGNS)],
    )  # fmt: skip
