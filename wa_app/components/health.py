"""The health of a number: its score in a word, and its line over time."""

from typing import Any

import reflex as rx

from wa_app.components.chips import chip
from wa_app.components.i18n import library, number, t


class HealthChart(rx.NoSSRComponent):
    """The score of a number over time with pins where something was done."""

    tag = "HealthChart"

    points: rx.Var[list[dict[str, Any]]]
    pins: rx.Var[list[dict[str, Any]]]
    days: rx.Var[str]


def health_chart(points: Any, pins: Any, days: Any) -> rx.Component:
    """Chart of `{at: ISO time, score}` over the last `days`; pins are `{at, key, args, tone}`."""
    library()
    HealthChart.library = rx.asset("health.jsx", shared=True).importable_path
    chart: rx.Component = HealthChart.create(points=points, pins=pins, days=days)
    return chart


def health_word(score: Any) -> rx.Component:
    """A score in a word, with its tone; -1 means there is none yet."""
    value = rx.Var.create(score).to(int)
    return rx.cond(
        value < 0,
        chip(t("device.health.word.none"), dot=False),
        rx.cond(
            value >= 70,
            chip(t("device.health.word.good"), "ok"),
            rx.cond(
                value >= 55,
                chip(t("device.health.word.fair"), "warn"),
                rx.cond(value >= 40, chip(t("device.health.word.poor"), "warn"), chip(t("device.health.word.bad"), "bad")),
            ),
        ),
    )


def health_cell(score: Any) -> rx.Component:
    """A score for a table: the number and its word."""
    value = rx.Var.create(score).to(int)
    return rx.el.div(
        rx.cond(value >= 0, rx.el.span(number(value), class_name="strong")), health_word(score), class_name="row gap-2"
    )
