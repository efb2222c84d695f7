"""Parts of the pages of AI providers: the list, the form, the chart, the calls. `s` is the page's state."""

from typing import Any

import reflex as rx

from wa_app.components.buttons import button, icon_button
from wa_app.components.cards import card, card_body
from wa_app.components.chips import chip
from wa_app.components.dialogs import confirm, dialog, menu_item, menu_separator, row_menu
from wa_app.components.feedback import notice
from wa_app.components.forms import field_errors, form, password_field, select_field, switch, text_field
from wa_app.components.i18n import ago, clock, date, number, t, t_var
from wa_app.components.icons import icon
from wa_app.components.inline import inline
from wa_app.components.ordering import order_handle
from wa_app.components.progress import bar

VENDORS = ("gemini", "openai", "anthropic", "groq", "deepseek", "openrouter", "ollama", "custom")
EXAMPLES = {
    "gemini": "gemini-2.5-flash", "openai": "gpt-4.1-mini", "anthropic": "claude-haiku-4-5",
    "groq": "llama-3.3-70b-versatile", "deepseek": "deepseek-chat", "openrouter": "google/gemini-2.5-flash",
    "ollama": "qwen2.5:7b",
}  # fmt: skip
TONES = {"active": "ok", "standby": "neutral", "always": "brand", "cooling": "warn", "open": "bad", "limit": "bad",
         "disabled": "bad", "off": "neutral"}  # fmt: skip


def usd(value: Any, digits: int = 4) -> rx.Component:
    """Dollars; a dash where no price is known."""
    n = rx.Var.create(value).to(float)
    shown = rx.cond((n > 0) & (n < 0.01), number(n, digits), number(n, 2))
    return rx.cond(n < 0, rx.el.span("–", class_name="muted"), rx.el.span("US$ ", shown, class_name="nowrap"))


def _state_chip(row: Any) -> rx.Component:
    texts = [(state, chip(t_var("ai.state." + row["state"].to(str)), tone)) for state, tone in TONES.items()]
    until = rx.cond(row["until"] != "", rx.el.span(t("ai.until", time=clock(row["until"])), class_name="small muted"))
    why = rx.match(
        row["state"],
        ("limit", rx.el.span(t_var("ai.limit." + row["reason"].to(str)), class_name="small muted")),
        ("cooling", rx.el.span(t_var("ai.why." + row["reason"].to(str)), class_name="small muted")),
        ("disabled", rx.el.span(t("ai.why.key"), class_name="small muted")),
        ("open", rx.el.span(row["error"], class_name="small muted mono clip")),
        rx.fragment(),
    )
    return rx.el.div(rx.match(row["state"], *texts, chip(row["state"])), why, until, class_name="ai-state")


def _quota(row: Any, used: str, limit: str, ends: str, label: Any) -> rx.Component:
    n, most = row[used].to(int), row[limit].to(int)
    tone = rx.cond(n >= most, "bad", rx.cond(n * 5 >= most * 4, "warn", ""))
    return rx.el.div(
        rx.el.span(label, class_name="ai-label"),
        rx.cond(
            most > 0,
            rx.fragment(
                bar(n, most, tone=tone, label=label),
                rx.el.span(number(n), " / ", number(most), class_name="nowrap",
                           title=t("ai.resets", time=rx.cond(ends == "day_ends", clock(row[ends]), date(row[ends])))),
            ),
            rx.el.span(number(n), " · ", t("ai.no_limit"), class_name="nowrap"),
        ),
        class_name="ai-quota",
    )  # fmt: skip


def _name(row: Any) -> rx.Component:
    note = rx.el.span(
        rx.cond(
            row["kind"] == "quote", t("ai.quote_note"),
            rx.fragment(row["model"], rx.cond(row["key"] != "", " · " + row["key"].to(str), ""),
                        rx.cond(row["host"] != "", " · " + row["host"].to(str), "")),
        ),
        class_name="small muted mono clip",
    )  # fmt: skip
    sign = rx.el.span(row["sign"], class_name="ai-sign", custom_attrs={"data-vendor": row["vendor"]}, aria_hidden="true")
    return rx.el.div(sign, rx.el.div(rx.el.span(row["name"], class_name="strong clip"), note, class_name="stack min-w-0"),
                     class_name="row gap-3 min-w-0 ai-name")  # fmt: skip


