"""Parts of the page of knowledge: a document's state, its text and passages, the forms, the box to ask."""

from typing import Any

import reflex as rx

from state.knowledge import KnowledgeState as S
from wa_app.components.buttons import button
from wa_app.components.cards import card, card_body, segmented
from wa_app.components.chips import chip
from wa_app.components.dialogs import dialog, drawer
from wa_app.components.feedback import inline_error, notice
from wa_app.components.forms import form, text_area, text_field
from wa_app.components.i18n import error_text, t
from wa_app.components.icons import icon
from wa_app.components.progress import bar


def state_cell(row: Any) -> rx.Component:
    """Chip of the stage with its progress, or why it failed."""
    done, total = row["done"].to(int), row["total"].to(int)
    moving = rx.match(
        row["status"].to(str),
        ("queued", chip(t("knowledge.stage.queued"), "brand")),
        ("reading", chip(rx.cond(total > 1, t("knowledge.stage.reading_n", n=done, total=total), t("knowledge.stage.reading")), "spark", live=True)),
        ("ocr", chip(t("knowledge.stage.ocr", n=done, total=total), "spark", live=True)),
        ("chunking", chip(t("knowledge.stage.chunking"), "spark", live=True)),
        ("embedding", chip(t("knowledge.stage.embedding"), "spark", live=True)),
        ("ready", rx.cond(row["error"] != "", chip(t("knowledge.stage.old"), "warn"), chip(t("knowledge.stage.ready"), "ok"))),
        chip(t("knowledge.stage.failed"), "bad"),
    )  # fmt: skip
    share = rx.cond(
        row["working"].to(bool) & (total > 1),
        rx.el.div(bar(done, total, tone="spark", label=t("knowledge.progress")), class_name="w-full max-w-[160px]"),
    )
    why = rx.cond(row["error"] != "", rx.el.span(error_text(row["error"].to(str), row["error_args"]), class_name="small muted clip-2"))
    return rx.el.div(moving, share, why, class_name="stack gap-1 items-start max-w-[320px]")


def _page(one: Any) -> rx.Component:
    method = rx.cond(one["method"] == "ocr", chip(t("knowledge.by_ocr"), "spark", dot=False), chip(t("knowledge.by_text"), "neutral", dot=False))
    title = rx.cond(one["page"].to(int) > 0, t("knowledge.page_n", n=one["page"].to(int)), t("knowledge.part"))
    return rx.el.section(
        rx.el.div(rx.el.h3(title, class_name="strong"), rx.el.span(one["heading"].to(str), class_name="small muted clip grow"), method, class_name="row gap-2"),
        rx.el.p(one["text"].to(str), class_name="whitespace-pre-wrap break-words m-0"),
        class_name="stack gap-2 py-3 border-b border-line",
    )  # fmt: skip


def _chunk(one: Any, index: Any) -> rx.Component:
    page = rx.cond(one["page"].to(int) > 0, t("knowledge.page_n", n=one["page"].to(int)), "")
    return rx.el.section(
        rx.el.div(rx.el.span(t("knowledge.chunk_n", n=index.to(int) + 1), class_name="strong"),
                  rx.el.span(one["heading"].to(str), class_name="small muted clip grow"), rx.el.span(page, class_name="small muted"),
                  class_name="row gap-2"),
        rx.el.p(one["text"].to(str), class_name="whitespace-pre-wrap break-words m-0"),
        class_name="stack gap-1 p-3 rounded-lg border border-line bg-sunken", key=one["id"].to(str),
    )  # fmt: skip


def detail() -> rx.Component:
    """A document's text and passages at the right edge; a sheet on phones."""
    shown = S.shown
    key = shown["id"].to(str)
    failed = rx.cond(shown["error"] != "", inline_error(shown["error"].to(str), args=shown["error_args"]))
    body = rx.cond(
        S.view == "text",
        rx.el.div(rx.foreach(S.pages, _page), class_name="stack"),
        rx.el.div(rx.foreach(S.chunks, _chunk), class_name="stack gap-2"),
    )
    nothing = rx.cond((S.pages.length() == 0) & (shown["error"] == ""), rx.el.p(t("knowledge.nothing_read"), class_name="muted"))
    more = rx.cond(S.next_page > 0, rx.el.div(button(t("knowledge.more_pages"), on_click=S.more_pages), class_name="row justify-center"))
    return drawer(
        failed,
        rx.el.div(state_cell(shown), rx.el.span(class_name="grow"),
                  segmented([("text", t("knowledge.view.text")), ("chunks", t("knowledge.view.chunks"))], S.view, S.show_view, label=t("knowledge.view")),
                  class_name="row gap-2 flex-wrap"),
        nothing, body, more,
        title=shown["name"].to(str), open_=S.opened, on_open_change=S.close,
        foot=[
            button(t("common.delete"), look="danger", leading="trash-2", on_click=S.delete(key)),
            rx.el.span(class_name="grow"),
            button(rx.cond(shown["kind"] == "page", t("knowledge.refetch"), t("knowledge.reindex")), leading="rotate-cw", on_click=S.reindex(key)),
        ],
    )  # fmt: skip


