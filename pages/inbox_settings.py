"""The part of the business settings about the shared inbox."""

import reflex as rx

from state.inbox_settings import LIMITS, InboxSettingsState
from wa_app.components.buttons import button
from wa_app.components.cards import card
from wa_app.components.feedback import notice, skeleton_rows
from wa_app.components.forms import checkbox, field_errors, form, form_section, text_field
from wa_app.components.i18n import t


def _minutes(label: rx.Component, name: str, value: rx.Var[str]) -> rx.Component:
    state = InboxSettingsState
    return text_field(
        label, name, default_value=value, key=f"{name}-{value}", type="number", min=0, max=LIMITS[name], input_mode="numeric",
        read_only=~state.may_write, **field_errors(state.errors, name),
    )  # fmt: skip


def inbox_settings() -> rx.Component:
    """Who is given a conversation, and the targets of service."""
    state = InboxSettingsState
    fields = form(
        form_section(
            t("inbox_settings.title"),
            t("inbox_settings.help"),
            checkbox(
                t("inbox_settings.auto_assign"), note=t("inbox_settings.auto_assign.help"), name="auto_assign",
                default_checked=state.auto_assign, key=f"auto-{state.auto_assign}", disabled=~state.may_write,
            ),
            rx.el.div(
                _minutes(t("inbox_settings.first_response"), "first_response_target_min", state.first_response),
                _minutes(t("inbox_settings.resolution"), "resolution_target_min", state.resolution),
                class_name="grid grid-cols-1 sm:grid-cols-2 gap-3",
            ),
            rx.el.p(t("inbox_settings.targets.help"), class_name="field-help"),
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
