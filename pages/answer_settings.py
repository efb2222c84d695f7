"""The part of the business settings about automatic answers."""

import reflex as rx

from state.answer_settings import HOURS, AnswerSettingsState
from wa_app.components.buttons import button
from wa_app.components.cards import card
from wa_app.components.feedback import notice, skeleton_rows
from wa_app.components.forms import checkbox, field_errors, form, form_section, select_field, text_field
from wa_app.components.i18n import t


def _seconds(label: rx.Component, name: str, value: rx.Var[str]) -> rx.Component:
    state = AnswerSettingsState
    return text_field(
        label, name, default_value=value, key=f"{name}-{value}", type="number", min=0, max=3600, input_mode="numeric",
        read_only=~state.may_write, **field_errors(state.errors, name),
    )  # fmt: skip


def answer_settings() -> rx.Component:
    """When a talk goes back to the machine, and how long keyword rules wait."""
    state = AnswerSettingsState
    choices = [(hours, t("replies.hand_back.never") if hours == "0" else t("replies.hand_back.hours", n=hours)) for hours in HOURS]
    fields = form(
        form_section(
            t("replies.settings"),
            t("replies.settings.help"),
            select_field(
                t("replies.hand_back"), "hand_back_after_h", choices, default_value=state.hand_back, key=state.hand_back,
                help_=t("replies.hand_back.help"), disabled=~state.may_write,
                **field_errors(state.errors, "hand_back_after_h"),
            ),
            rx.el.div(
                _seconds(t("replies.delay_min"), "rule_delay_min_s", state.delay_min),
                _seconds(t("replies.delay_max"), "rule_delay_max_s", state.delay_max),
                class_name="grid grid-cols-2 gap-3",
            ),
            rx.el.p(t("replies.delay.help"), class_name="field-help"),
            checkbox(
                t("replies.groups.on"), note=t("replies.groups.help"), name="groups", default_checked=state.groups,
                key=f"groups-{state.groups}", disabled=~state.may_write,
            ),
            text_field(
                t("replies.groups.limit"), "group_answers_per_h", default_value=state.group_limit, key=f"limit-{state.group_limit}",
                type="number", min=1, max=1000, input_mode="numeric", read_only=~state.may_write,
                **field_errors(state.errors, "group_answers_per_h"),
            ),
            rx.cond(
                state.may_write,
                rx.el.div(button(t("common.save"), type="submit", look="primary"), class_name="row"),
                notice(t("settings.read_only")),
            ),
        ),
        on_submit=state.save,
        class_name="wide",
    )  # fmt: skip
    return rx.cond(state.ready, fields, card(skeleton_rows(2)))
