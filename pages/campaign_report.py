"""The report of one broadcast: funnel, hours, numbers, reasons; files; writing and trying again."""

from typing import Any

import reflex as rx

from pages import routes
from pages.layout import shell
from state.base import AppState
from state.campaign_report import CampaignReportState as S
from wa_app.components.buttons import button, icon_button, link, link_button
from wa_app.components.cards import card, card_body, figure, figure_strip, page_header, tabs
from wa_app.components.chips import campaign_state_chip, message_state, tile
from wa_app.components.dialogs import confirm, dialog, menu, menu_item
from wa_app.components.feedback import empty, notice, skeleton_rows
from wa_app.components.i18n import duration, error_text, file_size, moment, number, percent, t, t_var
from wa_app.components.icons import icon
from wa_app.components.progress import bar
from wa_app.components.reports import funnel, hours_chart
from wa_app.components.ticking import tick_box


def _line() -> Any:
    span = rx.cond(S.finished_at, rx.fragment(moment(S.started_at), " – ", moment(S.finished_at)), moment(S.started_at))
    speed = rx.cond(S.per_minute > 0, t("report.speed", n=number(S.per_minute, 1), time=duration(S.seconds)), "")
    return rx.fragment(span, rx.cond(S.per_minute > 0, " · ", ""), speed)


def _actions() -> list[rx.Component]:
    files = menu(
        button(t("table.export"), leading="download"),
        menu_item(t("report.file.pdf"), S.export("pdf"), icon_name="file-text"),
        menu_item(t("report.file.csv"), S.export("csv"), icon_name="sheet"),
    )
    again = button(t("report.resend", n=S.silent), look="primary", leading="send", on_click=S.open_resend(True),
                   disabled=S.silent == 0)  # fmt: skip
    return [files, rx.cond(S.figures["sent"] > 0, again)]


def _delta(key: str) -> rx.Component:
    points = S.deltas[key].to(float)
    sign = rx.cond(points > 0, "+", "")
    return rx.cond(
        S.deltas.contains(key),
        rx.el.span(
            sign, number(points, 1), " ", t("report.points"),
            class_name=rx.cond(points > 0, "delta-up", rx.cond(points < 0, "delta-down", "")),
        ),
        number(S.figures[key]),
    )  # fmt: skip


def _figures() -> rx.Component:
    def one(key: str, note: Any) -> rx.Component:
        return figure(t(f"report.{key}"), percent(S.shares[key]), note)

    return figure_strip(
        figure(t("report.sent"), number(S.figures["sent"]), t("report.of_people", n=S.figures["planned"])),
        one("delivered", _delta("delivered")), one("read", _delta("read")), one("replied", _delta("replied")),
        one("opted_out", number(S.figures["opted_out"])),
    )  # fmt: skip


def _funnel() -> rx.Component:
    steps = [
        (t("report.planned"), S.figures["planned"], "st-planned", True),
        (t("report.sent"), S.figures["sent"], "st-sent", True),
        (t("report.delivered"), S.figures["delivered"], "st-delivered", True),
        (t("report.read"), S.figures["read"], "st-read", True),
        (t("report.replied"), S.figures["replied"], "replied", True),
        (t("report.clicked"), S.figures["clicked"], "clicked", S.has_clicks),
    ]
    return card(card_body(funnel(steps, S.figures["planned"])), title=t("report.funnel"))


def _hours() -> rx.Component:
    swatches = rx.el.div(
        *(rx.el.span(rx.el.i(class_name=f"swatch st-{key}"), t(f"report.{key}")) for key in ("sent", "read")),
        class_name="swatches",
    )
    counting = rx.cond(
        S.counting,
        rx.el.p(icon("loader", 13), " ", rx.cond(S.as_of, t("report.as_of", time=moment(S.as_of)), t("report.counting")),
                class_name="small muted row gap-1", role="status"),
    )  # fmt: skip
    median = rx.cond(
        S.median_read_s >= 0,
        rx.el.p(t("report.median_read", time=duration(S.median_read_s)), class_name="small muted"),
    )
    chart = rx.cond(S.hours.length() > 0, hours_chart(S.hours), rx.el.p(t("report.hours.none"), class_name="muted"))
    return card(
        card_body(rx.el.div(chart, median, counting, class_name="stack gap-2")), title=t("report.hours"), action=swatches
    )


def _table(head: list[Any], rows: Any, row: Any, title: Any, **more: Any) -> rx.Component:
    table = rx.el.table(
        rx.el.thead(rx.el.tr(*(rx.el.th(one, scope="col") for one in head))), rx.el.tbody(rx.foreach(rows, row)),
        class_name="plain-table",
    )
    return card(rx.el.div(table, class_name="scroll-x", tab_index=0, role="region", aria_label=title), title=title, **more)


