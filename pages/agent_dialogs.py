"""What opens over an agent's page: publishing, versions, test cases, a better answer."""

from typing import Any

import reflex as rx

from pages import routes
from state.agents.publishing import AgentPublishState as P
from state.agents.settings import AgentState
from state.agents.trials import AgentTrialsState as T
from wa_app.components.buttons import button, link_button
from wa_app.components.chips import chip
from wa_app.components.dialogs import confirm, dialog, drawer
from wa_app.components.feedback import empty, notice
from wa_app.components.forms import field, field_errors, form, select_field, text_area, text_field
from wa_app.components.i18n import date_time, error_text, moment, t, t_var
from wa_app.components.icons import icon
from wa_app.components.progress import bar
from wa_app.schemas.agent_trials import TrialOutcome


def _change(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(t_var("agent_page.field." + one["field"].to(str)), class_name="strong small"),
        rx.cond(one["was"], rx.el.span(t_var(one["was"].to(str), one["was_args"]), class_name="was small")),
        rx.el.span(rx.cond(one["now"], t_var(one["now"].to(str), one["now_args"]), t("agent_page.emptied")), class_name="is"),
        class_name="change", key=one["field"].to(str),
    )  # fmt: skip


def _checked() -> rx.Component:
    """What the test cases said of the draft."""
    run = T.run
    passed, total = run["passed"].to(int), run["total"].to(int)
    none = rx.el.div(
        rx.el.p(t("agent_page.publish.no_cases"), class_name="small muted grow"), class_name="row"
    )
    start = button(t("agent_page.run"), leading="play", small=True, on_click=T.start)
    busy = rx.el.div(
        rx.el.span(t("agent_page.running", done=run["done"].to(int), total=total), class_name="small", role="status"),
        bar(run["done"].to(int), total, label=t("agent_page.cases")), class_name="stack gap-2",
    )  # fmt: skip
    fresh = rx.el.div(
        rx.cond(passed == total, chip(t("agent_page.passed.all", n=total), "ok"), chip(t("agent_page.passed.some", n=passed, total=total), "warn")),
        rx.el.span(rx.cond(T.results.length() > 0, t("agent_page.changed", n=T.results.length()), t("agent_page.unchanged")), class_name="small muted grow"),
        button(t("agent_page.cases.see"), small=True, on_click=T.show(True)), class_name="row gap-2 flex-wrap",
    )  # fmt: skip
    old = rx.el.div(rx.el.span(t("agent_page.publish.not_run", n=T.cases.length()), class_name="small muted grow"), start, class_name="row gap-2")
    return rx.el.div(
        rx.el.h3(t("agent_page.cases"), class_name="h2"),
        rx.cond(T.cases.length() == 0, none, rx.cond(T.busy, busy, rx.cond(T.fresh, fresh, old))),
        class_name="stack gap-2",
    )  # fmt: skip


def publish_dialog() -> rx.Component:
    """What will change for customers, and what the test cases say, before it does."""
    lacking = rx.foreach(
        P.lacking, lambda one: rx.el.span(icon("circle-alert", 13), error_text(one["code"].to(str), one["args"]), class_name="field-error", role="alert")
    )
    changes = rx.el.div(rx.foreach(P.changes, _change), class_name="passage-text", tab_index=0)
    note = text_field(
        t("agent_page.publish.note"), "publish-note", optional=True, max_length=500, default_value="", key=P.number.to(str) + P.asking.to_string(),
        on_change=P.set_note.debounce(200),
    )  # fmt: skip
    return dialog(
        rx.el.div(
            rx.el.h3(t("agent_page.publish.changes", n=P.changes.length()), class_name="h2"), changes, _checked(), note,
            rx.el.div(lacking, class_name="stack gap-1"), class_name="stack gap-3 pt-2",
        ),
        title=t("agent_page.publish.title", n=P.number), note=t("agent_page.publish.text"), open_=P.asking, on_open_change=P.close, width=600,
        foot=[button(t("common.cancel"), on_click=P.close(False)),
              button(t("agent_page.publish", n=P.number), look="primary", on_click=P.publish, disabled=P.changes.length() == 0)],
    )  # fmt: skip


