"""The left column of an agent's page: everything it is configured by, the daily things open."""

from typing import Any

import reflex as rx

from pages import routes
from state.agents.form import CHOICES
from state.agents.settings import AgentState as S
from wa_app.components.buttons import button, icon_button, link, link_button
from wa_app.components.cards import card, card_body
from wa_app.components.chips import tile
from wa_app.components.feedback import notice
from wa_app.components.forms import checkbox, field, field_errors, select_field, switch, text_area, text_field
from wa_app.components.i18n import duration, number, percent, phone, t, t_var
from wa_app.components.icons import icon
from wa_app.components.progress import bar
from wa_app.components.talk import fold, topic

REST_MS = 900
MODE_ICONS = {"faq": "circle-help", "order": "shopping-bag", "complaint": "heart-crack"}
DAYS = [(str(day), t(f"agent_page.day.{day}")) for day in range(7)]


def _written(name: str) -> dict[str, Any]:
    """How a field of text is filled and stored: once typing rests, and when it is left."""
    return {
        "default_value": S.words[name], "key": S.loaded.to(str) + name, "on_blur": S.write(name),
        "on_change": S.write(name).debounce(REST_MS), **field_errors(S.errors, name),
    }  # fmt: skip


def _text(name: str, **props: Any) -> rx.Component:
    return text_field(t(f"agent_page.field.{name}"), _id(name), **_written(name), **props)


def _area(name: str, rows: int = 3, **props: Any) -> rx.Component:
    return text_area(t(f"agent_page.field.{name}"), _id(name), rows=rows, **_written(name), **props)


def _number(name: str, low: int, high: int, **props: Any) -> rx.Component:
    return _text(name, type="number", min=low, max=high, input_mode="numeric", **props)


def _choice(name: str, **props: Any) -> rx.Component:
    options = [(value, t(f"agent_page.{name}.{value or 'none'}")) for value in CHOICES[name]]
    return select_field(t(f"agent_page.field.{name}"), _id(name), options, value=S.words[name], on_change=S.write(name), **props)


def _id(name: str) -> str:
    return "agent-" + name.replace(".", "-").replace("_", "-")


def _persona() -> rx.Component:
    low, high = S.words["behaviour.delay_min_s"].to(int), S.words["behaviour.delay_max_s"].to(int)
    delay = rx.cond(high > 0, rx.fragment(duration(low), " – ", duration(high)), t("agent_page.delay.none"))
    hours = rx.cond(S.hours.length() > 0, t("agent_page.hours.some", n=S.hours.length()), t("agent_page.hours.always"))
    rows = rx.el.dl(
        rx.el.div(rx.el.dt(t("agent_page.delay"), class_name="muted grow"), rx.el.dd(delay, class_name="strong m-0"), class_name="row py-1"),
        rx.el.div(rx.el.dt(t("agent_page.hours"), class_name="muted grow"), rx.el.dd(hours, class_name="strong m-0"), class_name="row py-1"),
        class_name="m-0",
    )  # fmt: skip
    return card(card_body(_area("persona", 5), rows, class_name="stack gap-2"))


def _mode(mode: str) -> rx.Component:
    name = f"modes.{mode}.is_on"
    head = rx.el.div(
        tile(MODE_ICONS[mode]),
        rx.el.div(
            rx.el.span(t(f"agent_page.mode.{mode}"), class_name="strong clip"),
            rx.el.span(t(f"agent_page.mode.{mode}.what"), class_name="small muted"), class_name="stack grow",
        ),
        switch(t(f"agent_page.mode.{mode}"), S.flags[name], S.flip(name), show_label=False),
        class_name="row gap-3",
    )  # fmt: skip
    more = rx.el.details(
        rx.el.summary(t("agent_page.mode.instructions")), _area(f"modes.{mode}.instructions", 4), class_name="mt-1"
    )
    return rx.el.div(head, more, class_name="mode")


def _modes() -> rx.Component:
    wrong = rx.cond(S.errors["modes"]["code"], notice(t("error.agent_modes_missing"), tone="bad", icon_name="circle-alert"))
    return card(card_body(*(_mode(mode) for mode in MODE_ICONS), wrong), title=t("agent_page.modes"))


def _document(one: Any) -> rx.Component:
    done, total = one["done"].to(int), one["total"].to(int)
    status = one["status"].to(str)
    state = rx.match(
        status,
        ("ready", rx.el.span(t("agent_page.chunks", n=one["chunks"].to(int)), class_name="small muted flex-none")),
        ("failed", rx.el.span(icon("circle-alert", 13), t("agent_page.document.failed"), class_name="row gap-1 small text-bad flex-none")),
        rx.el.span(
            rx.cond(total > 0, rx.el.span(bar(done, total, tone="spark", label=one["name"].to(str)), class_name="w-[40px]")),
            t_var("agent_page.document." + status, {"done": done, "total": total}), class_name="row gap-2 small muted flex-none",
        ),
    )  # fmt: skip
    name = rx.el.span(one["name"].to(str), class_name="clip")
    lead = rx.cond(
        S.all_documents,
        rx.el.span(icon("file-text"), name, class_name="row gap-2 grow"),
        rx.el.label(
            rx.el.input(type="checkbox", checked=one["picked"].to(bool), on_change=lambda _: S.pick_document(one["id"].to(str))),
            name, class_name="check grow",
        ),
    )  # fmt: skip
    return rx.el.div(lead, state, class_name="set-row", key=one["id"].to(str))


