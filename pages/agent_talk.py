"""The middle and the right of an agent's page: the talk, and why each answer is what it is."""

from typing import Any

import reflex as rx

from state.agent_tester import AgentTesterState as S
from state.agents.settings import AgentState
from state.agents.trials import AgentTrialsState as Trials
from wa_app.components.buttons import button, icon_button
from wa_app.components.chips import chip
from wa_app.components.dialogs import dialog
from wa_app.components.feedback import empty
from wa_app.components.forms import field, select
from wa_app.components.i18n import error_text, number, percent, t, t_var
from wa_app.components.icons import icon
from wa_app.components.talk import (
    answered,
    facts_read,
    failed,
    growing,
    milliseconds,
    passage_row,
    said_by_customer,
    silent,
    source_name,
    step_row,
    talk_ground,
)
from wa_app.components.uploader import MB, uploader

ACCEPT = [".jpg", ".jpeg", ".png", ".webp", ".heic", ".pdf", ".docx", ".xlsx", ".csv", ".txt", ".md"]


def _line(line: Any) -> rx.Component:
    return rx.match(
        line["kind"].to(str),
        ("in", said_by_customer(line)),
        ("silent", silent(line, on_why=S.show_why)),
        ("error", failed(line)),
        rx.fragment(answered(line, picked=S.picked, on_why=S.show_why, on_source=S.open_source), _acts(line)),
    )


def _acts(line: Any) -> rx.Component:
    """What to do about the answer on show: it stays, it was wrong, or how it should have been."""
    key = line["id"].to(str)
    return rx.cond(
        S.picked == key,
        rx.el.div(
            icon_button("thumbs-up", t("agent_page.good"), outlined=True, on_click=Trials.keep_good(key)),
            icon_button("thumbs-down", t("agent_page.bad"), outlined=True, on_click=Trials.begin_fix(key)),
            button(t("agent_page.fix"), leading="pencil", small=True, on_click=Trials.begin_fix(key)),
            class_name="talk-acts",
        ),
    )


def _version_name(value: Any) -> rx.Component:
    shown = rx.Var.create(value).to(str)
    return rx.cond(shown == "0", t("agent_page.draft"), t("agent_page.version", n=shown))


def _side(version: Any, provider: Any) -> rx.Component:
    names = rx.foreach(S.providers, lambda pair: rx.cond(pair[0] == provider, rx.fragment(" · ", pair[1])))
    return rx.el.div(rx.el.b(_version_name(version)), rx.el.span(names, class_name="clip"), class_name="talk-side")


def _column(lines: Any, words: Any, busy: Any, version: Any, provider: Any, label: Any) -> rx.Component:
    start = rx.el.div(
        icon("messages-square", 15, "mt-[2px]"), rx.el.span(t("agent_page.talk.start")), class_name="talk-note"
    )
    return talk_ground(
        rx.cond(S.comparing, _side(version, provider)),
        rx.cond(lines.length() > 0, rx.foreach(lines, _line), start),
        rx.cond(busy, growing(words, AgentState.words["name"])),
        label=label,
    )


def _options() -> rx.Component:
    def versions(value: Any, what: str, label: str) -> rx.Component:
        options = rx.foreach(
            S.versions,
            lambda pair: rx.el.option(rx.cond(pair[0] == "0", t("agent_page.draft"), t("agent_page.version", n=pair[0])), value=pair[0]),
        )
        control = rx.el.select(options, value=value, on_change=lambda new: S.choose(what, new), id=what, class_name="input")
        return field(t(label), what, control)

    def providers(value: Any, what: str) -> rx.Component:
        control = rx.el.select(
            rx.el.option(t("agent_page.provider.auto"), value=""),
            rx.foreach(S.providers, lambda pair: rx.el.option(pair[1], value=pair[0])),
            value=value, on_change=lambda new: S.choose(what, new), id=what, class_name="input",
        )  # fmt: skip
        return field(t("agent_page.field.provider_id"), what, control)

    device = rx.el.select(
        rx.el.option(t("agent_page.device.any"), value=""), rx.foreach(S.devices, lambda pair: rx.el.option(pair[1], value=pair[0])),
        value=S.device, on_change=lambda new: S.choose("device", new), id="device", class_name="input",
    )  # fmt: skip
    spoken = select(
        [("id", t("agent_page.language.id")), ("en", t("agent_page.language.en"))], value=S.spoken,
        on_change=lambda new: S.choose("spoken", new), id="spoken", class_name="input",
    )  # fmt: skip
    fields = [
        versions(S.version, "version", "agent_page.talk.with"), providers(S.provider, "provider"),
        rx.cond(S.comparing, versions(S.other_version, "other_version", "agent_page.talk.against")),
        rx.cond(S.comparing, providers(S.other_provider, "other_provider")),
        field(t("agent_page.talk.device"), "device", device), field(t("agent_page.talk.language"), "spoken", spoken),
    ]  # fmt: skip
    return rx.el.div(*fields, class_name="grid grid-cols-2 gap-3 px-4 py-3 border-b border-line")


