"""AI of a tenant: its budget, its own providers when the package allows, who answered what."""

from typing import Any

import reflex as rx

from pages import ai_parts, routes
from pages.settings import frame
from state.ai_settings import AiSettingsState as S
from state.base import AppState
from wa_app.components.buttons import button
from wa_app.components.cards import card, card_body, segmented
from wa_app.components.dialogs import dialog
from wa_app.components.feedback import empty, notice, skeleton_rows
from wa_app.components.forms import field_errors, form, select, text_field
from wa_app.components.i18n import date_time, number, t, t_var
from wa_app.components.progress import bar


def _meter(meter: Any) -> rx.Component:
    used, limit = meter["used"].to(float), meter["limit"].to(float)
    amount = rx.cond(meter["is_cost"], ai_parts.usd(used), rx.el.span(number(used)))
    most = rx.cond(meter["is_cost"], ai_parts.usd(limit), rx.el.span(number(limit)))
    tone = rx.cond(used >= limit, "bad", rx.cond(used * 5 >= limit * 4, "warn", ""))
    label = t_var("ai.meter." + meter["id"].to(str))
    shown = rx.cond(meter["has_limit"], rx.fragment(amount, " / ", most), rx.fragment(amount, " · ", t("ai.no_limit")))
    return rx.el.div(
        rx.el.div(rx.el.span(label, class_name="grow"), shown, class_name="row"),
        rx.cond(meter["has_limit"], rx.fragment(
            bar(used, limit, tone=tone, label=label),
            rx.el.span(t("ai.resets", time=date_time(meter["resets"])), class_name="small muted"))),
        class_name="ai-meter",
    )  # fmt: skip


def _budget() -> rx.Component:
    edit = rx.cond(S.may_write, button(t("ai.change_budget"), small=True, on_click=S.set_budget_open(True)))
    package = rx.cond(
        S.package.length() > 0,
        rx.fragment(rx.el.h3(t("ai.package"), class_name="strong"), rx.el.div(rx.foreach(S.package, _meter), class_name="ai-meters")),
    )
    body = card_body(rx.el.p(t("ai.budget_words"), class_name="muted"),
                     rx.el.div(rx.foreach(S.budget, _meter), class_name="ai-meters"), package, class_name="stack-gap")
    return card(rx.cond(S.ready, body, skeleton_rows(3)), title=t("ai.budget"), action=edit)


def _budget_form() -> rx.Component:
    def one(meter: Any) -> rx.Component:
        key = meter["id"].to(str)
        return text_field(
            t_var("ai.meter." + key), key, default_value=meter["shown"].to(str), placeholder=t("ai.no_limit"),
            input_mode="decimal", **field_errors(S.errors, key),
        )  # fmt: skip

    fields = form(
        rx.el.div(rx.foreach(S.budget, one), class_name="ai-pair"),
        rx.el.div(
            button(t("common.cancel"), on_click=S.set_budget_open(False)),
            button(t("common.save"), type="submit", look="primary"), class_name="dlg-foot",
        ),
        on_submit=S.save_budget, key=S.form_key.to(str),
    )  # fmt: skip
    return dialog(fields, title=t("ai.change_budget"), note=t("ai.budget_note"), open_=S.budget_open,
                  on_open_change=S.set_budget_open, width=600)


def _own() -> rx.Component:
    add = button(t("ai.add"), look="primary", leading="plus", on_click=S.ask_new)
    modes = [(key, t(f"ai.rotation.{key}")) for key in ("priority", "round_robin", "weighted", "random")]
    sources = [(key, t(f"ai.source.{key}")) for key in ("auto", "own_first", "platform_first")]
    top = rx.el.div(
        segmented(modes, S.rotation, S.set_rotation, label=t("ai.rotation")),
        rx.el.span(t_var("ai.rotation_words." + S.rotation), class_name="small muted grow"),
        select(sources, value=S.source, on_change=S.set_source, aria_label=t("ai.source"), disabled=~S.may_write),
        rx.cond(S.may_write, add),
        class_name="ai-top",
    )
    none = empty(t("ai.none_title"), t("ai.none_words"), rx.cond(S.may_write, add))
    listed = ai_parts.provider_list(S, S.may_write, rx.cond(S.rows.length() > 0, top), none)
    return rx.cond(S.may_own, listed, notice(t("ai.not_in_package"), icon_name="info"))


@rx.page(route=routes.SETTINGS_AI, title="Sapa", on_load=[AppState.on_load, S.load, S.watch])
def ai_settings() -> rx.Component:
    """Own providers, budget, usage."""
    return frame(
        "ai",
        ai_parts.failing(S),
        rx.cond(S.ready, _own(), rx.el.div(skeleton_rows(3), class_name="card")),
        _budget(),
        rx.el.div(
            ai_parts.chart(S, t("ai.per_day"), t("ai.per_day_summary", n=number(S.answered))),
            ai_parts.calls(S, t("ai.newest"), t("ai.no_calls")),
            class_name="ai-split",
        ),
        ai_parts.provider_form(S),
        ai_parts.drop_question(S),
        _budget_form(),
    )