def _actions(s: Any, row: Any, may: Any) -> rx.Component:
    items = [menu_item(t("common.edit"), s.ask_edit(row["id"]), icon_name="pencil")]
    removable = rx.cond(
        row["kind"] != "quote",
        rx.fragment(menu_separator(), menu_item(t("ai.delete"), s.ask_drop(row["id"], row["name"]), icon_name="trash-2", danger=True)),
    )
    return rx.cond(
        may,
        rx.el.div(
            button(t("ai.test"), small=True, busy=s.testing == row["id"], on_click=s.test(row["id"]),
                   aria_label=t("ai.test_name", name=row["name"])),
            switch(t("ai.switch", name=row["name"]), row["active"], s.toggle(row["id"]), show_label=False),
            row_menu(*items, removable),
            class_name="row gap-2 ai-actions",
        ),
    )  # fmt: skip


def _test_line(s: Any, row: Any) -> rx.Component:
    found = s.tests[row["id"].to(str)]
    good = rx.el.p(
        rx.el.strong(t("ai.test_ok")), " ",
        t("ai.test_figures", ms=number(found["ms"]), tokens=number(found["tokens"])), " ", usd(found["cost"], 6), " ",
        rx.el.q(found["text"]),
    )  # fmt: skip
    bad = rx.el.p(
        rx.el.strong(t("ai.test_bad")), " ", t_var("ai.why." + found["error"].to(str)), " ",
        rx.el.span(found["detail"], class_name="mono small"),
    )  # fmt: skip
    line = rx.el.div(
        rx.cond(found["ok"], icon("circle-check"), icon("circle-alert")),
        rx.el.div(rx.cond(found["ok"], good, bad), class_name="grow min-w-0"),
        icon_button("x", t("common.close"), tooltip=False, on_click=s.hide_test(row["id"])),
        class_name=rx.cond(found["ok"], "ai-test ok", "ai-test bad"), role="status",
    )  # fmt: skip
    return rx.cond(s.tests.contains(row["id"].to(str)), line)


def _row(s: Any, row: Any, place: Any, may: Any) -> rx.Component:
    handle = rx.cond(
        row["kind"] == "quote", rx.el.span(class_name="order-handle", aria_hidden="true"),
        order_handle(row["id"], t("ai.move", name=row["name"]), s.move),
    )  # fmt: skip
    figures = rx.el.div(
        rx.el.span(t("ai.column.p95"), class_name="ai-label"),
        rx.cond(row["p95"].to(float) < 0, rx.el.span("–", class_name="muted"),
                rx.el.span(number(row["p95"].to(float), 1), " ", t("ai.seconds"), class_name="nowrap")),
        class_name="ai-p95",
    )  # fmt: skip
    cost = rx.el.div(rx.el.span(t("ai.column.cost"), class_name="ai-label"), usd(row["cost"]), class_name="ai-cost")
    return rx.el.li(
        rx.el.div(
            rx.el.div(rx.cond(may, handle), rx.el.span(place + 1, class_name="muted"), class_name="row gap-2 ai-place"),
            _name(row), _state_chip(row),
            _quota(row, "day_used", "day_limit", "day_ends", t("ai.column.today")),
            _quota(row, "month_used", "month_limit", "month_ends", t("ai.column.month")),
            figures, cost, _actions(s, row, may),
            class_name=rx.cond(row["active"], "ai-row", "ai-row off"),
        ),
        _test_line(s, row), key=row["id"].to(str), custom_attrs={"data-order-id": row["id"]},
    )  # fmt: skip