def _version(one: Any) -> rx.Component:
    n = one["number"].to(int)
    shown = P.opened == n
    head = rx.el.div(
        rx.el.span(t("agent_page.version", n=n), class_name="strong"),
        rx.cond(one["live"].to(bool), chip(t("agent_page.live"), "ok")),
        rx.cond(one["from"].to(int) > 0, rx.el.span(t("agent_page.restored", n=one["from"].to(int)), class_name="small muted")),
        class_name="row gap-2",
    )  # fmt: skip
    by = rx.cond(one["by"], rx.fragment(" · ", one["by"].to(str)))
    acts = rx.el.div(
        button(t("agent_page.changes", n=one["changes"].to(list[dict[str, Any]]).length()), look="link", small=True, on_click=P.open_version(n), aria_expanded=shown),
        rx.el.span(class_name="grow"),
        button(t("agent_page.take_over"), small=True, look="quiet", on_click=P.take_over(n)),
        rx.cond(~one["live"].to(bool), button(t("agent_page.roll_back"), small=True, on_click=P.ask_back(n))),
        class_name="row gap-2 flex-wrap",
    )  # fmt: skip
    return rx.el.li(
        head, rx.el.div(date_time(one["at"].to(str)), by, class_name="small muted"),
        rx.cond(one["note"], rx.el.p(one["note"].to(str), class_name="small")), acts,
        rx.cond(shown, rx.el.div(rx.foreach(one["changes"].to(list[dict[str, Any]]), _change))),
        class_name="version", key=n.to(str),
    )  # fmt: skip


def history_drawer() -> rx.Component:
    """Versions: who, when, what changed, and the way back."""
    none = empty(t("agent_page.history.none"), t("agent_page.history.none.text"))
    return rx.fragment(
        drawer(
            rx.cond(P.versions.length() > 0, rx.el.ol(rx.foreach(P.versions, _version), class_name="plain"), none),
            title=t("agent_page.history"), open_=P.history_open, on_open_change=P.show_history,
        ),
        confirm(
            t("agent_page.back.title", n=P.back_to), t("agent_page.back.text", n=P.back_to), open_=P.back_to > 0, on_open_change=P.close_back,
            confirm_text=t("agent_page.back.do", n=P.back_to), on_confirm=P.go_back, destructive=False,
        ),
    )  # fmt: skip


def _expectation(one: Any) -> rx.Component:
    what = one["what"].to(str)
    words = rx.match(
        what,
        ("contains", t("agent_page.check.contains", words=one["wanted"].to(str))),
        ("avoids", t("agent_page.check.avoids", words=one["wanted"].to(str))),
        ("outcome", t("agent_page.check.outcome") + " " + t_var("agent_page.outcome." + one["outcome"].to(str))),
        ("rule", t("agent_page.check.rule")),
        t("agent_page.check.document"),
    )  # fmt: skip
    mark = rx.cond(one["ok"].to(bool), icon("check", 13, "text-ok-dot"), icon("x", 13, "text-bad-dot"))
    state = rx.cond(one["ok"].to(bool), t("agent_page.check.ok"), t("agent_page.check.not_ok"))
    return rx.el.li(mark, rx.el.span(state, ": ", class_name="sr"), rx.el.span(words), class_name="row gap-2 small")


def _case_state(one: Any) -> rx.Component:
    return rx.match(
        one["status"].to(str),
        ("passed", chip(t("agent_page.case.passed"), "ok")),
        ("failed", chip(t("agent_page.case.failed"), "bad")),
        ("broken", chip(t("agent_page.case.broken"), "warn")),
        chip(t("agent_page.case.new")),
    )