def _documents() -> rx.Component:
    none = rx.el.p(t("agent_page.documents.none"), class_name="small muted")
    reading = rx.cond(
        S.reading > 0,
        rx.el.div(icon("loader", 14, "spin"), t("agent_page.documents.reading", n=S.reading), class_name="row gap-2 small muted", role="status"),
    )
    every = checkbox(t("agent_page.documents.all"), checked=S.all_documents, on_change=lambda _: S.flip_all_documents())
    upload = link(icon("plus"), t("agent_page.documents.upload"), href=routes.KNOWLEDGE, class_name="row gap-1 strong")
    body = rx.cond(
        S.documents.length() > 0,
        rx.fragment(every, rx.el.div(rx.foreach(S.documents, _document)), reading),
        none,
    )
    return card(card_body(body, class_name="stack gap-3"), title=t("agent_page.documents"), action=upload)


def _device(one: Any) -> rx.Component:
    words = rx.el.span(
        rx.el.span(one["name"].to(str), class_name="strong clip"),
        rx.el.span(rx.cond(one["phone"], phone(one["phone"].to(str)), t("devices.no_phone")), class_name="small muted"),
        class_name="stack grow",
    )  # fmt: skip
    box = rx.el.input(type="checkbox", checked=one["picked"].to(bool), on_change=lambda _: S.pick_device(one["id"].to(str)))
    return rx.el.label(box, words, class_name="check set-row", key=one["id"].to(str))


def _devices() -> rx.Component:
    every = checkbox(t("agent_page.devices.all"), checked=S.all_devices, on_change=lambda _: S.flip_all_devices())
    some = rx.cond(~S.all_devices, rx.el.div(rx.foreach(S.devices, _device)))
    none = rx.el.div(
        rx.el.p(t("agent_page.devices.none"), class_name="small muted"), link_button(t("campaigns.see_devices"), routes.DEVICES, small=True),
        class_name="stack gap-2 items-start",
    )  # fmt: skip
    wrong = rx.cond(
        S.errors["device_ids"]["code"], rx.el.span(icon("circle-alert", 13), t("error.agent_devices_missing"), class_name="field-error", role="alert")
    )
    note = rx.cond(S.all_devices, t("agent_page.devices.every"), number(S.answers_on.length()))
    answering = rx.cond(S.live_version > 0, switch(t("agent_page.answering"), S.is_active, S.flip_active))
    return fold(t("agent_page.devices"), answering, rx.cond(S.devices.length() > 0, rx.fragment(every, some), none), wrong,
                icon_name="smartphone", note=note)  # fmt: skip


def _voice() -> rx.Component:
    return fold(
        t("agent_page.voice"), _text("name", max_length=80), _choice("preset"), _choice("language"), _choice("tone"),
        _choice("length"), _choice("emoji"), icon_name="sparkles", note=S.words["name"],
    )  # fmt: skip


def _facts() -> rx.Component:
    return fold(
        t("agent_page.facts"), rx.el.p(t("agent_page.facts.help"), class_name="small muted"),
        _area("facts.hours", 2), _area("facts.address", 2), _area("facts.payment", 2), _area("facts.other", 3),
        icon_name="store",
    )  # fmt: skip


def _unsure() -> rx.Component:
    topics = rx.el.div(
        rx.foreach(S.topics, lambda one: topic(one, t("agent_page.topics.drop", topic=one), S.drop_topic(one))),
        class_name="row flex-wrap gap-[6px]",
    )
    add = rx.el.form(
        rx.el.input(name="topic", id="agent-topic", max_length=80, class_name="input grow", placeholder=t("agent_page.topics.add")),
        icon_button("plus", t("agent_page.topics.do"), outlined=True, type="submit"),
        on_submit=S.add_topic, reset_on_submit=True, class_name="row gap-2",
    )  # fmt: skip
    return fold(
        t("agent_page.unsure"), _choice("unsure"),
        rx.cond(S.words["unsure"] == "stay_silent", rx.fragment(), _area("unsure_text", 3, help_=t("agent_page.unsure_text.help"), optional=True)),
        field(t("agent_page.field.forbidden_topics"), "agent-topic", rx.el.div(rx.cond(S.topics.length() > 0, topics), add, class_name="stack gap-2"),
              help_=t("agent_page.topics.help")),
        icon_name="circle-help",
    )  # fmt: skip


