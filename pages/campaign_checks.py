"""The composer's check list, the gauge of risk, the links and numbers looked up, the test to oneself."""

from typing import Any

import reflex as rx

from state.campaign_composer import CampaignComposerState as S
from wa_app.components.buttons import button
from wa_app.components.cards import card, card_body
from wa_app.components.chips import chip
from wa_app.components.dialogs import dialog
from wa_app.components.forms import text_field
from wa_app.components.i18n import duration, moment, number, t, t_var
from wa_app.components.icons import icon
from wa_app.components.progress import bar
from wa_app.components.reports import risk_gauge

LIMITS = ("per_minute", "per_hour", "per_day", "packages", "quiet_hours", "working_days", "strangers")


def _line(mark: Any, title: Any, words: Any, *more: rx.Component) -> rx.Component:
    body = rx.el.div(rx.el.span(title, class_name="strong"), rx.el.span(words, class_name="small muted"), *more, class_name="stack")
    return rx.el.li(mark, body)


def _mark(name: str, tone: str) -> rx.Component:
    return rx.el.span(icon(name), class_name=f"icon text-{tone}")


def _check(check: Any) -> rx.Component:
    mark = rx.match(
        check["level"], ("error", _mark("circle-alert", "bad-dot")), ("warning", _mark("triangle-alert", "warn-dot")),
        _mark("circle-check", "ok-dot"),
    )  # fmt: skip
    return _line(
        mark, t_var("composer.step." + check["step"].to(str)), t_var("error." + check["code"].to(str), check["args"])
    )


def _good(condition: Any, title: Any, words: Any) -> rx.Component:
    return rx.cond(condition, _line(_mark("circle-check", "ok-dot"), title, words))


def _time() -> rx.Component:
    """When it would be over, as a range, and what holds it up."""
    length = rx.cond(S.seconds > 0, t("composer.check.length", n=S.connected, time=duration(S.seconds)),
                     t("composer.check.quick", n=S.connected))  # fmt: skip
    until = rx.cond(S.late, t("composer.check.until", early=moment(S.early), late=moment(S.late)), length)
    held = rx.cond(
        S.limits.length() > 0,
        rx.el.span(t("composer.check.held"), " ", rx.foreach(S.limits, lambda one: rx.el.span(
            t_var("composer.limit." + one), class_name="chip-word")), class_name="small muted"),
    )  # fmt: skip
    shares = rx.cond(
        S.device_shares.length() > 1,
        rx.el.span(rx.foreach(S.device_shares, lambda one: rx.el.span(one["name"], " ", rx.el.b(number(one["n"])), class_name="share")),
                   class_name="small muted"),
    )  # fmt: skip
    return rx.cond(
        (S.connected > 0) & (S.sendable > 0),
        _line(_mark("circle-check", "ok-dot"), t("composer.check.devices"), until, shares, held),
    )


def _links() -> rx.Component:
    ok = S.links.length()
    waiting = rx.foreach(S.links, lambda one: rx.cond(
        one["state"] == "pending",
        _line(_mark("loader", "text-3"), t("composer.check.link"), t("composer.check.link.asking", url=one["url"])),
        rx.cond(one["state"] == "ok", _line(_mark("circle-check", "ok-dot"), t("composer.check.link"),
                                           t("composer.check.link.ok", url=one["url"]))),
    ))  # fmt: skip
    return rx.cond(ok > 0, waiting)


def _numbers() -> rx.Component:
    """Numbers of strangers looked up, or the button that begins it."""
    running = (S.lookup["status"] == "queued") | (S.lookup["status"] == "running")
    going = rx.el.div(
        rx.el.span(t("composer.numbers.going", done=S.lookup["done"].to(int), total=S.lookup["total"].to(int)), class_name="small muted"),
        bar(S.lookup["done"], S.lookup["total"], label=t("composer.numbers")),
        rx.el.div(button(t("common.cancel"), small=True, on_click=S.stop_lookup)),
        class_name="stack gap-1", role="status",
    )  # fmt: skip
    known = rx.cond(
        S.numbers_known > 0, t("composer.numbers.known", n=S.numbers_known, total=S.sendable),
        t("composer.numbers.none", n=S.strangers),
    )  # fmt: skip
    idle = rx.el.div(
        rx.el.span(known, class_name="small muted"),
        rx.el.div(button(t("composer.numbers.do"), small=True, leading="search-check", on_click=S.look_up)),
        class_name="stack gap-1",
    )
    return rx.cond(
        (S.sendable > 0) & (S.strangers > 0),
        rx.el.li(_mark("smartphone", "text-3"), rx.el.div(
            rx.el.span(t("composer.numbers"), class_name="strong"), rx.cond(S.lookup.contains("id") & running, going, idle),
            class_name="stack gap-1",
        )),
    )  # fmt: skip


def checks() -> rx.Component:
    """Everything the pre-flight says, errors first in its head."""
    verdict = rx.cond(
        S.errors > 0, chip(t("composer.rail.errors", n=S.errors), "bad"),
        rx.cond(S.warnings > 0, chip(t("composer.rail.warnings", n=S.warnings), "warn"), chip(t("composer.rail.fine"), "ok")),
    )  # fmt: skip
    people = t("composer.check.people.words", n=S.sendable, total=S.people, suppressed=S.suppressed, unreachable=S.unreachable)
    varied = rx.cond(S.people_per_text > 1, t("composer.check.variety", n=S.variants, same=S.people_per_text),
                     t("composer.check.variants.words", n=S.variants))  # fmt: skip
    return card(
        card_body(
            rx.el.ul(
                rx.foreach(S.checks, _check),
                _good(S.sendable > 0, t("composer.check.people"), people), _time(),
                _good(S.variants > 1, t("composer.check.variants"), varied), _links(), _numbers(),
                class_name="checks",
            )
        ),
        title=t("composer.check.title"), note=t("composer.check.auto"), action=verdict,
    )  # fmt: skip


def gauge() -> rx.Component:
    """The gauge and the test, beside the preview."""
    test = rx.cond(
        S.draft_id, button(t("composer.trial"), leading="send-horizontal", wide=True, on_click=S.open_trial(True)),
    )  # fmt: skip
    return rx.fragment(test, rx.cond(S.has_advice, risk_gauge(S.risk_score, S.risk_level, S.risk_reasons)))


def trial_dialog() -> rx.Component:
    """Where to send the test to."""
    form = rx.el.form(
        text_field(t("composer.trial.phone"), "trial_phone", type="tel", default_value=S.trial_phone, error=S.trial_error,
                   placeholder="0812-0000-3312", input_mode="tel", auto_complete="tel"),
        rx.el.div(
            button(t("common.cancel"), on_click=S.open_trial(False), type="button"),
            button(t("composer.trial.do"), look="primary", type="submit", busy=S.busy), class_name="dlg-foot",
        ),
        on_submit=S.send_trial,
    )  # fmt: skip
    return dialog(form, title=t("composer.trial"), note=t("composer.trial.note"), open_=S.trying, on_open_change=S.open_trial)
