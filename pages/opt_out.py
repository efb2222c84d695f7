"""Settings about stopping and starting: words, answers, the line under broadcasts."""

from typing import Any

import reflex as rx

from pages import routes
from pages.settings import frame
from state.base import AppState
from state.opt_out import OptOutState
from wa_app.components.buttons import button
from wa_app.components.cards import card
from wa_app.components.chat import bubble, chat
from wa_app.components.chips import chip
from wa_app.components.feedback import notice, skeleton_rows
from wa_app.components.forms import field_errors, form_section, switch, text_area, text_field
from wa_app.components.i18n import t


def _trial() -> rx.Component:
    """Type a message and see what it would do."""
    state = OptOutState
    means = rx.match(
        state.trial_means,
        ("stop", chip(t("opt_out.trial.stop"), "bad")),
        ("start", chip(t("opt_out.trial.start"), "ok")),
        ("nothing", chip(t("opt_out.trial.nothing"))),
        rx.fragment(),
    )
    return rx.el.div(
        text_field(
            t("opt_out.trial"), "opt_trial", value=state.trial, on_change=state.set_trial, max_length=300,
            placeholder=t("opt_out.trial.example"), auto_complete="off", help_=t("opt_out.trial.help"),
        ),
        rx.el.div(means, role="status", class_name="min-h-[24px]"),
        class_name="stack gap-2",
    )  # fmt: skip


def _area(label: Any, name: str, value: Any, on_change: Any, error: str, help_: Any, **props: Any) -> rx.Component:
    state = OptOutState
    return text_area(
        label, name, value=value, on_change=on_change, help_=help_, read_only=~state.may_write,
        **field_errors(state.errors, error), **props,
    )  # fmt: skip


def _fields() -> rx.Component:
    state = OptOutState
    words = form_section(
        t("opt_out.words"),
        t("opt_out.words.help"),
        _area(
            t("opt_out.stop_words", n=state.stop_count), "stop_words", state.stop_words, state.set_stop_words,
            "opt_out_words", t("opt_out.list.help"), rows=7, spell_check=False,
        ),
        _area(
            t("opt_out.start_words", n=state.start_count), "start_words", state.start_words, state.set_start_words,
            "opt_in_words", t("opt_out.list.help"), rows=5, spell_check=False,
        ),
        _trial(),
    )  # fmt: skip
    answers = form_section(
        t("opt_out.answers"),
        t("opt_out.answers.help"),
        switch(t("opt_out.confirms"), state.confirms, state.flip_confirms, disabled=~state.may_write),
        rx.cond(
            state.confirms,
            rx.fragment(
                _area(t("opt_out.stop_reply"), "stop_reply", state.stop_reply, state.set_stop_reply, "opt_out_reply",
                      None, rows=3),
                _area(t("opt_out.start_reply"), "start_reply", state.start_reply, state.set_start_reply,
                      "opt_in_reply", None, rows=3),
            ),
        ),
    )  # fmt: skip
    foot = form_section(
        t("opt_out.footer"),
        t("opt_out.footer.help"),
        text_field(
            t("opt_out.footer.text"), "footer", value=state.footer, on_change=state.set_footer,
            read_only=~state.may_write, help_=t("opt_out.footer.default"), **field_errors(state.errors, "footer"),
        ),
        chat(
            bubble(rx.fragment(t("opt_out.footer.sample"), rx.el.br(), rx.el.br(), state.footer), side="out"),
        ),
    )  # fmt: skip
    save = rx.cond(
        state.may_write,
        rx.el.div(button(t("common.save"), look="primary", on_click=state.save), class_name="row"),
        notice(t("settings.read_only")),
    )
    return rx.el.div(words, answers, foot, save, class_name="form wide")


@rx.page(route=routes.SETTINGS_OPT_OUT, title="Sapa", on_load=[AppState.on_load, OptOutState.load])
def opt_out() -> rx.Component:
    """Words to stop and start by, the answers, the footer."""
    return frame("opt_out", rx.cond(OptOutState.ready, _fields(), card(skeleton_rows(5))))
