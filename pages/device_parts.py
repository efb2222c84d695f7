"""The cards of one number's page: health, use, protection, tempo, warm-up, diary."""

from typing import Any

import reflex as rx

from state.device import DeviceState as S
from wa_app.components.buttons import button
from wa_app.components.cards import card, card_body, definition, segmented
from wa_app.components.dialogs import dialog
from wa_app.components.feedback import notice
from wa_app.components.forms import field, field_errors, form, form_section, switch, text_field
from wa_app.components.health import health_chart, health_word
from wa_app.components.i18n import ago, date_time, moment, number, phone, t, t_var
from wa_app.components.inline import inline
from wa_app.components.progress import bar
from wa_app.schemas.presets import PRESETS


def _sign(sign: Any) -> rx.Component:
    return rx.el.li(
        rx.el.span(t_var(sign["key"].to(str), sign["args"])),
        bar(sign["points"], sign["of"], tone="bad", label=t_var(sign["key"].to(str), sign["args"])),
        rx.el.span(t("device.health.points", n=sign["points"]), class_name="lost small muted"),
        class_name="sign",
        key=sign["sign"].to(str),
    )


def _score() -> rx.Component:
    figure = rx.cond(
        S.score >= 0,
        rx.el.div(
            rx.el.b(number(S.score)), rx.el.span(" ", t("device.health.of"), class_name="small muted"), aria_live="polite"
        ),
    )
    note = rx.cond(S.score >= 0, t("device.health.window"), t("device.health.none.note"))
    return rx.el.div(figure, health_word(S.score), rx.el.span(note, class_name="small muted"), class_name="health-score")


def health_card() -> rx.Component:
    """Score, its reasons in words, its line with what was done."""
    why = rx.cond(
        S.signs.length() > 0,
        rx.el.div(
            rx.el.h3(t("device.health.why"), class_name="h2"),
            rx.el.ul(rx.foreach(S.signs, _sign), class_name="plain"),
            class_name="stack gap-1",
        ),
        rx.el.p(t("device.health.nothing"), class_name="muted"),
    )
    span = segmented(
        [(days, t(f"device.health.days.{days}")) for days in ("1", "7", "30")], S.days, S.show_days,
        label=t("device.health.range"),
    )  # fmt: skip
    return card(
        card_body(
            rx.el.div(_score(), why, class_name="health-top"),
            rx.el.h3(t("device.health.chart"), class_name="h2 mt-4 mb-2"),
            health_chart(S.points, S.pins, S.days),
        ),
        title=t("device.health"),
        action=span,
    )


def _use(label: Any, used: Any, cap: Any, none: Any) -> rx.Component:
    """A figure against its cap; `none`: the cap that means there is none."""
    words = t("device.today.of", n=used, cap=cap)
    return rx.el.div(
        rx.el.div(
            rx.el.span(label, class_name="grow muted"),
            rx.el.span(rx.cond(cap == none, t("device.today.free", n=used), words), class_name="strong"),
            class_name="row",
        ),
        rx.cond(cap != none, bar(used, cap, label=words)),
        class_name="stack gap-1",
    )


def today_card() -> rx.Component:
    """What left today against the caps, and WhatsApp's own limits."""
    today, limits = S.today, S.limits
    quota = rx.cond(
        today["quota_total"].to(int) > 0,
        rx.el.div(
            _use(t("device.today.quota"), today["quota_used"].to(int), today["quota_total"].to(int), 0),
            rx.cond(
                today["quota_ends"],
                rx.el.span(t("device.today.quota.ends", time=date_time(today["quota_ends"])), class_name="small muted"),
            ),
            class_name="stack gap-1",
        ),
        definition(t("device.today.quota"), t("device.today.quota.none")),
    )
    until = rx.cond(
        limits["restricted_until"],
        t("device.limits.lock.on", time=date_time(limits["restricted_until"])),
        t("device.limits.lock.on.open"),
    )
    lock = rx.match(
        limits["restricted"].to(str), ("on", until), ("off", t("device.limits.lock.off")), t("device.limits.lock.unknown")
    )
    return card(
        card_body(
            rx.el.div(
                _use(t("device.today.sent"), today["sent"].to(int), today["cap"].to(int), 0),
                _use(t("device.today.strangers"), today["strangers"].to(int), today["budget"].to(int), -1),
                quota,
                rx.el.dl(definition(t("device.limits.lock"), lock), class_name="m-0"),
                class_name="stack gap-3",
            )
        ),
        title=t("device.today"),
    )


