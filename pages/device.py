"""One number: how healthy it is, what it may send, what was done to protect it."""

import reflex as rx

from pages import device_parts as parts
from pages import routes
from pages.device_dialogs import SCREEN_MODE, link_dialog
from pages.layout import shell
from state.base import AppState
from state.device import DeviceState as S
from state.device_linking import DeviceLinkState as Link
from wa_app.components.buttons import button, link_button
from wa_app.components.cards import card, page_header
from wa_app.components.chips import device_state_chip
from wa_app.components.dialogs import confirm
from wa_app.components.feedback import empty, notice, skeleton_rows
from wa_app.components.forms import save_bar
from wa_app.components.i18n import date_time, phone, t, t_var


def _repair() -> rx.Component:
    """The one button that mends a number."""

    def one(action: str, leading: str) -> rx.Component:
        return button(
            t(f"devices.action.{action}"), look="primary", leading=leading,
            on_click=Link.open(S.device["id"].to(str), SCREEN_MODE),
        )  # fmt: skip

    return rx.match(
        S.device["needs"].to(str),
        ("scan", one("scan", "qr-code")),
        ("confirm", one("confirm", "key-round")),
        ("reconnect", one("reconnect", "rotate-cw")),
        button(t("devices.action.restart"), leading="rotate-cw", on_click=S.ask("restart")),
    )


def _header() -> rx.Component:
    device = S.device
    number_ = rx.cond(device["phone"], phone(device["phone"]), t("devices.no_phone"))
    state = rx.cond(
        device["since"], t("device.state", phone=number_, since=date_time(device["since"])), number_
    )
    return page_header(
        device["name"].to(str), state, _repair(), chip=device_state_chip(device["status"].to(str), S.stage)
    )


def _notices() -> rx.Component:
    guard = S.guard
    level = guard["level"].to(str)
    until = rx.cond(guard["until"], rx.fragment(" ", t("device.guard.until", time=date_time(guard["until"]))))
    acting = notice(
        rx.el.b(t_var("devices.guard." + level)), ". ", t_var(guard["why"].to(str), guard["args"]), " ",
        t_var(guard["todo"].to(str)), until, tone="warn", icon_name="shield-alert",
    )  # fmt: skip
    return rx.fragment(
        rx.cond(level != "none", rx.el.div(acting, role="status")),
        rx.cond(
            (S.limits["restricted"] == "on") & (level == "none"),
            notice(t("device.limits.notice"), tone="warn", icon_name="lock"),
        ),
        rx.cond(~S.protection, notice(t("device.guard.off"), tone="bad", icon_name="shield-off")),
    )


def _page() -> rx.Component:
    return rx.el.div(
        _notices(),
        rx.el.div(
            rx.el.div(
                parts.health_card(), parts.tempo_card(), parts.warmup_card(), parts.log_card(), class_name="stack-gap"
            ),
            rx.el.div(parts.today_card(), parts.protection_card(), parts.facts_card(), class_name="stack-gap"),
            class_name="cols",
        ),
        save_bar(S.dirty, S.save, S.discard),
        class_name="stack-gap",
    )


@rx.page(
    route=routes.DEVICE,
    title="Sapa · Device",
    on_load=[AppState.on_load, S.load, S.watch],
)
def device() -> rx.Component:
    """A linked number."""
    missing = rx.fragment(
        page_header(t("device.title")),
        card(
            empty(
                t("device.missing"), t("device.missing.text"),
                link_button(t("device.back"), routes.DEVICES, look="primary"),
            )
        ),
    )  # fmt: skip
    loading = rx.fragment(page_header(t("device.title")), card(skeleton_rows(6)))
    return shell(
        rx.cond(S.missing, missing, rx.cond(S.ready, rx.fragment(_header(), _page()), loading)),
        link_dialog(),
        parts.protection_dialog(),
        parts.curve_dialog(),
        confirm(
            t("devices.restart.title", name=S.device["name"].to(str)),
            t("devices.restart.text"),
            open_=S.asked == "restart",
            on_open_change=S.close_question,
            confirm_text=t("devices.restart.do"),
            on_confirm=S.confirm,
            destructive=False,
        ),
        title=rx.cond(S.ready, S.device["name"].to(str), t("device.title")),
        active="devices",
        crumbs=[(t("nav.devices"), routes.DEVICES)],
    )
