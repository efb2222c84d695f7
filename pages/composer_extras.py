"""Parts of the composer that stay out of the way until asked for: variants, templates, tracked links, repetition."""

from typing import Any

import reflex as rx

from state.campaign_composer import CampaignComposerState as S
from state.campaign_composer.variants import HOURS, PERCENTS
from wa_app.components.buttons import button, icon_button
from wa_app.components.cards import card, card_body, segmented
from wa_app.components.dialogs import dialog
from wa_app.components.forms import field, form, select_field, switch, text_field
from wa_app.components.i18n import error_text, t, t_var, zone_name
from wa_app.components.icons import icon

DAYS = tuple(str(day) for day in range(7))


def _tab(one: Any, at: Any) -> rx.Component:
    return rx.el.button(
        rx.el.b(one["letter"].to(str)), rx.el.small(one["share"].to(int), "%"), type="button", role="tab",
        aria_selected=rx.cond(S.ab_at == at, "true", "false"), on_click=S.show_variant(at),
        class_name=rx.cond(one["filled"].to(bool), "ab-tab", "ab-tab empty"), key=one["letter"].to(str),
    )  # fmt: skip


def variant_bar() -> rx.Component:
    """Above the editor: tabs of the variants, or the quiet button that makes them; templates at the right."""
    many = S.ab.length() > 0
    tabs = rx.el.div(rx.foreach(S.ab, _tab), class_name="ab-tabs", role="tablist", aria_label=t("composer.ab.tabs"))
    add = rx.cond(S.ab.length() < 5, icon_button("plus", t("composer.ab.add"), outlined=True, on_click=S.add_variant))
    drop = icon_button("trash-2", t("composer.ab.drop", letter=S.ab[S.ab_at]["letter"].to(str)), on_click=S.drop_variant)
    start = button(t("composer.ab"), look="quiet", leading="flask-conical", small=True, on_click=S.add_variant)
    picker = button(t("composer.templates"), look="quiet", leading="files", small=True, on_click=S.open_picker)
    return rx.el.div(
        rx.cond(many, rx.fragment(tabs, add, drop), start),
        rx.el.span(class_name="grow"),
        # Beside the tabs there is no room for words.
        rx.cond(many, icon_button("files", t("composer.templates"), on_click=S.open_picker), picker),
        icon_button("bookmark", t("composer.templates.keep"), on_click=S.ask_keep, disabled=S.message == ""),
        class_name="ab-bar",
    )  # fmt: skip


def _share(one: Any, at: Any) -> rx.Component:
    return rx.el.div(
        rx.el.b(one["letter"].to(str)),
        rx.el.input(
            type="range", min=1, max=99, default_value=one["share"].to(str), on_change=S.set_share(at).debounce(350),
            aria_label=t("composer.ab.share", letter=one["letter"].to(str)),
            key=one["letter"].to(str) + one["share"].to(str),
        ),
        rx.el.output(one["share"].to(int), "%"),
        class_name="ab-share", key="share" + one["letter"].to(str),
    )  # fmt: skip


def variant_panel() -> rx.Component:
    """Shares, and whether a winner is looked for first; only with variants."""
    tests = [("0", t("composer.ab.test.off")), *((str(n), t("composer.ab.test.on", n=n)) for n in PERCENTS)]
    hours = [(str(n), t("composer.ab.hours.n", n=n)) for n in HOURS]
    by = segmented(
        [("read", t("composer.ab.by.read")), ("reply", t("composer.ab.by.reply"))], S.winner_by, S.set_winner_by,
        label=t("composer.ab.by"),
    )
    winner = rx.el.div(
        select_field(t("composer.ab.hours"), "test_hours", hours, value=S.test_hours.to(str), on_change=S.set_test_hours),
        field(t("composer.ab.by"), "winner_by", by), class_name="grid sm:grid-cols-2 gap-3",
    )  # fmt: skip
    words = rx.cond(S.test_percent > 0, t("composer.ab.help"), t("composer.ab.all"))
    wrong = rx.cond(S.ab_error, rx.el.span(icon("circle-alert", 13), error_text(S.ab_error, S.ab_error_args), class_name="field-error", role="alert"))
    body = rx.el.div(
        rx.el.div(rx.foreach(S.ab, _share), class_name="stack gap-2"), wrong,
        select_field(t("composer.ab.test"), "test_percent", tests, value=S.test_percent.to(str), on_change=S.set_test_percent),
        rx.cond(S.test_percent > 0, winner),
        rx.el.p(words, class_name="small muted"),
        class_name="stack gap-3",
    )  # fmt: skip
    return rx.cond(S.ab.length() > 0, card(card_body(body), title=t("composer.ab.panel")))


