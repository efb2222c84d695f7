"""Parts of a campaign's report: bars by the hour, the funnel, the gauge of risk."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from wa_app.components.i18n import library, number, percent, t, t_var
from wa_app.components.inline import inline


class HoursChart(rx.NoSSRComponent):
    """Messages that left and were read, hour by hour."""

    tag = "HoursChart"

    points: rx.Var[list[dict[str, Any]]]


def hours_chart(points: Any) -> rx.Component:
    """Bars of `{at: ISO time, sent, delivered, read, replied}` by the hour."""
    library()
    HoursChart.library = rx.asset("hours.jsx", shared=True).importable_path
    chart: rx.Component = HoursChart.create(points=points)
    return chart


def funnel(steps: Sequence[tuple[Any, Any, str, Any]], whole: Any) -> rx.Component:
    """Bars under one another: (label, number, class of the fill, whether to show it); shares of `whole`."""
    divisor = rx.cond(rx.Var.create(whole).to(float) > 0, whole, 1).to(float)

    def one(label: Any, n: Any, fill: str, shown: Any) -> rx.Component:
        share = rx.Var.create(n).to(float) * 100 / divisor
        row = rx.el.div(
            rx.el.dt(label, class_name="muted clip"),
            rx.el.dd(
                rx.el.span(rx.el.i(class_name=fill, custom_attrs=inline(share=share)), class_name="funnel-bar"),
                rx.el.b(number(n)), rx.el.span(percent(share), class_name="small muted"),
            ),
            class_name="funnel-row",
        )  # fmt: skip
        return row if shown is True else rx.cond(shown, row)

    return rx.el.dl(*(one(*step) for step in steps), class_name="funnel")


def risk_gauge(score: Any, level: Any, reasons: Any) -> rx.Component:
    """How likely a block is, from 0 to 100, with the reasons in words; `reasons` are `{code, points, args}`."""
    grade = rx.Var.create(level).to(str)
    head = rx.el.div(
        rx.el.span(t("risk.title"), class_name="strong grow"),
        rx.el.span(t_var("risk.level." + grade), class_name=rx.Var.create("risk-word ").to(str) + grade),
        class_name="row",
    )
    meter = rx.el.div(
        *(rx.el.i(class_name=f"zone {zone}") for zone in ("low", "medium", "high")),
        rx.el.b(custom_attrs=inline(at=score)),
        class_name="risk-meter", role="img",
        aria_label=t("risk.summary", level=t_var("risk.level." + grade), score=score),
    )  # fmt: skip

    def reason(one: Any) -> rx.Component:
        words = t_var("risk." + one["code"].to(str), one["args"])
        return rx.el.li(rx.el.span(words, class_name="grow"), rx.el.span("+", number(one["points"]), class_name="small muted"), class_name="row")

    listed = rx.Var.create(reasons).to(list[dict[str, Any]])
    return rx.el.section(
        head, meter,
        rx.cond(listed.length() > 0, rx.el.ul(rx.foreach(listed, reason), class_name="risk-reasons"),
                rx.el.p(t("risk.none"), class_name="small muted")),
        rx.el.p(t("risk.help"), class_name="small muted"),
        class_name="card card-body risk", aria_label=t("risk.title"),
    )  # fmt: skip