def provider_list(s: Any, may: Any, top: Any, nothing: Any) -> rx.Component:
    """The providers in their order, each with state, quotas, cost, and a test in place."""
    head = rx.el.div(
        *(rx.el.span(t(f"ai.column.{key}")) for key in ("order", "provider", "state", "today", "month", "p95", "cost")),
        rx.el.span(), class_name="ai-row ai-head", aria_hidden="true",
    )  # fmt: skip
    rows = rx.el.ol(rx.foreach(s.rows, lambda row, at: _row(s, row, at, may)), class_name="ai-list")
    return rx.el.section(top, rx.cond(s.rows.length() > 0, rx.fragment(head, rows), nothing), class_name="card",
                         aria_label=t("ai.providers"))  # fmt: skip


def failing(s: Any) -> rx.Component:
    """What is failing, before everything else."""
    def line(row: Any) -> rx.Component:
        return rx.el.li(rx.el.strong(row["name"]), ": ", t_var("ai.state." + row["state"].to(str)),
                        rx.cond(row["until"] != "", rx.fragment(", ", t("ai.until", time=clock(row["until"])))))  # fmt: skip

    return rx.cond(
        s.failing.length() > 0,
        notice(rx.el.ul(rx.foreach(s.failing, line), class_name="ai-failing"), tone="warn", icon_name="triangle-alert"),
    )


def _key_field(s: Any) -> rx.Component:
    shown = rx.el.div(
        rx.el.span(t("ai.key"), class_name="field-label"),
        rx.el.div(rx.el.span(s.draft["key"], class_name="mono grow"),
                  button(t("ai.change_key"), small=True, on_click=s.change_key), class_name="row"),
        class_name="field",
    )  # fmt: skip
    typed = password_field(t("ai.key"), "api_key", auto_complete="off", max_length=500, help_=t("ai.key_help"),
                           **field_errors(s.errors, "api_key"))  # fmt: skip
    return rx.cond(s.key_open, typed, shown)


def _models(s: Any) -> rx.Component:
    ask = rx.cond(
        s.draft_id != "",
        rx.el.div(
            button(t("ai.load_models"), small=True, leading="list", busy=s.models_note == "loading", on_click=s.load_models),
            rx.match(s.models_note, ("found", rx.el.span(t("ai.models_found", n=s.models.length()), class_name="small muted")),
                     ("none", rx.el.span(t("error.ai_models_unavailable"), class_name="small text-bad")), rx.fragment()),
            class_name="row wrap",
        ),
    )  # fmt: skip
    listed = rx.el.datalist(rx.foreach(s.models, lambda one: rx.el.option(value=one)), id="ai-models")
    example = rx.match(s.vendor, *((key, one) for key, one in EXAMPLES.items()), "")
    return rx.fragment(
        text_field(t("ai.model"), "model", default_value=s.draft["model"].to(str), placeholder=example, max_length=200,
                   custom_attrs={"list": "ai-models"}, **field_errors(s.errors, "model")),
        listed, ask,
    )  # fmt: skip


def _number_field(s: Any, key: str) -> rx.Component:
    mode = "decimal" if key.endswith("cost_micros") else "numeric"
    return text_field(t(f"ai.field.{key}"), key, default_value=s.draft[key].to(str), placeholder=t("ai.no_limit"),
                      input_mode=mode, **field_errors(s.errors, key))  # fmt: skip


def provider_form(s: Any) -> rx.Component:
    """The dialog that adds or changes a provider."""
    address = rx.cond(
        (s.vendor == "custom") | (s.vendor == "ollama") | (s.draft["base_url"].to(str) != ""),
        text_field(t("ai.address"), "base_url", default_value=s.draft["base_url"].to(str), type="url", max_length=500,
                   placeholder=rx.cond(s.vendor == "ollama", "http://127.0.0.1:11434/v1", "https://"),
                   help_=t("ai.address_help"), **field_errors(s.errors, "base_url")),
    )  # fmt: skip
    more = rx.el.details(
        rx.el.summary(t("ai.more"), class_name="strong"),
        rx.el.div(
            *(_number_field(s, key) for key in ("daily_tokens", "monthly_tokens", "daily_cost_micros", "monthly_cost_micros",
                                                "time_limit_s", "weight")),
            class_name="ai-pair",
        ),
    )  # fmt: skip
    fields = form(
        rx.cond(
            s.draft_id == "",
            select_field(t("ai.vendor"), "vendor", [(key, t(f"ai.vendor.{key}")) for key in VENDORS], value=s.vendor,
                         on_change=s.set_vendor),
        ),
        rx.cond(
            s.vendor == "quote", rx.fragment(),
            rx.fragment(address, _key_field(s), _models(s)),
        ),
        text_field(t("ai.name"), "name", default_value=s.draft["name"].to(str), max_length=80, optional=True,
                   **field_errors(s.errors, "name")),
        rx.el.div(_number_field(s, "daily_limit"), _number_field(s, "monthly_limit"), class_name="ai-pair"),
        more,
        rx.el.div(
            button(t("common.cancel"), on_click=s.set_editing(False)),
            button(rx.cond(s.draft_id == "", t("ai.save_new"), t("common.save")), type="submit", look="primary"),
            class_name="dlg-foot",
        ),
        on_submit=s.save, key=s.form_key.to(str),
    )  # fmt: skip
    return dialog(fields, title=rx.cond(s.draft_id == "", t("ai.add"), t("ai.edit")), open_=s.editing,
                  on_open_change=s.set_editing, width=600)  # fmt: skip