def protection_card() -> rx.Component:
    """Whether Sapa may act, what it does now, and the way to switch it off."""
    level = S.guard["level"].to(str)
    return card(
        card_body(
            rx.el.div(
                switch(t("device.guard.switch"), S.protection, S.flip_protection, disabled=S.protection & ~S.is_owner),
                rx.el.p(
                    rx.cond(S.protection, t("device.guard.on"), t("device.guard.off")),
                    class_name=rx.cond(S.protection, "small muted m-0", "small text-bad m-0"),
                ),
                rx.cond(
                    S.protection,
                    rx.el.div(
                        rx.el.span(t_var("devices.guard." + level), class_name="strong"),
                        rx.el.span(t_var("devices.guard." + level + ".note"), class_name="small muted"),
                        class_name="stack",
                    ),
                ),
                rx.el.p(t("device.guard.steps"), class_name="small muted m-0"),
                rx.cond(~S.is_owner, rx.el.p(t("device.guard.owner"), class_name="small muted m-0")),
                class_name="stack gap-3",
            )
        ),
        title=t("device.guard"),
    )


def protection_dialog() -> rx.Component:
    """Asks for the device's name before protection goes off."""
    name = S.device["name"].to(str)
    return dialog(
        form(
            rx.el.p(t("device.guard.ask.text"), class_name="m-0"),
            text_field(
                t("device.guard.ask.label", name=name), "confirm", auto_complete="off", max_length=60,
                **field_errors(S.errors, "confirm"),
            ),
            rx.el.div(
                button(t("common.cancel"), on_click=S.close_confirm(False)),
                button(t("device.guard.ask.do"), look="danger-solid", type="submit"),
                class_name="dlg-foot",
            ),
            on_submit=S.protection_off,
        ),
        title=t("device.guard.ask", name=name),
        open_=S.confirming,
        on_open_change=S.close_confirm,
    )  # fmt: skip


def facts_card() -> rx.Component:
    """Number, account, engine."""
    device, none = S.device, "–"
    return card(
        card_body(
            rx.el.dl(
                definition(t("devices.detail.phone"), rx.cond(device["phone"], phone(device["phone"]), none)),
                definition(t("devices.detail.account"), rx.cond(device["push_name"], device["push_name"].to(str), none)),
                definition(t("devices.detail.engine"), rx.cond(device["engine"], device["engine"].to(str), none)),
                definition(t("devices.detail.since"), rx.cond(device["since"], date_time(device["since"]), none)),
                definition(t("devices.detail.seen"), rx.cond(device["seen"], ago(device["seen"]), t("devices.never"))),
                class_name="m-0",
            )
        ),
        title=t("device.facts"),
    )


def _preset(name: str) -> rx.Component:
    cap = PRESETS[name]["per_day"]
    words = t("device.preset.day.free") if cap is None else t("device.preset.day", n=cap)
    return rx.el.button(
        rx.el.span(t(f"device.preset.{name}"), class_name="strong"),
        rx.el.span(t(f"device.preset.{name}.note"), class_name="small"),
        rx.el.span(words, class_name="small day"),
        type="button",
        aria_pressed=S.preset == name,
        on_click=S.choose_preset(name),
        class_name="preset",
    )


def _field(name: str, label: Any = None, **props: Any) -> rx.Component:
    return text_field(
        label if label is not None else t(f"device.field.{name}"),
        name,
        default_value=S.form[name],
        on_blur=lambda value: S.set_field(name, value),
        key=name + S.version.to(str),
        auto_complete="off",
        **({"input_mode": "decimal"} | props),
        **field_errors(S.errors, name),
    )


def _pair(*names: str, **props: Any) -> rx.Component:
    return rx.el.div(*(_field(name, **props) for name in names), class_name="pair")


def _weekdays() -> rx.Component:
    days = rx.el.div(
        *(
            rx.el.button(
                t(f"device.day.{day}"), type="button", aria_pressed=S.form["days"].to(str).contains(day),
                on_click=S.flip_day(day),
            )
            for day in "0123456"
        ),
        class_name="weekdays", role="group", aria_label=t("device.field.days"), id="days", tab_index=-1,
    )  # fmt: skip
    return field(t("device.field.days"), "days", days, **field_errors(S.errors, "days"))


def _says() -> rx.Component:
    """What the fields come to, in a sentence."""
    meant = S.meant
    speed = rx.cond(
        meant["hour"].to(int) > 0,
        t("device.tempo.sentence", day=meant["day"].to(int), hour=meant["hour"].to(int)),
        t("device.tempo.sentence.free"),
    )
    strangers = rx.cond(
        meant["strangers"].to(int) >= 0, rx.fragment(" ", t("device.tempo.sentence.strangers", n=meant["strangers"].to(int)))
    )
    warm = rx.cond(
        S.stage > 0, rx.fragment(" ", t("device.tempo.sentence.warmup", n=S.stages[S.stage - 1]["cap"].to(int)))
    )
    return rx.el.p(
        rx.cond(meant["ok"].bool(), rx.fragment(speed, strangers, warm), t("device.tempo.sentence.error")),
        class_name="tempo-says m-0",
        role="status",
    )


