"""A talk with an agent and the way to each answer: lines, the dots while it thinks, steps, passages."""

from typing import Any

import reflex as rx

from wa_app.components.buttons import icon_button
from wa_app.components.chips import chip
from wa_app.components.editor import whatsapp_text
from wa_app.components.i18n import clock, error_text, number, t, t_var
from wa_app.components.icons import icon
from wa_app.components.progress import bar

STEP_ICONS = {
    "consent": "shield-check", "human": "user", "reading": "scan-text", "rules": "whole-word", "flow": "workflow",
    "knowledge": "book-open-text", "model": "cpu", "insights": "braces", "answer": "circle-check",
}  # fmt: skip


class Follow(rx.NoSSRComponent):
    """Scrolls along while something is being written."""

    tag = "Follow"

    label: rx.Var[str]


def talk_ground(*children: Any, label: Any) -> rx.Component:
    """The ground of a talk that grows; `label` names it for screen readers."""
    Follow.library = rx.asset("talk.jsx", shared=True).importable_path
    ground: rx.Component = Follow.create(*children, label=label, class_name="chat")
    return ground


def step_icon(step: Any) -> rx.Component:
    """The icon of a step of a decision."""
    return rx.match(
        rx.Var.create(step).to(str), *((name, icon(shown, 14)) for name, shown in STEP_ICONS.items()), icon("dot", 14)
    )


def said_by_customer(line: Any) -> rx.Component:
    """What the tester wrote as the customer."""
    file = rx.cond(
        line["file"], rx.el.div(icon("paperclip", 13), rx.el.span(line["file"].to(str), class_name="clip"), class_name="attached")
    )
    return rx.el.div(
        file, rx.el.span(line["text"].to(str)), rx.el.div(rx.el.span(clock(line["at"].to(str))), class_name="meta"),
        class_name="bubble in new", key=line["id"].to(str),
    )  # fmt: skip


def source_name(name: Any, page: Any) -> rx.Component:
    """`Menu-harga.pdf, hal. 5`."""
    at = rx.Var.create(page).to(int)
    return rx.fragment(name, rx.cond(at > 0, rx.fragment(", ", t("agent_page.page", n=at))))


def answered(line: Any, *, picked: Any, on_why: Any, on_source: Any) -> rx.Component:
    """An answer: the agent's in its own colour, a rule's as the team's. Its head opens the way to it."""
    is_ai = line["kind"].to(str) == "ai"
    key = line["id"].to(str)

    def source(one: Any) -> rx.Component:
        return rx.el.button(
            icon("book-open-text", 13), rx.el.span(source_name(one["name"].to(str), one["page"]), class_name="clip"),
            type="button", class_name="source", on_click=on_source(key, one["at"].to(int)),
        )  # fmt: skip

    by = rx.cond(
        is_ai,
        rx.fragment(icon("sparkles", 13), rx.el.span(line["by"].to(str), _mode(line["mode"]), class_name="clip")),
        rx.fragment(icon("whole-word", 13), rx.el.span(t("agent_page.by_rule", name=line["by"].to(str)), class_name="clip")),
    )
    head = rx.el.button(
        by, rx.el.span(t("agent_page.why.open"), class_name="sr"), type="button", class_name="by", on_click=on_why(key),
        aria_pressed=picked == key,
    )  # fmt: skip
    file = rx.cond(line["has_file"], rx.el.div(icon("paperclip", 13), t("agent_page.with_file"), class_name="attached"))
    outcome = line["outcome"].to(str)
    tag = rx.cond(
        (outcome != "answer") & (outcome != "rule"),
        rx.el.div(chip(t_var("agent_page.outcome." + outcome), "neutral", dot=False), class_name="pt-1"),
    )
    return rx.el.div(
        head, file, whatsapp_text(line["text"].to(str)), rx.el.div(rx.foreach(line["sources"].to(list[dict[str, Any]]), source)),
        tag, rx.el.div(rx.el.span(clock(line["at"].to(str))), class_name="meta"),
        class_name=rx.cond(is_ai, "bubble ai new", "bubble out new") + rx.cond(picked == key, " picked", ""),
        key=key,
    )  # fmt: skip


def _mode(mode: Any) -> rx.Component:
    shown = mode.to(str)
    return rx.cond(shown, rx.fragment(" · ", t_var("agent_page.mode." + shown)))


