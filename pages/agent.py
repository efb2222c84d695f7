"""One agent: settings at the left, a talk with it in the middle, why it answered so at the right."""

import reflex as rx

from pages import routes
from pages.agent_dialogs import (
    cases_drawer,
    fix_dialog,
    header_actions,
    history_drawer,
    keep_dialog,
    publish_dialog,
)
from pages.agent_settings import settings
from pages.agent_talk import passage_dialog, talk, why
from pages.layout import shell
from state.agent_tester import AgentTesterState
from state.agents.publishing import AgentPublishState
from state.agents.settings import AgentState as S
from state.agents.trials import AgentTrialsState
from state.base import AppState
from wa_app.components.buttons import link_button
from wa_app.components.cards import card, page_header, saved_note, segmented
from wa_app.components.chips import chip
from wa_app.components.feedback import empty, skeleton_rows
from wa_app.components.i18n import clock, t


def _chips() -> rx.Component:
    live = rx.cond(S.is_active, chip(t("agent_page.active", n=S.live_version), "ok"), chip(t("agent_page.off"), "neutral"))
    return rx.el.div(
        rx.cond(S.live_version > 0, live, chip(t("agent_page.unpublished"), "neutral")),
        rx.cond((S.live_version > 0) & (S.unpublished > 0), chip(t("agent_page.pending", n=S.unpublished), "warn", dot=False)),
        class_name="row gap-2 flex-wrap",
    )  # fmt: skip


def _state() -> rx.Component:
    where = rx.cond(
        S.live_version > 0,
        rx.cond(
            S.answers_on.length() > 0,
            t("agent_page.state", devices=S.answers_on.join(", "), n=S.answered, handed=S.handed_over),
            t("agent_page.state.nowhere"),
        ),
        t("agent_page.state.new"),
    )
    return rx.fragment(where, " · ", saved_note(clock(S.saved_at)))


def _panes() -> rx.Component:
    choices = [("settings", t("agent_page.pane.settings")), ("talk", t("agent_page.pane.talk")), ("why", t("agent_page.pane.why"))]
    return rx.el.div(segmented(choices, S.pane, S.show_pane, label=t("agent_page.panes")), class_name="agent-tabs")


@rx.page(
    route=routes.AGENT,
    title="Sapa",
    on_load=[
        AppState.on_load, S.load, AgentTesterState.load, AgentPublishState.load, AgentTrialsState.load, S.watch, AgentTrialsState.watch,
    ],
)
def agent() -> rx.Component:
    """Settings, talk, why."""
    lost = empty(t("agent_page.missing"), t("error.not_found"), link_button(t("agents.all"), routes.AGENTS, look="primary"))
    body = rx.fragment(_panes(), rx.el.div(settings(), talk(), why(), class_name=rx.cond(AgentTesterState.comparing, "agent-cols comparing", "agent-cols")))
    return shell(
        rx.cond(
            S.missing, lost,
            rx.cond(
                S.ready,
                rx.fragment(page_header(rx.cond(S.name, S.name, t("agents.unnamed")), _state(), *header_actions(), chip=_chips()), body),
                rx.fragment(page_header(t("agents.one")), card(skeleton_rows(6))),
            ),
        ),
        publish_dialog(), history_drawer(), cases_drawer(), keep_dialog(), fix_dialog(), passage_dialog(),
        title=rx.cond(S.name, S.name, t("agents.one")), active="knowledge",
        crumbs=[(t("agent_page.documents"), routes.KNOWLEDGE), (t("agents.title"), routes.AGENTS)],
    )  # fmt: skip