def _case(one: Any) -> rx.Component:
    key = one["id"].to(str)
    shown = T.opened == key
    changed = rx.cond(one["changed"].to(list[str]).length() > 0, chip(t("agent_page.case.changed"), "brand"))
    more = rx.el.div(
        rx.el.p(one["text"].to(str), class_name="said"),
        rx.cond(one["was"], rx.el.p(rx.el.span(t("agent_page.case.before"), class_name="strong"), " ", one["was"].to(str), class_name="said was")),
        rx.cond(one["answer"], rx.el.p(rx.el.span(t("agent_page.case.answer"), class_name="strong"), " ", one["answer"].to(str), class_name="said")),
        rx.cond(one["error"], rx.el.p(error_text(one["error"].to(str)), class_name="small text-bad")),
        rx.cond(one["was_outcome"], rx.el.p(
            t_var("agent_page.outcome." + one["was_outcome"].to(str)), " → ", t_var("agent_page.outcome." + one["outcome"].to(str)), class_name="small",
        )),
        rx.cond(one["sources"], rx.el.p(icon("book-open-text", 13), one["sources"].to(str), class_name="row gap-2 small muted")),
        rx.el.ul(rx.foreach(one["checks"].to(list[dict[str, Any]]), _expectation), class_name="plain stack gap-1"),
        rx.cond(one["note"], rx.el.p(one["note"].to(str), class_name="small muted")),
        rx.el.div(
            button(t("agent_page.case.edit"), small=True, leading="pencil", on_click=T.edit(key)),
            button(t("common.delete"), small=True, look="quiet", on_click=T.drop(key)), class_name="row gap-2",
        ),
        class_name="stack gap-2 pt-2",
    )  # fmt: skip
    head = rx.el.div(
        rx.el.button(one["name"].to(str), type="button", on_click=T.open_case(key), aria_expanded=shown, class_name="tbl-link clip grow"),
        changed, _case_state(one), class_name="row gap-2",
    )  # fmt: skip
    return rx.el.li(rx.el.div(head, rx.cond(shown, more), class_name="stack grow"), class_name="case", key=key)


def _run_state() -> rx.Component:
    run = T.run
    done, total = run["done"].to(int), run["total"].to(int)
    busy = rx.el.div(
        rx.el.div(rx.el.span(t("agent_page.running", done=done, total=total), class_name="grow", role="status"),
                  button(t("agent_page.run.cancel"), small=True, on_click=T.cancel), class_name="row gap-2"),
        bar(done, total, label=t("agent_page.cases")), class_name="stack gap-2",
    )  # fmt: skip
    against = rx.cond(
        run["against"].to(int) >= 0,
        rx.cond(run["against"].to(int) > 0, t("agent_page.run.against", n=run["against"].to(int)), t("agent_page.run.against_draft")), "",
    )
    last = rx.el.p(
        t("agent_page.run.last", passed=run["passed"].to(int), total=total, time=moment(run["at"].to(str))), " ", against,
        rx.cond(T.fresh, "", rx.fragment(" ", t("agent_page.run.old"))), class_name="small muted",
    )  # fmt: skip
    return rx.cond(T.run.contains("id"), rx.cond(T.busy, busy, last))


def cases_drawer() -> rx.Component:
    """All test cases with what the last run saw."""
    none = empty(t("agent_page.cases.none"), t("agent_page.cases.none.text"))
    some = rx.el.div(_run_state(), rx.el.ol(rx.foreach(T.cases, _case), class_name="plain"), class_name="stack gap-3")
    return drawer(
        rx.cond(T.cases.length() > 0, some, none), title=t("agent_page.cases"), open_=T.shown, on_open_change=T.show,
        foot=[button(t("agent_page.run.all", n=T.cases.length()), look="primary", leading="play", on_click=T.start, busy=T.busy,
                     disabled=T.cases.length() == 0)],
    )  # fmt: skip


