"""The editor of a rule: keywords, answer with preview, and behind a fold when, where and how often."""

from typing import Any

import reflex as rx

from pages.media_parts import ACCEPT, media_picker
from state.auto_replies import RuleFormState as F
from wa_app.components.buttons import button, icon_button
from wa_app.components.cards import segmented
from wa_app.components.chat import bubble, phone_preview
from wa_app.components.dialogs import confirm, dialog
from wa_app.components.editor import message_editor, whatsapp_text
from wa_app.components.forms import field, field_errors, select, switch, text_field
from wa_app.components.i18n import error_text, t, t_var, zone_name
from wa_app.components.icons import icon
from wa_app.components.ticking import tick_box
from wa_app.components.uploader import MB, uploader

KINDS = ("CONTAINS", "EXACT", "STARTS_WITH", "REGEX")
PERIODS = ("hour", "day", "week", "month", "ever")
HELP = (("a|b", "either"), (r"\d+", "digits"), (r"\b", "border"), ("^ $", "ends"), (".{0,20}", "gap"))


def _chip(keyword: Any) -> rx.Component:
    remove = rx.el.button(
        icon("x", 12), type="button", aria_label=t("rules.form.drop", keyword=keyword.to(str)), on_click=F.drop_keyword(keyword)
    )
    look = rx.cond(F.kind == "REGEX", "rule-key mono", "rule-key")
    return rx.el.span(rx.el.span(keyword.to(str), class_name="clip"), remove, class_name=look)


def _keywords() -> rx.Component:
    typed = rx.debounce_input(
        rx.el.input(
            id="rule_keyword", name="keyword", value=F.draft, on_change=F.set_draft, on_blur=F.add_draft, auto_complete="off",
            placeholder=rx.cond(F.kind == "REGEX", t("rules.form.pattern.placeholder"), t("rules.form.keyword.placeholder")),
            aria_describedby="rule_keyword-note", aria_invalid=F.draft_error != "", enter_key_hint="done",
        ),
        debounce_timeout=300,
    )  # fmt: skip
    wrong = F.draft_error.to(str)
    box = rx.el.form(
        rx.foreach(F.keywords, _chip), typed, on_submit=F.add_typed,
        class_name=rx.cond(wrong, "key-input bad", "key-input"),
    )  # fmt: skip
    missing = field_errors(F.errors, "keywords")
    note = rx.cond(
        wrong,
        rx.el.span(icon("circle-alert", 13), error_text(wrong, F.draft_args), class_name="field-error", id="rule_keyword-note", role="alert"),
        rx.cond(
            missing["error"],
            rx.el.span(icon("circle-alert", 13), error_text(missing["error"], missing["error_args"]), class_name="field-error",
                       id="rule_keyword-note", role="alert"),
            rx.el.span(t_var("rules.kind.help." + F.kind), class_name="field-help", id="rule_keyword-note"),
        ),
    )  # fmt: skip
    label = rx.cond(F.kind == "REGEX", t("rules.form.patterns"), t("rules.form.keywords"))
    return rx.el.div(rx.el.label(label, html_for="rule_keyword", class_name="field-label"), box, note, class_name="field")


def _regex_help() -> rx.Component:
    terms = (part for sign, key in HELP for part in (rx.el.dt(rx.el.code(sign)), rx.el.dd(t(f"rules.regex.{key}"))))
    return rx.cond(F.kind == "REGEX", rx.el.dl(*terms, class_name="rule-regex"))


def _media() -> rx.Component:
    kept = rx.el.div(icon("paperclip"), rx.el.span(F.file_name, class_name="clip grow"),
                     icon_button("trash-2", t("composer.file.remove"), on_click=F.detach), class_name="row gap-2")  # fmt: skip
    pick = rx.el.div(
        uploader(accept=ACCEPT, types_text=t("composer.file.types"), on_uploaded=F.attach, compact=True, max_bytes=100 * MB,
                 purpose="message"),
        media_picker(F.attach), class_name="stack gap-2 items-start pick",
    )  # fmt: skip
    return rx.el.div(rx.cond(F.file_id, kept, pick), _wrong("file_id"), class_name="ed-foot stack gap-2")


