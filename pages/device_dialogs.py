"""The dialogs that link a number: its name, its code."""

from typing import Any

import reflex as rx

from state.device_linking import DeviceLinkState as Link
from wa_app.components.buttons import button
from wa_app.components.cards import segmented
from wa_app.components.dialogs import dialog
from wa_app.components.feedback import notice
from wa_app.components.forms import form, text_field
from wa_app.components.i18n import t, t_var
from wa_app.components.icons import icon
from wa_app.components.qr import numbered, pairing_code, qr_countdown, qr_dialog, qr_paper, state_track

SCREEN_MODE = rx.Var("(window.innerWidth < 640 ? 'code' : 'qr')", _var_type=str)
"""A phone cannot scan its own screen: there the eight letters come first."""


def reason_words(code: Any) -> Any:
    """Why a number is as it is, in a sentence."""
    return t_var("devices.reason." + code.to(str))


def name_dialog() -> rx.Component:
    """The first step: a name."""
    return dialog(
        form(
            text_field(
                t("devices.name.label"),
                "device_name",
                error=Link.name_error,
                error_args={"limit": 60},
                placeholder=t("devices.name.placeholder"),
                max_length=60,
                auto_focus=True,
                auto_complete="off",
            ),
            rx.el.div(
                button(t("common.cancel"), on_click=Link.close_naming(False)),
                button(t("devices.name.go"), look="primary", type="submit"),
                class_name="dlg-foot",
            ),
            on_submit=Link.create(SCREEN_MODE),
        ),
        title=t("devices.name.title"),
        note=t("devices.name.note"),
        open_=Link.naming,
        on_open_change=Link.close_naming,
    )


def _track() -> rx.Component:
    starting, confirming = Link.status == "STARTING", Link.status == "PASSKEY"
    return state_track(
        (
            rx.cond(starting, t("devices.link.track.preparing"), t("devices.link.track.prepared")),
            rx.cond(starting, "now", "done"),
        ),
        (
            rx.cond(confirming, t("devices.link.track.confirm"), t("devices.link.track.waiting")),
            rx.cond(starting, "next", "now"),
        ),
        (t("devices.link.track.done"), "next"),
    )


def _by_qr() -> rx.Component:
    return numbered(t("devices.link.step.open"), t("devices.link.step.menu"), t("devices.link.step.scan"))


def _by_code() -> rx.Component:
    ask = form(
        text_field(
            t("devices.link.phone"),
            "pair_phone",
            error=Link.pair_error,
            help_=t("devices.link.phone.help"),
            type="tel",
            input_mode="tel",
            auto_complete="tel",
            leading="phone",
            default_value=Link.pair_phone,
        ),
        button(
            rx.cond(Link.pair_code, t("devices.link.new_code"), t("devices.link.get_code")),
            type="submit",
            busy=Link.pair_busy,
            disabled=Link.status != "SCAN_QR",
        ),
        on_submit=Link.get_code,
    )
    steps = numbered(
        t("devices.link.step.open"),
        t("devices.link.step.menu"),
        t("devices.link.step.instead"),
        t("devices.link.step.type"),
    )
    return rx.fragment(ask, steps)


def _left() -> list[Any]:
    modes = segmented(
        [
            ("qr", rx.fragment(icon("qr-code"), t("devices.link.by_qr"))),
            ("code", rx.fragment(icon("keyboard"), t("devices.link.by_code"))),
        ],
        Link.mode,
        Link.choose,
        label=t("devices.link.how"),
    )
    trouble = rx.cond(
        Link.reason & (Link.status == "STARTING"),
        notice(reason_words(Link.reason), tone="warn", icon_name="server-off"),
        rx.cond(Link.mode == "qr", notice(t("devices.link.tip"), tone="spark", icon_name="flame")),
    )
    linking = rx.fragment(modes, rx.cond(Link.mode == "code", _by_code(), _by_qr()), trouble)
    confirming = rx.fragment(
        numbered(t("devices.passkey.steps.open"), t("devices.passkey.steps.approve"), t("devices.passkey.steps.wait")),
        notice(t("devices.passkey.ask"), tone="spark", icon_name="key-round"),
    )
    return [rx.cond(Link.status == "PASSKEY", confirming, linking), _track()]


def _switch_mode() -> rx.Component:
    return rx.cond(
        Link.mode == "code",
        button(t("devices.link.trouble.qr"), look="link", on_click=Link.choose("qr")),
        button(
            t("devices.link.trouble"), look="link", leading="life-buoy",
            on_click=Link.choose("code"),
        ),
    )  # fmt: skip


def _words(title: Any, note: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(title, class_name="strong"),
        rx.el.span(note, class_name="side-note"),
        class_name="stack text-center",
        role="status",
    )


def _qr_panel() -> rx.Component:
    waiting = _words(t("devices.link.preparing"), t("devices.link.preparing.note"))
    return rx.fragment(
        qr_paper(Link.qr_image), rx.cond(Link.qr_image, qr_countdown(Link.qr_left, Link.qr_full), waiting)
    )


def _code_panel() -> rx.Component:
    note = rx.cond(Link.pair_code, t("devices.link.code_note"), t("devices.link.code_here"))
    return rx.fragment(
        pairing_code(rx.cond(Link.pair_code, Link.pair_code, "····-····")),
        rx.el.p(note, class_name="side-note text-center", role="status"),
    )


def _passkey_panel() -> rx.Component:
    words = rx.cond(Link.passkey_code, t("devices.passkey.compare"), t("devices.passkey.steps.approve"))
    sign = rx.el.div(icon("key-round", 72), class_name="qr-paper code", aria_hidden="true")
    return rx.fragment(
        rx.cond(Link.passkey_code, pairing_code(Link.passkey_code), sign),
        _words(t("devices.passkey.title"), words),
    )


def _expired_panel() -> rx.Component:
    lost = rx.cond(Link.reason == "code_expired", t("devices.link.expired.note"), reason_words(Link.reason))
    title = rx.cond(Link.reason == "code_expired", t("devices.link.expired"), t("device.state.failed"))
    return rx.fragment(
        rx.el.div(icon("qr-code", 96), class_name="qr-paper text-[var(--qr-wait)]", aria_hidden="true"),
        _words(title, rx.cond(Link.reason, lost, "")),
        button(t("devices.link.again"), leading="rotate-cw", on_click=Link.again),
    )


def link_dialog() -> rx.Component:
    """The second step: what to scan or type, live."""
    panel = rx.match(
        Link.status,
        ("PASSKEY", _passkey_panel()),
        ("FAILED", _expired_panel()),
        ("DISCONNECTED", _expired_panel()),
        rx.cond(Link.mode == "code", _code_panel(), _qr_panel()),
    )
    alive = (Link.status == "STARTING") | (Link.status == "SCAN_QR")
    return qr_dialog(
        *_left(),
        right=[panel, rx.cond(alive, _switch_mode())],
        title=t("devices.link.title", name=Link.name),
        note=t("devices.link.note"),
        open_=Link.opened,
        on_open_change=Link.close,
    )
