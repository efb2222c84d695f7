"""Cards on a broadcast's page that only some broadcasts have: variants, links, repetition."""

from typing import Any

import reflex as rx

from state.campaign_parts import CampaignPartsState as S
from wa_app.components.buttons import button
from wa_app.components.cards import card, card_body
from wa_app.components.chips import chip
from wa_app.components.dialogs import confirm
from wa_app.components.i18n import error_text, moment, number, percent, t, t_var
from wa_app.components.icons import icon


def _rate(value: Any) -> rx.Component:
    return rx.el.span(percent(value.to(float) * 100), class_name="fig")


def _row(one: Any) -> rx.Component:
    letter = one["letter"].to(str)
    end = rx.cond(
        one["is_winner"].to(bool), chip(t("variants.winner"), "ok"),
        rx.cond(S.may_choose, button(t("variants.choose", letter=letter), small=True, on_click=S.ask_choose(letter))),
    )  # fmt: skip
    name = rx.cond(one["name"], one["name"].to(str) + " · ", "")
    return rx.el.div(
        rx.el.b(letter, role="cell"), rx.el.span(name, one["share"].to(int), "%", class_name="clip muted", role="cell"),
        rx.el.span(number(one["arrived"].to(int)), class_name="fig wide", role="cell"), rx.el.span(_rate(one["read_rate"]), class_name="fig", role="cell"),
        rx.el.span(_rate(one["reply_rate"]), class_name="fig", role="cell"),
        rx.el.span(_rate(one["click_rate"]), class_name="fig wide", role="cell"), rx.el.span(end, role="cell"),
        class_name="variant-row", role="row", key=letter,
    )  # fmt: skip


def _head() -> rx.Component:
    names = [("", "variants.name"), ("fig wide", "variants.arrived"), ("fig", "variants.read"), ("fig", "variants.reply"), ("fig wide", "variants.click")]
    cells = [rx.el.span(t_var(rx.Var.create(key)), class_name=name, role="columnheader") for name, key in names]
    return rx.el.div(rx.el.span(role="columnheader"), *cells, rx.el.span(role="columnheader"), class_name="variant-row variant-head", role="row")


def _variants() -> rx.Component:
    chosen = rx.cond(
        S.winner_how == "person", t("variants.chosen.person", letter=S.winner, time=moment(S.winner_at)),
        t("variants.chosen.rule", letter=S.winner, time=moment(S.winner_at)),
    )
    waiting = rx.cond(S.ends_at, t("variants.ends", time=moment(S.ends_at)), t("variants.waiting"))
    state = rx.cond(S.winner, chosen, rx.cond(S.held > 0, rx.fragment(t("variants.held", n=S.held), ", ", waiting)))
    verdict = t_var("variants.verdict." + S.verdict, {"letter": S.best})
    ask = confirm(
        t("variants.ask.title", letter=S.asked, n=S.held), t("variants.ask.text"), open_=S.asked != "",
        on_open_change=S.close_question, on_confirm=S.choose, destructive=False,
        confirm_text=t("variants.choose.do", letter=S.asked),
    )  # fmt: skip
    words = rx.el.div(rx.el.p(verdict, class_name="strong"), rx.el.p(state, class_name="small muted"), class_name="stack gap-1", role="status")
    return card(
        rx.el.div(_head(), rx.foreach(S.rows, _row), role="table", aria_label=t("variants.title")), card_body(words), ask,
        title=t("variants.title"),
    )


def _link(one: Any) -> rx.Component:
    return rx.el.div(
        icon("link-2"), rx.el.span(one["url"].to(str), class_name="clip grow"),
        rx.el.span(t("links.people", n=one["people"].to(int)), " · ", t("links.clicks", n=one["clicks"].to(int)), class_name="muted flex-none"),
        class_name="card-row", key=one["id"].to(str),
    )  # fmt: skip


def _links() -> rx.Component:
    none = card_body(rx.el.p(t("links.none"), class_name="muted"))
    return card(rx.cond(S.link_rows.length() > 0, rx.fragment(rx.foreach(S.link_rows, _link)), none), title=t("links.title"))


def _series() -> rx.Component:
    state = rx.match(
        S.series_status, ("active", t("series.next", time=moment(S.next_at))), ("paused", t("series.paused")), t("series.ended")
    )
    verbs = rx.match(
        S.series_status,
        ("active", rx.el.div(button(t("series.pause"), small=True, on_click=S.turn_series("pause")),
                             button(t("series.end"), small=True, look="quiet", on_click=S.turn_series("end")), class_name="row gap-2 flex-wrap")),
        ("paused", rx.el.div(button(t("series.resume"), small=True, on_click=S.turn_series("resume")),
                             button(t("series.end"), small=True, look="quiet", on_click=S.turn_series("end")), class_name="row gap-2 flex-wrap")),
        rx.fragment(),
    )  # fmt: skip
    wrong = rx.cond(S.series_error, rx.el.p(icon("circle-alert", 13), " ", t("series.failed"), " ", error_text(S.series_error, {}), class_name="small text-bad"))
    words = rx.el.div(rx.el.span(state, class_name="strong"), rx.el.span(t("series.runs", n=S.runs), class_name="small muted"), wrong, class_name="stack grow")
    return card(card_body(rx.el.div(words, verbs, class_name="row gap-3 flex-wrap")), title=t("series.title"))


def extra_cards() -> rx.Component:
    """What this broadcast has of them, nothing for most."""
    return rx.fragment(
        rx.cond(S.rows.length() > 0, _variants()), rx.cond(S.tracked, _links()), rx.cond(S.series_id != "", _series())
    )