def _wrong(name: str) -> rx.Component:
    found = field_errors(F.errors, name)
    return rx.cond(
        found["error"],
        rx.el.span(icon("circle-alert", 13), error_text(found["error"], found["error_args"]), class_name="field-error", role="alert"),
    )


def _answer() -> rx.Component:
    how = segmented(
        [("answer", t("rules.form.answers")), ("silent", t("rules.form.silent"))], rx.cond(F.silent, "silent", "answer"),
        F.set_silent, label=t("rules.form.how"),
    )  # fmt: skip
    editor = message_editor(
        _media(), value=F.body, variables=F.variables, on_rest=F.set_body, label=t("rules.form.text"),
        problems=F.errors.contains("response_text"),
    )  # fmt: skip
    written = rx.el.div(editor, _wrong("response_text"), class_name="stack gap-1")
    quiet = rx.el.p(t("rules.form.silent.words"), class_name="small muted")
    return rx.el.div(how, rx.cond(F.silent, quiet, written), class_name="stack gap-2")


def _fold(title: Any, *children: Any) -> rx.Component:
    return rx.el.details(rx.el.summary(title), rx.el.div(*children, class_name="stack gap-3 pb-3"), class_name="rule-more")


def _window(row: Any, at: Any) -> rx.Component:
    days = rx.el.div(
        *(
            rx.el.button(
                t(f"rules.day.{day}"), type="button", aria_pressed=row["days"].to(list[int]).contains(day), on_click=F.flip_day(at, day)
            )
            for day in range(7)
        ),
        class_name="day-pick", role="group", aria_label=t("rules.form.days"),
    )  # fmt: skip
    hours = [
        rx.el.input(type="time", value=row[key].to(str), on_change=change(at), aria_label=t(f"rules.form.{key}"), class_name="input")
        for key, change in (("start", F.set_start), ("end", F.set_end))
    ]
    drop = icon_button("trash-2", t("rules.form.window.drop"), on_click=F.drop_window(at))
    return rx.el.div(days, rx.el.div(hours[0], "–", hours[1], drop, class_name="row gap-2"), class_name="window-row")


def _schedule() -> rx.Component:
    lines = rx.foreach(F.windows, _window)
    dates = rx.el.div(
        text_field(t("rules.form.from"), "rule_from", type="date", value=F.from_date, on_change=F.set_from, optional=True),
        text_field(t("rules.form.until"), "rule_until", type="date", value=F.until_date, on_change=F.set_until, optional=True,
                   **field_errors(F.errors, "until_date")),
        class_name="grid sm:grid-cols-2 gap-3",
    )  # fmt: skip
    add = button(t("rules.form.window.add"), leading="plus", small=True, on_click=F.add_window)
    return _fold(
        t("rules.form.schedule"),
        rx.cond(F.windows.length() > 0, lines, rx.el.p(t("rules.form.always", zone=zone_name()), class_name="small muted")),
        rx.el.div(add, class_name="row"), _wrong("windows"), dates,
    )  # fmt: skip


def _device(row: Any) -> rx.Component:
    box = tick_box(checked=F.device_ids.contains(row["id"]), on_change=F.toggle_device(row["id"].to(str)))
    return rx.el.label(box, rx.el.span(row["name"].to(str), class_name="clip"), class_name="check", key=row["id"].to(str))