def _head() -> rx.Component:
    return rx.el.div(
        rx.el.h2(t("agent_page.talk"), class_name="h2"),
        rx.el.span(t("agent_page.talk.note"), class_name="small muted clip grow"),
        icon_button("columns-2", t("agent_page.compare"), on_click=S.compare, aria_pressed=S.comparing),
        icon_button("sliders-horizontal", t("agent_page.talk.options"), on_click=S.show_options, aria_expanded=S.options_open),
        icon_button("rotate-ccw", t("agent_page.restart"), on_click=S.restart),
        class_name="card-head",
    )  # fmt: skip


def _hints() -> rx.Component:
    def one(key: Any) -> rx.Component:
        words = t_var("agent_page.hint." + key.to(str))
        return rx.el.button(words, type="button", on_click=S.say_hint(words), key=key.to(str))

    return rx.cond(
        S.hints.length() > 0,
        rx.el.div(rx.foreach(S.hints, one), class_name="hints", role="group", aria_label=t("agent_page.hints"), tab_index=0),
    )


def _attachment() -> rx.Component:
    state = rx.cond(
        S.reading,
        rx.el.span(icon("loader", 13, "spin"), t("agent_page.file.reading"), class_name="row gap-1 muted flex-none", role="status"),
        rx.cond(
            S.attachment_error,
            rx.el.span(icon("circle-alert", 13), error_text(S.attachment_error, S.attachment_args), class_name="row gap-1 text-bad", role="alert"),
            rx.el.span(icon("check", 13), t("agent_page.file.read"), class_name="row gap-1 muted flex-none"),
        ),
    )
    kept = rx.el.div(
        icon("paperclip", 14), rx.el.span(S.attachment_name, class_name="clip grow"), state,
        icon_button("x", t("agent_page.file.remove"), tooltip=False, on_click=S.detach), class_name="attach-chip",
    )  # fmt: skip
    pick = uploader(accept=ACCEPT, types_text=t("agent_page.file.types"), on_uploaded=S.attach, compact=True, max_bytes=25 * MB)
    return rx.fragment(rx.cond(S.attachment_name, kept), rx.cond(S.attaching, pick))


def _composer() -> rx.Component:
    # Enter sends, Shift and Enter begins a line, as in the customer's own app.
    send_on_enter = rx.Var(
        "((e) => { if (e.key === 'Enter' && !e.shiftKey && !e.nativeEvent.isComposing) { e.preventDefault(); e.target.form.requestSubmit(); } })"
    )
    text = rx.el.textarea(
        name="say", id="say", rows=1, max_length=4000, placeholder=t("agent_page.say"), aria_label=t("agent_page.say"), key=S.typed.to(str),
        custom_attrs={"onKeyDown": send_on_enter}, auto_focus=S.typed > 0,
    )  # fmt: skip
    busy = S.busy | S.other_busy | S.reading
    return rx.el.form(
        icon_button("image-plus", t("agent_page.file.attach"), on_click=S.open_uploader, aria_expanded=S.attaching),
        text,
        button(t("agent_page.send"), look="primary", type="submit", busy=busy),
        on_submit=S.say, class_name="say",
    )  # fmt: skip


def talk() -> rx.Component:
    """The talk: as a contact would, with nobody outside hearing it."""
    columns = rx.el.div(
        _column(S.lines, S.growing, S.busy, S.version, S.provider, t("agent_page.talk")),
        rx.cond(
            S.comparing,
            _column(S.other_lines, S.other_growing, S.other_busy, S.other_version, S.other_provider, t("agent_page.talk.other")),
        ),
        class_name="talk-body",
    )  # fmt: skip
    return rx.el.section(
        _head(), rx.cond(S.options_open, _options()), columns,
        rx.el.div(_hints(), _attachment(), _composer(), class_name="talk-foot"),
        class_name="card talk", aria_label=t("agent_page.talk"), custom_attrs={"data-shown": (AgentState.pane == "talk").to_string()},
    )  # fmt: skip