def pair_dialog() -> rx.Component:
    """One question with its answer."""
    fields = form(
        text_field(t("knowledge.question"), "question", default_value=S.question, error=S.errors["question"], max_length=500,
                   placeholder=t("knowledge.question.example")),
        text_area(t("knowledge.answer"), "answer", default_value=S.answer, error=S.errors["answer"], max_length=4000, rows=6,
                  help_=t("knowledge.answer.help")),
        rx.el.div(
            rx.cond(S.pair_id != "", button(t("common.delete"), look="danger", leading="trash-2", on_click=S.delete(S.pair_id))),
            rx.el.span(class_name="grow"), button(t("common.save"), look="primary", type="submit"), class_name="row",
        ),
        on_submit=S.save_pair, key=S.pair_id,
    )  # fmt: skip
    return dialog(
        fields, title=rx.cond(S.pair_id != "", t("knowledge.pairs.edit"), t("knowledge.pairs.new")), open_=S.editing,
        on_open_change=S.close_pair, width=600,
    )  # fmt: skip


def paste_dialog() -> rx.Component:
    """Many questions at once, as a sheet copies them."""
    fields = form(
        text_area(t("knowledge.bulk"), "bulk", error=S.errors["bulk"], error_args=S.error_args, rows=10,
                  placeholder=t("knowledge.bulk.example"), help_=t("knowledge.bulk.help")),
        rx.el.div(rx.el.span(class_name="grow"), button(t("knowledge.bulk.save"), look="primary", type="submit"), class_name="row"),
        on_submit=S.paste,
    )  # fmt: skip
    return dialog(fields, title=t("knowledge.pairs.paste"), open_=S.pasting, on_open_change=S.set_pasting, width=600)


def _found(one: Any) -> rx.Component:
    where = rx.cond(one["page"].to(int) > 0, t("knowledge.page_n", n=one["page"].to(int)), one["heading"].to(str))
    return rx.el.li(
        rx.el.div(
            rx.el.button(one["name"].to(str), type="button", class_name="strong clip grow text-start", on_click=S.open(one["document_id"].to(str))),
            rx.el.span(where, class_name="small muted clip max-w-[110px]"),
            rx.el.span(one["percent"].to(int), "%", class_name="mono"), class_name="row gap-2",
        ),
        bar(one["percent"].to(int), 100, label=t("knowledge.score")),
        rx.el.p(one["text"].to(str), class_name="small whitespace-pre-wrap break-words m-0"),
        class_name="stack gap-1 p-3 rounded-lg border border-line", key=one["id"].to(str),
    )  # fmt: skip


def ask_card() -> rx.Component:
    """A question to the documents, as an agent would ask it."""
    box = rx.el.form(
        text_field(t("knowledge.ask"), "ask", placeholder=t("knowledge.ask.example"), leading="search", auto_complete="off", max_length=1000),
        rx.el.div(button(t("knowledge.ask.button"), look="primary", type="submit", busy=S.asking), class_name="row"),
        on_submit=S.ask, class_name="form", custom_attrs={"noValidate": True},
    )  # fmt: skip
    notes = rx.fragment(
        rx.cond(S.corrected != "", rx.el.p(t("knowledge.corrected", words=S.corrected), class_name="small muted m-0")),
        rx.cond(S.by_meaning, rx.fragment(), notice(t("knowledge.vectors_wait"), tone="warn", icon_name="triangle-alert")),
    )
    results = rx.cond(
        S.found.length() > 0,
        rx.el.ul(rx.foreach(S.found, _found), class_name="stack gap-2 m-0 p-0 list-none"),
        rx.cond(S.has_asked, rx.el.p(icon("circle-help"), t("knowledge.found_none"), class_name="row muted m-0")),
    )
    return card(
        card_body(rx.el.p(t("knowledge.ask.note"), class_name="small muted m-0"), box,
                  rx.el.div(notes, results, class_name="stack gap-2", aria_live="polite"), class_name="stack gap-3"),
        title=t("knowledge.ask.title"),
    )  # fmt: skip
