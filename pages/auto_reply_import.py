"""Rules out of a file: the dialog that looks and begins, and on the page how far a large file is."""

from typing import Any

import reflex as rx

from state.auto_replies import RuleImportState
from wa_app.components.buttons import button
from wa_app.components.dialogs import confirm, dialog
from wa_app.components.feedback import inline_error, notice
from wa_app.components.forms import radio_group
from wa_app.components.i18n import error_text, number, t, t_var
from wa_app.components.icons import icon
from wa_app.components.progress import bar
from wa_app.components.uploader import MB, uploader

S = RuleImportState
COUNTS = ("created", "updated", "skipped", "failed")


def _count(kind: str) -> rx.Component:
    n = S.check[kind].to(int)
    tone = rx.cond(n > 0, "import-count failed" if kind == "failed" else "import-count", "import-count none")
    return rx.el.div(rx.el.dt(t(f"rules.import.{kind}")), rx.el.dd(number(n)), class_name=tone)


def _problem(one: Any) -> rx.Component:
    field = rx.cond(one["label"].to(bool), t_var("rules.column." + one["field"].to(str)), one["field"].to(str))
    return rx.el.li(
        rx.el.span(t("rules.import.row", n=one["row"].to(int)), " · ", field, class_name="strong"),
        rx.el.span(t_var("error." + one["code"].to(str), one["args"]), class_name="muted"),
    )


def _problems() -> rx.Component:
    hidden = rx.cond(S.hidden > 0, rx.el.p(t("rules.import.hidden", n=S.hidden), class_name="small muted"))
    return rx.cond(
        S.problems.length() > 0,
        rx.el.div(
            rx.el.p(icon("circle-alert", 16), t("rules.import.refused"), class_name="row gap-2 strong text-bad"),
            rx.el.ul(rx.foreach(S.problems, _problem), class_name="import-problems", tab_index=0, aria_label=t("rules.import.refused")),
            hidden, class_name="stack gap-2",
        ),
    )  # fmt: skip


def _found() -> rx.Component:
    """What the file would do."""
    names = rx.el.div(rx.foreach(S.names, lambda name: rx.el.span(name, class_name="rule-key clip")), class_name="rule-keys")
    return rx.el.div(
        rx.el.div(rx.el.dl(*(_count(kind) for kind in COUNTS), class_name="import-counts"), role="status"),
        rx.cond(S.names.length() > 0, names), _problems(), class_name="stack gap-3",
    )  # fmt: skip


def _looking() -> rx.Component:
    done, total = S.look["processed"].to(int), S.look["total"].to(int)
    words = t("rules.import.looking", done=done, total=total)
    return rx.el.div(
        rx.el.p(icon("loader", class_name="icon spin"), words, class_name="row gap-2 muted", role="status"),
        bar(done, total, label=words), class_name="stack gap-2",
    )  # fmt: skip


def import_dialog() -> rx.Component:
    """A file, what it would do, and a button that says how many rules come."""
    ways = [(way, t(f"rules.import.way.{way}")) for way in ("skip", "update", "add")]
    coming = S.check["created"].to(int) + S.check["updated"].to(int)
    return dialog(
        rx.el.div(
            uploader(accept=[".csv", ".xlsx", ".json", ".txt"], types_text="CSV, XLSX, JSON", max_bytes=4 * MB,
                     on_uploaded=S.uploaded, value_name=S.file_name, value_size=S.file_size),
            rx.cond(S.error, inline_error(S.error, args=S.error_args)),
            rx.cond(S.checked, _found(), rx.cond(S.is_looking, _looking())),
            radio_group(t("rules.import.way"), "rule_way", ways, value=S.way, on_change=S.pick_way),
            class_name="form",
        ),
        title=t("rules.import.title"), note=t("rules.import.words"), open_=S.is_open, on_open_change=S.set_open, width=600,
        foot=[
            button(t("common.cancel"), on_click=S.set_open(False)),
            button(rx.cond(coming > 0, t("rules.import.do", n=coming), t("rules.import.do.none")), look="primary", on_click=S.start,
                   disabled=~S.checked | (coming == 0)),
        ],
    )  # fmt: skip


def _ended() -> rx.Component:
    """What a large file brought, however it ended."""
    job = S.job
    counts = {key: job[key].to(int) for key in ("processed", "total", *COUNTS)}
    errors = rx.cond(
        counts["failed"] > 0,
        rx.el.a(t("imports.errors.get", n=counts["failed"]), href=job["errors_url"].to(str), download=True, class_name="link"),
    )
    close = button(t("common.close"), small=True, look="quiet", on_click=S.put_away)
    done = t("rules.import.done", name=job["name"].to(str), **{key: counts[key] for key in COUNTS})
    stopped = t("rules.import.stopped", name=job["name"].to(str), **counts)
    return rx.match(
        job["status"].to(str),
        ("done", notice(done, " ", errors, tone="ok", icon_name="circle-check", action=close)),
        ("cancelled", notice(stopped, " ", errors, icon_name="circle-stop", action=close)),
        notice(error_text(job["error"].to(str), job["error_args"]), " ", stopped, " ", errors, tone="bad", icon_name="circle-alert", action=close),
    )


def import_progress() -> rx.Component:
    """The large file under way with its end by hand, or what it brought."""
    done, total = S.job["processed"].to(int), S.job["total"].to(int)
    words = t("rules.import.running", name=S.job["name"].to(str), done=done, total=total)
    running = notice(
        rx.el.div(rx.el.span(words), bar(done, total, label=words), class_name="stack gap-2"), icon_name="loader",
        action=button(t("imports.cancel"), small=True, look="danger", on_click=S.ask_stop(True)),
    )  # fmt: skip
    asked = confirm(
        t("imports.cancel.title"), t("rules.import.stop.words", done=done), open_=S.asks_stop & S.is_running, on_open_change=S.ask_stop,
        confirm_text=t("imports.cancel"), on_confirm=S.stop, cancel_text=t("imports.cancel.keep"),
    )  # fmt: skip
    return rx.fragment(rx.cond(S.job["id"], rx.el.div(rx.cond(S.is_running, running, _ended()), role="status", class_name="mb-4")), asked)