def tempo_card() -> rx.Component:
    """Presets, fields, and what they mean."""
    no_cap = t("devices.edit.no_cap")
    return card(
        card_body(
            rx.el.div(
                rx.el.p(t("device.tempo.note"), class_name="small muted m-0"),
                rx.el.div(*(_preset(name) for name in PRESETS), class_name="presets", role="group",
                          aria_label=t("device.tempo.preset")),
                _says(),
                class_name="stack gap-3 mb-2",
            ),
            form_section(t("device.tempo.gap"), t("device.tempo.gap.note"), _pair("delay_min_s", "delay_max_s"),
                         switch(t("device.field.typing"), S.form["typing"] == "1", S.flip_typing)),
            form_section(t("device.tempo.caps"), t("device.tempo.caps.note"),
                         _pair("per_minute", "per_hour", placeholder=no_cap),
                         _pair("per_day", "strangers_per_day", placeholder=no_cap)),
            form_section(t("device.tempo.package"), t("device.tempo.package.note"),
                         _pair("package_size_min", "package_size_max"),
                         _pair("package_pause_min_s", "package_pause_max_s")),
            form_section(t("device.tempo.hours"), t("device.tempo.hours.note"),
                         _pair("quiet_start", "quiet_end", type="time"), _weekdays()),
            form_section(t("device.tempo.name"), t("device.tempo.name.note"), rx.el.div(
                _field("name", t("devices.name.label"), input_mode="text", max_length=60), _field("weight", input_mode="numeric"),
                class_name="pair")),
            class_name="device-form",
        ),
        title=t("device.tempo"),
        note=t_var("device.preset." + S.preset),
    )  # fmt: skip


def _stage(stage: Any) -> rx.Component:
    n = stage["n"].to(int)
    place = rx.cond(n == S.stage, "now", rx.cond(n < S.stage, "done", "next"))
    most = S.stages[S.stages.length() - 1]["cap"].to(float)
    words = t("device.warmup.stage.cap", n=n, cap=stage["cap"].to(int))
    return rx.el.li(
        rx.el.i(custom_attrs=inline(h=stage["cap"].to(float) * 100 / most), aria_hidden="true"),
        rx.el.span(number(stage["cap"]), aria_hidden="true"),
        rx.el.span(words, class_name="sr"),
        title=words,
        custom_attrs={"data-at": place},
        key=n.to(str),
    )


def warmup_card() -> rx.Component:
    """The 14 stages, where the number is, start and end."""
    words = rx.cond(
        S.stage > 0, t("device.warmup.on", n=S.stage, cap=S.stages[S.stage - 1]["cap"].to(int)), t("device.warmup.off")
    )
    return card(
        card_body(
            rx.el.div(
                rx.el.p(words, class_name="m-0"),
                rx.el.ol(rx.foreach(S.stages, _stage), class_name="stages"),
                rx.el.div(
                    rx.cond(
                        S.stage > 0,
                        button(t("device.warmup.stop"), on_click=S.stop_warmup),
                        button(t("device.warmup.start"), leading="flame", on_click=S.start_warmup),
                    ),
                    button(t("device.warmup.edit"), on_click=S.open_curve(True)),
                    class_name="row gap-2 flex-wrap",
                ),
                class_name="stack gap-3",
            )
        ),
        title=t("device.warmup"),
    )


def curve_dialog() -> rx.Component:
    """The 14 figures."""
    fields = [
        text_field(
            t("device.warmup.stage", n=n), f"stage_{n}", default_value=S.curve[n - 1], input_mode="numeric", auto_complete="off"
        )
        for n in range(1, 15)
    ]
    return dialog(
        rx.el.form(
            rx.el.div(*fields, class_name="curve-grid"),
            rx.cond(S.curve_error, rx.el.div(notice(t("device.warmup.error"), tone="bad"), role="alert", class_name="mt-3")),
            rx.el.div(
                button(t("device.warmup.reset"), look="link", on_click=S.reset_curve),
                button(t("common.cancel"), on_click=S.open_curve(False)),
                button(t("common.save"), look="primary", type="submit"),
                class_name="dlg-foot",
            ),
            on_submit=S.save_curve,
        ),
        title=t("device.warmup.edit.title"),
        note=t("device.warmup.edit.note"),
        open_=S.curve_open,
        on_open_change=S.open_curve,
        width=600,
    )


def _event(event: Any) -> rx.Component:
    return rx.el.li(
        rx.el.i(class_name="tone " + event["tone"].to(str), aria_hidden="true"),
        rx.el.div(
            rx.el.span(t_var(event["key"].to(str), event["args"])),
            rx.cond(event["why"], rx.el.span(t_var(event["why"].to(str), event["args"]), class_name="small muted")),
            class_name="stack",
        ),
        rx.el.time(moment(event["at"]), class_name="small muted"),
        key=event["id"].to(str),
    )


def log_card() -> rx.Component:
    """Every event and action, newest first."""
    return card(
        rx.cond(
            S.log.length() > 0,
            rx.el.ol(rx.foreach(S.log, _event), class_name="diary"),
            card_body(rx.el.p(t("device.log.empty"), class_name="muted")),
        ),
        rx.cond(S.more, card_body(button(t("device.log.more"), on_click=S.older))),
        title=t("device.log"),
    )
