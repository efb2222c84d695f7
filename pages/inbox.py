"""The shared inbox: conversations, the open chat, the customer; one pane at a time on a phone."""

from typing import Any

import reflex as rx

from pages import routes
from pages.inbox_customer import customer_pane
from pages.layout import shell
from state.base import AppState
from state.inbox.beginning import BeginState as B
from state.inbox.chat import ChatState as C
from state.inbox.finding import FindState as F
from state.inbox.jobs import JobsState as J
from state.inbox.listing import InboxState as L
from state.inbox.service import ServiceState as S
from wa_app.components.buttons import button, icon_button, link_button
from wa_app.components.feedback import empty
from wa_app.components.i18n import ago, error_text, moment, phone, t
from wa_app.components.icons import icon
from wa_app.components.inbox import chat_menu, chat_status, composer, petal, thread
from wa_app.components.inbox_pane import inbox_pane


def _list_pane() -> rx.Component:
    none_yet = rx.cond(
        L.choices["device"].length() > 0,
        empty(t("inbox.empty.title"), t("inbox.empty.waits")),
        empty(t("inbox.empty.title"), t("inbox.empty.text"), link_button(t("inbox.empty.do"), routes.DEVICES, look="primary", leading="smartphone")),
    )
    found = rx.Var.create({"query": F.query, "people": F.people, "more_people": F.more_people, "hits": F.hits, "more_hits": F.more_hits})
    begun = rx.Var.create({"query": B.query, "people": B.people, "phone": B.phone, "problem": B.problem})
    work = rx.Var.create({"jobs": J.jobs, "own": J.own, "may_export": J.may_export, "may_delete": J.may_delete, "matching": J.matching, "times": S.times})
    return rx.el.section(
        inbox_pane(
            none_yet, rows=L.rows, above=L.above, more=L.more, mark=L.mark, ready=L.ready, selected=C.chat_id, missing=C.missing, view=L.view,
            filters=L.filters, counts=L.counts, choices=L.choices, me=L.me, writes=L.may_write, target=L.target_min, found=found,
            begun=begun, news=L.news, work=work, on_show=L.show, on_open=C.open, on_hit=C.open_at, on_down=L.down, on_up=L.up, on_jump=L.jump,
            on_act=L.act, on_find=F.find, on_begin_find=B.find, on_start=B.start, on_again=L.again, on_choices=L.choose_from,
            on_jobs=J.load, on_export=J.export, on_delete=J.delete, on_count=J.count, on_delete_all=J.delete_all, on_cancel=J.cancel, on_retry=J.again, on_put_away=J.put_away,
            on_times=S.read,
        ),
        class_name="pane pane-list", aria_label=t("inbox.title"),
    )  # fmt: skip


def _is_group() -> rx.Var[bool]:
    """In groups only rules answer."""
    found: rx.Var[bool] = C.head["group"].to(bool)
    return found


def _bot_switch() -> rx.Component:
    by_ai = rx.fragment(icon("sparkles"), rx.el.span(t("inbox.bot.on"), class_name="desk"), rx.el.span(t("inbox.ai"), class_name="phone-only"))
    by_rules = rx.fragment(icon("whole-word"), rx.el.span(t("inbox.bot.rules"), class_name="desk"), rx.el.span(t("inbox.rule"), class_name="phone-only"))
    on, on_help = rx.cond(_is_group(), by_rules, by_ai), rx.cond(_is_group(), t("inbox.bot.rules.help"), t("inbox.bot.on.help"))
    off = rx.fragment(icon("user"), rx.el.span(t("inbox.bot.off"), class_name="desk"), rx.el.span(t("inbox.bot.off.short"), class_name="phone-only"))
    return rx.el.button(
        rx.cond(C.bot, on, off), rx.el.span(class_name="knob"), type="button", role="switch", aria_checked=C.bot, aria_label=t("inbox.bot"),
        on_click=C.toggle_bot, disabled=~C.may_write, class_name=rx.cond(C.bot, "bot-switch switch on", "bot-switch switch"),
        title=rx.cond(C.bot, on_help, rx.cond(C.resumes_at, t("inbox.bot.back", at=moment(C.resumes_at)), t("inbox.bot.off.help"))),
    )  # fmt: skip


def _chat_head() -> rx.Component:
    shown = rx.cond(C.name, C.name, phone(C.phone))
    person = rx.el.button(
        petal(C.contact_id, C.name, group=_is_group()),
        rx.el.span(
            rx.el.span(shown, class_name="who-name clip"),
            rx.el.span(C.device, class_name="who-note clip"),
            class_name="stack grow",
        ),
        type="button", class_name="person grow", on_click=C.show_pane("customer"), aria_label=t("inbox.show_customer", name=shown),
    )  # fmt: skip
    return rx.el.header(
        icon_button("arrow-left", t("inbox.back"), size=22, tooltip=False, on_click=C.close_pane, class_name="back-btn"),
        person,
        chat_menu(
            chat=C.chat_id, name=shown, head=C.head, people=C.people, teams=C.teams, tags=C.tags, me=C.me, blocked=C.shut == "recipient_suppressed",
            writes=C.may_write, may_tag=C.may_tag, may_block=C.may_block, busy=C.help_busy, on_deed=C.deed, on_choices=C.choices, on_day=C.go_to_day,
            on_summary=C.summarise,
        ),
        _bot_switch(),
        class_name="chat-head",
    )  # fmt: skip