def _devices() -> rx.Component:
    def row(one: Any) -> rx.Component:
        return rx.el.tr(
            rx.el.td(one["name"]), rx.el.td(number(one["taken"])), rx.el.td(number(one["arrived"])),
            rx.el.td(percent(one["delivered_share"])), rx.el.td(percent(one["read_share"])), rx.el.td(number(one["failed"])),
        )  # fmt: skip

    head = [t(f"report.{key}") for key in ("device", "taken", "sent", "delivered", "read", "failed")]
    return rx.cond(S.devices.length() > 0, _table(head, S.devices, row, t("report.devices")))


def _variants() -> rx.Component:
    def row(one: Any) -> rx.Component:
        return rx.el.tr(rx.el.td(one["name"]), rx.el.td(number(one["sent"])), rx.el.td(percent(one["read"])),
                        rx.el.td(percent(one["replied"])))  # fmt: skip

    head = [t(f"report.{key}") for key in ("variant", "sent", "read", "replied")]
    return rx.cond(S.variants.length() > 0, _table(head, S.variants, row, t("report.variants")))


def _reason_words(one: Any) -> Any:
    return rx.cond(one["code"], t_var("reason." + one["code"].to(str)), t("report.no_reason"))


def _reasons() -> rx.Component:
    def row(one: Any) -> rx.Component:
        return rx.el.div(
            message_state(one["state"].to(str)),
            rx.el.span(_reason_words(one), class_name="grow clip"), rx.el.b(number(one["n"])),
            class_name="reason-row",
        )  # fmt: skip

    nothing = card_body(rx.el.p(t("report.reasons.none"), class_name="muted"))
    action = rx.cond(
        S.can_retry > 0, button(t("report.retry"), small=True, leading="rotate-cw", on_click=S.open_retry(True))
    )
    return card(rx.cond(S.reasons.length() > 0, rx.foreach(S.reasons, row), nothing), title=t("report.reasons"),
                note=rx.cond(S.lost_n > 0, number(S.lost_n), ""), action=action)  # fmt: skip


def _compared() -> rx.Component:
    def shares(values: Any, knows: Any) -> list[rx.Component]:
        return [
            rx.el.td(number(values["sent"])), rx.el.td(percent(values["delivered"])), rx.el.td(percent(values["read"])),
            rx.el.td(rx.cond(knows, percent(values["replied"]), "–")),
        ]  # fmt: skip

    now = {"sent": S.figures["sent"], **{key: S.shares[key] for key in ("delivered", "read", "replied")}}
    head = [t(f"report.{key}") for key in ("broadcast", "sent", "delivered", "read", "replied")]
    table = rx.el.table(
        rx.el.thead(rx.el.tr(*(rx.el.th(one, scope="col") for one in head))),
        rx.el.tbody(
            rx.el.tr(rx.el.td(rx.el.b(S.name)), *shares(now, True)),
            rx.el.tr(
                rx.el.td(link(S.previous["name"].to(str), href=routes.CAMPAIGNS + "/" + S.previous["id"].to(str) + "/report")),
                *shares({key: S.previous[key].to(float) for key in ("sent", "delivered", "read", "replied")},
                        S.previous["knows_replies"].to(bool)),
            ),
        ),
        class_name="plain-table",
    )  # fmt: skip
    box = rx.el.div(table, class_name="scroll-x", tab_index=0, role="region", aria_label=t("report.compared"))
    return rx.cond(S.previous.contains("id"), card(box, title=t("report.compared")))


def _file(one: Any) -> rx.Component:
    is_open = (one["status"] == "queued") | (one["status"] == "running")
    name = rx.cond(one["kind"] == "pdf", t("report.file.pdf"), t("report.file.csv"))
    state = rx.match(
        one["status"].to(str),
        ("done", rx.fragment(rx.cond(one["url"], file_size(one["size"]) + " · " + moment(one["at"]), t("report.file.gone")))),
        ("failed", rx.fragment(error_text(one["error"].to(str)))),
        ("cancelled", rx.fragment(t("report.file.cancelled"))),
        rx.fragment(rx.cond(one["total"].to(int) > 1, t("report.file.progress", done=one["done"], total=one["total"]),
                            t("report.file.making"))),
    )
    end = rx.cond(
        is_open,
        icon_button("x", t("report.file.cancel"), on_click=S.cancel_export(one["id"])),
        rx.cond(
            one["url"],
            rx.el.a(icon("download"), rx.el.span(t("report.file.download"), class_name="sr"), href=one["url"].to(str),
                    class_name="icon-btn", download=True),
        ),
    )  # fmt: skip
    return rx.el.div(
        tile("file-down"),
        rx.el.div(
            rx.el.span(name, class_name="strong clip"), rx.el.span(state, class_name="small muted clip"),
            rx.cond(is_open & (one["total"].to(int) > 1), bar(one["done"], one["total"], label=name)),
            class_name="stack grow gap-1",
        ),
        end, class_name="reason-row", key=one["id"].to(str),
    )  # fmt: skip