def _limits() -> rx.Component:
    periods = [(one, t(f"rules.period.{one}")) for one in PERIODS]
    times = rx.el.div(
        rx.el.input(id="rule_times", input_mode="numeric", max_length=4, default_value=F.limit_times,
                    on_blur=F.set_times, placeholder="∞", class_name="input max-w-[110px]"),
        select(periods, value=F.limit_period, on_change=F.pick_period, aria_label=t("rules.form.period"), class_name="input"),
        class_name="row gap-2",
    )  # fmt: skip
    rest = text_field(t("rules.form.cooldown"), "rule_cooldown", input_mode="numeric", max_length=5,
                      default_value=F.cooldown_min, on_blur=F.set_cooldown, optional=True)  # fmt: skip
    devices = rx.cond(
        F.device_options.length() > 0,
        rx.el.fieldset(
            rx.el.legend(t("rules.form.devices"), class_name="field-label"),
            rx.el.div(rx.foreach(F.device_options, _device), class_name="device-pick"),
            rx.el.p(t("rules.form.devices.help"), class_name="field-help"), _wrong("device_ids"), class_name="field",
        ),
    )  # fmt: skip
    return _fold(
        t("rules.form.limits"),
        rx.el.div(field(t("rules.form.times"), "rule_times", times, optional=True), rest, class_name="grid sm:grid-cols-2 gap-3 items-end"),
        devices,
    )


def _after() -> rx.Component:
    delays = segmented(
        [("person", t("rules.delay.person")), ("at_once", t("rules.delay.at_once"))], F.delay, F.pick_delay, label=t("rules.form.delay")
    )
    return _fold(
        t("rules.form.after"),
        rx.cond(F.silent, rx.fragment(), rx.el.div(rx.el.span(t("rules.form.delay"), class_name="field-label"), delays, class_name="stack gap-1")),
        switch(t("rules.form.hand_over"), F.hand_over, F.flip_hand_over),
        rx.el.p(t("rules.form.hand_over.help"), class_name="small muted"),
        switch(t("rules.form.stops"), F.stops_here, F.flip_stops),
        rx.el.p(t("rules.form.stops.help"), class_name="small muted"), _wrong("stops_here"),
    )  # fmt: skip


def _preview() -> rx.Component:
    shown = rx.cond(F.preview, whatsapp_text(F.preview), rx.el.span(t("composer.preview.empty"), class_name="muted"))
    asked = rx.cond(F.keywords.length() > 0, rx.cond(F.kind == "REGEX", "…", F.keywords[0]), "…")
    back = rx.cond(F.silent, rx.fragment(), bubble(rx.el.div(
        rx.cond(F.file_name, rx.el.div(icon("paperclip", 14), rx.el.span(F.file_name, class_name="clip"), class_name="row small pb-1")), shown
    )))  # fmt: skip
    return rx.el.aside(
        phone_preview(F.tenant_name, bubble(asked, side="out"), back), rx.el.p(rx.cond(F.variants == 1, t("templates.variant"), t("templates.variants", n=F.variants)), class_name="small muted"),
        class_name="preview-side desk", aria_label=t("templates.preview"),
    )  # fmt: skip


def rule_form() -> rx.Component:
    """The dialog."""
    kinds = segmented([(kind, t(f"rules.kind.{kind}")) for kind in KINDS], F.kind, F.pick_kind, label=t("rules.form.kind"))
    name = text_field(t("rules.form.name"), "rule_name", default_value=F.name, on_blur=F.set_name, max_length=120, optional=True,
                      key="name" + F.nonce.to(str), **field_errors(F.errors, "name"))  # fmt: skip
    fields = rx.el.div(
        name, rx.el.div(rx.el.span(t("rules.form.kind"), class_name="field-label"), kinds, class_name="stack gap-1"),
        _keywords(), _regex_help(), _answer(), _schedule(), _limits(), _after(), class_name="form", key="rule" + F.nonce.to(str),
    )  # fmt: skip
    leaving = confirm(
        t("rules.leave.title"), t("rules.leave.words"), open_=F.asks_to_leave, on_open_change=F.stay,
        confirm_text=t("rules.leave.do"), on_confirm=F.discard, cancel_text=t("rules.leave.stay"),
    )  # fmt: skip
    return dialog(
        rx.el.div(fields, _preview(), class_name="rule-form"), leaving,
        title=rx.cond(F.rule_id, t("rules.edit"), t("rules.new")), open_=F.is_open, on_open_change=F.set_open, width=780,
        foot=[
            button(t("common.cancel"), on_click=F.set_open(False)),
            button(t("rules.form.save"), look="primary", on_click=F.save, busy=F.busy),
        ],
    )  # fmt: skip