def tracking() -> rx.Component:
    """One switch; what people will see appears once it is on."""
    note = rx.cond(S.track, rx.el.p(t("composer.links.note", url=S.link_example), class_name="small muted break-anywhere"))
    return card(card_body(rx.el.div(switch(t("composer.links"), S.track, S.flip_tracking), note, class_name="stack gap-2")))


def _template(row: Any) -> rx.Component:
    used = rx.cond(row["used"].to(int) > 0, t("templates.used", n=row["used"].to(int)), t("templates.unused"))
    return rx.el.button(
        rx.el.span(row["name"].to(str), class_name="strong clip"), rx.el.span(row["body"].to(str), class_name="words small"),
        rx.el.span(rx.cond(row["category"], row["category"].to(str) + " · ", ""), used, class_name="small muted"),
        type="button", class_name="template-card", on_click=S.pick_template(row["id"].to(str)), key=row["id"].to(str),
    )  # fmt: skip


def template_dialogs() -> rx.Component:
    """Choosing a kept text, and keeping the one on show."""
    search = rx.el.input(
        type="search", class_name="input", placeholder=t("composer.templates.search"), default_value="",
        aria_label=t("composer.templates.search"), on_change=S.search_templates.debounce(250),
    )
    rows = rx.cond(
        S.picker_rows.length() > 0, rx.el.div(rx.foreach(S.picker_rows, _template), class_name="template-list"),
        rx.el.p(t("composer.templates.none"), class_name="muted"),
    )
    picker = dialog(
        rx.el.div(search, rows, class_name="stack gap-3"), title=t("composer.templates"), open_=S.picker_open,
        on_open_change=S.close_picker, width=600,
    )
    keep = dialog(
        form(
            text_field(t("composer.templates.name"), "template_name", default_value=S.name, error=S.keep_error,
                       error_args={"limit": 120}, max_length=120),
            button(t("composer.templates.keep.do"), look="primary", type="submit"), on_submit=S.keep,
        ),
        title=t("composer.templates.keep"), open_=S.keep_open, on_open_change=S.close_keep,
    )  # fmt: skip
    return rx.fragment(picker, keep)


def _day(day: str) -> rx.Component:
    return rx.el.button(
        t_var(rx.Var.create(f"composer.day.{day}")), type="button", aria_pressed=S.repeat_days.contains(day),
        on_click=S.flip_repeat_day(day),
    )


def repeat_card() -> rx.Component:
    """Once only, until a person says otherwise."""
    every = segmented(
        [(key, t_var(rx.Var.create(f"composer.repeat.{key}"))) for key in ("never", "daily", "weekly", "monthly")],
        S.repeat_every, S.set_repeat, label=t("composer.repeat"),
    )  # fmt: skip
    days = field(t("composer.repeat.days"), "repeat_days", rx.el.div(*(_day(day) for day in DAYS), class_name="day-pick", role="group"))
    at = text_field(t("composer.repeat.at"), "repeat_at", type="time", default_value=S.repeat_at, on_blur=S.set_repeat_at,
                    key="at" + S.draft_id, help_=t("composer.when.zone", zone=zone_name()))  # fmt: skip
    month_day = text_field(t("composer.repeat.month_day"), "repeat_day", type="number", min=1, max=31, input_mode="numeric",
                           default_value=S.repeat_day, on_blur=S.set_repeat_month_day, key="day" + S.draft_id)  # fmt: skip
    until = text_field(t("composer.repeat.until"), "repeat_until", type="date", default_value=S.repeat_until, optional=True,
                       on_blur=S.set_repeat_until, key="until" + S.draft_id)  # fmt: skip
    runs = text_field(t("composer.repeat.runs"), "repeat_runs", type="number", min=2, max=1000, input_mode="numeric", optional=True,
                      default_value=S.repeat_runs, on_blur=S.set_repeat_runs, key="runs" + S.draft_id)  # fmt: skip
    wrong = rx.cond(S.repeat_error, rx.el.span(icon("circle-alert", 13), error_text(S.repeat_error, {}), class_name="field-error", role="alert"))
    more = rx.el.div(
        rx.match(S.repeat_every, ("weekly", days), rx.fragment()),
        rx.el.div(at, rx.match(S.repeat_every, ("monthly", month_day), rx.fragment()), class_name="grid sm:grid-cols-2 gap-3 max-w-[460px]"),
        rx.el.div(until, runs, class_name="grid sm:grid-cols-2 gap-3 max-w-[460px]"),
        wrong, rx.el.p(t("composer.repeat.help"), class_name="small muted"),
        class_name="stack gap-3",
    )  # fmt: skip
    return card(
        card_body(rx.el.div(every, rx.cond(S.repeat_every != "never", more), class_name="stack gap-3")),
        title=t("composer.repeat"),
    )