def cost(micros: Any) -> rx.Component:
    """Millionths of a dollar as dollars with as many digits as they need; -1 is a price nobody knows."""
    value = rx.Var.create(micros).to(float)
    return rx.cond(
        value < 0, t("agent_page.cost.unknown"),
        rx.cond(value == 0, t("agent_page.cost.none"), rx.fragment("US$ ", number(value / 1_000_000, rx.cond(value < 10_000, 5, 3)))),
    )


def _model(entry: Any) -> rx.Component:
    detail = S.detail
    passed = rx.foreach(
        S.skipped, lambda one: rx.el.div(t("agent_page.skipped", name=one["provider"], why=t_var("agent_page.passed_over." + one["why"].to(str))))
    )
    words = rx.el.div(
        t("agent_page.tokens", n=detail["tokens"].to(int)), " · ", cost(detail["cost"].to(int)), passed, class_name="more",
    )
    return rx.cond((entry["step"].to(str) == "model") & (detail["provider"].to(str) != ""), words)


def _entry(entry: Any) -> rx.Component:
    step = entry["step"].to(str)

    def passage(one: Any, at: Any) -> rx.Component:
        return passage_row(one, S.open_passage(at.to(int)))

    found = rx.cond((step == "knowledge") & (S.passages.length() > 0), rx.fragment(rx.foreach(S.passages, passage)))
    read = rx.cond((step == "insights") & (S.facts.length() > 0), facts_read(S.facts))
    return step_row(entry, found, _model(entry), read)


def _summary() -> rx.Component:
    """Below the steps: how sure it is, and why a person is to go on."""
    detail = S.detail
    sure = rx.cond(
        detail["confidence"].to(int) > 0,
        rx.el.p(t("agent_page.confidence"), " ", rx.el.b(percent(detail["confidence"].to(int), 0)), ", ",
                t("agent_page.needed", share=percent(AgentState.words["min_confidence"].to(int), 0)), class_name="small muted"),
    )  # fmt: skip
    why = rx.cond(
        detail["handover"],
        rx.el.p(chip(t("agent_page.outcome.handover"), "warn", dot=False), " ", t_var("handover.reason." + detail["handover"].to(str)), class_name="small muted"),
    )
    return rx.el.div(sure, why, class_name="stack gap-2 pt-3")


def why() -> rx.Component:
    """The way to the answer on show."""
    none = empty(t("agent_page.why.none"), t("agent_page.why.none.text"))
    steps = rx.fragment(rx.el.ol(rx.foreach(S.trace, _entry), class_name="trace"), _summary())
    head = rx.el.div(
        rx.el.h2(t("agent_page.why"), class_name="h2 grow"),
        rx.cond(S.picked, rx.el.span(milliseconds(S.trace_ms), class_name="mono muted")), class_name="card-head",
    )  # fmt: skip
    foot = rx.el.div(
        rx.el.span(t("agent_page.keep.ask"), class_name="muted grow"),
        button(t("agent_page.keep"), leading="bookmark", on_click=Trials.keep), class_name="why-foot",
    )  # fmt: skip
    body = rx.el.div(
        rx.cond(S.picked, rx.cond(S.trace.length() > 0, steps, none), none), class_name="why-body", tab_index=0,
        role="region", aria_label=t("agent_page.why"),
    )  # fmt: skip
    return rx.el.section(
        head, body, rx.cond(S.picked, foot), class_name="card why", aria_label=t("agent_page.why"),
        custom_attrs={"data-shown": (AgentState.pane == "why").to_string()},
    )  # fmt: skip


def passage_dialog() -> rx.Component:
    """The words an answer stands on."""
    one = S.passage
    page = one["page"].to(int)
    return dialog(
        rx.el.div(one["text"].to(str), class_name="passage-text", tab_index=0),
        title=source_name(one["name"].to(str), page), note=rx.cond(one["heading"], one["heading"].to(str), t("agent_page.passage.note")),
        open_=S.passage.contains("text"), on_open_change=S.close_passage, width=600,
        foot=[button(t("common.close"), on_click=S.close_passage(False))],
    )  # fmt: skip