def _files() -> rx.Component:
    return rx.cond(
        S.files.length() > 0,
        card(rx.el.div(rx.foreach(S.files, _file), aria_live="polite"), title=t("report.files"), note=t("report.files.note")),
    )


def _resend_dialog() -> rx.Component:
    return confirm(
        t("report.resend.title", n=S.silent), t("report.resend.text", name=S.name), open_=S.resending,
        on_open_change=S.open_resend, on_confirm=S.resend, destructive=False, confirm_text=t("report.resend.do"),
        busy=S.busy,
    )  # fmt: skip


def _retry_dialog() -> rx.Component:
    def choice(one: Any) -> rx.Component:
        box = tick_box(checked=S.chosen.contains(one["code"]), on_change=S.toggle_reason(one["code"]))
        row = rx.el.label(box, rx.el.span(_reason_words(one), class_name="grow"), rx.el.b(number(one["n"])), class_name="check")
        return rx.cond((one["state"] == "failed") & one["may_retry"].to(bool), row)

    def lost(one: Any) -> rx.Component:
        row = rx.el.li(rx.el.span(_reason_words(one), class_name="grow"), number(one["n"]), class_name="row small muted")
        return rx.cond((one["state"] == "failed") & ~one["may_retry"].to(bool), row)

    unknown = rx.cond(
        S.unknown_n > 0,
        rx.el.div(
            rx.el.label(
                tick_box(checked=S.with_unknown, on_change=S.toggle_unknown),
                rx.el.span(t("report.retry.unknown"), class_name="grow"), rx.el.b(number(S.unknown_n)), class_name="check",
            ),
            rx.cond(S.with_unknown, notice(t("report.retry.warning"), tone="odd", icon_name="circle-help")),
            class_name="stack gap-2",
        ),
    )  # fmt: skip
    return dialog(
        rx.el.div(
            rx.foreach(S.reasons, choice), unknown,
            rx.el.p(t("report.retry.never"), class_name="small muted pt-2"),
            rx.el.ul(rx.foreach(S.reasons, lost), class_name="stack gap-1 m-0 p-0 list-none"),
            class_name="stack gap-2 pt-3",
        ),
        title=t("report.retry.title"), note=t("report.retry.note"), open_=S.retrying, on_open_change=S.open_retry,
        foot=[
            button(t("common.cancel"), on_click=S.open_retry(False)),
            button(t("report.retry.do", n=S.chosen_n), look="primary", on_click=S.retry, disabled=S.chosen_n == 0, busy=S.busy),
        ],
    )  # fmt: skip


@rx.page(route=routes.CAMPAIGN_REPORT, title="Sapa", on_load=[AppState.on_load, S.load, S.watch])
def campaign_report() -> rx.Component:
    """How one broadcast went."""
    again = rx.cond(
        S.resend_of != "",
        notice(t("report.is_resend"), tone="info", icon_name="corner-down-right",
               action=link_button(t("report.is_resend.see"), routes.CAMPAIGNS + "/" + S.resend_of + "/report", small=True)),
    )  # fmt: skip
    body = rx.el.div(
        again,
        _figures(),
        rx.el.div(
            rx.el.div(_funnel(), _hours(), _devices(), _variants(), _compared(), class_name="stack-gap"),
            rx.el.div(_files(), _reasons(), class_name="stack-gap"),
            class_name="cols",
        ),
        class_name="stack-gap",
    )  # fmt: skip
    lost = empty(t("campaigns.missing.title"), t("error.not_found"),
                 link_button(t("campaigns.all"), routes.CAMPAIGNS, look="primary"))  # fmt: skip
    return shell(
        page_header(S.name, rx.cond(S.ready, _line(), ""), *_actions(), chip=rx.cond(S.ready, campaign_state_chip(S.status))),
        tabs([("progress", t("report.tab.progress"), routes.CAMPAIGNS + "/" + S.shown_id),
              ("report", t("report.tab.report"), routes.CAMPAIGNS + "/" + S.shown_id + "/report")], "report"),
        rx.cond(S.missing, lost, rx.cond(S.ready, body, card(skeleton_rows(6)))),
        _resend_dialog(), _retry_dialog(),
        title=S.name, active="campaigns", crumbs=[(t("campaigns.title"), routes.CAMPAIGNS)],
    )  # fmt: skip