def drop_question(s: Any) -> rx.Component:
    """Asks before a provider goes."""
    return confirm(t("ai.drop_title", name=s.dropping_name), t("ai.drop_words"), open_=s.dropping_id != "",
                   on_open_change=s.close_question, confirm_text=t("ai.delete"), on_confirm=s.drop)  # fmt: skip


def _column(column: Any) -> rx.Component:
    parts = column["parts"].to(list[dict[str, Any]])
    return rx.el.div(
        rx.foreach(parts, lambda part: rx.el.i(custom_attrs=inline(share=part["share"], k="var(--" + part["colour"].to(str) + ")"))),
        rx.el.span(column["label"], class_name="ai-tick"),
        class_name="ai-col", title=column["answered"].to(str),
    )


def chart(s: Any, title: Any, summary: Any) -> rx.Component:
    """Answers by hour or day, one colour for each provider."""
    legend = rx.el.div(
        rx.foreach(s.legend, lambda one: rx.el.span(
            rx.el.i(custom_attrs=inline(k="var(--" + one["colour"].to(str) + ")")), one["name"], " ", number(one["n"]))),
        class_name="ai-legend",
    )  # fmt: skip
    columns = rx.el.div(rx.foreach(s.bars, _column), class_name="ai-chart", role="img", aria_label=summary)
    return card(card_body(rx.cond(s.legend.length() > 0, rx.fragment(legend, columns),
                                  rx.el.p(t("ai.no_calls"), class_name="muted"))), title=title)  # fmt: skip


def calls(s: Any, title: Any, nothing: Any) -> rx.Component:
    """The newest lines of the ledger."""
    def line(call: Any) -> rx.Component:
        good = call["outcome"] == "ok"
        what = rx.cond(
            good, rx.fragment(call["name"], " · ", rx.el.span(call["model"], class_name="mono")),
            rx.cond(call["took_over"] != "",
                    t("ai.took_over", name=call["name"], other=call["took_over"]), t("ai.failed_alone", name=call["name"])),
        )  # fmt: skip
        note = rx.cond(
            good,
            rx.fragment(t_var("ai.feature." + call["feature"].to(str)), " · ", t("ai.tokens", n=number(call["tokens"])), " · ",
                        usd(call["cost"]), " · ", number(call["ms"]), " ms"),
            t_var("ai.why." + call["outcome"].to(str)),
        )  # fmt: skip
        return rx.el.li(
            rx.cond(good, icon("circle-check", class_name="text-ok"), icon("shuffle", class_name="text-warn")),
            rx.el.div(rx.el.span(what, class_name="clip"), rx.el.span(note, class_name="small muted"), class_name="stack grow min-w-0"),
            rx.el.span(ago(call["at"]), class_name="small muted nowrap"), class_name="row gap-3", key=call["id"].to(str),
        )  # fmt: skip

    listed = rx.el.ul(rx.foreach(s.calls, line), class_name="ai-calls")
    return card(card_body(rx.cond(s.calls.length() > 0, listed, rx.el.p(nothing, class_name="muted"))), title=title)