def silent(line: Any, *, on_why: Any) -> rx.Component:
    """A text that gets no answer."""
    return rx.el.div(
        icon("circle-off", 15, "mt-[2px]"),
        rx.el.button(t_var("agent_page.silent." + line["outcome"].to(str)), type="button", on_click=on_why(line["id"].to(str))),
        class_name="talk-note", key=line["id"].to(str),
    )  # fmt: skip


def failed(line: Any) -> rx.Component:
    """Why no answer came."""
    return rx.el.div(
        icon("circle-alert", 15, "mt-[2px]"), rx.el.span(error_text(line["code"].to(str), line["args"])),
        class_name="talk-note bad", role="alert", key=line["id"].to(str),
    )  # fmt: skip


def growing(text: Any, name: Any) -> rx.Component:
    """The answer while it is being written; three dots before its first words."""
    dots = rx.el.span(rx.el.i(), rx.el.i(), rx.el.i(), class_name="thinking", aria_hidden="true")
    return rx.el.div(
        rx.el.div(icon("sparkles", 13), rx.el.span(name, class_name="clip"), class_name="by"),
        rx.cond(text, whatsapp_text(text), dots),
        rx.el.span(t("agent_page.thinking"), class_name="sr", role="status"),
        class_name="bubble ai new",
    )


def step_row(entry: Any, *more: Any) -> rx.Component:
    """One step of a decision: what it found, how long it took."""
    step, outcome = entry["step"].to(str), entry["outcome"].to(str)
    return rx.el.li(
        rx.el.span(step_icon(step), class_name="pip " + entry["look"].to(str), aria_hidden="true"),
        rx.el.div(
            rx.el.div(
                rx.el.span(t_var("trace." + step), class_name="name"),
                rx.el.span(milliseconds(entry["ms"]), class_name="ms"),
                class_name="head",
            ),
            rx.el.p(t_var("trace." + step + "." + outcome, entry["args"]), class_name="more"),
            *more,
        ),
        key=entry["n"].to(str),
    )


def milliseconds(value: Any) -> rx.Component:
    """`41 md`, `1.602 md`."""
    shown = rx.Var.create(value).to(float)
    return rx.fragment(rx.cond(shown < 1, "< 1", number(shown)), " ", t("agent_page.ms"))


def passage_row(one: Any, on_open: Any) -> rx.Component:
    """A passage that was found, and how well it fits."""
    where = rx.cond(one["heading"], one["heading"].to(str), rx.cond(one["page"].to(int) > 0, t("agent_page.page", n=one["page"].to(int)), ""))
    return rx.el.button(
        rx.el.span(rx.cond(one["used"].to(bool), icon("check", 13, "inline text-ok-dot me-1")), rx.el.b(one["name"].to(str)), " ", rx.el.span(where, class_name="muted"), class_name="clip"),
        bar(one["score"].to(float) * 100, 100, label=t("agent_page.score")),
        rx.el.span(number(one["score"].to(float), 2), class_name="score"),
        type="button", class_name="passage", on_click=on_open,
    )  # fmt: skip


def facts_read(rows: Any) -> rx.Component:
    """What was read from the customer's words."""

    def one(row: Any) -> rx.Component:
        return rx.el.div(rx.el.dt(t_var("agent_page.fact." + row["key"].to(str))), rx.el.dd(t_var("insight.of." + row["key"].to(str), {"value": row["value"]})))

    return rx.el.dl(rx.foreach(rows, one), class_name="facts-read")


def fold(title: Any, *children: Any, icon_name: str, note: Any = None, is_open: bool = False) -> rx.Component:
    """A group of settings that folds; open ones hold what is changed daily."""
    right = [rx.el.span(note, class_name="small muted clip")] if note is not None else []
    summary = rx.el.summary(
        rx.el.span(icon(icon_name), class_name="icon muted"), rx.el.h2(title, class_name="h2 grow"), *right,
        rx.el.span(icon("chevron-right"), class_name="icon turn"),
    )  # fmt: skip
    return rx.el.details(summary, rx.el.div(*children, class_name="fold-body"), open=is_open, class_name="card fold")


def topic(text: Any, label: Any, on_drop: Any) -> rx.Component:
    """A word that can be taken away."""
    return rx.el.span(
        rx.el.span(text, class_name="clip"), icon_button("x", label, tooltip=False, size=13, on_click=on_drop, class_name="flex-none"),
        class_name="topic",
    )  # fmt: skip