def keep_dialog() -> rx.Component:
    """What is expected of an answer."""
    outcomes = [("", t("agent_page.expect.any")), *((one.value, t(f"agent_page.outcome.{one.value}")) for one in TrialOutcome)]
    documents = rx.el.select(
        rx.el.option(t("agent_page.expect.any"), value=""),
        rx.foreach(AgentState.documents, lambda one: rx.el.option(one["name"].to(str), value=one["id"].to(str))),
        default_value=T.form["document_id"], name="document_id", id="document_id", class_name="input",
    )  # fmt: skip

    fields = form(
        rx.el.p(rx.el.b(t("agent_page.expect.question")), " ", T.question, class_name="said small muted"),
        text_field(t("agent_page.expect.name"), "name", default_value=T.form["name"], optional=True, max_length=120),
        text_area(t("agent_page.expect.contains"), "contains", rows=2, default_value=T.form["contains"], optional=True,
                  help_=t("agent_page.expect.lines"), **field_errors(T.errors, "expect.contains")),
        text_area(t("agent_page.expect.avoids"), "avoids", rows=2, default_value=T.form["avoids"], optional=True),
        rx.el.div(
            select_field(t("agent_page.expect.outcome"), "outcome", outcomes, default_value=T.form["outcome"]),
            field(t("agent_page.expect.document"), "document_id", documents), class_name="grid sm:grid-cols-2 gap-3",
        ),
        text_area(t("agent_page.expect.note"), "note", rows=2, default_value=T.form["note"], optional=True, max_length=1000),
        rx.el.div(
            rx.cond(T.case_id, button(t("common.delete"), look="danger", on_click=T.drop(T.case_id))), rx.el.span(class_name="grow"),
            button(t("common.cancel"), on_click=T.close_form(False)), button(t("agent_page.expect.save"), look="primary", type="submit"),
            class_name="row gap-2",
        ),
        on_submit=T.save, key=T.form_key.to(str),
    )  # fmt: skip
    title = rx.cond(T.case_id, t("agent_page.expect.edit"), t("agent_page.expect.title"))
    return dialog(fields, title=title, note=t("agent_page.expect.text"), open_=T.keeping, on_open_change=T.close_form, width=600)


def fix_dialog() -> rx.Component:
    """A better answer becomes a question-and-answer pair of the tenant's knowledge."""
    fields = form(
        text_area(t("agent_page.fix.question"), "question", rows=2, default_value=T.fix_question, max_length=500, **field_errors(T.errors, "question")),
        text_area(t("agent_page.fix.answer"), "answer", rows=5, default_value=T.fix_answer, max_length=4000, **field_errors(T.errors, "answer")),
        rx.cond(~AgentState.all_documents, notice(t("agent_page.fix.chosen"), tone="brand")),
        rx.el.div(
            link_button(t("agent_page.fix.knowledge"), routes.KNOWLEDGE, look="link"), rx.el.span(class_name="grow"),
            button(t("common.cancel"), on_click=T.close_fix(False)), button(t("agent_page.fix.do"), look="primary", type="submit"),
            class_name="row gap-2 flex-wrap",
        ),
        on_submit=T.fix, key=T.form_key.to(str),
    )  # fmt: skip
    return dialog(fields, title=t("agent_page.fix.title"), note=t("agent_page.fix.text"), open_=T.fixing, on_open_change=T.close_fix, width=600)


def header_actions() -> tuple[rx.Component, ...]:
    """Cases and versions as quiet buttons, publishing as the one primary."""
    cases = button(t("agent_page.cases"), leading="list-checks", on_click=T.show(True))
    versions = button(t("agent_page.history"), leading="history", on_click=P.show_history(True))
    go = button(t("agent_page.publish", n=AgentState.next_version), look="primary", on_click=P.ask, disabled=AgentState.unpublished == 0)
    return cases, versions, go


