"""The platform's AI providers: who answers, in which order, what is failing, what it costs."""

import reflex as rx

from pages import ai_parts, routes
from pages.layout import shell
from state.admin_ai import AdminAiState as S
from state.base import AppState
from wa_app.components.buttons import button
from wa_app.components.cards import page_header, segmented
from wa_app.components.feedback import skeleton_rows
from wa_app.components.i18n import number, t, t_var


@rx.page(route=routes.ADMIN_AI, title="Sapa", on_load=[AppState.on_load, S.load, S.watch])
def admin_ai() -> rx.Component:
    """For platform admins: providers, their state, quotas, cost and failures."""
    modes = [(key, t(f"ai.rotation.{key}")) for key in ("priority", "round_robin", "weighted", "random")]
    top = rx.el.div(
        rx.el.span(t("ai.rotation"), class_name="muted"),
        segmented(modes, S.rotation, S.set_rotation, label=t("ai.rotation")),
        rx.el.span(t_var("ai.rotation_words." + S.rotation), class_name="small muted grow"),
        rx.el.span(t("ai.today"), " ", ai_parts.usd(S.cost_today), class_name="nowrap"),
        class_name="ai-top",
    )
    state = t("ai.admin_state", tenants=number(S.tenants), answered=number(S.answered), lost=number(S.unanswered))
    return shell(
        page_header(t("ai.admin_title"), rx.cond(S.ready, state, ""),
                    button(t("ai.add"), look="primary", leading="plus", on_click=S.ask_new)),
        rx.el.div(
            ai_parts.failing(S),
            rx.cond(S.ready, ai_parts.provider_list(S, True, top, rx.fragment()), rx.el.div(skeleton_rows(5), class_name="card")),
            rx.el.div(
                ai_parts.chart(S, t("ai.per_hour"), t("ai.per_hour_summary", n=number(S.answered))),
                ai_parts.calls(S, t("ai.failovers"), t("ai.no_failovers")),
                class_name="ai-split",
            ),
            class_name="stack-gap",
        ),
        ai_parts.provider_form(S),
        ai_parts.drop_question(S),
        title=t("ai.admin_title"),
        active="admin_ai",
    )  # fmt: skip