def _hour(one: Any, at: Any) -> rx.Component:
    n = at.to(int)
    day = rx.el.select(
        *(rx.el.option(words, value=key) for key, words in DAYS), value=one["day"].to(str),
        on_change=lambda value: S.set_hour(n, "day", value), aria_label=t("agent_page.hours.day"), class_name="input",
    )  # fmt: skip

    def clock_field(part: str) -> rx.Component:
        return rx.el.input(
            type="time", default_value=one[part].to(str), key=S.loaded.to(str) + part + one[part].to(str),
            on_blur=lambda value: S.set_hour(n, part, value), aria_label=t(f"agent_page.hours.{part}"), class_name="input",
        )  # fmt: skip

    return rx.el.div(
        day, icon_button("trash-2", t("agent_page.hours.drop"), tooltip=False, on_click=S.drop_hour(n)),
        rx.el.div(clock_field("start"), rx.el.span("–", aria_hidden="true"), clock_field("end"), class_name="spans"),
        class_name="hour", key=n.to(str),
    )  # fmt: skip


def _hours() -> rx.Component:
    rows = rx.el.div(rx.foreach(S.hours, _hour), class_name="stack gap-3")
    wrong = rx.cond(
        S.errors["behaviour.hours"]["code"], rx.el.span(icon("circle-alert", 13), t("error.agent_hours_wrong"), class_name="field-error", role="alert")
    )
    more = rx.el.div(
        button(t("agent_page.hours.add"), leading="plus", small=True, on_click=S.add_hours("0")),
        rx.cond(S.hours.length() == 0, button(t("agent_page.hours.week"), small=True, on_click=S.add_hours("012345"))),
        class_name="row flex-wrap gap-2",
    )  # fmt: skip
    words = rx.el.p(rx.cond(S.hours.length() > 0, t("agent_page.hours.help"), t("agent_page.hours.always.help")), class_name="small muted")
    away = rx.cond(S.hours.length() > 0, _area("behaviour.away_text", 3, help_=t("agent_page.away.help"), optional=True))
    return rx.el.fieldset(
        rx.el.legend(t("agent_page.hours"), class_name="field-label mb-2"), rx.el.div(words, rows, wrong, more, away, class_name="stack gap-3"),
        class_name="field",
    )  # fmt: skip


def _behaviour() -> rx.Component:
    delays = rx.el.div(
        _number("behaviour.delay_min_s", 0, 86_400), _number("behaviour.delay_max_s", 0, 86_400), class_name="grid grid-cols-2 gap-3"
    )
    return fold(
        t("agent_page.behaviour"), delays, rx.el.p(t("agent_page.delay.help"), class_name="small muted"),
        switch(t("agent_page.field.behaviour.seen"), S.flags["behaviour.seen"], S.flip("behaviour.seen")),
        switch(t("agent_page.field.behaviour.typing"), S.flags["behaviour.typing"], S.flip("behaviour.typing")),
        _hours(), icon_name="clock",
    )  # fmt: skip


def _advanced() -> rx.Component:
    share = S.words["min_confidence"].to(int)
    confidence = text_field(
        t("agent_page.field.min_confidence"), "agent-min-confidence", type="range", min=0, max=100, step=5,
        default_value=S.words["min_confidence"], key=S.loaded.to(str) + "confidence", on_change=S.write("min_confidence").debounce(REST_MS),
        help_=rx.fragment(percent(share, 0), " · ", t("agent_page.min_confidence.help")),
    )  # fmt: skip
    provider = field(
        t("agent_page.field.provider_id"), "agent-provider",
        rx.el.select(
            rx.el.option(t("agent_page.provider.auto"), value=""),
            rx.foreach(S.providers, lambda pair: rx.el.option(pair[1], value=pair[0])),
            value=S.words["provider_id"], on_change=S.write("provider_id"), id="agent-provider", class_name="input",
        ),
        help_=t("agent_page.provider.help"),
    )  # fmt: skip
    return fold(
        t("agent_page.advanced"), confidence, provider,
        rx.el.div(_number("behaviour.flood_every", 0, 1000), _number("behaviour.flood_window_s", 10, 86_400), class_name="grid grid-cols-2 gap-3"),
        rx.el.p(t("agent_page.flood.help"), class_name="small muted"),
        _area("behaviour.flood_text", 2, optional=True), icon_name="sliders-horizontal",
    )  # fmt: skip


def _stale() -> rx.Component:
    return rx.cond(
        S.stale,
        notice(t("agent_page.stale"), tone="warn", icon_name="users",
               action=button(t("agent_page.stale.do"), small=True, on_click=S.reload)),
    )  # fmt: skip


def settings() -> rx.Component:
    """The column: what is changed daily is open, thresholds wait under "Lanjutan"."""
    return rx.el.section(
        _stale(), _persona(), _modes(), _documents(), _voice(), _facts(), _devices(), _unsure(), _behaviour(), _advanced(),
        class_name="agent-set", aria_label=t("agent_page.settings"), custom_attrs={"data-shown": (S.pane == "settings").to_string()},
        tab_index=0,
    )  # fmt: skip