def _needs() -> rx.Component:
    """What the machine said as it handed over."""
    return rx.cond(
        C.needs_at,
        rx.el.div(
            icon("hand"),
            rx.el.div(
                rx.el.div(rx.el.b(t("inbox.needs.title")), rx.el.span(" · ", ago(C.needs_at), class_name="small"), class_name="clip"),
                rx.cond(C.needs_summary, rx.el.p(C.needs_summary, class_name="summary")),
                class_name="grow",
            ),
            class_name="needs", role="status",
        ),
    )  # fmt: skip


def _help() -> rx.Component:
    """The talk in short, or why no model helps."""
    away = icon_button("x", t("common.close"), tooltip=False, on_click=C.forget_help)
    code, args = C.help_error["code"].to(str), C.help_error["args"].to(dict[str, str])
    return rx.fragment(
        rx.cond(C.help_busy == "summary", rx.el.div(icon("sparkles"), rx.el.span(t("inbox_chat.summary.busy")), class_name="gist", role="status")),
        rx.cond(
            C.gist,
            rx.el.div(icon("sparkles"), rx.el.div(rx.el.b(t("inbox_chat.summary.title")), rx.el.p(C.gist), class_name="grow"), away, class_name="gist", role="status"),
        ),
        rx.cond(
            C.help_error.contains("code"),
            rx.el.div(icon("circle-alert"), rx.el.span(error_text(code, args), class_name="grow"), away, class_name="gist bad", role="alert"),
        ),
    )  # fmt: skip


def _chat_body() -> rx.Component:
    return rx.fragment(
        _chat_head(),
        chat_status(chat=C.chat_id, head=C.head, writes=C.may_write, on_deed=C.deed),
        _needs(),
        _help(),
        thread(
            lines=C.lines, chat=C.chat_id, older=C.older, ended=C.ended, fresh=C.fresh, picked=C.why_id, writes=C.may_write, pending=C.pending,
            label=t("inbox.talk"), ready=C.ready, on_older=C.load_older, on_newest=C.to_newest, on_why=C.why, on_reply=C.reply_to,
            on_now=C.answer_now, on_hold=C.hold_back, on_take=C.take_over, me=AppState.user_name, names=C.names, spot=C.spot,
            on_newer=C.load_newer, on_again=C.again, on_look=C.look,
        ),
        composer(
            chat=C.chat_id, outcome=C.outcome, quote=C.quote, me=AppState.user_name,
            closed=rx.cond(C.may_write, "", t("inbox.closed.role")), on_send=C.send, on_quote=C.reply_to, on_unquote=C.unquote,
            shut=C.shut, window=C.window, draft=C.draft, replies=C.replies, insert=C.insert, values=C.values, waiting=C.waiting, typist=C.typist, proposal=C.proposal,
            busy=C.help_busy, people=C.people, lines=C.lines, on_note=C.note, on_later=C.later, on_draft=C.save_draft, on_typing=C.typing,
            on_find=C.find_reply, on_use=C.use_reply, on_values=C.show_values, on_take_back=C.take_back, on_suggest=C.suggest,
        ),
    )  # fmt: skip


def _chat_pane() -> rx.Component:
    gone = rx.el.div(
        rx.el.p(t("inbox.gone"), class_name="title"), button(t("inbox.back"), on_click=C.close_pane), class_name="empty m-auto"
    )
    nobody = rx.el.div(
        empty(t("inbox.pick.title"), t("inbox.pick.text")),
        rx.el.p(rx.el.span("j", class_name="kbd"), " ", rx.el.span("k", class_name="kbd"), " ", t("inbox.pick.keys"), class_name="small muted text-center desk"),
        class_name="m-auto",
    )
    return rx.el.section(
        rx.cond(C.missing, gone, rx.cond(C.chat_id, _chat_body(), nobody)), class_name="pane pane-chat", aria_label=t("inbox.talk")
    )


def _inbox() -> rx.Component:
    return rx.el.div(
        _list_pane(), _chat_pane(), customer_pane(), class_name="inbox", custom_attrs={"data-pane": C.pane, "data-open": C.chat_id != "", "data-chat": C.chat_id}
    )


@rx.page(route=routes.INBOX, title="Sapa", on_load=[AppState.on_load, C.load, L.load, J.load, L.watch, C.watch])
def inbox() -> rx.Component:
    """`/inbox?chat=<id>` opens a conversation."""
    page: Any = shell(_inbox(), title=t("nav.inbox"), active="inbox", class_name="slim inbox-shell")
    return page
